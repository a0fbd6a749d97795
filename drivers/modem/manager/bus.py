"""A thin line to ModemManager over D-Bus. The only file of the product that knows D-Bus.

By dbus-fast: maintained (Home Assistant depends on it), made for asyncio, no GLib; dbus-next, from which it was forked,
rests, dbus-python wants GLib's loop, and jeepney leaves reading and matching to its user.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

from dbus_fast import AuthError, BusType, InvalidAddressError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from drivers.modem.manager.state import SERVICE, Interfaces, Properties

ROOT: Final = "/org/freedesktop/ModemManager1"
CONNECT_TIMEOUT_MS: Final = 5_000  # a bus that does not greet by then counts as not there
CALL_TIMEOUT_MS: Final = 5_000  # for what ModemManager knows by heart
_DBUS: Final = "org.freedesktop.DBus"
_RULES: Final = (
    f"type='signal',sender='{SERVICE}'",
    f"type='signal',sender='{_DBUS}',interface='{_DBUS}',member='NameOwnerChanged',arg0='{SERVICE}'",
)


class BusGoneError(Exception):
    """The message bus is not there, or is there no longer."""


class ManagerRefusedError(Exception):
    """ModemManager, or the bus in its place, answered with an error; ``name`` is D-Bus's name of it."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{sentence} ({name.rpartition('.Error.')[2]})")
        self.name: Final = name


class ManagerSilentError(Exception):
    """ModemManager did not answer in time."""


class ManagerBus:
    """One connection to the bus. ``connect`` makes it; ``closed`` tells when it is over."""

    def __init__(self, bus: MessageBus, on_news: Callable[[], None]) -> None:
        self._bus: Final = bus
        self._on_news: Final = on_news
        self._over: Final = asyncio.create_task(self._wait_until_over())
        bus.add_message_handler(self._on_message)

    @classmethod
    async def connect(cls, address: str | None, on_news: Callable[[], None]) -> Self:
        """Connect to the bus at ``address`` (None: the system's), and listen to ModemManager.

        Args:
            address: as in DBUS_SYSTEM_BUS_ADDRESS.
            on_news: is called for every signal of ModemManager's, when it comes or goes, and when the bus is gone.

        Raises:
            BusGoneError: nothing answers there.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_MS / 1000):
                bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM).connect()
        except (OSError, EOFError, AuthError, InvalidAddressError, TimeoutError) as gone:
            where = "the system bus" if address is None else f"the bus at {address}"
            raise BusGoneError(f"{where} is not there ({gone}): is dbus-daemon running?") from gone
        self = cls(bus, on_news)
        try:
            for rule in _RULES:
                await self._call(
                    _DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", (rule,), CALL_TIMEOUT_MS
                )
        except BaseException:
            self.close()
            raise
        return self

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self._over.done()

    def close(self) -> None:
        """Let go of the bus. Idempotent."""
        self._over.cancel()
        self._bus.disconnect()

    async def objects(self) -> Mapping[str, Interfaces]:
        """All modems, by their paths. Raises as ``call``."""
        objects: Mapping[str, Interfaces] = await self.call(
            ROOT, f"{_DBUS}.ObjectManager", "GetManagedObjects"
        )
        return objects

    async def properties(self, path: str, interface: str) -> Properties:
        """All properties of one interface of an object. Raises as ``call``."""
        properties: Properties = await self.call(path, f"{_DBUS}.Properties", "GetAll", "s", (interface,))
        return properties

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        timeout_ms: int = CALL_TIMEOUT_MS,
    ) -> Any:
        """Call a method of ModemManager; returns what it answers first, without D-Bus's wrappings.

        Raises:
            ManagerRefusedError: it said no, or is not running.
            ManagerSilentError: it said nothing within ``timeout_ms``.
            BusGoneError: the connection is over.
        """
        return await self._call(SERVICE, path, interface, member, signature, body, timeout_ms)

    async def _call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: Sequence[Any],
        timeout_ms: int,
    ) -> Any:
        if self.closed or not self._bus.connected:
            raise BusGoneError("the message bus is gone")
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        call = asyncio.ensure_future(self._bus.call(message))
        try:
            await asyncio.wait(
                (call, self._over), timeout=timeout_ms / 1000, return_when=asyncio.FIRST_COMPLETED
            )
            if self.closed:
                raise BusGoneError("the message bus is gone")
            if not call.done():
                raise ManagerSilentError(f"ModemManager did not answer {member} within {timeout_ms} ms")
            reply = call.result()
        except (OSError, EOFError) as gone:
            raise BusGoneError(f"the message bus is gone ({gone})") from gone
        finally:
            call.cancel()
            call.add_done_callback(_look_away)
        if reply is None:
            raise BusGoneError("the message bus is gone")
        if reply.message_type is MessageType.ERROR:
            sentence = str(reply.body[0]) if reply.body else "no reason given"
            raise ManagerRefusedError(reply.error_name or "", sentence)
        return _plain(reply.body[0]) if reply.body else None

    async def _wait_until_over(self) -> None:
        with contextlib.suppress(Exception):  # whatever ended it, it is over
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        self._on_news()

    def _on_message(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member != "NameAcquired":
            self._on_news()


def options(**values: tuple[str, Any]) -> dict[str, Variant]:
    """A dictionary ``a{sv}`` for a call: signature and value of every entry; ``_`` in names stands for ``-``."""
    return {name.replace("_", "-"): Variant(signature, value) for name, (signature, value) in values.items()}


def _look_away(call: asyncio.Future[Any]) -> None:
    """What became of a call that nobody waits for any more is no news."""
    if not call.cancelled():
        call.exception()


def _plain(value: Any) -> Any:
    """A value without its Variants, at any depth (D-Bus permits 64 levels)."""
    if isinstance(value, Variant):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
