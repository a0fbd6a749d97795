"""What may go over the air: a data budget for each SIM (or line) and month, and what follows when it runs low.

A bucket: it holds two fifths of the month's budget, for busy days, and the other three fifths flow in evenly. So in any
31 days, and so in any calendar month, no more than the budget is spent outside the critical window. One part of the
bucket is kept for that window (``reserve``): nothing else takes from it but envelopes, receipts, commands, and what
keeps a session alive. The window itself spends what it needs, and may leave a debt, that the time after it pays back.
"""

from typing import Final, Literal

from failover.events import Instant

MONTH_MS: Final = 31 * 24 * 3_600_000  # the longest one: no calendar month has more
MEGABYTE: Final = 1_000_000  # bytes, as those reckon who sell data
BUDGET_DEFAULT: Final = 40 * MEGABYTE  # bytes a month
WINDOW_RESERVE: Final = 8 * MEGABYTE
"""Bytes that an hour of the critical window takes on one uplink: four probes a second, and envelopes again."""
_ROUND_TRIP_BYTES: Final = 4 * 72 + 2 * 22
"""Of a probe and its echo: four packets, each with IPv6 and TCP headers and their options; two TLS records."""
_PUBLISH_BYTES: Final = 3 + 2 + 20
"""Of an MQTT PUBLISH besides its topic: fixed header, length of the topic, a number of up to 20 digits."""
PROBE_BYTES: Final = 600
"""Bytes of one probe and its echo where nothing else is known."""
CONNECT_BYTES: Final = 2_500
"""Bytes of one attempt, from the SYN to the last SUBACK and the end of the connection, without TLS."""
TLS_BYTES: Final = 5_000
"""Bytes that TLS adds to that: a chain of two certificates with RSA keys."""
USED_UP_LOOK_MS: Final = 900_000  # between two looks whether a budget that is used up has recovered
PAUSE_MAX_MS: Final = 4 * 3_600_000  # between two attempts, however little is left
_BUCKET_SHARE: Final = (2, 5)  # of a month's budget
_LOW_SHARE: Final = 4  # with less than one part in so many above the reserve we begin to save
_NOTE_SHARE: Final = 160  # one part in so many of the month's budget is worth a line in the journal
_PROBES_MIN: Final = 5  # what a budget must pay for

BudgetState = Literal["enough", "low", "used-up"]


def probe_bytes(topic_bytes: int) -> int:
    """Bytes of one probe and its echo, both counted, whose topic has ``topic_bytes``."""
    return _ROUND_TRIP_BYTES + 2 * (_PUBLISH_BYTES + topic_bytes)


class DataBudget:
    """What one SIM has left. Begins full; what earlier lives spent is to be told (``recall``).

    Two words on the same bytes: what we reckon (``reckon``) holds until the kernel tells what really went over the air
    (``count``), which takes its place.

    Args:
        bytes_per_month: bytes in any 31 days; at least those of five probes.
        each: bytes of one probe and its echo, as reckoned.
        connect: bytes of one attempt to make a session, as reckoned.
        sharers: uplinks that spend from it.

    Attributes:
        per_month: as given.
        reserve: bytes of the bucket that are kept for the critical window.
        spent: bytes since the start of this life.
    """

    def __init__(
        self,
        bytes_per_month: int = BUDGET_DEFAULT,
        each: int = PROBE_BYTES,
        connect: int = CONNECT_BYTES,
        sharers: int = 1,
    ) -> None:
        if bytes_per_month < _PROBES_MIN * each:
            raise ValueError(f"{bytes_per_month} bytes a month do not pay for probes: give more")
        self.per_month, self.each, self.connect = bytes_per_month, each, connect
        self._sharers = sharers
        self._size = bytes_per_month * _BUCKET_SHARE[0] // _BUCKET_SHARE[1]
        self._inflow = bytes_per_month - self._size  # bytes in each MONTH_MS
        self.reserve = min(WINDOW_RESERVE, self._size // 2)
        self._low = self.reserve + (self._size - self.reserve) // _LOW_SHARE
        self._level = self._size * MONTH_MS  # in bytes times MONTH_MS: no rounding adds up
        self._at: Instant | None = None
        self._reckoned = 0
        """Bytes that we reckoned since the kernel's last word."""
        self.spent = 0

    def reckon(self, size: int, now: Instant) -> None:
        """So many bytes go out and come back, as far as we know."""
        self._take(size, now)
        self._reckoned += size

    def count(self, size: int, now: Instant) -> None:
        """So many bytes (0 or more) did, by the kernel's word: what was reckoned since its last one is taken back."""
        self._take(size - self._reckoned, now)
        self._reckoned = 0

    def settle(self) -> None:
        """The kernel says nothing of what was reckoned: then that stands."""
        self._reckoned = 0

    def recall(self, passed_ms: int, every_ms: int) -> None:
        """Before the first byte of this life: what an earlier one spent at most, where the journal does not tell.

        It probed for ``passed_ms`` every ``every_ms``, or more rarely where it had to save.
        """
        saved = min(self._level, self._low * MONTH_MS)
        spent = self.each * MONTH_MS * (passed_ms // every_ms)
        self._level = min(max(self._level + self._inflow * passed_ms - spent, saved), self._size * MONTH_MS)

    def recall_spent(self, passed_ms: int, size: int) -> None:
        """As ``recall``, where it is known: ``size`` bytes in ``passed_ms``."""
        self._level += self._inflow * max(0, passed_ms)
        self._spend(size)

    def keep(self) -> int:
        """The level, to be put back before another word on the same time is recalled."""
        return self._level

    def put_back(self, level: int) -> None:
        """As it was when ``keep`` told it."""
        self._level = level

    def left(self, now: Instant | None) -> int:
        """Bytes in the bucket at ``now``, the reserve included; less than 0: the critical window left a debt.

        None: before this life begins, as far as was recalled.
        """
        if now is not None:
            self._flow(now)
        return self._level // MONTH_MS

    def state(self, now: Instant | None) -> BudgetState:
        """How it stands: "low" below a quarter of what is above the reserve, "used-up" where nothing is above it."""
        left = self.left(now)
        if left < self.reserve + self.each:
            return "used-up"
        return "low" if left < self._low else "enough"

    def interval_ms(self, wanted_ms: int, now: Instant) -> int:
        """How long to wait until the next probe where ``wanted_ms`` is wanted, outside the critical window.

        Low: probes take half of what flows in. Used up: none goes out; so long until the next look.
        """
        match self.state(now):
            case "enough":
                return wanted_ms
            case "low":
                return max(wanted_ms, self._half_inflow_ms(self.each))
            case "used-up":
                return max(wanted_ms, USED_UP_LOOK_MS)

    def pause_ms(self, cost: int, now: Instant | None) -> int:
        """From one attempt to make a session, of ``cost`` bytes, to the next one, outside the critical window.

        Low: attempts take half of what flows in at most. Used up: a quarter of it. 0 while there is enough.
        """
        match self.state(now):
            case "enough":
                return 0
            case "low":
                return min(self._half_inflow_ms(cost), PAUSE_MAX_MS)
            case "used-up":
                return min(2 * self._half_inflow_ms(cost), PAUSE_MAX_MS)

    @property
    def note_bytes(self) -> int:
        """Bytes that are worth a line in the journal."""
        return self.per_month // _NOTE_SHARE

    @property
    def inflow_per_day(self) -> int:
        """Bytes that flow in within 24 hours."""
        return self._inflow * 24 * 3_600_000 // MONTH_MS

    def _half_inflow_ms(self, size: int) -> int:
        """In how long half of what flows in pays for ``size`` bytes of each sharer."""
        return -(-2 * size * self._sharers * MONTH_MS // self._inflow)

    def _take(self, size: int, now: Instant) -> None:
        self._flow(now)
        self._spend(size)
        self.spent += size

    def _spend(self, size: int) -> None:
        """No debt is larger than what flows in within a month: then the next month is another bill."""
        level = max(self._level - size * MONTH_MS, -self._inflow * MONTH_MS)
        self._level = min(level, self._size * MONTH_MS)

    def _flow(self, now: Instant) -> None:
        if self._at is not None:
            self._level = min(self._level + self._inflow * max(0, now - self._at), self._size * MONTH_MS)
        self._at = now if self._at is None else max(now, self._at)
