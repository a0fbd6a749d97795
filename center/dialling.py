"""Connections to the broker, TLS and all, that can be given up at any time.

paho would connect in a thread that nothing ends: a program told to stop would wait for a broker that does not answer.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from center.broker_door import Door

DIAL_MAX_S: Final = 5.0  # seconds for all addresses, TLS included
ADDRESSES_MAX: Final = 8  # tried, one after another

Dial = Callable[[str, int, Door], Awaitable[tuple[socket.socket, str]]]
"""Connects to host and port; returns what to say of the certificate, too (``""``: nothing). Raises NoBrokerError."""


class NoBrokerError(Exception):
    """No connection could be made, or not to the broker that is meant: the message says why."""


async def dial(host: str, port: int, door: Door, *, wall_ms: Callable[[], int]) -> tuple[socket.socket, str]:
    """A ``Dial``. ``wall_ms``: the wall clock, by which certificates are judged."""
    loop = asyncio.get_running_loop()
    why = "no address"
    try:
        async with asyncio.timeout(DIAL_MAX_S) as limit:
            until = limit.when() or loop.time()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
            addresses = addresses[:ADDRESSES_MAX]
            for place, (family, address) in enumerate(addresses):
                share_s = (until - loop.time()) / (len(addresses) - place)
                try:
                    async with asyncio.timeout(share_s):
                        return await _connect(family, address, host, door, wall_ms)
                except TimeoutError:
                    why = f"{address[0]} does not answer"
                except OSError as error:
                    why = f"{address[0]}: {(error.strerror or str(error)).lower()}"
                except NoBrokerError as error:
                    why = f"{address[0]}: {error}"
    except TimeoutError:
        why = f"no answer within {DIAL_MAX_S:.0f} s"
    except OSError as error:
        why = f"no address: {(error.strerror or str(error)).lower()}"
    except ValueError as error:  # what no name can be
        why = f"no address: {error}"
    raise NoBrokerError(why)


async def _connect(
    family: int, address: tuple[object, ...], host: str, door: Door, wall_ms: Callable[[], int]
) -> tuple[socket.socket, str]:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, address)
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
