"""Gammu on our simulated modem: who it is, where it is registered, what the SIM wants, and messages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from simulators.devices.modem import make_modem
from tests.peers import require_program
from tests.peers.modem_on_pty import ModemOnPty, now_ms
from tests.peers.patience import until

pytestmark = pytest.mark.peer("gammu")

RUN_MAX: Final = 60.0  # seconds for one run
PIN_WANTED: Final = "Waiting for PIN."
OWN: Final = "+99900000101"
ELSEWHERE: Final = "+99900000555"


@contextlib.asynccontextmanager
async def modem_on(folder: Path, **how: object) -> AsyncIterator[ModemOnPty]:
    modem = ModemOnPty(folder, boot_ms=500, registration_ms=100, **how)
    try:
        yield modem
    finally:
        modem.stop()


@pytest.fixture
async def modem(tmp_path: Path) -> AsyncIterator[ModemOnPty]:
    async with modem_on(tmp_path) as modem:
        await registered(modem)
        yield modem


async def registered(modem: ModemOnPty) -> None:
    await until(lambda: modem.model.device.radio.registered)


async def gammu(modem: ModemOnPty, *arguments: str, limit_s: float = RUN_MAX) -> tuple[int, str]:
    """Gammu's exit code and all it says; raises TimeoutError where it goes on for longer than ``limit_s``."""
    settings = modem.line.parent / "gammurc"
    settings.write_text(
        f"[gammu]\ndevice = {modem.line}\nconnection = at115200\nmodel = at\nsynchronizetime = no\nuse_locking = no\n"
    )
    process = await asyncio.create_subprocess_exec(
        require_program("gammu"),
        "-c",
        str(settings),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"LC_ALL": "C.UTF-8", "HOME": str(modem.line.parent)},
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), limit_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, said.decode()


def told(said: str) -> dict[str, str]:
    """Lines of ``what : value``."""
    pairs = (line.partition(":") for line in said.splitlines() if ":" in line)
    return {what.strip(): value.strip() for what, _, value in pairs}


async def test_gammu_identifies_it(modem: ModemOnPty) -> None:
    code, said = await gammu(modem, "identify")
    assert code == 0, said
    assert told(said)["IMEI"] == modem.model.device.identity.imei
    assert told(said)["SIM IMSI"] == modem.model.device.sims[0].imsi  # type: ignore[union-attr]
    assert told(said)["Manufacturer"] == "SIMULATED"


async def test_gammu_sees_where_it_is_registered(tmp_path: Path) -> None:
    states = {
        "network back": "home network",
        "roaming": "roaming network",
        "denied": "registration to network denied",
        "network lost": "requesting network",
    }

    async def look(happens: str) -> dict[str, str]:
        folder = tmp_path / happens
        folder.mkdir()
        async with modem_on(folder) as modem:
            await registered(modem)
            modem.obey(happens)
            code, said = await gammu(modem, "networkinfo")
            assert code == 0, said
            return told(said)

    seen = dict(zip(states, await asyncio.gather(*map(look, states)), strict=True))
    assert {happens: one["Network state"] for happens, one in seen.items()} == states
    operators = {happens: one.get("Network", "")[:6] for happens, one in seen.items()}
    assert operators == {"network back": "001 01", "roaming": "001 02", "denied": "", "network lost": ""}


async def test_gammu_sees_the_signal_fade(tmp_path: Path) -> None:
    async def strength(rsrp: str) -> int:
        folder = tmp_path / rsrp
        folder.mkdir()
        async with modem_on(folder) as modem:
            modem.obey(f"signal {rsrp}")
            code, said = await gammu(modem, "monitor", "1")
            assert code == 0, said
            return int(told(said)["Signal strength"].split()[0])

    weak, good = await asyncio.gather(strength("-115"), strength("-80"))
    assert weak < -80 < -60 <= good


async def test_gammu_enters_the_pin(tmp_path: Path) -> None:
    async with modem_on(tmp_path, pin="1234") as modem:
        assert PIN_WANTED in (await gammu(modem, "getsecuritystatus"))[1]
        code, said = await gammu(modem, "entersecuritycode", "PIN", "9999")
        assert code != 0, said
        assert modem.model.device.sims[0].pin_tries == 2  # type: ignore[union-attr]
        assert (await gammu(modem, "entersecuritycode", "PIN", "1234"))[0] == 0
        code, said = await gammu(modem, "getsecuritystatus")
        assert (code, said.strip()) == (0, "Nothing to enter.")


async def test_gammu_sends_a_message(modem: ModemOnPty) -> None:
    code, said = await gammu(modem, "sendsms", "TEXT", ELSEWHERE, "-text", "polls are open")
    assert code == 0, said
    assert "message reference=0" in said
    sent = modem.model.device.network.sent
    assert [(one["to"], one["text"]) for one in sent] == [(ELSEWHERE, "polls are open")]


async def test_gammu_sends_a_long_message_in_parts(modem: ModemOnPty) -> None:
    text = "A tally of more letters than one message holds. " * 6
    code, said = await gammu(modem, "sendsms", "TEXT", ELSEWHERE, "-len", "400", "-text", text)
    assert code == 0, said
    sent = modem.model.device.network.sent
    assert [(one["header"], str(one["user_data"])[:6]) for one in sent] == [(True, "050003")] * 2
    assert [str(one["user_data"])[8:12] for one in sent] == ["0201", "0202"]


async def test_gammu_learns_that_the_network_refuses_a_message(modem: ModemOnPty) -> None:
    modem.obey("sms refused 1 38")
    code, said = await gammu(modem, "sendsms", "TEXT", ELSEWHERE, "-text", "never")
    assert code != 0, said
    assert modem.model.device.network.sent == []


async def test_gammu_reads_what_arrived(modem: ModemOnPty) -> None:
    modem.obey(f"sms {ELSEWHERE} mandate received")
    modem.obey(f"sms {ELSEWHERE} 00FF10")
    code, said = await gammu(modem, "getallsms")
    assert code == 0, said
    assert "mandate received" in said
    assert said.count(f'"{ELSEWHERE}"') == 2


async def test_gammu_reads_what_another_modem_sent(tmp_path: Path) -> None:
    async with modem_on(tmp_path) as modem:
        other = make_modem(
            number=ELSEWHERE, network=modem.model.device.network, now_ms=now_ms(), registration_ms=1
        )
        await registered(modem)
        other.tick(now_ms() + 1)
        pdu = "0001000B919909000001F1000402CAFE"
        other.feed(f"AT+CMGS={len(pdu) // 2 - 1}\r{pdu}\x1a".encode(), now_ms())

        def arrived() -> bool:
            other.tick(now_ms())
            return modem.model.device.memory("SM").used == 1

        await until(arrived)
        code, said = await gammu(modem, "getallsms")
        assert code == 0, said
        assert f'"{ELSEWHERE}"' in said


async def test_a_mute_modem_is_heard_again(modem: ModemOnPty) -> None:
    modem.obey("mute")
    with pytest.raises(TimeoutError):
        await gammu(modem, "identify", limit_s=2.0)
    modem.obey("heard")
    code, said = await gammu(modem, "identify")
    assert code == 0, said


async def test_lines_that_nobody_asked_for_disturb_no_answer(modem: ModemOnPty) -> None:
    modem.obey("urc storm")
    code, said = await gammu(modem, "networkinfo")
    assert code == 0, said
    assert told(said)["Network state"] == "home network"


async def test_a_reboot_forgets_the_pin_and_nothing_of_the_sim(modem: ModemOnPty) -> None:
    modem.obey(f"sms {ELSEWHERE} kept on the card")
    modem.obey("pin 4711")
    modem.obey("reboot")
    await until(lambda: not modem.model.booting)
    assert PIN_WANTED in (await gammu(modem, "getsecuritystatus"))[1]
    assert modem.model.device.memory("SM").used == 1
