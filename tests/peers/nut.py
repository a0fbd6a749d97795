"""Network UPS Tools on 127.0.0.1, with a configuration of its own: ``upsd``, any of its drivers, ``upsmon``, ``upsc``.

Nothing of it needs root or a service. Debian's ``upsd`` and ``upsmon`` on the PATH are scripts that do nothing on a
machine without NUT set up: the programs themselves lie in ``/lib/nut``, beside the drivers.
"""

import asyncio
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.peers import require_program
from tests.peers.program import end, listens

HOST: Final = "127.0.0.1"
USER: Final = "kit"
PASSWORD: Final = "kept-simple"  # noqa: S105 - upsrw and upscmd send it as it is, unquoted
ODD_PASSWORD: Final = 'two words = a "quote", a \\ and a #'  # noqa: S105 - of the user "odd"
MONITOR: Final = "monitor"  # the user that upsmon logs in as
MONITOR_PASSWORD: Final = "beside-us"  # noqa: S105
MAXAGE_S: Final = 5  # after which upsd calls a silent driver's data stale; dummy-ups looks up every 2 s only
START_MAX: Final = 20.0  # seconds until a program must be there
RUN_MAX: Final = 20.0  # seconds for one upsc, upsrw or upscmd
_POLL: Final = 0.05  # seconds
_DRIVERS: Final = Path("/lib/nut")


def nut_program(name: str) -> str:
    """The full path of a NUT program or driver. Where NUT is missing: skipped by name, in CI a failure."""
    require_program("upsd")
    path = _DRIVERS / name
    return str(path) if path.exists() else require_program(name)


@dataclass(frozen=True, slots=True)
class NutDriver:
    """One section of ups.conf(5). ``program``: a driver of NUT; ``lines``: ``key = value``, ``port`` among them.

    ``data``: what is to stand in ``<name>.dev`` beside the configuration.
    """

    name: str
    program: str
    lines: tuple[str, ...]
    data: str = ""


class Nut:
    """An upsd and its drivers. ``async with`` starts all and ends all.

    Args:
        drivers: what stands in ups.conf.
        ups_conf: its global lines, such as ``pollinterval = 1``.
        upsd_conf: further lines of upsd.conf(5), such as CERTPATH and CERTIDENT.

    Programs write to ``<folder>/<name>.log``, in all their lives; ``folder`` goes with the server.
    """

    def __init__(
        self,
        *drivers: NutDriver,
        ups_conf: Sequence[str] = ("pollinterval = 1",),
        upsd_conf: Sequence[str] = (),
    ) -> None:
        self._upsd = nut_program("upsd")
        self.drivers: Final = {driver.name: driver for driver in drivers}
        self.port: Final = _free_port()
        self.folder: Final = Path(tempfile.mkdtemp(prefix="nut-"))  # short: unix sockets lie in it
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._write("ups.conf", *ups_conf, *(_section(driver) for driver in drivers))
        for driver in drivers:
            if driver.data:
                self._write(f"{driver.name}.dev", driver.data)
        self._write("upsd.conf", f"LISTEN {HOST} {self.port}", f"MAXAGE {MAXAGE_S}", *upsd_conf)
        self._write("upsd.users", *_USERS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()

    async def start(self) -> None:
        """Start the drivers and upsd, and wait until it has data of all. Who is no ``async with`` calls ``end`` too."""
        try:
            for name in self.drivers:
                await self.start_driver(name)
            await self.start_upsd()
            for name in self.drivers:
                await self.wait_for_data(name)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End all programs and forget all files. Idempotent."""
        for name in list(self._processes):
            self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start_driver(self, name: str) -> None:
        """Start a driver and wait until upsd could connect to it."""
        driver = self.drivers[name]
        door = self.folder / f"{driver.program}-{name}"
        door.unlink(missing_ok=True)
        self._spawn(name, nut_program(driver.program), "-a", name, "-u", getpass.getuser(), "-F")
        await self._until(name, door.exists)

    async def start_upsd(self) -> None:
        """Start upsd and wait until it listens."""
        self._spawn("upsd", self._upsd, "-u", getpass.getuser(), "-F")
        async with asyncio.timeout(START_MAX):
            while not await listens(HOST, self.port):
                self._alive("upsd")
                await asyncio.sleep(_POLL)

    async def wait_for_data(self, ups: str) -> None:
        """Wait until upsd knows what the driver read: before that it has no driver, or one that says WAIT."""
        async with asyncio.timeout(START_MAX):
            while (await self.upsc(ups, "ups.status")).startswith(("Error:", "WAIT")):  # noqa: ASYNC110
                await asyncio.sleep(_POLL)

    async def start_upsmon(self, ups: str, shutdown_mark: Path) -> None:
        """Start upsmon as the primary of ``ups``, and wait until it has logged in.

        Instead of shutting this machine down it writes a file. Only one can run on a machine.
        """
        self._write(
            "upsmon.conf",
            f"MONITOR {ups}@{HOST}:{self.port} 1 {MONITOR} {MONITOR_PASSWORD} primary",
            f'SHUTDOWNCMD "touch {shutdown_mark}"',
            f"POWERDOWNFLAG {self.folder}/killpower",
            "POLLFREQ 1",
            "POLLFREQALERT 1",
            "HOSTSYNC 4",
            "FINALDELAY 0",
            *(f"NOTIFYFLAG {notice} IGNORE" for notice in _NOTICES),  # no messages to people at this machine
        )
        logins = await self.logins(ups)
        self._spawn("upsmon", nut_program("upsmon"), "-F", "-p", "-u", getpass.getuser())
        async with asyncio.timeout(START_MAX):
            while await self.logins(ups) == logins:
                self._alive("upsmon")  # it ends at once where another one runs: its PID file cannot be moved
                await asyncio.sleep(_POLL)

    def kill(self, name: str) -> None:
        """SIGKILL to a driver (by its UPS's name), ``upsd`` or ``upsmon``."""
        end(self._processes.pop(name), signal.SIGKILL)

    def stop(self, name: str) -> None:
        """Ask a program to end, and wait until it has."""
        end(self._processes.pop(name), signal.SIGTERM)

    def send(self, name: str, number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT, or for upsmon SIGUSR1: force the shutdown."""
        self._processes[name].send_signal(number)

    def said(self, name: str) -> str:
        """Everything that a program has logged, in all its lives."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    async def upsc(self, ups: str, variable: str) -> str:
        """The value of a variable as ``upsc`` tells it; what it complains about where it does not."""
        return await self._run("upsc", f"{ups}@{HOST}:{self.port}", variable)

    async def upsrw(self, ups: str, variable: str, value: str) -> None:
        """Set a variable, as the user ``kit``."""
        said = await self._run("upsrw", "-s", f"{variable}={value}", *self._as_user(ups))
        assert said == "OK", f"upsrw: {said}; upsd: {self.said('upsd')}"

    async def upscmd(self, ups: str, command: str) -> str:
        """Send an instant command, as the user ``kit``, and wait for its outcome."""
        return await self._run("upscmd", "-w", *self._as_user(ups), command)

    async def logins(self, ups: str) -> int:
        """How many clients have logged in at a UPS, as upsd counts them."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(f"GET NUMLOGINS {ups}\n".encode())
        answer = (await reader.readline()).split()
        writer.transport.abort()
        assert answer[:2] == [b"NUMLOGINS", ups.encode()], answer
        return int(answer[2])

    async def wait_for_logins(self, ups: str, count: int) -> None:
        """Wait until so many have logged in."""
        async with asyncio.timeout(START_MAX):
            while await self.logins(ups) != count:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(_POLL)

    def _as_user(self, ups: str) -> tuple[str, ...]:
        return ("-u", USER, "-p", PASSWORD, f"{ups}@{HOST}:{self.port}")

    async def _run(self, program: str, *arguments: str) -> str:
        # In a thread: a simulated UPS may live on this loop, and must answer meanwhile.
        done = await asyncio.to_thread(
            subprocess.run,
            [nut_program(program), *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_MAX,
            check=False,
        )
        lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("Init SSL")]
        return "\n".join(lines).strip()

    def _spawn(self, name: str, *command: str) -> None:
        assert name not in self._processes, f"{name} runs already"
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _environment(self) -> dict[str, str]:
        names = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH")
        return os.environ | dict.fromkeys(names, str(self.folder))

    def _alive(self, name: str) -> None:
        assert self._processes[name].poll() is None, f"{name} ended: {self.said(name)}"

    async def _until(self, name: str, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(START_MAX):
            while not there():
                self._alive(name)
                await asyncio.sleep(_POLL)

    def _write(self, name: str, *lines: str) -> None:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        path.chmod(0o600)


def dummy(name: str = "dummy", **variables: str) -> NutDriver:
    """dummy-ups that shows these variables, dots as underscores: ``ups_status="OB"``; ``upsrw`` changes them."""
    shown = dict(_DUMMY, **variables)
    data = "".join(f"{key.replace('_', '.')}: {value}\n" for key, value in shown.items())
    return NutDriver(name, "dummy-ups", (f"port = {name}.dev", "mode = dummy-once"), data)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _section(driver: NutDriver) -> str:
    return "\n".join(
        (f"[{driver.name}]", f"  driver = {driver.program}", *(f"  {line}" for line in driver.lines))
    )


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\#])', r"\\\1", text) + '"'  # NUT wants a # escaped even between quotes


_DUMMY: Final = {
    "ups_status": "OL",
    "battery_charge": "90",
    "battery_runtime": "1200",
    "battery_voltage": "13.60",
    "ups_load": "12",
    "input_voltage": "230.1",
}
_USERS: Final = (
    f"[{USER}]",
    f"  password = {PASSWORD}",
    "  actions = SET",
    "  actions = FSD",
    "  instcmds = ALL",
    "  upsmon secondary",
    "[odd]",
    f"  password = {_quoted(ODD_PASSWORD)}",
    "  upsmon secondary",
    f"[{MONITOR}]",
    f"  password = {MONITOR_PASSWORD}",
    "  upsmon primary",
    "[stranger]",  # knows its password and may do nothing
    "  password = unloved",
)
_NOTICES: Final = (
    "ONLINE",
    "ONBATT",
    "LOWBATT",
    "FSD",
    "COMMOK",
    "COMMBAD",
    "SHUTDOWN",
    "REPLBATT",
    "NOCOMM",
    "NOPARENT",
)
