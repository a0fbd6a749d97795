"""Trustees of a key that a test knows: dealt, or from a whole ceremony."""

from dataclasses import dataclass

from crypto import edwards
from crypto.edwards import ORDER, add_scalars, lagrange, multiply_scalars, scalar_from_int, scalar_from_wide
from crypto.hpke import hpke_seal
from crypto.trustees import (
    OpeningContext,
    TrusteeKeys,
    TrusteeShare,
    VerifiedPartial,
    partial_opening,
    verify_partial,
)
from tests.crypto.ceremony_fixture import entropy, make_ceremony

CONTEXT = OpeningContext(election="demo-1403", round=1, order_sha256="0a" * 32, envelope_sha256="0b" * 32)


@dataclass(frozen=True)
class Trustees:
    keys: TrusteeKeys
    shares: tuple[TrusteeShare, ...]

    @property
    def private(self) -> bytes:
        """The X25519 private key that nobody ever holds: one clamped number that acts as the secret does.

        Of the numbers below 8 * ORDER that are multiples of 8 and congruent to the secret or to its negative (the
        same key, for u forgets the sign) there is one with bit 254 set and bit 255 clear.
        """
        first = self.shares[: self.keys.threshold]
        secret = bytes(32)
        for share, coefficient in zip(first, lagrange([s.trustee for s in first]), strict=True):
            secret = add_scalars(secret, multiply_scalars(coefficient, share.secret))
        number = int.from_bytes(secret, "little") * pow(8, -1, ORDER) % ORDER * 8
        number = number if number >> 254 == 1 else 8 * ORDER - number
        assert number >> 254 == 1
        return number.to_bytes(32, "little")

    def answers(self, enc: bytes, *trustees: int, context: OpeningContext = CONTEXT) -> list[VerifiedPartial]:
        partials = [partial_opening(self.shares[trustee - 1], enc, context) for trustee in trustees]
        return [verify_partial(partial, enc, context, self.keys) for partial in partials]


def deal(private: bytes, threshold: int, participants: int) -> Trustees:
    """Share an ordinary X25519 private key: what a dealer would do, whom a ceremony makes unnecessary."""
    number = int.from_bytes(private, "little") & ~7 & (2**255 - 1) | 2**254  # RFC 7748 §5
    coefficients = [scalar_from_int(number)]
    coefficients += [scalar_from_wide(entropy(f"coefficient {k}", 64)) for k in range(1, threshold)]
    return from_polynomial(coefficients, participants)


def from_polynomial(coefficients: list[bytes], participants: int) -> Trustees:
    shares = [
        TrusteeShare(index, edwards.polynomial_at(coefficients, index))
        for index in range(1, participants + 1)
    ]
    publics = tuple(edwards.base_multiple(share.secret) for share in shares)
    return Trustees(
        TrusteeKeys(len(coefficients), edwards.base_multiple(coefficients[0]), publics), tuple(shares)
    )


def from_ceremony(threshold: int, participants: int) -> Trustees:
    outcomes = make_ceremony(threshold, participants).outcomes
    shares = tuple(TrusteeShare(outcome.index, outcome.share) for outcome in outcomes)
    return Trustees(TrusteeKeys.of(outcomes[0].public, threshold), shares)


def seal_to(trustees: Trustees, plaintext: bytes = b"votes", number: int = 1) -> tuple[bytes, bytes]:
    ephemeral = entropy(f"ephemeral {number}", 32)
    return hpke_seal(trustees.keys.x25519_public, b"info", b"aad", plaintext, ephemeral=ephemeral)
