"""The sealed tally: what a terminal signed, committed to by the device, readable with the election key alone.

Inside (``packing``): prefix of the ballot definition | packed counts | blind | the terminal's signature | the
device's signature over the TallyCommitment. Outside: the header, whose hash is the HPKE ``info``, and the device's
DSSE envelope around it all. The blind keeps ``inner_sha256`` in the header from being a way to guess the counts.
"""

from dataclasses import dataclass, field

from msgspec import structs

from crypto import codec, enc_proof, envelope, identity
from crypto.envelope import Envelope, Signature
from crypto.errors import EncodingError, ManifestError, SealError, StatementError
from crypto.hpke import hpke_open, hpke_open_with_dh, hpke_seal, x25519_public
from crypto.identity import SIGNATURE_BYTES, SigningKey, key_id
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import manifest_of_submission
from crypto.packing import BLIND_BYTES, PREFIX_BYTES, pack_checked, packed_bytes, plaintext_bytes, unpack
from crypto.reports import check_report_envelope
from crypto.statements import SealedHeader, SealedTally, Submission, Tally, TallyCommitment
from crypto.submissions import check_subject, header_of, seal_info
from crypto.wire import TYPE_SEALED_TALLY, TYPE_TALLY, TYPE_TALLY_COMMITMENT

_AAD = b""  # everything that is bound is bound by info


@dataclass(frozen=True, slots=True)
class OpenedTally:
    """A tally whose seal, commitment and both signatures hold. Its ``repr`` shows no count.

    ``tally_envelope`` is the terminal's DSSE envelope, byte for byte as the terminal signed it.
    """

    tally: Tally = field(repr=False)
    tally_envelope: Envelope = field(repr=False)
    commitment: TallyCommitment = field(repr=False)
    device_signature: bytes


def seal_tally(
    submission: Submission,
    *,
    tally_envelope: Envelope,
    blind: bytes,
    device_key: SigningKey,
    manifest: TrustedManifest,
    ephemeral: bytes,
) -> bytes:
    """Seal a terminal's tally to the election key; returns the bytes of the outer DSSE envelope.

    ``blind`` and ``ephemeral`` are 32 fresh random bytes each, never used again. ``kid`` and ``inner_sha256`` of the
    header are filled in here.

    Raises:
        StatementError: the submission and the tally are not about the same unit, or a count does not fit.
        SignatureInvalidError: the terminal did not sign this tally.
        SealError: a key or the blind is not what the manifest and this suite ask for.
        ManifestError: an id is unknown.
    """
    check_subject(submission, manifest)
    if device_key.public != manifest.device_key(submission.device):
        raise SealError(
            f"the signing key is not the enrolled key of device {submission.device!r}: enrol it first"
        )
    if len(blind) != BLIND_BYTES:
        raise SealError(f"the blind has {len(blind)} bytes instead of {BLIND_BYTES}")
    tally = check_report_envelope(
        tally_envelope, manifest, branch=submission.branch, terminal=submission.terminal, kind="tally"
    )
    if tally.close_no != submission.close_no:
        raise StatementError(
            f"the submission is about close {submission.close_no}, the tally about close {tally.close_no}"
        )
    terminal_signature = tally_envelope.signatures[0].sig
    commitment = codec.to_bytes(_commitment(tally_envelope, blind, submission.device), is_checked=True)
    header = SealedHeader(
        **{name: getattr(submission, name) for name in Submission.__struct_fields__},
        kid=manifest.manifest.election_key.kid,
        inner_sha256=codec.sha256_hex(commitment),
    )
    device_signature = device_key.sign(envelope.pae(TYPE_TALLY_COMMITMENT, commitment))
    plaintext = (
        _prefix(manifest, tally.branch)
        + pack_checked(tally, manifest)
        + blind
        + terminal_signature
        + device_signature
    )
    info = seal_info(header)
    enc, ciphertext = hpke_seal(manifest.election_public_key, info, _AAD, plaintext, ephemeral=ephemeral)
    proof = enc_proof.prove(ephemeral, enc=enc, info=info, ciphertext=ciphertext)
    sealed = SealedTally(
        **structs.asdict(header),
        enc=codec.b64(enc),
        enc_proof=codec.b64(proof),
        ciphertext=codec.b64(ciphertext),
    )
    return envelope.sign(TYPE_SEALED_TALLY, codec.to_bytes(sealed), [device_key]).to_bytes()


def open_tally(sealed: SealedTally, private_key: bytes, manifest: TrustedManifest) -> OpenedTally:
    """Open a sealed tally with the X25519 election key (32 bytes) and verify everything inside.

    The outer DSSE envelope and ``enc_proof`` are ``submissions.check_submission``'s to verify.

    Raises:
        SealError: it is sealed for something else, does not open, or does not hold what its header commits to.
        SignatureInvalidError: the terminal's or the device's signature inside is wrong.
    """
    enc, ciphertext, manifest = _unwrap(sealed, manifest)
    if x25519_public(private_key) != manifest.election_public_key:
        raise SealError(
            f"the private key given is not the one of election key {sealed.kid!r}: take the right key file"
        )
    plaintext = hpke_open(private_key, enc, seal_info(sealed), _AAD, ciphertext)
    return _verify_plaintext(plaintext, header_of(sealed), manifest)


def open_tally_with_answer(sealed: SealedTally, answer: bytes, manifest: TrustedManifest) -> OpenedTally:
    """Open a sealed tally with the trustees' combined answer (``trustees.combine``, 32 bytes): nobody has the key.

    Verifies and raises as ``open_tally``. An answer for another envelope opens nothing: SealError.
    """
    enc, ciphertext, manifest = _unwrap(sealed, manifest)
    public = manifest.election_public_key
    plaintext = hpke_open_with_dh(answer, enc, public, seal_info(sealed), _AAD, ciphertext)
    return _verify_plaintext(plaintext, header_of(sealed), manifest)


def _unwrap(sealed: SealedTally, manifest: TrustedManifest) -> tuple[bytes, bytes, TrustedManifest]:
    """Return ``enc``, the ciphertext and the manifest of the chain that the header fits."""
    try:
        manifest = manifest_of_submission(manifest, sealed)
        check_subject(sealed, manifest)
        enc, ciphertext = codec.unb64(sealed.enc), codec.unb64(sealed.ciphertext)
    except (EncodingError, StatementError, ManifestError) as exc:
        raise SealError(f"the sealed tally is malformed or does not fit the manifest: {exc}") from exc
    kid = manifest.manifest.election_key.kid
    if sealed.kid != kid:
        raise SealError(f"sealed to key {sealed.kid!r}, but the election key is {kid!r}")
    return enc, ciphertext, manifest


def _verify_plaintext(plaintext: bytes, header: SealedHeader, manifest: TrustedManifest) -> OpenedTally:
    size = plaintext_bytes(manifest, header.branch)
    if len(plaintext) != size:
        raise SealError(f"opened to {len(plaintext)} bytes; a tally of branch {header.branch!r} has {size}")
    if not plaintext.startswith(_prefix(manifest, header.branch)):
        raise SealError("the counts inside are packed by another ballot definition")
    end = PREFIX_BYTES + packed_bytes(manifest, header.branch)
    packed, blind = plaintext[PREFIX_BYTES:end], plaintext[end : end + BLIND_BYTES]
    terminal_signature = plaintext[end + BLIND_BYTES : -SIGNATURE_BYTES]
    device_signature = plaintext[-SIGNATURE_BYTES:]
    try:
        tally = unpack(packed, header, manifest)
    except StatementError as exc:
        raise SealError(f"inside the seal: {exc}") from exc
    terminal_public = manifest.terminal_key(header.terminal)
    tally_envelope = Envelope(
        TYPE_TALLY, codec.to_bytes(tally), (Signature(key_id(terminal_public), terminal_signature),)
    )
    commitment = _commitment(tally_envelope, blind, header.device)
    commitment_bytes = codec.to_bytes(commitment)
    if codec.sha256_hex(commitment_bytes) != header.inner_sha256:
        raise SealError("the header commits to something else than what is inside (inner_sha256 differs)")
    envelope.verify(tally_envelope, payload_type=TYPE_TALLY, keys={key_id(terminal_public): terminal_public})
    identity.verify(
        manifest.device_key(header.device),
        envelope.pae(TYPE_TALLY_COMMITMENT, commitment_bytes),
        device_signature,
    )
    return OpenedTally(tally, tally_envelope, commitment, device_signature)


def _commitment(tally_envelope: Envelope, blind: bytes, device: str) -> TallyCommitment:
    return TallyCommitment(
        blind=codec.b64(blind),
        device=device,
        tally_sha256=codec.sha256_hex(tally_envelope.payload),
        terminal_signature=codec.b64(tally_envelope.signatures[0].sig),
    )


def _prefix(manifest: TrustedManifest, branch: str) -> bytes:
    return bytes.fromhex(manifest.definition_sha256(branch))[:PREFIX_BYTES]
