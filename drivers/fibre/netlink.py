"""One network interface through rtnetlink(7), by name or alternative name. The fibre's only file that knows pyroute2.

One socket is subscribed to RTNLGRP_LINK and only listens; each question has a socket of its own, because pyroute2 keeps
the acknowledgements of all questions for as long as their socket lives. No privilege is needed for any.
"""

import contextlib
import errno
import os
from collections import deque
from typing import Any, Final

from pyroute2.iproute import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from drivers.fibre.errors import KernelSilentError
from drivers.fibre.ports import KernelLink, LinkState
from drivers.ports import LinkCounters

IFNAME_MAX: Final = (
    15  # bytes of an interface's name (IFNAMSIZ less its end); longer names are alternative names
)
_GROUP_LINK: Final = 1  # RTNLGRP_LINK as a mask
_LOWER_UP: Final = 1 << 16  # IFF_LOWER_UP, netdevice(7): up, and the driver sees the other end
_ANY_FAMILY: Final = 0  # bridges tell of their ports in a family of their own


class Netlink:
    """Opens the way to the kernel; implements ``drivers.fibre.ports.OpenKernelLink``."""

    def __init__(self, interface: str) -> None:
        self._interface: Final = interface

    async def __call__(self) -> KernelLink:
        """Listen from now on; raises KernelSilentError."""
        link = _NetlinkLink(self._interface)
        try:
            await link.listen()
        except BaseException:
            link.close()
            raise
        return link


class _NetlinkLink:
    """Implements ``drivers.fibre.ports.KernelLink``."""

    def __init__(self, interface: str) -> None:
        self._interface: Final = interface
        self._hears: Final = AsyncIPRoute(groups=_GROUP_LINK)
        self._heard: deque[LinkState | None] = deque()
        self._index: int | None = None

    async def listen(self) -> None:
        with _typed("listening for news of interfaces"):
            await self._hears.bind(groups=_GROUP_LINK)

    async def look(self) -> LinkState | None:
        how = "ifname" if len(self._interface.encode()) <= IFNAME_MAX else "altname"
        with _typed(f"asking for {self._interface}"):
            async with AsyncIPRoute(groups=0) as asks:
                try:
                    answers = await asks.link("get", **{how: self._interface})
                except NetlinkError as refused:
                    if refused.code != errno.ENODEV:
                        raise
                    self._index = None
                    return None
            for message in answers:
                self._index = message["index"]
                return _state(message)
        raise KernelSilentError(f"asking for {self._interface}: the kernel answered with nothing")

    async def news(self) -> LinkState | None:
        with _typed("listening for news of interfaces"):
            while not self._heard:
                # One wait yields the messages of one datagram, so what is kept here is bounded by the kernel's buffer.
                async for message in self._hears.get():
                    self._hear(message)
        return self._heard.popleft()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._hears.close()

    def _hear(self, message: Any) -> None:
        event = message.get("event")
        if event not in ("RTM_NEWLINK", "RTM_DELLINK") or message["family"] != _ANY_FAMILY:
            return
        if event == "RTM_NEWLINK" and self._interface in _names(message):
            self._index = message["index"]
            self._heard.append(_state(message))
        elif message["index"] == self._index:  # gone, or now called something else
            self._index = None
            self._heard.append(None)


@contextlib.contextmanager
def _typed(what: str) -> Any:
    try:
        yield
    except NetlinkError as wrong:
        raise KernelSilentError(f"{what}: {os.strerror(wrong.code)}") from wrong
    except OSError as wrong:  # pyroute2 leaves the words out
        raise KernelSilentError(f"{what}: {os.strerror(wrong.errno) if wrong.errno else wrong}") from wrong
    except KeyError as wrong:
        raise KernelSilentError(f"{what}: no netlink port is free") from wrong


def _names(message: Any) -> set[str]:
    properties = message.get_attr("IFLA_PROP_LIST")
    others = properties.get_attrs("IFLA_ALT_IFNAME") if properties is not None else ()
    return {message.get_attr("IFLA_IFNAME"), *others}


def _state(message: Any) -> LinkState:
    stats = message.get_attr("IFLA_STATS64") or {}
    return LinkState(
        carrier=bool(message["flags"] & _LOWER_UP),
        counters=LinkCounters(
            rx_bytes=stats.get("rx_bytes", 0),
            tx_bytes=stats.get("tx_bytes", 0),
            rx_errors=stats.get("rx_errors", 0),
            tx_errors=stats.get("tx_errors", 0),
            rx_dropped=stats.get("rx_dropped", 0),
            tx_dropped=stats.get("tx_dropped", 0),
        ),
    )
