"""Receipts come in any order of grades, late or never: nothing better is lost, nothing is asked for without end."""

from itertools import pairwise

import pytest

from crypto import acknowledgement
from crypto.identity import SigningKey
from crypto.notes import Cosigner, NoteSigner
from crypto.statements import WitnessPolicy
from kit.effects import Publish
from kit.events import ReceiptBrought, ReceiptHeard, UplinksUsable
from kit.facts import IncidentRecorded, ReceiptStored
from kit.outbox import (
    ACKNOWLEDGED_FIRST_MS,
    ACKNOWLEDGED_MAX_MS,
    ACKNOWLEDGED_MIN_MS,
    ASK_FIRST_MS,
    ASK_MAX_MS,
    ASK_MIN_MS,
    ASK_RETURN_MS,
    RESEND_MAX_MS,
    Outbox,
)
from tests.crypto.election_fixture import make_election
from tests.kit.center_stand_in import Center
from tests.kit.harness import SCHEDULE, Branch
from tests.kit.staff import standing_in, work_until

WITNESS = Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32))
WITNESSED = make_election(2, schedule=SCHEDULE, witness_policy=WitnessPolicy(m=1, witnesses=(WITNESS.vkey,)))
HOUR_MS = 3_600_000


def waiting(grade: str) -> tuple[Branch, bytes]:
    """A branch whose tally has a receipt of this grade, and that hears nothing more; and its tally."""
    branch = standing_in("sending", WITNESSED)
    data = branch.station.outbox.items[2].data
    give(branch, data, grade)
    return branch, data


def text_of(branch: Branch, data: bytes, grade: str) -> str:
    if grade == "acknowledged":
        return acknowledgement.make(data, branch.election.log)
    return Center.receipt(_with(branch, grade), data)


def _with(branch: Branch, grade: str) -> Center:
    branch.center._witnesses = (WITNESS,) if grade == "witnessed" else ()
    return branch.center


def give(branch: Branch, data: bytes, grade: str) -> None:
    branch.post(ReceiptHeard("fibre", text_of(branch, data, grade)))
    branch.settle()


def grades(branch: Branch, seq: int = 2) -> list[tuple[str, bool]]:
    return [(fact.grade, fact.delivered) for fact in branch.facts(ReceiptStored) if fact.seq == seq]


def sent(branch: Branch, duration_ms: int, seq: int = 2) -> list[tuple[int, str]]:
    """When this envelope goes out from now on, and where: milliseconds from now."""
    start, found = branch.now, []
    publish = branch._publish

    def note(effect: Publish) -> None:
        if effect.seq == seq:
            found.append((branch.now - start, effect.uplink))
        publish(effect)

    branch._publish = note  # type: ignore[method-assign]
    branch.advance(duration_ms)
    branch._publish = publish  # type: ignore[method-assign]
    return found


def test_lower_grade_replaces_a_higher_one() -> None:
    branch, data = waiting("acknowledged")
    for grade in ("acknowledged", "included", "included", "acknowledged", "included"):
        give(branch, data, grade)
    assert grades(branch) == [("acknowledged", False), ("included", False)]
    give(branch, data, "witnessed")
    for grade in ("included", "acknowledged", "witnessed"):
        give(branch, data, grade)
    assert grades(branch)[2:] == [("witnessed", True)]
    assert 2 not in branch.station.outbox.items


def test_acknowledgement_lets_the_envelope_go() -> None:
    branch, _ = waiting("acknowledged")
    outbox = branch.station.outbox
    assert 2 in outbox.items
    assert outbox.critical, "a promise is not the log: hedging goes on"
    assert branch.phase == "sending"
    assert branch.facts(ReceiptStored)[-1].index is None


def test_acknowledged_envelope_is_sent_as_if_nobody_had_it() -> None:
    branch, _ = waiting("acknowledged")
    seen = sent(branch, HOUR_MS)
    for uplink in ("fibre", "4g"):
        times = [at for at, name in seen if name == uplink]
        assert times, "it is still sent: a promise may be broken"
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert times[0] >= ACKNOWLEDGED_MIN_MS
        assert all(ACKNOWLEDGED_MIN_MS <= pause <= ACKNOWLEDGED_MAX_MS for pause in pauses)
        assert max(pauses) > ACKNOWLEDGED_MAX_MS / 2
        assert len(times) < 3 * HOUR_MS / ACKNOWLEDGED_MAX_MS + 8


def test_better_uplink_waits_for_the_pause_of_the_narrow_one() -> None:
    branch = standing_in("sending", WITNESSED)
    branch.set_link("4g", "refused")
    branch.advance(60_000)
    give(branch, branch.station.outbox.items[2].data, "acknowledged")
    branch.set_link("4g", "works")
    assert [at for at, name in sent(branch, ACKNOWLEDGED_FIRST_MS) if name == "4g"], "it is asked at once"


@pytest.mark.parametrize(
    "forged",
    [
        lambda branch, data: acknowledgement.make(data + b" ", branch.election.log),
        lambda branch, data: acknowledgement.make(
            data, NoteSigner(branch.election.log.name, SigningKey.from_seed(b"m" * 32))
        ),
        lambda branch, data: acknowledgement.make(data, branch.election.log).replace("log.", "Log."),
        lambda branch, data: text_of(branch, data, "acknowledged")[:-3] + "\n",
    ],
)
def test_forged_acknowledgement_slows_the_sending(forged: object) -> None:
    branch = standing_in("sending", WITNESSED)
    data = branch.station.outbox.items[2].data
    branch.post(ReceiptHeard("fibre", forged(branch, data)))  # type: ignore[operator]
    branch.settle()
    assert not grades(branch)
    assert len(sent(branch, 5 * RESEND_MAX_MS)) >= 5


def test_included_envelope_is_hedged_for_ever() -> None:
    branch, _ = waiting("included")
    give(branch, branch.station.outbox.items[1].data, "included")
    assert not branch.station.outbox.critical
    asked = sent(branch, 12 * HOUR_MS)
    assert asked[0][0] >= ASK_MIN_MS, "first the centre pushes"
    assert len(asked) <= 2 * 1.5 * 12 * HOUR_MS / (ASK_MAX_MS / 2) + 16
    assert {name for _, name in asked} == {"fibre", "4g"}, "one way at a time, and not always the same"


def test_seventy_thousand_branches_ask_at_the_same_moment() -> None:
    outboxes = [Outbox(WITNESSED.loaded, f"device-{n}") for n in range(200)]
    waits = [outbox._drawn_ms(ASK_MIN_MS, ASK_MAX_MS, 2, "question", 9) for outbox in outboxes]
    assert len(set(waits)) >= 195
    assert ASK_MIN_MS <= min(waits) < ASK_MAX_MS / 10
    assert ASK_MAX_MS * 9 / 10 < max(waits) <= ASK_MAX_MS


def test_all_ask_when_the_broker_comes_back() -> None:
    """After a night without broker every question is overdue: none of them may be asked at that very moment."""
    branch, _ = waiting("included")
    for name in branch.links:
        branch.set_link(name, "refused")
    branch.advance(10 * ASK_MAX_MS)
    for name in branch.links:
        branch.set_link(name, "works")
    asked = sent(branch, ASK_RETURN_MS)
    assert asked
    assert asked[0][0] >= ASK_MIN_MS


def test_pauses_are_forgotten_whenever_an_uplink_flaps() -> None:
    branch, _ = waiting("included")
    branch.advance(6 * HOUR_MS)
    questions = 0
    for _ in range(30):
        branch.set_link("4g", "refused")
        questions += len(sent(branch, 30_000))
        branch.set_link("4g", "works")
        questions += len(sent(branch, 30_000))
    assert questions <= 3


def test_witnesses_say_at_last_what_is_never_asked_for_again() -> None:
    branch, data = waiting("included")
    for item in list(branch.station.outbox.items.values()):
        give(branch, item.data, "witnessed")
    assert grades(branch)[-1] == ("witnessed", True)
    assert data not in [item.data for item in branch.station.outbox.items.values()]
    work_until(branch, "delivered")
    assert sent(branch, HOUR_MS) == []


def test_power_is_cut_while_witnesses_are_awaited() -> None:
    branch, _ = waiting("included")
    branch.boot()
    outbox = branch.station.outbox
    assert [item.grade for item in outbox.items.values() if item.seq == 2] == ["included"]
    branch.advance(10_000)
    assert not branch.station.outbox.critical
    branch.center_answers = True
    branch.center._witnesses = (WITNESS,)
    branch.advance(2 * ASK_FIRST_MS)
    assert branch.phase == "delivered"


def test_village_with_a_slow_mast_never_hears_of_the_witnesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Included, so nothing is critical any more; it is still asked for where only the last resort is left."""
    branch, data = waiting("included")
    give(branch, branch.station.outbox.items[1].data, "included")
    assert not branch.station.outbox.critical
    monkeypatch.setattr(branch.station.failover, "usable", lambda: ())
    monkeypatch.setattr(branch.station.failover, "connected", lambda: ("fibre",))
    assert [name for _, name in sent(branch, 4 * ASK_FIRST_MS)] == ["fibre"] * 2
    assert not any(fact.code == "receipt-refused" for fact in branch.facts(IncidentRecorded)), data


# --- brought by people ---------------------------------------------------------------------------------------------


def bring(branch: Branch, data: bytes) -> dict[str, object]:
    return branch.ask(lambda token: ReceiptBrought(data, token))


def cut_off() -> tuple[Branch, bytes]:
    """A branch without any uplink, whose tally went by courier."""
    branch = standing_in("sealed", WITNESSED)
    return branch, branch.station.outbox.items[2].data


def test_receipt_comes_back_by_courier_and_is_not_believed() -> None:
    branch, data = cut_off()
    log = branch.election.loaded.log_verifier
    branch.center.take(data)
    assert bring(branch, acknowledgement.pack(text_of(branch, data, "acknowledged"), log=log)) == {
        "ok": True,
        "seq": 2,
        "grade": "acknowledged",
    }
    assert bring(branch, text_of(branch, data, "witnessed").encode())["grade"] == "witnessed"
    assert [(fact.grade, fact.uplink) for fact in branch.facts(ReceiptStored) if fact.seq == 2] == [
        ("acknowledged", "courier"),
        ("witnessed", "courier"),
    ]
    assert bring(branch, text_of(branch, data, "included").encode()) == {"ok": True, "seq": 2, "grade": None}


def test_anything_is_brought_as_a_receipt() -> None:
    branch, data = cut_off()
    branch.center.take(data)
    branch.center.take(b"another branch's envelope")
    before = list(branch.journal.facts)
    log = branch.election.loaded.log_verifier
    packed = acknowledgement.pack(text_of(branch, data, "acknowledged"), log=log)
    for junk in (
        b"",
        b"\xff",
        b"junk",
        packed[:-1],
        packed[:-1] + bytes([packed[-1] ^ 1]),
        branch.center.receipt(b"another branch's envelope").encode(),
        text_of(branch, data, "included").encode()[:-9],
    ):
        answer = bring(branch, junk)
        assert (answer["ok"], answer["code"]) == (False, 65)
    assert branch.journal.facts == before


def test_uplink_that_was_merely_slow_is_sent_everything_again_at_once() -> None:
    """Its session stood all the time. A centre that is slow for everybody would else be sent ever more."""
    branch = standing_in("sending", WITNESSED)
    branch.center_answers = False
    outbox = branch.station.outbox
    branch.advance(600_000)
    assert outbox._attempts.keys() >= {(2, "fibre"), (2, "4g")}
    due = outbox._attempts[2, "4g"].due
    for usable in (("fibre",), ("fibre", "4g")):
        step = outbox.handle(UplinksUsable(usable, (), ("fibre", "4g")), branch.now)
        assert not step.effects
    assert outbox._attempts[2, "4g"].due == due
    outbox.handle(UplinksUsable(("fibre",), (), ("fibre",)), branch.now)
    step = outbox.handle(UplinksUsable(("fibre", "4g"), (), ("fibre", "4g")), branch.now)
    assert {effect.uplink for effect in step.effects if isinstance(effect, Publish)} == {"4g"}
