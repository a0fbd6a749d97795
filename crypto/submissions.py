"""What a branch device sends to the centre: verified by the enrolled device key, and held against the manifest."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import codec, enc_proof, envelope
from crypto.envelope import Envelope
from crypto.errors import SignatureInvalidError, StatementError
from crypto.hpke import KEY_BYTES
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import device_of_key, manifest_of_submission
from crypto.orders import check_voters_signed_in
from crypto.packing import ciphertext_bytes
from crypto.reports import check_fields, check_report
from crypto.statements import AccountSubmission, SealedHeader, SealedTally, Submission
from crypto.wire import TYPE_ACCOUNT_SUBMISSION, TYPE_SEALED_TALLY

_TYPES: Final[dict[str, type[AccountSubmission | SealedTally]]] = {
    TYPE_ACCOUNT_SUBMISSION: AccountSubmission,
    TYPE_SEALED_TALLY: SealedTally,
}


@dataclass(frozen=True, slots=True)
class CheckedSubmission:
    """A submission that its device signed. ``data`` is the envelope verbatim, ``sha256`` its hexadecimal hash."""

    statement: AccountSubmission | SealedTally
    sha256: str
    data: bytes


def check_submission(data: bytes, manifest: TrustedManifest) -> CheckedSubmission:
    """Verify one envelope of a branch device; says nothing about sequence, duplicates or where it came from.

    Where ``manifest`` has earlier ones, an envelope made under one of them is held against that one, and is refused
    unless the newest says the same of its branch (crypto.manifest_chain).

    Raises:
        EncodingError, StatementError: not a submission, or one about something that the manifest defines otherwise.
        SignatureInvalidError: not signed by the device that it names, and by that alone.
        ManifestError: the key, branch or terminal is unknown to the manifest, or the newest withdrew it.
        SealError: the sealer of a tally does not show that it made the encapsulated key itself.
    """
    envelope_ = Envelope.from_bytes(data)
    type_ = _TYPES.get(envelope_.payload_type)
    if type_ is None:
        raise StatementError(f"{envelope_.payload_type!r} is no type of submission: send {sorted(_TYPES)}")
    # The bytes are verified before they are parsed, so the device is found by its key and not by its claim.
    device = device_of_key(manifest, envelope_.signatures[0].keyid)
    keys = {envelope_.signatures[0].keyid: codec.unb64(device.public_key)}
    envelope.verify(envelope_, payload_type=envelope_.payload_type, keys=keys)
    statement = codec.from_bytes(envelope_.payload, type_)
    if statement.device != device.id:
        raise SignatureInvalidError(f"signed by device {device.id!r} in the name of {statement.device!r}")
    manifest = manifest_of_submission(manifest, statement)
    check_subject(statement, manifest)
    if isinstance(statement, SealedTally):
        _check_sealed(statement, manifest)
    else:
        _check_account(statement, manifest)
    return CheckedSubmission(statement, codec.sha256_hex(data), data)


def seal_info(header: SealedHeader) -> bytes:
    """HPKE ``info``: SHA-256 (32 raw bytes) of the canonical header, type included.

    Of a whole SealedTally its header counts: ``enc``, its proof and the ciphertext are left out.
    """
    return sha256(codec.to_bytes(header_of(header), is_checked=True)).digest()


def header_of(sealed: SealedHeader) -> SealedHeader:
    """Return the header alone of a sealed tally."""
    if type(sealed) is SealedHeader:
        return sealed
    return SealedHeader(**{name: getattr(sealed, name) for name in SealedHeader.__struct_fields__})


def sign_account(submission: AccountSubmission, device_key: SigningKey) -> bytes:
    """Sign a ballot account for the centre; returns the envelope bytes that ``check_submission`` reads."""
    return envelope.sign(TYPE_ACCOUNT_SUBMISSION, codec.to_bytes(submission), [device_key]).to_bytes()


def check_subject(submission: Submission, manifest: TrustedManifest) -> None:
    """Raise StatementError or ManifestError unless all ids of a submission belong together under this manifest."""
    branch = manifest.branch(submission.branch)
    expected: dict[str, str | int] = {
        "election": manifest.manifest.election,
        "round": manifest.manifest.round,
        "manifest_sha256": manifest.sha256,
    }
    check_fields(f"the submission of branch {branch.id!r}", submission, expected)
    if submission.device not in branch.all_devices:
        raise StatementError(f"device {submission.device!r} does not belong to branch {branch.id!r}")
    if submission.terminal not in branch.all_terminals:
        raise StatementError(f"terminal {submission.terminal!r} does not belong to branch {branch.id!r}")


def _check_account(statement: AccountSubmission, manifest: TrustedManifest) -> None:
    account = check_report(
        codec.unb64(statement.account),
        manifest,
        branch=statement.branch,
        terminal=statement.terminal,
        kind="account",
    )
    if account.close_no != statement.close_no:
        raise StatementError(
            f"the submission is about close {statement.close_no}, the ballot account in it about close "
            f"{account.close_no}"
        )
    check_voters_signed_in(statement.voters_signed_in, manifest, statement.branch)
    contests = {contest.id for contest in manifest.contests_of(statement.branch)}
    for finding in statement.findings:
        if finding.contest is not None and finding.contest not in contests:
            raise StatementError(
                f"finding {finding.code!r} names contest {finding.contest!r}, which branch {statement.branch!r} "
                f"does not count"
            )


def _check_sealed(statement: SealedTally, manifest: TrustedManifest) -> None:
    kid = manifest.manifest.election_key.kid
    if statement.kid != kid:
        raise StatementError(f"the tally is sealed to key {statement.kid!r}, but the election key is {kid!r}")
    expected = {
        "enc": KEY_BYTES,
        "enc_proof": enc_proof.PROOF_BYTES,
        "ciphertext": ciphertext_bytes(manifest, statement.branch),
    }
    raw = {field: codec.unb64(getattr(statement, field)) for field in expected}
    for field, size in expected.items():
        if len(raw[field]) != size:
            raise StatementError(
                f"{field} of the sealed tally has {len(raw[field])} bytes; for branch {statement.branch!r} it has "
                f"{size}"
            )
    enc_proof.verify(
        raw["enc_proof"], enc=raw["enc"], info=seal_info(statement), ciphertext=raw["ciphertext"]
    )
