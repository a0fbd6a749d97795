"""Anything may happen at any time: lines and uplinks come and go, forged and foreign words arrive, power fails."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from crypto import receipt
from crypto.codec import b64, unb64
from drivers.ports import TerminalDone, TerminalRefused, TerminalStatus, UpsLost
from failover.events import ProbeEchoed
from kit.day.phases import PHASES
from kit.events import (
    EnvelopeReady,
    MediaAsked,
    OrderReceived,
    ReadinessAsked,
    ReceiptHeard,
    RefusalHeard,
    ScheduleHeard,
    TerminalHeard,
    UpsHeard,
)
from kit.facts import ReceiptStored
from tests.kit.harness import BATTERY, LOW, MAINS, TWO_TERMINALS, UPLINKS, Branch, PowerCut
from tests.kit.staff import order, standing_in, take_next_step, work_until
from tests.kit.test_schedule_moves_earlier import act

READINGS = {"mains": MAINS, "battery": BATTERY, "low": LOW, "silent": UpsLost("no answer")}
ACTIONS = ("self-test", "zero", "open", "suspend", "resume", "close", "account", "tally")
REASONS = ("wrong-phase", "too-early", "self-test-failed", "unknown")
TERMINALS = ("terminal-1-1", "terminal-1-2")
ORDERED = (
    *("zero", "open", "suspend", "resume", "close", "archive"),
    *("reopen", "extend", "replace-terminal", "reissue", "release-media"),
)
JUNK = b"not a report"
ACT = act(election=TWO_TERMINALS)

happenings = st.one_of(
    st.tuples(st.just("step")),
    st.tuples(st.just("step")),
    st.tuples(st.just("wait"), st.sampled_from([1, 100, 249, 250, 400, 1_000, 15_000, 60_000])),
    st.tuples(st.just("unplug"), st.sampled_from(TERMINALS)),
    st.tuples(st.just("plug"), st.sampled_from(TERMINALS)),
    st.tuples(st.just("link"), st.sampled_from(UPLINKS), st.sampled_from(["works", "refused", "hole"])),
    st.tuples(st.just("power"), st.sampled_from(sorted(READINGS))),
    st.tuples(st.just("center"), st.booleans()),
    st.tuples(st.just("receipt"), st.sampled_from(["again", "forged", "foreign", "junk"])),
    st.tuples(st.just("refusal")),
    st.tuples(st.just("stale-envelope"), st.sampled_from([-1, 1, 2])),
    st.tuples(st.just("stale-echo"), st.sampled_from(UPLINKS)),
    st.tuples(st.just("done"), st.sampled_from(TERMINALS), st.sampled_from(ACTIONS), st.booleans()),
    st.tuples(
        st.just("refused"), st.sampled_from(TERMINALS), st.sampled_from(ACTIONS), st.sampled_from(REASONS)
    ),
    st.tuples(st.just("status"), st.sampled_from(TERMINALS), st.sampled_from([0, 5, 0xFFFFFF, 0xFFFFFFFF])),
    st.tuples(st.just("readiness")),
    st.tuples(st.just("order"), st.sampled_from(ORDERED)),
    st.tuples(st.just("schedule"), st.sampled_from(["good", "junk"])),
    st.tuples(st.just("media")),
    st.tuples(st.just("junk-order")),
    st.tuples(st.just("cut"), st.sampled_from(["before", "after"]), st.integers(1, 3)),
    st.tuples(st.just("reboot")),
)


def unfold(branch: Branch, what: str, *how: Any) -> None:
    """One happening of a story."""
    HAPPENINGS[what](branch, *how)
    branch.settle()


def heard(branch: Branch, terminal: str, event: Any) -> None:
    branch.post(TerminalHeard(terminal, event))


def stale_envelope(branch: Branch, offset: int) -> None:
    seq = branch.station.day.state.next_seq + offset
    branch.post(EnvelopeReady("tally", TERMINALS[0], 1, seq, JUNK))


def center_answers(branch: Branch, answers: bool) -> None:
    branch.center_answers = answers


def cut(branch: Branch, when: Any, number: int) -> None:
    branch.journal.cut = (when, branch.journal.appends + number)


def late_answer(branch: Branch, name: str, action: Any, with_report: bool) -> None:
    """An answer that nobody waits for; one that somebody waits for would be a lie of the driver."""
    state = branch.station.day.state
    if state.wanted(state.units[name]) != action or action in ("zero", "account", "tally"):
        heard(branch, name, TerminalDone(action, 7, JUNK if with_report else None))


def some_receipt(branch: Branch, kind: str) -> str:
    envelopes = [unb64(fact.envelope) for fact in branch.envelopes()]
    foreign = branch.center.take(b"another branch's envelope")
    if kind == "foreign" or not envelopes:
        return foreign
    if kind == "again" and envelopes[-1] in branch.center.taken:
        return branch.center.receipt(envelopes[-1])
    if kind == "junk":
        return "c2sp.org/tlog-proof@v1\nextra ?"
    lines = foreign.split("\n")  # a true receipt of another envelope, made out to ours
    digest = sha256(envelopes[-1]).digest()
    return "\n".join([lines[0], f"extra {b64(digest)}", *lines[2:]])


HAPPENINGS: Final[dict[str, Callable[..., Any]]] = {
    "step": take_next_step,
    "wait": Branch.advance,
    "unplug": Branch.unplug,
    "plug": Branch.plug,
    "link": Branch.set_link,
    "power": lambda branch, reading: branch.post(UpsHeard(READINGS[reading])),
    "center": center_answers,
    "receipt": lambda branch, kind: branch.post(ReceiptHeard("fibre", some_receipt(branch, kind))),
    "refusal": lambda branch: branch.post(RefusalHeard("4g", "ab" * 32, "the centre does not like it")),
    "stale-envelope": stale_envelope,
    "stale-echo": lambda branch, name: branch.post(ProbeEchoed(name, 1)),
    "status": lambda branch, name, counter: heard(branch, name, TerminalStatus("open", 1, counter)),
    "done": late_answer,
    "refused": lambda branch, name, action, reason: heard(branch, name, TerminalRefused(action, reason)),
    "readiness": lambda branch: branch.ask(ReadinessAsked),
    "order": order,
    "schedule": lambda branch, kind: branch.post(ScheduleHeard(ACT if kind == "good" else JUNK)),
    "media": lambda branch: branch.ask(MediaAsked),
    "junk-order": lambda branch: branch.ask(lambda token: OrderReceived(b"{}", token)),
    "cut": cut,
    "reboot": Branch.boot,
}


def assert_only_verified_receipts_count(branch: Branch) -> None:
    manifest = branch.election.loaded
    policy = manifest.manifest.witness_policy
    envelopes = {fact.seq: unb64(fact.envelope) for fact in branch.envelopes()}
    receipted = set()
    for fact in branch.facts(ReceiptStored):
        receipt.verify(fact.receipt, envelopes[fact.seq], log=manifest.log_verifier, policy=policy)
        receipted.add(fact.seq)
    if branch.phase in ("delivered", "archived"):
        assert receipted == set(envelopes)
        active = {unit.terminal for unit in branch.station.day.state.active()}
        assert {fact.terminal for fact in branch.envelopes() if fact.kind == "tally"} == active
        assert {fact.terminal for fact in branch.envelopes() if fact.kind == "account"} >= active


def assert_nothing_made_twice(branch: Branch) -> None:
    envelopes = branch.envelopes()
    assert [fact.seq for fact in envelopes] == list(range(1, len(envelopes) + 1))
    assert len({(fact.kind, fact.terminal) for fact in envelopes}) == len(envelopes)
    by_seq = {fact.seq: unb64(fact.envelope) for fact in envelopes}
    assert all(sent.data == by_seq[sent.seq] for sent in branch.published)


def heal(branch: Branch) -> None:
    branch.journal.cut = None
    branch.center_answers = True
    branch.post(UpsHeard(MAINS))
    for name in UPLINKS:
        branch.set_link(name, "works")
    for unit in branch.station.day.state.active():
        if unit.terminal not in branch.lines or not branch.lines[unit.terminal].connected:
            branch.plug(unit.terminal)


@given(start=st.sampled_from(PHASES), story=st.lists(happenings, min_size=10, max_size=50))
def test_whatever_happens_the_day_ends_delivered(start: Any, story: list[tuple[Any, ...]]) -> None:
    branch = standing_in(start, TWO_TERMINALS)
    branch.sealer_hangs = False
    for what in story:
        try:
            unfold(branch, *what)
        except PowerCut:
            branch.boot()
        assert_only_verified_receipts_count(branch)
        assert_nothing_made_twice(branch)
    heal(branch)
    if start == "tallied":
        branch.boot()  # the sealer that hung is gone with the life
    if branch.phase != "archived":
        work_until(branch, "delivered")
    assert_only_verified_receipts_count(branch)
    assert_nothing_made_twice(branch)
    branch.boot()
    branch.settle()
    assert branch.phase in ("delivered", "archived"), "the journal tells another day than the one that was"
