"""Keeps the tables and rules of all uplinks as they are to be, and tells of their paths. A shell around the planner."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from failover.events import Instant, PathChanged
from failover.routing.find import ModemWord
from failover.routing.paths import Standing, links_of, look
from failover.routing.picture import Link, Picture
from failover.routing.plan import plan, without_anything
from failover.routing.ports import Kernel, OpenKernel, RoutingError
from failover.routing.recall import Recall
from failover.routing.spec import UPLINKS_MAX, UplinkSpec
from failover.routing.teller import Teller

RESYNC_MS: Final = 30_000  # everything is read anew after this long without news
GAP_MS: Final = 100  # at least, between two looks: what happens meanwhile is seen by one look
GAP_MAX_MS: Final = 3_200  # the gap doubles up to this while somebody undoes what is done here
CALM_MAX: Final = 5  # looks in a row that find something to do, before that
RETRY_MS: Final = 1_000  # after the kernel could not be asked
ROUNDS_MAX: Final = 2  # attempts at one look to make things as they are to be
WORDS_MAX: Final = 64  # different failures that are remembered as told


class Routes:
    """The routing of a kit's uplinks.

    Args:
        specs: at most UPLINKS_MAX, each with another name.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every change of a path.
        say: hears what went wrong, in words, once each.
        open_kernel: the way to the kernel; None: netlink.
    """

    def __init__(
        self,
        specs: Sequence[UplinkSpec],
        now: Callable[[], Instant],
        emit: Callable[[PathChanged], None],
        say: Callable[[str], None],
        *,
        open_kernel: OpenKernel | None = None,
    ) -> None:
        if len(specs) > UPLINKS_MAX:
            raise ValueError(f"{len(specs)} uplinks: at most {UPLINKS_MAX} can have interfaces")
        self._specs: Final = tuple(specs)
        self._now, self._emit, self._say = now, emit, say
        self._open_kernel = open_kernel or _netlink()
        self._tellers = {spec.uplink: Teller(spec.uplink) for spec in specs}
        self._modems: dict[str, ModemWord] = {}
        self._news: Final = asyncio.Event()
        self._said: dict[str, None] = {}
        self._recall: Final = Recall()
        self._restless = 0  # looks in a row that found something to do

    def modem_says(self, modem: str, interface: str | None) -> None:
        """A modem's manager names the interface of its data; None: there is none now."""
        known = self._modems.get(modem)
        if known is not None and known.interface == interface:
            self._modems[modem] = replace(known, again=True)
        else:
            self._modems[modem] = ModemWord(interface)
            self._news.set()

    async def run(self) -> None:
        """Hold until cancelled; then remove all that was made. Never returns by itself.

        Run again after a failure, it tells all paths anew: somebody may have been told since that there are none. What
        was made stays meanwhile, since sessions need it.
        """
        self._tellers = {spec.uplink: Teller(spec.uplink) for spec in self._specs}
        try:
            while True:
                kernel: Kernel | None = None
                try:
                    kernel = await self._open_kernel()
                    await self._hold(kernel)
                except RoutingError as silent:
                    self._say_once(str(silent))
                    self._say_why_not(str(silent))
                finally:
                    if kernel is not None:
                        kernel.close()
                await asyncio.sleep(RETRY_MS / 1000)
        except asyncio.CancelledError:
            await self._remove()
            raise

    async def _hold(self, kernel: Kernel) -> None:
        """Look at every piece of news and every RESYNC_MS; raises RoutingError."""
        listener = asyncio.create_task(self._listen(kernel), name="routing news")
        try:
            while True:
                self._news.clear()
                await self._sync(kernel)
                await asyncio.sleep(self._gap_ms() / 1000)
                wake_at = min(
                    (at for teller in self._tellers.values() if (at := teller.wake_at()) is not None),
                    default=self._now() + RESYNC_MS,
                )
                waits = asyncio.create_task(self._news.wait())
                try:
                    await asyncio.wait(
                        (waits, listener),
                        timeout=max(wake_at - self._now(), 0) / 1000,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    waits.cancel()
                if listener.done():
                    listener.result()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    def _gap_ms(self) -> int:
        """How long nobody looks. There may be another program that keeps routes, and has its own idea of them."""
        if self._restless <= CALM_MAX:
            return GAP_MS
        if self._restless > 2 * CALM_MAX:
            self._say_once(
                "something undoes the routes and rules of the uplinks again and again; is it systemd-networkd? See "
                "docs/uplinks.md"
            )
        return min(GAP_MS << min(self._restless - CALM_MAX, 8), GAP_MAX_MS)

    async def _listen(self, kernel: Kernel) -> None:
        while True:
            await kernel.news()
            self._news.set()

    async def _sync(self, kernel: Kernel) -> None:
        """Make things as they are to be, and tell of what is so then."""
        failures: tuple[str, ...] = ()
        did = False
        for _ in range(ROUNDS_MAX):
            picture = await kernel.look()
            found, absent = links_of(self._specs, picture, self._modems)
            self._hold_modems(found)
            operations = plan(self._specs, found, self._recall.fill(picture, found))
            if not operations:
                break
            failures = await kernel.apply(operations)
            did = True
        else:
            picture = await kernel.look()
            found, absent = links_of(self._specs, picture, self._modems)
        self._restless = self._restless + 1 if did and not failures else 0
        for failure in failures:
            self._say_once(failure)
        if not did:
            self._said.clear()  # all is well: what goes wrong from now on is new
        self._tell(found, absent, picture)

    def _hold_modems(self, found: dict[str, Link]) -> None:
        """From now on a modem's word stands for the interface of this number alone."""
        for spec in self._specs:
            if spec.how == "modem" and spec.uplink in found:
                word = self._modems[spec.value]
                self._modems[spec.value] = replace(word, index=found[spec.uplink].index, again=False)

    def _tell(self, found: dict[str, Link], absent: dict[str, str], picture: Picture) -> None:
        links, now = set(found.values()), self._now()
        filled = self._recall.fill(picture, found)
        for spec in self._specs:
            teller, link = self._tellers[spec.uplink], found.get(spec.uplink)
            if link is None:
                standing = Standing(None, absent[spec.uplink])
            else:
                standing = look(spec, link, filled, links, teller.last)
                if (
                    standing.path is not None and standing.path.table is None
                ):  # what is recalled is in no table
                    standing = look(spec, link, picture, links, teller.last)
            change = teller.hear(standing, now)
            if change is not None:
                self._emit(change)

    def _say_why_not(self, why: str) -> None:
        """Those that wait for their first path hear why there is none; the others keep theirs."""
        for teller in self._tellers.values():
            if teller.is_silent and (change := teller.hear(Standing(None, why), self._now())):
                self._emit(change)

    async def _remove(self) -> None:
        """Leave nothing behind. Where that fails, the next life removes it."""
        try:
            kernel = await self._open_kernel()
            try:
                await kernel.apply(without_anything(await kernel.look()))
            finally:
                kernel.close()
        except RoutingError as silent:
            self._say_once(f"routes and rules stay behind: {silent}")

    def _say_once(self, words: str) -> None:
        if words not in self._said and len(self._said) < WORDS_MAX:
            self._said[words] = None
            self._say(words)


def _netlink() -> OpenKernel:
    from failover.routing.netlink import Netlink  # noqa: PLC0415 - heavy: only where it is used

    return Netlink()
