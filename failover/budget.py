"""What probes may cost: a data budget for each uplink and month, and how far it stretches the time between probes.

A bucket: it holds a quarter of the month's budget, for busy days, and the other three quarters flow in evenly. So in
any 30 days no more than the budget is spent. The critical window alone spends what it needs, and may leave a debt, that
the time after it pays back.
"""

from typing import Final

from failover.events import Instant

MONTH_MS: Final = 30 * 24 * 3_600_000
MEGABYTE: Final = 1_000_000  # bytes, as those reckon who sell data
BUDGET_DEFAULT: Final = 40 * MEGABYTE  # bytes a month
_ROUND_TRIP_BYTES: Final = 4 * 72 + 2 * 22
"""Of a probe and its echo: four packets, each with IPv6 and TCP headers and their options; two TLS records."""
_PUBLISH_BYTES: Final = 3 + 2 + 20
"""Of an MQTT PUBLISH besides its topic: fixed header, length of the topic, a number of up to 20 digits."""
PROBE_BYTES: Final = 600
"""Bytes of one probe and its echo where nothing else is known."""
_BUCKET_SHARE: Final = 4  # the bucket holds one part in so many of a month's budget
_LOW_SHARE: Final = 4  # of the bucket: with less than one part in so many we begin to save


def probe_bytes(topic_bytes: int) -> int:
    """Bytes of one probe and its echo, both counted, whose topic has ``topic_bytes``."""
    return _ROUND_TRIP_BYTES + 2 * (_PUBLISH_BYTES + topic_bytes)


class ProbeBudget:
    """What one uplink's probes have left. Begins full; what earlier lives spent is to be told (``recall``).

    Args:
        bytes_per_month: bytes in any 30 days; at least those of four probes.
        each: bytes of one probe and its echo.

    Attributes:
        spent: bytes since the start.
    """

    def __init__(self, bytes_per_month: int = BUDGET_DEFAULT, each: int = PROBE_BYTES) -> None:
        if bytes_per_month < _BUCKET_SHARE * each:
            raise ValueError(f"{bytes_per_month} bytes a month do not pay for probes: give more")
        self._each = each
        self._size = bytes_per_month // _BUCKET_SHARE
        self._inflow = bytes_per_month - self._size  # bytes in each MONTH_MS
        self._level = self._size * MONTH_MS  # in bytes times MONTH_MS: no rounding adds up
        self._at: Instant | None = None
        self.spent = 0

    def spend(self, now: Instant) -> None:
        """A probe goes out."""
        self._flow(now)
        self._level -= self._each * MONTH_MS
        self.spent += self._each

    def recall(self, passed_ms: int, every_ms: int, more: int) -> None:
        """Before the first probe of this life: what an earlier one spent at most.

        It probed for ``passed_ms`` every ``every_ms``, or more rarely where it had to save; then ``more`` went out, or
        none where none was paid for.
        """
        saved = min(self._level, self._size // _LOW_SHARE * MONTH_MS)
        spent = self._each * MONTH_MS * (passed_ms // every_ms)
        self._level = min(max(self._level + self._inflow * passed_ms - spent, saved), self._size * MONTH_MS)
        if self._level >= self._each * MONTH_MS:
            self._level = max(self._level - more * self._each * MONTH_MS, 0)

    def left(self, now: Instant) -> int:
        """Bytes in the bucket at ``now``; less than 0: the critical window left a debt."""
        self._flow(now)
        return self._level // MONTH_MS

    def in_debt(self, now: Instant) -> bool:
        """Whether not one more probe is paid for."""
        return self.left(now) < self._each

    def scarce(self, now: Instant) -> bool:
        """Whether so little is left that it is saved on: no probe goes out then but those on which promises rest."""
        return self.left(now) < self._size // _LOW_SHARE

    def interval_ms(self, wanted_ms: int, now: Instant) -> int:
        """How long to wait until the next probe where ``wanted_ms`` is wanted, outside the critical window."""
        lasting_ms = -(-self._each * MONTH_MS // self._inflow)
        if self.in_debt(now):
            return max(wanted_ms, 2 * lasting_ms)  # each may call for a second one
        if self.scarce(now):
            return max(wanted_ms, lasting_ms)
        return wanted_ms

    def _flow(self, now: Instant) -> None:
        if self._at is not None:
            self._level = min(self._level + self._inflow * max(0, now - self._at), self._size * MONTH_MS)
        self._at = now if self._at is None else max(now, self._at)
