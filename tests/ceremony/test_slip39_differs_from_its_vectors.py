"""Plan B's shares are those of SLIP-39: its own vectors, through the library and through ``opening.slip39``."""

from typing import Any

import pytest
from shamir_mnemonic import MnemonicError, combine_mnemonics

from center.opening import slip39
from center.opening.slip39 import EscrowShareError
from crypto import hpke
from tests.ceremony.hall import counted
from tests.crypto.vector_files import committed, needs_shared, shared

COMMITTED = committed("slip39-vectors.json")
PASSPHRASE = b"TREZOR"  # of all vectors


def check_library(vector: list[Any]) -> None:
    _, mnemonics, secret, _ = vector
    if secret:
        assert combine_mnemonics(mnemonics, PASSPHRASE).hex() == secret
    else:
        with pytest.raises(MnemonicError):
            combine_mnemonics(mnemonics, PASSPHRASE)


def check_restore(vector: list[Any]) -> None:
    """Our shares are under no passphrase, so a good vector restores a key of its own."""
    name, mnemonics, secret, _ = vector
    if secret and "256" in name and "group" not in name:
        private = combine_mnemonics(mnemonics)
        words = [slip39.words_of(one, name) for one in mnemonics]
        assert slip39.restore(words, hpke.x25519_public(private)) == private
        with pytest.raises(EscrowShareError, match="restore another key"):
            slip39.restore(words, bytes(32))
    elif not secret:
        with pytest.raises(EscrowShareError):
            slip39.restore([slip39.words_of(one, name) for one in mnemonics], bytes(32))


@pytest.mark.parametrize("vector", COMMITTED, ids=lambda vector: vector[0])
def test_vector_is_not_met(vector: list[Any]) -> None:
    check_library(vector)
    check_restore(vector)


@needs_shared
def test_any_of_the_full_file_is_not_met() -> None:
    vectors = shared("slip39-vectors.json")
    assert len(vectors) == 45
    for vector in vectors:
        check_library(vector)
        check_restore(vector)


@pytest.mark.parametrize(("threshold", "shares"), [(1, 3), (4, 3), (2, 17), (0, 3)])
def test_numbers_that_slip39_has_not(threshold: int, shares: int) -> None:
    with pytest.raises(EscrowShareError, match="cannot be made"):
        slip39.split(counted("key")(32), threshold, shares)


def test_words_as_people_copy_them_from_paper() -> None:
    private = counted("key")(32)
    first, second, _ = slip39.split(private, 2, 3)
    untidy = f"# share of somebody\n\n  {first.upper().replace(' ', chr(10), 7)}\r\n# end\n"
    words = [slip39.words_of(untidy, "paper"), slip39.words_of(second, "paper")]
    assert slip39.restore(words, hpke.x25519_public(private)) == private
    with pytest.raises(EscrowShareError, match="paper: longer than 8192 characters"):
        slip39.words_of("word " * 5000, "paper")
    for nothing in ("", "# only a remark\n"):
        with pytest.raises(EscrowShareError, match="paper: "):
            slip39.words_of(nothing, "paper")
    with pytest.raises(EscrowShareError, match="no SLIP-39 share is given"):
        slip39.restore([], hpke.x25519_public(private))
