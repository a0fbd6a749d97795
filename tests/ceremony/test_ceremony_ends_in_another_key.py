"""A whole ceremony of 3 of 5, through the command line: what comes out is what all believe, and opens by three."""

import json
import os
import pty
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from center.opening import slip39
from crypto import codec, hpke, manifest, share_file
from crypto.election_key_rules import board_keys
from crypto.identity import key_id
from crypto.manifest import TrustedManifest
from crypto.trustee_errors import TooFewTrusteesError
from crypto.trustees import (
    OpeningContext,
    TrusteeKeys,
    TrusteeShare,
    combine,
    partial_opening,
    verify_partial,
)
from tests.ceremony.hall import OPTIONS, TRUSTEES, Hall, rehearsed, run

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = OpeningContext("rehearsal", 1, "0a" * 32, "0b" * 32)


def loaded(hall: Hall, threshold: int = 2) -> TrustedManifest:
    """As a branch believes it: from the bytes and the manifest keys alone."""
    enrolments = json.loads(hall.at("coordinator", "enrolments.json").read_bytes())["enrolments"]
    publics = [codec.unb64(one["public_key"]) for one in enrolments if one["role"] == "manifest"]
    data = hall.at("coordinator", "manifest.dsse.json").read_bytes()
    return manifest.load(data, trusted={key_id(one): one for one in publics}, threshold=threshold)


def shares_of(hall: Hall, trusted: TrustedManifest) -> list[tuple[TrusteeShare, TrusteeKeys]]:
    return [
        share_file.open_share(
            hall.at(one, f"share-{one}.json").read_bytes(),
            hall.passphrase(one),
            election="rehearsal",
            round_number=1,
            election_key=trusted.election_public_key,
        )
        for one in TRUSTEES
    ]


def test_three_of_five_open_what_is_sealed_to_the_manifests_key(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    trusted = loaded(hall)
    key = trusted.manifest.election_key
    assert key.opening == "trustees"
    assert key.board is not None
    assert [one.id for one in key.board.trustees] == list(TRUSTEES)
    held = shares_of(hall, trusted)
    keys = board_keys(key.board)
    assert {found for _, found in held} == {keys}
    enc, ciphertext = hpke.hpke_seal(trusted.election_public_key, b"i", b"", b"votes", ephemeral=b"\7" * 32)
    partials = [verify_partial(partial_opening(share, enc, CONTEXT), enc, CONTEXT, keys) for share, _ in held]
    for three in combinations(partials, 3):
        dh = combine(three, 3, enc)
        assert hpke.hpke_open_with_dh(dh, enc, trusted.election_public_key, b"i", b"", ciphertext) == b"votes"
    for two in combinations(partials, 2):
        with pytest.raises(TooFewTrusteesError, match="2 trustees answered; 3 are needed"):
            combine(two, 3, enc)


def test_other_sizes_and_a_second_round(tmp_path: Path) -> None:
    options = ("--trustees", "7", "--threshold", "4", "--manifest-keys", "5", "--manifest-threshold", "3")
    hall = Hall.copied(tmp_path, *options, "--round", "2")
    trusted = loaded(hall, threshold=3)
    board = trusted.manifest.election_key.board
    assert board is not None
    assert (trusted.manifest.round, board.threshold, len(board.trustees)) == (2, 4, 7)


def test_plan_b_is_a_suite_of_its_own(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path, *OPTIONS, "--opening", "slip39")
    trusted = loaded(hall)
    key = trusted.manifest.election_key
    assert (key.opening, key.board) == ("slip39", None)
    texts = [hall.at("coordinator", f"slip39-{one}.txt") for one in TRUSTEES]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in texts)
    words = [slip39.words_of(path.read_text(), path.name) for path in texts]
    for three in combinations(words, 3):
        private = slip39.restore(three, trusted.election_public_key)
        assert hpke.x25519_public(private) == trusted.election_public_key
    files = [str(path) for path in texts]
    code, out, _ = run("escrow", "check", *hall.trust(), *files[1:4])
    assert code == 1
    assert "restore election key rehearsal-r1" in out
    assert "PLAN B" in run("manifest", "show", hall.file("manifest.dsse.json"))[1]


def test_rehearsal_forgets_to_say_what_it_is() -> None:
    _, out = rehearsed(*OPTIONS)
    commands = re.findall(r"^\[\S+\]\$ kit-ceremony (\S+ \S+)", out, re.MULTILINE)
    assert {f"dkg {step}" for step in ("session", "round1", "relay", "round2", "certify", "finish")} <= set(
        commands
    )
    assert commands.count("dkg finish") == 5
    assert "REHEARSED" in out


def test_rehearsal_in_a_folder_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "real-share.json").write_text("{}")
    code, _, err = run("rehearse", str(tmp_path))
    assert code == 73
    assert "is not empty" in err
    assert [path.name for path in tmp_path.iterdir()] == ["real-share.json"]


_WATCHED = """
import sys
sys.addaudithook(lambda event, _: event.startswith("socket.") and event != "socket.gethostname" and sys.exit(99))
from center.cli.ceremony import main_ceremony
main_ceremony()
"""


def test_ceremony_opens_a_socket(tmp_path: Path) -> None:
    """In a process of its own, where the interpreter itself tells of every socket."""
    command = [sys.executable, "-c", _WATCHED, "rehearse", str(tmp_path / "hall"), "--branches", "1"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    assert (tmp_path / "hall" / "coordinator" / "manifest.dsse.json").is_file()


def test_watcher_of_sockets_sleeps() -> None:
    code = _WATCHED.replace("main_ceremony()", "import socket; socket.socket()")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 99


def test_terminal_knows_no_persian(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    path = hall.at("coordinator", "manifest.json")
    path.write_bytes(path.read_bytes().replace(b"contest 1", "شهردار".encode()))
    process = subprocess.run(
        [sys.executable, "-c", _WATCHED, "manifest", "show", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "\\u0634\\u0647" in process.stdout


def typed(command: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run a command at a terminal; each answer is typed when the question is on the screen."""
    terminal, far_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _WATCHED, *command],
        cwd=ROOT,
        stdin=far_end,
        stdout=far_end,
        stderr=far_end,
        start_new_session=True,
    )
    os.close(far_end)
    screen, asked_at = "", 0
    for question, answer in answers:
        while question not in screen[asked_at:]:
            screen += os.read(terminal, 4096).decode()
        asked_at = len(screen)
        os.write(terminal, answer.encode() + b"\n")
    try:
        while piece := os.read(terminal, 4096):
            screen += piece.decode()
    except OSError:  # the terminal is gone with its last process
        pass
    os.close(terminal)
    return process.wait(timeout=30), screen


def test_person_at_a_keyboard(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    out = tmp_path / "mine"
    new = ["key", "new", "--plan", hall.file("plan.json"), "--role", "trustee", "--id", "trustee-1"]
    phrase = "a long passphrase of mine"
    code, screen = typed(
        [*new, "--out", str(out), "--kdf-cost", "low"],
        [("(at least 12 characters): ", phrase), ("once more: ", phrase)],
    )
    assert code == 0, screen
    assert phrase not in screen
    assert "SECRET" in screen
    hall.remove("round1-trustee-1.json")
    sitting = ["--session", str(hall.at("trustee-1", "dkg-session.json")), "--out", str(out)]
    mine = ["--key", str(hall.at("trustee-1", "trustee-trustee-1.key"))]
    answers = [("Type yes: ", "yes"), ("passphrase of trustee trustee-1: ", hall.passphrase("trustee-1"))]
    code, screen = typed(["dkg", "round1", *sitting, *mine], answers)
    assert code == 0, screen
    assert "fingerprint of the session: " in screen
    assert (out / "round1-trustee-1.json").is_file()


def test_person_at_a_keyboard_says_no_or_types_two_things(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    out = tmp_path / "mine"
    sitting = ["--session", str(hall.at("trustee-1", "dkg-session.json")), "--out", str(out)]
    mine = ["--key", str(hall.at("trustee-1", "trustee-trustee-1.key"))]
    code, screen = typed(["dkg", "round1", *sitting, *mine], [("Type yes: ", "it differs")])
    assert code == 65
    assert "was not confirmed: nothing was written" in screen
    new = ["key", "new", "--plan", hall.file("plan.json"), "--role", "trustee", "--id", "trustee-1"]
    code, screen = typed(
        [*new, "--out", str(out)],
        [("characters): ", "one long passphrase"), ("more: ", "another passphrase")],
    )
    assert code == 77
    assert "the two differ" in screen
    assert not out.exists()
