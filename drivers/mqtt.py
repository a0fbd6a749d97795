"""A client of MQTT whose every connection ends where its owner ends it: aiomqtt 2.5 over paho 2, mended (ADR 6).

What they leave undone, and what is done here instead:

- A socket is given to the event loop some turns after it was opened or wanted to write. Closed by then, its number may
  be another's, which then writes no more, while the loop turns idle: it is given only while it is the client's own.
- A broker that takes us and hangs up in one breath looks like a session that stands, and never ends.
- One that hangs up before its first word is waited for in vain.
- A connect that was given up, and a session whose end was not answered, keep their sockets.
- Connecting runs in a thread that nothing can end, one of a few: a connection that stands already needs none, for
  where others wait for a resolver that hangs, there is none left.
- What waits for an answer in a session that ended waits until its time is up, and swallows a cancellation that comes as
  the answer does (asyncio.wait_for of Python 3.11).
- Packets of up to 256 MiB are taken in before anything looks at them.
"""

import asyncio
import math
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import aiomqtt

from drivers.tls_alerts import alert_words

QOS_REFUSED: Final = 0x80  # and above: return codes of a SUBACK (MQTT 3.1.1 §3.9.3)
WORDS_MAX: Final = 100  # characters of what the kernel says of a connection that ended
_T = TypeVar("_T")
_REFUSED_US: Final = (134, 135)  # what paho makes of a CONNACK's 4 and 5 (MQTT 3.1.1 §3.2.2.3)
_SOCKET_ERROR: Final = re.compile(r"(?:timeout|failed to receive) on socket: (?:\[Errno -?\d+\] )?(.+)")
"""What paho logs of it."""


class Client(aiomqtt.Client):
    """Use ``enter`` and ``leave`` (or ``kill``), once each; no "async with", whose end may raise and swallow.

    ``packet_max``: bytes of the greatest packet that is taken in. Other arguments: those of aiomqtt.
    """

    def __init__(self, *arguments: Any, packet_max: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ended = "the connection ended"
        """Why, once it has."""
        self._given_up = False
        self._client.on_log = self._paho_says  # nothing else tells what the kernel said
        vars(self._client)["_sock_recv"] = _bounded(self._client._sock_recv, packet_max)

    @property
    def connection(self) -> Any:
        """The socket, or None."""
        return self._client.socket()

    async def enter(self, connection: socket.socket | None = None) -> None:
        """Up to the broker's word that we are welcome; ``timeout`` seconds at most.

        ``connection``: one that stands, TLS and all; ours from now on, whatever happens. None: one is made by paho.

        Raises:
            aiomqtt.MqttError: no session.
            ValueError: no host can be called so.
        """
        if connection is not None and self._given_up:
            connection.close()
        elif connection is not None:
            self._stand_on(connection)
        if self._given_up:
            raise aiomqtt.MqttError("given up")
        await (self.__aenter__() if connection is None else self._await_welcome())
        if self.connection is None:  # and aiomqtt has forgotten that it ended
            raise aiomqtt.MqttError(self.ended)

    async def leave(self, timeout_s: float) -> None:
        """Say good-bye where there is a session, and let go of everything. Never raises MqttError or OSError."""
        self.timeout = timeout_s
        try:
            if self.connection is not None and self._welcome():
                await self.__aexit__(None, None, None)
        except (aiomqtt.MqttError, OSError):
            pass
        finally:
            self.kill()

    def _welcome(self) -> bool:
        """Whether the broker has let us in."""
        done = self._connected.done() and not self._connected.cancelled()
        return done and self._connected.exception() is None

    def kill(self) -> None:
        """Let go of the connection at once. Idempotent."""
        self._client._sock_close()
        self._look()

    def give_up(self) -> None:
        """Come in no more, where the broker has not let us in: ``enter`` ends. It would throw out who came after us."""
        if not self._connected.done():
            self._given_up = True
            self._connected.set_exception(aiomqtt.MqttError("given up"))
            self.kill()

    async def _wait_for(self, fut: Awaitable[_T], timeout: float | None) -> _T:  # noqa: ASYNC109 - aiomqtt's own
        answer = asyncio.ensure_future(fut)
        seconds = self.timeout if timeout is None else timeout
        try:
            await asyncio.wait(
                (answer, self._disconnected),
                timeout=None if seconds == math.inf else seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return answer.result()
        finally:
            if answer is not fut:  # else somebody else's, who may still look at it
                answer.cancel()
        raise aiomqtt.MqttError(self.ended if self._disconnected.done() else "Operation timed out")

    def _look(self) -> None:
        """At how it ended, or asyncio complains that nobody did."""
        for future in (self._connected, self._disconnected):
            if future.done() and not future.cancelled():
                future.exception()

    def _stand_on(self, connection: socket.socket) -> None:
        vars(self._client)["_create_socket_connection"] = lambda: connection
        try:
            for option in self._socket_options:
                connection.setsockopt(*option)
            self._client_connect()
        except OSError as error:
            connection.close()
            raise aiomqtt.MqttError(str(error)) from error
        except BaseException:
            connection.close()
            raise

    async def _await_welcome(self) -> None:
        """As the second half of aiomqtt's ``__aenter__``."""
        await self._lock.acquire()
        try:
            await self._wait_for(self._connected, timeout=None)
        except BaseException:
            self._lock.release()
            raise

    def _on_disconnect(self, *what: Any) -> None:
        super()._on_disconnect(*what)
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(f"{self.ended} before the broker answered"))
        self._look()  # now: aiomqtt may put another future in its place

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, *what: Any) -> None:
        if (
            mid in self._pending_subscribes
        ):  # else nobody waits any more, or ever did: no traceback in the log
            super()._on_subscribe(client, userdata, mid, *what)

    def _on_unsubscribe(self, client: Any, userdata: Any, mid: int, *what: Any) -> None:
        if mid in self._pending_unsubscribes:
            super()._on_unsubscribe(client, userdata, mid, *what)

    def _paho_says(self, _client: object, _userdata: object, _level: object, words: str) -> None:
        told = _SOCKET_ERROR.match(words)
        if told is not None:
            self.ended = alert_words(words) or f"the connection ended: {told[1][:WORDS_MAX].lower()}"

    # --- sockets; paho says these things from the thread that connects, too ---

    def _on_socket_open(self, _client: object, _userdata: object, sock: Any) -> None:
        self._soon(sock, self._heed)

    def _on_socket_register_write(self, _client: object, _userdata: object, sock: Any) -> None:
        self._soon(sock, self._heed_writable)

    def _soon(self, sock: Any, do: Callable[[Any], None]) -> None:
        """From the event loop, if the socket is still ours by then."""

        def heed() -> None:
            if self.connection is not sock:
                return
            if self._given_up:  # while a thread connected
                self.kill()
            else:
                do(sock)

        self._loop.call_soon_threadsafe(heed)

    def _heed(self, sock: Any) -> None:
        self._loop.add_reader(sock.fileno(), self._readable, sock)
        self._misc_task = self._loop.create_task(self._misc_loop())

    def _heed_writable(self, sock: Any) -> None:
        if self._client._registered_write:
            self._loop.add_writer(sock.fileno(), self._writable)

    def _readable(self, sock: Any) -> None:
        try:
            self._client.loop_read()
            while self.connection is sock and hasattr(sock, "pending") and sock.pending() > 0:
                self._client.loop_read()  # TLS has decrypted more than was asked for
        except Exception as error:  # noqa: BLE001 - whatever it is, the session is broken
            self._break(error)

    def _writable(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 - as above
            self._break(error)

    def _break(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)
        self._look()


def refused(granted: Iterable[Any]) -> list[int]:
    """Which of the topics of a SUBSCRIBE the broker refuses, by what aiomqtt returns: their places, from 0."""
    codes = [getattr(code, "value", code) for code in granted]
    return [place for place, code in enumerate(codes) if code >= QOS_REFUSED]


def words_of(error: Exception, client_id: str) -> str:
    """Why there is no session, and what to do where the broker says that it does not want us."""
    code = getattr(error, "rc", None)
    if isinstance(error, aiomqtt.MqttCodeError) and getattr(code, "value", None) in _REFUSED_US:
        return (
            f"the broker refuses us ({code}): check username and password_file, "
            f"and whether client {client_id} may connect there"
        )
    return str(error) or type(error).__name__


def _bounded(receive: Callable[[int], bytes], size_max: int) -> Callable[[int], bytes]:
    def bounded(size: int) -> bytes:
        if size > size_max:
            raise ConnectionAbortedError(f"a packet of {size} bytes, and {size_max} are the most")
        return bytes(receive(size))

    return bounded
