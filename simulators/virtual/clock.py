"""A node's clocks and entropy in a world: the monotonic one from the loop, the wall clock as wrong as one likes."""

import random
from typing import Final

from simulators.virtual.loop import VirtualLoop

DRIFT_MAX: Final = 100_000  # ppm
_MS: Final = 1_000


class NodeClock:
    """The two clocks of one machine (``kit.ports.Clock``). They belong to the machine and outlive its lives.

    ``wall_start_ms``: what the wall clock shows now, milliseconds since 1970-01-01 UTC. ``drift_ppm``: how much too
    fast the wall clock runs, in millionths (-DRIFT_MAX to DRIFT_MAX); real crystals are within 100.
    """

    def __init__(self, loop: VirtualLoop, *, wall_start_ms: int, drift_ppm: int = 0) -> None:
        if abs(drift_ppm) > DRIFT_MAX:
            raise ValueError(f"drift is {drift_ppm} ppm: choose -{DRIFT_MAX} to {DRIFT_MAX}")
        self._loop = loop
        self._born_s = loop.time()
        self._wall_ms = wall_start_ms
        self._wall_set_s = loop.time()
        self._rate = _MS * (1 + drift_ppm / 1_000_000)

    def monotonic_ms(self) -> int:
        """Whole milliseconds since the machine booted."""
        return int((self._loop.time() - self._born_s) * _MS)

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC, as the machine believes."""
        return self._wall_ms + int((self._loop.time() - self._wall_set_s) * self._rate)

    def set_wall(self, wall_ms: int) -> None:
        """Set the wall clock, as an operator or a wrong time server would. The monotonic clock does not move."""
        self._wall_ms, self._wall_set_s = wall_ms, self._loop.time()

    def step_wall(self, by_ms: int) -> None:
        """Let the wall clock jump, forward or (negative) back."""
        self.set_wall(self.wall_ms() + by_ms)

    def boot(self, *, wall_ms: int | None = None) -> None:
        """The machine boots: its monotonic clock starts at zero. ``wall_ms``: what it shows with its battery empty."""
        self._born_s = self._loop.time()
        if wall_ms is not None:
            self.set_wall(wall_ms)


class SeededEntropy:
    """``kit.ports.Entropy`` that gives the same bytes in every run of a seed. Guessable by design: for simulators only.

    One object serves all lives of a node: a reboot goes on in the stream and never repeats it.
    """

    def __init__(self, seed: int | str, node: str) -> None:
        self._random = random.Random(f"{seed}/entropy/{node}")

    def __call__(self, size: int) -> bytes:
        """Return ``size`` bytes."""
        return self._random.randbytes(size)
