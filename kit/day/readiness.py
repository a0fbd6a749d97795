"""The readiness check list: what the other cores know, and each terminal's self-test."""

from dataclasses import dataclass, field
from typing import Final

from failover.events import Instant
from kit import exit_codes
from kit.core import Step
from kit.day.day_state import DayState
from kit.day.units import Unit
from kit.effects import AskTerminal, Reply
from kit.events import ReadinessAsked
from kit.facts import ReadinessPassed
from kit.wall import Wall

SELF_TEST_MS: Final = 6_000  # what a terminal may take for its self-test
READINESS_PHASES: Final = ("commissioned", "readiness")

_WORDS: Final = {True: "self-test passed", False: "self-test failed", None: "no answer to the self-test"}


@dataclass(slots=True)
class _Check:
    """A check under way: who asks, until when the terminals may answer, what is known already."""

    reply: int
    until: Instant
    items: list[tuple[str, bool, str]] = field(default_factory=list)

    def close(self, units: list[Unit], definition_sha256: str) -> tuple[tuple[str, ...], dict[str, object]]:
        """The names of all items, and the answer for who asked (``ok`` only if every item is in order)."""
        items = [*self.items, *(_terminal_item(unit, definition_sha256) for unit in units)]
        body: dict[str, object] = {
            "ok": all(ok for _, ok, _ in items),
            "items": [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in items],
        }
        if not body["ok"]:
            missing = "; ".join(f"{name}: {detail}" for name, ok, detail in items if not ok)
            body |= {"error": f"not ready: {missing}"}
        return tuple(name for name, _, _ in items), body


class ReadinessDesk:
    """Part of the day's core: one check at a time. ``definition_sha256``: the ballot definition of the branch."""

    def __init__(self, state: DayState, wall: Wall, definition_sha256: str) -> None:
        self._state, self._wall, self._definition = state, wall, definition_sha256
        self._check: _Check | None = None

    @property
    def until(self) -> Instant | None:
        """When the check that is under way ends, whoever has not answered."""
        return None if self._check is None else self._check.until

    def forget(self) -> None:
        """A new life: nobody waits for an answer any more."""
        self._check = None

    def ask(self, event: ReadinessAsked, now: Instant) -> Step:
        """Begin a check: the terminals that are there test themselves."""
        if self._check is not None:
            return _refuse(
                event, "a readiness check is under way; ask again in a few seconds", exit_codes.UNAVAILABLE
            )
        if self._state.phase not in READINESS_PHASES:
            return _refuse(
                event, f"the branch is {self._state.phase!r}: readiness is past", exit_codes.FORBIDDEN
            )
        items = [(item.name, item.ok, item.detail) for item in event.items]
        self._check = _Check(event.reply, now + SELF_TEST_MS, items)
        for unit in self._state.active():
            unit.self_test = None
        there = [unit.terminal for unit in self._state.active() if unit.connected]
        return Step(effects=[AskTerminal(terminal, "self-test") for terminal in there])

    def self_tested(self, now: Instant) -> Step:
        """A terminal has tested itself: when it was the last, the check is over."""
        waiting = any(unit.self_test is None for unit in self._state.active())
        return Step() if waiting else self.close(now)

    def close(self, now: Instant) -> Step:
        """End the check that is under way, if there is one: its answer, and the phase that it leads to."""
        if self._check is None:
            return Step()
        check, self._check = self._check, None
        names, body = check.close(self._state.active(), self._definition)
        step = Step(effects=[Reply(check.reply, body)])
        if body["ok"] and self._state.phase in READINESS_PHASES:
            at = self._wall.text(now)
            step.facts.append(ReadinessPassed(at=at, items=names))
            # Entering a phase would sweep an order away that is being carried out.
            if self._state.stage is None:
                step.facts.append(self._state.entering("readiness-passed", at))
        return step


def _refuse(event: ReadinessAsked, error: str, code: int) -> Step:
    return Step(effects=[Reply(event.reply, {"ok": False, "error": error, "code": code})])


def _terminal_item(unit: Unit, definition_sha256: str) -> tuple[str, bool, str]:
    name = f"terminal {unit.terminal}"
    if unit.identity is None:
        return name, False, "not connected: check power and cable"
    if not unit.connected:
        return name, False, f"this line has terminal {unit.identity.terminal_id}: swap the cables back"
    if unit.identity.definition_sha256 != definition_sha256:
        return name, False, "counts by another ballot definition than the manifest's: load the right one"
    if unit.tampered:
        return name, False, "its tamper switch has tripped: set it aside, and call the centre"
    if unit.cover_open:
        return name, False, "its cover is open: close it"
    if not unit.self_test:
        return name, False, _WORDS[unit.self_test]
    program = f"firmware {unit.identity.firmware}, SHA-256 {unit.identity.firmware_sha256}"
    return name, True, f"{_WORDS[True]}; {program}"
