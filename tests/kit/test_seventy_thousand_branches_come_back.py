"""The centre's broker comes back, for all branches at the same instant: what it has to bear, second by second."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

from crypto import rfc3339
from failover.backoff import backoff_ms, full_jitter_ms
from failover.timing import Timing
from kit.effects import Publish
from kit.events import Booted, Tick, UplinksUsable
from kit.facts import ReceiptStored
from kit.outbox import (
    ASK_MAX_MS,
    ASK_MIN_MS,
    ASK_RETURN_MS,
    RESEND_FIRST_MS,
    RESEND_MAX_MS,
    RESEND_MIN_MS,
    Outbox,
)
from tests.crypto.election_fixture import make_election
from tests.kit.sealed import sealed

DEVICES: Final = 70_000
DEAD_MS: Final = 150_000  # so long the broker is gone: every branch has reached its longest wait
TIMING: Final = Timing()
WALL_MS: Final = rfc3339.to_ms("2027-06-18T15:00:00.000Z")


def peak_per_s(instants: Iterable[int]) -> int:
    """The busiest of the seconds."""
    return max(Counter(at // 1_000 for at in instants).values())


def returns(devices: int, *, critical: bool) -> list[int]:
    """How long after the broker's return each branch connects; all lost their sessions at 0, and were refused."""
    waits = []
    for device in range(devices):
        now = failures = 0
        while now < DEAD_MS:
            failures += 1
            now += backoff_ms(f"device-{device}", "fibre", failures, TIMING, critical=critical)
        waits.append(now - DEAD_MS)
    return waits


@pytest.mark.parametrize(
    ("devices", "critical", "ceiling_ms"),
    [(DEVICES, False, TIMING.backoff_max_ms), (DEVICES // 5, True, TIMING.critical_backoff_max_ms)],
)
def test_branches_storm_the_broker_when_it_comes_back(devices: int, critical: bool, ceiling_ms: int) -> None:
    waits = returns(devices, critical=critical)
    even = devices / (ceiling_ms / 1_000)
    assert peak_per_s(waits) <= 2.1 * even, (
        "what is left of an even wait is short twice as often as on average"
    )
    assert max(waits) <= ceiling_ms


def test_branch_waits_longer_than_the_ceiling() -> None:
    for failures in (1, 3, 6, 50):
        ceiling_ms = min(TIMING.backoff_base_ms << failures - 1, TIMING.backoff_max_ms)
        waits = [
            backoff_ms(f"device-{n}", "4g", failures, TIMING, critical=False) for n in range(0, DEVICES, 10)
        ]
        assert max(waits) <= ceiling_ms
        assert peak_per_s(waits) <= 1.2 * len(waits) / (ceiling_ms / 1_000)


@pytest.mark.parametrize("tries", [1, 2, 8])
def test_first_tries_in_the_critical_window_are_slow(tries: int) -> None:
    waits = [backoff_ms(f"device-{n}", "4g", tries, TIMING, critical=True) for n in range(0, DEVICES, 100)]
    assert max(waits) <= TIMING.critical_backoff_ms


def _outbox(device: str) -> Outbox:
    """Holds one envelope; the uplinks come later."""
    outbox = Outbox(make_election(2).loaded, device)
    outbox.apply(sealed(WALL_MS))
    outbox.handle(Booted("00" * 8, WALL_MS), 0)
    return outbox


def test_overdue_questions_are_asked_in_step() -> None:
    """What the outbox does is drawn as below; 70,000 of them are reckoned by the same formula."""
    for number in range(20):
        outbox = _outbox(f"device-{number}")
        receipt = ReceiptStored(
            at=rfc3339.to_text(WALL_MS),
            seq=1,
            grade="included",
            delivered=False,
            index=1,
            uplink="fibre",
            receipt="...",
        )
        outbox.apply(receipt)
        outbox.handle(UplinksUsable(("fibre",)), 0)
        outbox.handle(UplinksUsable(()), 1_000)
        outbox.handle(UplinksUsable(("fibre",)), ASK_MAX_MS)
        due = outbox.wake_at()
        assert due == ASK_MAX_MS + full_jitter_ms(
            ASK_MIN_MS, ASK_RETURN_MS, f"device-{number}", 1, "return", 0
        )
        assert outbox.handle(Tick(), due).effects == [Publish("fibre", 1, b"envelope")]
    dues = [
        full_jitter_ms(ASK_MIN_MS, ASK_RETURN_MS, f"device-{number}", seq, "return", 0)
        for number in range(DEVICES)
        for seq in (1, 2)
    ]
    even = 2 * DEVICES / ((ASK_RETURN_MS - ASK_MIN_MS) / 1_000)
    assert peak_per_s(dues) <= 1.2 * even
    assert peak_per_s(dues) <= 600, "questions a second that the centre must answer"
    assert min(dues) >= ASK_MIN_MS
    assert max(dues) <= ASK_RETURN_MS


def test_envelopes_sealed_in_the_same_second_are_repeated_in_step() -> None:
    sends: list[int] = []
    for number in range(0, DEVICES, 100):
        outbox, now, event = _outbox(f"device-{number}"), 0, UplinksUsable(("fibre",))
        ceiling_ms, before = RESEND_FIRST_MS, None
        while now <= 120_000:
            if outbox.handle(event if now == 0 else Tick(), now).effects:
                sends.append(now)
                if before is not None:
                    assert RESEND_MIN_MS <= now - before <= ceiling_ms
                    ceiling_ms = min(2 * ceiling_ms, RESEND_MAX_MS)
                before = now
            wake_at = outbox.wake_at()
            assert wake_at is not None
            now = max(now + 1, wake_at)
    late = [at for at in sends if at >= 60_000]
    assert peak_per_s(late) <= 2 * len(late) / 60
