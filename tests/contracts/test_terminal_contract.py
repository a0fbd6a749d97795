"""What the kit counts on at any voting terminal, whatever is at the far end of its line."""

import asyncio

import pytest

from crypto import reports
from drivers.ports import TerminalDone, TerminalLost, TerminalRefused, TerminalStatus, TerminalUp
from simulators.devices.terminal import COUNTER_MS
from tests.contracts.terminal_rigs import ELECTION, OTHER, OURS, RIGS, TerminalRig
from tests.simulators.terminal_asker import VOTERS


@pytest.fixture(params=list(RIGS))
def rig(request: pytest.FixtureRequest) -> TerminalRig:
    return RIGS[request.param]()


def test_terminal_that_does_not_say_who_it_is(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        await rig.until(TerminalStatus)
        identity = rig.said(TerminalUp)[0].identity
        assert identity.terminal_id == OURS
        assert identity.definition_sha256 == ELECTION.loaded.definition_sha256("branch-1")
        assert identity.firmware == "sim-1"
        assert len(bytes.fromhex(identity.firmware_sha256)) == 32
        assert [type(event) for event in rig.events[:2]] == [TerminalUp, TerminalStatus]

    rig.run(story)


def test_signed_reports_of_a_whole_day(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        given = {}
        await rig.do("self-test")
        given["zero"] = (await rig.do("zero")).report
        await rig.do("open")
        rig.command("vote", "all")
        closed = await rig.do("suspend", "resume", "close")
        assert closed.close_no == 1
        given["account"] = (await rig.do("account")).report
        rig.command("clock", "2099-01-01T00:00:00Z")
        given["tally"] = (await rig.do("tally")).report
        for kind in ("zero", "account", "tally"):
            report = reports.check_report(
                given[kind] or b"", ELECTION.loaded, branch="branch-1", terminal=OURS, kind=kind
            )
            assert report.public_counter == (0 if kind == "zero" else VOTERS)

    rig.run(story)


def test_tally_that_comes_early_or_changes(rig: TerminalRig) -> None:
    """Before CLOSE and before its time it does not exist; then it is the same bytes for ever, to whoever asks."""

    async def story(rig: TerminalRig) -> None:
        assert await rig.outcome("tally") == TerminalRefused("tally", "wrong-phase")
        await rig.do("zero", "open")
        rig.command("vote", "all")
        assert await rig.outcome("tally") == TerminalRefused("tally", "wrong-phase")
        await rig.do("close", "account")
        assert await rig.outcome("tally") == TerminalRefused("tally", "too-early")
        assert "TALLY" not in rig.far.durable["reports"]
        rig.command("clock", "2099-01-01T00:00:00Z")
        first = await rig.do("tally")
        rig.command("clock", "2020-01-01T00:00:00Z")
        rig.command("reboot")
        assert await rig.do("tally") == first
        for late in ("open", "close", "zero"):
            assert await rig.outcome(late) == TerminalRefused(late, "wrong-phase")
        assert await rig.do("tally") == first

    rig.run(story)


def test_reboot_that_goes_unnoticed_or_costs_something(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        await rig.do("zero", "open")
        rig.command("vote", "40")
        rig.command("reboot")
        up = await rig.until(TerminalUp, lambda up: up.identity.boot_id == 2)
        assert up.identity.terminal_id == OURS
        rig.command("vote", "all")
        await rig.do("close")
        status = await rig.until(TerminalStatus, lambda status: status.phase == "closed")
        assert (status.close_no, status.public_counter) == (1, VOTERS)

    rig.run(story)


def test_silence_is_said_once_and_the_queue_outlives_it(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        rig.far.faults.mute = True
        await rig.until(TerminalLost)
        rig.driver.request("zero")
        rig.driver.request("zero")
        await asyncio.sleep(1.2)
        rig.far.faults.mute = False
        await rig.until(TerminalDone, lambda done: done.action == "zero")
        assert len(rig.said(TerminalLost)) == 1
        assert len(rig.said(TerminalDone)) == 1

    rig.run(story)


def test_cable_is_pulled_out_and_put_back(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        await rig.do("zero")
        rig.unplug()
        await rig.until(TerminalLost)
        rig.driver.request("open")
        rig.plug()
        await rig.until(TerminalDone, lambda done: done.action == "open")
        assert len(rig.said(TerminalUp)) == 2
        assert len(rig.said(TerminalLost)) == 1

    rig.run(story)


def test_request_runs_on_another_terminal(rig: TerminalRig) -> None:
    """The cable moves without a word, in the very moment of the request; then back."""

    async def story(rig: TerminalRig) -> None:
        rig.far = rig.other
        rig.driver.request("zero")
        await rig.until(TerminalUp, lambda up: up.identity.terminal_id == OTHER)
        after = len(rig.events)
        await rig.until(TerminalStatus, after=after)
        assert rig.other.durable["phase"] == "idle"
        assert not rig.said(TerminalDone)
        rig.ours.reboot(5)
        rig.far = rig.ours
        await rig.until(TerminalDone, lambda done: done.action == "zero")
        assert (rig.ours.phase, rig.other.phase) == ("zeroed", "idle")

    rig.run(story)


def test_switches_and_the_self_test_are_told(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        rig.command("cover", "open")
        await rig.until(TerminalStatus, lambda status: status.cover_open and not status.tampered)
        rig.command("tamper")
        rig.command("cover", "closed")
        await rig.until(TerminalStatus, lambda status: status.tampered and not status.cover_open)
        rig.command("reboot")
        await rig.until(TerminalUp, lambda up: up.identity.boot_id == 2)
        await rig.until(TerminalStatus, lambda status: status.tampered, after=len(rig.events))
        rig.command("self-test", "fails")
        assert await rig.outcome("self-test") == TerminalRefused("self-test", "self-test-failed")
        rig.command("self-test", "passes")
        await rig.do("self-test")

    rig.run(story)


def test_counter_tells_when_somebody_votes(rig: TerminalRig) -> None:
    async def story(rig: TerminalRig) -> None:
        await rig.do("zero", "open")
        rig.command("vote", "7")
        after = len(rig.events)
        await rig.until(TerminalStatus, after=after)
        rig.far.wall_offset_ms += COUNTER_MS
        await rig.until(TerminalStatus, lambda status: status.public_counter == 7)
        for _ in range(3):
            rig.command("vote", "1")
            await rig.until(TerminalStatus, after=len(rig.events))
        assert {status.public_counter for status in rig.said(TerminalStatus)} == {0, 7}
        await rig.do("suspend")
        suspended = await rig.until(TerminalStatus, lambda status: status.phase == "suspended")
        assert suspended.public_counter == 7
        await rig.do("close")
        closed = await rig.until(TerminalStatus, lambda status: status.phase == "closed")
        assert closed.public_counter == 10

    rig.run(story)
