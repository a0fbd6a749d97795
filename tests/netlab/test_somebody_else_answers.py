"""Who answers over the preferred uplink is not the centre: the tally gets there all the same, and the kit says who."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.netlab.branch import Branch
from tests.netlab.conftest import PACE, until_well
from tests.netlab.lab import FIBRE, MOBILE, Lab
from tests.netlab.servers import PORTAL, TLS_PORTAL
from tests.netlab.town import NAME, Town

SOON_S = 15.0


@pytest.fixture(scope="package")
def town(whole_lab: Lab) -> Town:
    """With a kit that asks name servers, uses TLS, refuses an expired certificate over the fibre, warns over 4G."""
    town = whole_lab.open_town()
    branch, tls = whole_lab.branches[2], {"ca_file": str(whole_lab.certificates.authority.file)}
    common = {
        "host": NAME,
        "port": whole_lab.certificates.port,
        "portal_check": "http://check.example/empty",
    }
    branch.start(
        keys={
            FIBRE: {
                **common,
                "dns": [branch.links[FIBRE].at.far],
                "tls": {**tls, "expired": "refuse"},
            },
            MOBILE: {**common, "dns": [branch.links[MOBILE].at.far], "tls": {**tls, "expired": "warn"}},
        },
        more=PACE,
    )
    until_well(branch)
    branch.tell(f"pin {FIBRE}")
    return town


@pytest.fixture
def named(whole_lab: Lab, town: Town) -> Iterator[Branch]:
    branch = whole_lab.branches[2]
    until_well(branch)
    yield branch
    town.lie_to()
    whole_lab.certificates.present(whole_lab.certificates.good, whole_lab.broker)
    for link in branch.links.values():
        link.heal()
    until_well(branch)
    sealed = [report["seq"] for report in branch.reports if report["what"] == "sealed"]
    leaves = [leaf for leaf in whole_lab.leaves() if leaf[0] == branch.name]
    assert len(leaves) == len(set(leaves)) == len(sealed)


@pytest.fixture
def blank(whole_lab: Lab, town: Town) -> Iterator[Branch]:
    branch = whole_lab.branches[3]
    yield branch
    branch.close()
    town.lie_to()


def refused(branch: Branch, words: str, since: int) -> None:
    """The kit says of its fibre what it found there."""
    branch.wait(
        lambda report: (
            report["what"] in ("lost", "noticed")
            and report["uplink"] == FIBRE
            and re.search(words, report["reason"]) is not None
        ),
        since,
    )


def back_in_another_world(branch: Branch, change: Callable[[], None]) -> None:
    """The fibre's session ends, and the next one finds things changed."""
    since = branch.mark()
    branch.cable(FIBRE).reject()
    branch.tell(f"probe {FIBRE}")
    branch.until_usable(MOBILE, since=since)
    change()
    branch.cable(FIBRE).heal()


def test_name_server_lies(named: Branch, town: Town) -> None:
    """The answers that it gave before are remembered, and whoever answers at the wrong address cannot show a key."""
    back_in_another_world(named, lambda: town.lie_to(named.links[FIBRE].at.near))
    for _ in range(2):
        named.seal().receipt(SOON_S)
    assert f"kit-{named.name}" not in town.liar.said()


def test_name_server_lies_from_the_beginning(blank: Branch, town: Town) -> None:
    """Nothing is remembered, and without TLS nothing shows who answers: the liar's echoes are believed, and no more."""
    town.lie_to(blank.links[FIBRE].at.near)
    keys = {"host": NAME, "dns": [blank.links[FIBRE].at.far]}
    blank.start(keys={FIBRE: {**keys, "port": town.plain_port}}, more=PACE)
    until_well(blank)
    assert f"kit-{blank.name}-{FIBRE}" in town.liar.said()
    assert blank.seal().receipt(SOON_S)["uplink"] == MOBILE


def test_captive_portal_answers(named: Branch, whole_lab: Lab) -> None:
    since = named.mark()
    named.cable(FIBRE).capture(PORTAL, TLS_PORTAL, whole_lab.certificates.port)
    assert named.seal().receipt(SOON_S)["uplink"] == MOBILE
    refused(named, r"captive portal.*portal\.example", since)


def test_certificate_has_expired(named: Branch, whole_lab: Lab) -> None:
    expired = whole_lab.certificates.authority.issue(NAME, begins_days=-30, ends_days=-3)
    since = named.mark()
    back_in_another_world(named, lambda: whole_lab.certificates.present(expired, whole_lab.broker))
    assert named.seal().receipt(SOON_S)["uplink"] == MOBILE
    refused(named, "certificate expired", since)
