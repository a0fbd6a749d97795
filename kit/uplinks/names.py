"""Addresses of a name, the most promising first: what worked last, what the DNS says, what the configuration pins.

A DNS may be silent, poisoned or in the hands of a captive portal. Answers are kept when later questions fail, an
address that failed is tried last from then on, and nothing waits for the DNS where another address is known.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Collection, Coroutine
from typing import Any, Final

from drivers.system_resolver import ask_system
from failover.path import Path
from kit.uplinks.errors import NameUnknownError
from kit.uplinks.on_the_air import Spent, nobody_asks
from kit.uplinks.sockets import family_of, is_address

ADDRESSES_MAX: Final = 8  # that are kept of the DNS
LOOKUP_MAX_S: Final = 5.0  # seconds that one lookup may take
KEEP_S: Final = (
    30,
    3_600,
)  # least and most seconds for which answers are not asked for again, whatever their TTL
GOOD_MAX: Final = 4  # addresses where sessions stood that are kept, whatever the DNS says later
SYSTEM_BYTES: Final = 500  # that the system's resolver is supposed to take for one name, in two families
SYSTEM_KEEP_S: Final = 60  # seconds, as above, for the system's resolver, which tells no TTL


class Names:
    """What is known of one host, as one uplink sees it.

    ``servers``: DNS servers to ask over the uplink itself; none: the system's resolver. ``pinned``: of the
    configuration. ``checked``: whether TLS will show who answers. Where nothing shows it, the DNS comes after the
    pinned ones: a liar could not be told from the centre.
    """

    def __init__(
        self,
        host: str,
        servers: tuple[str, ...] = (),
        pinned: tuple[str, ...] = (),
        *,
        checked: bool = False,
        spent: Spent = nobody_asks,
    ) -> None:
        self._spent = spent
        self._host, self._servers, self._pinned, self._checked = host, servers, pinned, checked
        self._literal = is_address(host)
        self._answers: list[str] = []
        self._fresh_until = 0.0
        self._good: list[str] = []
        """Where sessions stood, the last one first."""
        self._failed: set[str] = set()
        self._lookup: asyncio.Task[None] | None = None
        self._system: asyncio.Future[list[str]] | None = None
        """What the system's resolver was asked last; it may take far longer than a lookup."""
        self._news = asyncio.Event()
        self.trouble = ""
        """Why the last lookup gave nothing, in words."""

    @property
    def asking(self) -> bool:
        """Whether a lookup is under way."""
        return self._lookup is not None and not self._lookup.done()

    @property
    def sure(self) -> bool:
        """Whether an address worked before and has not failed since."""
        return any(address not in self._failed for address in self._good)

    def begin(self, path: Path | None) -> None:
        """Ask again, where it is time to; whoever waits for ``news`` hears of each answer."""
        loop = asyncio.get_running_loop()
        if self._literal or self.asking or loop.time() < self._fresh_until:
            return
        self._lookup = loop.create_task(self._look_up(path), name=f"names-{self._host}")

    def news(self) -> Coroutine[Any, Any, object]:
        """To be awaited: one more answer than at the time of this call, or the end of the lookup."""
        return self._news.wait()

    def next(self, tried: Collection[str], path: Path | None) -> str | None:
        """The most promising address of those not tried yet; only such as the path has a source for."""
        families = None if path is None else {family_of(source) for source in path.sources}
        for address in self.known():
            if address not in tried and (families is None or family_of(address) in families):
                return address
        return None

    def known(self) -> list[str]:
        """All addresses, the most promising first."""
        if self._literal:
            ordered = [self._host, *self._pinned]
        elif self._checked:
            ordered = [*self._answers, *self._pinned]
        else:
            ordered = [*self._pinned, *self._answers]
        return sorted(dict.fromkeys([*self._good, *ordered]), key=lambda address: address in self._failed)

    def worked(self, address: str) -> None:
        """A session stood there."""
        self._good = [address, *(other for other in self._good if other != address)][:GOOD_MAX]
        self._failed.discard(address)

    def failed(self, address: str) -> None:
        """It was tried in vain: others come first from now on."""
        self._failed = (self._failed & set(self.known())) | {address}

    def doubts(self) -> str:
        """What is to be said of the DNS, or ``""``."""
        if self.trouble:
            return f"DNS: {self.trouble}"
        if self._answers and self._pinned and not {*self._answers} & {*self._pinned}:
            return f"DNS gives {', '.join(self._answers[:2])}, which is not pinned"
        return ""

    async def close(self) -> None:
        """Ask no more."""
        if self._lookup is not None:
            self._lookup.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._lookup

    async def _look_up(self, path: Path | None) -> None:
        loop, troubles = asyncio.get_running_loop(), list[str]()
        try:
            async with asyncio.timeout(LOOKUP_MAX_S):
                keep_s = await (self._ask_servers(path, troubles) if self._servers else self._ask_system())
            self._fresh_until = loop.time() + min(max(keep_s, KEEP_S[0]), KEEP_S[1])
            self.trouble = ""
        except TimeoutError:
            self.trouble = f"no answer for {self._host} in {LOOKUP_MAX_S:.0f} s"
        except NameUnknownError as error:
            self.trouble = str(error)
        finally:
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _ask_servers(self, path: Path | None, troubles: list[str]) -> int:
        """All servers at once; what each says is used as it comes. Returns for how long it holds."""
        from kit.uplinks.resolver import ask  # noqa: PLC0415 - dnspython

        families = {socket.AF_INET: 0, socket.AF_INET6: 0} if path is None else {}
        for source in () if path is None else path.sources:
            if not ipaddress.ip_address(source).is_link_local:
                families.setdefault(family_of(source), 0)
        asked = [
            asyncio.ensure_future(ask(server, self._host, socket.AddressFamily(family), path, self._spent))
            for server in self._servers
            for family in families
        ]
        found: list[str] = []
        keep_s = KEEP_S[1]
        try:
            for each in asyncio.as_completed(asked):
                try:
                    addresses, ttl_s = await each
                except NameUnknownError as error:
                    troubles.append(str(error))
                    continue
                if addresses:
                    keep_s = min(keep_s, ttl_s)
                    found = list(dict.fromkeys([*found, *addresses]))[:ADDRESSES_MAX]
                    self._answers = found
                    self._tell()
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if not found:
            raise NameUnknownError("; ".join(dict.fromkeys(troubles)) or f"no address for {self._host}")
        return keep_s

    async def _ask_system(self) -> int:
        """It cannot be told to end, so what it says late is taken when it comes, and one question is out at a time."""
        if self._system is None:
            self._system = ask_system(self._host)
            self._spent(SYSTEM_BYTES)
        asked = self._system
        try:
            self._answers = (await asyncio.shield(asked))[:ADDRESSES_MAX]
        except (OSError, UnicodeError) as error:
            raise NameUnknownError(f"no address for {self._host}: {error}") from error
        finally:
            if asked.done():
                self._system = None
        return SYSTEM_KEEP_S
