"""``center act``: what is drafted fits the log, what is signed is shown first, and nobody signs what is not theirs."""

import builtins
import getpass
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from center.intake.admission import SPOOL
from center.opening.opening import read_log
from center.opening.orders import draft as opening_order
from crypto.act_statements import Adjudication, ScheduleChange
from crypto.acts import check_act, read_act, read_draft
from crypto.codec import b64, sha256_hex
from crypto.key_file import HeldKey, KeyOwner, Role, seal_key
from crypto.passphrase import REHEARSAL_COST
from tests.center.command import Ran, center
from tests.center.commission import Commission
from tests.center.manifests import go_on_under, moved_to_another_port, newer
from tests.center.publication import Office
from tests.crypto.election_fixture import ELECTION, SCHEDULE, key_of, make_election, seed_of

PIN = "314159"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, make_election(2, standbys=1))
    for body in ("executive", "supervision"):
        write_key(office, f"commissioner-{body}")
    yield office
    office.center.close()


def write_key(office: Office, owner: str) -> Path:
    path = office.folder / f"{owner}.key"
    path.write_bytes(seed_of(owner))
    path.chmod(0o600)
    return path


def draft(office: Office, what: str, *options: object, reason: str = "minutes, page 4") -> Ran:
    out = office.folder / "draft.act"
    return center("act", "draft", what, *options, "--reason", reason, "--config", office.config, "--out", out)


def adjudicate(office: Office, *options: object) -> Ran:
    place = ("--branch", "branch-1", "--terminal", "terminal-1-1", "--cause", "two-kits")
    return draft(office, "adjudicate", *place, *options)


def sign(office: Office, source: str, key: object, out: str, *options: object) -> Ran:
    paths = (office.folder / source, "--key", key, "--out", office.folder / out)
    return center("act", "sign", *paths, "--config", office.config, *options)


def sign_by_both(office: Office) -> bytes:
    first = sign(office, "draft.act", office.folder / "commissioner-executive.key", "first.act")
    assert first.code == 0, first.err
    assert "missing    a commissioner of another body than 'executive'" in first.out
    second = sign(office, "first.act", office.folder / "commissioner-supervision.key", "signed.act")
    assert second.code == 0, second.err
    assert "complete" in second.out
    return (office.folder / "signed.act").read_bytes()


def take(office: Office, act: bytes) -> None:
    (logged,) = office.center.take((SPOOL, act)).acts
    assert logged.data == act


def test_act_from_draft_to_log(office: Office) -> None:
    office.day("branch-1")
    tally = list(office.center.ledger.entries())[1]
    ran = adjudicate(office, "--decision", "count", "--envelope", tally.sha256.upper())
    assert ran.code == 0, ran.err
    assert f"COUNTS: {tally.sha256}" in ran.out
    assert "two kits sent for the same terminal" in ran.out
    assert "signed by  nobody yet" in ran.out
    act = sign_by_both(office)
    statement = check_act(act, office.election.loaded).statement
    assert isinstance(statement, Adjudication)
    assert statement.envelope_sha256 == tally.sha256
    shown = center("act", "show", office.folder / "signed.act", "--config", office.config)
    assert shown.code == 0
    assert sha256_hex(act) in shown.out
    assert "commissioner-executive (executive)" in shown.out
    take(office, act)
    # The next one is drafted from the log as it is then.
    assert adjudicate(office, "--decision", "set-aside").code == 0
    second = read_draft((office.folder / "draft.act").read_bytes())
    assert (second.number, second.prev) == (2, sha256_hex(act))


def test_schedule_moves_from_where_it_stands(office: Office) -> None:
    assert draft(office, "schedule", "--all", "--by", "120").code == 0
    first = read_draft((office.folder / "draft.act").read_bytes())
    assert isinstance(first, ScheduleChange)
    assert first.branch is None
    assert first.schedule.open_not_before == SCHEDULE.open_not_before
    assert first.schedule.close_not_before == "2027-06-18T16:30:00.000Z"
    assert first.schedule.opening_not_before == "2027-06-18T18:30:00.000Z"
    take(office, sign_by_both(office))
    ran = draft(office, "schedule", "--branch", "branch-2", "--by", "30", "--opening-not-before",
                "2027-06-18T20:00:00.000Z")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "+150 min against the manifest" in ran.out
    second = read_draft((office.folder / "draft.act").read_bytes())
    assert isinstance(second, ScheduleChange)
    assert second.schedule.close_not_before == "2027-06-18T17:00:00.000Z"
    assert second.schedule.opening_not_before == "2027-06-18T20:00:00.000Z"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--all"], "which time moves"),
        (["--all", "--by", "20000"], "at most 10080 minutes"),
        (["--all", "--close-not-before", "2027-06-18T10:00:00.000Z"], "only moves later"),
        (["--all", "--close-not-before", "2027-06-18T23:00:00.000Z"], "runs backwards"),
        (["--all", "--close-not-before", "tomorrow"], "close_not_before"),
        (["--branch", "branch-9", "--by", "10"], "branch-9"),
    ],
)
def test_schedule_that_cannot_be_is_not_drafted(office: Office, options: list[str], says: str) -> None:
    ran = draft(office, "schedule", *options)
    assert ran.code == 65
    assert says in ran.err
    assert not (office.folder / "draft.act").exists()


def test_adjudication_that_does_not_fit_is_not_drafted(office: Office) -> None:
    ran = adjudicate(office, "--decision", "count", "--envelope", "ab" * 32)
    assert (ran.code, "submit that envelope first" in ran.err) == (65, True)
    ran = adjudicate(office, "--decision", "count")
    assert (ran.code, "names the envelope that counts" in ran.err) == (65, True)
    ran = adjudicate(office, "--decision", "absent", "--envelope", "ab" * 32)
    assert (ran.code, "names the envelope that counts" in ran.err) == (65, True)
    ran = adjudicate(office, "--decision", "count", "--envelope", "junk")
    assert (ran.code, "envelope_sha256" in ran.err) == (65, True)
    assert adjudicate(office, "--decision", "maybe").code == 64


def test_adjudication_of_what_was_opened_is_not_drafted(office: Office) -> None:
    office.day("branch-1")
    tally = list(office.center.ledger.entries())[1]
    commission = Commission(office.center)
    log = read_log(office.center.ledger, office.election.loaded)[1]
    order, _ = opening_order(log, len(log.leaves))
    take(office, commission.signed(order))
    ran = adjudicate(office, "--decision", "set-aside")
    assert (ran.code, "order 1 opened envelope" in ran.err) == (65, True)
    assert adjudicate(office, "--decision", "count", "--envelope", tally.sha256).code == 0, "it says the same"


def test_control_characters_of_a_reason_do_not_reach_the_terminal(office: Office) -> None:
    ran = draft(office, "schedule", "--all", "--by", "10", reason="fine\x1b[2Jsigned by everybody")
    assert ran.code == 0
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("owner", ["official-1-executive", "manifest-1", "device-1"])
def test_key_of_another_role_signs_no_act(office: Office, owner: str) -> None:
    adjudicate(office, "--decision", "absent")
    ran = sign(office, "draft.act", write_key(office, owner), "first.act")
    assert (ran.code, "not the key of a commissioner" in ran.err) == (65, True)
    assert not (office.folder / "first.act").exists()


def test_commissioner_does_not_sign_twice(office: Office) -> None:
    adjudicate(office, "--decision", "absent")
    key = office.folder / "commissioner-executive.key"
    assert sign(office, "draft.act", key, "first.act").code == 0
    ran = sign(office, "first.act", key, "second.act")
    assert (ran.code, "signed the act already" in ran.err) == (65, True)


def test_key_that_others_may_read_is_refused(office: Office) -> None:
    adjudicate(office, "--decision", "absent")
    key = office.folder / "commissioner-executive.key"
    key.chmod(0o644)
    ran = sign(office, "draft.act", key, "first.act")
    assert (ran.code, "others may read" in ran.err) == (78, True)


def sealed_key(office: Office, owner: str, role: Role, election: str = ELECTION) -> Path:
    held = HeldKey(KeyOwner(election, 1, role, owner), key_of(owner).seed)
    path = office.folder / f"{owner}.sealed"
    path.write_bytes(seal_key(held, PIN * 2, salt=b"s" * 16, nonce=b"n" * 24, cost=REHEARSAL_COST))
    return path


def test_key_behind_a_pin(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    adjudicate(office, "--decision", "absent")
    key = sealed_key(office, "commissioner-executive", "commissioner")
    pin = office.folder / "pin"
    pin.write_text(f"{PIN * 2}\nsecond line\n", encoding="utf-8")
    assert sign(office, "draft.act", key, "first.act", "--pin-file", pin).code == 0
    pin.write_text("000000000000", encoding="utf-8")
    ran = sign(office, "draft.act", key, "first.act", "--pin-file", pin)
    assert (ran.code, "does not open the key of commissioner" in ran.err) == (65, True)
    ran = sign(office, "draft.act", key, "first.act")
    assert (ran.code, "give --pin-file" in ran.err) == (78, True)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return PIN * 2

    monkeypatch.setattr(getpass, "getpass", answer)
    assert sign(office, "draft.act", key, "first.act", "--yes").code == 0
    assert asked == ["PIN of commissioner commissioner-executive: "]


@pytest.mark.parametrize(
    ("role", "election", "says"),
    [
        ("official", ELECTION, "the key of a commissioner is needed"),
        ("commissioner", "other", "for election"),
    ],
)
def test_key_file_of_another_role_or_election_is_refused(
    office: Office, role: Role, election: str, says: str
) -> None:
    adjudicate(office, "--decision", "absent")
    key = sealed_key(office, "commissioner-executive", role, election)
    pin = office.folder / "pin"
    pin.write_text(PIN * 2, encoding="utf-8")
    ran = sign(office, "draft.act", key, "first.act", "--pin-file", pin)
    assert (ran.code, says in ran.err) == (65, True)


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 65), ("", 65)])
def test_commissioner_is_shown_the_act_and_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    adjudicate(office, "--decision", "absent")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(builtins, "input", lambda _: answer)
    ran = sign(office, "draft.act", office.folder / "commissioner-executive.key", "first.act")
    assert ran.code == code
    assert "ABSENT: nothing will come from it" in ran.out
    assert (office.folder / "first.act").exists() == (code == 0)


def test_act_is_signed_far_from_the_centre(office: Office) -> None:
    """With the manifest and its keys alone, as on a commissioner's own machine."""
    adjudicate(office, "--decision", "absent")
    office.center.close()
    manifest = office.folder / "manifest.dsse.json"
    trust = [
        "--manifest", manifest,
        *(option for key in office.election.manifest_keys for option in ("--manifest-key", b64(key.public))),
    ]  # fmt: skip
    key = office.folder / "commissioner-executive.key"
    paths = (office.folder / "draft.act", "--key", key, "--out", office.folder / "first.act")
    assert center("act", "sign", *paths, *trust).code == 0
    assert center("act", "show", office.folder / "first.act", *trust).code == 1, "it lacks a signature"
    assert center("act", "show", office.folder / "first.act").code == 78
    assert center("act", "show", office.folder / "first.act", *trust, "--threshold", 4).code == 78
    assert center("act", "show", office.folder / "first.act", *trust[:-1], "junk").code == 78
    other = center(
        "act", "show", office.folder / "first.act", *trust[:2], "--manifest-key", b64(key_of("x").public)
    )
    assert (other.code, "not trusted" in other.err) == (78, True)


def test_forged_or_foreign_act_is_not_shown_as_if_it_were_one(office: Office) -> None:
    adjudicate(office, "--decision", "absent")
    act = sign_by_both(office)
    path = office.folder / "forged.act"
    assert read_act(act).type == "adjudication"
    for data in (
        act.replace(b'"sig":"', b'"sig":"A', 1),
        act[:-1],
        b"{}",
        b"",
        b'{"payloadType":',
        os.urandom(64),
    ):
        path.write_bytes(data)
        ran = center("act", "show", path, "--config", office.config)
        assert ran.code == 65, data
        assert not ran.out
    assert center("act", "show", office.folder / "missing", "--config", office.config).code == 65
    assert center("act", "show", office.folder, "--config", office.config).code == 65


def test_there_is_no_log_to_draft_from(tmp_path: Path) -> None:
    office = Office(tmp_path, make_election(1))
    office.center.close()
    (tmp_path / "state" / "ledger.db").unlink()
    ran = adjudicate(office, "--decision", "absent")
    assert (ran.code, "no ledger to read" in ran.err) == (69, True)


def test_branches_under_an_earlier_manifest_get_no_extension(office: Office) -> None:
    old = office.election
    later = ("--all", "--by", "60")
    go_on_under(office, newer(old, moved_to_another_port))
    ran = draft(office, "schedule", *later)
    assert ran.code == 0, ran.err
    take(office, sign_by_both(office))
    ran = draft(office, "schedule", *later, "--under", "1")
    assert ran.code == 0, ran.err
    for_old = sign_by_both(office)
    take(office, for_old)
    checked = check_act(for_old, old.loaded).statement
    assert isinstance(checked, ScheduleChange)
    assert checked.schedule.close_not_before == "2027-06-18T15:30:00.000Z"
    ran = draft(office, "schedule", *later, "--under", "3")
    assert (ran.code, "goes by 2, 1" in ran.err) == (65, True), ran.err
