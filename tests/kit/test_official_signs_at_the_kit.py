"""kitctl order sign against a real kitd: the whole way of an order, and what officials type wrong on it."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from crypto.act_statements import ScheduleChange
from crypto.acts import sign_act
from crypto.key_file import HeldKey, KeyOwner, Role, seal_key
from crypto.passphrase import NONCE_BYTES, REHEARSAL_COST, SALT_BYTES
from crypto.submissions import check_submission
from kit import exit_codes
from kit.cli import medium
from kit.cli.order_words import _EN, _FA
from kit.facts import OrderAccepted, ScheduleExtended, ZeroProved
from tests.crypto.election_fixture import ELECTION, key_of
from tests.kit.harness import ONE_TERMINAL
from tests.kit.real_kit import RealKit, real_kit
from tests.kit.staff import LATER, standing_in

PIN: Final = "248163"
EXECUTIVE, SUPERVISION = "official-1-executive", "official-1-supervision"


def key_file(folder: Path, official: str, *, role: Role = "official", election: str = ELECTION) -> str:
    owner = KeyOwner(election, 1, role, official)
    path = folder / f"{official}-{role}-{election}.key"
    held = HeldKey(owner, key_of(official).seed)
    data = seal_key(
        held,
        PIN if role == "official" else PIN * 2,
        salt=bytes(SALT_BYTES),
        nonce=bytes(NONCE_BYTES),
        cost=REHEARSAL_COST,
    )
    path.write_bytes(data)
    return str(path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def sign(kit: RealKit, official: str, *arguments: str, pin: str = PIN) -> tuple[int, str, str]:
    key = key_file(kit.folder, official)
    return await kit.ctl(
        "order", "sign", *arguments, "--key", key, "--pin-stdin", "--lang", "en", stdin=pin + "\n"
    )


async def test_order_is_lost_between_two_officials_and_the_terminal() -> None:
    async with real_kit(standing_in("readiness")) as kit:
        code, out, err = await sign(kit, EXECUTIVE, "zero")
        assert (code, "waits for an official of another body" in out) == (exit_codes.OK, True), err
        assert "You sign this order:" in err
        assert "number: 1" in err
        code, out, err = await sign(kit, SUPERVISION, "zero")
        assert (code, out) == (exit_codes.OK, "order accepted\n"), err
        await kit.until_status(lambda status: status["phase"] == "zeroed", "the zero proof")
        assert kit.terminal.phase == "zeroed"
        code, out, err = await sign(kit, EXECUTIVE, "open")
        assert (code, "not before 2027-06-18T14:10:00.000Z" in err) == (exit_codes.FORBIDDEN, True)
        await kit.end()
        facts = kit.facts()
        (accepted,) = [fact for fact in facts if isinstance(fact, OrderAccepted)]
        assert {(accepted.kind, accepted.assurance), *accepted.officials} == {
            ("zero", "procedural"),
            EXECUTIVE,
            SUPERVISION,
        }
        assert any(isinstance(fact, ZeroProved) for fact in facts)


async def test_schedule_is_moved_by_hand_and_by_order() -> None:
    async with real_kit(standing_in("open")) as kit:
        times = ("close=2027-06-18T14:35:00Z", "tally_not_before=2027-06-18T14:36:00Z")
        for official in (EXECUTIVE, SUPERVISION):
            code, out, err = await sign(kit, official, "extend", "--schedule", *times, "--reason", "queues")
            assert code == exit_codes.OK, err
        change = ScheduleChange(
            election=ELECTION,
            round=1,
            manifest_sha256=ONE_TERMINAL.loaded.sha256,
            number=1,
            prev=None,
            branch=None,
            schedule=LATER,
            reason="queues",
        )
        act = kit.folder / "change.dsse.json"
        act.write_bytes(
            sign_act(change, [key_of("commissioner-executive"), key_of("commissioner-supervision")])
        )
        code, out, err = await kit.ctl("schedule", str(act), "--lang", "en")
        assert (code, "followed" in out) == (exit_codes.OK, True), err
        code, out, err = await kit.ctl("schedule", str(act), "--lang", "fa")
        assert (code, out) == (exit_codes.OK, _FA["not-followed"] + "\n")
        act.write_bytes(b"{}")
        assert (await kit.ctl("schedule", str(act)))[0] == exit_codes.DATA
        status = (await kit.ask({"op": "status"}))["status"]
        assert status["schedule"]["close_not_before"] == LATER.close_not_before
        await kit.end()
        assert [fact.source for fact in kit.facts() if isinstance(fact, ScheduleExtended)] == ["order", "act"]


async def test_order_that_was_signed_elsewhere_is_not_taken(tmp_path: Path) -> None:
    async with real_kit(standing_in("closed")) as kit:
        out_file = tmp_path / "account.dsse"
        voters = ("--voters", "council_party_list:1=8024", "mayor:1=8013")
        code, out, err = await sign(kit, EXECUTIVE, "account", *voters, "--out", str(out_file))
        assert (code, f"kitctl order {out_file}" in out) == (exit_codes.OK, True), err
        code, out, err = await sign(kit, EXECUTIVE, "account", *voters, "--out", str(out_file))
        assert (code, "cannot be written" in err) == (exit_codes.CANNOT_CREATE, True)
        assert (await kit.ctl("order", str(out_file), "--lang", "fa"))[:2] == (
            exit_codes.OK,
            _FA["waits"] + "\n",
        )
        wrong = ("--voters", "council_party_list:1=8024", "mayor:1=8031")
        code, out, err = await sign(kit, SUPERVISION, "account", *wrong)
        assert (code, _EN["differs"] in out) == (exit_codes.OK, True), err
        code, out, err = await sign(kit, SUPERVISION, "account", *voters)
        assert (code, out) == (exit_codes.OK, "order accepted\n"), err


async def test_official_types_something_wrong() -> None:
    async with real_kit(standing_in("open")) as kit:
        key = key_file(kit.folder, EXECUTIVE)
        cases = [
            (["close"], "000000", exit_codes.DATA, "does not open the key of official"),
            (["close"], "", exit_codes.DATA, "does not open the key"),
            (["account", "--voters", "senate=3"], PIN, exit_codes.USAGE, "the branch counts council_party"),
            (["account", "--voters", "mayor:1=many"], PIN, exit_codes.USAGE, "give a whole number"),
            (["account", "--voters", "mayor:1"], PIN, exit_codes.USAGE, "write NAME=VALUE"),
            (["account"], PIN, exit_codes.DATA, "must say voters_signed_in"),
            (["close", "--voters", "mayor:1=3"], PIN, exit_codes.DATA, "says nothing about voters_signed_in"),
            (["extend", "--schedule", "lunch=12"], PIN, exit_codes.USAGE, "the times are called open, close"),
            (["extend", "--schedule", "close=18:30"], PIN, exit_codes.USAGE, "write times in UTC"),
            (["reopen"], PIN, exit_codes.DATA, "must say reason"),
            (["reissue", "--reason", "x"], PIN, exit_codes.DATA, "standby"),
            (["close", "--reason", "x" * 300], PIN, exit_codes.DATA, "reason"),
            (["open"], PIN, exit_codes.FORBIDDEN, "the branch is 'open'"),
        ]
        for arguments, pin, expected, words in cases:
            code, out, err = await kit.ctl(
                "order", "sign", *arguments, "--key", key, "--pin-stdin", "--lang", "en", stdin=pin + "\n"
            )
            assert (code, words in err, out) == (expected, True, ""), (arguments, code, out, err)
        code, _, err = await kit.ctl("order", "sign", "burn", "--key", key)
        assert (code, "invalid choice" in err) == (exit_codes.USAGE, True)
        code, _, err = await kit.ctl("order", "sign", "close", "--key", "/nowhere.key", "--pin-stdin")
        assert (code, "/nowhere.key" in err) == (exit_codes.USAGE, True)
        for wrong in ({"role": "commissioner"}, {"election": "another"}):
            key = key_file(kit.folder, EXECUTIVE, **wrong)  # type: ignore[arg-type]
            code, _, err = await kit.ctl(
                "order", "sign", "close", "--key", key, "--pin-stdin", stdin=PIN + "\n"
            )
            assert (code, "take the right file" in err) == (exit_codes.DATA, True), err
        key = key_file(kit.folder, "official-2-executive")
        code, _, err = await kit.ctl("order", "sign", "close", "--key", key, "--pin-stdin", stdin=PIN + "\n")
        assert code == exit_codes.DATA, err
        code, _, err = await kit.ctl(
            "order", "sign", "close", "--key", key, "--socket", "/nowhere.sock", "--lang", "fa"
        )
        assert (code, "kitd پاسخ نمی‌دهد" in err) == (exit_codes.UNAVAILABLE, True)


async def test_media_carry_other_bytes_than_were_sealed(tmp_path: Path) -> None:
    branch = standing_in("sealed")
    async with real_kit(branch) as kit:
        code, _, err = await kit.ctl("media", "export", str(tmp_path))
        assert (code, "release-media" in err) == (exit_codes.FORBIDDEN, True)
        assert names(tmp_path) == []
        for official in (EXECUTIVE, SUPERVISION):
            assert (await sign(kit, official, "release-media"))[0] == exit_codes.OK
        for _ in range(2):  # a second time finds the same files
            code, out, err = await kit.ctl("media", "export", str(tmp_path), "--lang", "en")
            assert (code, "4 files written" in out) == (exit_codes.OK, True), err
        index = json.loads((tmp_path / "branch-1-device-1-index.json").read_bytes())
        assert index["released_by_order"] == branch.station.day.state.serial + 1
        for entry in index["files"]:
            data = (tmp_path / entry["file"]).read_bytes()
            assert sha256(data).hexdigest() == entry["sha256"]
            if entry["kind"] != "receipt":
                assert check_submission(data, ONE_TERMINAL.loaded).statement.seq == entry["seq"]
        assert [entry["kind"] for entry in index["files"]] == ["account", "tally", "receipt"]
        assert names(tmp_path) == sorted(
            [entry["file"] for entry in index["files"]] + ["branch-1-device-1-index.json"]
        )
        (tmp_path / "branch-1-device-1-1.dsse.json").write_bytes(b"another envelope")
        code, _, err = await kit.ctl("media", "export", str(tmp_path))
        assert (code, "another file is there" in err) == (exit_codes.CANNOT_CREATE, True)
        code, _, err = await kit.ctl("media", "export", str(tmp_path / "not-mounted"))
        assert (code, "is the medium mounted" in err) == (exit_codes.CANNOT_CREATE, True)


def test_medium_gives_other_bytes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"rotten")
    with pytest.raises(medium.MediumError, match="gives other bytes back"):
        medium.put(tmp_path / "x.dsse.json", b"sealed", replace=False)
    assert not (tmp_path / "x.dsse.json").exists(), "what is not there to stay has no name"


def test_medium_points_at_the_kits_own_files(tmp_path: Path) -> None:
    """Who prepared the stick knows the names: a link there must not make the export write over what it points at."""
    victim, stick = tmp_path / "journal.db", tmp_path / "stick"
    victim.write_bytes(b"facts")
    stick.mkdir()
    (stick / ".x.dsse.json.part").symlink_to(victim)
    medium.put(stick / "x.dsse.json", b"sealed", replace=False)
    assert (victim.read_bytes(), (stick / "x.dsse.json").read_bytes()) == (b"facts", b"sealed")
    (stick / "index.json").symlink_to(victim)
    with pytest.raises(FileExistsError, match="a link or no ordinary file"):
        medium.put(stick / "index.json", b"{}", replace=True)
    os.mkfifo(stick / "y.dsse.json")
    with pytest.raises(FileExistsError):
        medium.put(stick / "y.dsse.json", b"sealed", replace=False)
    assert victim.read_bytes() == b"facts"


def test_phrase_has_no_persian_words() -> None:
    assert set(_EN) <= set(_FA)
