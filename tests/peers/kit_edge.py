"""A branch without its cores: the real uplink edge, everything it said, and the least that an outbox must do."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Self, TypeVar

import structlog

from crypto import receipt
from crypto.codec import sha256_hex
from failover.events import ProbeEchoed, UplinkConnected, UplinkLost
from failover.path import Path
from kit.events import Event, ReceiptHeard, UplinkNoticed
from kit.log import Log
from kit.uplinks.gateway import Gateway
from kit.uplinks.uplinks import MqttUplinks
from tests.crypto.election_fixture import ELECTION, Election
from tests.peers.mosquitto import HOST

PATIENCE_S = 10.0
CONNECT_MS = 2_000
_SILENT: Log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[])  # whatever others configured
E = TypeVar("E", bound=Event)


async def until(reached: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until ``reached``; TimeoutError when it does not come."""
    async with asyncio.timeout(patience_s):
        while not reached():  # noqa: ASYNC110 - neither a broker's log nor an edge tells anybody
            await asyncio.sleep(0.01)


class KitEdge:
    """``kit.uplinks.uplinks.MqttUplinks`` of one branch; use as ``async with``."""

    def __init__(
        self,
        port: int,
        branch: str = "branch-1",
        uplinks: Sequence[str] = ("fibre",),
        gateway: Gateway | None = None,
    ) -> None:
        """``gateway``: the way of all uplinks; None: to ``port`` on this machine."""
        self.branch = branch
        self.events: list[Event] = []
        gateways = {uplink: gateway or Gateway(HOST, port) for uplink in uplinks}
        self.uplinks = MqttUplinks(
            gateways,
            election=ELECTION,
            branch=branch,
            post=self.events.append,
            log=_SILENT,
            wall_ms=lambda: time.time_ns() // 1_000_000,
        )
        self._nonce = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.uplinks.close()

    def heard(self, kind: type[E]) -> list[E]:
        """All events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def next(self, kind: type[E], patience_s: float = PATIENCE_S) -> E:
        """Wait for one more event of a kind than there was."""
        count = len(self.heard(kind))
        await until(lambda: len(self.heard(kind)) > count, patience_s)
        return self.heard(kind)[count]

    async def connect(self, uplink: str = "fibre") -> None:
        """Until it stands; an edge that says that it failed is asked again, as failover would."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                before = len(self.events)
                self.uplinks.connect(uplink, CONNECT_MS)
                while not await self._connected(uplink, before):
                    before = len(self.events)
                    self.uplinks.connect(uplink, CONNECT_MS)
        except TimeoutError as late:
            late.add_note(f"the edge said: {self.events[-3:]}")
            raise

    async def outcome(
        self, deadline_ms: int = CONNECT_MS, path: Path | None = None
    ) -> UplinkConnected | UplinkLost:
        """One try to connect the first uplink; what became of it."""
        count = len(self._outcomes())
        self.uplinks.connect("fibre", deadline_ms, path)
        await until(lambda: len(self._outcomes()) > count)
        return self._outcomes()[count]

    def notices(self) -> dict[str, str]:
        """What is odd about the uplinks at present."""
        told = {event.about: event.words for event in self.heard(UplinkNoticed)}
        return {about: words for about, words in told.items() if words}

    def _outcomes(self) -> list[UplinkConnected | UplinkLost]:
        return [event for event in self.events if isinstance(event, UplinkConnected | UplinkLost)]

    async def probe(self, uplink: str = "fibre") -> None:
        """Send a probe and wait for its echo."""
        self._nonce += 1
        wanted = ProbeEchoed(uplink, self._nonce)
        self.uplinks.probe(uplink, self._nonce)
        await until(lambda: wanted in self.events)

    def stands(self, uplink: str, since: int = 0) -> bool | None:
        """What the edge last said of an uplink, or None."""
        said = [
            isinstance(event, UplinkConnected)
            for event in self.events[since:]
            if isinstance(event, UplinkConnected | UplinkLost) and event.uplink == uplink
        ]
        return said[-1] if said else None

    async def _connected(self, uplink: str, since: int) -> bool:
        await until(lambda: self.stands(uplink, since) is not None)
        return self.stands(uplink, since) is True


class Kit(KitEdge):
    """An edge with envelopes, each sent again until its receipt is held and verified."""

    def __init__(
        self,
        election: Election,
        port: int,
        branch: str,
        envelopes: Sequence[bytes],
        uplinks: Sequence[str] = ("fibre",),
    ) -> None:
        super().__init__(port, branch, uplinks)
        self.envelopes, self._names = tuple(envelopes), tuple(uplinks)
        self._manifest = election.loaded
        self._by_hash = {sha256_hex(data): data for data in envelopes}

    def receipts(self) -> list[receipt.Receipt]:
        """Every receipt ever heard, verified."""
        return [self._verified(event.text) for event in self.heard(ReceiptHeard)]

    def owed(self) -> list[bytes]:
        """Envelopes without a verified receipt."""
        held = {shown.envelope_sha256 for shown in self.receipts()}
        return [data for digest, data in self._by_hash.items() if digest not in held]

    def send(self) -> None:
        """Publish what is owed on every uplink, connected or not."""
        for data in self.owed():
            for uplink in self._names:
                self.uplinks.publish(uplink, data)

    async def deliver(self, pause_s: float = 0.3) -> None:
        """Connect, and connect again when it breaks; publish again and again; until nothing is owed."""
        async with asyncio.timeout(3 * PATIENCE_S):
            while self.owed():
                for uplink in self._names:
                    if not self.stands(uplink):
                        await self.connect(uplink)
                self.send()
                await asyncio.sleep(pause_s)

    def _verified(self, text: str) -> receipt.Receipt:
        data = self._by_hash[receipt.envelope_sha256_of(text)]
        policy = self._manifest.manifest.witness_policy
        return receipt.verify(text, data, log=self._manifest.log_verifier, policy=policy)
