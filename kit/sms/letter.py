"""One envelope on its way by SMS: in which groups of parts it goes, and which parts were taken.

A group is one concatenated message: one reference, one modem, one gateway. Parts that came from two modems can't be put
together, for the receiver tells senders apart. The gateway is in the reference itself (modulo ``NUMBERS_MAX``), so that
the facts, which hold references, say where the parts went.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final, Literal

from crypto import sms, sms_missing
from failover.events import Instant
from kit.sms.plan import NUMBERS_MAX

GROUP_KEPT_MS: Final = sms.KEEP_MS - 5 * 60_000
"""How long after its first part a group is added to: the receiver forgets the first parts soon after."""
SLOTS_OF_ONE: Final = 8  # groups of one envelope, before their references are those of the next one's
ASKED_PAUSE_MS: Final = 60_000  # between two requests for missing parts of one group
ASKED_MAX: Final = 8  # such requests of one group that are followed


@dataclass(frozen=True, slots=True)
class Way:
    """One modem to one gateway (``gateway``: its place among the numbers, from 0)."""

    modem: str
    gateway: int


@dataclass(slots=True)
class Group:
    """One concatenated message. ``taken``: the parts that the mobile network took; only they are durable."""

    reference: int
    modem: str
    total: int
    taken: set[int] = field(default_factory=set)
    wanted: set[int] = field(default_factory=set)
    """Parts that are to go out, for the first time or again."""
    delivered: set[int] = field(default_factory=set)
    """Parts that the network reported as delivered. Volatile: after a restart no reports come."""
    began_at_ms: int | None = None
    """Wall time of the first part that was taken."""
    last_at_ms: int | None = None
    """Wall time of the last one."""
    repeated: bool = False
    """Whether some of it went out again."""
    asked: int = 0
    """Requests for missing parts that were followed."""
    asked_at_s: int = -1
    """When the last of them was signed, seconds since 1970 by the centre's clock."""
    asked_due: Instant = 0

    @property
    def way(self) -> Way:
        """How its parts go."""
        return Way(self.modem, self.reference % NUMBERS_MAX)

    @property
    def missing(self) -> set[int]:
        """Parts that the network never took."""
        return set(range(1, self.total + 1)) - self.taken

    @property
    def undelivered(self) -> set[int]:
        """Parts of which nobody said that they arrived."""
        return set(range(1, self.total + 1)) - self.delivered

    def is_fresh(self, wall_ms: int) -> bool:
        """Whether the receiver still has what it got of this group. A clock that went back makes none stale."""
        return self.began_at_ms is None or wall_ms - self.began_at_ms < GROUP_KEPT_MS

    def take(self, part: int, at_ms: int) -> None:
        """The network took a part."""
        self.repeated |= part in self.taken
        self.taken.add(part)
        self.wanted.discard(part)
        self.began_at_ms = at_ms if self.began_at_ms is None else self.began_at_ms
        self.last_at_ms = at_ms


@dataclass(slots=True)
class Letter:
    """An envelope without an acknowledgement.

    Attributes:
        reached: whether it may go by SMS yet.
        compact: the compact carrier; None before it is needed.
        unfit: why it cannot go by SMS at all, in words.
        group: what is sent now; None before the first, and where a new one must begin.
        groups: the last group of each way.
        sent: parts that were given to modems, of all groups: what it cost at most.
        credit: of these, the parts that a network surely did not take; the next ones go for them. Volatile.
        taken: parts that the network took, of all groups.
        rounds: how many groups went out whole and brought no acknowledgement, in this life.
        slot: the last reference without its gateway.
    """

    seq: int
    kind: Literal["account", "tally"]
    terminal: str
    data: bytes
    reached: bool = False
    compact: bytes | None = None
    unfit: str | None = None
    group: Group | None = None
    groups: dict[Way, Group] = field(default_factory=dict)
    sent: int = 0
    credit: int = 0
    taken: int = 0
    rounds: int = 0
    slot: int | None = None

    def take(self, reference: int, modem: str, part: int, total: int, at_ms: int) -> None:
        """Fold: the network took a part."""
        way = Way(modem, reference % NUMBERS_MAX)
        group = self.groups.get(way)
        if group is None or (group.reference, group.total) != (reference, total):
            group = Group(reference, modem, total, wanted=set(range(1, total + 1)))
            self.groups[way] = group
        group.take(part, at_ms)
        self.group = group
        self.slot = reference // NUMBERS_MAX
        self.taken += 1

    @property
    def spent(self) -> int:
        """What counts against the limit of one envelope."""
        return self.sent - self.credit

    def is_held(self, missing: Container[int], total: int, reference: int, received: str) -> bool:
        """Whether a receiver has the other parts of just this message, by their hash."""
        if self.compact is None:
            return False
        parts = sms.split(self.compact, reference=reference)
        came = [part for number, part in enumerate(parts, 1) if number not in missing]
        return len(parts) == total and sms_missing.hash_of(came) == received

    def next_reference(self, gateway: int, base: int) -> int:
        """Of the next group. It follows from what is durable of this envelope alone.

        So a group whose first part went out without its fact begins again under its own reference, and no other
        envelope takes that. ``base``: 0 or more, another one for each device: two kits may use one SIM in turn.
        """
        self.slot = base + SLOTS_OF_ONE * self.seq if self.slot is None else self.slot + 1
        self.slot %= (sms.REFERENCE_MAX + 1) // NUMBERS_MAX
        return self.slot * NUMBERS_MAX + gateway

    def find(self, reference: int, total: int) -> Group | None:
        """The group of this reference, of which something was taken."""
        groups = [
            group for group in self.groups.values() if (group.reference, group.total) == (reference, total)
        ]
        return next((group for group in groups if group.taken), None)
