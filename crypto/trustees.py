"""Opening by k of n: each trustee answers for one envelope with its share, anyone checks and combines the answers.

The election's secret ``x`` exists nowhere: trustee ``i`` holds ``x_i``, a point of a polynomial with ``x`` at 0. An
envelope was sealed with the Diffie-Hellman answer ``x * E`` for its encapsulated key E. A trustee publishes
``D_i = x_i * E`` with a proof that it used its own share; k of these add up, each times its Lagrange coefficient, to
``x * E``, from which ``hpke.hpke_open_with_dh`` opens. The answer is for this E alone and shows nothing of ``x_i``.

What a trustee must see before it answers (the order, the logged leaf, the witnessed time) is not decided here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from typing import Final

from crypto import canonical, dleq
from crypto.cocktail import PublicOutcome
from crypto.cocktail_wire import PARTICIPANTS_MAX
from crypto.edwards import (
    POINT_BYTES,
    base_multiple,
    check_point,
    check_scalar,
    from_x25519,
    interpolate,
    scalar_from_wide,
    to_x25519,
)
from crypto.trustee_errors import (
    ForeignPartialError,
    ForgedPartialError,
    GroupElementError,
    OpeningError,
    RepeatedTrusteeError,
    TooFewTrusteesError,
    TrusteeKeysError,
    UnknownTrusteeError,
)
from crypto.wire import HEX32_PATTERN, ID_PATTERN

THRESHOLD_MIN: Final = 2  # trustees: with fewer, one person opens
TRUSTEES_MAX: Final = PARTICIPANTS_MAX
CONTEXT_BYTES: Final = 32
PARTIAL_BYTES: Final = 1 + CONTEXT_BYTES + POINT_BYTES + dleq.PROOF_BYTES

_SUITE: Final = b"branch-kit/trustee-opening/v1/challenge"
_NONCE_PREFIX: Final = b"branch-kit/trustee-opening/v1/nonce"
_SIGN: Final = 0x80  # in the last byte of a point (RFC 8032 §5.1.2)


@dataclass(frozen=True, slots=True)
class TrusteeKeys:
    """What everybody knows of the trustees. Trustee ``i`` (from 1) has the verification share ``shares[i - 1]``.

    Raises:
        TrusteeKeysError: the threshold is not between 2 and (n + 1) / 2, or the points are no shares of one key (so
            that any k verified answers give the same), or fewer than the threshold would do.
    """

    threshold: int
    group_key: bytes
    shares: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if len(self.shares) > TRUSTEES_MAX:
            raise TrusteeKeysError(f"{len(self.shares)} trustees: at most {TRUSTEES_MAX}")
        if self.threshold < THRESHOLD_MIN:
            raise TrusteeKeysError(f"a threshold of {self.threshold}: one person must not open alone")
        if len(self.shares) < 2 * self.threshold - 1:
            raise TrusteeKeysError(
                f"{self.threshold} of {len(self.shares)} trustees: there must be at least "
                f"{2 * self.threshold - 1}, so that {self.threshold - 1} who refuse cannot prevent the opening"
            )
        try:
            check_point(self.group_key, "the group key")
            for index, share in enumerate(self.shares, 1):
                check_point(share, f"the verification share of trustee {index}")
        except GroupElementError as exc:
            raise TrusteeKeysError(str(exc)) from exc
        first = dict(enumerate(self.shares[: self.threshold], 1))
        if interpolate(first) != self.group_key:
            raise TrusteeKeysError("the verification shares are of another group key")
        for index in range(self.threshold + 1, len(self.shares) + 1):
            if interpolate(first, at=index) != self.shares[index - 1]:
                raise TrusteeKeysError(
                    f"trustee {index}'s verification share is not of the others' key", index
                )
        self._check_nobody_opens_with_fewer(first)

    def _check_nobody_opens_with_fewer(self, first: dict[int, bytes]) -> None:
        """A ceremony never makes such shares; whoever deals them out would know that a quorum is not one."""
        fewer = {trustee: first[trustee] for trustee in range(1, self.threshold)}
        if interpolate(fewer) == self.group_key:
            raise TrusteeKeysError(
                f"fewer than {self.threshold} trustees could open: the shares lie on a polynomial of lower degree than "
                "the threshold asks for, which no ceremony makes"
            )
        known = {_without_sign(self.group_key): "the whole key"}
        for trustee, share in enumerate(self.shares, 1):
            other = known.setdefault(_without_sign(share), f"that of trustee {trustee}")
            if other != f"that of trustee {trustee}":
                raise TrusteeKeysError(
                    f"the share of trustee {trustee} is {other}: one person counts as more than one", trustee
                )

    @classmethod
    def of(cls, outcome: PublicOutcome, threshold: int) -> "TrusteeKeys":
        """Return the keys that a ceremony made; raises TrusteeKeysError for a threshold this project refuses."""
        return cls(threshold, outcome.group_key, outcome.verification_shares)

    @property
    def x25519_public(self) -> bytes:
        """The election key of the manifest: what tallies are sealed to."""
        return to_x25519(self.group_key)

    def share_of(self, trustee: int) -> bytes:
        """Return the verification share of a trustee; raises UnknownTrusteeError."""
        if not 1 <= trustee <= len(self.shares):
            raise UnknownTrusteeError(f"trustee {trustee}: there are {len(self.shares)}", trustee)
        return self.shares[trustee - 1]


@dataclass(frozen=True, slots=True)
class TrusteeShare:
    """A trustee's secret: a scalar, never printed.

    Raises:
        UnknownTrusteeError: the index is not 1 to ``TRUSTEES_MAX``.
        GroupElementError: the scalar is not canonical.
    """

    trustee: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.trustee <= TRUSTEES_MAX:
            raise UnknownTrusteeError(
                f"trustee {self.trustee}: they are numbered 1 to {TRUSTEES_MAX}", self.trustee
            )
        check_scalar(self.secret, f"the share of trustee {self.trustee}")

    def belongs_to(self, keys: TrusteeKeys) -> bool:
        """Whether this is its trustee's share of this key; raises UnknownTrusteeError."""
        return base_multiple(self.secret) == keys.share_of(self.trustee)


@dataclass(frozen=True, slots=True)
class OpeningContext:
    """What an answer is for. It stands in the proof: no answer can be shown as one for something else.

    ``order_sha256`` is of the order under which trustees answer, ``envelope_sha256`` of the logged envelope's bytes.
    Raises OpeningError for an id or hash of another form.
    """

    election: str
    round: int
    order_sha256: str
    envelope_sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch(ID_PATTERN, self.election):
            raise OpeningError(f"{self.election!r} is no id of an election")
        for value in (self.order_sha256, self.envelope_sha256):
            if not re.fullmatch(HEX32_PATTERN, value):
                raise OpeningError(f"{value[:80]!r} is no SHA-256 in 64 lower-case hexadecimal digits")

    def digest(self, enc: bytes) -> bytes:
        """Return 32 bytes for this context and the encapsulated key of its envelope."""
        statement = {
            "election": self.election,
            "enc": enc.hex(),
            "envelope_sha256": self.envelope_sha256,
            "order_sha256": self.order_sha256,
            "round": self.round,
            "type": "trustee-opening",
        }
        return sha256(canonical.encode(statement)).digest()


@dataclass(frozen=True, slots=True)
class PartialOpening:
    """One trustee's answer for one envelope, as it is published. From then on the envelope counts as opened."""

    trustee: int
    context: bytes
    answer: bytes
    proof: bytes

    def to_bytes(self) -> bytes:
        """Return ``PARTIAL_BYTES``: index, context digest, and 80 bytes in the form of an RFC 9381 proof."""
        return bytes([self.trustee]) + self.context + self.answer + self.proof

    @classmethod
    def from_bytes(cls, data: bytes) -> "PartialOpening":
        """Parse what ``to_bytes`` wrote; raises OpeningError for another length. Nothing is verified."""
        if len(data) != PARTIAL_BYTES:
            raise OpeningError(f"a partial opening of {len(data)} bytes: it has {PARTIAL_BYTES}")
        at = 1 + CONTEXT_BYTES
        return cls(data[0], data[1:at], data[at : at + POINT_BYTES], data[at + POINT_BYTES :])


@dataclass(frozen=True, slots=True)
class VerifiedPartial:
    """An answer that ``verify_partial`` accepted. Made nowhere else."""

    trustee: int
    context: bytes
    enc: bytes
    answer: bytes


def partial_opening(share: TrusteeShare, enc: bytes, context: OpeningContext) -> PartialOpening:
    """Answer for one envelope. The same inputs always give the same bytes (the nonce is derived from them).

    Raises:
        GroupElementError: ``enc`` is nothing that a sender of HPKE makes (see ``edwards.from_x25519``): an answer
            for it could show something of the share.
    """
    base = from_x25519(enc)
    digest = context.digest(enc)
    nonce = scalar_from_wide(sha512(_NONCE_PREFIX + share.secret + base + digest).digest())
    answer, proof = dleq.prove(_SUITE + digest, share.secret, base, nonce=nonce)
    return PartialOpening(share.trustee, digest, answer, proof)


def verify_partial(
    partial: PartialOpening, enc: bytes, context: OpeningContext, keys: TrusteeKeys
) -> VerifiedPartial:
    """Check one answer against the envelope's ``enc`` and the trustee's verification share.

    Raises:
        UnknownTrusteeError: no trustee has this index.
        ForeignPartialError: it is for another envelope, order, election or encapsulated key.
        ForgedPartialError: its proof does not hold.
        GroupElementError: ``enc`` itself is unusable.
    """
    public = keys.share_of(partial.trustee)
    base = from_x25519(enc)
    digest = context.digest(enc)
    if partial.context != digest:
        raise ForeignPartialError(
            f"trustee {partial.trustee} answers for something else than envelope {context.envelope_sha256}",
            partial.trustee,
        )
    if not dleq.is_valid(_SUITE + digest, public, base, partial.answer, partial.proof):
        raise ForgedPartialError(
            f"the proof with trustee {partial.trustee}'s answer for envelope {context.envelope_sha256} does not hold",
            partial.trustee,
        )
    return VerifiedPartial(partial.trustee, digest, enc, partial.answer)


def combine(partials: Sequence[VerifiedPartial], threshold: int, enc: bytes) -> bytes:
    """Combine verified answers into the X25519 answer for ``enc`` (32 bytes).

    More answers than the threshold give the same: those of the lowest indices are taken.

    Raises:
        RepeatedTrusteeError: two answers of one trustee.
        ForeignPartialError: answers for different envelopes, or for another ``enc``.
        TooFewTrusteesError: fewer than the threshold.
    """
    answers: dict[int, bytes] = {}
    for partial in partials:
        if partial.enc != enc or partial.context != partials[0].context:
            raise ForeignPartialError(
                f"trustee {partial.trustee}'s answer is for another envelope than the rest", partial.trustee
            )
        if partial.trustee in answers:
            raise RepeatedTrusteeError(f"two answers of trustee {partial.trustee}", partial.trustee)
        answers[partial.trustee] = partial.answer
    if len(answers) < threshold:
        raise TooFewTrusteesError(f"{len(answers)} trustees answered; {threshold} are needed")
    return to_x25519(interpolate({trustee: answers[trustee] for trustee in sorted(answers)[:threshold]}))


def _without_sign(point: bytes) -> bytes:
    """A point and its negative have secrets that follow from one another."""
    return point[:-1] + bytes([point[-1] & ~_SIGN])
