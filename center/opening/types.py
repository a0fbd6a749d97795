"""What an opening says: totals, every expected unit, findings, and the log that it rests on."""

from typing import Literal

import msgspec

from crypto import canonical
from crypto.statements import ContestResult, OpeningKind

UnitStatus = Literal["counted", "set-aside", "absent"]


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all parts of an opening."""


class LogHead(_Part, frozen=True, kw_only=True):
    """The checkpoint that the opening is based on: every envelope that it covers, and no other."""

    size: int
    root: str
    """RFC 6962 root, base64."""
    checkpoint: str | None
    """The C2SP signed note, None for an empty log."""


class ContestTotal(_Part, frozen=True, kw_only=True):
    """Sums over all counted units. ``blank`` is None where the contest has no blank column."""

    votes: dict[str, int]
    blank: int | None
    valid: int
    invalid: int
    ballots: int


class Disclosure(_Part, frozen=True, kw_only=True):
    """What was inside one opened envelope besides the counts, all base64.

    With it anyone can check without the key that the terminal signed the published counts, and that the device
    committed to them (``inner_sha256``) before the envelope was logged: see center.opening.disclosure.
    """

    envelope_sha256: str
    blind: str
    terminal_signature: str
    device_signature: str


class OpenedUnit(_Part, frozen=True, kw_only=True):
    """One expected unit: what became of it, and why. ``envelopes`` are its sealed tallies, by hash.

    ``contests`` and ``public_counter`` are what the terminal signed, so that every station's numbers can be
    published and held against its tape; empty and None unless the unit is counted.
    """

    branch: str
    terminal: str
    close_no: int | None
    status: UnitStatus
    reason: str | None
    envelopes: tuple[str, ...]
    contests: dict[str, ContestResult]
    public_counter: int | None
    disclosures: tuple[Disclosure, ...] = ()
    """One for each envelope that was opened, where the unit is counted."""
    code: str | None = None
    """Why, in one word (center.listing); None where no order and no adjudication decided it."""
    order: int | None = None
    """The number of the order that opened it."""
    adjudication: str | None = None
    """SHA-256 of the act that settled it."""


class OpeningFinding(_Part, frozen=True, kw_only=True):
    """Something noticed, with the numbers that show it. Never fixed, and never a reason to drop a counted unit."""

    grade: Literal["note", "alarm"]
    code: str
    branch: str
    terminal: str | None
    contest: str | None
    numbers: dict[str, int]
    envelope_sha256: str | None = None


class OpenedOrder(_Part, frozen=True, kw_only=True):
    """One opening order that was followed. ``leaf`` is its own index, ``log_size`` what it covers of the log."""

    number: int
    sha256: str
    leaf: int
    log_size: int
    listing_sha256: str
    opened: int
    """How many envelopes it opened that no order before had opened."""
    trustees: tuple[str, ...]
    """Whose answers to it all hold; none where an ordinary key opened."""


class Opening(_Part, frozen=True, kw_only=True):
    """A whole opening. The same log, manifest and key or answers always give the same bytes."""

    election: str
    round: int
    manifest_sha256: str
    kid: str
    opening: OpeningKind
    """How the private key is held: with ``trustees`` alone can nobody open by himself."""
    log: LogHead
    contests: dict[str, ContestTotal]
    units: tuple[OpenedUnit, ...]
    findings: tuple[OpeningFinding, ...]
    orders: tuple[OpenedOrder, ...] = ()
    """The opening orders that were followed; none under a single key."""
    plan_b: bool = False
    """Opened with an ordinary key out of shares (``slip39``): it lay whole in one machine, for its operator to use."""

    def count(self, status: UnitStatus) -> int:
        """How many units have this status."""
        return sum(unit.status == status for unit in self.units)

    def to_json(self) -> bytes:
        """Canonical JSON (RFC 8785): equal openings have equal hashes."""
        return canonical.encode(msgspec.to_builtins(self))
