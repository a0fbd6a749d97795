"""What the polling day knows of each terminal: durable progress (a fold) beside what lives only in RAM."""

from dataclasses import dataclass
from typing import Literal

from crypto.statements import Finding
from drivers.ports import TerminalAction, TerminalIdentity, TerminalPhase, TerminalStatus
from failover.events import Instant


@dataclass(slots=True)
class Unit:
    """One terminal's part in the counting units of this branch."""

    terminal: str
    # --- durable, from facts
    part: Literal["active", "standby", "retired"] = "active"
    """``standby``: nothing is wanted of it yet. ``retired``: nothing is wanted of it any more."""
    at: TerminalPhase = "idle"
    """Where this journal last saw the terminal."""
    joined: bool = False
    """It is a standby that took the place of another one."""
    done: bool = False
    """Whether this terminal has carried out the present stage."""
    close_no: int = 0
    firmware_sha256: str | None = None
    """Of the program that ran when it proved its zero, or when this kit took it over."""
    public_counter: int | None = None
    """As last written down, at most every 15 minutes: between two readings nobody can tell who voted."""
    account: bytes | None = None
    account_findings: tuple[Finding, ...] = ()
    account_sealed: bool = False
    tally_sha256: str | None = None
    tally_sealed: bool = False
    # --- volatile
    identity: TerminalIdentity | None = None
    status: TerminalStatus | None = None
    """What it last said of itself in this session."""
    tally: bytes | None = None
    """The signed tally in plain: in RAM alone, from the terminal's answer to the seal."""
    asked: TerminalAction | None = None
    ask_again_at: Instant = 0
    self_test: bool | None = None
    openings: int = 0
    """How often its cover was opened, as far as this life of the kit has seen."""
    cover_open: bool = False
    """As last heard; a lost session is no reason to believe otherwise."""
    tampered: bool = False
    counter_due: Instant = 0

    @property
    def connected(self) -> bool:
        """Whether this very terminal, and no other on its line, is there."""
        return self.identity is not None and self.identity.terminal_id == self.terminal

    def forget(self) -> None:
        """Back to what the journal knows: called at every boot."""
        self.identity, self.status, self.tally, self.asked, self.self_test = None, None, None, None, None
        self.ask_again_at = self.counter_due = self.openings = 0
        self.cover_open = self.tampered = False
