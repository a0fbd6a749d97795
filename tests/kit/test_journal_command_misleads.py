"""kitctl journal: what it says of a running kit, a stopped one, an export and a proof, and of what is none of these."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crypto import key_file
from crypto.codec import b64
from crypto.errors import EvidenceError
from crypto.journal_note import add_official, check_certificate
from crypto.passphrase import REHEARSAL_COST
from crypto.submissions import check_submission
from kit import exit_codes
from kit.cli import journal as command
from kit.cli import journal_words
from kit.facts import CheckpointSigned
from kit.journal import proof as journal_proof
from kit.journal.journal import read_fact
from kit.journal.signed import SEEDS_FILE
from tests.crypto.election_fixture import key_of
from tests.kit.commission import commission, run, run_apart
from tests.kit.harness import ONE_TERMINAL, Branch
from tests.kit.real_kit import RealKit, real_kit
from tests.kit.signed_day import MANIFEST, NAME, SignedBranch, bodies_in
from tests.kit.staff import work_until
from tests.programs import Ended

OK, REMARKS, FLAGGED, DATA = exit_codes.OK, exit_codes.WARNING, exit_codes.CRITICAL, exit_codes.DATA


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit's folder after a whole day: configuration, manifest, ``state``; and ``public`` with the leaves."""
    folder = tmp_path_factory.mktemp("kit")
    commission(folder, election=ONE_TERMINAL)
    branch = SignedBranch(folder / "state")
    work_until(branch, "delivered")
    branch.stop()
    (folder / "public" / "leaves").mkdir(parents=True)
    for index, leaf in enumerate(branch.center.taken, 1):
        (folder / "public" / "leaves" / f"{index}.dsse.json").write_bytes(leaf)
    ended = kitctl("export", folder / "day.journal", "--state-dir", folder / "state")
    assert ended.returncode == OK
    return folder


def kitctl(*arguments: str | Path) -> Ended:
    """``kitctl journal ...`` in this process, for there are many; ``kit.ctl`` is the real one."""
    return run("kitctl", "journal", *arguments)


def journal(day: Path, name: str, *arguments: str | Path) -> Ended:
    return kitctl(name, *arguments, "--config", day / "kitd.toml")


@pytest.fixture
async def kit() -> AsyncIterator[RealKit]:
    async with real_kit(Branch()) as running:
        yield running


# --- a running kit --------------------------------------------------------------------------------------------------


async def test_running_kit_has_facts_that_nothing_signs(kit: RealKit) -> None:
    code, out, err = await kit.ctl("journal", "verify", "--config", str(kit.config))
    assert (code, err) == (OK, "")
    assert out.startswith("GOOD: every leaf")
    assert "not held against the centre's log" in out
    export = kit.folder / "now.journal"
    assert (await kit.ctl("journal", "export", str(export)))[0] == OK
    last = read_fact(export.read_bytes().splitlines()[-1])
    assert isinstance(last, CheckpointSigned)


async def test_folder_is_read_under_a_running_kit(kit: RealKit) -> None:
    state = str(kit.folder / "state")
    code, _, err = await kit.ctl("journal", "verify", "--config", str(kit.config), "--state-dir", state)
    assert code == exit_codes.UNAVAILABLE
    assert "kitd is at work there; leave --state-dir away to ask it" in err
    await kit.end()
    code, out, _ = await kit.ctl("journal", "verify", "--config", str(kit.config), "--state-dir", state)
    assert code == OK, out
    code, _, err = await kit.ctl("journal", "verify", "--config", str(kit.config))
    assert (code, "kitd does not answer" in err) == (exit_codes.UNAVAILABLE, True)


async def test_key_is_lost_under_a_real_kit(kit: RealKit) -> None:
    await kit.end(kill=True)
    (kit.folder / "state" / SEEDS_FILE).unlink()
    await kit.start()
    status = (await kit.ask({"op": "status"}))["status"]
    assert [incident["code"] for incident in status["incidents"]] == ["journal-key-lost"]
    assert status["journal_segments_flagged"] == [2]
    code, out, _ = await kit.ctl("journal", "verify", "--config", str(kit.config))
    assert (code, out.splitlines()[0][:7]) == (FLAGGED, "FLAGGED")
    path = kit.folder / "segment-2"
    assert (await kit.ctl("journal", "certificate", "2", "--out", str(path)))[0] == OK
    data = path.read_bytes()
    for body in ("executive", "supervision"):
        code, _, err = await kit.ctl("journal", "endorse", str(path))
        assert (code, "two different bodies" in err) == (DATA, True)
        data = add_official(data, key_of(f"official-1-{body}"), NAME, MANIFEST)
        path.write_bytes(data)
    code, out, err = await kit.ctl("journal", "endorse", str(path))
    assert (code, out, err) == (OK, "two officials vouch for segment 2\n", "")
    assert (await kit.ctl("journal", "verify", "--config", str(kit.config)))[0] == REMARKS


async def test_socket_is_asked_for_pages_that_are_none(kit: RealKit) -> None:
    for first in (10**6, 2**70):
        assert await kit.ask({"op": "journal", "first": first}) == {"ok": True, "facts": [], "next": None}
    for first in ("1", None, 1.5):
        assert (await kit.ask({"op": "journal", "first": first}))["ok"] is False
    for nonsense in ("", "????", b64(b"{}")):
        answer = await kit.ask({"op": "endorse", "envelope": nonsense})
        assert (answer["ok"], answer["code"]) == (False, DATA)


# --- verify ---------------------------------------------------------------------------------------------------------


def test_whole_day_is_verified_from_each_source(day: Path) -> None:
    for source in (["--state-dir", day / "state"], ["--file", day / "day.journal"]):
        ended = journal(day, "verify", *source, "--anchors", day / "public")
        assert ended.returncode == OK, ended.stdout
        assert "published envelopes of this device held against it: 2" in ended.stdout


def test_words_are_in_the_wrong_language_or_none(day: Path) -> None:
    of_day = ("--config", day / "kitd.toml", "--file", day / "day.journal")
    ended = run_apart("kitctl", "journal", "verify", *of_day, LC_ALL="fa_IR.UTF-8")
    assert (ended.returncode, ended.stdout.splitlines()[0][:4]) == (OK, "درست")
    report = json.loads(kitctl("verify", *of_day, "--json").stdout)
    assert (report["verdict"], report["faults"]) == ("good", [])
    assert report["segments"][0]["checkpoints"] == report["checkpoints"]


def test_every_word_is_missing_in_one_language() -> None:
    assert journal_words._EN.keys() == journal_words._FA.keys()


def test_changed_export_passes(day: Path, tmp_path: Path) -> None:
    lines = (day / "day.journal").read_bytes().splitlines(keepends=True)
    cases = {
        "a byte": [*lines[:5], lines[5].replace(b"2027", b"2028", 1), *lines[6:]],
        "a line less": [*lines[:5], *lines[6:]],
        "a line of something else": [*lines[:5], b"{}\n", *lines[6:]],
        "another order": [*lines[:5], lines[6], lines[5], *lines[7:]],
        "a last line cut off": [*lines[:-1], lines[-1][:-10]],
        "nothing": [],
    }
    for name, changed in cases.items():
        path = tmp_path / "changed"
        path.write_bytes(b"".join(changed))
        ended = journal(day, "verify", "--file", path)
        assert ended.returncode == DATA, name


def test_export_that_was_cut_is_whole_for_the_centre(day: Path, tmp_path: Path) -> None:
    lines = (day / "day.journal").read_bytes().splitlines(keepends=True)
    signed = [number for number, line in enumerate(lines, 1) if b'"checkpoint-signed"' in line]
    path = tmp_path / "cut"
    path.write_bytes(b"".join(lines[: signed[3]]))
    assert journal(day, "verify", "--file", path).returncode == OK
    ended = journal(day, "verify", "--file", path, "--anchors", day / "public")
    assert ended.returncode == DATA
    assert "the journal was cut short" in ended.stdout
    assert "envelope 1, leaf 1 of the centre's log" in ended.stdout


def test_unsigned_end_is_passed_over(day: Path, tmp_path: Path) -> None:
    lines = (day / "day.journal").read_bytes().splitlines(keepends=True)
    path = tmp_path / "unsigned"
    path.write_bytes(b"".join(lines[:-1]))
    ended = journal(day, "verify", "--file", path)
    assert ended.returncode == REMARKS
    assert "not signed yet" in ended.stdout


def test_nobody_is_to_be_believed(day: Path) -> None:
    export = day / "day.journal"
    ended = kitctl("verify", "--file", export)
    assert (ended.returncode, "whom to believe?" in ended.stderr) == (exit_codes.CONFIG, True)
    keys = [
        argument for key in ONE_TERMINAL.manifest_keys for argument in ("--manifest-key", b64(key.public))
    ]
    manifest = day / "manifest.dsse.json"
    ended = kitctl("verify", "--file", export, "--manifest", manifest, *keys)
    assert ended.returncode == OK
    ended = kitctl("verify", "--file", export, "--manifest", manifest, *keys[:2])
    assert ended.returncode == exit_codes.CONFIG, "signed by keys that nobody named"


@pytest.mark.parametrize("source", ["--state-dir", "--file", "--anchors"])
def test_nothing_is_there(day: Path, source: str, tmp_path: Path) -> None:
    arguments = [source, tmp_path / "nothing"]
    if source == "--anchors":
        arguments += ["--file", day / "day.journal"]
    ended = journal(day, "verify", *arguments)
    assert ended.returncode == exit_codes.UNAVAILABLE
    assert str(tmp_path / "nothing") in ended.stderr


# --- export and proofs ------------------------------------------------------------------------------------------------


def test_export_is_not_what_the_tree_is_over(day: Path) -> None:
    assert (day / "day.journal").read_bytes() == b"".join(body + b"\n" for body in bodies_in(day / "state"))


def test_export_overwrites_a_file(day: Path) -> None:
    before = (day / "day.journal").read_bytes()
    ended = kitctl("export", day / "day.journal", "--state-dir", day / "state")
    assert ended.returncode == exit_codes.CANNOT_CREATE
    assert (day / "day.journal").read_bytes() == before


def test_proof_proves_another_fact(day: Path, tmp_path: Path) -> None:
    bodies = bodies_in(day / "state")
    for number in (7, len(bodies) - 1):
        name = tmp_path / f"fact-{number}"
        ended = kitctl("prove", str(number), "--out", name, "--file", day / "day.journal")
        assert ended.returncode == OK, ended.stderr
        assert name.with_suffix(".json").read_bytes() == bodies[number - 1]
        ended = journal(day, "check", name)
        assert (ended.returncode, f"fact {number} stands in" in ended.stdout) == (OK, True)
    other, proof = tmp_path / "fact-7.json", tmp_path / "fact-7.tlog-proof"
    other.write_bytes(bodies[7])
    assert journal(day, "check", tmp_path / "fact-7").returncode == DATA
    other.write_bytes(bodies[6])
    good = proof.read_text()
    lines = good.split("\n")
    for changed in (
        good.replace("index 6", "index 5"),
        good.replace("/device-1\n", "/device-2\n"),
        good.replace("epoch ", "epoch 1", 1),
        "\n".join([*lines[:3], lines[4], lines[3], *lines[5:]]),
        "\n".join(line for line in lines if "/device " not in line),
        good[:-20],
        good + "\n",
        "",
    ):
        assert changed != good
        with pytest.raises(EvidenceError):
            journal_proof.check(changed, bodies[6], MANIFEST)
    proof.write_text(good[:-20])
    assert journal(day, "check", tmp_path / "fact-7").returncode == DATA


def test_proof_is_anchored_by_no_envelope(day: Path, tmp_path: Path) -> None:
    """Under the newest checkpoint it is the device's word; under the one that an envelope names, the centre has it."""
    prove = ("prove", "3", "--file", day / "day.journal")
    assert kitctl(*prove, "--out", tmp_path / "newest").returncode == OK
    ended = journal(day, "check", tmp_path / "newest", "--anchors", day / "public")
    assert (ended.returncode, "the device's word alone" in ended.stdout) == (REMARKS, True)
    leaf = (day / "public" / "leaves" / "2.dsse.json").read_bytes()
    size = check_submission(leaf, ONE_TERMINAL.loaded).statement.journal.size
    assert kitctl(*prove, "--size", str(size), "--out", tmp_path / "anchored").returncode == OK
    ended = journal(day, "check", tmp_path / "anchored", "--anchors", day / "public")
    assert (ended.returncode, "leaf 2 of the centre's log" in ended.stdout) == (OK, True)
    assert kitctl(*prove, "--size", str(size + 1), "--out", tmp_path / "none").returncode == DATA


@pytest.mark.parametrize("number", ["0", "-1", "100000"])
def test_fact_that_is_not_there_is_proven(day: Path, tmp_path: Path, number: str) -> None:
    ended = kitctl("prove", number, "--out", tmp_path / "x", "--file", day / "day.journal")
    assert ended.returncode in (DATA, exit_codes.USAGE)
    assert not list(tmp_path.iterdir())


# --- certificates -----------------------------------------------------------------------------------------------------


def test_official_signs_with_a_pin(day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = tmp_path / "segment-1"
    ended = kitctl("certificate", "1", "--out", certificate, "--file", day / "day.journal")
    assert ended.returncode == OK
    owner = key_file.KeyOwner("councils-7", 1, "official", "official-1-executive")
    held = key_file.HeldKey(owner, key_of("official-1-executive").seed)
    sealed = key_file.seal_key(held, "135792", salt=bytes(16), nonce=bytes(24), cost=REHEARSAL_COST)
    (tmp_path / "official.key").write_bytes(sealed)
    arguments = ["sign", str(certificate), "--key", str(tmp_path / "official.key")]
    arguments += ["--out", str(tmp_path / "signed"), "--config", str(day / "kitd.toml")]
    for pin, code in (("000000", DATA), ("135792", OK)):
        monkeypatch.setattr(command, "getpass", lambda _, pin=pin: pin)
        with pytest.raises(SystemExit) as ended_:
            command.main(arguments)
        assert ended_.value.code == code
    checked = check_certificate((tmp_path / "signed").read_bytes(), NAME, MANIFEST)
    assert [official.id for official in checked.officials] == ["official-1-executive"]


def test_segment_that_is_not_there_has_a_certificate(day: Path, tmp_path: Path) -> None:
    ended = kitctl("certificate", "2", "--out", tmp_path / "x", "--file", day / "day.journal")
    assert (ended.returncode, "has no segment 2" in ended.stderr) == (DATA, True)


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("dance",), ("prove",), ("prove", "x", "--out", "y"), ("export",)])
def test_wrong_usage_looks_like_something_else(arguments: tuple[str, ...]) -> None:
    ended = kitctl(*arguments)
    assert (ended.returncode, ended.stdout) == (exit_codes.USAGE, "")


def test_help_does_not_say_how() -> None:
    ended = kitctl("--help")
    assert ended.returncode == OK
    assert "examples:" in ended.stdout
    assert "exit codes:" in ended.stdout
    assert "kitctl journal" in run("kitctl", "--help").stdout
