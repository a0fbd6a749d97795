"""One broker for all tests of uplinks."""

import asyncio
from collections.abc import Iterator

import pytest

from simulators.loopback.broker import MqttBroker


@pytest.fixture(scope="session")
def broker() -> Iterator[MqttBroker]:
    """A real broker. A test that wants to kill one makes one of its own."""
    made = MqttBroker()
    asyncio.run(made.start())
    yield made
    made.stop()
