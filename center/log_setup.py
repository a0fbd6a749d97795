"""Logs of the centre: one JSON object a line on stderr, from structlog and from libraries alike."""

import logging
import sys
from typing import Final

import structlog

_SHARED: Final[tuple[structlog.typing.Processor, ...]] = (
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.dict_tracebacks,
)


def configure() -> None:
    """Send all logs to stderr as JSON. Call once, before the first log line."""
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer(ensure_ascii=False)],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)  # aiomqtt repeats what our own events say
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
