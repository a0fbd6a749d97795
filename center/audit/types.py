"""What an audit says: what it checked, what is wrong and in which file, and what nobody could check from here."""

from typing import Literal

import msgspec

from center.opening.types import ContestTotal, OpenedUnit, OpeningFinding

Verdict = Literal["good", "remarks", "alarms", "faults"]
"""The worst that was met.

- ``good``: everything that can be recomputed was, and agrees.
- ``remarks``: so it is, but something is absent, late or not witnessed.
- ``alarms``: the publication is sound, and shows numbers that do not agree, or units set aside.
- ``faults``: the publication is not what was signed, or contradicts itself.
"""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing about one file of the folder (relative name)."""

    file: str
    problem: str


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one audit. ``checked`` counts what was recomputed and agreed."""

    verdict: Verdict
    election: str | None
    manifest_sha256: str | None
    checkpoint: str | None
    """The signed note that everything was held against."""
    checked: dict[str, int]
    faults: tuple[Remark, ...]
    remarks: tuple[Remark, ...]
    findings: tuple[OpeningFinding, ...]
    """What reconciliation found, recomputed here."""
    how_opened: tuple[str, ...]
    """Who opened, and by which orders, in words; empty while nothing is opened."""
    units: dict[str, int]
    contests: dict[str, ContestTotal]
    """Sums, recomputed here; empty while nothing is opened, or when the opening is at fault."""
    not_checked: tuple[str, ...]
    sample: tuple[OpenedUnit, ...] = ()
    """The units of branches drawn by lot: compare their tapes."""
