"""How long to wait before the next attempt: bounded, growing, and different on each of 70,000 devices.

When a centre falls over, every branch loses its sessions in the same instant. If all came back together they would
fell it again, so each waits a time of its own. A core draws no entropy: the spread comes from a hash of who is asking.
"""

import hashlib
from typing import Final

from failover.timing import Timing

_FRACTION_BITS: Final = 32
_DOUBLINGS_MAX: Final = 16  # times; the caps are reached long before


def backoff_ms(device: str, uplink: str, failures: int, timing: Timing, *, critical: bool) -> int:
    """Milliseconds to wait after this many failures in a row (0 or more) of this device's uplink.

    Always the same for the same arguments, and spread evenly between ``timing.backoff_min_ms`` and a ceiling that
    doubles with each failure. Within the critical window the ceiling is ``timing.critical_backoff_ms`` for the first
    ``timing.critical_tries`` failures, and grows after that.
    """
    ceiling_ms = _ceiling_ms(failures, timing, critical=critical)
    return full_jitter_ms(timing.backoff_min_ms, ceiling_ms, device, uplink, failures)


def full_jitter_ms(floor_ms: int, ceiling_ms: int, *who: str | int) -> int:
    """A wait between ``floor_ms`` (or the ceiling, if that is less) and ``ceiling_ms``, evenly spread over ``who``.

    Full jitter: a wait that may be almost nothing leaves no instant at which all who began together come together
    again. ``who`` names the asker, what for, and how often it asked before, so that each wait is drawn anew. Two lives
    of a device draw the same: that devices differ from each other is all that a centre needs.
    """
    floor_ms = min(floor_ms, ceiling_ms)
    return floor_ms + ((ceiling_ms - floor_ms) * _fraction(*who) >> _FRACTION_BITS)


def _ceiling_ms(failures: int, timing: Timing, *, critical: bool) -> int:
    if critical and failures <= timing.critical_tries:
        return timing.critical_backoff_ms
    if critical:
        return min(
            _doubled(timing.critical_backoff_ms, failures - timing.critical_tries),
            timing.critical_backoff_max_ms,
        )
    return min(_doubled(timing.backoff_base_ms, failures - 1), timing.backoff_max_ms)


def _doubled(base_ms: int, times: int) -> int:
    return base_ms << max(0, min(times, _DOUBLINGS_MAX))


def _fraction(*who: str | int) -> int:
    """Even spread over 0 to 2**32 - 1."""
    seed = b"\x00".join(str(part).encode() for part in who)
    return int.from_bytes(hashlib.sha256(seed).digest()[: _FRACTION_BITS // 8], "big")
