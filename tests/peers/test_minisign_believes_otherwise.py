"""Our Ed25519 keys and signatures against the program minisign, which nobody here wrote.

minisign wants its own frame around a signature: key number, comments, and a second signature over the first one and the
trusted comment. The frame is made here; the signature in it is the product's own, byte for byte. The product writes no
such frames: the second signature would put keys of the log and of devices under bytes that are no statement.
"""

import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

import pytest

from crypto import identity, notes, wire
from crypto.envelope import Envelope, pae
from crypto.errors import SignatureInvalidError
from crypto.identity import SigningKey
from tests.center.branch import Device
from tests.crypto.election_fixture import key_of, make_election
from tests.peers import require_program

pytestmark = pytest.mark.peer("minisign")

COMMENT: Final = "as logged"
ELECTION: Final = make_election(2)
DEVICE: Final = Device(ELECTION, "branch-1")
SEALED: Final = Envelope.from_bytes(DEVICE.tally())


class Minisign:
    """``minisign -V`` on files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._program, self._folder = require_program("minisign"), folder

    def accepts(self, key: bytes, file: bytes, frame: str) -> bool:
        """Whether it believes the frame; ``key`` is what stands in its public key files."""
        public = f"untrusted comment: key\n{b64encode(key).decode()}\n".encode()
        command = ["-V", "-q", "-p", self._file("key.pub", public), "-m", self._file("file", file)]
        done = self.run(*command, "-x", self._file("file.minisig", frame.encode()))
        assert done.returncode in (0, 1, 2), done
        return done.returncode == 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._program, *arguments], capture_output=True, check=False, timeout=20, cwd=self._folder
        )

    def _file(self, name: str, data: bytes) -> str:
        path = self._folder / name
        path.write_bytes(data)
        return str(path)


@pytest.fixture
def minisign(tmp_path: Path) -> Minisign:
    return Minisign(tmp_path)


def key_file(key: SigningKey) -> bytes:
    return b"Ed" + bytes.fromhex(key.key_id[:16]) + key.public


def frame(key: SigningKey, signature: bytes, mode: bytes = b"Ed", comment: str = COMMENT) -> str:
    head = b64encode(mode + bytes.fromhex(key.key_id[:16]) + signature).decode()
    whole = b64encode(key.sign(signature + comment.encode())).decode()
    return f"untrusted comment: signature\n{head}\ntrusted comment: {comment}\n{whole}\n"


def artefacts() -> Iterator[tuple[str, SigningKey, bytes, bytes]]:
    """Key, signed bytes and signature of what the product signs: an envelope, a manifest, a checkpoint."""
    yield "sealed tally", DEVICE.key, pae(wire.TYPE_SEALED_TALLY, SEALED.payload), SEALED.signatures[0].sig
    manifest = Envelope.from_bytes(ELECTION.manifest_bytes)
    for number, key in enumerate(sorted(ELECTION.manifest_keys[:2], key=lambda key: key.key_id)):
        signature = manifest.signatures[number]
        assert signature.keyid == key.key_id
        yield f"manifest, key {number}", key, pae(wire.TYPE_MANIFEST, manifest.payload), signature.sig
    note = ELECTION.log.sign(notes.Checkpoint(ELECTION.log.name, 7, bytes(32)).text())
    line = b64decode(note.rsplit(" ", 1)[1])
    yield "checkpoint", key_of("log"), notes.text_of(note).encode(), line[4:]


ARTEFACTS: Final = {name: rest for name, *rest in artefacts()}
every_artefact = pytest.mark.parametrize("name", ARTEFACTS)


@every_artefact
def test_signature_of_the_product_does_not_convince_minisign(minisign: Minisign, name: str) -> None:
    key, file, signature = ARTEFACTS[name]
    assert minisign.accepts(key_file(key), file, frame(key, signature))


@every_artefact
@pytest.mark.parametrize("part", ["key", "file", "signature", "comment"])
def test_flipped_bit_convinces_minisign(minisign: Minisign, name: str, part: str) -> None:
    key, file, signature = ARTEFACTS[name]
    whole = {"key": key_file(key), "file": file, "signature": signature}
    text = frame(key, signature)
    if part == "comment":
        assert not minisign.accepts(whole["key"], file, text.replace(COMMENT, "as counted"))
        return
    size = len(whole[part])
    for at in (10, size // 2, size - 1):
        data = whole[part][:at] + bytes([whole[part][at] ^ 4]) + whole[part][at + 1 :]
        changed = whole | {part: data}
        assert not minisign.accepts(changed["key"], changed["file"], frame(key, changed["signature"])), (
            f"{part}, byte {at}"
        )


def test_signature_under_another_key_convinces_minisign(minisign: Minisign) -> None:
    key, file, signature = ARTEFACTS["checkpoint"]
    assert not minisign.accepts(key_file(DEVICE.key), file, frame(key, signature))
    assert not minisign.accepts(key_file(key), file, frame(key, DEVICE.key.sign(file)))
    assert not minisign.accepts(key_file(key), file, frame(key, signature, mode=b"ED"))
    other = pae(wire.TYPE_TALLY, SEALED.payload)
    assert not minisign.accepts(key_file(DEVICE.key), other, frame(DEVICE.key, SEALED.signatures[0].sig))


def test_prehashed_signature_with_our_key_does_not_convince_minisign(minisign: Minisign) -> None:
    key, file, _ = ARTEFACTS["checkpoint"]
    signature = key.sign(blake2b(file).digest())
    assert minisign.accepts(key_file(key), file, frame(key, signature, mode=b"ED"))
    assert not minisign.accepts(key_file(key), file, frame(key, signature, mode=b"Ed"))


@pytest.mark.parametrize("legacy", [True, False], ids=["raw", "prehashed"])
def test_signature_of_minisign_does_not_convince_us(minisign: Minisign, tmp_path: Path, legacy: bool) -> None:
    file = tmp_path / "message"
    file.write_bytes(b"a stranger's message")
    made = minisign.run("-G", "-W", "-p", "their.pub", "-s", "their.key")
    assert made.returncode == 0, made.stderr
    signed = minisign.run("-S", *(["-l"] if legacy else []), "-s", "their.key", "-m", str(file))
    assert signed.returncode == 0, signed.stderr
    public = b64decode((tmp_path / "their.pub").read_text("utf-8").splitlines()[1])
    lines = (tmp_path / "message.minisig").read_text("utf-8").splitlines()
    signature, whole = b64decode(lines[1]), b64decode(lines[3])
    assert signature[:2] == (b"Ed" if legacy else b"ED")
    covered = file.read_bytes() if legacy else blake2b(file.read_bytes()).digest()
    identity.check_public(public[10:])
    identity.verify(public[10:], covered, signature[10:])
    identity.verify(public[10:], signature[10:] + lines[2].removeprefix("trusted comment: ").encode(), whole)
    with pytest.raises(SignatureInvalidError):
        identity.verify(public[10:], covered + b"\0", signature[10:])
