"""Connections to the broker, TLS and all, that can be given up at any time.

paho would connect in a thread that nothing ends: a program told to stop would wait for a broker that does not answer.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from center.broker_door import Door
from drivers.system_resolver import ask_system

DIAL_MAX_S: Final = 5.0  # seconds for all addresses, TLS included
ADDRESSES_MAX: Final = 8  # tried, one after another

Dial = Callable[[str, int, Door], Awaitable[tuple[socket.socket, str]]]
"""Connects to host and port; returns what to say of the certificate, too (``""``: nothing). Raises NoBrokerError."""


class NoBrokerError(Exception):
    """No connection could be made, or not to the broker that is meant: the message says why."""


class Dialler:
    """A ``Dial``. ``wall_ms``: the wall clock, by which certificates are judged.

    The machine's resolver cannot be told to end: one question is out at a time, and what it says late is taken then.
    """

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._asked: tuple[str, asyncio.Future[list[str]]] | None = None

    async def __call__(self, host: str, port: int, door: Door) -> tuple[socket.socket, str]:
        """Connect, within DIAL_MAX_S; raises NoBrokerError."""
        loop = asyncio.get_running_loop()
        why = "no address"
        try:
            async with asyncio.timeout(DIAL_MAX_S) as limit:
                until = limit.when() or loop.time()
                addresses = (await self._resolve(host))[:ADDRESSES_MAX]
                for place, address in enumerate(addresses):
                    share_s = (until - loop.time()) / (len(addresses) - place)
                    try:
                        async with asyncio.timeout(share_s):
                            return await _connect(address, port, host, door, self._wall_ms)
                    except TimeoutError:
                        why = f"{address} does not answer"
                    except OSError as error:
                        why = f"{address}: {(error.strerror or str(error)).lower()}"
                    except NoBrokerError as error:
                        why = f"{address}: {error}"
        except TimeoutError:
            why = f"no answer within {DIAL_MAX_S:.0f} s"
        except OSError as error:
            why = f"no address: {(error.strerror or str(error)).lower()}"
        except ValueError as error:  # what no name can be
            why = f"no address: {error}"
        raise NoBrokerError(why)

    async def _resolve(self, host: str) -> list[str]:
        if self._asked is None or self._asked[0] != host:
            self._asked = (host, ask_system(host))
        asked = self._asked[1]
        try:
            return await asyncio.shield(asked)
        finally:
            if asked.done():
                self._asked = None


async def _connect(
    address: str, port: int, host: str, door: Door, wall_ms: Callable[[], int]
) -> tuple[socket.socket, str]:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
        if door.tls is None:
            return made, ""
        from drivers.tls import UntrustedError, handshake  # noqa: PLC0415 - only where there is TLS

        try:
            return await handshake(made, door.tls, host, wall_ms())
        except UntrustedError as error:
            raise NoBrokerError(str(error)) from error
    except BaseException:
        made.close()
        raise
