"""Commands of the centre, by any rung: of another key or branch, old, late, too many; what a stolen key cannot do."""

from dataclasses import replace
from typing import Any

import pytest

from crypto import command, command_packing
from crypto.codec import unb64
from crypto.command import Command
from crypto.identity import SigningKey
from crypto.notes import NoteSigner
from kit import exit_codes
from kit.cli.kitctl import _health
from kit.commands.clock_hints import BLOCKS_MS
from kit.commands.commands import FOLLOWED_MAX, HOUR_MS, REFUSALS_TOLD_MAX
from kit.events import CommandHeard, OrderReceived
from kit.facts import CommandFollowed, IncidentRecorded
from kit.outbox import RESEND_MAX_MS
from tests.crypto.election_fixture import ELECTION
from tests.kit.harness import BRANCH, Branch
from tests.kit.staff import standing_in

RUNGS = ("fibre", "4g", "sms", "courier")
MINUTE_MS = 60_000


def now_s(branch: Branch) -> int:
    return branch.wall_ms // 1000


def message(kit: Branch, number: int = 1, text: str = "hello", **fields: Any) -> Command:
    issued = fields.pop("issued_s", now_s(kit))
    return Command(
        kind=fields.pop("kind", "message"),
        election=ELECTION,
        round=1,
        branch=fields.pop("branch", None),
        number=number,
        issued_at=command.seconds_text(issued),
        expires_at=command.seconds_text(issued + fields.pop("for_s", 600)),
        text=text or None,
        **fields,
    )


def of_kind(kit: Branch, kind: str, number: int = 1, **fields: Any) -> Command:
    return message(kit, number, text="", kind=kind, **fields)


def hear(branch: Branch, one: Command, rung: str = "fibre", *, packed: bool = False) -> None:
    note = command.make(one, branch.election.log)
    data = command_packing.pack(note, branch.election.loaded) if packed else note.encode()
    branch.post(CommandHeard(data, rung))
    branch.settle()


def bring(branch: Branch, data: bytes) -> dict[str, Any]:
    return branch.ask(lambda token: CommandHeard(data, "courier", token))


def centre(branch: Branch) -> dict[str, Any]:
    status: dict[str, Any] = branch.station.status(branch.now)["centre"]
    return status


def followed(branch: Branch) -> list[tuple[str, int, str]]:
    return [(fact.kind, fact.number, fact.rung) for fact in branch.facts(CommandFollowed)]


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("packed", [False, True])
def test_checks_depend_on_the_rung(rung: str, packed: bool) -> None:
    branch = Branch()
    branch.settle()
    thief = NoteSigner(branch.election.log.name, SigningKey.from_seed(b"t" * 32))
    good = message(branch, 5)
    forged = command.make(good, thief)
    if packed:  # signed by the thief, packed as if by the log
        true = command_packing.pack(command.make(good, branch.election.log), branch.election.loaded)
        line = command.make(good, thief).rpartition(" ")[2]
        forged_bytes = true[:-64] + unb64(line.strip())[4:]
    else:
        forged_bytes = forged.encode()
    branch.post(CommandHeard(forged_bytes, rung))
    branch.settle()
    hear(branch, message(branch, 9, branch="branch-2"), rung, packed=packed)
    hear(branch, message(branch, 8, issued_s=now_s(branch) - 700), rung, packed=packed)
    assert followed(branch) == []
    hear(branch, good, rung, packed=packed)
    assert followed(branch) == [("message", 5, rung)]
    for again in (good, message(branch, 4)):
        hear(branch, again, rung, packed=packed)
    assert followed(branch) == [("message", 5, rung)]
    assert [one["text"] for one in centre(branch)["messages"]] == ["hello"]
    assert centre(branch)["refused"] == 2, "the forged one and the expired one"


def test_command_comes_by_every_rung_at_once() -> None:
    branch = Branch()
    branch.settle()
    one = message(branch, 3)
    note = command.make(one, branch.election.log)
    for rung in RUNGS:
        branch.post(CommandHeard(note.encode(), rung))
    branch.settle()
    assert followed(branch) == [("message", 3, "fibre")]


def test_counters_are_lost_in_a_restart() -> None:
    branch = Branch()
    branch.settle()
    hear(branch, message(branch, 3))
    hear(branch, of_kind(branch, "pacing", 7, pause_ms=5_000))
    branch.boot()
    branch.settle()
    hear(branch, message(branch, 3))
    hear(branch, message(branch, 2, text="older"))
    hear(branch, of_kind(branch, "pacing", 7, pause_ms=5_000))
    assert len(followed(branch)) == 2
    assert centre(branch)["pacing"]["pause_ms"] == 5_000
    hear(branch, message(branch, 4, text="newer"))
    assert [one["text"] for one in centre(branch)["messages"]] == ["hello", "newer"]


@pytest.mark.parametrize("cut", ["before", "after"])
def test_power_goes_while_a_command_is_followed(cut: Any) -> None:
    branch = Branch()
    branch.settle()
    branch.journal.cut = (cut, branch.journal.appends + 1)
    one = message(branch, 1)
    with pytest.raises(Exception):  # noqa: B017, PT011 - a power cut is an exception of the harness
        hear(branch, one)
    branch.boot()
    branch.settle()
    hear(branch, one)
    assert followed(branch) == [("message", 1, "fibre")]


def test_only_the_last_messages_are_shown() -> None:
    branch = Branch()
    branch.settle()
    for number in range(1, 9):
        hear(branch, message(branch, number, text=f"message {number}"))
    assert [one["text"] for one in centre(branch)["messages"]] == [f"message {n}" for n in range(4, 9)]


def test_who_brings_one_is_told_nothing() -> None:
    branch = Branch()
    branch.settle()
    one = message(branch, 2)
    note = command.make(one, branch.election.log).encode()
    assert bring(branch, note)["command"]["state"] == "followed"
    assert bring(branch, note)["command"]["state"] == "known"
    other = command.make(message(branch, 3, branch="branch-2"), branch.election.log).encode()
    answer = bring(branch, other)
    assert answer["command"]["state"] == "of another branch"
    assert "branch-2" in answer["command"]["detail"]
    for wrong in (b"", b"\xff\xfe", b"\xc5" + bytes(90), note[:-3], note.replace(b"hello", b"hullo")):
        answer = bring(branch, wrong)
        assert (answer["ok"], answer["code"]) == (False, 65)
        assert "refused" in answer["error"]
    old = command.make(message(branch, 9, issued_s=now_s(branch) - 601), branch.election.log).encode()
    assert "expired" in bring(branch, old)["error"]


def test_forger_fills_the_flash() -> None:
    branch = Branch()
    branch.settle()
    before = len(branch.journal.facts)
    for number in range(200):
        branch.post(CommandHeard(f"forgery\n\n{number}\n".encode(), "fibre"))
    branch.settle()
    told = [fact for fact in branch.facts(IncidentRecorded) if fact.code == "command-refused"]
    assert len(told) == REFUSALS_TOLD_MAX
    assert len(branch.journal.facts) == before + REFUSALS_TOLD_MAX
    assert centre(branch)["refused"] == 200
    branch.advance(HOUR_MS)
    branch.post(CommandHeard(b"another one", "fibre"))
    branch.settle()
    assert (
        len([fact for fact in branch.facts(IncidentRecorded) if fact.code == "command-refused"])
        == len(told) + 1
    )


def test_stolen_key_fills_the_flash() -> None:
    branch = Branch()
    branch.settle()
    for number in range(1, 100):
        hear(branch, message(branch, number))
    assert len(followed(branch)) == FOLLOWED_MAX
    branch.advance(HOUR_MS)
    hear(branch, message(branch, 100))
    assert len(followed(branch)) == FOLLOWED_MAX + 1


def test_stolen_key_silences_a_branch() -> None:
    """The longest pacing there can be, again and again: the tally is sent at once, and again, as long as it waits."""
    branch = standing_in("sending")
    branch.center_answers = False
    sent_before = len(branch.published)
    for number in range(1, 4):  # half an hour
        hear(branch, of_kind(branch, "pacing", number, for_s=1800, pause_ms=command.PAUSE_MAX_MS))
        branch.advance(10 * MINUTE_MS)
    sent = len(branch.published) - sent_before
    slowest = 1800_000 // (command.PAUSE_MAX_MS + RESEND_MAX_MS)
    assert sent >= slowest, f"{sent} times in half an hour"
    branch.center_answers = True
    branch.advance(10 * MINUTE_MS)
    assert branch.phase == "delivered"


def test_pacing_outlives_its_time() -> None:
    branch = Branch()
    branch.settle()
    hear(branch, of_kind(branch, "pacing", 1, for_s=600, pause_ms=60_000))
    branch.advance(601_000)
    assert centre(branch)["pacing"] is None


# --- clocks ---


def readiness(branch: Branch) -> dict[str, bool]:
    return {item.name: item.ok for item in branch.station.commands.readiness(branch.now)}


def test_clock_is_behind_and_nobody_says_so() -> None:
    branch = Branch()
    branch.settle()
    before = branch.wall_ms
    hear(branch, of_kind(branch, "clock", 1, issued_s=now_s(branch) + 3600, for_s=120))
    assert centre(branch)["clock"] == {"behind_s": 3600, "ahead_s": 0}
    assert readiness(branch) == {"clock": False}
    (incident,) = [fact for fact in branch.facts(IncidentRecorded) if fact.code == "clock-behind"]
    assert "60 min" in incident.detail
    assert "timedatectl" in incident.detail
    for _ in range(20):  # repeated every half minute
        branch.advance(30_000)
        hear(branch, of_kind(branch, "clock", 1, issued_s=before // 1000 + 3600, for_s=1200))
    assert len([fact for fact in branch.facts(IncidentRecorded) if fact.code == "clock-behind"]) == 1
    assert branch.wall_ms == before + 600_000, "nobody moved it"
    branch.boot()
    branch.settle()
    assert centre(branch)["clock"]["behind_s"] == 0, "it may have been set between two lives"


def test_stolen_key_keeps_polls_shut() -> None:
    branch = Branch()
    branch.settle()
    for number in range(1, 40):  # further and further behind, for ever
        hear(branch, of_kind(branch, "clock", number, issued_s=now_s(branch) + number * 3600, for_s=86_400))
        branch.advance(30_000)
        if number * 30_000 < BLOCKS_MS:
            assert readiness(branch) == {"clock": False}
    assert readiness(branch) == {"clock": True}, "people had time to look"
    assert centre(branch)["clock"]["behind_s"] > 0, "and it is still shown"


def test_clock_is_ahead_and_nobody_says_so() -> None:
    branch = Branch()
    branch.settle()
    hear(branch, of_kind(branch, "clock", 1, issued_s=now_s(branch) - 1800, for_s=120), "sms")
    assert centre(branch)["clock"]["ahead_s"] == 0, "an SMS may have been on its way for so long"
    hear(branch, of_kind(branch, "clock", 2, issued_s=now_s(branch) - 1800, for_s=120))
    assert centre(branch)["clock"] == {"behind_s": 0, "ahead_s": 1800}
    assert followed(branch) == [], "it has expired by this clock"
    late = command.make(
        of_kind(branch, "clock", 3, issued_s=now_s(branch) - 1800, for_s=120), branch.election.log
    )
    assert "the clock is ahead" in bring(branch, late.encode())["command"]["detail"]
    hear(branch, of_kind(branch, "clock", 4, for_s=120))
    assert centre(branch)["clock"] == {"behind_s": 0, "ahead_s": 0}
    assert readiness(branch) == {"clock": True}


def test_clock_that_is_right_is_doubted() -> None:
    branch = Branch()
    branch.settle()
    assert readiness(branch) == {}
    hear(branch, of_kind(branch, "clock", 1, issued_s=now_s(branch) + 60, for_s=120))
    assert centre(branch)["clock"] == {"behind_s": 0, "ahead_s": 0}
    assert readiness(branch) == {"clock": True}
    assert not branch.facts(IncidentRecorded)


# --- announced manifests ---


def test_newer_manifest_is_announced_and_nobody_knows() -> None:
    branch = standing_in("readiness")
    assert _health(branch.station.status(branch.now)) == exit_codes.OK
    hear(branch, of_kind(branch, "manifest", 1, manifest_version=1, manifest_sha256="ab" * 32))
    assert centre(branch)["manifest_announced"] is None, "it has that version"
    hear(branch, of_kind(branch, "manifest", 2, manifest_version=2, manifest_sha256="ab" * 32))
    assert centre(branch)["manifest_announced"] == {"version": 2, "sha256": "ab" * 32}
    assert readiness(branch) == {"manifest": False}, (
        "what is sealed under the old one, the centre would refuse"
    )
    (item,) = branch.station.commands.readiness(branch.now)
    assert "version 2" in item.detail
    assert "kitctl manifest bring" in item.detail
    assert _health(branch.station.status(branch.now)) == exit_codes.WARNING


def test_stolen_key_announces_what_does_not_exist() -> None:
    branch = Branch()
    branch.settle()
    for number in range(1, 40):
        hear(
            branch,
            of_kind(branch, "manifest", number, manifest_version=1 + number, manifest_sha256="ab" * 32),
        )
        branch.advance(30_000)
        if number == FOLLOWED_MAX:
            branch.boot()
            branch.settle()
    assert readiness(branch) == {"manifest": True}, "people had time to ask"


def test_command_of_the_centre_passes_for_an_order() -> None:
    branch = Branch()
    branch.settle()
    note = command.make(message(branch), branch.election.log).encode()
    answer = branch.ask(lambda token: OrderReceived(note, token))
    assert not answer["ok"]
    assert replace(message(branch), branch=BRANCH).branch == BRANCH
