"""Does a links-only world notice? Each rule about links is broken on purpose, and the world must say which."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from center.log.entries import Entry
from crypto import rfc3339
from failover.timing import Timing
from kit.facts import EnvelopeSealed, LinkCause, LinkSwitched, ReceiptStored
from kit.links.links import WRITTEN_MAX
from simulators.virtual.timed_loop import START_S
from simulators.world.rungs import day, swarm
from simulators.world.rungs.bounds import RECEIPTED_MAX_S
from simulators.world.rungs.findings import Waits, late_findings, restless_findings, unique_findings
from simulators.world.rungs.lives import Lives
from simulators.world.world import DAY_BEGINS_MS
from tests.world import link_mutations as mutations
from tests.world.links_day import live_links

TRIES = 60  # seeds; what is broken has to be needed, and that takes its chance


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days on which something is never delivered end sooner: the critical window is the dearest time to simulate."""
    monkeypatch.setattr(day, "DELIVERED_MAX_S", 2 * RECEIPTED_MAX_S)


def _broken(rule: Callable[[pytest.MonkeyPatch], None], sentence: str) -> object:
    return pytest.param(rule, sentence, id=f"{rule.__name__}: {sentence}")


RULES = [
    _broken(mutations.hold_down_removed, "was left for a better one after"),
    _broken(mutations.preferred_uplink_alone, "was offered and did not carry"),
    _broken(mutations.silence_believed_too_long, "(critical)"),
    _broken(mutations.silence_believed_too_long, "(polls)"),
    _broken(mutations.window_ignored, "(critical)"),
    _broken(mutations.path_changes_ignored, "was receipted"),
]


def _seeds_that_notice(sentence: str, tries: int) -> Iterator[int]:
    for seed in range(1, tries + 1):
        if any(sentence in finding for finding in live_links(seed).broken):
            yield seed


@pytest.mark.parametrize(("mutation", "sentence"), RULES)
def test_rule_about_links_that_is_broken(
    mutation: Callable[[pytest.MonkeyPatch], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    assert next(_seeds_that_notice(sentence, TRIES), None), f"nothing about {sentence!r} in {TRIES} days"


def test_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a broker that lost what it had taken, and a session that stands before the centre's does."""
    mutations.sent_once_on_each_uplink(monkeypatch)
    monkeypatch.setattr(swarm, "BROKER_AT_SEALING_CHANCE", 1.0)
    monkeypatch.setattr(swarm, "FATES", ("stormy",))
    monkeypatch.setattr(swarm, "BROKER_S", (15.0, 20.0))
    assert next(_seeds_that_notice("was receipted", TRIES), None)


def test_waits_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    mutations.waits_without_a_ceiling(monkeypatch)
    monkeypatch.setattr(swarm, "FATES", ("cut-off",))
    monkeypatch.setattr(swarm, "OUT_S", (200.0, 300.0))
    assert next(_seeds_that_notice("was receipted", TRIES), None)


def test_rate_of_switches_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    mutations.rate_of_switches_not_kept(monkeypatch)
    monkeypatch.setattr(day, "SWAYING_CHANCE", 1.0)
    assert next(_seeds_that_notice("it left a working uplink 7 times in an hour", 4), None)


AT_MS = rfc3339.to_ms("2027-06-18T07:00:00.000Z")


def _switches(*at_s: float, cause: LinkCause = "better", unwritten: int = 0) -> list[Any]:
    return [
        LinkSwitched(
            at=rfc3339.to_text(AT_MS + int(1_000 * second)),
            left="fibre",
            to="4g",
            cause=cause,
            reason="4g healthy",
            unwritten=unwritten,
        )
        for second in at_s
    ]


def test_switches_that_come_too_soon_or_are_written_too_often() -> None:
    hold_down_s = Timing().hold_down_ms / 1_000
    assert restless_findings("1-1", _switches(0, hold_down_s), uplinks=2) == []
    (finding,) = restless_findings("1-1", _switches(0, hold_down_s - 1), uplinks=2)
    assert "after 29.0 s in the first place" in finding
    assert restless_findings("1-1", _switches(0, 1), uplinks=3) == []
    assert restless_findings("1-1", _switches(0, 1, cause="failed"), uplinks=2) == []
    assert restless_findings("1-1", _switches(0, 1, unwritten=1), uplinks=2) == []
    often = _switches(*range(0, 3_600, 3_600 // (WRITTEN_MAX + 1)), cause="failed")
    assert any("switches were written" in finding for finding in restless_findings("1-1", often, uplinks=2))
    assert restless_findings("1-1", often[:WRITTEN_MAX], uplinks=2) == []


def test_log_that_lacks_an_envelope_or_has_it_twice_or_a_strange_one() -> None:
    at = rfc3339.to_text(AT_MS)
    sealed = EnvelopeSealed(
        at=at, kind="tally", terminal="t", close_no=1, seq=1, sha256=64 * "a", envelope=""
    )

    def entry(leaf: int, sha256: str) -> Entry:
        return Entry(leaf, sha256, "1-1", "unit", "sealed-tally", at, (), b"")

    assert unique_findings("1-1", [sealed], [entry(0, 64 * "a")]) == []
    assert "is in the log 0 times" in unique_findings("1-1", [sealed], [])[0]
    assert "is in the log 2 times" in unique_findings("1-1", [sealed], 2 * [entry(0, 64 * "a")])[0]
    assert "which it never sealed" in unique_findings("1-1", [], [entry(0, 64 * "a")])[0]


def _late(receipted_s: float | None, lives: Lives) -> list[str]:
    at = rfc3339.to_text(DAY_BEGINS_MS)
    sealed = EnvelopeSealed(
        at=at, kind="tally", terminal="t", close_no=1, seq=1, sha256=64 * "a", envelope=""
    )
    receipts = (
        []
        if receipted_s is None
        else [
            ReceiptStored(
                at=rfc3339.to_text(DAY_BEGINS_MS + int(1_000 * receipted_s)),
                seq=1,
                grade="witnessed",
                delivered=True,
                index=0,
                uplink="fibre",
                receipt="r",
            )
        ]
    )
    return late_findings("1-1", [sealed, *receipts], lives, Waits())


def test_receipt_that_comes_too_late_after_a_rung_lived() -> None:
    lives = Lives()
    lives.rung(("1-1", "fibre"), good=False, now=START_S)
    lives.rung(("1-1", "4g"), good=True, now=START_S)
    lives.centre(there=False, now=START_S + 20)  # a rung without a centre does not live
    lives.centre(there=True, now=START_S + 100)
    lives.close()
    assert _late(5, lives) == _late(100 + RECEIPTED_MAX_S, lives) == []
    (finding,) = _late(101 + RECEIPTED_MAX_S, lives)
    assert "was receipted 66.6 s after a rung lived" in finding
    assert len(_late(None, lives)) == 2
    assert _late(None, Lives()) == [
        "1-1: no rung of it lived for 66 s: the world itself is wrong",
        "1-1: no rung of it lived for 1800 s: the world itself is wrong",
    ]
