"""What probes of earlier lives cost, reckoned from the journal: a kit that starts over and over keeps its data budget.

No fact tells of probes: they would wear the flash. Facts tell when a kit started, and whether polls were open; what it
spent at most between two of them follows.
"""

from typing import Final

from crypto import rfc3339
from failover.machine import Failover
from failover.timing import Timing
from kit.day.phases import POLLS_PHASES
from kit.facts import BootRecorded, Fact, PhaseEntered

BOOT_PROBES: Final = 2  # of each uplink, that a life costs which ends at once


class ProbeMemory:
    """A fold over earlier lives, until this one begins. Budgets are those of ``failover``."""

    def __init__(self, failover: Failover, timing: Timing) -> None:
        self._budgets = [failover.uplink(name).budget for name in failover.states()]
        self._timing = timing
        self._at_ms: int | None = None
        """Wall time up to which all is reckoned, since 1970-01-01 UTC."""
        self._polls_open = False
        self._over = False

    def apply(self, fact: Fact) -> None:
        """Fold. Facts of this life are of no account: its probes are counted as they go out."""
        if self._over:
            return
        self._reckon(rfc3339.to_ms(fact.at), BOOT_PROBES if isinstance(fact, BootRecorded) else 0)
        if isinstance(fact, PhaseEntered):
            self._polls_open = fact.phase in POLLS_PHASES

    def boot(self, wall_ms: int) -> None:
        """This life begins, at this wall time since 1970-01-01 UTC."""
        if self._at_ms is not None:
            self._reckon(wall_ms, 0)
        self._over = True

    def _reckon(self, at_ms: int, more: int) -> None:
        passed_ms = 0 if self._at_ms is None else max(0, at_ms - self._at_ms)
        every_ms = self._timing.polls_probe_ms if self._polls_open else self._timing.probe_ms
        for budget in self._budgets:
            budget.recall(passed_ms, every_ms, more)
        self._at_ms = (
            at_ms if self._at_ms is None else max(at_ms, self._at_ms)
        )  # a clock set back earns nothing
