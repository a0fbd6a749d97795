"""Nothing leads to the centre as a tally is sealed: it is receipted soon after one thing works again."""

from tests.netlab.branch import Branch
from tests.netlab.conftest import PACE, until_well
from tests.netlab.lab import DISH, FIBRE, MOBILE, Lab

SOON_S = 30.0  # from healing


def test_both_links_are_down_and_the_mobile_one_comes_back(branch: Branch) -> None:
    branch.cable(FIBRE).cut()
    branch.air(MOBILE).cut()
    delivery = branch.seal()
    branch.until_usable(since=delivery.since)
    branch.air(MOBILE).heal()
    assert delivery.receipt(SOON_S)["uplink"] == MOBILE


def test_both_links_are_down_before_and_the_fibre_comes_back(branch: Branch) -> None:
    branch.cable(FIBRE).unplug()
    branch.air(MOBILE).cut()
    branch.seal()
    delivery = branch.seal()
    branch.cable(FIBRE).heal()
    assert delivery.receipt(SOON_S)["uplink"] == FIBRE


def test_two_of_three_links_are_down(whole_lab: Lab) -> None:
    branch = whole_lab.branches[4]
    branch.start(more=PACE)
    until_well(branch)
    branch.cable(FIBRE).cut()
    branch.air(MOBILE).cut()
    assert branch.seal().receipt(SOON_S)["uplink"] == DISH
    branch.close()


def test_kit_is_killed_with_what_it_owes_and_one_link_is_dead_for_good(whole_lab: Lab) -> None:
    """The next life knows no uplink, path or round trip; nothing of the last one's tables may mislead it."""
    branch = whole_lab.branches[5]
    branch.start(more=PACE)
    until_well(branch)
    branch.cable(FIBRE).cut()
    branch.air(MOBILE).cut()
    owed = branch.seal()
    branch.wait(lambda report: report["what"] == "publish", owed.since)
    branch.kill()
    branch.air(MOBILE).heal()
    since = branch.mark()
    branch.start(more=PACE)
    receipt = branch.wait(lambda report: report["what"] == "receipt", since, SOON_S)
    assert (receipt["seq"], receipt["uplink"]) == (owed.seq, MOBILE)
    branch.close()
    assert [leaf[0] for leaf in whole_lab.leaves()].count(branch.name) == 1


def test_broker_is_killed_and_started_again(lab: Lab, branch: Branch) -> None:
    lab.broker.kill()
    delivery = branch.seal()
    lab.start_broker()
    delivery.receipt(SOON_S)


def test_centre_is_killed_and_started_again(lab: Lab, branch: Branch) -> None:
    lab.site.kill_centerd()
    delivery = branch.seal()
    with lab.wan.inside():
        lab.site.start_centerd()
    delivery.receipt(SOON_S)
