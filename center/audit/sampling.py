"""Branches drawn by public dice, for comparing paper with what was published. Anyone repeats the draw with sha256sum.

The dice are thrown in public *after* the publication, so that nobody could know which branches would be looked at.
"""

from hashlib import sha256
from typing import Final

from crypto.manifest import TrustedManifest

DICE_MIN: Final = 20  # digits of the dice: 20 throws of a ten-sided die are 66 bits


def draw(manifest: TrustedManifest, dice: str, count: int) -> tuple[str, ...]:
    """The ids of ``count`` branches (or all, if there are fewer), in the order of the draw.

    Branches are ordered by SHA-256 of ``<dice> <manifest sha256> <branch id>``, one space between, no newline; the
    first ``count`` are drawn. Every set of branches is equally likely.
    """
    ids = [branch.id for branch in manifest.manifest.branches]
    return tuple(
        sorted(ids, key=lambda one: sha256(f"{dice} {manifest.sha256} {one}".encode()).digest())[:count]
    )
