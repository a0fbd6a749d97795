"""The compact carrier of an envelope: the same DSSE bytes, packed for SMS, QR codes and files.

Whatever the manifest knows (election, round, ids, keys) is carried as a short reference; only what cannot be derived is
carried raw: chain hashes, the ciphertext, counts of an account, signatures. ``from_compact`` renders again exactly the
canonical JSON that the device signed, so there is no checksum: any other byte gives another envelope, whose signature
fails. Layout and a worked example: ``docs/compact-carrier.md``.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, Literal, TypeVar, get_args

from msgspec import structs

from crypto import codec
from crypto.enc_proof import PROOF_BYTES
from crypto.envelope import Envelope, Signature
from crypto.errors import EncodingError, ManifestError, StatementError
from crypto.hpke import KEY_BYTES
from crypto.identity import SIGNATURE_BYTES, key_id
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import PREFIX_BYTES, manifest_of_submission, named
from crypto.packing import ciphertext_bytes
from crypto.statements import (
    AccountSubmission,
    BallotAccount,
    BranchEntry,
    Cause,
    Finding,
    JournalCheckpoint,
    SealedTally,
    Submission,
)
from crypto.submissions import check_submission
from crypto.wire import TYPE_ACCOUNT_SUBMISSION, TYPE_BALLOT_ACCOUNT, TYPE_SEALED_TALLY

VERSION: Final = 2  # 0 to 15: the high half of the first byte

_SEALED: Final = 1
_ACCOUNT: Final = 2  # kinds: the low half of the first byte
_KIND_NAMES: Final = {_SEALED: "sealed tally", _ACCOUNT: "ballot account"}

_HEAD: Final = Struct(">B4sIBIIQ32s")
"""Version and kind, manifest prefix, device and branch index, flags, close_no, seq, journal size and root. Big endian.

The index of the device within its branch is in the high byte, that of the branch in the three others.
"""
_PREV: Final = 0x80  # flags: the hash of the previous envelope follows
_SUPERSEDES: Final = 0x40  # flags: the hash of the superseded envelope follows
_CAUSE_SHIFT: Final = 3  # flags: bits 5 to 3 are the index of the cause
_THREE_BITS: Final = 0x07  # flags: bits 2 to 0 are the index of the terminal within its branch (at most 8)
_HASH_BYTES: Final = 32
_COUNT_BYTES: Final = 3  # wire.Count
_FINDINGS_BYTES: Final = 2  # how many findings there are
_FINDING_BYTES: Final = 2
_BRANCH_BITS: Final = 24
_Code = Literal[
    "signed-in-differs",
    "more-counted-than-signed-in",
    "candidates-do-not-add-up",
    "valid-and-invalid-do-not-add-up",
    "public-counter-differs",
    "account-differs-from-tally",
]
_Grade = Literal["note", "alarm"]

# Positions in these three are on the wire: append, never reorder.
_CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
_GRADES: Final[tuple[_Grade, ...]] = ("note", "alarm")
_CODES: Final[tuple[_Code, ...]] = (
    "signed-in-differs",
    "more-counted-than-signed-in",
    "candidates-do-not-add-up",
    "valid-and-invalid-do-not-add-up",
    "public-counter-differs",
    "account-differs-from-tally",
)

_T = TypeVar("_T")


class CarrierError(EncodingError):
    """Bytes that are no compact carrier of this version."""


class TruncatedError(CarrierError):
    """A compact carrier whose end is missing: fetch or photograph it again."""


def to_compact(envelope_bytes: bytes, manifest: TrustedManifest) -> bytes:
    """Pack an envelope of a branch device: whatever ``check_submission`` accepts can be packed.

    The length of a sealed tally depends on its ballot style and on whether ``prev`` and ``supersedes`` are there, never
    on the result.

    Raises:
        EncodingError, StatementError, SignatureInvalidError, ManifestError: as ``check_submission``, which the envelope
            must pass: nobody should spend five messages on what the centre will refuse.
    """
    statement = check_submission(envelope_bytes, manifest).statement
    manifest = manifest_of_submission(manifest, statement)
    if isinstance(statement, SealedTally):
        kind, body = _SEALED, _pack_sealed(statement)
    else:
        kind, body = _ACCOUNT, _pack_account(statement, manifest)
    signature = Envelope.from_bytes(envelope_bytes).signatures[0].sig
    data = b"".join((_pack_head(kind, statement, manifest), body, signature))
    if from_compact(data, manifest) != envelope_bytes:
        raise StatementError(
            f"envelope {statement.seq} of device {statement.device!r} would not come out of its compact carrier "
            f"unchanged: send the JSON instead, and report this"
        )
    return data


def from_compact(data: bytes, manifest: TrustedManifest) -> bytes:
    """Render the envelope that ``to_compact`` packed, byte for byte. No two carriers give the same envelope.

    Packed under any manifest of a chain (crypto.manifest_chain): a carrier says which. Nothing is verified here: give
    the result to ``check_submission``.

    Raises:
        TruncatedError: the end is missing.
        CarrierError: another version or kind, reserved bits, or bytes after the end.
        ManifestError: packed under another manifest, or a reference to what the manifest does not define.
        StatementError: a number is outside the limits of its field.
    """
    reader = _Reader(data)
    (first,) = reader.take(1, "version")
    version, kind = first >> 4, first & 0x0F
    if version != VERSION:
        raise CarrierError(
            f"compact carrier of version {version}: this program reads version {VERSION}; check that these bytes are "
            f"a carrier, or update the program"
        )
    if kind not in _KIND_NAMES:
        raise CarrierError(f"compact carrier of kind {kind}: known are {_KIND_NAMES}")
    outer = _read_outer(reader, manifest)
    manifest = named(manifest, outer.manifest_sha256) or manifest
    statement: SealedTally | AccountSubmission
    if kind == _SEALED:
        payload_type, statement = TYPE_SEALED_TALLY, _read_sealed(reader, outer, manifest)
    else:
        payload_type, statement = TYPE_ACCOUNT_SUBMISSION, _read_account(reader, outer, manifest)
    signature = Signature(
        key_id(manifest.device_key(outer.device)), reader.take(SIGNATURE_BYTES, "signature")
    )
    reader.end()
    return Envelope(payload_type, codec.to_bytes(statement), (signature,)).to_bytes()


class _Reader:
    """Takes fields off the front, and says which one was cut."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int, what: str) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise TruncatedError(
                f"compact carrier of {len(self._data)} bytes ends before or within its {what}, which needs {end}: "
                f"the end is missing; fetch it again"
            )
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "big")

    def end(self) -> None:
        surplus = len(self._data) - self._at
        if surplus:
            raise CarrierError(
                f"compact carrier has {surplus} bytes after its end at byte {self._at}: take one carrier at a time"
            )


def _pack_head(kind: int, statement: Submission, manifest: TrustedManifest) -> bytes:
    branch = manifest.branch(statement.branch)
    hashes = [(_PREV, statement.prev), (_SUPERSEDES, statement.supersedes)]
    flags = _CAUSES.index(statement.cause) << _CAUSE_SHIFT | branch.all_terminals.index(statement.terminal)
    flags |= sum(flag for flag, value in hashes if value is not None)
    head = _HEAD.pack(
        VERSION << 4 | kind,
        _prefix(manifest),
        branch.all_devices.index(statement.device) << _BRANCH_BITS | manifest.manifest.branches.index(branch),
        flags,
        statement.close_no,
        statement.seq,
        statement.journal.size,
        bytes.fromhex(statement.journal.root),
    )
    return head + b"".join(bytes.fromhex(value) for _, value in hashes if value is not None)


def _read_outer(reader: _Reader, newest: TrustedManifest) -> Submission:
    """Read everything up to the body; the first byte has been taken off and looked at."""
    head = _HEAD.unpack(b"\0" + reader.take(_HEAD.size - 1, "header"))
    _, prefix, place, flags, close_no, seq, journal_size, journal_root = head
    manifest = named(newest, prefix.hex())
    if manifest is None:
        raise ManifestError(
            f"compact carrier made under manifest {prefix.hex()}..., but {_prefix(newest).hex()}... is loaded: "
            f"load the manifest of its round"
        )
    branch: BranchEntry = _referred(
        manifest.manifest.branches, place & ((1 << _BRANCH_BITS) - 1), "branch", ManifestError
    )
    device: str = _referred(
        branch.all_devices, place >> _BRANCH_BITS, f"device of branch {branch.id!r}", ManifestError
    )
    terminal: str = _referred(
        branch.all_terminals, flags & _THREE_BITS, f"terminal of branch {branch.id!r}", ManifestError
    )
    cause: Cause = _referred(_CAUSES, flags >> _CAUSE_SHIFT & _THREE_BITS, "cause", CarrierError)
    return Submission(
        election=manifest.manifest.election,
        round=manifest.manifest.round,
        branch=branch.id,
        device=device,
        terminal=terminal,
        close_no=close_no,
        seq=seq,
        prev=reader.take(_HASH_BYTES, "prev").hex() if flags & _PREV else None,
        manifest_sha256=manifest.sha256,
        journal=JournalCheckpoint(size=journal_size, root=journal_root.hex()),
        supersedes=reader.take(_HASH_BYTES, "supersedes").hex() if flags & _SUPERSEDES else None,
        cause=cause,
    )


def _pack_sealed(statement: SealedTally) -> bytes:
    raw = (codec.unb64(one) for one in (statement.enc, statement.enc_proof, statement.ciphertext))
    return bytes.fromhex(statement.inner_sha256) + b"".join(raw)


def _read_sealed(reader: _Reader, outer: Submission, manifest: TrustedManifest) -> SealedTally:
    return SealedTally(
        **structs.asdict(outer),
        kid=manifest.manifest.election_key.kid,
        inner_sha256=reader.take(_HASH_BYTES, "inner_sha256").hex(),
        enc=codec.b64(reader.take(KEY_BYTES, "enc")),
        enc_proof=codec.b64(reader.take(PROOF_BYTES, "enc_proof")),
        ciphertext=codec.b64(reader.take(ciphertext_bytes(manifest, outer.branch), "ciphertext")),
    )


def _pack_account(statement: AccountSubmission, manifest: TrustedManifest) -> bytes:
    terminal_envelope = Envelope.from_bytes(codec.unb64(statement.account))
    account = codec.from_bytes(terminal_envelope.payload, BallotAccount)
    contests = [contest.id for contest in manifest.contests_of(statement.branch)]
    counts = [count for one in contests for count in (account.ballots[one], statement.voters_signed_in[one])]
    pieces = [count.to_bytes(_COUNT_BYTES, "big") for count in (*counts, account.public_counter)]
    pieces.append(len(statement.findings).to_bytes(_FINDINGS_BYTES, "big"))
    for finding in statement.findings:
        place = 0 if finding.contest is None else contests.index(finding.contest) + 1
        pieces.append(bytes([_GRADES.index(finding.grade) << 7 | _CODES.index(finding.code), place]))
    pieces.append(terminal_envelope.signatures[0].sig)
    return b"".join(pieces)


def _read_account(reader: _Reader, outer: Submission, manifest: TrustedManifest) -> AccountSubmission:
    contests = [contest.id for contest in manifest.contests_of(outer.branch)]
    ballots: dict[str, int] = {}
    voters_signed_in: dict[str, int] = {}
    for contest in contests:
        ballots[contest] = reader.number(_COUNT_BYTES, f"ballots of contest {contest!r}")
        voters_signed_in[contest] = reader.number(_COUNT_BYTES, f"voters signed in of contest {contest!r}")
    account = BallotAccount(
        election=outer.election,
        round=outer.round,
        branch=outer.branch,
        terminal=outer.terminal,
        manifest_sha256=outer.manifest_sha256,
        definition_sha256=manifest.definition_sha256(outer.branch),
        close_no=outer.close_no,
        ballots=ballots,
        public_counter=reader.number(_COUNT_BYTES, "public counter"),
    )
    # All findings are taken off at once: a forged number of them must not make us work for nothing.
    size = _FINDING_BYTES * reader.number(_FINDINGS_BYTES, "number of findings")
    packed = reader.take(size, "findings")
    findings = tuple(
        _read_finding(packed[at], packed[at + 1], contests) for at in range(0, size, _FINDING_BYTES)
    )
    signature = Signature(
        key_id(manifest.terminal_key(outer.terminal)), reader.take(SIGNATURE_BYTES, "terminal's signature")
    )
    terminal_envelope = Envelope(TYPE_BALLOT_ACCOUNT, codec.to_bytes(account), (signature,))
    return AccountSubmission(
        **structs.asdict(outer),
        account=codec.b64(terminal_envelope.to_bytes()),
        voters_signed_in=voters_signed_in,
        findings=findings,
    )


def _read_finding(what: int, place: int, contests: Sequence[str]) -> Finding:
    return Finding(
        grade=_GRADES[what >> 7],
        code=_referred(_CODES, what & 0x7F, "code of a finding", CarrierError),
        contest=_referred(contests, place - 1, "contest of a finding", ManifestError) if place else None,
    )


def _prefix(manifest: TrustedManifest) -> bytes:
    """Of the manifest's fingerprint: says which manifest to take; the signature covers all 32 bytes."""
    return bytes.fromhex(manifest.sha256)[:PREFIX_BYTES]


def _referred(
    table: Sequence[_T], index: int, what: str, error: type[CarrierError] | type[ManifestError]
) -> _T:
    if index >= len(table):
        raise error(
            f"compact carrier refers to {what} number {index}, counted from 0, and there are {len(table)}: it is "
            f"damaged or not made by this version"
        )
    return table[index]
