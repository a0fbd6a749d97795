"""The trustees of a simulated election: a whole key ceremony without its people, their shares, their files.

The real ceremony moves files between machines (docs/ceremony.md); the messages here are the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from crypto import cocktail
from crypto.cocktail import Outcome
from crypto.cocktail_wire import Setup, session_setup
from crypto.codec import b64
from crypto.edwards import scalar_from_wide
from crypto.passphrase import NONCE_BYTES, REHEARSAL_COST, SALT_BYTES
from crypto.share_file import seal_share
from crypto.statements import Trustee, TrusteeBoard
from crypto.trustees import TrusteeKeys, TrusteeShare

THRESHOLD: Final = 2
HOLDERS: Final = (("trustee-1", "judiciary"), ("trustee-2", "executive"), ("trustee-3", "supervision"))
PASSPHRASE: Final = "a rehearsal's passphrase"  # noqa: S105 - it guards nothing but simulated shares
_WIDE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Board:
    """What the manifest says of the trustees, and what each of them holds."""

    statement: TrusteeBoard
    keys: TrusteeKeys
    shares: tuple[TrusteeShare, ...] = field(repr=False)

    def share_file(
        self, trustee: int, *, election: str, round_number: int, entropy: Callable[[int], bytes]
    ) -> bytes:
        """The share of trustee 1, 2 ... as it rests, under ``PASSPHRASE`` and the least that Argon2id may cost."""
        return seal_share(
            self.shares[trustee - 1],
            self.keys,
            PASSPHRASE,
            election=election,
            round_number=round_number,
            salt=entropy(SALT_BYTES),
            nonce=entropy(NONCE_BYTES),
            cost=REHEARSAL_COST,
        )


def hold_ceremony(
    session: str, entropy: Callable[[int], bytes], *, holders: Sequence[tuple[str, str]] = HOLDERS
) -> Board:
    """Run COCKTAIL-DKG among the holders (id and body), each checking what the others sent.

    ``session`` must be new for every ceremony. Raises CeremonyError: never, unless a participant is broken.
    """
    secrets = [scalar_from_wide(entropy(_WIDE_BYTES)) for _ in holders]
    setup = session_setup(session.encode(), THRESHOLD, [cocktail.static_public(one) for one in secrets])
    sent = [
        cocktail.round1(setup, one, entropy=entropy(cocktail.entropy_bytes(THRESHOLD))) for one in secrets
    ]
    relayed = cocktail.relay(setup, enumerate(sent, 1))
    outcomes = [
        cocktail.round2(setup, secret, message, sent=own)
        for secret, message, own in zip(secrets, relayed, sent, strict=True)
    ]
    return _accepted(setup, secrets, outcomes, holders)


def _accepted(
    setup: Setup, secrets: list[bytes], outcomes: list[Outcome], holders: Sequence[tuple[str, str]]
) -> Board:
    signatures = [cocktail.certify(one, secret) for one, secret in zip(outcomes, secrets, strict=True)]
    for outcome in outcomes:
        cocktail.finish(outcome, enumerate(signatures, 1))
    keys = TrusteeKeys.of(outcomes[0].public, setup.threshold)
    trustees = [
        Trustee(id=name, body=body, verification_share=b64(share))
        for (name, body), share in zip(holders, keys.shares, strict=True)
    ]
    statement = TrusteeBoard(
        threshold=setup.threshold, group_key=b64(keys.group_key), trustees=tuple(trustees)
    )
    return Board(statement, keys, tuple(TrusteeShare(one.index, one.share) for one in outcomes))
