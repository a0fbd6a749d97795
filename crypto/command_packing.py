"""Commands packed for narrow rungs: as few bytes as can be, from which the very note is rendered again.

    byte 0      ``FIRST_BYTE``: no compact carrier, no acknowledgement and no UTF-8 text begins with it
    byte 1      kind (bits 0-1), bit 2: for one branch, bit 3: the text is in ``message_text``'s table, bits 4-7 zero
    varint      number (LEB128)
    5 bytes     issued, seconds since 1970, big endian
    varint      lifetime, seconds
    8 bytes     only for one branch: the first ones of the SHA-256 of its id
    varint      of pacing: the pause in milliseconds; of a manifest: its version, and 32 bytes of SHA-256; of a message:
                its text, up to the signature
    64 bytes    Ed25519 signature of the log

Log, election and round are the reader's own, by its manifest. Pacing and clock hints need 75 to 94 bytes, one SMS; a
message of ``TEXT_MAX`` Persian or English characters needs three.
"""

from hashlib import sha256
from typing import Any, Final

from crypto import codec, command, message_text
from crypto.command import Command
from crypto.errors import ProofError, StatementError
from crypto.manifest import TrustedManifest
from crypto.sms import PART_OCTETS

FIRST_BYTE: Final = 0xC5
PARTS_MAX: Final = 4  # SMS that one command may take
PACKED_MAX: Final = PARTS_MAX * PART_OCTETS  # bytes
_KIND_BITS: Final = 0x03
_ONE_BRANCH: Final = 0x04
_TABLE: Final = 0x08
_SIGNATURE_BYTES: Final = 64
_KEY_HASH_BYTES: Final = 4
_TIME_BYTES: Final = 5
_BRANCH_BYTES: Final = 8
_VARINT_BYTES: Final = 5  # enough for NUMBER_MAX


def pack(note: str, manifest: TrustedManifest) -> bytes:
    """Return the bytes from which ``unpack`` renders ``note`` again.

    Raises:
        ProofError: when ``note`` is no command that ``check`` believes, is for a branch that the manifest does not
            define, or needs more than ``PACKED_MAX`` bytes.
    """
    checked = command.check(note, manifest)
    signature = codec.unb64(note.removesuffix("\n").rpartition(" ")[2])[_KEY_HASH_BYTES:]
    packed = _head(checked) + _body(checked) + signature
    if len(packed) > PACKED_MAX:
        raise ProofError(
            f"command: packed it has {len(packed)} bytes, {PARTS_MAX} SMS carry {PACKED_MAX}: shorten the text"
        )
    if checked.branch is not None:
        _branch_of(_branch_hash(checked.branch), manifest)
    return packed


def unpack(packed: bytes, manifest: TrustedManifest) -> str:
    """Return the note that was packed. Its signature is for ``command.check`` to check.

    Raises:
        ProofError: when these are not the bytes of a command for this election.
    """
    if not 2 + _SIGNATURE_BYTES < len(packed) <= PACKED_MAX or packed[0] != FIRST_BYTE:
        raise ProofError(
            f"not a packed command: {len(packed)} bytes beginning with {packed[:1].hex() or 'nothing'}, at most "
            f"{PACKED_MAX} beginning with {FIRST_BYTE:02x} are needed"
        )
    content, signature = packed[:-_SIGNATURE_BYTES], packed[-_SIGNATURE_BYTES:]
    unpacked = _read(content, manifest)
    if _head(unpacked) + _body(unpacked) != content:
        raise ProofError("packed command: it is not packed in the one form of commands")
    log = manifest.log_verifier
    text = command.text_of(unpacked, log.name)
    return f"{text}\n\N{EM DASH} {log.name} {codec.b64(log.key_hash + signature)}\n"


def note_of(data: bytes, manifest: TrustedManifest) -> str:
    """Return the note that ``data`` holds, as it is or packed. Nothing is verified.

    Raises:
        ProofError: when it is neither.
    """
    if data[:1] == bytes([FIRST_BYTE]):
        return unpack(data, manifest)
    if len(data) > 4 * command.COMMAND_MAX:
        raise ProofError(f"not a command: {len(data)} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProofError(f"not a command: neither packed nor a note in UTF-8 ({error.reason})") from error


def _head(one: Command) -> bytes:
    flags = command.KINDS.index(one.kind)
    if one.branch is not None:
        flags |= _ONE_BRANCH
    if one.text is not None and message_text.in_table(one.text):
        flags |= _TABLE
    head = bytes([FIRST_BYTE, flags]) + _varint(one.number) + one.issued_s.to_bytes(_TIME_BYTES, "big")
    head += _varint(one.expires_s - one.issued_s)
    return head + (b"" if one.branch is None else _branch_hash(one.branch))


def _body(one: Command) -> bytes:
    if one.pause_ms is not None:
        return _varint(one.pause_ms)
    if one.text is not None:
        return message_text.encode(one.text)
    if one.manifest_version is not None and one.manifest_sha256 is not None:
        return _varint(one.manifest_version) + bytes.fromhex(one.manifest_sha256)
    return b""


def _read(content: bytes, manifest: TrustedManifest) -> Command:
    flags, rest = content[1], content[2:]
    number, rest = _take_varint(rest)
    issued, rest = int.from_bytes(_exactly(rest, _TIME_BYTES), "big"), rest[_TIME_BYTES:]
    lifetime, rest = _take_varint(rest)
    branch = None
    if flags & _ONE_BRANCH:
        branch, rest = _branch_of(_exactly(rest, _BRANCH_BYTES), manifest), rest[_BRANCH_BYTES:]
    kind, fields = command.KINDS[flags & _KIND_BITS], dict[str, Any]()
    if kind == "pacing":
        fields["pause_ms"], rest = _take_varint(rest)
    elif kind == "message":
        fields["text"], rest = message_text.decode(rest, table=bool(flags & _TABLE)), b""
    elif kind == "manifest":
        fields["manifest_version"], rest = _take_varint(rest)
        fields["manifest_sha256"], rest = rest.hex(), b""
    if rest:
        raise ProofError("packed command: there is more than one command in it")
    try:
        return Command(
            kind=kind,
            election=manifest.manifest.election,
            round=manifest.manifest.round,
            branch=branch,
            number=number,
            issued_at=command.seconds_text(issued),
            expires_at=command.seconds_text(issued + lifetime),
            **fields,
        )
    except StatementError as error:
        raise ProofError(f"packed command: {error}") from error


def _branch_hash(branch: str) -> bytes:
    return sha256(branch.encode()).digest()[:_BRANCH_BYTES]


def _branch_of(wanted: bytes, manifest: TrustedManifest) -> str:
    """The branch by the hash of its id: not by its place, which another version of the manifest may change."""
    found = [one.id for one in manifest.manifest.branches if _branch_hash(one.id) == wanted]
    if len(found) != 1:
        raise ProofError(f"packed command: it is for a branch ({wanted.hex()}) that this manifest has not")
    return found[0]


def _exactly(data: bytes, count: int) -> bytes:
    if len(data) < count:
        raise ProofError("packed command: it is cut off")
    return data[:count]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 1 << 7:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _take_varint(data: bytes) -> tuple[int, bytes]:
    number = 0
    for index, byte in enumerate(data[:_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 1 << 7:
            return number, data[index + 1 :]
    raise ProofError("packed command: a number in it does not end")
