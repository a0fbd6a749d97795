"""C2SP signed notes, checkpoints and cosignatures (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature).

Only Ed25519 is spoken: type 0x01 for notes, type 0x04 for witnesses' cosignatures. As the specification demands,
signature lines of unknown keys are skipped; every line of a known key must be right.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final

from crypto import codec, identity
from crypto.errors import EncodingError, ProofError, SignatureInvalidError
from crypto.identity import SigningKey
from crypto.merkle import HASH_BYTES, SIZE_MAX

NOTE_MAX: Final = 64 * 1024  # bytes of one signed note
SIGNATURE_LINES_MAX: Final = 100  # signature lines in one note
TIMESTAMP_MAX: Final = 2**63 - 1  # seconds since the epoch in a cosignature

_KEY_HASH_BYTES: Final = 4
_TIMESTAMP_BYTES: Final = 8
_DASH: Final = "\N{EM DASH} "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_VKEY: Final = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")


class NoteVerifier:
    """The public half of a key that signs notes, made from its C2SP verifier key ``name+hash+base64``.

    Raises:
        ProofError: when ``vkey`` is malformed, of another signature type, or contradicts its own hash.
    """

    TYPE: ClassVar[int] = 0x01

    __slots__ = ("key_hash", "name", "public")

    def __init__(self, vkey: str) -> None:
        match = _VKEY.fullmatch(vkey)
        if match is None:
            raise ProofError(f"verifier key {vkey!r} is not name+hash+base64")
        self.name: Final = match[1]
        _check_name(self.name)
        material = _unb64(match[3], f"verifier key {vkey!r}")
        if material[:1] != bytes([self.TYPE]):
            raise ProofError(
                f"verifier key {vkey!r} is of type {material[:1].hex()}: {self.TYPE:02x} is needed here"
            )
        self.public: Final = material[1:]
        try:
            identity.check_public(self.public)
        except SignatureInvalidError as error:
            raise ProofError(f"verifier key {vkey!r}: {error}") from error
        self.key_hash: Final = _key_hash(self.name, self.TYPE, self.public)
        if self.key_hash.hex() != match[2]:
            raise ProofError(f"verifier key {vkey!r}: its hash should be {self.key_hash.hex()}")

    @classmethod
    def vkey_of(cls, name: str, public: bytes) -> str:
        """Return the verifier key of a name and a public key (32 bytes); raises ProofError for a name that is none."""
        _check_name(name)
        return f"{name}+{_key_hash(name, cls.TYPE, public).hex()}+{codec.b64(bytes([cls.TYPE]) + public)}"

    def check(self, text: str, signature: bytes) -> None:
        """Check ``signature`` (without the key hash) over the text of a note.

        Raises:
            ProofError: when it is wrong.
        """
        self._check(_utf8(text), signature)

    def _check(self, message: bytes, signature: bytes) -> None:
        try:
            identity.verify(self.public, message, signature)
        except SignatureInvalidError as error:
            raise ProofError(f"note: signature of {self.name} is wrong: {error}") from error


class CosignatureVerifier(NoteVerifier):
    """The public half of a witness's key: it vouches for a checkpoint at a time (cosignature/v1)."""

    TYPE: ClassVar[int] = 0x04

    __slots__ = ()

    def check(self, text: str, signature: bytes) -> None:
        """Check ``signature`` (8 bytes of time, 64 of Ed25519) over the text of a checkpoint.

        Raises:
            ProofError: when it is wrong.
        """
        time_s = int.from_bytes(signature[:_TIMESTAMP_BYTES], "big")
        if time_s > TIMESTAMP_MAX:
            raise ProofError(f"note: cosignature of {self.name} is beyond all times: {time_s} s")
        self._check(_cosigned(text, time_s), signature[_TIMESTAMP_BYTES:])


class _NamedKey:
    """A private key under a name: what both kinds of signer share."""

    TYPE: ClassVar[int]

    __slots__ = ("_key", "_key_hash", "name", "vkey")

    def __init__(self, name: str, key: SigningKey) -> None:
        _check_name(name)
        self.name: Final = name
        self._key = key
        self._key_hash = _key_hash(name, self.TYPE, key.public)
        self.vkey: Final = f"{name}+{self._key_hash.hex()}+{codec.b64(bytes([self.TYPE]) + key.public)}"

    def _line(self, signature: bytes) -> str:
        return f"{_DASH}{self.name} {codec.b64(self._key_hash + signature)}\n"


class NoteSigner(_NamedKey):
    """A key that signs notes under a name (no white space, no ``+``; better a URL without its scheme).

    Raises:
        ProofError: when the name cannot stand in a note.
    """

    TYPE: ClassVar[int] = 0x01

    __slots__ = ()

    def sign(self, text: str) -> str:
        """Return the note: ``text`` (which ends in a newline), an empty line, one signature line.

        Raises:
            ProofError: when ``text`` cannot be a note's.
        """
        _check_text(text)
        return f"{text}\n{self._line(self._key.sign(text.encode('utf-8')))}"


class Cosigner(_NamedKey):
    """A witness's key. Whether the log has only grown is the witness's business: here it just signs.

    Raises:
        ProofError: when the name cannot stand in a note.
    """

    TYPE: ClassVar[int] = 0x04

    __slots__ = ()

    def cosign(self, note: str, time_s: int) -> str:
        """Return ``note`` with one more signature line, which says that its checkpoint stood at ``time_s``.

        ``time_s`` counts seconds since the epoch, 0 to ``TIMESTAMP_MAX``.

        Raises:
            ProofError: when ``note`` is not a signed checkpoint, or the time is out of range.
        """
        text = text_of(note)
        Checkpoint.parse(text)
        if not 0 <= time_s <= TIMESTAMP_MAX:
            raise ProofError(f"cosignature of {self.name}: time {time_s} s is out of range")
        signature = self._key.sign(_cosigned(text, time_s))
        return note + self._line(time_s.to_bytes(_TIMESTAMP_BYTES, "big") + signature)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: ``origin`` names the log, ``size`` counts leaves, ``root`` is 32 bytes.

    Raises:
        ProofError: when a field cannot stand in a checkpoint.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise ProofError(f"checkpoint: origin {self.origin!r} is not one line")
        if not 0 <= self.size <= SIZE_MAX:
            raise ProofError(f"checkpoint of {self.origin}: size {self.size} is out of range")
        if len(self.root) != HASH_BYTES:
            raise ProofError(f"checkpoint of {self.origin}: root of {len(self.root)} bytes, not {HASH_BYTES}")

    def text(self) -> str:
        """Return the text to sign: three lines, each ending in a newline."""
        return f"{self.origin}\n{self.size}\n{codec.b64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the checkpoint that ``text`` (of a note already verified) holds.

        Raises:
            ProofError: for anything but the three lines in their one form. Extension lines are refused: nobody
                audits them.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - three lines, and nothing after the last newline
            raise ProofError(
                f"checkpoint has {len(lines) - 1} lines: origin, size and root are needed, no more"
            )
        return cls(lines[0], decimal(lines[1], "checkpoint: size"), _unb64(lines[2], "checkpoint: root"))


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note of which at least one known signature holds: its text, and the verifiers whose signatures hold."""

    text: str
    signed_by: tuple[NoteVerifier, ...]


def open_note(note: str, verifiers: Sequence[NoteVerifier]) -> OpenedNote:
    """Check ``note`` against the keys that we know.

    Raises:
        ProofError: when the note is malformed, no known key has signed it, a signature of a known key is wrong,
            or a known key has signed twice.
    """
    known = {(verifier.name, verifier.key_hash): verifier for verifier in verifiers}
    text, lines = _parse(note)
    signed_by: list[NoteVerifier] = []
    for line in lines:
        verifier = known.get((line.name, line.key_hash))
        if verifier is None:
            continue
        if verifier in signed_by:
            raise ProofError(f"note: {line.name} has signed twice")
        verifier.check(text, line.signature)
        signed_by.append(verifier)
    if not signed_by:
        raise ProofError(f"note: no signature of {sorted(v.name for v in verifiers)}")
    return OpenedNote(text, tuple(signed_by))


def verify_note(note: str, verifiers: Sequence[NoteVerifier]) -> str:
    """Return the text of ``note``, which at least one of ``verifiers`` has signed.

    Raises:
        ProofError: as ``open_note``.
    """
    return open_note(note, verifiers).text


def text_of(note: str) -> str:
    """Return the text of ``note`` without looking at its signatures: for the signers of it, not its readers.

    Raises:
        ProofError: when the note is malformed.
    """
    return _parse(note)[0]


def decimal(digits: str, what: str) -> int:
    """Return the number that ``digits`` writes in ASCII without leading zeros, 0 to ``SIZE_MAX``.

    Raises:
        ProofError: for any other form; ``what`` says where it stands.
    """
    if _DECIMAL.fullmatch(digits) is None or int(digits) > SIZE_MAX:
        raise ProofError(f"{what} {digits[:20]!r} is not a decimal number up to {SIZE_MAX}")
    return int(digits)


def vkey_of(name: str, public: bytes) -> str:
    """Return the C2SP verifier key ``name+hash+base64`` of an Ed25519 public key (32 bytes) that signs notes.

    Raises:
        ProofError: when the name cannot stand in a note.
    """
    _check_name(name)
    key_type = NoteVerifier.TYPE
    return f"{name}+{_key_hash(name, key_type, public).hex()}+{codec.b64(bytes([key_type]) + public)}"


@dataclass(frozen=True, slots=True)
class _SignatureLine:
    name: str
    key_hash: bytes
    signature: bytes


def _parse(note: str) -> tuple[str, list[_SignatureLine]]:
    """Split a note at its last empty line. Nothing is verified."""
    if len(note) > NOTE_MAX or len(_utf8(note)) > NOTE_MAX:
        raise ProofError(f"note is longer than {NOTE_MAX} bytes")
    body, gap, block = note.rpartition("\n\n")
    if not gap or not block.endswith("\n"):
        raise ProofError("note does not end in an empty line and signature lines, each with its newline")
    text, lines = body + "\n", block.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURE_LINES_MAX:
        raise ProofError(f"note has {len(lines)} signature lines: at most {SIGNATURE_LINES_MAX} are read")
    _check_text(text)
    return text, [_parse_line(line) for line in lines]


def _parse_line(line: str) -> _SignatureLine:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise ProofError(f"note: {line[:80]!r} is not a signature line")
    _check_name(name)
    raw = _unb64(encoded, f"note: signature of {name}")
    if len(raw) <= _KEY_HASH_BYTES:
        raise ProofError(f"note: signature of {name} is only {len(raw)} bytes long")
    return _SignatureLine(name, raw[:_KEY_HASH_BYTES], raw[_KEY_HASH_BYTES:])


def _check_text(text: str) -> None:
    _utf8(text)
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ProofError("note: its text must end in a newline and hold no other control character")


def _check_name(name: str) -> None:
    _utf8(name)
    if not name or "+" in name or _CONTROL.search(name) or any(map(str.isspace, name)):
        raise ProofError(f"note: {name[:80]!r} is no key name: it must be without white space and plus signs")


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ProofError(f"note: unpaired surrogate at character {error.start}") from error


def _unb64(encoded: str, what: str) -> bytes:
    try:
        return codec.unb64(encoded)
    except EncodingError as error:
        raise ProofError(f"{what}: {error}") from error


def _key_hash(name: str, key_type: int, public: bytes) -> bytes:
    return sha256(b"%b\n%c%b" % (name.encode("utf-8"), key_type, public)).digest()[:_KEY_HASH_BYTES]


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
