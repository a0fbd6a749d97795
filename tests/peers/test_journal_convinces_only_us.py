"""A journal's checkpoints, keys and proofs against Go's sumdb, and the script of docs/journal.md against an export."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from crypto import codec, notes
from crypto.codec import from_bytes, unb64
from crypto.envelope import Envelope
from crypto.journal_note import JournalKey, JournalNote
from crypto.notes import text_of
from kit.cli.journal_sources import to_export
from kit.facts import CheckpointSigned, JournalKeyCertified
from kit.journal import proof as journal_proof
from kit.journal.journal import read_fact
from tests.kit.signed_day import KEY, MANIFEST, NAME, SignedBranch, bodies_in
from tests.kit.staff import work_until
from tests.peers.verifylog import Stranger, build

ROOT: Final = Path(__file__).parents[2]
NOTE_SOURCE: Final = Path(__file__).parent / "go_note" / "main.go"


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A journal with two segments: the seed was lost at noon."""
    folder = tmp_path_factory.mktemp("journal") / "state"
    branch = SignedBranch(folder)
    work_until(branch, "open")
    branch.stop()
    (folder / "keys" / "journal.seeds").unlink()
    branch.boot()
    work_until(branch, "delivered")
    branch.stop()
    return bodies_in(folder)


def links(bodies: list[bytes]) -> list[tuple[str, str]]:
    """Each checkpoint with the verifier key that must have signed it."""
    found, due = [], ""
    for body in bodies:
        fact = read_fact(body)
        if isinstance(fact, JournalKeyCertified):
            due = from_bytes(Envelope.from_bytes(unb64(fact.certificate)).payload, JournalKey).vkey
        elif isinstance(fact, CheckpointSigned):
            found.append((fact.note, due))
            due = JournalNote.parse(text_of(fact.note)).next_vkey
    return found


# --- Go ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opennote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go-note"), NOTE_SOURCE)


def opened(program: Path, note: str, *vkeys: str) -> str | None:
    """What Go's package reads, or None."""
    done = subprocess.run(
        [str(program), *vkeys], input=note.encode(), capture_output=True, check=False, timeout=20
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.decode() if done.returncode == 0 else None


@pytest.mark.peer("go")
def test_checkpoint_convinces_us_alone(opennote: Path, bodies: list[bytes]) -> None:
    device = notes.vkey_of(NAME.device_origin, KEY.public)
    for note, vkey in links(bodies):
        assert opened(opennote, note, vkey, device) == f"{text_of(note)}{NAME.origin}\n{NAME.device_origin}\n"


@pytest.mark.peer("go")
def test_checkpoint_under_another_epochs_key_convinces_them(opennote: Path, bodies: list[bytes]) -> None:
    chain = links(bodies)
    for (note, _), (_, following) in pairwise(chain):
        assert opened(opennote, note, following) is None


@pytest.mark.peer("go")
def test_changed_checkpoint_convinces_them(opennote: Path, bodies: list[bytes]) -> None:
    note, vkey = links(bodies)[3]
    for old, new in (
        ("epoch 4", "epoch 5"),
        ("next ", "next  "),
        ("/device-1\n", "/device-2\n"),
        ("\n\n", "\n"),
    ):
        assert old in note
        assert opened(opennote, note.replace(old, new, 1), vkey) is None


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    program = build(tmp_path_factory.mktemp("go"))
    with subprocess.Popen([str(program), "lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Stranger(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.peer("go")
def test_proof_of_a_fact_convinces_us_alone(stranger: Stranger, bodies: list[bytes]) -> None:
    note, _ = links(bodies)[-1]
    checkpoint = JournalNote.parse(text_of(note)).checkpoint
    for number in range(1, checkpoint.size + 1, 5):
        proof = journal_proof.make(bodies, number, note)
        assert journal_proof.check(proof, bodies[number - 1], MANIFEST).number == number
        path = [codec.unb64(line) for line in proof.partition("\n\n")[0].split("\n")[3:]]
        claim = (number - 1, checkpoint.size, path, checkpoint.root)
        assert stranger.believes_inclusion(bodies[number - 1], *claim)
        assert not stranger.believes_inclusion(bodies[number], *claim)


# --- the page --------------------------------------------------------------------------------------------------------


def script() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "journal.md").read_text(), re.DOTALL)
    return str(found)


def run_script(bodies: list[bytes], folder: Path, *, device_key: bytes = KEY.public) -> tuple[int, str]:
    (folder / "check.py").write_text(script())
    (folder / "export").write_bytes(to_export(bodies))
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "check.py", "export", codec.b64(device_key)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


@pytest.mark.peer("openssl")
def test_script_of_the_page_does_not_run(bodies: list[bytes], tmp_path: Path) -> None:
    code, out = run_script(bodies, tmp_path)
    assert code == 0
    size = JournalNote.parse(text_of(links(bodies)[-1][0])).checkpoint.size
    assert out.splitlines()[-1] == f"facts 1 to {size} signed in epoch {len(links(bodies))}"
    assert [line.rpartition(" ")[2] for line in out.splitlines() if line.startswith("segment")] == [
        "first",
        "seed-lost",
    ]


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("damage", ["fact", "order", "missing", "signature", "device"])
def test_script_of_the_page_believes_anything(bodies: list[bytes], tmp_path: Path, damage: str) -> None:
    changed, key = list(bodies), KEY.public
    match damage:
        case "fact":
            changed[1] = changed[1].replace(b"2027", b"2028")
        case "order":
            changed[4], changed[5] = changed[5], changed[4]
        case "missing":
            del changed[5]
        case "signature":
            last = max(i for i, body in enumerate(bodies) if isinstance(read_fact(body), CheckpointSigned))
            fact = read_fact(bodies[last])
            assert isinstance(fact, CheckpointSigned)
            changed[last] = bodies[last].replace(b"/device-1 ", b"/device-1 AAAA", 1)
            assert changed[last] != bodies[last]
        case "device":
            key = b"\x01" + KEY.public[1:]
    assert run_script(changed, tmp_path, device_key=key)[0] != 0
