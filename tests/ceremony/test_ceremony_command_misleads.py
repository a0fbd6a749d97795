"""The commands themselves: help, exit codes, files that must not be lost, secrets that must not be read by others."""

import stat
from pathlib import Path

import pytest

from center.cli.ceremony_desk import Desk
from crypto.key_file import read_header
from crypto.passphrase import Argon2Cost
from tests.ceremony.hall import Hall, counted, run

COMMANDS = [
    *(["plan"], ["key"], ["enrol"], ["dkg"], ["manifest"], ["escrow"], ["share"], ["drill"], ["rehearse"]),
    *([], ["plan", "new"], ["key", "new"], ["dkg", "finish"], ["manifest", "sign"], ["escrow", "new"]),
    *(["share", "check"], ["drill", "answer"]),
]


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall.copied(tmp_path)


def new_key(hall: Hall, out: Path, *more: str, role: str = "trustee") -> tuple[int, str, str]:
    one = {"trustee": "trustee-1", "device": "device-1", "official": "official-1-executive"}[role]
    return run(
        *("key", "new", "--plan", hall.file("plan.json"), "--role", role, "--id", one, "--out", str(out)),
        *more,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_without_examples(command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "kit-ceremony" in out
    assert "example" in out or "one after the other" in out


@pytest.mark.parametrize(
    "argv", [[], ["dkg"], ["dkg", "round9"], ["key", "new"], ["key", "new", "--role", "king"]]
)
def test_wrong_usage(argv: list[str]) -> None:
    assert run(*argv)[0] == 64


def test_secret_can_be_read_by_others_or_is_overwritten(hall: Hall, tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("a passphrase long enough\nand a second line\n")
    out = tmp_path / "out"
    low = ["--passphrase-file", str(phrase), "--kdf-cost", "low"]
    assert new_key(hall, out, *low)[0] == 0
    path = out / "trustee-trustee-1.key"
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((out / "enrol-trustee-trustee-1.json").stat().st_mode) == 0o644
    code, _, err = run(
        *("key", "new", "--plan", hall.file("plan.json"), "--role", "trustee", "--id", "trustee-1"),
        *("--out", str(out), *low),
        desk=Desk(entropy=counted("other entropy")),
    )
    assert code == 73
    assert "nothing is overwritten" in err
    assert path.read_bytes() == before
    code, out_text, _ = run("key", "show", str(path))
    assert code == 1
    assert "trustee trustee-1, election rehearsal round 1" in out_text
    assert "rehearsals only" in out_text


def test_usual_cost_is_cheap_to_guess(hall: Hall, tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("a passphrase long enough\n")
    out = tmp_path / "out"
    assert new_key(hall, out, "--passphrase-file", str(phrase))[0] == 0
    path = out / "trustee-trustee-1.key"
    header = read_header(path.read_bytes())
    assert Argon2Cost(header.operations, header.memory_kib) == Argon2Cost()
    assert run("key", "show", str(path))[0] == 0


def test_persons_key_without_passphrase(hall: Hall, tmp_path: Path) -> None:
    code, _, err = new_key(hall, tmp_path / "out", "--raw")
    assert code == 78
    assert "belongs under a passphrase" in err
    code, _, err = new_key(hall, tmp_path / "out")
    assert code == 78
    assert "give --passphrase-file" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("role", "phrase"), [("trustee", "short"), ("official", "12345"), ("trustee", "")])
def test_passphrase_is_too_short(hall: Hall, tmp_path: Path, role: str, phrase: str) -> None:
    (tmp_path / "phrase").write_text(phrase + "\n")
    code, _, err = new_key(hall, tmp_path / "out", "--passphrase-file", str(tmp_path / "phrase"), role=role)
    assert code == 77
    assert "too short" in err
    assert not (tmp_path / "out").exists()


def test_machines_key_is_not_what_its_program_reads(hall: Hall, tmp_path: Path) -> None:
    assert new_key(hall, tmp_path / "out", "--raw", role="device")[0] == 0
    path = tmp_path / "out" / "device-device-1.seed"
    assert len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_several_keys_for_several_people(hall: Hall, tmp_path: Path) -> None:
    code, _, err = new_key(hall, tmp_path / "out", "--id", "trustee-2")
    assert code == 78
    assert "makes a key of their own" in err
    machines = ["key", "new", "--election", "e", "--round", "1", "--role", "terminal", "--raw"]
    ids = [part for n in range(3) for part in ("--id", f"t-{n}")]
    assert run(*machines, *ids, "--out", str(tmp_path / "many"))[0] == 0
    assert len({path.read_bytes() for path in (tmp_path / "many").glob("*.seed")}) == 3
    assert run("key", "new", "--role", "terminal", "--raw", *ids)[0] == 78, "for which election?"


def test_wrong_passphrase_wrong_key_or_no_file(hall: Hall) -> None:
    hall.remove("round1-*")
    hall.at("trustee-1", "passphrase.txt").write_text("not this one at all\n")
    code, _, err = hall.round1("trustee-1")
    assert code == 77
    assert "does not open the key of trustee 'trustee-1'" in err
    key = hall.at("trustee-1", "trustee-trustee-1.key")
    key.write_bytes(hall.at("definer-1", "manifest-definer-1.key").read_bytes())
    code, _, err = hall.round1("trustee-1")
    assert code == 65
    assert "is the key of manifest 'definer-1'; that of a trustee is needed here" in err
    key.write_bytes(b"{}")
    assert hall.round1("trustee-1")[0] == 65
    key.unlink()
    assert hall.round1("trustee-1")[0] == 69
    key.mkdir()
    assert hall.round1("trustee-1")[0] == 69


def test_script_forgets_that_people_must_agree(hall: Hall) -> None:
    hall.remove("round1-*")
    session = ["--session", str(hall.at("trustee-1", "dkg-session.json"))]
    key = ["--key", str(hall.at("trustee-1", "trustee-trustee-1.key")), *hall.person("trustee-1")]
    code, _, err = run("dkg", "round1", *session, *key)
    assert code == 78
    assert "give --expect or --yes" in err


def test_place_to_write_to_is_not_there(hall: Hall, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run("dkg", "session", *hall.agreed(), "--out", str(tmp_path / "file" / "below"))
    assert code == 73
    assert "choose another place" in err


def test_person_walks_away(hall: Hall) -> None:
    def gone(_: str) -> str:
        raise EOFError

    hall.remove("round1-*")
    session = ["--session", str(hall.at("trustee-1", "dkg-session.json"))]
    key = ["--key", str(hall.at("trustee-1", "trustee-trustee-1.key")), "--out", hall.file("")]
    code, _, err = run("dkg", "round1", *session, *key, desk=Desk(ask=gone, ask_secret=gone))
    assert code == 3
    assert "stopped by hand" in err
