"""smstools' ``smsd`` on a simulated modem, with a configuration and folders of its own: no root, no service."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from tests.peers.modem_on_pty import ModemOnPty
from tests.peers.patience import until
from tests.peers.program import end_daemon, start_daemon

FOLDERS: Final = ("outgoing", "checked", "incoming", "sent", "failed", "stats")


class Smsd:
    """One daemon on one simulated modem.

    ``conf``: an smsd.conf for /var/spool/sms and /dev/ttyUSB2; ``how``: as ``make_modem`` takes it.
    """

    def __init__(self, folder: Path, *, pin: str | None = None, conf: str | None = None, **how: Any) -> None:
        self.folder: Final = folder
        self.modem: Final = ModemOnPty(folder, boot_ms=500, registration_ms=100, pin=pin, **how)
        for name in FOLDERS:
            (folder / name).mkdir()
        lines = [f"{name} = {folder / name}" for name in FOLDERS]
        lines += [
            "devices = GSM1",
            "delaytime = 1",
            "delaytime_mainprocess = 1",
            "errorsleeptime = 1",
            "blocktime = 2",
            "executable_check = no",
            "loglevel = 7",
            "autosplit = 3",
            "[GSM1]",
            f"device = {self.modem.line}",
            "baudrate = 115200",
            "incoming = yes",
            "report = yes",
            "init = AT+CNMI=2,0,0,2,0",
            "sentsleeptime = 0",
            "read_timeout = 1",
            *([f"pin = {pin}"] if pin else []),
        ]
        text = "\n".join(lines) + "\n"
        if conf is not None:
            text = conf.replace("/var/spool/sms", str(folder)).replace("/dev/ttyUSB2", str(self.modem.line))
        (folder / "smsd.conf").write_text(text, encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        at = {option: str(self.folder / name) for option, name in (("-c", "smsd.conf"), ("-l", "smsd.log"))}
        state = {"-p": str(self.folder / "smsd.pid"), "-i": str(self.folder / "smsd.working")}
        words = [word for pair in {**at, **state}.items() for word in pair]
        self._process = await start_daemon("smsd", *words, "-t")

    async def stop(self) -> None:
        await end_daemon(self._process)  # one process for each modem
        self.modem.stop()

    def put(self, name: str, content: bytes) -> None:
        """Into outgoing, whole: it must not be seen half-written."""
        (self.folder / name).write_bytes(content)
        (self.folder / name).rename(self.folder / "outgoing" / name)

    def files(self, folder: str) -> list[str]:
        """What lies in a folder, as text."""
        return [path.read_bytes().decode("latin-1") for path in sorted((self.folder / folder).iterdir())]

    def log(self) -> str:
        path = self.folder / "smsd.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def until(self, what: Callable[[], bool]) -> None:
        await until(what, lambda: f"smsd: {self.log()[-3000:] or 'has not started'}")


@contextlib.asynccontextmanager
async def running(pin: str | None = None, conf: str | None = None, **how: Any) -> AsyncIterator[Smsd]:
    folder = Path(tempfile.mkdtemp(prefix="smsd-"))
    smsd = Smsd(folder, pin=pin, conf=conf, **how)
    try:
        await smsd.start()
        yield smsd
    finally:
        await smsd.stop()
        shutil.rmtree(folder)
