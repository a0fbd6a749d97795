"""``center status`` and ``center open`` say what is, in words, in JSON and in their exit codes."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from crypto.notes import NoteSigner
from tests.center.branch import Center, Device
from tests.center.command import center as center_
from tests.center.site import ran, write_files
from tests.crypto.election_fixture import COUNCIL, SCHEDULE, Election, key_of, make_election

PAST = msgspec.structs.replace(
    SCHEDULE,
    open_not_before="2020-06-18T03:30:00.000Z",
    close_not_before="2020-06-18T14:30:00.000Z",
    tally_not_before="2020-06-18T14:30:00.000Z",
    opening_not_before="2020-06-18T16:30:00.000Z",
)


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=PAST)


def center_at(folder: Path, election: Election) -> Center:
    write_files(folder, election)
    (folder / "state").mkdir()
    return Center(election, str(folder / "state" / "ledger.db"))


def whole_day(center: Center, *branches: str) -> None:
    for branch in branches:
        device = Device(center.election, branch)
        center.take((device, device.account()), (device, device.tally()))


def status(folder: Path, *options: str) -> tuple[int, str, str]:
    return told("status", "--state-dir", folder / "state", *options)


def open_(folder: Path, *options: str | Path) -> tuple[int, str, str]:
    return told("open", "--config", folder / "centerd.toml", "--key", folder / "election.key", *options)


def told(*arguments: str | Path) -> tuple[int, str, str]:
    ended = center_(*arguments)
    return ended.code, ended.out, ended.err


def test_status_tells_received_verified_flagged_and_rejected_apart(
    tmp_path: Path, election: Election
) -> None:
    center = center_at(tmp_path, election)
    whole_day(center, "branch-1")
    code, out, _ = status(tmp_path)
    assert code == 0
    assert re.search(r"verified +2 .*1 accounts, 1 sealed tallies", out)
    device = Device(election, "branch-2")
    center.take((device, b"junk"), (device, device.tally()), (device, device.tally(entropy="second")))
    code, out, _ = status(tmp_path, "--json")
    assert code == 1
    facts = json.loads(out)
    counted = {
        name: facts[name] for name in ("received", "verified", "flagged", "rejected", "checkpoint_size")
    }
    assert counted == {"received": 5, "verified": 4, "flagged": 1, "rejected": 1, "checkpoint_size": 4}
    assert facts["flags"] == {"clash": 1}
    assert re.search(r"flagged +1 +clash 1", status(tmp_path)[1])
    center.close()


def test_status_without_a_ledger_is_unknown(tmp_path: Path) -> None:
    code, out, err = status(tmp_path)
    assert (code, out) == (3, "")
    assert "no ledger to read" in err


def test_open_while_the_centre_runs_says_single_key_in_words_and_in_json(
    tmp_path: Path, election: Election
) -> None:
    center = center_at(tmp_path, election)
    whole_day(center, "branch-1", "branch-2")
    code, out, err = open_(tmp_path, "--out", tmp_path / "result.json")
    assert code == 0
    sentence = "single key: whoever holds this file can open alone; trustees are not in use"
    assert sentence in out
    assert sentence in err
    assert re.search(r"240 +2 +European Georgia", out)
    assert "2 expected, 2 counted, 0 set aside, 0 absent" in out
    code, out, _ = open_(tmp_path, "--json")
    assert code == 0
    written = (tmp_path / "result.json").read_bytes()
    assert hashlib.sha256(out.encode().rstrip(b"\n")).digest() == hashlib.sha256(written).digest()
    facts = json.loads(written)
    assert facts["opening"] == "single-key"
    assert facts["contests"][COUNCIL]["votes"] == {"2": 240, "5": 400, "41": 960}
    assert [unit["status"] for unit in facts["units"]] == ["counted", "counted"]
    # Progress is for terminals only.
    assert "\r" not in err
    center.close()


def test_open_warns_of_absent_units_and_alarms_of_clashes(tmp_path: Path, election: Election) -> None:
    center = center_at(tmp_path, election)
    whole_day(center, "branch-1")
    code, out, _ = open_(tmp_path)
    assert code == 1
    assert "not counted: branch-2 terminal-2-1 (absent): nothing arrived from it" in out
    device = Device(election, "branch-2")
    center.take((device, device.tally()), (device, device.tally(public_counter=813)))
    code, out, _ = open_(tmp_path)
    assert code == 2
    assert "not counted: branch-2 terminal-2-1 (set-aside): clash" in out
    assert "alarm: clash: branch-2 terminal-2-1" in out
    center.close()


def test_open_refuses_before_its_time(tmp_path: Path) -> None:
    future = msgspec.structs.replace(PAST, opening_not_before="2999-01-01T00:00:00.000Z")
    center = center_at(tmp_path, make_election(1, schedule=future))
    code, out, err = open_(tmp_path, "--json")
    assert (code, out) == (77, "")
    assert "2999-01-01" in err
    center.close()


def test_open_refuses_another_key_a_missing_ledger_and_a_place_that_cannot_be_written(
    tmp_path: Path, election: Election
) -> None:
    write_files(tmp_path, election)
    assert open_(tmp_path)[0] == 69
    (tmp_path / "state").mkdir()
    center = Center(election, str(tmp_path / "state" / "ledger.db"))
    assert open_(tmp_path, "--out", tmp_path / "nowhere" / "result.json")[0] == 73
    (tmp_path / "election.key").write_bytes(b"\1" * 32)
    assert open_(tmp_path)[0] == 65
    (tmp_path / "election.key").chmod(0o644)
    assert open_(tmp_path)[0] == 78
    center.close()


def test_ledger_of_another_log_is_not_opened(tmp_path: Path, election: Election) -> None:
    write_files(tmp_path, election)
    (tmp_path / "state").mkdir()
    forger = replace(election, log=NoteSigner(election.log.name, key_of("forger")))
    center = Center(forger, str(tmp_path / "state" / "ledger.db"))
    whole_day(center, "branch-1")
    code, _, err = open_(tmp_path)
    assert code == 65
    assert "does not verify" in err
    center.close()


def test_wrong_usage_ends_with_64() -> None:
    assert ran("center")[0] == 64
    assert ran("center", "status")[0] == 64
    assert "examples:" in ran("center", "--help")[1]
