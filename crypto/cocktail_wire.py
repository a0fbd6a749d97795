"""The messages of COCKTAIL(Ed25519, SHA-512), byte for byte (c2sp.org/cocktail-dkg, "Message Formats").

Message 1 goes from a participant to all, message 2 is what a recipient needs of all messages 1, the transcript is
what all sign. None of them names its sender: who sent it is said by the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha512
from typing import Final

from crypto.edwards import POINT_BYTES, SCALAR_BYTES, check_point
from crypto.schnorr import SIGNATURE_BYTES, is_valid
from crypto.trustee_errors import (
    GroupElementError,
    MalformedMessageError,
    SetupError,
    ThresholdElevationError,
)

SUITE: Final = b"COCKTAIL(Ed25519, SHA-512)"
TAG_BYTES: Final = 16  # XChaCha20-Poly1305
CIPHERTEXT_MIN: Final = SCALAR_BYTES + TAG_BYTES  # bytes: a share without payload
CIPHERTEXT_MAX: Final = 64 * 1024  # bytes: the specification's floor for general use
PARTICIPANTS_MAX: Final = 64
CONTEXT_MAX: Final = 1024  # bytes
SESSION_ID_MIN: Final = 16  # bytes: it must never come twice
SESSION_ID_MAX: Final = 1024  # bytes
EXTENSION_MAX: Final = 64 * 1024  # bytes
MESSAGE1_MAX: Final = (PARTICIPANTS_MAX + 4) * POINT_BYTES + PARTICIPANTS_MAX * (8 + CIPHERTEXT_MAX)  # bytes
MESSAGE2_MAX: Final = PARTICIPANTS_MAX * ((PARTICIPANTS_MAX + 4) * POINT_BYTES + 8 + CIPHERTEXT_MAX)  # bytes
TRANSCRIPT_MAX: Final = (  # bytes
    len(SUITE) + CONTEXT_MAX + EXTENSION_MAX + 32 + PARTICIPANTS_MAX * (PARTICIPANTS_MAX + 4) * POINT_BYTES
)

_FRAME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Setup:
    """What all participants must agree on before they begin. Participant ``i`` (from 1) has ``statics[i - 1]``.

    Raises:
        SetupError: when it makes no ceremony; ``participant`` says whose key it is about.
    """

    context: bytes
    threshold: int
    statics: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.participants <= PARTICIPANTS_MAX:
            raise SetupError(f"{self.participants} participants: there may be 1 to {PARTICIPANTS_MAX}")
        if not 1 <= self.threshold <= self.participants:
            raise SetupError(f"a threshold of {self.threshold} of {self.participants} cannot be met")
        if not 1 <= len(self.context) <= CONTEXT_MAX:
            raise SetupError(f"a context of {len(self.context)} bytes: it may have 1 to {CONTEXT_MAX}")
        for index, public in enumerate(self.statics, 1):
            try:
                check_point(public, "its static key")
            except GroupElementError as exc:
                raise SetupError(f"participant {index}: {exc}", index) from exc
            first = self.statics.index(public) + 1
            if first != index:
                raise SetupError(f"participants {first} and {index} have the same static key", index)

    @property
    def participants(self) -> int:
        """How many there are (``n``)."""
        return len(self.statics)


def session_setup(session_id: bytes, threshold: int, statics: Sequence[bytes]) -> Setup:
    """Return the setup whose context is made as the specification recommends (section "Setup").

    ``session_id`` must never be used for two ceremonies: put election, round and something random into it. Raises
    SetupError as ``Setup`` does.
    """
    if not SESSION_ID_MIN <= len(session_id) <= SESSION_ID_MAX:
        raise SetupError(
            f"a session id of {len(session_id)} bytes: it must have {SESSION_ID_MIN} to {SESSION_ID_MAX}"
        )
    parts = [b"COCKTAIL-DKG-CONTEXT", _framed(session_id), _framed(SUITE), _uint32(len(statics)), *statics]
    return Setup(sha512(b"".join(parts)).digest(), threshold, tuple(statics))


@dataclass(frozen=True, slots=True)
class Contribution:
    """The public part of message 1: the commitment to the polynomial, the proof of possession, an ephemeral key."""

    commitment: tuple[bytes, ...]
    proof: bytes
    ephemeral: bytes

    def to_bytes(self) -> bytes:
        """Return its fixed-length encoding."""
        return b"".join(self.commitment) + self.proof + self.ephemeral

    def proof_message(self, context: bytes) -> bytes:
        """Return what the proof of possession signs."""
        return context + b"".join(self.commitment) + self.ephemeral


@dataclass(frozen=True, slots=True)
class Message1:
    """What one participant sends: its contribution, and one ciphertext for each participant, itself included."""

    contribution: Contribution
    ciphertexts: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return ``msg_1``."""
        return self.contribution.to_bytes() + join_ciphertexts(self.ciphertexts)


def parse_message1(data: bytes, setup: Setup, sender: int) -> Message1:
    """Parse ``msg_1`` of a sender; its proof of possession is not verified here.

    Raises:
        ThresholdElevationError: the commitment has more or fewer points than the threshold.
        MalformedMessageError: it is no message for this setup. Both blame the sender; but whoever carried the
            message could have altered its ciphertexts, which nothing public covers.
    """
    try:
        return _read_message1(data, setup.threshold, setup.participants)
    except (MalformedMessageError, GroupElementError) as exc:
        other = _threshold_that_fits(data, setup)
        if other:
            raise ThresholdElevationError(
                f"participant {sender} committed to a threshold of {other} instead of {setup.threshold}",
                sender,
            ) from exc
        raise MalformedMessageError(f"message 1 of participant {sender}: {exc}", sender) from exc


def _read_message1(data: bytes, threshold: int, participants: int) -> Message1:
    if len(data) > MESSAGE1_MAX:
        raise MalformedMessageError(f"it has {len(data)} bytes, more than {MESSAGE1_MAX}")
    reader = _Reader(data)
    contribution = reader.contribution(threshold)
    ciphertexts = tuple(reader.ciphertext() for _ in range(participants))
    reader.finish()
    return Message1(contribution, ciphertexts)


def _threshold_that_fits(data: bytes, setup: Setup) -> int | None:
    """The other threshold under which the message parses and its proof of possession holds, if there is one."""
    for threshold in range(1, PARTICIPANTS_MAX + 1):
        try:
            contribution = _read_message1(data, threshold, setup.participants).contribution
        except (MalformedMessageError, GroupElementError):
            continue
        message = contribution.proof_message(setup.context)
        if is_valid(contribution.commitment[0], message, contribution.proof):
            return threshold
    return None


def message2_to_bytes(messages: Sequence[Message1], recipient: int) -> bytes:
    """Return ``msg_2`` for a recipient (from 1): of every message 1, in order, what concerns it."""
    parts = (m.contribution.to_bytes() + _framed(m.ciphertexts[recipient - 1]) for m in messages)
    return b"".join(parts)


def parse_message2(data: bytes, setup: Setup) -> tuple[tuple[Contribution, bytes], ...]:
    """Parse ``msg_2`` into one contribution and one ciphertext for each sender.

    Raises:
        MalformedMessageError: blaming the sender at whose part parsing stopped.
    """
    if len(data) > MESSAGE2_MAX:
        raise MalformedMessageError(f"message 2 has {len(data)} bytes, more than {MESSAGE2_MAX}")
    reader = _Reader(data)
    parts = []
    for sender in range(1, setup.participants + 1):
        try:
            parts.append((reader.contribution(setup.threshold), reader.ciphertext()))
        except (MalformedMessageError, GroupElementError) as exc:
            raise MalformedMessageError(f"message 2, part of participant {sender}: {exc}", sender) from exc
    reader.finish()
    return tuple(parts)


def join_ciphertexts(ciphertexts: Sequence[bytes]) -> bytes:
    """Frame and join ciphertexts: also the recovery bundle ``C_rec`` of one recipient."""
    return b"".join(_framed(ciphertext) for ciphertext in ciphertexts)


def split_ciphertexts(data: bytes, participants: int) -> tuple[bytes, ...]:
    """Parse what ``join_ciphertexts`` wrote; raises MalformedMessageError."""
    reader = _Reader(data)
    ciphertexts = tuple(reader.ciphertext() for _ in range(participants))
    reader.finish()
    return ciphertexts


@dataclass(frozen=True, slots=True)
class Transcript:
    """The public outcome that all participants sign."""

    setup: Setup
    contributions: tuple[Contribution, ...]
    extension: bytes = b""

    def to_bytes(self) -> bytes:
        """Return ``T``; raises SetupError for an extension over ``EXTENSION_MAX``."""
        if len(self.extension) > EXTENSION_MAX:
            raise SetupError(f"an extension of {len(self.extension)} bytes: at most {EXTENSION_MAX}")
        parts = [_uint64(len(SUITE)), SUITE, _uint64(len(self.setup.context)), self.setup.context]
        parts += [_uint32(self.setup.participants), _uint32(self.setup.threshold), *self.setup.statics]
        parts += [point for contribution in self.contributions for point in contribution.commitment]
        parts += [contribution.proof for contribution in self.contributions]
        parts += [contribution.ephemeral for contribution in self.contributions]
        parts += [_uint64(len(self.extension)), self.extension]
        return b"".join(parts)


def parse_transcript(data: bytes) -> Transcript:
    """Parse ``T``.

    Raises:
        MalformedMessageError: it is no transcript of this suite.
        SetupError: its participants make no ceremony.
    """
    if len(data) > TRANSCRIPT_MAX:
        raise MalformedMessageError(f"the transcript has {len(data)} bytes, more than {TRANSCRIPT_MAX}")
    reader = _Reader(data)
    suite = reader.take(reader.uint(8, "little", CONTEXT_MAX))
    if suite != SUITE:
        raise MalformedMessageError(f"a transcript of suite {suite!r}; this is {SUITE!r}")
    context = reader.take(reader.uint(8, "little", CONTEXT_MAX))
    participants = reader.uint(4, "little", PARTICIPANTS_MAX)
    threshold = reader.uint(4, "little", PARTICIPANTS_MAX)
    setup = Setup(context, threshold, tuple(reader.take(POINT_BYTES) for _ in range(participants)))
    try:
        commitments = [reader.points(threshold) for _ in range(participants)]
        proofs = [reader.take(SIGNATURE_BYTES) for _ in range(participants)]
        ephemerals = reader.points(participants)
    except GroupElementError as exc:
        raise MalformedMessageError(f"the transcript: {exc}") from exc
    extension = reader.take(reader.uint(8, "little", EXTENSION_MAX))
    reader.finish()
    contributions = map(Contribution, commitments, proofs, ephemerals)
    return Transcript(setup, tuple(contributions), extension)


class _Reader:
    """Takes a message apart from front to back. What is wrong is a MalformedMessageError without blame."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise MalformedMessageError(f"it ends at byte {len(self._data)}, within a part of {size} bytes")
        self._at += size
        return self._data[self._at - size : self._at]

    def uint(self, size: int, order: str, largest: int) -> int:
        value = int.from_bytes(self.take(size), "big" if order == "big" else "little")
        if value > largest:
            raise MalformedMessageError(f"a number {value} at byte {self._at - size}: at most {largest}")
        return value

    def points(self, count: int) -> tuple[bytes, ...]:
        return tuple(check_point(self.take(POINT_BYTES), "the point") for _ in range(count))

    def contribution(self, threshold: int) -> Contribution:
        commitment = self.points(threshold)
        proof = self.take(SIGNATURE_BYTES)
        (ephemeral,) = self.points(1)
        return Contribution(commitment, proof, ephemeral)

    def ciphertext(self) -> bytes:
        size = self.uint(_FRAME_BYTES, "big", CIPHERTEXT_MAX)
        if size < CIPHERTEXT_MIN:
            raise MalformedMessageError(
                f"a ciphertext of {size} bytes holds no share: at least {CIPHERTEXT_MIN}"
            )
        return self.take(size)

    def finish(self) -> None:
        if self._at != len(self._data):
            raise MalformedMessageError(f"{len(self._data) - self._at} bytes too many at its end")


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(_FRAME_BYTES, "big") + data


def _uint32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _uint64(value: int) -> bytes:
    return value.to_bytes(8, "little")
