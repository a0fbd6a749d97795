"""pppd's ``chat`` dials through our simulated modem: CONNECT and NO CARRIER, mute, reboot, lines in the middle."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.peers import require_program
from tests.peers.modem_on_pty import ModemOnPty
from tests.peers.patience import until

pytestmark = pytest.mark.peer("chat")

TIMED_OUT: Final = 3  # chat(8), TERMINATION CODES
ABORTED: Final = 4  # and the place of the word in the list of ABORT words
ABORT_WORDS: Final = ("BUSY", "NO CARRIER", "NO DIALTONE", "ERROR")
RUN_MAX: Final = 60.0  # seconds
DIAL: Final = ("", "ATZ", "OK", 'ATE1;+CGDCONT=1,"IP","internet";+CREG=1', "OK", "ATD*99***1#", "CONNECT", "")


@pytest.fixture
async def modem(tmp_path: Path) -> AsyncIterator[ModemOnPty]:
    modem = ModemOnPty(tmp_path, boot_ms=500, registration_ms=100)
    await registered(modem)
    yield modem
    modem.stop()


async def registered(modem: ModemOnPty) -> None:
    await until(lambda: modem.model.device.radio.registered)


async def chat(modem: ModemOnPty, *script: str, timeout_s: int = 20) -> tuple[int, str]:
    """chat's exit code and what it reports."""
    report = modem.line.parent / "report"
    aborts = [word for abort in ABORT_WORDS for word in ("ABORT", abort)]
    arguments = ["-r", str(report), "TIMEOUT", str(timeout_s), *aborts, "REPORT", "CONNECT", *script]
    line = os.open(modem.line, os.O_RDWR | os.O_NOCTTY)
    try:
        process = await asyncio.create_subprocess_exec(
            require_program("chat"), *arguments, stdin=line, stdout=line, stderr=asyncio.subprocess.DEVNULL
        )
    finally:
        os.close(line)
    code = await asyncio.wait_for(process.wait(), RUN_MAX)
    return code, report.read_text() if report.exists() else ""


async def test_a_call_connects(modem: ModemOnPty) -> None:
    code, report = await chat(modem, *DIAL)
    assert (code, modem.model.engine.mode) == (0, "data")
    assert "CONNECT 150000000" in report


async def test_a_call_is_ended_from_this_side_and_made_again(modem: ModemOnPty) -> None:
    hang_up = (r"", r"\d\d+++\d\d\c", "OK", "ATH", "OK", "")
    assert (await chat(modem, *DIAL, *hang_up))[0] == 0
    assert modem.model.engine.mode == "command"
    assert not modem.model.device.settings.contexts[1].active
    assert (await chat(modem, *DIAL))[0] == 0


async def test_the_network_is_lost_before_the_call(modem: ModemOnPty) -> None:
    modem.obey("network lost")
    code, _ = await chat(modem, *DIAL)
    assert code == ABORTED + ABORT_WORDS.index("NO CARRIER")


async def test_the_network_is_lost_during_the_call(modem: ModemOnPty) -> None:
    assert (await chat(modem, *DIAL))[0] == 0
    modem.obey("network lost")  # what is said before chat listens waits on the line
    code, _ = await chat(modem, "NEVER-SAID", "")
    assert code == ABORTED + ABORT_WORDS.index("NO CARRIER")
    modem.obey("network back")
    await registered(modem)
    assert (await chat(modem, *DIAL))[0] == 0


async def test_a_context_that_was_never_defined_is_an_error(modem: ModemOnPty) -> None:
    code, _ = await chat(modem, "", "ATZ", "OK", "ATD*99***7#", "CONNECT", "")
    assert code == ABORTED + ABORT_WORDS.index("ERROR")


async def test_a_mute_modem_times_out_and_one_that_is_heard_again_connects(modem: ModemOnPty) -> None:
    modem.obey("mute")
    code, _ = await chat(modem, *DIAL, timeout_s=1)
    assert code == TIMED_OUT
    modem.obey("heard")
    assert (await chat(modem, *DIAL))[0] == 0


async def test_lines_that_nobody_asked_for_disturb_no_call(modem: ModemOnPty) -> None:
    modem.obey("urc storm")
    assert (await chat(modem, *DIAL))[0] == 0


async def test_a_reboot_ends_the_call_and_the_modem_comes_back(modem: ModemOnPty) -> None:
    assert (await chat(modem, *DIAL))[0] == 0
    modem.obey("reboot")
    assert (await chat(modem, "RDY", ""))[0] == 0
    await registered(modem)
    assert (await chat(modem, *DIAL))[0] == 0
