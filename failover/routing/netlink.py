"""The kernel's interfaces, addresses, routes and rules through rtnetlink(7). Here alone the failover knows pyroute2.

One socket only listens; each round of questions has a socket of its own, because pyroute2 keeps the acknowledgements of
all questions for as long as their socket lives. Everything is read anew at every piece of news: that costs 5 ms, and
nothing that was missed stays unknown.
"""

import contextlib
import errno
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from pyroute2.iproute import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from failover.routing.messages import AF, address_of, link_of, route_words, routes_of, rule_of, rule_words
from failover.routing.picture import Picture, Rule
from failover.routing.plan import Operation
from failover.routing.ports import Kernel, RoutingError

SYSFS: Final = Path("/sys/class/net")
LINKS_MAX: Final = 256  # interfaces that are looked at, and as many addresses of each
PICTURE_MAX: Final = 10_000  # addresses, routes and rules of one look each; more is no branch
# Groups of rtnetlink(7): links; addresses, routes and rules of IPv4 and of IPv6.
_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000
_NO_STATISTICS: Final = 8  # RTEXT_FILTER_SKIP_STATS
_RACES: Final = (errno.ENODEV, errno.ENETDOWN, errno.ESRCH, errno.ENOENT, errno.EEXIST)
"""What changed between the look and the deed: the news of it is on its way."""


FORBIDDEN: Final = (
    "this process may not set routes and rules: uplinks are bound to their interfaces only, and have no tables of "
    "their own. Grant CAP_NET_ADMIN (in kitd.service: AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW)"
)


class Netlink:
    """Opens the way to the kernel; implements ``failover.routing.ports.OpenKernel``."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        self._sysfs: Final = sysfs

    async def __call__(self) -> Kernel:
        """Listen from now on; raises RoutingError."""
        kernel = _NetlinkKernel(self._sysfs)
        try:
            await kernel.listen()
        except BaseException:
            kernel.close()
            raise
        return kernel


class _NetlinkKernel:
    """Implements ``failover.routing.ports.Kernel``."""

    def __init__(self, sysfs: Path) -> None:
        self._sysfs: Final = sysfs
        self._hears: Final = AsyncIPRoute(groups=_GROUPS)

    async def listen(self) -> None:
        with _typed("listening for news of interfaces and routes"):
            await self._hears.bind(groups=_GROUPS)

    async def look(self) -> Picture:
        with _typed("reading interfaces, addresses, routes and rules"):
            async with AsyncIPRoute(groups=0) as asks:
                links = await _all(await asks.link("dump", ext_mask=_NO_STATISTICS))
                addresses = await _all(await asks.addr("dump"))
                routes: list[Any] = []
                rules: list[Any] = []
                for family in AF.values():
                    with _absent_family():
                        routes += await _all(await asks.route("dump", family=family))
                        rules += await _all(await asks.rule("dump", family=family))
        return Picture(
            tuple(link_of(message, self._device(message)) for message in links[:LINKS_MAX]),
            tuple(address for message in addresses if (address := address_of(message)) is not None),
            tuple(route for message in routes for route in routes_of(message)),
            tuple(rule for message in rules if (rule := rule_of(message)) is not None),
        )

    async def apply(self, operations: Sequence[Operation]) -> tuple[str, ...]:
        failures: list[str] = []
        with _typed("setting routes and rules"):
            async with AsyncIPRoute(groups=0) as asks:
                for operation in operations:
                    try:
                        await _do(asks, operation)
                    except NetlinkError as refused:
                        if refused.code not in _RACES:
                            failures.append(_failure(operation, refused.code))
        return tuple(dict.fromkeys(failures))

    async def news(self) -> None:
        with _typed("listening for news of interfaces and routes"):
            # One wait yields the messages of one datagram; what they say is read anew anyway.
            async for _ in self._hears.get():
                pass

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._hears.close()

    def _device(self, message: Any) -> str | None:
        """What the interface is a part of, as a path below /sys/devices; None for virtual ones."""
        try:
            path = (self._sysfs / os.fsdecode(message.get_attr("IFLA_IFNAME")) / "device").resolve(
                strict=True
            )
        except OSError:
            return None
        return str(path).removeprefix("/sys/devices/")


async def _all(messages: AsyncIterator[Any]) -> list[Any]:
    return [message async for message in messages][:PICTURE_MAX]


@contextlib.contextmanager
def _absent_family() -> Any:
    """A kernel without IPv6 has none of its routes."""
    try:
        yield
    except NetlinkError as refused:
        if refused.code not in (errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
            raise


@contextlib.contextmanager
def _typed(what: str) -> Any:
    try:
        yield
    except NetlinkError as wrong:
        raise RoutingError(f"{what}: {os.strerror(wrong.code)}") from wrong
    except OSError as wrong:  # pyroute2 leaves the words out
        raise RoutingError(f"{what}: {os.strerror(wrong.errno) if wrong.errno else wrong}") from wrong
    except KeyError as wrong:
        raise RoutingError(f"{what}: no netlink port is free") from wrong


async def _do(asks: Any, operation: Operation) -> None:
    what = operation.what
    if isinstance(what, Rule):
        await asks.rule(operation.verb, **rule_words(what))
    else:
        await asks.route(operation.verb, **route_words(what))


def _failure(operation: Operation, code: int) -> str:
    if code == errno.EPERM:
        return FORBIDDEN
    what = operation.what
    if isinstance(what, Rule):
        return f"the rule for {what.source or what.interface} (table {what.table}): {os.strerror(code)}"
    by = f" by {what.gateway}" if what.gateway else ""
    return f"the route to {what.destination}{by} (table {what.table}): {os.strerror(code)}"
