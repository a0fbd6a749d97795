"""From a name to a connection: addresses are tried one after another without waiting for the slow (RFC 8305).

One dialler for each uplink, for as long as the kit runs: it remembers what worked, what failed, what the path swallows.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from failover.path import Path
from kit.events import NoticeAbout
from kit.tables.uplinks import UplinkTls
from kit.uplinks import portal, tcp_info
from kit.uplinks.errors import DialError, NameUnknownError, RefusedError, SilentError, TlsRefusedError
from kit.uplinks.gateway import Gateway
from kit.uplinks.names import Names
from kit.uplinks.on_the_air import Spent, nobody_asks, tell_end
from kit.uplinks.segments import Segments, hangs
from kit.uplinks.sockets import connect, family_of, open_socket, words_of

STAGGER_S: Final = 0.1  # seconds until the next address is tried beside one that is silent
AGAIN_S: Final = (
    0.25  # seconds until a hurried try is made twice: the kernel repeats a lost SYN after a whole one
)
RESOLUTION_S: Final = 0.1  # seconds that the DNS gets before what is pinned is tried without it
LEISURE_S: Final = 2.0  # a deadline of less leaves no time for finding out what is wrong before it is said
TOLD_MAX: Final = 2  # addresses of which a reason tells
ADDRESSES_MAX: Final = 16  # tried for one session

Notice = Callable[[NoticeAbout, str], None]
"""What people should know of an uplink that works all the same; ``""``: no longer."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connection to the broker, TLS and all, non-blocking. What to say of it: ``""`` is nothing."""

    connection: socket.socket
    address: str
    tls: str = ""
    """Of the certificate."""
    binding: str = ""
    """Of how it is bound."""


class Dialler:
    """Makes one uplink's connections.

    ``wall_ms``: the time by which certificates are judged. ``spent``: is told what goes over the air for all but the
    connection that is made in the end, which counts for itself from its first packet on.
    """

    def __init__(
        self,
        gateway: Gateway,
        wall_ms: Callable[[], int],
        notice: Notice,
        spent: Spent = nobody_asks,
    ) -> None:
        self._gateway, self._wall_ms, self._notice, self._spent = gateway, wall_ms, notice, spent
        self.segments = Segments(gateway.mss)
        self.names = Names(
            gateway.host, gateway.dns, gateway.addresses, checked=gateway.tls is not None, spent=spent
        )
        self._errors: dict[str, DialError] = {}
        self._hung = False
        """Whether packets of this try's TLS handshake seem to be swallowed."""
        self._portal = ""
        self._portal_at = -portal.EVERY_S
        self._check: asyncio.Task[None] | None = None

    async def dial(self, path: Path | None, deadline_s: float) -> Dialled:
        """Connect within the deadline, over this path alone.

        Raises:
            DialError: in vain; ``why`` tells.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        self.segments.on_path(path)
        self._errors, self._hung = {}, False
        doubt = loop.call_later(deadline_s / 2, self._begin_check, path) if deadline_s >= LEISURE_S else None
        try:
            async with asyncio.timeout_at(until):
                hurried = deadline_s < LEISURE_S
                return await self._first_to_stand(path, again_s=AGAIN_S if hurried else None)
        except TimeoutError as error:
            self.segments.fell()
            if self._hung:
                self.segments.stalled(0)
            raise SilentError(f"no answer in {deadline_s:.1f} s") from error
        except DialError:
            self.segments.fell()
            if deadline_s >= LEISURE_S:
                await self._finish_check(path, until - loop.time())
            raise
        finally:
            if doubt is not None:
                doubt.cancel()

    def stood(self, dialled: Dialled) -> dict[NoticeAbout, str]:
        """The session on it stands; returns all that is to be said, ``""`` where there is nothing any more."""
        self.names.worked(dialled.address)
        self.segments.stood()
        self._portal = ""
        return {
            "portal": "",
            "tls": dialled.tls,
            "binding": dialled.binding,
            "dns": self._doubts(dialled.address),
            "segments": self.segments.words,
        }

    def certificate_words(self, connection: object) -> str:
        """What is to be said now of the certificate of a session that stands: sessions outlive months."""
        if self._gateway.tls is None:
            return ""
        from kit.uplinks.tls import words_on  # noqa: PLC0415 - only where there is TLS

        return words_on(connection, self._gateway.tls, self._wall_ms())

    def fell(self, address: str) -> None:
        """The connection was made, and no session on it: whoever listens there is no broker of ours."""
        self.names.failed(address)
        self.segments.fell()

    def why(self, error: Exception) -> str:
        """Why there is no session, in one sentence; the portal first, for it explains all the rest."""
        told = [f"{address}: {why}" for address, why in self._told()]
        words = [self._portal, *(told or [str(error)]), self.names.doubts()]
        return "; ".join(word for word in words if word)

    async def close(self) -> None:
        """Ask and check no more."""
        if self._check is not None:
            self._check.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._check
        await self.names.close()

    async def _first_to_stand(self, path: Path | None, again_s: float | None) -> Dialled:
        """``again_s``: seconds after which the first address is tried once more beside its first try."""
        loop = asyncio.get_running_loop()
        again_at: float | None = None
        self.names.begin(path)
        tries: dict[asyncio.Task[Dialled], str] = {}
        won = False
        next_at = loop.time()
        if self._gateway.tls is not None and self.names.asking and not self.names.sure:
            next_at += RESOLUTION_S
        try:
            while True:
                tried = {*self._errors, *tries.values()}
                address = self.names.next(tried, path) if len(tried) < ADDRESSES_MAX else None
                # What is pinned waits for the DNS; nothing waits once it has spoken.
                spoken = not self.names.asking or address not in self._gateway.addresses
                if address is not None and (loop.time() >= next_at or (not tried and spoken)):
                    tries[loop.create_task(self._try(address, path))] = address
                    next_at = loop.time() + STAGGER_S
                    if not tried and again_s is not None:
                        again_at = loop.time() + again_s
                    continue
                if address is None and not tries and not self.names.asking:
                    raise self._none()
                if address is None and tries and again_at is not None and loop.time() >= again_at:
                    again_at, first = None, next(iter(tries.values()))
                    tries[loop.create_task(self._try(first, path))] = first
                wake_at = next_at if address is not None else again_at if tries else None
                await self._wait(tries, None if wake_at is None else wake_at - loop.time())
                for task in [task for task in tries if task.done()]:
                    at = tries.pop(task)
                    if task.exception() is None:
                        won = True
                        return task.result()
                    self._note(at, task.exception())
                    next_at = loop.time()
        finally:
            await self._give_up(tries, slow_only=won)

    async def _wait(self, tries: dict[asyncio.Task[Dialled], str], wait_s: float | None) -> None:
        """Until a try ends, the DNS says something, or the time is up."""
        news = [asyncio.ensure_future(self.names.news())] if self.names.asking else []
        try:
            await asyncio.wait(
                [*tries, *news],
                timeout=None if wait_s is None else max(0.0, wait_s),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for each in news:
                each.cancel()

    async def _try(self, address: str, path: Path | None) -> Dialled:
        """Raises DialError alone: whatever is odd about one address, the others are tried."""
        try:
            return await self._connect(address, path)
        except DialError:
            raise
        except OSError as error:
            raise RefusedError(words_of(error)) from error

    async def _connect(self, address: str, path: Path | None) -> Dialled:
        made, forbidden = open_socket(
            socket.AddressFamily(family_of(address)), "tcp", path, self.segments.mss
        )
        binding = (
            f"not allowed to bind to {path.interface}: bound to its address alone"
            if forbidden and path is not None
            else ""
        )
        try:
            await connect(made, address, self._gateway.port)
            if self._gateway.tls is None:
                return Dialled(made, address, binding=binding)
            wrapped, words = await self._secure(made, self._gateway.tls)
        except BaseException:
            tell_end(made, self._spent)
            made.close()
            raise
        return Dialled(wrapped, address, words, binding)

    async def _secure(self, made: socket.socket, tls: UplinkTls) -> tuple[socket.socket, str]:
        """TLS on a connection that stands, and what to say of it; notes how it hung where time is up."""
        from kit.uplinks.tls import handshake  # noqa: PLC0415 - only where there is TLS

        loop = asyncio.get_running_loop()
        began = loop.time()
        with made.dup() as watched:  # the other one is closed by whoever gives up
            try:
                return await handshake(made, tls, self._gateway.host, self._wall_ms())
            except BaseException as error:
                if made.fileno() < 0:  # TLS has it; else whoever closes it tells
                    tell_end(watched, self._spent)
                if isinstance(error, asyncio.CancelledError):
                    waited_ms = round(1000 * (loop.time() - began))
                    self._hung |= hangs(tcp_info.read(watched), waited_ms)
                raise

    def _note(self, address: str, error: BaseException | None) -> None:
        if not isinstance(error, DialError):
            raise error if error is not None else AssertionError("a try that succeeded is no failure")
        self._errors[address] = error
        self.names.failed(address)

    async def _give_up(self, tries: dict[asyncio.Task[Dialled], str], *, slow_only: bool) -> None:
        """End what is under way. ``slow_only``: another was faster, which proves nothing against these.

        Nor does it where nobody answered at all: then it was the path.
        """
        for task in tries:
            task.cancel()
        for outcome in await asyncio.gather(*tries, return_exceptions=True):
            if isinstance(outcome, Dialled):
                tell_end(outcome.connection, self._spent)
                outcome.connection.close()
        for address in tries.values():
            self._errors.setdefault(address, SilentError("does not answer"))
        if slow_only or all(isinstance(error, SilentError) for error in self._errors.values()):
            return
        for address in tries.values():
            self.names.failed(address)

    def _none(self) -> DialError:
        return next(iter(self._errors.values()), None) or NameUnknownError(
            self.names.trouble or f"no address for {self._gateway.host}"
        )

    def _told(self) -> list[tuple[str, DialError]]:
        """The most telling errors: who answered as somebody else, before who did not answer."""
        ranked = sorted(
            self._errors.items(),
            key=lambda item: (not isinstance(item[1], TlsRefusedError), isinstance(item[1], SilentError)),
        )
        return ranked[:TOLD_MAX]

    def _doubts(self, address: str) -> str:
        """What to say of the DNS though a session stands at this address."""
        liars = [other for other in self._errors if other != address and other not in self._gateway.addresses]
        if liars and address in self._gateway.addresses:
            lies = ", ".join(f"{liar} ({self._errors[liar]})" for liar in liars[:TOLD_MAX])
            return f"the DNS gives {lies}; the pinned {address} is used"
        return ""

    def _begin_check(self, path: Path | None) -> None:
        """See whether a portal answers, once in a while."""
        loop = asyncio.get_running_loop()
        url = self._gateway.portal_check
        if url is None or loop.time() < self._portal_at + portal.EVERY_S:
            return
        self._portal_at = loop.time()
        self._check = loop.create_task(self._look_for_portal(url, path), name="portal-check")

    async def _finish_check(self, path: Path | None, within_s: float) -> None:
        self._begin_check(path)
        if self._check is not None and not self._check.done():
            await asyncio.wait([self._check], timeout=max(0.0, within_s))

    async def _look_for_portal(self, url: str, path: Path | None) -> None:
        self._portal = await portal.check(url, self._gateway.dns, path, self._spent)
        self._notice("portal", self._portal)
