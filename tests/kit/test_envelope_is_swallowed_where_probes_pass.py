"""The healthy uplink echoes probes and delivers nothing; the other one is too slow for probes, and delivers."""

from kit.events import Booted, Tick, UplinksUsable
from kit.facts import EnvelopeSealed, ReceiptStored
from kit.outbox import RESORT_MS, Outbox
from tests.kit.harness import MORNING_MS, ONE_TERMINAL
from tests.kit.staff import standing_in

BRANCH = standing_in("sealed")
SEALED = next(fact for fact in BRANCH.journal.facts if isinstance(fact, EnvelopeSealed))
BOTH = UplinksUsable(("fibre",), (), ("fibre", "satellite"))


def outbox() -> Outbox:
    core = Outbox(ONE_TERMINAL.loaded, BRANCH.device)
    core.handle(Booted("boot-1", MORNING_MS, None), 0)
    core.apply(SEALED)
    return core


def ways(core: Outbox, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
    """What goes out by which uplink, when: the core is woken as it asks to be."""
    sent = [(from_ms, effect.uplink) for effect in core.handle(BOTH, from_ms).effects]  # type: ignore[union-attr]
    while (wake_at := core.wake_at()) is not None and wake_at <= to_ms:
        assert wake_at > from_ms, "wants to be woken at once, for ever"
        from_ms = wake_at
        sent += [(from_ms, effect.uplink) for effect in core.handle(Tick(), from_ms).effects]  # type: ignore[union-attr]
    return sent


def test_uplink_that_is_merely_slow_is_never_tried() -> None:
    sent = ways(outbox(), 1_000, 60_000)
    slow = [at for at, uplink in sent if uplink == "satellite"]
    assert slow[0] == 1_000 + RESORT_MS
    assert len(slow) > 2


def test_slow_uplink_is_sent_all_copies_although_the_fast_one_delivers() -> None:
    core = outbox()
    sent = ways(core, 1_000, 1_000 + RESORT_MS - 1)
    core.apply(
        ReceiptStored(
            at=SEALED.at,
            seq=SEALED.seq,
            grade="acknowledged",
            index=None,
            delivered=False,
            uplink="fibre",
            receipt="a receipt",
        )
    )
    sent += ways(core, 1_000 + RESORT_MS, 600_000)
    assert {uplink for _, uplink in sent} == {"fibre"}
