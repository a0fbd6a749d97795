"""COCKTAIL-DKG, suite COCKTAIL(Ed25519, SHA-512): n trustees make one key of which k can open (c2sp.org/cocktail-dkg).

Sans-I/O: ``round1`` -> everybody's messages through ``relay`` -> ``round2`` -> ``certify`` -> ``finish``. Nobody keeps
state between the rounds: what a participant needs later is encrypted to itself in its own message.

The published vectors are authoritative where the text differs: the ECDH secrets are hashed in their compressed
Edwards encoding, not as Ristretto255.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from typing import Final

import nacl.bindings as sodium
import nacl.exceptions

from crypto import schnorr
from crypto.cocktail_wire import (
    CIPHERTEXT_MAX,
    CIPHERTEXT_MIN,
    Contribution,
    Message1,
    Setup,
    Transcript,
    join_ciphertexts,
    message2_to_bytes,
    parse_message1,
    parse_message2,
    parse_transcript,
    split_ciphertexts,
)
from crypto.edwards import (
    IDENTITY,
    SCALAR_BYTES,
    WIDE_BYTES,
    add_scalars,
    base_multiple,
    check_scalar,
    commitment_at,
    multiple,
    polynomial_at,
    scalar_from_wide,
    total,
)
from crypto.schnorr import SIGNATURE_BYTES
from crypto.trustee_errors import (
    BadShareError,
    CeremonyError,
    DecryptionFailedError,
    DuplicateParticipantError,
    GroupElementError,
    MissingParticipantError,
    ProofOfPossessionError,
    SetupError,
    TranscriptMismatchError,
)

PAYLOAD_MAX: Final = CIPHERTEXT_MAX - CIPHERTEXT_MIN  # bytes

_PREFIX_KEY: Final = b"COCKTAIL-DKG-Ed25519-SHA512-H6"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class PublicOutcome:
    """What a ceremony made, as everybody may know it. Each is a point of the group."""

    group_key: bytes
    verification_shares: tuple[bytes, ...]
    """Of participant ``i`` at ``i - 1``: the public side of its secret share."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one participant holds after round 2. It counts for nothing before ``finish`` has accepted.

    ``share`` and ``payloads`` are secret (and not printed). ``bundle`` is what, beside the certificate and the static
    secret, ``recover`` needs.
    """

    setup: Setup
    index: int
    share: bytes = field(repr=False)
    payloads: tuple[bytes, ...] = field(repr=False)
    contributions: tuple[Contribution, ...]
    bundle: bytes = field(repr=False)
    public: PublicOutcome


@dataclass(frozen=True, slots=True)
class Certificate:
    """The transcript and everybody's signature of it: public, the same for all."""

    transcript: bytes
    signatures: bytes


def entropy_bytes(threshold: int) -> int:
    """How many random bytes ``round1`` takes: a coefficient each, and the ephemeral key."""
    return WIDE_BYTES * (threshold + 1)


def static_public(static_secret: bytes) -> bytes:
    """Return the static public key of a static secret (a scalar); raises GroupElementError."""
    return base_multiple(check_scalar(static_secret, "the static secret"))


def round1(
    setup: Setup, static_secret: bytes, *, entropy: bytes, payloads: Sequence[bytes] | None = None
) -> bytes:
    """Return message 1 of the participant whose static secret this is.

    ``entropy`` is ``entropy_bytes(threshold)`` fresh random bytes; who learns them learns the contribution.
    ``payloads``: one for each participant, encrypted beside its share, or none at all.

    Raises:
        SetupError: a stranger's secret, entropy of another length, or payloads that do not fit.
        GroupElementError: entropy that gives a zero (probability 2**-252): begin again with fresh entropy.
    """
    sender = _index_of(static_secret, setup)
    if len(entropy) != entropy_bytes(setup.threshold):
        raise SetupError(f"{len(entropy)} bytes of entropy: give {entropy_bytes(setup.threshold)} fresh ones")
    payloads = [b""] * setup.participants if payloads is None else payloads
    if len(payloads) != setup.participants or max(map(len, payloads)) > PAYLOAD_MAX:
        raise SetupError(f"give {setup.participants} payloads of at most {PAYLOAD_MAX} bytes")
    wide = [entropy[at : at + WIDE_BYTES] for at in range(0, len(entropy), WIDE_BYTES)]
    *coefficients, ephemeral_secret = map(scalar_from_wide, wide)
    unproven = Contribution(
        commitment=tuple(map(base_multiple, coefficients)),
        proof=b"",
        ephemeral=base_multiple(ephemeral_secret),
    )
    proof = schnorr.sign(coefficients[0], unproven.proof_message(setup.context))
    contribution = Contribution(unproven.commitment, proof, unproven.ephemeral)
    ciphertexts = []
    for recipient, (public, payload) in enumerate(zip(setup.statics, payloads, strict=True), 1):
        secret = multiple(ephemeral_secret, public) + multiple(static_secret, public)
        key, nonce = _key_and_nonce(secret, setup, contribution.ephemeral, sender, recipient)
        plaintext = polynomial_at(coefficients, recipient) + payload
        ciphertexts.append(sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, None, nonce, key))
    return Message1(contribution, tuple(ciphertexts)).to_bytes()


def relay(setup: Setup, messages: Iterable[tuple[int, bytes]]) -> tuple[bytes, ...]:
    """Turn everybody's message 1 (with the index of its sender) into one message 2 for each participant.

    Anybody can do this, and nobody is trusted with it: each participant checks all of it again, and ``finish`` finds
    out when two were shown different messages.

    Raises:
        MissingParticipantError, DuplicateParticipantError: a message is not there, or twice.
        MalformedMessageError, ThresholdElevationError, ProofOfPossessionError: blaming its sender.
    """
    collected = _one_of_each(messages, setup, "message 1")
    parsed = [parse_message1(data, setup, sender) for sender, data in enumerate(collected, 1)]
    _check_contributions(setup, [message.contribution for message in parsed])
    return tuple(message2_to_bytes(parsed, recipient) for recipient in range(1, setup.participants + 1))


def round2(setup: Setup, static_secret: bytes, message2: bytes, *, sent: bytes) -> Outcome:
    """Check everybody's contributions and add up this participant's share. ``sent`` is its own message 1.

    Raises:
        MalformedMessageError, ProofOfPossessionError, DuplicateParticipantError, DecryptionFailedError,
        BadShareError: blaming a sender; the ceremony must stop.
        TranscriptMismatchError: its own message came back altered: whoever relays is to blame.
        SetupError: a stranger's secret.
    """
    index = _index_of(static_secret, setup)
    parts = parse_message2(message2, setup)
    own = parse_message1(sent, setup, index)
    if parts[index - 1] != (own.contribution, own.ciphertexts[index - 1]):
        raise TranscriptMismatchError(
            f"the message of participant {index} did not come back as it was sent: whoever relays altered it"
        )
    contributions = tuple(contribution for contribution, _ in parts)
    _check_contributions(setup, contributions)
    return _add_up(setup, static_secret, index, contributions, [ciphertext for _, ciphertext in parts])


def certify(outcome: Outcome, static_secret: bytes, *, extension: bytes = b"") -> bytes:
    """Sign the transcript (round 3). ``extension`` must be the same for all: a hash of what they agree on besides.

    Raises SetupError for an extension over the limit or a stranger's secret.
    """
    _index_of(static_secret, outcome.setup)
    return schnorr.sign(static_secret, Transcript(outcome.setup, outcome.contributions, extension).to_bytes())


def finish(
    outcome: Outcome, signatures: Iterable[tuple[int, bytes]], *, extension: bytes = b""
) -> Certificate:
    """Accept the ceremony if everybody (index, signature) signed what this participant saw.

    Raises:
        MissingParticipantError, DuplicateParticipantError: a signature is not there, or twice.
        TranscriptMismatchError: a signature is not over this transcript.
    """
    collected = _one_of_each(signatures, outcome.setup, "signature")
    transcript = Transcript(outcome.setup, outcome.contributions, extension).to_bytes()
    _check_signatures(outcome.setup, transcript, collected)
    return Certificate(transcript, b"".join(collected))


def check_certificate(certificate: Certificate) -> tuple[Transcript, PublicOutcome]:
    """What anybody can check of a finished ceremony: its form, every proof of possession, every signature.

    Whose static keys these are is for the caller to know. Raises CeremonyError as the rounds do.
    """
    transcript = parse_transcript(certificate.transcript)
    size, expected = len(certificate.signatures), transcript.setup.participants * SIGNATURE_BYTES
    if size != expected:
        raise MissingParticipantError(f"{size} bytes of signatures; {expected} are needed: one of each")
    starts = range(0, expected, SIGNATURE_BYTES)
    signatures = [certificate.signatures[at : at + SIGNATURE_BYTES] for at in starts]
    _check_signatures(transcript.setup, certificate.transcript, signatures)
    _check_contributions(transcript.setup, transcript.contributions)
    return transcript, _public_outcome(transcript.setup, transcript.contributions)


def recover(certificate: Certificate, static_secret: bytes, bundle: bytes) -> Outcome:
    """Compute a participant's outcome again from its static secret, the certificate and its ``bundle``.

    Raises CeremonyError as the rounds do.
    """
    transcript, _ = check_certificate(certificate)
    index = _index_of(static_secret, transcript.setup)
    ciphertexts = split_ciphertexts(bundle, transcript.setup.participants)
    return _add_up(transcript.setup, static_secret, index, transcript.contributions, ciphertexts)


def share_fits(commitment: Sequence[bytes], recipient: int, share: bytes) -> bool:
    """Whether a share is the value at ``recipient`` of the polynomial committed to: how a complaint is checked."""
    try:
        return base_multiple(check_scalar(share, "the share")) == commitment_at(commitment, recipient)
    except GroupElementError:
        return False


def _index_of(static_secret: bytes, setup: Setup) -> int:
    public = static_public(static_secret)
    if public not in setup.statics:
        raise SetupError(f"static key {public.hex()} is not among the participants: take the right key file")
    return setup.statics.index(public) + 1


def _one_of_each(given: Iterable[tuple[int, bytes]], setup: Setup, what: str) -> tuple[bytes, ...]:
    collected: dict[int, bytes] = {}
    for index, data in given:
        if not 1 <= index <= setup.participants:
            raise SetupError(f"a {what} of participant {index}: there are {setup.participants}")
        if index in collected:
            raise DuplicateParticipantError(f"two of participant {index}: {what} counts once", index)
        collected[index] = data
    for index in range(1, setup.participants + 1):
        if index not in collected:
            raise MissingParticipantError(f"{what} of participant {index} is missing", index)
    return tuple(collected[index] for index in range(1, setup.participants + 1))


def _check_contributions(setup: Setup, contributions: Sequence[Contribution]) -> None:
    seen: dict[bytes, int] = {}
    for sender, contribution in enumerate(contributions, 1):
        message = contribution.proof_message(setup.context)
        if not schnorr.is_valid(contribution.commitment[0], message, contribution.proof):
            raise ProofOfPossessionError(
                f"participant {sender} does not prove that it knows what it contributes", sender
            )
        for point in (contribution.commitment[0], contribution.ephemeral):
            if point in seen:
                raise DuplicateParticipantError(
                    f"participant {sender} repeats what participant {seen[point]} contributed", sender
                )
        seen[contribution.commitment[0]] = seen[contribution.ephemeral] = sender


def _check_signatures(setup: Setup, transcript: bytes, signatures: Sequence[bytes]) -> None:
    for index, (public, signature) in enumerate(zip(setup.statics, signatures, strict=True), 1):
        if not schnorr.is_valid(public, transcript, signature):
            raise TranscriptMismatchError(
                f"participant {index} did not sign this transcript: compare transcripts with it. If they differ, "
                "whoever relays showed the participants different messages; if not, the participant cheats",
                index,
            )


def _add_up(
    setup: Setup,
    static_secret: bytes,
    index: int,
    contributions: tuple[Contribution, ...],
    ciphertexts: Sequence[bytes],
) -> Outcome:
    share = bytes(SCALAR_BYTES)
    payloads = []
    for sender, (contribution, ciphertext) in enumerate(zip(contributions, ciphertexts, strict=True), 1):
        part, payload = _open_share(setup, static_secret, (sender, index), contribution, ciphertext)
        share = add_scalars(share, part)
        payloads.append(payload)
    public = _public_outcome(setup, contributions)
    if base_multiple(share) != public.verification_shares[index - 1]:  # the specification's final check
        raise CeremonyError("every share fits but their sum does not: this program is at fault; do not go on")
    return Outcome(setup, index, share, tuple(payloads), contributions, join_ciphertexts(ciphertexts), public)


def _open_share(
    setup: Setup, static_secret: bytes, route: tuple[int, int], contribution: Contribution, ciphertext: bytes
) -> tuple[bytes, bytes]:
    """Decrypt and check one sender's share; returns it with the payload."""
    sender, recipient = route
    secret = multiple(static_secret, contribution.ephemeral) + multiple(
        static_secret, setup.statics[sender - 1]
    )
    key, nonce = _key_and_nonce(secret, setup, contribution.ephemeral, sender, recipient)
    try:
        plaintext = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, None, nonce, key)
    except nacl.exceptions.CryptoError as exc:
        raise DecryptionFailedError(
            f"the share from participant {sender} to {recipient} does not decrypt", sender
        ) from exc
    share = plaintext[:SCALAR_BYTES]
    if not share_fits(contribution.commitment, recipient, share):
        raise BadShareError(
            f"the share from participant {sender} to {recipient} is not on the polynomial committed to",
            sender,
            recipient,
            share,
        )
    return share, plaintext[SCALAR_BYTES:]


def _public_outcome(setup: Setup, contributions: Sequence[Contribution]) -> PublicOutcome:
    degrees = range(setup.threshold)
    sums = [total([contribution.commitment[degree] for contribution in contributions]) for degree in degrees]
    if IDENTITY in sums:
        raise CeremonyError("the contributions cancel each other out: begin a new ceremony")
    shares = tuple(commitment_at(sums, index) for index in range(1, setup.participants + 1))
    if IDENTITY in shares:
        raise CeremonyError("a participant's share is zero: begin a new ceremony")
    return PublicOutcome(sums[0], shares)


def _key_and_nonce(
    secret: bytes, setup: Setup, ephemeral: bytes, sender: int, recipient: int
) -> tuple[bytes, bytes]:
    """H6: the key and nonce under which one sender's share goes to one recipient."""
    length = len(setup.context).to_bytes(8, "little")
    keys = setup.statics[sender - 1] + setup.statics[recipient - 1]
    derived = sha512(_PREFIX_KEY + secret + ephemeral + keys + length + setup.context).digest()
    return derived[:_KEY_BYTES], derived[_KEY_BYTES : _KEY_BYTES + _NONCE_BYTES]
