"""A branch with two cables to a centre, each in a network namespace; the centre drops what came by the wrong cable."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path as File
from typing import Final

from failover.path import Path
from kit.uplinks.gateway import Gateway
from tests.peers.kit_edge import KitEdge
from tests.peers.mosquitto import Mosquitto
from tests.peers.namespaces import Namespace, run

CENTRE: Final = "10.9.9.9"  # on the centre's loopback: both cables lead to it
CENTRE_6: Final = "fd09:9::9"
PORT: Final = 18_830  # of a broker there
MTU: Final = 1_500
_CABLES: Final = """\
link set lo up
link set {name} up
address add 10.9.{n}.2/24 dev {name}
address add fd09:{n}::2/64 dev {name} nodad
route add default via 10.9.{n}.1 dev {name} metric {metric}
route add default via fd09:{n}::1 dev {name} metric {metric}
"""
_LOOPBACK: Final = f"""\
link set lo up
address add {CENTRE}/32 dev lo
address add {CENTRE_6}/128 dev lo nodad
"""
_CENTRE: Final = """\
link set {name} up
address add 10.9.{n}.1/24 dev {name}
address add fd09:{n}::1/64 dev {name} nodad
"""
_GUARD: Final = """\
table inet guard {{
  chain came {{
    type filter hook prerouting priority -300
    iifname "kit1f" ip saddr != 10.9.1.2 drop
    iifname "kit2f" ip saddr != 10.9.2.2 drop
    iifname "kit1f" tcp flags & (syn | ack) == syn tcp option maxseg size 1200 counter name good1
    iifname "kit2f" tcp flags & (syn | ack) == syn tcp option maxseg size 1200 counter name good2
    {more}
  }}
  counter good1 {{ }}
  counter good2 {{ }}
}}
"""


class Ways:
    """The two namespaces; the branch is entered."""

    def __init__(self, centre: Namespace) -> None:
        self._centre = centre

    @contextmanager
    def centre(self) -> Iterator[None]:
        """What is opened and started here is the centre's."""
        with self._centre.inside():
            yield

    def path(self, number: int, table: int | None = None) -> Path:
        """By cable 1, which the main table prefers, or 2."""
        index = socket.if_nametoindex(f"kit{number}")
        return Path(f"kit{number}", index, (f"10.9.{number}.2", f"fd09:{number}::2"), MTU, table)

    def guard(self, more: str = "") -> None:
        """Set up what the centre drops; ``more``: rules of nft(8)."""
        with self.centre():
            again = f"table inet guard\ndelete table inet guard\n{_GUARD.format(more=more)}"
            run("nft", "-f", "-", said=again)

    def good_syns(self, number: int) -> int:
        """SYNs that came by this cable, from its address, and announce segments of 1200 bytes."""
        with self.centre():
            told = run("nft", "list", "counter", "inet", "guard", f"good{number}")
        return int(told.split("packets ")[1].split()[0])


@contextmanager
def two_ways() -> Iterator[Ways]:
    """Enter the branch; leave and remove both afterwards."""
    with ExitStack() as undo:
        near = Namespace("ways")
        undo.callback(near.delete)
        far = Namespace("centre")
        undo.callback(far.delete)
        undo.enter_context(near.inside())
        it = Ways(far)
        with it.centre():
            run("ip", "-batch", "-", said=_LOOPBACK)
        for number, metric in ((1, 100), (2, 200)):
            name = f"kit{number}"
            far_end = ("peer", "name", f"{name}f", "netns", far.name)
            # One packet for each segment: a large one, cut only behind the filter, would not be told from it.
            run("ip", "link", "add", name, "gso_max_segs", "1", "type", "veth", *far_end)
            with it.centre():
                run("ip", "-batch", "-", said=_CENTRE.format(name=f"{name}f", n=number))
            run("ip", "-batch", "-", said=_CABLES.format(name=name, n=number, metric=metric))
        it.guard()
        yield it


@asynccontextmanager
async def edge(ways: Ways, folder: File, gateway: Gateway, *more: str) -> AsyncIterator[KitEdge]:
    """An edge before a broker at the centre, at PORT of both addresses. ``more``: lines of mosquitto.conf(5)."""
    lines = [f"listener {PORT} {CENTRE}", f"listener {PORT} {CENTRE_6}", *more]
    broker = Mosquitto(folder, *lines, port=PORT + 1)
    with ways.centre():
        await broker.start()
    try:
        async with KitEdge(PORT, gateway=gateway) as kit:
            yield kit
    finally:
        broker.kill()
