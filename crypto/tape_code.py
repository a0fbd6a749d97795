"""A terminal's signed tally as text for QR codes on the tape: the tape alone is enough to tally again.

Inside, as inside the seal: what the manifest knows is carried as a short reference, counts are packed
(``crypto.packing``), the terminal's signature is raw. ``read`` renders again the exact canonical JSON that the terminal
signed, so that there is no checksum: any other byte gives another statement, whose signature fails.

Each code holds ``BKT1:<part>/<parts>:<tag>:<Base45>``, in the alphabet of QR's alphanumeric mode (ISO/IEC 18004,
table 5), which every reader of codes gives back as it is; the tag is the first eight digits of the whole's SHA-256.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

from crypto import codec
from crypto.envelope import Envelope, Signature
from crypto.errors import EncodingError, ManifestError
from crypto.identity import SIGNATURE_BYTES, key_id
from crypto.manifest import TrustedManifest
from crypto.packing import PREFIX_BYTES, pack_checked, packed_bytes, unpack
from crypto.reports import check_report
from crypto.statements import Tally
from crypto.wire import TYPE_TALLY

VERSION: Final = 1
CODE_VERSION_MAX: Final = 16  # of a QR code, at level M: 81 modules, 324 dots at four a module
CODE_CHARS_MAX: Final = 656  # that such a code holds in alphanumeric mode (ISO/IEC 18004, table 7)
PARTS_MAX: Final = 99

_HEAD: Final = Struct(">B4sIBI8s")
"""Version, manifest prefix, index of the branch, of the terminal within it, close_no, prefix of the definition."""
_TEXT: Final = re.compile(r"BKT1:([0-9]{2})/([0-9]{2}):([0-9A-F]{8}):([0-9A-Z $%*+\-./:]+)")
_OVERHEAD: Final = len("BKT1:01/01:00000000:")
_PART_BYTES: Final = (CODE_CHARS_MAX - _OVERHEAD) // 3 * 2
_MANIFEST_PREFIX: Final = 4  # bytes of the manifest's hash
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_BASE: Final = 45
_PAIR: Final = 3  # characters for two bytes; two for one byte at the end (RFC 9285 §4)


class TapeCodeError(EncodingError):
    """Texts that are not the codes of one tape."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What the counts are about."""

    election: str
    round: int
    branch: str
    terminal: str
    manifest_sha256: str
    close_no: int


def write(tally: bytes, manifest: TrustedManifest, *, branch: str, terminal: str) -> list[str]:
    """The texts of the codes for a tally (the terminal's DSSE envelope), one or more.

    Raises:
        EncodingError, StatementError, SignatureInvalidError, ManifestError: as ``crypto.reports.check_report``.
    """
    report = check_report(tally, manifest, branch=branch, terminal=terminal, kind="tally")
    entry = manifest.branch(branch)
    head = _HEAD.pack(
        VERSION,
        bytes.fromhex(manifest.sha256)[:_MANIFEST_PREFIX],
        manifest.manifest.branches.index(entry),
        entry.all_terminals.index(terminal),
        report.close_no,
        bytes.fromhex(manifest.definition_sha256(branch))[:PREFIX_BYTES],
    )
    signature = Envelope.from_bytes(tally).signatures[0].sig
    whole = head + pack_checked(report, manifest) + signature
    tag = sha256(whole).hexdigest()[:8].upper()
    chunks = [whole[at : at + _PART_BYTES] for at in range(0, len(whole), _PART_BYTES)]
    if len(chunks) > PARTS_MAX:
        raise TapeCodeError(
            f"the tally of {terminal!r} needs {len(chunks)} codes: at most {PARTS_MAX} go on a tape"
        )
    return [
        f"BKT{VERSION}:{number:02}/{len(chunks):02}:{tag}:{base45(chunk)}"
        for number, chunk in enumerate(chunks, 1)
    ]


def read(texts: Iterable[str], manifest: TrustedManifest) -> tuple[Tally, bytes]:
    """The tally and the terminal's DSSE envelope, verified, from the texts of a tape's codes in any order.

    Raises:
        TapeCodeError: codes are missing, misread, or of several tapes.
        ManifestError: the tape was printed under another manifest.
        EncodingError, StatementError, SignatureInvalidError: as ``crypto.reports.check_report``.
    """
    whole = _joined(list(texts))
    if len(whole) < _HEAD.size + SIGNATURE_BYTES:
        raise TapeCodeError(f"the codes hold {len(whole)} bytes: too few for a tally")
    version, prefix, place, terminal_place, close_no, definition = _HEAD.unpack_from(whole)
    if version != VERSION:
        raise TapeCodeError(f"codes of version {version}: this program reads version {VERSION}")
    if prefix != bytes.fromhex(manifest.sha256)[:_MANIFEST_PREFIX]:
        raise ManifestError(f"the tape was printed under manifest {prefix.hex()}...: load that of its round")
    branches = manifest.manifest.branches
    if place >= len(branches) or terminal_place >= len(branches[place].all_terminals):
        raise ManifestError(
            "the codes name a branch or terminal that the manifest does not have: read them again"
        )
    branch, terminal = branches[place], branches[place].all_terminals[terminal_place]
    if definition != bytes.fromhex(manifest.definition_sha256(branch.id))[:PREFIX_BYTES]:
        raise ManifestError("the counts are packed by another ballot definition than the manifest's")
    size = _HEAD.size + packed_bytes(manifest, branch.id) + SIGNATURE_BYTES
    if len(whole) != size:
        raise TapeCodeError(f"the codes hold {len(whole)} bytes: a tally of branch {branch.id!r} has {size}")
    unit = _Unit(
        manifest.manifest.election, manifest.manifest.round, branch.id, terminal, manifest.sha256, close_no
    )
    tally = unpack(whole[_HEAD.size : -SIGNATURE_BYTES], unit, manifest)
    signature = Signature(key_id(manifest.terminal_key(terminal)), whole[-SIGNATURE_BYTES:])
    data = Envelope(TYPE_TALLY, codec.to_bytes(tally), (signature,)).to_bytes()
    return check_report(data, manifest, branch=branch.id, terminal=terminal, kind="tally"), data


def _joined(texts: Sequence[str]) -> bytes:
    matches = []
    for text in texts:
        match = _TEXT.fullmatch(text)
        if match is None:
            raise TapeCodeError(
                f"no code of a tape: it begins with {text[:24]!r}, not with BKT{VERSION}:01/01:"
            )
        matches.append(match)
    wholes = {(int(match[2]), match[3]) for match in matches}
    if len(wholes) != 1:
        raise TapeCodeError(f"these are codes of {len(wholes)} different tapes: give those of one")
    found: dict[int, bytes] = {}
    for match in matches:
        chunk = from_base45(match[4])
        if found.setdefault(int(match[1]), chunk) != chunk:
            raise TapeCodeError(f"code {int(match[1])} is there twice, and differs")
    count, tag = wholes.pop()
    missing = [number for number in range(1, count + 1) if number not in found]
    if missing or len(found) != count:
        raise TapeCodeError(
            f"of {count} codes these are missing: {', '.join(map(str, missing)) or 'none, but more came'}"
        )
    whole = b"".join(found[number] for number in range(1, count + 1))
    if sha256(whole).hexdigest()[:8].upper() != tag:
        raise TapeCodeError("the codes do not make what was printed: read them again")
    return whole


def base45(data: bytes) -> str:
    """RFC 9285."""
    out = []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, _BASE)
            out.append(_ALPHABET[digit])
    return "".join(out)


def from_base45(text: str) -> bytes:
    """RFC 9285; raises TapeCodeError for anything that ``base45`` does not write."""
    out = bytearray()
    for at in range(0, len(text), _PAIR):
        digits = [_ALPHABET.find(char) for char in text[at : at + _PAIR]]
        size = len(digits) - 1
        value = sum(digit * _BASE**place for place, digit in enumerate(digits))
        if size < 1 or -1 in digits or value >> 8 * size:
            raise TapeCodeError(f"no Base45 at character {at}: read the code again")
        out += value.to_bytes(size, "big")
    return bytes(out)
