"""Logs of a world: into the trace, and to nobody else unless asked."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from simulators.virtual.loop import VirtualLoop


class NodeLog:
    """kit.log.Log of one node. What is logged is part of the trace: two runs of a seed log the same."""

    def __init__(self, loop: VirtualLoop, node: str, *, verbose: bool) -> None:
        self._loop, self._node, self._verbose = loop, node, verbose

    def info(self, event: str, **fields: Any) -> None:
        """Trace, and print if asked."""
        self._line("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """As info."""
        self._line("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """As info."""
        self._line("error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """As info."""
        self._line("error", event, fields)

    def _line(self, level: str, event: str, fields: dict[str, Any]) -> None:
        text = f"{level} {event} {' '.join(f'{key}={fields[key]}' for key in sorted(fields))}"
        self._loop.trace.event(self._loop.time(), self._node, "log", text.encode())
        if self._verbose:
            sys.stderr.write(f"{self._loop.time():12.3f} {self._node} {text}\n")


def hush() -> None:
    """Silence what logs by itself: structlog in the centre, logging in aiomqtt and asyncio."""

    def drop(_logger: Any, _name: str, _event: MutableMapping[str, Any]) -> str:
        raise structlog.DropEvent

    structlog.configure(processors=[drop], cache_logger_on_first_use=False)
    for name in ("mqtt", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
