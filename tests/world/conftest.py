"""Quiet worlds, and worlds with faults as thick as in the worst hour."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from simulators.world import swarm
from simulators.world.quiet import hush


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Worlds hush loggers for good; the tests after them want theirs back."""
    structlog_before = structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in ("mqtt", "asyncio")}
    hush()
    yield
    structlog.configure(**structlog_before)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def thick_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swarm, "CALM_MEAN_S", 90.0)
    monkeypatch.setattr(swarm, "CENTRAL_MEAN_S", 400.0)
