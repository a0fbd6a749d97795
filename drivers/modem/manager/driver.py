"""A modem in ModemManager's hands: its signals bring news, an interval too, and the kit's wishes go one by one."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from drivers.modem.manager import state
from drivers.modem.manager.bus import BusGoneError, ManagerBus, ManagerRefusedError, ManagerSilentError
from drivers.modem.manager.care import Care
from drivers.modem.manager.mailbox import Mailbox
from drivers.modem.manager.messages import USER_DATA_MAX, Gatherer, Outgoing, Unsendable
from drivers.modem.manager.settings import ManagerSettings
from drivers.modem.manager.state import BEARER, Found, ModemMatch
from drivers.modem.sms.address import check_number
from drivers.ports import ModemEvent, ModemLost, ModemReading, SmsFailed

BACKOFF_MIN_MS: Final = 250  # wait before the first attempt to reach the bus again
BACKOFF_MAX_MS: Final = 10_000  # the wait doubles up to this
SETTLE_MS: Final = 100  # signals come in swarms: one look for all that come within this
QUEUE_MAX: Final = 64  # wishes and whole messages that wait
PATIENCE_MS: Final = 60_000  # how long a wish waits for a modem
BEARERS_MAX: Final = 8  # bearers that are looked at

_Wish = Outgoing | int | Literal["reset"]  # a message, a SIM slot, a reset


class ManagerModem:
    """Implements ``drivers.ports.Modem``.

    Readings come at the interval, and at once when something has changed. ModemLost comes once when ModemManager, the
    bus or the modem is gone or mute, and readings when it is back.

    SMS: ModemManager writes headers itself. Messages of several parts that hold more than 140 octets together go out
    when their last part was handed over; others cannot, and fail finally: ``messages.py`` says why.

    Args:
        address: of the message bus, as in DBUS_SYSTEM_BUS_ADDRESS; None for the system's.
        match: which modem.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every event.
        settings: PIN, intervals.
    """

    def __init__(
        self,
        address: str | None,
        match: ModemMatch,
        now: Callable[[], int],
        emit: Callable[[ModemEvent], None],
        settings: ManagerSettings | None = None,
    ) -> None:
        self._address: Final = address
        self._match: Final = match
        self._now: Final = now
        self._emit: Final = emit
        self._settings: Final = settings or ManagerSettings()
        self._care: Final = Care(self._settings, now, emit)
        self._mailbox: Final = Mailbox(emit)
        self._gatherer: Final = Gatherer()
        self._wishes: Final[deque[tuple[int, _Wish]]] = deque()
        self._news: Final = asyncio.Event()
        self._work: Final = asyncio.Event()
        self._bus: ManagerBus | None = None
        self._found: Found | None = None
        self._lost: str | None = None
        self._told: ModemReading | None = None
        self._told_at = 0

    async def run(self) -> None:
        """Watch and serve until cancelled; never returns by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._serve())

    def send_sms(self, token: int, number: str, user_data: bytes) -> None:
        """As ``drivers.ports.Modem`` says, within what ModemManager can do: see ``ManagerModem``."""
        check_number(number)
        if not 1 <= len(user_data) <= USER_DATA_MAX:
            raise ValueError(f"user data of {len(user_data)} octets: one message has 1 to {USER_DATA_MAX}")
        for message in self._gatherer.add(token, number, user_data, self._now()):
            if isinstance(message, Unsendable):
                self._fail(message.tokens, message.reason, final=True)
            elif len(self._wishes) >= QUEUE_MAX:
                reason = f"{QUEUE_MAX} messages and wishes wait already: send it again later"
                self._fail(message.tokens, reason, final=False)
            else:
                self._wish(message)
        self._work.set()

    def use_sim(self, slot: int) -> None:
        """Change over to the SIM in ``slot``, where ModemManager knows how. ValueError: no slot has such a number."""
        if not 1 <= slot <= state.SLOTS_MAX:
            raise ValueError(f"SIM slot {slot}: 1 to {state.SLOTS_MAX} are known")
        self._wish(slot)

    def reset(self) -> None:
        """Radio off and on; the next time, where ModemManager knows how to reset this modem, all of it."""
        self._wish("reset")

    def _wish(self, wish: _Wish) -> None:
        if len(self._wishes) < QUEUE_MAX:
            self._wishes.append((self._now(), wish))
            self._work.set()

    async def _watch(self) -> None:
        """Look at the modem while there is a bus, and find the bus again when it is gone."""
        backoff_ms = BACKOFF_MIN_MS
        while True:
            try:
                self._bus = await ManagerBus.connect(self._address, self._news.set)
                backoff_ms = BACKOFF_MIN_MS
                while True:
                    await self._look(self._bus)
                    await self._rest(self._settings.poll_interval_ms)
            except (BusGoneError, ManagerRefusedError, ManagerSilentError) as gone:
                self._lose(str(gone))
            finally:
                if self._bus is not None:
                    self._bus.close()
                    self._bus = None
            await asyncio.sleep(backoff_ms / 1000)
            backoff_ms = min(2 * backoff_ms, BACKOFF_MAX_MS)

    async def _rest(self, interval_ms: int) -> None:
        """Wait for news, which is let settle, or for the interval to pass."""
        try:
            async with asyncio.timeout(interval_ms / 1000):
                await self._news.wait()
            await asyncio.sleep(SETTLE_MS / 1000)
        except TimeoutError:
            return
        finally:
            self._news.clear()

    async def _look(self, bus: ManagerBus) -> None:
        """Tell what is so now. Raises BusGoneError."""
        try:
            found = state.find(await bus.objects(), self._match)
            if isinstance(found, str):
                self._lose(found)
                return
            found = replace(found, bearers=await self._bearers(bus, found))
            if self._found is not None and self._found.path != found.path:
                self._forget()
            self._found = found
            self._work.set()
            if (reason := state.trouble(found) or self._care.trouble) is not None:
                self._tell_lost(reason)
                return
            self._tell(state.reading(found))
            await self._mailbox.read(bus, found, self._now())
        except ManagerRefusedError as error:
            self._lose(f"ModemManager does not answer: {error}")
        except ManagerSilentError as error:
            self._lose(str(error))

    async def _bearers(self, bus: ManagerBus, found: Found) -> tuple[state.Properties, ...]:
        bearers = []
        for path in list(found.modem.get("Bearers") or ())[:BEARERS_MAX]:
            try:
                bearers.append(await bus.properties(path, BEARER))
            except ManagerRefusedError:
                continue  # gone since
        return tuple(bearers)

    def _tell(self, reading: ModemReading) -> None:
        now = self._now()
        if (
            reading != self._told
            or self._lost is not None
            or now - self._told_at >= self._settings.poll_interval_ms
        ):
            self._lost, self._told, self._told_at = None, reading, now
            self._emit(reading)

    def _lose(self, reason: str) -> None:
        """The modem is gone, and with it what was known of it."""
        self._found = None
        self._forget()
        self._tell_lost(reason)

    def _forget(self) -> None:
        self._care.forget_modem()
        self._mailbox.forget_paths()

    def _tell_lost(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
            self._emit(ModemLost(reason))

    async def _serve(self) -> None:
        """Look after the modem and fulfil wishes, one after the other."""
        while True:
            self._work.clear()
            self._give_up()
            bus, found = self._bus, self._found
            if bus is not None and found is not None:
                try:
                    trouble_before = self._care.trouble
                    await self._care.tend(bus, found)
                    if self._care.trouble != trouble_before:
                        self._news.set()
                    if self._wishes:
                        await self._fulfil(bus, found, self._wishes.popleft()[1])
                        continue
                except BusGoneError:
                    self._news.set()
            await self._until_work()

    async def _until_work(self) -> None:
        due = [self._gatherer.wake_at(), self._wishes[0][0] + PATIENCE_MS if self._wishes else None]
        if self._found is not None:
            due.append(self._care.wake_at())
        until = min((moment for moment in due if moment is not None), default=None)
        delay_s = None if until is None else max(until - self._now(), SETTLE_MS) / 1000
        try:
            async with asyncio.timeout(delay_s):
                await self._work.wait()
        except TimeoutError:
            return

    async def _fulfil(self, bus: ManagerBus, found: Found, wish: _Wish) -> None:
        if wish == "reset":
            await self._care.climb(bus, found, "the kit asked for it")
        elif isinstance(wish, int):
            await self._care.use_sim(bus, found, wish)
        elif isinstance(wish, Outgoing):
            try:
                await self._mailbox.send(bus, found, wish)
            except BusGoneError as gone:
                self._fail(wish.tokens, str(gone), final=False)
                raise

    def _give_up(self) -> None:
        """Messages whose parts never came, and wishes that waited too long for a modem."""
        now = self._now()
        for unsendable in self._gatherer.expire(now):
            self._fail(unsendable.tokens, unsendable.reason, final=True)
        while self._wishes and now - self._wishes[0][0] >= PATIENCE_MS:
            _, wish = self._wishes.popleft()
            if isinstance(wish, Outgoing):
                why = self._lost or "ModemManager is busy"
                self._fail(wish.tokens, f"not sent within {PATIENCE_MS // 1000} s: {why}", final=False)

    def _fail(self, tokens: tuple[int, ...], reason: str, *, final: bool) -> None:
        for token in tokens:
            self._emit(SmsFailed(token, reason, final))
