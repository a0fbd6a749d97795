"""``gammu-smsd`` on our simulated modem, with its files in a folder of its own: out of ``outbox``, into ``inbox``."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from simulators.devices.modem import make_modem
from tests.peers.modem_on_pty import ModemOnPty, now_ms
from tests.peers.patience import until
from tests.peers.program import end_daemon, start_daemon

pytestmark = pytest.mark.peer("gammu-smsd")

OWN: Final = "+99900000101"
ELSEWHERE: Final = "+99900000555"
FOLDERS: Final = ("inbox", "outbox", "sent", "error")


class GammuSmsd:
    """One daemon, of one process, on one simulated modem."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self.modem: Final = ModemOnPty(folder, boot_ms=500, registration_ms=100, number=OWN)
        for name in FOLDERS:
            (folder / name).mkdir()
        (folder / "smsdrc").write_text(
            f"[gammu]\ndevice = {self.modem.line}\nconnection = at115200\nmodel = at\nuse_locking = no\n"
            f"[smsd]\nservice = files\nlogfile = {folder / 'log'}\ndebuglevel = 1\n"
            "checksecurity = 0\nhangupcalls = 0\ncheckbattery = 0\nresetfrequency = 0\n"
            "commtimeout = 1\nsendtimeout = 20\nreceivefrequency = 1\nloopsleep = 1\nstatusfrequency = 0\n"
            "deliveryreport = sms\n"
            + "".join(f"{name if name != 'sent' else 'sentsms'}path = {folder / name}/\n" for name in FOLDERS)
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        words = ("-c", str(self._folder / "smsdrc"), "-p", str(self._folder / "pid"))
        self._process = await start_daemon("gammu-smsd", *words)

    async def stop(self) -> None:
        await end_daemon(self._process)
        self.modem.stop()

    def put(self, text: str) -> None:
        """Into the outbox, whole; the recipient is part of the name, as the service ``files`` has it."""
        draft = self._folder / "draft"
        draft.write_text(text)
        draft.rename(self._folder / "outbox" / f"OUTA20270115_000000_00_{ELSEWHERE}_kit.txt")

    def files(self, folder: str) -> list[str]:
        return [path.read_text(errors="replace") for path in sorted((self._folder / folder).iterdir())]

    async def until(self, what: Callable[[], bool]) -> None:
        log = self._folder / "log"
        await until(
            what, lambda: log.read_text(errors="replace")[-3000:] if log.exists() else "has not started"
        )


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[GammuSmsd]:
    folder = Path(tempfile.mkdtemp(prefix="gammu-"))
    daemon = GammuSmsd(folder)
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.stop()
        shutil.rmtree(folder)


async def test_what_is_put_out_is_sent_and_what_comes_in_is_kept() -> None:
    async with running() as daemon:
        daemon.put("polls are open")
        network = daemon.modem.model.device.network
        await daemon.until(lambda: len(daemon.files("sent")) == 1)
        assert [(one["to"], one["text"]) for one in network.sent] == [(ELSEWHERE, "polls are open")]
        assert daemon.files("error") == []

        other = make_modem(number=ELSEWHERE, network=network, now_ms=now_ms(), registration_ms=1)
        other.tick(now_ms() + 5)
        pdu = "0001000B919909000001F1000004D4F29C0E"  # "Test"
        other.feed(f"AT+CMGS={len(pdu) // 2 - 1}\r{pdu}\x1a".encode(), now_ms())

        def landed() -> bool:
            other.tick(now_ms())
            return "Test" in daemon.files("inbox")

        await daemon.until(landed)
        await daemon.until(lambda: daemon.modem.model.device.memory("SM").used == 0)  # it made room
