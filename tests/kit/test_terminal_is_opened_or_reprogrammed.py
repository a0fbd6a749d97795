"""Somebody opens a terminal, trips its tamper switch, or puts another program on it: the kit says so, and goes on."""

import dataclasses

import pytest

from drivers.ports import TerminalStatus, TerminalUp
from kit.cli.kitctl import _health
from kit.cli.words import Words, render
from kit.events import TerminalHeard
from kit.facts import IncidentRecorded, ReadinessPassed, TakenOver, ZeroProved
from kit.incidents import INCIDENTS_MAX
from tests.kit.harness import MAINS, STANDBY_DEVICE, Branch
from tests.kit.staff import order, readiness, standing_in, work_until

T1 = "terminal-1-1"
OTHER = "ee" * 32


def incidents(branch: Branch) -> list[str]:
    return [fact.code for fact in branch.facts(IncidentRecorded)]


def says(branch: Branch, *, cover_open: bool = False, tampered: bool = False) -> None:
    status = TerminalStatus("open", 0, 5, cover_open=cover_open, tampered=tampered)
    branch.post(TerminalHeard(T1, status))
    branch.settle()


def reprogram(branch: Branch) -> None:
    """The terminal comes back with another program."""
    branch.unplug(T1)
    branch.settle()
    line = branch.lines[T1]
    line.connected = True
    line.model.setup = dataclasses.replace(  # type: ignore[misc]  # a technician can, too
        line.model.setup, firmware="sim-2", firmware_sha256=OTHER
    )
    branch.post(TerminalHeard(T1, line.up()))
    branch.settle()


def test_every_opening_is_one_incident_however_often_it_is_said() -> None:
    branch = standing_in("open")
    for _ in range(50):
        says(branch, cover_open=True)
    assert incidents(branch) == ["cover-open"]
    says(branch)
    says(branch, cover_open=True)
    assert incidents(branch) == ["cover-open", "cover-open"]
    branch.unplug(T1)
    branch.plug(T1)
    says(branch, cover_open=True)
    assert incidents(branch) == ["cover-open", "cover-open", "terminal-lost"], "open all the time"
    for _ in range(10 * INCIDENTS_MAX):
        says(branch)
        says(branch, cover_open=True)
    assert incidents(branch).count("cover-open") == INCIDENTS_MAX, "a loose switch does not fill the flash"


def test_tamper_switch_is_one_incident_and_the_day_goes_on() -> None:
    branch = standing_in("open")
    for _ in range(50):
        says(branch, tampered=True)
    assert incidents(branch) == ["terminal-tampered"]
    work_until(branch, "delivered")


def test_status_hides_the_switches() -> None:
    branch = standing_in("open")
    branch.power(MAINS)
    says(branch, cover_open=True, tampered=True)
    status = branch.station.status(branch.now)
    terminal = status["terminals"][0]
    assert (terminal["cover_open"], terminal["tampered"]) == (True, True)
    assert terminal["firmware"] == "sim-1"
    assert len(terminal["firmware_sha256"]) == 64
    assert _health(status) == 1
    english, persian = render(status, Words("en")), render(status, Words("fa"))
    assert "COVER OPEN, TAMPERED" in english
    assert "درپوش باز است" in persian
    assert "کلید دست‌کاری پایانه عمل کرد" in persian
    says(branch, tampered=True)
    terminal = branch.station.status(branch.now)["terminals"][0]
    assert (terminal["cover_open"], terminal["tampered"]) == (False, True)


@pytest.mark.parametrize(
    ("switch", "words"), [("cover_open", "its cover is open"), ("tampered", "its tamper switch has tripped")]
)
def test_branch_is_ready_with_a_terminal_that_was_opened(switch: str, words: str) -> None:
    branch = Branch()
    branch.power(MAINS)
    says(branch, **{switch: True})
    token = branch._next_reply
    readiness(branch)
    branch.advance(7_000)
    answer = branch.replies[token]
    assert answer["ok"] is False
    assert words in answer["error"]
    assert not branch.facts(ReadinessPassed)


def test_check_list_does_not_name_the_firmware() -> None:
    branch = Branch()
    branch.power(MAINS)
    setup = branch.lines[T1].model.setup
    answer = readiness(branch)
    (detail,) = [item["detail"] for item in answer["items"] if item["name"] == f"terminal {T1}"]
    assert detail == f"self-test passed; firmware sim-1, SHA-256 {setup.firmware_sha256}"


@pytest.mark.parametrize("phase", ["zeroed", "open", "suspended", "closed", "accounted"])
def test_firmware_changes_after_the_zero_report(phase: str) -> None:
    branch = standing_in(phase)
    branch.boot()  # what ran at the zero report is durable
    branch.settle()
    assert incidents(branch) == []
    reprogram(branch)
    reprogram(branch)
    (changed,) = [fact for fact in branch.facts(IncidentRecorded) if fact.code == "firmware-changed"]
    zeroed = branch.facts(ZeroProved)[-1].firmware_sha256
    assert changed.detail == f"{T1}: SHA-256 was {zeroed} at the zero report, now it is {OTHER}"
    work_until(branch, "delivered")


def test_firmware_changes_before_the_zero_report_or_is_zeroed_again() -> None:
    branch = standing_in("readiness")
    reprogram(branch)
    assert incidents(branch) == ["terminal-lost"]
    order(branch, "zero")
    assert branch.facts(ZeroProved)[-1].firmware_sha256 == OTHER
    reprogram(branch)
    assert "firmware-changed" not in incidents(branch)


def test_firmware_changes_after_another_kit_took_over() -> None:
    first = standing_in("open")
    branch = Branch(device=STANDBY_DEVICE, lines_of=first)
    branch.statuses()
    order(branch, "reissue")
    branch.statuses()
    assert branch.phase == "open"
    runs = branch.lines[T1].model.setup.firmware_sha256
    assert branch.facts(TakenOver)[0].terminals[T1].firmware_sha256 == runs
    reprogram(branch)
    assert "firmware-changed" in incidents(branch)


def test_foreign_terminal_speaks_for_ours() -> None:
    branch = standing_in("open")
    up = branch.lines[T1].up()
    identity = dataclasses.replace(up.identity, terminal_id="terminal-9-9", firmware_sha256=OTHER)
    branch.post(TerminalHeard(T1, TerminalUp(identity)))
    says(branch, cover_open=True, tampered=True)
    assert incidents(branch) == ["foreign-terminal"]
    terminal = branch.station.status(branch.now)["terminals"][0]
    assert (terminal["firmware"], terminal["cover_open"]) == (None, False)
