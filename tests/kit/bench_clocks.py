"""What benches with a whole kit on a virtual loop have in common: its clocks, and the facts that are new."""

from typing import Any

from simulators.virtual.loop import VirtualLoop
from tests.kit.harness import ListJournal


class BenchClocks:
    """The loop's time is every clock. Subclasses set what is named here."""

    loop: VirtualLoop
    journal: ListJournal
    begun: int
    """Facts of before, which the kit only reads."""
    wall_ms_offset: int
    """The wall clock when the loop began."""

    def now(self) -> int:
        return int(self.loop.time() * 1000)

    def monotonic_ms(self) -> int:
        return self.now()

    def wall_ms(self) -> int:
        return self.now() + self.wall_ms_offset

    def run(self, seconds: float) -> None:
        self.loop.run_for(seconds)

    def facts(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.journal.facts[self.begun :] if isinstance(fact, kind)]
