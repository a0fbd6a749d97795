"""A program of a user's own that holds the routing of one uplink: ``python -m tests.peers.routes_program INTERFACE``.

It prints a line of JSON for all that is told and said, and ends as a daemon does at SIGTERM.
"""

import asyncio
import json
import signal
import socket
import sys
import time

from failover.events import PathChanged
from failover.routing.shell import Routes
from failover.routing.spec import UplinkSpec


async def main(interface: str) -> None:
    def told(event: PathChanged) -> None:
        path = event.path
        _print(table=None if path is None else path.table, sources=path and path.sources, reason=event.reason)
        if path is not None:
            with socket.socket() as bound:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, path.interface.encode())
            _print(bound=path.interface)

    spec = UplinkSpec("fibre", "name", interface, "auto", 7_101, 0)
    routes = Routes([spec], lambda: time.monotonic_ns() // 1_000_000, told, lambda words: _print(said=words))
    task = asyncio.create_task(routes.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.gather(task, return_exceptions=True)
    _print(ended=True)


def _print(**words: object) -> None:
    print(json.dumps(words), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
