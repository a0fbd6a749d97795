"""The machine's own resolver, asked in a thread that nobody waits for.

getaddrinfo(3) asks one name server after another, twice for 5 s, and cannot be told to end. In the threads that
all of asyncio shares, a few such questions would keep every other uplink from connecting, and a program from ending.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from functools import partial


def ask_system(host: str) -> asyncio.Future[list[str]]:
    """All addresses of a name, in the resolver's order; the outcome may be OSError or UnicodeError."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[list[str]] = loop.create_future()

    def ask() -> None:
        tell: Callable[[], None]
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
            tell = partial(outcome.set_result, list(addresses))
        except (OSError, UnicodeError) as error:
            tell = partial(outcome.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell)

    # Whoever asked may be gone when it answers: then an error is nobody's business.
    outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
    threading.Thread(target=ask, name=f"resolver-{host}", daemon=True).start()
    return outcome


async def addresses_of(host: str) -> list[str]:
    """As ``ask_system``, for whoever connects once in a while; an address is its own. Raises OSError, UnicodeError."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return [host]
    return await asyncio.shield(ask_system(host))
