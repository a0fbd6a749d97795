"""ModemManager on a message bus of its own: started, told of a modem behind a pseudo-terminal, killed, started again.

It runs as on a branch box, but for its test switches: no udev and no sleeping machine. Its test interface is told of
ports by name; a port named ``abstract:NAME`` is a socket, which socat bridges to the simulated modem's line.

ModemManager asks polkit who may do what. On this bus the answer is always yes.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.peers import require_program
from tests.peers.program import end

MM: Final = "org.freedesktop.ModemManager1"
ROOT: Final = "/org/freedesktop/ModemManager1"
MODEM: Final = f"{MM}.Modem"
START_MAX: Final = 20.0  # seconds until a program must be there
CALL_MAX: Final = 60.0  # seconds for one call: connecting walks through many AT commands
WAIT_MAX: Final = 60.0  # seconds until what is expected must have happened: probing takes dozens of commands
_POLL: Final = 0.05  # seconds
_BUS_CONFIG: Final = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
_numbers = itertools.count(1)

Objects = dict[str, dict[str, dict[str, Any]]]
"""Paths to interfaces to properties, without D-Bus's wrappings."""


class CallError(Exception):
    """The other side answered with a D-Bus error."""


class ModemManager:
    """A message bus, a polkit that says yes, and ModemManager. ``address`` is the bus's.

    What ModemManager says is in ``log``, AT commands and answers included.
    """

    def __init__(self, folder: Path) -> None:
        self._programs = {name: require_program(name) for name in ("dbus-daemon", "ModemManager", "socat")}
        self._sockets = Path(tempfile.mkdtemp(prefix="mm-bus-"))  # a socket's path must be short
        self.address: Final = f"unix:path={self._sockets / 'bus'}"
        self.log: Final = folder / "modem-manager.log"
        self._folder = folder
        self._daemon: subprocess.Popen[bytes] | None = None
        self._manager: subprocess.Popen[bytes] | None = None
        self._bridges: list[Bridge] = []
        self._bus: MessageBus | None = None
        self._polkit: MessageBus | None = None

    async def start(self) -> None:
        """Start all, and wait until ModemManager answers."""
        config = self._sockets / "bus.conf"
        config.write_text(_BUS_CONFIG.format(path=self._sockets / "bus"), encoding="utf-8")
        self._daemon = _spawn(
            self._folder / "bus.log",
            self._programs["dbus-daemon"],
            f"--config-file={config}",
            "--nofork",
            "--nopidfile",
        )
        await wait_for((self._sockets / "bus").exists, START_MAX)
        self._polkit = await _say_yes(self.address)
        self._bus = await _connect(self.address)
        await self.start_manager()

    async def start_manager(self) -> None:
        """Start ModemManager (again), and wait until it answers; it knows no modem yet."""
        environment = {
            **os.environ,
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "DBUS_SYSTEM_BUS_ADDRESS": self.address,
        }
        self._manager = _spawn(
            self.log,
            self._programs["ModemManager"],
            *(
                "--test-session",
                "--test-enable",
                "--test-no-udev",
                "--test-no-suspend-resume",
                "--test-no-qrtr",
            ),
            *("--debug", "--log-personal-info"),
            environment=environment,
        )
        await self.until(lambda objects: objects is not None, START_MAX)

    def kill_manager(self) -> None:
        """ModemManager dies without a word."""
        end(self._manager, signal.SIGKILL)
        self._manager = None

    def freeze_manager(self) -> None:
        """ModemManager keeps its name on the bus and does nothing any more."""
        assert self._manager is not None
        self._manager.send_signal(signal.SIGSTOP)

    def thaw_manager(self) -> None:
        """It goes on."""
        assert self._manager is not None
        self._manager.send_signal(signal.SIGCONT)

    def kill_bus(self) -> None:
        """The message bus dies, and everybody's connection with it."""
        end(self._daemon, signal.SIGKILL)
        self._daemon = None

    def stop(self) -> None:
        """End all that was started, and clean up. Idempotent."""
        for bus in (self._bus, self._polkit):
            if bus is not None:
                bus.disconnect()
        self._bus = self._polkit = None
        for bridge in self._bridges:
            bridge.unplug()
        for process in (self._manager, self._daemon):
            end(process, signal.SIGTERM)
        self._manager = self._daemon = None
        shutil.rmtree(self._sockets, ignore_errors=True)

    async def plug(self, line: str) -> "Bridge":
        """Bridge the pseudo-terminal ``line`` to a port of ModemManager, and tell it that a modem is there."""
        name = f"mmport{os.getpid()}-{next(_numbers)}"
        bridge = Bridge(self._programs["socat"], name, line, self._folder / f"{name}.log")
        self._bridges.append(bridge)
        await wait_for(bridge.listens, START_MAX)
        await self.call(ROOT, f"{MM}.Test", "SetProfile", "ssas", [name, "generic", [f"abstract:{name}"]])
        return bridge

    async def call(self, path: str, interface: str, member: str, signature: str = "", body: Any = ()) -> Any:
        """Call a method of ModemManager; returns its answer without D-Bus's wrappings. CallError: it refused."""
        assert self._bus is not None
        message = Message(
            destination=MM,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        async with asyncio.timeout(CALL_MAX):
            reply = await self._bus.call(message)
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise CallError(f"{interface}.{member}: {reply.error_name}: {reply.body}")
        return plain(reply.body[0]) if reply.body else None

    async def objects(self) -> Objects | None:
        """Everything that ModemManager shows, or None while it is not there."""
        try:
            objects: Objects = await self.call(
                ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"
            )
        except CallError:
            return None
        return objects

    async def modem(self) -> dict[str, dict[str, Any]] | None:
        """The interfaces of its only modem; None where there is none."""
        objects = await self.objects() or {}
        modems = [interfaces for interfaces in objects.values() if MODEM in interfaces]
        assert len(modems) < 2, objects
        return modems[0] if modems else None

    async def modem_path(self) -> str:
        """The object path of its only modem, which must be there."""
        objects = await self.objects() or {}
        (path,) = (path for path, interfaces in objects.items() if MODEM in interfaces)
        return path

    async def get(self, path: str, interface: str, name: str) -> Any:
        """A property."""
        return await self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss", [interface, name])

    async def until(self, holds: Callable[[Objects | None], bool], limit: float = WAIT_MAX) -> None:
        """Wait until what ModemManager shows is as asked."""
        await wait_until(self.objects, holds, limit, self.tail)

    async def until_modem(
        self, holds: Callable[[dict[str, dict[str, Any]]], bool], limit: float = WAIT_MAX
    ) -> None:
        """Wait until its modem is as asked; properties of interfaces that are not there (yet) count as not so."""

        def as_asked(modem: dict[str, dict[str, Any]] | None) -> bool:
            try:
                return modem is not None and holds(modem)
            except KeyError:
                return False

        await wait_until(self.modem, as_asked, limit, self.tail)

    async def until_true(self, look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> None:
        """Wait until what a look of the test's own brings is as asked."""
        await wait_until(look, holds, WAIT_MAX, self.tail)

    def said(self) -> str:
        """Everything that ModemManager has logged, in all its lives."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of what it has logged, for failures."""
        return self.said()[-4000:]


class Bridge:
    """socat between an abstract socket, which ModemManager opens as a port, and the simulated modem's line."""

    def __init__(self, socat: str, name: str, line: str, log: Path) -> None:
        self.name: Final = name
        # One connection at a time: a second process on the line would steal answers.
        self._process: subprocess.Popen[bytes] | None = _spawn(
            log,
            socat,
            "-t0",
            f"ABSTRACT-LISTEN:abstract\\:{name},fork,max-children=1",
            f"FILE:{line},raw,echo=0",
        )

    def listens(self) -> bool:
        """Whether the socket is there."""
        return f"@abstract:{self.name}\n" in Path("/proc/net/unix").read_text(encoding="utf-8")

    def unplug(self) -> None:
        """The modem is gone, as if pulled out. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        # socat's children, each with a connection, are in its process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def wait_for(holds: Callable[[], bool], limit: float) -> None:
    """Wait until something holds, at most ``limit`` seconds."""
    async with asyncio.timeout(limit):
        while not holds():  # noqa: ASYNC110 - processes set no asyncio.Event
            await asyncio.sleep(_POLL)


async def wait_until(
    look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], limit: float, explain: Callable[[], str]
) -> None:
    """Look until what is seen is as asked; what was seen last is in the failure."""
    seen = None
    try:
        async with asyncio.timeout(limit):
            while not holds(seen := await look()):  # noqa: ASYNC110 - as above
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise AssertionError(f"after {limit} s it is not so: {seen}\n{explain()}") from None


def plain(value: Any) -> Any:
    """A value of D-Bus without its Variants, at any depth."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


_minders: set[asyncio.Task[None]] = set()


async def _connect(address: str) -> MessageBus:
    """Connect to a bus; that it dies one day is no accident."""
    bus = await MessageBus(address).connect()

    async def mind() -> None:
        with contextlib.suppress(Exception):
            await bus.wait_for_disconnect()

    task = asyncio.create_task(mind())
    _minders.add(task)
    task.add_done_callback(_minders.discard)
    return bus


async def _say_yes(address: str) -> MessageBus:
    """Own polkit's name on the bus and authorise everybody (org.freedesktop.PolicyKit1.Authority)."""
    bus = await _connect(address)

    def answer(message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member == "CheckAuthorization":
            return Message.new_method_return(message, "(bba{ss})", [[True, False, {}]])
        if message.member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [{}])
        return None

    bus.add_message_handler(answer)
    await bus.request_name("org.freedesktop.PolicyKit1")
    return bus


def _spawn(
    log: Path, program: str, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
