"""One modem's SIMs: how the present one does, when the modem changed over last and why, and when it may again.

A SIM needs 20 to 60 s to find its network. Two dead ones must not take turns at full speed for ever, so each change
makes the next stay longer, up to a ceiling. When a network dies, every branch's modems see it in the same instant: the
waits are spread, so that the other network is not stormed.
"""

from dataclasses import dataclass
from typing import Final, Literal

from crypto import rfc3339
from drivers.ports import ModemEvent, ModemLost, ModemReading, ModemReset
from failover.backoff import full_jitter_ms
from failover.events import Instant
from kit.facts import SimCause, SimChanged
from kit.wall import Wall

Pace = Literal["critical", "polls", "quiet"]
MINUTE_MS: Final = 60_000
PATIENCE_MS: Final[dict[Pace, int]] = {"critical": 30_000, "polls": 2 * MINUTE_MS, "quiet": 5 * MINUTE_MS}
"""How long at most a SIM may give nothing before it is left; at least two thirds of it."""
REGISTER_MS: Final = (
    60_000  # what a SIM is given to find its network, and an uplink to find its session after that
)
SWITCH_MS: Final = 45_000  # within which a modem answers whether it changes over, and tells of it
STAY_FIRST_MS: Final = 90_000  # ceiling of the stay after a first change; it doubles with each that follows
STAY_MAX_MS: Final[dict[Pace, int]] = {
    "critical": 5 * MINUTE_MS,
    "polls": 15 * MINUTE_MS,
    "quiet": 60 * MINUTE_MS,
}
FORGET_MS: Final = 120 * MINUTE_MS  # between two changes: the later one is no consequence of the earlier one
RETURN_MS: Final = (
    60 * MINUTE_MS
)  # of quiet with another SIM, before the first one is tried again; it doubles
_DOUBLINGS_MAX: Final = 8
_RETURN_DOUBLINGS_MAX: Final = 4  # up to 16 hours
_BROKEN: Final = (
    "absent",
    "failure",
    "pin-required",
    "puk-required",
)  # no patience helps such a SIM to a network


@dataclass(slots=True)
class SimState:
    """``last``, ``row`` and ``returns`` are durable: a fold over SimChanged. The rest is volatile."""

    last: SimChanged | None = None
    row: int = 0
    """Changes one after the other."""
    returns: int = 0
    """Tries of the first SIM that helped for less than FORGET_MS, one after the other."""
    changed_at: Instant | None = None
    reading: ModemReading | None = None
    """None while it is not known, or lost."""
    chance_at: Instant = 0
    """When the present SIM began to look for its network."""
    registered_at: Instant | None = None
    """When it first found one after that."""
    bad_since: Instant | None = None
    """Since when it gives nothing; None while it gives something, or nobody knows."""
    trouble: str = ""
    had_bearer: bool = False
    again: bool = False
    """A change was written down just before a restart: the modem may not have heard of it."""

    @property
    def is_registered(self) -> bool:
        """Whether a network serves the present SIM."""
        return self.reading is not None and self.reading.registration in ("home", "roaming")

    def fold(self, fact: SimChanged, wall: Wall) -> None:
        """A change is durable. ``wall``: not set yet on replay."""
        before, self.last = self.last, fact
        gap_ms = None if before is None else rfc3339.to_ms(fact.at) - rfc3339.to_ms(before.at)
        follows = gap_ms is not None and gap_ms < FORGET_MS
        self.row = self.row + 1 if follows and fact.cause != "ordered" else 1
        if fact.cause == "returned":
            self.returns += 1
        elif fact.cause == "ordered" or not follows:
            self.returns = 0
        if wall.boot_wall_ms >= 0:
            self.changed_at = wall.instant_of(fact.at)

    def boot(self, wall: Wall, now: Instant) -> None:
        """A life begins. A clock that went back makes no stay longer than if the change had just been made."""
        self.begin(now)
        if self.last is not None:
            self.changed_at = min(wall.instant_of(self.last.at), now)
            self.again = now - self.changed_at < REGISTER_MS

    def begin(self, now: Instant) -> None:
        """The SIM looks for its network from now on."""
        self.chance_at, self.registered_at = now, None

    def hear(self, heard: ModemEvent, now: Instant) -> None:
        """Take in what the driver says of the modem."""
        match heard:
            case ModemLost():
                self.begin(now)
                self.reading = None  # whatever is wrong, it is not the SIM
            case ModemReset():
                self.begin(now)
            case ModemReading():
                if self.reading is None or self.reading.sim_slot != heard.sim_slot:
                    self.begin(now)
                    self.bad_since = None
                self.reading = heard
                self.had_bearer |= heard.bearer_up
                if self.is_registered and self.registered_at is None:
                    self.registered_at = now
            case _:
                pass  # messages are not about how the SIM is

    def judge(self, trouble: str | None, now: Instant) -> None:
        """Note whether the present SIM gives nothing, and since when."""
        self.trouble = trouble or ""
        if trouble is None:
            self.bad_since = None
        elif self.bad_since is None:
            self.bad_since = now

    def change(
        self, slot: int, cause: SimCause, reason: str, *, at: str, modem: str, now: Instant
    ) -> SimChanged:
        """The fact of a change that is decided; what was known of the SIM before is of no account any more."""
        self.begin(now)
        self.judge(None, now)
        left = 0 if self.reading is None else self.reading.sim_slot
        return SimChanged(at=at, modem=modem, left=left, slot=slot, cause=cause, reason=reason)

    def leave_at(self, pace: Pace, *who: str) -> Instant | None:
        """When the present SIM will have given nothing for long enough; None where it gives something.

        ``who``: device and modem, which spread the waits.
        """
        if self.bad_since is None or self.reading is None:
            return None
        most = PATIENCE_MS[pace]
        due = self.bad_since + full_jitter_ms(most * 2 // 3, most, *who, "patience", self.row)
        if self.reading.sim not in _BROKEN:
            begun = self.chance_at if self.registered_at is None else self.registered_at
            due = max(due, begun + REGISTER_MS)
        if self.changed_at is None:
            return due
        ceiling = min(STAY_FIRST_MS << min(self.row - 1, _DOUBLINGS_MAX), STAY_MAX_MS[pace])
        floor = max(REGISTER_MS, ceiling // 2)
        return max(due, self.changed_at + full_jitter_ms(floor, ceiling, *who, "stay", self.row))

    def return_at(self, quiet_since: Instant) -> Instant | None:
        """When the first SIM may be tried again, if it stays quiet; None where there is no reason to.

        What a technician chose stays, and so does what the modem chose by itself.
        """
        if self.last is None or self.last.cause != "failed" or self.changed_at is None:
            return None
        if self.reading is None or self.reading.sim_slot in (1, self.last.left):
            return None
        wait_ms = RETURN_MS << min(self.returns, _RETURN_DOUBLINGS_MAX)
        return max(self.changed_at, quiet_since) + wait_ms
