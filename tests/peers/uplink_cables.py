"""A network namespace with a cable for each uplink, and the routing of uplinks at work in it."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Final

from failover.events import PathChanged
from failover.path import Path
from failover.routing.shell import Routes
from failover.routing.spec import UplinkSpec
from tests.peers.namespaces import Namespace, run

PATIENCE_S: Final = 15.0
CENTRE: Final = "192.0.2.1"  # the same in every box
_metrics = count(100)


def ip(*words: str, said: str = "") -> str:
    """Run one ip command in the present namespace; returns what it prints."""
    return run("ip", *words, said=said)


@contextmanager
def branch() -> Iterator[str]:
    """Enter a new namespace with nothing but a loopback in it; leave and remove it afterwards. Its name."""
    namespace = Namespace("routes")
    try:
        with namespace.inside():
            yield namespace.name
    finally:
        namespace.delete()


@contextmanager
def box(near: str, subnet: str, *, host: int = 2, metric: int = 100) -> Iterator[str]:
    """A box in a namespace of its own, behind a cable whose near end is ``near``: .1 of the subnet, and the CENTRE.

    The near end gets its address and its default route, as from DHCP. Yields the namespace's name.
    """
    there = Namespace("box")
    try:
        ip("link", "add", near, "type", "veth", "peer", "name", "near0", "netns", there.name)
        there.ip(
            "link set near0 up", f"address add {subnet}.1/24 dev near0", f"address add {CENTRE}/32 dev lo"
        )
        ip("link", "set", near, "up")
        _settle(near)
        ip("address", "add", f"{subnet}.{host}/24", "dev", near)
        ip("route", "add", "default", "via", f"{subnet}.1", "dev", near, "metric", str(metric))
        yield there.name
    finally:
        there.delete()


def lay(name: str, address: str | None = None, gateway: str | None = None, mac: str | None = None) -> None:
    """A cable whose near end is ``name``, and its far end ``name`` with an f; both are up."""
    of = ("address", mac) if mac else ()
    ip("link", "add", name, *of, "type", "veth", "peer", "name", f"{name}f")
    ip("-batch", "-", said=f"link set {name}f up\nlink set {name} up\n")
    _settle(name)
    if address is not None:
        ip("address", "add", address, "dev", name)
    if gateway is not None:
        ip("route", "add", "default", "via", gateway, "dev", name, "metric", str(next(_metrics)))


def _settle(name: str) -> None:
    """The kernel takes up to a second to say that a new cable has a carrier."""
    until = time.monotonic() + PATIENCE_S
    while " UP " not in ip("-br", "link", "show", "dev", name):
        assert time.monotonic() < until, f"{name} has no carrier"
        time.sleep(0.02)


def spec(
    uplink: str,
    value: str,
    how: str = "name",
    gateway: str = "auto",
    place: int = 0,
    table: int | None = None,
) -> UplinkSpec:
    return UplinkSpec(uplink, how, value, gateway, table or 7_101 + place, place)  # type: ignore[arg-type]


class Watched:
    """What the routing told."""

    def __init__(self, *specs: UplinkSpec) -> None:
        self.told: list[PathChanged] = []
        self.said: list[str] = []
        self.routes = Routes(specs, lambda: time.monotonic_ns() // 1_000_000, self._hear, self.said.append)
        self._news = asyncio.Event()

    def _hear(self, event: PathChanged) -> None:
        self.told.append(event)
        self._news.set()

    def last(self, uplink: str) -> PathChanged | None:
        return next((event for event in reversed(self.told) if event.uplink == uplink), None)

    def path(self, uplink: str) -> Path | None:
        last = self.last(uplink)
        return None if last is None else last.path

    async def until(self, uplink: str, fits: Callable[[Path | None], bool], words: str = "") -> PathChanged:
        """Wait for a path that fits, told with these words in its reason."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (last := self.last(uplink)) is None or not fits(last.path) or words not in last.reason:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{uplink}: {self.told}\n{self.said}\n{everything()}") from None
        return last

    async def up(self, uplink: str) -> Path:
        path = (await self.until(uplink, lambda path: path is not None)).path
        assert path is not None
        return path

    async def down(self, uplink: str, words: str = "") -> str:
        """Why there is no path: as soon as it is said with these words (a new link has no carrier for a moment)."""
        return (await self.until(uplink, lambda path: path is None, words)).reason


@asynccontextmanager
async def watched(*specs: UplinkSpec) -> AsyncIterator[Watched]:
    """The routing at work until the end of the block."""
    it = Watched(*specs)
    task = asyncio.create_task(it.routes.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def eventually(fits: Callable[[], bool]) -> None:
    """Wait for the kernel's tables, of which nobody tells."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not fits():  # noqa: ASYNC110 - the kernel's tables are no event of ours
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(everything()) from None


def rules(family: str = "-4") -> list[str]:
    """The rules in short, without those that every namespace has."""
    lines = [" ".join(line.split()) for line in ip(family, "rule").splitlines()]
    return [line for line in lines if not line.endswith(("lookup local", "lookup main", "lookup default"))]


def table(number: int, family: str = "-4") -> list[str]:
    """The routes of one table, without their protocols."""
    done = subprocess.run(
        ["ip", family, "route", "show", "table", str(number)], capture_output=True, text=True, check=False
    )
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def everything() -> str:
    return "\n".join(
        ip(family, *what)
        for family in ("-4", "-6")
        for what in (("address",), ("rule",), ("route", "show", "table", "all"))
    )


def way(to: str, *words: str) -> str:
    """How a packet would go; empty: it would not."""
    done = subprocess.run(["ip", "route", "get", to, *words], capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split())
