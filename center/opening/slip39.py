"""Plan B: an ordinary X25519 key in SLIP-39 shares (words, as hardware wallets use them), and back.

Whoever brings the threshold of shares together has the whole key in one machine. The words are under no passphrase:
they are for sealed envelopes.
"""

from collections.abc import Sequence
from typing import Final

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics

from center.errors import CenterError
from crypto import hpke

SHARE_TEXT_MAX: Final = 8 * 1024  # characters of a share file


class EscrowShareError(CenterError):
    """Shares that do not restore the election's key: damaged, too few, of another key."""

    exit_code = 65


def split(private_key: bytes, threshold: int, shares: int) -> list[str]:
    """Return the words of each share. The library draws its entropy from the operating system.

    Raises EscrowShareError for numbers that SLIP-39 does not allow (1 < threshold <= shares <= 16).
    """
    try:
        (words,) = generate_mnemonics(1, [(threshold, shares)], private_key)
    except (ValueError, MnemonicError) as error:
        raise EscrowShareError(f"{threshold} of {shares} SLIP-39 shares cannot be made: {error}") from error
    return list(words)


def words_of(text: str, where: str) -> str:
    """Return the words in a share file, whose lines beginning with ``#`` are for people; checked by their checksum.

    Raises EscrowShareError naming ``where``.
    """
    if len(text) > SHARE_TEXT_MAX:
        raise EscrowShareError(f"{where}: longer than {SHARE_TEXT_MAX} characters: this is no SLIP-39 share")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    words = " ".join(" ".join(lines).lower().split())
    try:
        Share.from_mnemonic(words)
    except MnemonicError as error:
        raise EscrowShareError(
            f"{where}: this is no SLIP-39 share, or a word is wrong: {error}; compare it with the paper"
        ) from error
    return words


def threshold_of(words: str) -> int:
    """How many shares restore the key that this share is of; raises EscrowShareError."""
    try:
        return int(Share.from_mnemonic(words).member_threshold)
    except MnemonicError as error:
        raise EscrowShareError(f"this is no SLIP-39 share: {error}") from error


def restore(shares: Sequence[str], public_key: bytes) -> bytes:
    """Return the private key (32 bytes) whose X25519 public key the manifest names.

    ``shares`` are words; more than the threshold are as good. Raises EscrowShareError: too few different ones, shares
    that do not belong together, or those of another key.
    """
    different = list(dict.fromkeys(shares))
    if not different:
        raise EscrowShareError("no SLIP-39 share is given")
    threshold = threshold_of(different[0])
    if len(different) < threshold:
        raise EscrowShareError(
            f"{len(different)} different shares; {threshold} are needed: bring more holders together"
        )
    try:
        private_key: bytes = combine_mnemonics(different[:threshold])
    except MnemonicError as error:
        raise EscrowShareError(f"these shares do not belong together: {error}") from error
    if len(private_key) != hpke.KEY_BYTES or hpke.x25519_public(private_key) != public_key:
        raise EscrowShareError(
            "these shares restore another key than the manifest's: take those of this election"
        )
    return private_key
