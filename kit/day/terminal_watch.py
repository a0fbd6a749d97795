"""What a terminal says of itself that people must hear of: who it is, what program it runs, whether it was opened.

Each word of trouble is a code and a sentence; none of them stops the day, which is for officials to decide.
"""

from drivers.ports import TerminalIdentity, TerminalStatus
from kit.day.units import Unit

Trouble = list[tuple[str, str]]


def at_greeting(unit: Unit, identity: TerminalIdentity) -> Trouble:
    """Another terminal on the line; or, between its zero report and its tally, another program in the terminal."""
    if identity.terminal_id != unit.terminal:
        return [
            (
                "foreign-terminal",
                f"the line of {unit.terminal} has a terminal that calls itself {identity.terminal_id}",
            )
        ]
    zeroed_by, runs = unit.firmware_sha256, identity.firmware_sha256
    if zeroed_by in (None, runs) or unit.part != "active" or unit.tally_sha256 is not None:
        return []
    return [
        (
            "firmware-changed",
            f"{unit.terminal}: SHA-256 was {zeroed_by} at the zero report, now it is {runs}",
        )
    ]


def at_status(unit: Unit, status: TerminalStatus) -> Trouble:
    """Each opening of the cover, and the tamper switch once. Notes in ``unit`` what was heard."""
    trouble: Trouble = []
    if status.cover_open and not unit.cover_open:
        unit.openings += 1
        trouble.append(
            ("cover-open", f"{unit.terminal}: opened, for time {unit.openings} since this kit started")
        )
    if status.tampered and not unit.tampered:
        trouble.append(("terminal-tampered", f"{unit.terminal}: the switch has tripped"))
    unit.cover_open, unit.tampered = status.cover_open, status.tampered
    return trouble
