"""A drill: do the trustees' shares open what is sealed to the election key? Without any envelope being opened.

A challenge tells its ephemeral secret e, from which the encapsulated key e * B is made anew by everybody. So anybody
can compute the answer x_i * (e * B) = e * (x_i * B) from the verification share: it tells nothing, and no envelope's
key can be slipped under. What the drill shows is that share files open, fit the manifest, and that k are enough.
"""

from collections.abc import Iterable
from typing import Final, Literal

from center.ceremony import papers
from center.ceremony.errors import CeremonyRefusedError
from crypto import codec, hpke
from crypto.election_key_rules import board_keys
from crypto.errors import EncodingError, SealError
from crypto.manifest import TrustedManifest
from crypto.statements import Statement
from crypto.trustee_errors import TrusteeError
from crypto.trustees import (
    OpeningContext,
    PartialOpening,
    TrusteeKeys,
    TrusteeShare,
    VerifiedPartial,
    combine,
    partial_opening,
    verify_partial,
)
from crypto.wire import B64, Sha256

EPHEMERAL_BYTES: Final = hpke.KEY_BYTES

_PLAINTEXT: Final = b"drill: nobody's votes"
_INFO: Final = b"branch-kit/drill/v1"


class DrillChallenge(Statement, frozen=True, kw_only=True):
    """What is sealed for the drill follows from this: manifest and ephemeral secret (32 random bytes)."""

    type: Literal["drill-challenge"] = "drill-challenge"
    manifest_sha256: Sha256
    ephemeral: B64


class DrillAnswer(Statement, frozen=True, kw_only=True):
    """A trustee's answer: a partial opening as in a real opening."""

    type: Literal["drill-answer"] = "drill-answer"
    challenge_sha256: Sha256
    answer: B64


def challenge(manifest: TrustedManifest, ephemeral: bytes) -> DrillChallenge:
    """Return a challenge from 32 fresh random bytes; raises CeremonyRefusedError when there are no trustees."""
    paper = DrillChallenge(manifest_sha256=manifest.sha256, ephemeral=codec.b64(ephemeral))
    check(manifest, paper)
    return paper


def check(manifest: TrustedManifest, paper: DrillChallenge) -> None:
    """Raise CeremonyRefusedError unless the challenge is for this manifest, and one that can be answered."""
    _sealed(manifest, paper)


def answer(manifest: TrustedManifest, paper: DrillChallenge, share: TrusteeShare) -> DrillAnswer:
    """Answer a challenge with a share; raises CeremonyRefusedError when it is for another manifest."""
    enc, ciphertext = _sealed(manifest, paper)
    partial = partial_opening(share, enc, _context(manifest, paper, ciphertext))
    return DrillAnswer(challenge_sha256=papers.sha256_of(paper), answer=codec.b64(partial.to_bytes()))


def open_together(
    manifest: TrustedManifest, paper: DrillChallenge, answers: Iterable[tuple[str, DrillAnswer]]
) -> list[str]:
    """Combine answers, each with its file's name, and open; returns the ids of the trustees who answered.

    Raises CeremonyRefusedError: a bad answer (naming whose), too few, or one twice.
    """
    keys = trustee_keys(manifest)
    enc, ciphertext = _sealed(manifest, paper)
    context = _context(manifest, paper, ciphertext)
    verified: list[VerifiedPartial] = []
    for where, one in answers:
        if one.challenge_sha256 != papers.sha256_of(paper):
            raise CeremonyRefusedError(f"{where}: answers another challenge: take the right file")
        try:
            partial = PartialOpening.from_bytes(codec.unb64(one.answer))
            verified.append(verify_partial(partial, enc, context, keys))
        except (EncodingError, TrusteeError) as error:
            raise CeremonyRefusedError(f"{where}: {error}") from error
    try:
        dh = combine(verified, keys.threshold, enc)
        opened = hpke.hpke_open_with_dh(dh, enc, keys.x25519_public, _INFO, b"", ciphertext)
    except (TrusteeError, SealError) as error:
        raise CeremonyRefusedError(f"the drill does not open: {error}") from error
    if opened != _PLAINTEXT:
        raise CeremonyRefusedError(
            "the drill opened to something else: this program is at fault; do not go on"
        )
    board = manifest.manifest.election_key.board
    return [board.trustees[one.trustee - 1].id for one in verified] if board is not None else []


def trustee_keys(manifest: TrustedManifest) -> TrusteeKeys:
    """The trustees' public keys; raises CeremonyRefusedError where the manifest has no trustees."""
    key = manifest.manifest.election_key
    if key.board is None:
        raise CeremonyRefusedError(
            f"election key {key.kid!r} is opened by {key.opening!r}, not by trustees: it has no shares of trustees"
        )
    return board_keys(key.board)


def _sealed(manifest: TrustedManifest, paper: DrillChallenge) -> tuple[bytes, bytes]:
    if paper.manifest_sha256 != manifest.sha256:
        raise CeremonyRefusedError(
            f"the challenge is for manifest {papers.groups(paper.manifest_sha256)}, this is "
            f"{papers.groups(manifest.sha256)}: take the right files"
        )
    public = trustee_keys(manifest).x25519_public
    try:
        return hpke.hpke_seal(public, _INFO, b"", _PLAINTEXT, ephemeral=codec.unb64(paper.ephemeral))
    except (EncodingError, SealError) as error:
        raise CeremonyRefusedError(f"the challenge: {error}") from error


def _context(manifest: TrustedManifest, paper: DrillChallenge, ciphertext: bytes) -> OpeningContext:
    return OpeningContext(
        election=manifest.manifest.election,
        round=manifest.manifest.round,
        order_sha256=papers.sha256_of(paper),
        envelope_sha256=codec.sha256_hex(_INFO + ciphertext),
    )
