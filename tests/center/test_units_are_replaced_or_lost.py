"""Kits and terminals break, burn and multiply: each expected unit counts once, or the opening says why it does not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from center.intake.admission import SPOOL
from crypto.carrier import from_compact, to_compact
from crypto.codec import sha256_hex
from crypto.statements import ContestResult
from tests.center.branch import Device
from tests.center.units import Round, opened
from tests.crypto.election_fixture import COUNCIL, RESULTS

VOTES = RESULTS[COUNCIL].votes["41"]  # of each terminal that counts
OTHER = {
    COUNCIL: ContestResult(votes={"2": 1, "5": 2, "41": 3}, valid=6, invalid=0, ballots=6),
    **{name: result for name, result in RESULTS.items() if name != COUNCIL},
}
"""What another count of the same terminal might say."""


@pytest.fixture
def round_(tmp_path: Path) -> Iterator[Round]:
    round_ = Round(tmp_path)
    yield round_
    round_.center.close()


def whole_day(round_: Round, device: Device, terminal: str | None = None, **place: Any) -> bytes:
    """Account and tally of one terminal; nothing is odd about them. Returns the tally."""
    account, tally = device.account(terminal, **place), device.tally(terminal, **place)
    assert round_.send(device, account, tally) == ((), ())
    return tally


def votes(round_: Round) -> int:
    return round_.open().contests[COUNCIL].votes["41"]


def test_replacement_kit_at_noon(round_: Round) -> None:
    """The standby device continues the unit, from its own first number; nobody has to settle anything."""
    whole_day(round_, round_.device(2))
    standby = round_.device(standby=True)
    tally = whole_day(round_, standby, cause="replacement-kit")
    assert round_.counts().flags == {}
    assert (round_.unit("terminal-1-1").status, round_.unit("terminal-1-1").code) == ("counted", "only-one")
    round_.order()
    opening = round_.open()
    assert opened(opening, "terminal-1-1").envelopes == (sha256_hex(tally),)
    assert opening.contests[COUNCIL].votes["41"] == 2 * VOTES
    assert opening.findings == ()


def test_replacement_kit_after_the_first_one_sent_its_account(round_: Round) -> None:
    """The first kit dies between account and tally: its gap stays a question, its account is one of two."""
    first, standby = round_.device(), round_.device(standby=True)
    round_.send(first, first.account())
    account, tally = (
        standby.account(cause="replacement-kit"),
        standby.tally(cause="replacement-kit"),
    )
    assert round_.send(standby, account, tally) == (("clash",), ())
    round_.order()
    assert opened(round_.open(), "terminal-1-1").status == "counted", "accounts settle nothing, tallies count"


def test_two_kits_for_one_branch(round_: Round) -> None:
    """Both send: both are logged and receipted, none counts before commissioners say which."""
    whole_day(round_, round_.device(2))
    first, second = round_.device(), round_.device(standby=True)
    wanted = whole_day(round_, first)
    account = second.account(cause="replacement-kit")
    other = second.tally(cause="replacement-kit")
    assert round_.send(second, account, other) == (("clash",), ("clash",))
    assert (round_.counts().flagged, round_.counts().flags, round_.counts().settled) == (2, {"clash": 2}, 0)
    unsettled = round_.unit("terminal-1-1")
    assert (unsettled.status, unsettled.code) == ("set-aside", "several-devices")
    assert unsettled.envelopes == (sha256_hex(wanted), sha256_hex(other))

    adjudication = round_.commission.adjudication("branch-1", "count", wanted, cause="two-kits")
    round_.act(adjudication)
    assert (round_.counts().flagged, round_.counts().flags, round_.counts().settled) == (0, {}, 2)
    unit = round_.unit("terminal-1-1")
    assert (unit.status, unit.envelope_sha256) == ("counted", sha256_hex(wanted))
    assert unit.adjudication == sha256_hex(adjudication)

    listing = round_.order()
    assert next(iter(listing.newly_counted())).envelope_sha256 == sha256_hex(wanted)
    opening = round_.open()
    assert opening.contests[COUNCIL].votes["41"] == 2 * VOTES, "the branch counts once"
    (disclosed,) = opened(opening, "terminal-1-1").disclosures
    assert disclosed.envelope_sha256 == sha256_hex(wanted), "the other kit's envelope stays closed"


def test_clash_after_its_adjudication_is_a_new_question(round_: Round) -> None:
    first, second = round_.device(), round_.device(standby=True)
    wanted, other = first.tally(), second.tally()
    round_.send(first, wanted)
    round_.send(second, other)
    round_.act(round_.commission.adjudication("branch-1", "count", wanted))
    assert round_.counts().flags == {}
    third = second.tally(entropy="third")
    assert round_.send(second, third) == (("clash",),)
    assert round_.counts().flags == {"clash": 1}, "nobody has decided about this one"
    assert round_.unit("terminal-1-1").envelope_sha256 == sha256_hex(wanted), "the adjudication stands"


def test_last_adjudication_stands(round_: Round) -> None:
    first, second = round_.device(), round_.device(standby=True)
    one, other = first.tally(), second.tally()
    round_.send(first, one)
    round_.send(second, other)
    for envelope, decision in ((one, "count"), (None, "set-aside"), (other, "count")):
        round_.act(round_.commission.adjudication("branch-1", decision, envelope))  # type: ignore[arg-type]
    assert round_.unit("terminal-1-1").envelope_sha256 == sha256_hex(other)
    round_.order()
    # What an order opened stays: no later act makes another envelope count.
    round_.act(round_.commission.adjudication("branch-1", "count", one))
    assert round_.unit("terminal-1-1").envelope_sha256 == sha256_hex(other)
    assert "adjudication-void" in [finding.code for finding in round_.listing().findings]


def test_terminal_is_destroyed(round_: Round) -> None:
    """A standby terminal counts what was voted on it; the destroyed one is absent, and its adjudication says why."""
    whole_day(round_, round_.device(2))
    assert [unit.terminal for unit in round_.listing().units] == ["terminal-1-1", "terminal-2-1"]
    whole_day(round_, round_.device(), "standby-terminal-1-1")
    assert round_.counts().flags == {}
    units = {unit.terminal: unit for unit in round_.listing().units}
    assert units["standby-terminal-1-1"].status == "counted"
    assert (units["terminal-1-1"].status, units["terminal-1-1"].code) == ("absent", "nothing-arrived")
    round_.act(
        round_.commission.adjudication(
            "branch-1", "absent", cause="terminal-destroyed", reason="water; minutes, page 2"
        )
    )
    round_.order()
    opening = round_.open()
    gone = opened(opening, "terminal-1-1")
    assert (gone.status, gone.contests, gone.code) == ("absent", {}, "adjudicated")
    assert "terminal-destroyed: water; minutes, page 2" in (gone.reason or "")
    assert opened(opening, "standby-terminal-1-1").contests == RESULTS
    assert opening.contests[COUNCIL].votes["41"] == 2 * VOTES


def test_terminal_that_was_called_destroyed_sends_all_the_same(round_: Round) -> None:
    device = round_.device()
    round_.act(round_.commission.adjudication("branch-1", "absent", cause="terminal-destroyed"))
    tally = whole_day(round_, device)
    unit = round_.unit("terminal-1-1")
    assert (unit.status, unit.code) == ("set-aside", "adjudicated-absent-but-arrived")
    round_.act(round_.commission.adjudication("branch-1", "count", tally, cause="disputed"))
    assert round_.unit("terminal-1-1").status == "counted"


def test_kit_is_destroyed_before_sending(round_: Round) -> None:
    """The terminal gives the standby kit the same statement again; it is sealed anew, and counts."""
    standby = round_.device(standby=True)
    whole_day(round_, standby, cause="reissued")
    round_.order()
    assert opened(round_.open(), "terminal-1-1").contests == RESULTS
    # The burnt kit's stick turns up: logged, flagged, and what was opened stays.
    burnt = round_.device()
    found = burnt.tally()
    assert round_.courier(found) == ("clash",)
    round_.order()
    opening = round_.open()
    unit = opened(opening, "terminal-1-1")
    assert (unit.status, len(unit.envelopes), len(unit.disclosures)) == ("counted", 2, 1)
    assert opening.contests[COUNCIL].votes["41"] == VOTES


def test_burnt_kits_stick_turns_up_before_the_opening(round_: Round) -> None:
    standby, burnt = round_.device(standby=True), round_.device()
    reissued = whole_day(round_, standby, cause="reissued")
    assert round_.courier(burnt.tally()) == ("clash",)
    assert round_.unit("terminal-1-1").code == "several-devices"
    round_.act(round_.commission.adjudication("branch-1", "count", reissued, cause="kit-destroyed"))
    round_.order()
    assert votes(round_) == VOTES


def test_re_vote_on_standby_terminals(round_: Round) -> None:
    """As kits do it: the annulled count is another unit's, and would count too if nobody said otherwise."""
    annulled = whole_day(round_, round_.device())
    standby = round_.device(standby=True)
    account = standby.account("standby-terminal-1-1", cause="re-vote")
    again = standby.tally("standby-terminal-1-1", cause="re-vote", results=OTHER, public_counter=810)
    assert round_.send(standby, account, again) == ((), ("re-vote",))
    assert round_.counts().flags == {"re-vote": 1}
    unit = round_.unit("standby-terminal-1-1")
    assert (unit.status, unit.code) == ("set-aside", "re-vote")
    assert round_.unit("terminal-1-1").envelope_sha256 == sha256_hex(annulled)
    place = {"terminal": "standby-terminal-1-1", "cause": "re-vote"}
    round_.act(round_.commission.adjudication("branch-1", "count", again, **place))
    round_.act(round_.commission.adjudication("branch-1", "set-aside", cause="re-vote"))
    assert (round_.counts().flags, round_.counts().settled) == ({}, 1)
    round_.order()
    opening = round_.open()
    assert opened(opening, "terminal-1-1").disclosures == (), "the annulled count stays sealed"
    assert opening.contests[COUNCIL].votes["41"] == 3


def test_re_vote(round_: Round) -> None:
    """A poll held again: another close of the same terminal. Both are logged; commissioners say that it is meant."""
    device = round_.device()
    first = whole_day(round_, device)
    second_account = device.account(close_no=2, cause="re-vote")
    second = device.tally(
        close_no=2, cause="re-vote", supersedes=sha256_hex(first), results=OTHER, public_counter=810
    )
    flags = round_.send(device, second_account, second)
    assert flags == (("other-close",), ("other-close", "re-vote"))
    unit = round_.unit("terminal-1-1")
    assert (unit.status, unit.code) == ("set-aside", "several-closes"), "supersedes alone decides nothing"
    round_.act(round_.commission.adjudication("branch-1", "count", second, cause="re-vote"))
    assert round_.counts().flags == {}
    assert round_.counts().settled == 3
    round_.order()
    opening = round_.open()
    assert opened(opening, "terminal-1-1").close_no == 2
    assert opening.contests[COUNCIL].votes["41"] == 3


def test_re_vote_after_the_first_count_was_opened_changes_nothing_by_itself(round_: Round) -> None:
    device = round_.device()
    first = whole_day(round_, device)
    round_.order()
    round_.send(device, device.tally(close_no=2, cause="re-vote", supersedes=sha256_hex(first)))
    round_.order()
    assert opened(round_.open(), "terminal-1-1").close_no == 1


def test_merged_branch(round_: Round) -> None:
    """Its voters voted elsewhere: absent, by an act with a reason, and no question is left."""
    whole_day(round_, round_.device())
    round_.act(
        round_.commission.adjudication(
            "branch-2", "absent", cause="merged-branch", reason="merged into branch 1, decree 12"
        )
    )
    listing = round_.order()
    assert (listing.count("counted"), listing.count("absent")) == (1, 1)
    unit = opened(round_.open(), "terminal-2-1")
    assert (unit.status, unit.code) == ("absent", "adjudicated")
    assert "merged into branch 1, decree 12" in (unit.reason or "")


@pytest.mark.parametrize("compact", [False, True])
def test_late_courier_after_the_first_opening(round_: Round, *, compact: bool) -> None:
    """The first order says that the branch is absent; the second opens what the courier brought, and nothing else."""
    whole_day(round_, round_.device())
    listing = round_.order()
    assert (listing.count("counted"), listing.count("absent")) == (1, 1)
    before = round_.open()
    assert opened(before, "terminal-2-1").status == "absent"
    device = round_.device(2)
    account, tally = device.account(), device.tally()
    if compact:
        tally = from_compact(to_compact(tally, round_.election.loaded), round_.election.loaded)
    assert (round_.courier(account), round_.courier(tally)) == ((), ())
    second = round_.order()
    assert [unit.branch for unit in second.newly_counted()] == ["branch-2"]
    after = round_.open()
    assert after.contests[COUNCIL].votes["41"] == 2 * VOTES
    was, is_ = opened(before, "terminal-1-1"), opened(after, "terminal-1-1")
    assert (is_.status, is_.order, is_.disclosures) == (was.status, 1, was.disclosures)
    assert is_.contests == was.contests
    assert [order.number for order in after.orders] == [1, 2]
    assert opened(after, "terminal-2-1").order == 2


def test_courier_brings_what_the_network_brought_already(round_: Round) -> None:
    device = round_.device()
    tally = whole_day(round_, device)
    outcome = round_.center.take((SPOOL, tally))
    assert (len(outcome.admitted), outcome.duplicates) == (0, 1)
    assert round_.unit("terminal-1-1").status == "counted"


def test_standby_of_another_branch_cannot_step_in(round_: Round) -> None:
    foreign = Device(round_.election, "branch-1", "standby-device-2-1")
    (refused,) = round_.center.take((foreign, foreign.account())).refused
    assert "does not belong to branch" in refused.reason


def test_chains_of_two_devices_are_not_mixed(round_: Round) -> None:
    """Each device numbers for itself: a gap of one is not filled by the other's envelope."""
    first, standby = round_.device(), round_.device(standby=True)
    first.account()  # lost with the kit
    assert round_.send(first, first.tally()) == (("gap",),)
    assert round_.send(standby, standby.account(cause="replacement-kit")) == ((),)
    assert round_.counts().flags == {"gap": 1}
