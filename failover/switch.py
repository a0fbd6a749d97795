"""A switch of the preferred uplink, and its reason in words."""

from dataclasses import dataclass
from typing import Literal

from failover.events import Instant
from failover.uplink import Uplink

Cause = Literal["found", "failed", "better", "pinned", "pin-ended"]
"""found: nothing worked before. failed: the one before stopped working. better: it was left while it worked."""


@dataclass(frozen=True, slots=True)
class Switch:
    """The preferred uplink changed, or there is none any more."""

    at: Instant
    left: str | None
    to: str | None
    cause: Cause
    reason: str
    """English, at most 500 characters."""


def reason_of(left: Uplink | None, to: Uplink | None, cause: Cause, now: Instant) -> str:
    """Why, in words for people: what the one that was left did, and how the other one is."""
    arrived = "no other uplink works" if to is None else f"{to.name} {health_in_words(to, now)}"
    match cause:
        case "failed" if left is not None:
            return f"{left.name}: {left.trouble or 'no session'}; {arrived}"
        case "better" if left is not None:
            return f"{arrived}; {left.name} {health_in_words(left, now)}"
        case "pinned":
            return f"by hand; {arrived}"
        case "pin-ended":
            return f"no longer by hand; {arrived}"
        case _:
            return f"nothing worked; {arrived}"


def health_in_words(uplink: Uplink, now: Instant) -> str:
    """Such as "healthy, RTT 61 ms, signal fair"."""
    health = uplink.health
    words: list[str] = ["healthy" if uplink.state == "up" else uplink.state]
    rtt_ms = health.rtt_at(now)
    words.append("not probed yet" if rtt_ms is None else f"RTT {rtt_ms} ms")
    if health.loss_permille:
        words.append(f"{health.loss_permille / 10:.0f} % lost")
    if health.sensed.stalled:
        words.append("what was sent stays unacknowledged")
    if health.sensed.words:
        words.append(health.sensed.words)
    if health.penalty(now):
        words.append(f"fell {health.falls} times")
    return ", ".join(words)
