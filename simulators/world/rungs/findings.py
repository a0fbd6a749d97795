"""The invariants of a links-only world. Each finding is a sentence; none means that all held."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from center.log.entries import Entry
from crypto import rfc3339
from failover.timing import Timing
from kit.facts import EnvelopeSealed, LinkSwitched, ReceiptStored
from kit.links.links import WRITTEN_MAX
from simulators.virtual.timed_loop import START_S
from simulators.world.checks import HOUR_MS
from simulators.world.rungs.bounds import DELIVERED_MAX_S, RECEIPTED_MAX_S
from simulators.world.rungs.lives import Lives
from simulators.world.world import DAY_BEGINS_MS

CLOCKS_MS = 100  # by which a kit's clock may be off by the end of so short a day, and rounding


@dataclass(slots=True)
class Waits:
    """How long what was sealed waited after a rung began to live for good, seconds; 0: it was through before that."""

    receipted_s: list[float] = field(default_factory=list)
    delivered_s: list[float] = field(default_factory=list)


def late_findings(name: str, facts: Sequence[Any], lives: Lives, waits: Waits) -> list[str]:
    """Every sealed envelope is receipted within RECEIPTED_MAX_S of the instant at which one rung lives.

    And delivered within DELIVERED_MAX_S. ``waits`` takes the times.
    """
    found: list[str] = []
    for sealed in (fact for fact in facts if isinstance(fact, EnvelopeSealed)):
        receipts = [fact for fact in facts if isinstance(fact, ReceiptStored) and fact.seq == sealed.seq]
        receipted = [_virtual(fact.at) for fact in receipts if fact.grade != "acknowledged"]
        delivered = [_virtual(fact.at) for fact in receipts if fact.delivered]
        for what, times, allowed_s, taken in (
            ("receipted", receipted, RECEIPTED_MAX_S, waits.receipted_s),
            ("delivered", delivered, DELIVERED_MAX_S, waits.delivered_s),
        ):
            healed = lives.healed(name, _virtual(sealed.at), allowed_s)
            if healed is None and not times:
                found.append(f"{name}: no rung of it lived for {allowed_s:.0f} s: the world itself is wrong")
            if healed is None:
                continue  # it got through before that
            wait_s = max(0.0, times[0] - healed) if times else None
            if wait_s is None or wait_s > allowed_s + CLOCKS_MS / 1_000:
                took = "never" if wait_s is None else f"{wait_s:.1f} s"
                found.append(
                    f"{name}: {sealed.kind} {sealed.seq} was {what} {took} after a rung lived, {allowed_s:.1f} s are "
                    "allowed"
                )
            if wait_s is not None:
                taken.append(round(wait_s, 3))
    return found


def unique_findings(name: str, facts: Sequence[Any], entries: Sequence[Entry]) -> list[str]:
    """Each sealed envelope is in the log exactly once, and nothing else of the branch is."""
    sealed = Counter(fact.sha256 for fact in facts if isinstance(fact, EnvelopeSealed))
    logged = Counter(entry.sha256 for entry in entries if entry.branch == name)
    found = [
        f"{name}: envelope {one[:16]} is in the log {logged[one]} times" for one in sealed if logged[one] != 1
    ]
    return found + [
        f"{name}: the log has {one[:16]}, which it never sealed" for one in logged if one not in sealed
    ]


def restless_findings(
    name: str, facts: Sequence[Any], *, uplinks: int, hold_down_ms: int = Timing().hold_down_ms
) -> list[str]:
    """Switches are written at most WRITTEN_MAX times in an hour, and a working uplink is not left at once.

    Of two uplinks that both work, one holds the first place for the hold-down at least. Of three, a third may have been
    better than the second for long when the first one fails, so nothing is asked of those.
    """
    found: list[str] = []
    switches = [fact for fact in facts if isinstance(fact, LinkSwitched)]
    at_ms = [rfc3339.to_ms(fact.at) for fact in switches]
    found += [
        f"{name}: {WRITTEN_MAX + 1} switches were written within an hour of {first.at}"
        for first, begin, end in zip(switches, at_ms, at_ms[WRITTEN_MAX:], strict=False)
        if end - begin < HOUR_MS
    ]
    if uplinks > 2:  # noqa: PLR2004 - as said above
        return found
    found += [
        f"{name}: {later.left} was left for a better one after {(until - since) / 1_000:.1f} s in the first place"
        for (earlier, since), (later, until) in pairwise(zip(switches, at_ms, strict=True))
        if later.cause == "better" and not later.unwritten and until - since < hold_down_ms - CLOCKS_MS
    ]
    return found


def _virtual(at: str) -> float:
    return START_S + (rfc3339.to_ms(at) - DAY_BEGINS_MS) / 1_000
