"""Ed25519 as minisign signs: the vectors of another implementation, held against our verifier."""

from base64 import b64decode
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import pytest

from crypto import identity
from crypto.errors import SignatureInvalidError
from tests.crypto.vector_files import committed, needs_shared, shared

NAME = "minisign.json"
LEGACY, PREHASHED = b"Ed", b"ED"
KEY_NUMBER_BYTES = 8


class Signed(NamedTuple):
    """Public key, message and signature, as Ed25519 sees them."""

    public: bytes
    message: bytes
    signature: bytes


def signed(vectors: dict[str, Any]) -> Iterator[Signed]:
    """Two of each vector: over the file (or its hash), and over that signature with its trusted comment."""
    key = b64decode(vectors["pk"])
    public = key[2 + KEY_NUMBER_BYTES :]
    for vector in vectors["vectors"]:
        whole = b64decode(vector["sig"])
        algorithm, number, signature = whole[:2], whole[2:10], whole[10:]
        assert key[: 2 + KEY_NUMBER_BYTES] == LEGACY + number
        assert algorithm == {"legacy": LEGACY, "prehashed": PREHASHED}[vector["name"]]
        file = vectors["message"].encode()
        yield Signed(public, blake2b(file).digest() if algorithm == PREHASHED else file, signature)
        yield Signed(public, signature + vector["comment"].encode(), b64decode(vector["global_sig"]))


COMMITTED = list(signed(committed(NAME)))


def test_signature_of_minisign_is_refused() -> None:
    assert len(COMMITTED) == 4
    for one in COMMITTED:
        identity.verify(*one)


@needs_shared
def test_committed_vector_is_that_of_the_full_file() -> None:
    assert committed(NAME) == shared(NAME)
    assert list(signed(shared(NAME))) == COMMITTED


@pytest.mark.parametrize("part", [0, 1, 2], ids=["key", "message", "signature"])
def test_flipped_bit_is_missed(part: int) -> None:
    for one in COMMITTED:
        for at in range(len(one[part])):
            changed = list(one)
            changed[part] = one[part][:at] + bytes([one[part][at] ^ 1 << at % 8]) + one[part][at + 1 :]
            with pytest.raises(SignatureInvalidError):
                identity.verify(*changed)


def test_signature_of_one_mode_passes_in_the_other() -> None:
    legacy, _, prehashed, _ = COMMITTED
    for a, b in ((legacy, prehashed), (prehashed, legacy)):
        with pytest.raises(SignatureInvalidError):
            identity.verify(a.public, a.message, b.signature)
