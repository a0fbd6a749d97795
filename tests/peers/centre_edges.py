"""The two edges of the centre's programs to a broker, as tests hold them: what they said, whether they stand."""

import asyncio
import time
from typing import Any, Protocol

import structlog

from center.broker_door import Door
from center.dialling import Dialler
from center.mqtt import MqttSession
from center.ports import SessionSettings
from center.sms.broker import SmsBroker
from crypto.wire import topic_all_envelopes
from tests.crypto.election_fixture import ELECTION
from tests.peers.mosquitto import HOST

DIAL = Dialler(lambda: time.time_ns() // 1_000_000)


class CentreEdge(Protocol):
    """One of them."""

    stands: bool

    async def run(self) -> None:
        """Until cancelled."""

    def said(self) -> str:
        """All of it."""


class CenterdEdge:
    """centerd's."""

    def __init__(self, port: int, door: Door, host: str = HOST) -> None:
        settings = SessionSettings(host, port, "centerd", topic_all_envelopes(ELECTION), None, door)
        self.session = MqttSession(settings, lambda _: True, DIAL)
        self._lines: list[dict[str, Any]] = []

    async def run(self) -> None:
        with structlog.testing.capture_logs() as self._lines:  # type: ignore[assignment]
            await self.session.run()

    @property
    def stands(self) -> bool:
        return any(line["event"] == "broker-connected" for line in self._lines)

    def said(self) -> str:
        return "\n".join(str(line) for line in self._lines)


class SmsEdge:
    """The SMS gateway's."""

    def __init__(self, port: int, door: Door, host: str = HOST) -> None:
        self.stands = False
        self._words: list[str] = []
        nothing = lambda *_: None  # noqa: E731 - as short as it is
        self.broker = SmsBroker(
            host,
            port,
            "center-sms",
            ELECTION,
            heard=nothing,
            refused=nothing,
            signed=nothing,
            connected=self._connected,
            say=self._words.append,
            door=door,
            dial=DIAL,
        )

    async def run(self) -> None:
        await self.broker.run()

    def said(self) -> str:
        return "\n".join(self._words)

    def _connected(self, up: bool) -> None:
        self.stands = up


EDGES = {"centerd": CenterdEdge, "sms": SmsEdge}


async def end(running: "asyncio.Task[None]", within_s: float = 2.0) -> None:
    """Cancel it once; it must end by that."""
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=within_s)
    assert done, "it goes on though it was cancelled"
