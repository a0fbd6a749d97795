"""Every duration that failover keeps to, in milliseconds, in one frozen place."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

SWITCH_MAX_MS: Final = 1_000
"""Milliseconds from an uplink's last echo to its being no longer offered, within the critical window."""
POLLS_SWITCH_MAX_MS: Final = 15_000
"""As ``SWITCH_MAX_MS``, while polls are open."""
QUIET_SWITCH_MAX_MS: Final = 75_000
"""As ``SWITCH_MAX_MS``, at all other times."""
SENSED_PROBE_MIN_MS: Final = 1_000
"""Milliseconds that ``Timing.sensed_probe_ms`` must be at least."""
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "echo_ms": (350, POLLS_SWITCH_MAX_MS),
    "connect_ms": (2_000, 60_000),
    "connect_grace_ms": (1, 1_000),
    "backoff_min_ms": (1, 500),
    "backoff_base_ms": (1, 60_000),
    "backoff_max_ms": (1, 300_000),
    "steady_ms": (1, 600_000),
    "hold_down_ms": (1, 3_600_000),
    "flap_half_life_ms": (1, 3_600_000),
    "sensed_probe_ms": (1, QUIET_SWITCH_MAX_MS),
    "critical_probe_ms": (50, SWITCH_MAX_MS),
    "critical_echo_ms": (100, SWITCH_MAX_MS),
    "critical_connect_ms": (100, 10_000),
    "critical_backoff_ms": (1, 1_000),
    "critical_tries": (1, 64),
    "critical_backoff_max_ms": (1, 60_000),
    "late_ms": (1, SWITCH_MAX_MS),
}
"""Least and most of what no other rule bounds. With less no session by a satellite (700 ms) would stand, or probes fill
a slow line; with more an uplink that is back would not be tried, or ranked, while it matters: seconds, most likely,
where milliseconds are meant, or the other way round."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in milliseconds, and one rate. The defaults are what a branch runs with.

    Raises:
        ValueError: a value is not a positive whole number or out of its ``BOUNDS``, or probes would notice a dead
            uplink too late.
    """

    probe_ms: int = 60_000
    """Between probes of a healthy uplink while no polls are open."""
    polls_probe_ms: int = 9_000
    """As ``probe_ms``, while polls are open and until their tallies are delivered."""
    echo_ms: int = 5_000
    """How long an echo may take. Two misses in a row end the session."""
    connect_ms: int = 10_000
    """How long making a session may take."""
    connect_grace_ms: int = 250
    """How long after a connect deadline the outcome may still be on its way to us."""
    backoff_min_ms: int = 50
    """Shortest wait before a reconnect: late words about the session before must have been heard by then."""
    backoff_base_ms: int = 2_000
    """Longest wait before the first reconnect; doubles with each further failure."""
    backoff_max_ms: int = 60_000
    """Longest wait before any reconnect."""
    steady_ms: int = 10_000
    """How long a session must have stood before an echo on it forgives earlier failures (slow times only)."""
    hold_down_ms: int = 30_000
    """How long an uplink must have been better than another before it is ranked above it."""
    flap_half_life_ms: int = 60_000
    """How long until half of what falls cost an uplink's score is forgotten."""
    switches_per_hour: int = 6
    """Not a duration: how often in an hour a working uplink may be left for a better one."""

    sensed_probe_ms: int = 5_000
    """Shortest time between probes that passive evidence asks for out of turn, outside the critical window."""

    critical_probe_ms: int = 250
    """As ``probe_ms``, within the critical window."""
    critical_echo_ms: int = 400
    """As ``echo_ms``, within the critical window; one miss is enough."""
    critical_connect_ms: int = 500
    """As ``connect_ms``, within the critical window; doubles with each failure up to ``connect_ms``."""
    critical_backoff_ms: int = 300
    """Longest wait before each of the first ``critical_tries`` reconnects within the critical window."""
    critical_tries: int = 8
    """Failures in a row after which even the critical window backs off, to let a struggling centre recover."""
    critical_backoff_max_ms: int = 15_000
    """Longest wait before any reconnect within the critical window."""
    critical_path_ms: int = 500
    """Shortest time between two attempts on a path that comes and goes, within the critical window."""
    late_ms: int = 100
    """Noticing a miss later than this means that we ourselves were held up: echoes may lie unread before us."""

    def __post_init__(self) -> None:
        """Refuse durations that could not work."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Timing.{field.name} is {value!r}: give a whole number of at least 1")
            least, most = BOUNDS.get(field.name, (1, value))
            if not least <= value <= most:
                raise ValueError(f"Timing.{field.name} is {value}: give {least} to {most}")
        if self.critical_path_ms >= SWITCH_MAX_MS:
            raise ValueError(
                f"Timing.critical_path_ms is {self.critical_path_ms} ms: a path that is back must be tried within "
                f"{SWITCH_MAX_MS} ms, so shorten it"
            )
        if self.sensed_probe_ms < SENSED_PROBE_MIN_MS:
            raise ValueError(
                f"Timing.sensed_probe_ms is {self.sensed_probe_ms} ms: a modem that changes its mind would cost too "
                f"much; give at least {SENSED_PROBE_MIN_MS} ms"
            )
        for probe, echo, at_most_ms in (
            ("critical_probe_ms", "critical_echo_ms", SWITCH_MAX_MS),
            ("polls_probe_ms", "echo_ms", POLLS_SWITCH_MAX_MS),
            ("probe_ms", "echo_ms", QUIET_SWITCH_MAX_MS),
        ):
            noticed_ms = getattr(self, probe) + getattr(self, echo)
            if noticed_ms > at_most_ms:
                raise ValueError(
                    f"Timing.{probe} + {echo} is {noticed_ms} ms: a dead uplink must be noticed within "
                    f"{at_most_ms} ms, so shorten one of them"
                )
