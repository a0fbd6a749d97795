"""What a branch would run otherwise: aiomqtt with its defaults, as its documentation shows, until it holds a receipt.

    python -m tests.netlab.plain_client BRANCH HOST PORT

On standard input ``seal`` publishes the next tally, ``again`` begins a new session. Reports as half.py: ``ready`` each
time that the session stands, ``sealed`` (here: about to be published), ``publish``, ``receipt``, and ``broken``.
"""

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any, Final, NoReturn

import aiomqtt

from crypto import receipt, wire
from crypto.codec import sha256_hex
from crypto.errors import EvidenceError
from crypto.seal import seal_tally
from tests.crypto.election_fixture import ELECTION, seed_of
from tests.netlab.election import election
from tests.netlab.reports import say

INTERVAL_S: Final = 5  # between attempts, as in aiomqtt's documentation ("Reconnection")


class PlainClient:
    """One branch's client."""

    def __init__(self, branch: str, host: str, port: int) -> None:
        self._branch, self._host, self._port = branch, host, port
        self._owed: dict[str, tuple[int, bytes]] = {}
        self._seq = 0
        self._prev: str | None = None
        self._news = asyncio.Event()
        self.again = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with aiomqtt.Client(
                    self._host, self._port, identifier=f"plain-{self._branch}"
                ) as client:
                    await client.subscribe(wire.topic_receipt(ELECTION, self._branch))
                    say("ready")
                    await self._talk(client)
            except aiomqtt.MqttError as error:
                say("broken", reason=str(error))
                await asyncio.sleep(INTERVAL_S)

    def seal(self) -> None:
        """The next tally, to be published at once."""
        self._seq += 1
        who, asked = election(), time.monotonic()
        tally = who.signed_by_terminal(who.tally(self._branch, close_no=self._seq))
        data = seal_tally(
            who.submission(self._branch, close_no=self._seq, seq=self._seq, prev=self._prev),
            tally_envelope=tally,
            blind=seed_of(f"blind {self._seq}"),
            device_key=who.devices[who.loaded.branch(self._branch).device],
            manifest=who.loaded,
            ephemeral=seed_of(f"{self._branch} ephemeral {self._seq}"),
        )
        self._prev = sha256_hex(data)
        self._owed[self._prev] = (self._seq, data)
        say("sealed", seq=self._seq, asked=asked)
        self._news.set()

    async def _talk(self, client: aiomqtt.Client) -> None:
        """Until something fails, or a new session is wanted."""
        self.again.clear()
        parts: tuple[Coroutine[Any, Any, object], ...] = (
            self._publish(client),
            self._hear(client),
            self.again.wait(),
        )
        tasks = {asyncio.create_task(part) for part in parts}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _publish(self, client: aiomqtt.Client) -> NoReturn:
        sent: set[str] = set()
        while True:
            self._news.clear()
            for digest, (seq, data) in list(self._owed.items()):
                if digest not in sent:
                    say("publish", seq=seq, uplink="")
                    await client.publish(wire.topic_envelope(ELECTION, self._branch), data, qos=1)
                    sent.add(digest)
            await self._news.wait()

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            try:
                text = message.payload.decode()
                seq, data = self._owed[receipt.envelope_sha256_of(text)]
                loaded = election().loaded
                shown = receipt.verify(
                    text, data, log=loaded.log_verifier, policy=loaded.manifest.witness_policy
                )
            except (EvidenceError, KeyError):
                continue
            del self._owed[shown.envelope_sha256]
            say("receipt", seq=seq, grade=shown.grade, uplink="", index=shown.index)


async def serve(branch: str, host: str, port: str) -> None:
    """Until standard input ends."""
    client = PlainClient(branch, host, int(port))
    running = asyncio.create_task(client.run())
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line == b"seal\n":
            client.seal()
        else:
            client.again.set()
    running.cancel()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
