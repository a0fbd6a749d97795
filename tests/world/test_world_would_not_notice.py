"""Does the world notice at all? Each rule of the house is broken on purpose, and the world must say which."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from center.log.entries import Entry
from crypto import rfc3339
from failover.timing import Timing
from kit.facts import BootRecorded, EnvelopeSealed, LinkCause, LinkSwitched, PhaseEntered
from simulators.world.checks import (
    Wiretap,
    flap_findings,
    journal_findings,
    log_findings,
    unexplained_findings,
)
from tests.world import mutations
from tests.world.short_day import live, said_against

TRIES = 30  # seeds; a fault has to strike at the right moment, and one in ten does


def _broken(rule: Callable[[pytest.MonkeyPatch], None], sentence: str) -> object:
    return pytest.param(rule, sentence, id=f"{rule.__name__}: {sentence}")


LOST_LEAF = "which the final log does not have"
UNDER_FAULTS = [
    _broken(mutations.effects_before_facts, "officials were told"),
    _broken(mutations.journal_written_behind, "the terminal did what leads to"),
    _broken(mutations.journal_not_synced, "facts were durable at a crash"),
    _broken(mutations.ledger_not_synced, LOST_LEAF),
    _broken(mutations.receipt_before_commit, LOST_LEAF),
    _broken(mutations.sealed_bytes_forgotten, "envelopes are numbered"),
    _broken(mutations.outbox_believes_the_broker, "every sealed tally is in the centre's log"),
]
ON_ANY_DAY = [
    _broken(mutations.outbox_believes_the_broker, "every branch holds a receipt"),
    _broken(mutations.tally_sent_in_plain, "the statement went over the wire"),
    _broken(mutations.tally_sent_in_plain, "the signature went over the wire"),
    _broken(mutations.vote_added_before_sealing, "every tally was opened and counted"),
    _broken(mutations.centre_drops_a_vote, "the totals equal"),
    _broken(mutations.kit_stumbles_over_receipts, "kitd ended by itself"),
    _broken(mutations.task_fails_unseen, "unseen"),
]


@pytest.mark.usefixtures("thick_faults")
@pytest.mark.parametrize(("mutation", "sentence"), UNDER_FAULTS)
def test_rule_that_matters_under_faults(
    mutation: Callable[[pytest.MonkeyPatch], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    said: list[str] = []
    for seed in range(1, TRIES + 1):
        said = said_against(live(seed))
        if any(sentence in line for line in said):
            return
    pytest.fail(f"nothing about {sentence!r} in {TRIES} worlds; the last one said: {said}")


@pytest.mark.parametrize(("mutation", "sentence"), ON_ANY_DAY)
def test_rule_that_matters_on_any_day(
    mutation: Callable[[pytest.MonkeyPatch], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    outcome = live(1, faults=False)
    assert outcome.report["verdict"] == "failed"
    assert any(sentence in line for line in said_against(outcome)), said_against(outcome)


AT = "2027-06-18T07:00:00.000Z"


def _entry(leaf: int, sha256: str, unit: str) -> Entry:
    return Entry(leaf, sha256, "1-1", unit, "sealed-tally", AT, (), b"")


def test_log_that_holds_a_unit_or_an_envelope_twice() -> None:
    assert log_findings([_entry(0, "a", "one"), _entry(1, "b", "two")]) == []
    assert log_findings([_entry(0, "a", "one"), _entry(1, "b", "one")]) == ["a unit is in the log twice"]
    assert "an envelope is in the log twice" in log_findings([_entry(0, "a", "one"), _entry(1, "a", "two")])


def _against_journal(*extra: Any, tap: Wiretap | None = None) -> list[str]:
    sealed = [
        EnvelopeSealed(at=AT, kind=kind, terminal="t", close_no=1, seq=seq, sha256=64 * str(seq), envelope="")
        for seq, kind in ((1, "account"), (2, "tally"))
    ]
    branch: Any = SimpleNamespace(name="1-1", checkpoints=[])
    return journal_findings(branch, [*sealed, *extra], [], tap or Wiretap())


def test_journal_that_goes_back_in_the_day() -> None:
    closed = PhaseEntered(at=AT, phase="closed", trigger="all-closed")
    tallied = PhaseEntered(at=AT, phase="tallied", trigger="all-tallied")
    assert _against_journal(closed, tallied) == []
    for wrong in ((tallied, closed), (closed, closed)):
        (finding,) = _against_journal(*wrong)
        assert "phases went back" in finding


def test_envelope_on_the_wire_that_no_journal_knows() -> None:
    tap = Wiretap()
    tap.published("kit/v1/election/1-1/envelope", b"of nowhere")
    (finding,) = _against_journal(tap=tap)
    assert "was sent and is not in the journal" in finding


def _switches(*, every_ms: int, count: int, cause: LinkCause = "better") -> list[Any]:
    began = rfc3339.to_ms(AT)
    return [
        LinkSwitched(
            at=rfc3339.to_text(began + number * every_ms),
            left=("fibre", "4g")[number % 2],
            to=("4g", "fibre")[number % 2],
            cause=cause,
            reason="fibre healthy, RTT 20 ms",
        )
        for number in range(count)
    ]


def test_kit_that_flaps_above_the_configured_rate() -> None:
    rate = Timing().switches_per_hour
    quick = _switches(every_ms=60_000, count=rate + 1)
    (finding,) = flap_findings("1-1", quick)
    assert "left a working uplink" in finding
    assert flap_findings("1-1", quick[:rate]) == []
    assert flap_findings("1-1", _switches(every_ms=3_600_000 // rate, count=5 * rate)) == []
    assert flap_findings("1-1", _switches(every_ms=1_000, count=50, cause="failed")) == []
    reboot = BootRecorded(at=AT, boot_id="b")
    assert flap_findings("1-1", [*quick[:rate], reboot, *quick[rate:]]) == []


def test_switch_without_a_reason_or_out_of_nowhere() -> None:
    first = LinkSwitched(at=AT, left=None, to="fibre", cause="found", reason="nothing worked; fibre healthy")
    gone = LinkSwitched(at=AT, left="fibre", to="4g", cause="failed", reason="fibre: silent")
    assert unexplained_findings("1-1", [first, gone]) == []
    (finding,) = unexplained_findings("1-1", [first, gone, first])
    assert "leaves None" in finding
    mute = LinkSwitched(at=AT, left=None, to="fibre", cause="found", reason="")
    assert "has no reason" in unexplained_findings("1-1", [mute])[0]
    told = LinkSwitched(at=AT, left="4g", to="fibre", cause="better", reason="fibre healthy", unwritten=2)
    assert unexplained_findings("1-1", [first, told]) == []
