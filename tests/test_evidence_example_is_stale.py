"""The example of docs/evidence.md was made by these very programs: they find no fault in it, but in a changed one."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.center.command import center
from tests.peers import evidence_document

KEYS = (evidence_document.EXAMPLE / "manifest.keys").read_text(encoding="ascii").split()
TRUST = [f"--manifest-key={key}" for key in KEYS]
DATA = 65


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy; what is not part of the publication is moved out of it."""
    folder = evidence_document.copies(tmp_path)
    for name in ("check.sh", "prove.go", "reopen.py", "manifest.keys", "branch.journal"):
        (folder / name).rename(tmp_path / name)
    return folder


def journal(example: Path) -> subprocess.CompletedProcess[str]:
    words = ("journal", "verify", "--lang", "en", "--file", str(example.parent / "branch.journal"))
    words += ("--manifest", str(example / "manifest.dsse.json"), *TRUST, "--anchors", str(example))
    command = [sys.executable, "-c", "from kit.cli.kitctl import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_auditor_finds_a_fault_in_the_example(example: Path) -> None:
    assert "the publication is sound" in center("audit", example, *TRUST).out
    leaf = example / "leaves" / "0.dsse.json"
    leaf.write_bytes(leaf.read_bytes() + b" ")
    assert center("audit", example, *TRUST).code == DATA


def test_the_journal_of_the_example_does_not_hold(example: Path) -> None:
    ran = journal(example)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    export = example.parent / "branch.journal"
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[:3] + lines[4:]))
    assert journal(example).returncode == DATA


def test_readers_own_opener_takes_a_forged_answer(tmp_path: Path) -> None:
    folder = evidence_document.copies(tmp_path)
    command = [sys.executable, "reopen.py"]
    good = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "2 answers proven" in good.stdout
    path = next((folder / "opening" / "1").glob("answers-*.json"))
    document = json.loads(path.read_bytes())
    partial = bytearray(base64.b64decode(document["answers"][0]))
    partial[-20] ^= 1
    document["answers"][0] = base64.b64encode(partial).decode()
    path.write_text(json.dumps(document), encoding="utf-8")
    forged = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert forged.returncode
    assert "a forged answer" in forged.stderr
