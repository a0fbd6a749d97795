"""SLIP-39 as everybody else has it: the published vectors, and shares of the test election for any implementation."""

from typing import Any

import pytest
from shamir_mnemonic import MnemonicError, combine_mnemonics

from center import slip39
from center.slip39 import EscrowShareError
from crypto.hpke import x25519_public
from tests.crypto.election_fixture import seed_of
from tests.crypto.vector_files import needs_shared, shared

PASSPHRASE = b"TREZOR"  # of the published vectors
FEW = (
    (
        "1. Valid mnemonic without sharing (128 bits)",
        [
            (
                "duckling enlarge academic academic agency result length solution fridge kidney coal "
                "piece deal husband erode duke ajar critical decision keyboard"
            ),
        ],
        "bb54aac4b89dc868ba37d9cc21b2cece",
    ),
    (
        "2. Mnemonic with invalid checksum (128 bits)",
        [
            (
                "duckling enlarge academic academic agency result length solution fridge kidney coal "
                "piece deal husband erode duke ajar critical decision kidney"
            ),
        ],
        "",
    ),
    (
        "4. Basic sharing 2-of-3 (128 bits)",
        [
            (
                "shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist "
                "rescue view short owner flip making coding armed"
            ),
            (
                "shadow pistol academic acid actress prayer class unknown daughter sweater depict flip "
                "twice unkind craft early superior advocate guest smoking"
            ),
        ],
        "b43ceb7e57a0ea8766221624d01b0864",
    ),
)
SHARES = (
    (
        "cylinder result academic acid aquatic spider sympathy style cinema afraid organize listen adapt "
        "peasant bundle peanut both club explain forget blimp speak snake royal dwarf declare wits smear "
        "black stick tadpole recover income"
    ),
    (
        "cylinder result academic agency adjust rebuild dryer human dynamic eclipse voter bulge calcium "
        "domestic spray column manual alpha learn package switch ultimate recover shelter leaves nail "
        "family downtown hormone survive depict keyboard change"
    ),
    (
        "cylinder result academic always adapt much alcohol prune ancient emphasis epidemic rival nylon "
        "fake olympic segment debris testify sidewalk snapshot move cricket acne rhyme fangs welcome "
        "rescue eraser upstairs bedroom deadline meaning density"
    ),
)
"""Of the election key of the fixture, two of three; made once, with another seed they would have other words."""


def check(words: list[str], secret: str) -> None:
    if secret:
        assert combine_mnemonics(words, PASSPHRASE).hex() == secret
        for one in words:
            assert slip39.words_of(f"# a line for people\n  {one.upper()}\n", "file") == one
        return
    with pytest.raises(MnemonicError):
        combine_mnemonics(words, PASSPHRASE)
    with pytest.raises(EscrowShareError):
        slip39.restore([slip39.words_of(one, "file") for one in words], bytes(32))


@pytest.mark.parametrize(("name", "words", "secret"), FEW)
def test_few_vectors(name: str, words: list[str], secret: str) -> None:
    assert name
    check(words, secret)


@needs_shared
def test_all_vectors() -> None:
    vectors: list[Any] = shared("slip39-vectors.json")
    assert len(vectors) == 45
    for _, words, secret, _ in vectors:
        check(words, secret)


def test_shares_of_the_election_key_restore_something_else() -> None:
    key = seed_of("election key")
    for pair in (SHARES[:2], SHARES[1:], SHARES[::2], SHARES):
        assert slip39.restore(pair, x25519_public(key)) == key
    with pytest.raises(EscrowShareError, match="another key"):
        slip39.restore(SHARES, x25519_public(seed_of("another key")))
    for one in SHARES:
        with pytest.raises(EscrowShareError, match="2 are needed"):
            slip39.restore([one], x25519_public(key))
