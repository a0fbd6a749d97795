"""The contract of every core (DESIGN §3): decide from events and time alone, change durable state by facts alone."""

from dataclasses import dataclass, field
from typing import Protocol

from failover.events import Instant
from kit.effects import Effect
from kit.events import Event
from kit.facts import Fact


@dataclass(slots=True)
class Step:
    """What one event led to: facts to be journaled and synced, and effects to be released after that."""

    facts: list[Fact] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def join(self, other: "Step") -> None:
        """Append another core's step to this one."""
        self.facts.extend(other.facts)
        self.effects.extend(other.effects)


class Core(Protocol):
    """A deterministic decision maker."""

    def handle(self, event: Event, now: Instant) -> Step:
        """React to an event. Touches volatile state only; checks its own deadlines too."""

    def apply(self, fact: Fact) -> None:
        """Fold a fact that is durable: the only way that durable state changes, live and on replay."""

    def wake_at(self) -> Instant | None:
        """The next deadline, or None. A deadline in the past means: at once."""


class MachineError(Exception):
    """An event that the present state does not know. Nothing was changed."""
