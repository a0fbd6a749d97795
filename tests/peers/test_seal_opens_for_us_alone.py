"""Our HPKE against the npm packages hpke and @panva/hpke-noble, which nobody here wrote.

They open sealed tallies of the product from what stands in the envelope: the ``info`` is computed here as a stranger
would, from the published JSON and RFC 8785 alone.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
import rfc8785

from crypto import codec
from crypto.envelope import Envelope
from crypto.errors import SealError
from crypto.hpke import hpke_open, hpke_seal, x25519_public
from crypto.packing import plaintext_bytes
from tests import peers
from tests.center.branch import Device
from tests.crypto.election_fixture import make_election

pytestmark = pytest.mark.peer("node")

FOLDER: Final = Path(__file__).parent / "npm"
OUTSIDE_INFO: Final = ("enc", "ciphertext", "enc_proof")
ELECTION: Final = make_election(2)
PRIVATE: Final = ELECTION.election_private_key
SEALED: Final[dict[str, Any]] = json.loads(Envelope.from_bytes(Device(ELECTION, "branch-1").tally()).payload)

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """One request to the program in ``npm/``; bytes are given as they are."""
    node = peers.require_program("node")
    peers.require_folder(FOLDER / "node_modules" / "hpke", "the npm package 'hpke'", "deploy/dev/npm.sh")
    with subprocess.Popen(
        [node, str(FOLDER / "hpke.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        pipes = process.stdin, process.stdout
        assert pipes[0] is not None
        assert pipes[1] is not None

        def request(op: str, **fields: bytes | int) -> dict[str, Any]:
            written = {
                name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()
            }
            pipes[0].write(json.dumps({"op": op} | written) + "\n")
            pipes[0].flush()
            answer: dict[str, Any] = json.loads(pipes[1].readline())
            return answer

        yield request
        pipes[0].close()
        assert process.wait(20) == 0


def info_of(sealed: dict[str, Any]) -> bytes:
    header = {name: value for name, value in sealed.items() if name not in OUTSIDE_INFO}
    return sha256(rfc8785.dumps(header)).digest()


def sealed_tally() -> dict[str, bytes]:
    return {
        "private": PRIVATE,
        "enc": codec.unb64(SEALED["enc"]),
        "info": info_of(SEALED),
        "aad": b"",
        "ciphertext": codec.unb64(SEALED["ciphertext"]),
    }


def opened_by_us(given: dict[str, bytes]) -> bytes | None:
    try:
        return hpke_open(**given)
    except SealError:
        return None


def opened_by_them(ask: Ask, given: dict[str, bytes]) -> bytes | None:
    answer = ask("open", **given)
    assert answer.keys() in ({"plaintext"}, {"error"}), answer
    return bytes.fromhex(answer["plaintext"]) if "plaintext" in answer else None


def test_sealed_tally_opens_for_them_to_the_same_bytes(ask: Ask) -> None:
    theirs = opened_by_them(ask, sealed_tally())
    assert theirs is not None
    assert theirs == opened_by_us(sealed_tally())
    assert len(theirs) == plaintext_bytes(ELECTION.loaded, "branch-1")


@pytest.mark.parametrize("part", ["private", "enc", "info", "ciphertext", "aad"])
def test_flipped_bit_opens_for_nobody(ask: Ask, part: str) -> None:
    """Two bits of a key say nothing (RFC 7748 §5): there both must open all the same, or both must not."""
    good = sealed_tally()
    refused = 0
    for at in range(0, max(1, len(good[part])), max(1, len(good[part]) // 16)):
        for bit in (0, 3, 7):
            data = bytearray(good[part] or b"\0")
            data[at] ^= 1 << bit
            changed = good | {part: bytes(data)}
            theirs = opened_by_them(ask, changed)
            assert theirs == opened_by_us(changed)
            refused += theirs is None
            assert theirs is None or part == "private"
    assert refused


@pytest.mark.parametrize("field", sorted(SEALED.keys() - {*OUTSIDE_INFO}))
def test_seal_opens_under_another_header(ask: Ask, field: str) -> None:
    other = json.loads(json.dumps(SEALED))
    match other[field]:
        case int(number):
            other[field] = number + 1
        case str(text):
            other[field] = text + "0"
        case None:
            other[field] = "00" * 32
        case dict() as nested:
            nested["size"] += 1
    assert opened_by_them(ask, sealed_tally() | {"info": info_of(other)}) is None


@pytest.mark.parametrize(
    "change", ["truncated", "longer", "empty", "short enc", "zero enc", "of another seal"]
)
def test_seal_of_another_shape_opens(ask: Ask, change: str) -> None:
    good = sealed_tally()
    changed = (
        good
        | {
            "truncated": {"ciphertext": good["ciphertext"][:-1]},
            "longer": {"ciphertext": good["ciphertext"] + b"\0"},
            "empty": {"ciphertext": b""},
            "short enc": {"enc": good["enc"][:-1]},
            "zero enc": {"enc": bytes(32)},
            "of another seal": {
                "enc": hpke_seal(x25519_public(PRIVATE), good["info"], b"", b"", ephemeral=b"e" * 32)[0]
            },
        }[change]
    )
    assert opened_by_us(changed) is None
    assert opened_by_them(ask, changed) is None


@pytest.mark.parametrize("suite", [0, 1], ids=["hpke", "hpke-noble"])
def test_seal_of_theirs_is_closed_to_us(ask: Ask, suite: int) -> None:
    given = {
        "public": x25519_public(PRIVATE),
        "info": b"another header",
        "aad": b"",
        "plaintext": b"votes" * 40,
    }
    answer = ask("seal", suite=suite, **given)
    sealed = {name: bytes.fromhex(answer[name]) for name in ("enc", "ciphertext")}
    opened = hpke_open(PRIVATE, sealed["enc"], given["info"], b"", sealed["ciphertext"])
    assert opened == given["plaintext"]
    assert opened_by_us({"private": PRIVATE, "info": b"a header", "aad": b"", **sealed}) is None
    assert "error" in ask("seal", suite=suite, **given | {"public": bytes(32)})
