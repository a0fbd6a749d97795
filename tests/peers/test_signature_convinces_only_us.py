"""Our signatures against the openssl program: what an observer with a terminal and the manifest can check alone."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from crypto import identity, wire
from crypto.envelope import Envelope, pae
from crypto.errors import SignatureInvalidError
from tests.center.branch import Device
from tests.crypto.election_fixture import make_election
from tests.peers import require_program

pytestmark = pytest.mark.peer("openssl")

ELECTION: Final = make_election(2)
DEVICE: Final = Device(ELECTION, "branch-1")
SEALED: Final = Envelope.from_bytes(DEVICE.tally())
SIGNED: Final = pae(wire.TYPE_SEALED_TALLY, SEALED.payload)
SIGNATURE: Final = SEALED.signatures[0].sig
# RFC 8410 §7 and §4: what comes before a raw key in DER.
PRIVATE_HEAD: Final = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC_HEAD: Final = bytes.fromhex("302a300506032b6570032100")


class OpenSsl:
    """``openssl pkeyutl`` on files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._program, self._folder = require_program("openssl"), folder

    def accepts(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is one of ``public`` over ``message``."""
        key = ("-pubin", "-inkey", self._file("key", PUBLIC_HEAD + public))
        done = self._run("-verify", *key, "-sigfile", self._file("signature", signature), message=message)
        assert (done.returncode == 0) == (b"Signature Verified Successfully" in done.stdout), done.stderr
        return done.returncode == 0

    def sign(self, seed: bytes, message: bytes) -> bytes:
        """Its own signature."""
        done = self._run("-sign", "-inkey", self._file("key", PRIVATE_HEAD + seed), message=message)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, *options: str, message: bytes) -> subprocess.CompletedProcess[bytes]:
        command = [self._program, "pkeyutl", *options, "-keyform", "DER", "-rawin"]
        return subprocess.run(
            [*command, "-in", self._file("message", message)], capture_output=True, check=False, timeout=20
        )

    def _file(self, name: str, data: bytes) -> str:
        path = self._folder / name
        path.write_bytes(data)
        return str(path)


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    return OpenSsl(tmp_path)


def mutations() -> Iterator[tuple[bytes, bytes, bytes]]:
    """Key, message and signature with one bit flipped, at places all over them."""
    public = DEVICE.key.public
    for part, places in ((0, (0, 31)), (1, (0, len(SIGNED) // 2, len(SIGNED) - 1)), (2, (0, 31, 32, 63))):
        for at in places:
            whole = [public, SIGNED, SIGNATURE]
            whole[part] = whole[part][:at] + bytes([whole[part][at] ^ 0x04]) + whole[part][at + 1 :]
            yield whole[0], whole[1], whole[2]


def test_sealed_tally_convinces_openssl_and_no_flipped_bit_does(openssl: OpenSsl) -> None:
    assert openssl.accepts(DEVICE.key.public, SIGNED, SIGNATURE)
    for public, message, signature in mutations():
        with pytest.raises(SignatureInvalidError):
            identity.verify(public, message, signature)
        assert not openssl.accepts(public, message, signature)


def test_openssl_signs_what_we_sign(openssl: OpenSsl) -> None:
    assert openssl.sign(DEVICE.key.seed, SIGNED) == SIGNATURE
    identity.verify(
        DEVICE.key.public, b"a stranger's message", openssl.sign(DEVICE.key.seed, b"a stranger's message")
    )


def test_signature_over_the_bare_payload_is_none(openssl: OpenSsl) -> None:
    """DSSE signs the type too: what was signed as one thing is never another."""
    assert not openssl.accepts(DEVICE.key.public, SEALED.payload, SIGNATURE)
    assert not openssl.accepts(DEVICE.key.public, pae(wire.TYPE_TALLY, SEALED.payload), SIGNATURE)
