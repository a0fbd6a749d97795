"""The readiness check list: what the other cores know, and each terminal's self-test."""

from dataclasses import dataclass, field
from typing import Final

from failover.events import Instant
from kit.units import Unit

SELF_TEST_MS: Final = 6_000  # what a terminal may take for its self-test

_WORDS: Final = {True: "self-test passed", False: "self-test failed", None: "no answer to the self-test"}


@dataclass(slots=True)
class Readiness:
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
