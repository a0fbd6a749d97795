"""The network of a simulated box as its kernel shows it, and sessions that leave by the address they are bound to.

The kit's own routing (``failover.routing``) looks at it, keeps tables and rules in it and tells the kit of its paths.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from failover.path import Path
from failover.routing.picture import MAIN, Address, Picture, Route, Rule
from failover.routing.picture import Link as KernelLink
from failover.routing.plan import Operation
from failover.routing.ports import Kernel
from kit.uplinks.dialler import Dialled, Dialler
from kit.uplinks.errors import PathUnusableError, RefusedError, SilentError
from simulators.virtual.connection import SimSocket
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.net import Link, Network

MTU: Final = 1_500  # bytes
DHCP_METRIC: Final = 100
DHCP_PROTOCOL: Final = 16  # RTPROT_DHCP (rtnetlink(7))


@dataclass(slots=True)
class Interface:
    """One network card and the link behind it."""

    link: Link
    mac: str
    index: int
    address: str
    carrier: bool = True

    @property
    def name(self) -> str:
        """As the kernel names it; whoever is found anew gets another one."""
        return f"eth{self.index}"


class Machine:
    """The network cards of one box, by uplink. They outlive the lives of whatever runs there."""

    def __init__(self, network: Network, links: dict[str, Link], host: str) -> None:
        """``links``: by uplink; ``host``: what all of them lead to."""
        self._network, self._host = network, host
        self._index = self._lease = 1
        self._routes: dict[Route | Rule, None] = {}
        self._news: list[asyncio.Event] = []
        self._cards: dict[str, Interface] = {}
        for number, (uplink, link) in enumerate(links.items(), 1):
            self._index += 1
            mac = f"02:00:00:00:00:{number:02x}"
            self._cards[uplink] = Interface(link, mac, self._index, self._new_address(number))
            network.bind(link, self._cards[uplink].address)

    def mac(self, uplink: str) -> str:
        """What the card of an uplink is known by."""
        return self._cards[uplink].mac

    def carrier(self, uplink: str, *, on: bool) -> None:
        """The cable is in or out; the kernel notices, and packets find no way."""
        card = self._cards[uplink]
        if card.carrier == on:
            return
        card.carrier = on
        if on:
            card.link.up()
        else:
            card.link.blackhole()
        self._tell()

    def move(self, uplink: str) -> None:
        """Another address: sessions of the one before hear nothing any more, and nobody tells them."""
        card = self._cards[uplink]
        card.address = self._new_address(list(self._cards).index(uplink) + 1)
        card.link.strand()
        self._network.bind(card.link, card.address)
        self._tell()

    def find_anew(self, uplink: str) -> None:
        """Out of the socket and in again: another number and name, another address, routes gone."""
        card = self._cards[uplink]
        self._index += 1
        before, card.index = card.index, self._index
        self._routes = {what: None for what in self._routes if not _is_of(what, before)}
        self.move(uplink)

    async def open_kernel(self) -> Kernel:
        """failover.routing.ports.OpenKernel."""
        news = asyncio.Event()
        self._news.append(news)
        return _Conversation(self, news)

    # --- for conversations ---

    def picture(self) -> Picture:
        """What the kernel has now."""
        kept = list(self._routes)
        return Picture(
            links=tuple(
                KernelLink(
                    card.index, card.name, card.mac, MTU, up=True, carrier=card.carrier, is_permanent=True
                )
                for card in self._cards.values()
            ),
            addresses=tuple(
                Address(card.index, 4, card.address, _network_of(card.address), usable=True)
                for card in self._cards.values()
            ),
            routes=(
                *(
                    Route(
                        4,
                        MAIN,
                        "0.0.0.0/0",
                        "unicast",
                        card.index,
                        _gateway(card),
                        DHCP_METRIC,
                        DHCP_PROTOCOL,
                    )
                    for card in self._cards.values()
                ),
                *(what for what in kept if isinstance(what, Route)),
            ),
            rules=tuple(what for what in kept if isinstance(what, Rule)),
        )

    def do(self, operations: Sequence[Operation]) -> None:
        """Keep what is added, forget what is deleted."""
        for operation in operations:
            if operation.verb == "add":
                self._routes[operation.what] = None
            else:
                self._routes.pop(operation.what, None)

    def hang_up(self, news: asyncio.Event) -> None:
        """Nobody listens there any more."""
        if news in self._news:
            self._news.remove(news)

    def _tell(self) -> None:
        for news in self._news:
            news.set()

    def _new_address(self, number: int) -> str:
        self._lease += 1
        return f"10.{number}.0.{self._lease}"


class _Conversation:
    """failover.routing.ports.Kernel."""

    def __init__(self, machine: Machine, news: asyncio.Event) -> None:
        self._machine, self._news = machine, news

    async def look(self) -> Picture:
        return self._machine.picture()

    async def apply(self, operations: Sequence[Operation]) -> tuple[str, ...]:
        self._machine.do(operations)
        return ()

    async def news(self) -> None:
        await self._news.wait()
        self._news.clear()

    def close(self) -> None:
        self._machine.hang_up(self._news)


@contextlib.contextmanager
def dialled_in(loop: VirtualLoop, network: Network) -> Iterator[None]:
    """Let every bound session of this process be made in this world, by the link that has its source address."""

    async def dial(dialler: Any, path: Path | None, deadline_s: float) -> Dialled:
        host, port = dialler._gateway.host, dialler._gateway.port  # noqa: SLF001 - the seam
        source = "" if path is None else path.sources[0]
        if not network.leads(host, port, source):
            raise PathUnusableError(f"{source} cannot be sent from: cannot assign requested address")
        connect = partial(network.connect, host, port, source=source, timeout_s=deadline_s)
        under_way = loop.run_in_executor(None, connect)
        try:
            return Dialled(cast("Any", await asyncio.shield(under_way)), host)
        except asyncio.CancelledError:
            under_way.add_done_callback(_close)
            raise
        except TimeoutError as error:
            raise SilentError("no answer") from error
        except OSError as error:
            raise RefusedError("connection refused") from error

    kind = cast("Any", Dialler)
    before: Callable[..., Any] = kind.dial
    kind.dial = dial
    try:
        yield
    finally:
        kind.dial = before


def _close(outcome: "asyncio.Future[SimSocket]") -> None:
    if not outcome.cancelled() and outcome.exception() is None:
        outcome.result().close()


def _is_of(what: Route | Rule, index: int) -> bool:
    return isinstance(what, Route) and what.index == index


def _network_of(address: str) -> str:
    return f"{address.rpartition('.')[0]}.0/24"


def _gateway(card: Interface) -> str:
    return f"{card.address.rpartition('.')[0]}.1"
