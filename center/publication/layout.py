"""The folder that strangers read: its names, its formats, its limits. docs/public-log.md describes it."""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from center.opening.types import ContestTotal, OpenedOrder, Opening, UnitStatus
from crypto import canonical, codec
from crypto.codec import sha256_hex
from crypto.manifest import TrustedManifest
from crypto.statements import OpeningKind
from crypto.wire import ENVELOPE_MAX

MANIFEST: Final = "manifest.dsse.json"
EARLIER: Final = "manifests"  # the folder of those before it; there is none where there are none
LOG_VKEY: Final = "log.vkey"
WITNESS_VKEYS: Final = "witness.vkeys"
CHECKPOINT: Final = "checkpoint"
TOTALS: Final = "totals.json"
LEAVES: Final = "leaves"
RECEIPTS: Final = "receipts"
OPENINGS: Final = "opening"

VKEYS_MAX: Final = 64 * 1024  # bytes of log.vkey or witness.vkeys
OPENING_MAX: Final = 512 * 1024 * 1024  # bytes of one opening
TOTALS_MAX: Final = 4 * 1024 * 1024  # bytes of totals.json

ORDER_MAX: Final = ENVELOPE_MAX  # bytes of one order

_OPENING_NAME: Final = re.compile(r"opening/(0|[1-9][0-9]{0,17})\.json")
_ORDER_FOLDER: Final = re.compile(r"opening/([1-9][0-9]{0,9})")


class OpeningFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published opening, pinned by its hash."""

    file: str
    sha256: str


class Totals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``totals.json``: the result in brief, and the opening that it was taken from (the last of ``openings``)."""

    type: Literal["totals"] = "totals"
    election: str
    round: int
    manifest_sha256: str
    opening: OpeningKind
    plan_b: bool
    """Opened with an ordinary key out of shares (``slip39``): it lay whole in one machine, for its operator to use."""
    orders: tuple[OpenedOrder, ...]
    """The opening orders that were followed; none under a single key."""
    log_size: int
    log_root: str
    openings: tuple[OpeningFile, ...]
    contests: dict[str, ContestTotal]
    units: dict[str, int]
    """How many units have each status."""
    findings: dict[str, int]
    """How many findings have each grade."""


class ReceiptNames:
    """Gives each leaf the name of its receipt, in the order of the log.

    A sequence number that a device used twice gets the leaf's index behind it from the second time on.
    """

    def __init__(self) -> None:
        self._taken: set[tuple[str, int]] = set()

    def name(self, branch: str, seq: int, leaf: int) -> str:
        """The name of the receipt of the next leaf."""
        again = (branch, seq) in self._taken
        self._taken.add((branch, seq))
        return f"{RECEIPTS}/{branch}-{seq}{f'.{leaf}' if again else ''}.tlog-proof"


def leaf_name(index: int) -> str:
    """The file of one leaf: the envelope, byte for byte as it came."""
    return f"{LEAVES}/{index}.dsse.json"


def earlier_name(sha256: str) -> str:
    """The file of an earlier manifest, by its fingerprint: as the one after it names it."""
    return f"{EARLIER}/{sha256}.dsse.json"


def opening_name(size: int) -> str:
    """The file of the opening that covers ``size`` leaves."""
    return f"{OPENINGS}/{size}.json"


def opening_size(name: str) -> int | None:
    """How many leaves the opening in this file covers, None for another file."""
    match = _OPENING_NAME.fullmatch(name)
    return int(match[1]) if match else None


def order_folder(number: int) -> str:
    """The folder of what belongs to one opening order."""
    return f"{OPENINGS}/{number}"


def order_number(folder: str) -> int | None:
    """The number of the order that this is the folder of, None for another name."""
    match = _ORDER_FOLDER.fullmatch(folder)
    return int(match[1]) if match else None


def order_name(number: int) -> str:
    """The file of an order: the leaf, byte for byte."""
    return f"{order_folder(number)}/order.dsse.json"


def listing_name(number: int) -> str:
    """The file of the listing that an order commits to."""
    return f"{order_folder(number)}/listing.json"


def answers_name(number: int, trustee: str) -> str:
    """The file of a trustee's answers to an order."""
    return f"{order_folder(number)}/answers-{trustee}.json"


def vkey_lines(vkeys: Iterable[str]) -> bytes:
    """Verifier keys, one a line."""
    return "".join(f"{vkey}\n" for vkey in vkeys).encode()


def key_files(manifest: TrustedManifest) -> dict[str, bytes]:
    """What the files of keys must hold: nothing that the manifest does not say too."""
    return {
        LOG_VKEY: vkey_lines([manifest.manifest.log.vkey]),
        WITNESS_VKEYS: vkey_lines(manifest.manifest.witness_policy.witnesses),
    }


def totals_of(opening: Opening, files: tuple[OpeningFile, ...]) -> bytes:
    """``totals.json`` of an opening, which is the last of ``files``."""
    totals = Totals(
        election=opening.election,
        round=opening.round,
        manifest_sha256=opening.manifest_sha256,
        opening=opening.opening,
        plan_b=opening.plan_b,
        orders=opening.orders,
        log_size=opening.log.size,
        log_root=opening.log.root,
        openings=files,
        contests=opening.contests,
        units=units_of(opening),
        findings={
            grade: sum(finding.grade == grade for finding in opening.findings) for grade in ("alarm", "note")
        },
    )
    return canonical.encode(msgspec.to_builtins(totals))


def units_of(opening: Opening) -> dict[str, int]:
    """How many units have each status."""
    statuses: tuple[UnitStatus, ...] = ("absent", "counted", "set-aside")
    return {status: opening.count(status) for status in statuses}


def decode_totals(data: bytes) -> Totals:
    """Read ``totals.json``; raises EncodingError or StatementError."""
    return codec.from_bytes(data, Totals, max_bytes=TOTALS_MAX)


def decode_opening(data: bytes) -> Opening:
    """Read an opening as ``center open`` wrote it; raises EncodingError or StatementError."""
    return codec.from_bytes(data, Opening, max_bytes=OPENING_MAX)


def opening_file(opening: Opening, data: bytes) -> OpeningFile:
    """The name and hash under which an opening is published."""
    return OpeningFile(file=opening_name(opening.log.size), sha256=sha256_hex(data))
