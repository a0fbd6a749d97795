"""Structured logs: one JSON object a line on standard error. Never a count of votes, never an event's payload."""

import logging
import sys
from typing import Any, Protocol

import structlog


class Log(Protocol):
    """What the shells need of a logger."""

    def info(self, event: str, **fields: Any) -> Any:
        """Something that happened."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Something that a technician should look at."""

    def error(self, event: str, **fields: Any) -> Any:
        """Something that stops the kit from doing its work."""

    def exception(self, event: str, **fields: Any) -> Any:
        """As error, with the traceback of the exception being handled."""


def setup(level: str = "info") -> Log:
    """A daemon's logger. Nothing global is changed: the logger writes to what standard error is now."""
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)  # aiomqtt repeats what our own events say
    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    return log
