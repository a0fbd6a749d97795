"""What the election key in a manifest must satisfy: who opens, and that no single body can."""

from collections import Counter
from typing import Final

from crypto import codec, hpke
from crypto.errors import EncodingError, ManifestError, SealError
from crypto.statements import ElectionKey, Escrow, Manifest, TrusteeBoard
from crypto.trustee_errors import OpeningError
from crypto.trustees import TrusteeKeys

_PARTS: Final = {"trustees": (True, False), "slip39": (False, True), "single-key": (False, False)}


def check(manifest: Manifest) -> None:
    """Raise ManifestError for the first rule that the election key breaks."""
    key = manifest.election_key
    try:
        hpke.check_x25519_public(codec.unb64(key.public_key))
    except (EncodingError, SealError) as exc:
        raise ManifestError(f"election key {key.kid!r}: {exc}") from exc
    if (key.board is not None, key.escrow is not None) != _PARTS[key.opening]:
        raise ManifestError(
            f"election key {key.kid!r}: 'trustees' come with a board, 'slip39' with an "
            "escrow, 'single-key' with neither"
        )
    if key.board is not None:
        _check_board(key, key.board)
        if not manifest.witness_policy.m or not manifest.commissioners:
            raise ManifestError(
                "trustees answer only for orders that commissioners signed and witnesses saw in time: name "
                "commissioners of two bodies and at least one witness"
            )
    if key.escrow is not None:
        _check_escrow(key.escrow)


def check_holders(manifest: Manifest, *, rehearsal: bool) -> None:
    """Raise ManifestError for an election key that one person holds, unless it is a rehearsal."""
    key = manifest.election_key
    if key.opening == "single-key" and not rehearsal:
        raise ManifestError(
            f"election key {key.kid!r} is one key in one file, whose holder can open alone: an election needs trustees "
            "(kit-ceremony); for a rehearsal, say rehearsal = true in the configuration"
        )


def board_keys(board: TrusteeBoard) -> TrusteeKeys:
    """The trustees' public keys; raises ManifestError when they do not belong together."""
    try:
        shares = tuple(codec.unb64(one.verification_share) for one in board.trustees)
        return TrusteeKeys(board.threshold, codec.unb64(board.group_key), shares)
    except (EncodingError, OpeningError) as exc:
        raise ManifestError(f"the trustees: {exc}") from exc


def _check_board(key: ElectionKey, board: TrusteeBoard) -> None:
    keys = board_keys(board)
    if keys.x25519_public != codec.unb64(key.public_key):
        raise ManifestError(
            f"election key {key.kid!r} is not the one that its trustees share: one was exchanged"
        )
    ids = [one.id for one in board.trustees]
    if len(set(ids)) != len(ids):
        raise ManifestError("a trustee stands twice in the manifest: each holds one share")
    body, seats = Counter(one.body for one in board.trustees).most_common(1)[0]
    if seats >= board.threshold:
        raise ManifestError(
            f"{seats} trustees stand for {body!r}, and {board.threshold} open: no body may open alone; name others"
        )


def _check_escrow(escrow: Escrow) -> None:
    if escrow.shares < 2 * escrow.threshold - 1:
        raise ManifestError(
            f"an escrow of {escrow.threshold} of {escrow.shares} shares: make at least {2 * escrow.threshold - 1}, so "
            f"that {escrow.threshold - 1} lost ones do no harm"
        )
