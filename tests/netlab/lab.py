"""A whole laboratory: the centre's namespace with broker and centerd, and branches, each in a namespace of its own."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from tests.center.site import Site
from tests.netlab.air import Air, Sky
from tests.netlab.branch import Branch
from tests.netlab.cable import Cable
from tests.netlab.election import election
from tests.netlab.link import BROKER, TABLES, Addresses, broker_over
from tests.netlab.town import Certificates, Town
from tests.peers.mosquitto import Mosquitto
from tests.peers.namespaces import Namespace

PLACES: Final = 3  # links of a branch, at most
FIBRE: Final = "fib0"
MOBILE: Final = "lte0"
DISH: Final = "sat0"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - of a namespace that nobody else is in


class Lab:
    """Use as ``with laboratory(...) as lab``. ``branches[i]`` has the links that were asked for, by name."""

    def __init__(self, folder: Path, links: Sequence[Sequence[str]], undo: ExitStack) -> None:
        self.folder, self._undo = folder, undo
        self.wan = Namespace("wan")
        undo.callback(self.wan.delete)
        addresses = (BROKER, *(broker_over(place) for place in range(PLACES)))
        self.wan.ip(*(f"address add {address}/32 dev lo" for address in addresses))
        self.wan.nft(*TABLES)
        self.site = Site(folder, election())
        undo.callback(self.site.close)
        self.certificates = Certificates(folder)
        self.broker = Mosquitto(
            folder,
            "set_tcp_nodelay true",
            *self.certificates.lines(),
            port=self.site.port,
            listen=EVERYWHERE,
        )
        undo.callback(self.broker.kill)
        self.branches = [self._branch(number, names) for number, names in enumerate(links)]
        airs = [link for branch in self.branches for link in branch.links.values() if isinstance(link, Air)]
        if airs:
            undo.callback(Sky(airs).close)

    def start(self) -> None:
        """The broker, then the centre."""
        self.start_broker()
        with self.wan.inside():
            self.site.start_centerd()

    def open_town(self) -> Town:
        """The servers beside the centre."""
        return Town(self.folder, self.wan, self.certificates, self._undo)

    def start_broker(self) -> None:
        """For the first time, or after ``broker.kill``."""
        with self.wan.inside():
            asyncio.run(self.broker.start())

    def leaves(self) -> list[tuple[str, str]]:
        """Branch and hash of every envelope in the centre's log, read from the ledger file itself."""
        uri = f"file:{self.site.state_dir}/ledger.db?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as ledger:
            rows = ledger.execute("select branch, sha256 from envelopes order by leaf")
            return [(str(branch), str(sha256)) for branch, sha256 in rows]

    def foreign_packets(self) -> Mapping[str, int]:
        """Packets that came with the address of another link, by interface of the centre's."""
        return {
            name.removesuffix("-foreign"): packets
            for name, (packets, _) in self.counters().items()
            if name.endswith("-foreign")
        }

    def counters(self) -> dict[str, tuple[int, int]]:
        """Packets and bytes (of IP) so far, by name: such as ``w0fib0-up``."""
        listed = json.loads(self.wan.nft_json("list", "counters", "table", "inet", "lab"))["nftables"]
        return {
            one["counter"]["name"]: (one["counter"]["packets"], one["counter"]["bytes"])
            for one in listed
            if "counter" in one
        }

    def _branch(self, number: int, names: Sequence[str]) -> Branch:
        namespace = Namespace(f"b{number}")
        self._undo.callback(namespace.delete)
        links: dict[str, Cable | Air] = {}
        for place, name in enumerate(names):
            at = Addresses(number, place, name)
            if name.startswith("lte"):
                links[name] = Air(namespace, self.wan, at, f"{number}{name}")
            else:
                links[name] = Cable(namespace, self.wan, at)
        folder = self.folder / f"branch-{number + 1}"
        folder.mkdir()
        branch = Branch(namespace, links, folder, f"branch-{number + 1}", self.site.port)
        self._undo.callback(branch.close)
        return branch


@contextmanager
def laboratory(folder: Path, *links: Sequence[str]) -> Iterator[Lab]:
    """A laboratory with one branch for each of ``links``, the names of its links: FIBRE, MOBILE, DISH."""
    with ExitStack() as undo:
        lab = Lab(folder, links, undo)
        lab.start()
        yield lab
