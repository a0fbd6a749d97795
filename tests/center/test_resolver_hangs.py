"""The machine's resolver asks name servers that are silent: whoever connects by name still ends when told to."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from center import dialling
from center.broker_door import IN_THE_CLEAR
from center.dialling import Dialler, NoBrokerError
from center.witness.http import ask
from center.witness.witness import Request
from drivers.fibre.oid_map import OidMap
from drivers.fibre.settings import OntSettings
from drivers.fibre.snmp import SnmpOnt
from drivers.tcp import connect
from tests.hanging_resolver import HangingResolver
from tests.peers.kit_edge import until

HANGS_S = 5.0
NAME = "broker.example"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingResolver]:
    made = HangingResolver(HANGS_S, "127.0.0.1", 1)  # where nobody listens
    monkeypatch.setattr(socket, "getaddrinfo", made)
    monkeypatch.setattr(dialling, "DIAL_MAX_S", 0.05)
    yield made
    made.go.set()


def clock() -> int:
    return 0


CALLS: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
    "broker": lambda: Dialler(clock)(NAME, 8883, IN_THE_CLEAR),
    "witness": lambda: ask(f"https://{NAME}/", Request(0, (), "a checkpoint")),
    "device": lambda: connect(NAME, 3493),
    "ONT": lambda: SnmpOnt(OntSettings(NAME, OidMap())).get(("1.3.6.1",)),
}


@pytest.mark.parametrize("whom", CALLS)
def test_program_that_is_told_to_end_waits_for_the_resolver(resolver: HangingResolver, whom: str) -> None:
    async def dial_and_end() -> None:
        dial = asyncio.create_task(CALLS[whom]())
        await until(lambda: resolver.asked == 1)
        dial.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dial

    began = time.monotonic()
    asyncio.run(dial_and_end())
    assert time.monotonic() - began < HANGS_S / 2


async def test_each_attempt_leaves_a_thread_that_asks(resolver: HangingResolver) -> None:
    dial = Dialler(clock)
    for _ in range(4):
        with pytest.raises(NoBrokerError, match="no answer within"):
            await dial(NAME, 1, IN_THE_CLEAR)
    assert resolver.asked == 1
    resolver.go.set()
    with pytest.raises(NoBrokerError, match=r"127\.0\.0\.1"):  # what was said late is taken
        await dial(NAME, 1, IN_THE_CLEAR)
    with pytest.raises(NoBrokerError, match=r"127\.0\.0\.1"):
        await dial(NAME, 1, IN_THE_CLEAR)
    assert resolver.asked == 2, "an old answer was taken for ever"
