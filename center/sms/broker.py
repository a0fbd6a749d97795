"""The gateway's edge to the broker: envelopes go to centerd on narrow topics, and what it answers is heard."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

import aiomqtt
import msgspec

from center.broker_door import IN_THE_CLEAR, Door
from center.dialling import Dial, NoBrokerError
from center.sms.port import Say
from crypto.sms_missing import MISSING_OCTETS_MAX
from crypto.wire import (
    branch_of_topic,
    topic_missing_parts,
    topic_missing_parts_signed,
    topic_narrow_envelope,
    topic_receipt,
    topic_refusal,
)
from drivers.cancelled import end_if_cancelled
from drivers.mqtt import Client, refused, words_of

KEEPALIVE_S: Final = 15
TIMEOUT_S: Final = 5.0  # seconds: connect, subscribe, publish
BACKOFF_MIN_S: Final = 0.25
BACKOFF_MAX_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 0.5  # a polite end of a session
QUEUE_MAX: Final = 256  # things to do that wait for the broker; what finds no room is asked for again
ANSWER_MAX: Final = 16 * 1024  # bytes of an answer that are read
PACKET_MAX: Final = 64 * 1024  # bytes of one packet of the broker: an answer and its topic, with room
REASON_MAX: Final = 300  # characters


class _Refusal(msgspec.Struct, frozen=True):
    envelope_sha256: str
    reason: str


class SmsBroker:
    """One session, which comes back by itself. Topics of a branch are subscribed while an answer is awaited.

    Args:
        host: of the broker.
        port: 1 to 65535.
        client_id: ours there, unlike centerd's.
        election: whose topics.
        heard: takes what was published as a receipt of a branch.
        refused: takes what was published as a refusal: the envelope's hash and the reason.
        signed: takes what was published as a signed request for missing parts.
        connected: hears when a session stands (True) and when it is lost.
        say: tells people.
        door: what the broker wants to see.
        dial: makes the connections; None: paho does, without TLS.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        election: str,
        *,
        heard: Callable[[str], None],
        refused: Callable[[str, str], None],
        signed: Callable[[bytes], None],
        connected: Callable[[bool], None],
        say: Say,
        door: Door = IN_THE_CLEAR,
        dial: Dial | None = None,
    ) -> None:
        self._host: Final = host
        self._port: Final = port
        self._client_id: Final = client_id
        self._election: Final = election
        self._heard: Final = heard
        self._refused: Final = refused
        self._signed: Final = signed
        self._connected: Final = connected
        self._say: Final = say
        self._door: Final = door
        self._dial: Final = dial
        self._work: asyncio.Queue[tuple[str | None, bytes | None]] = asyncio.Queue(QUEUE_MAX)
        self._lost_words = ""
        self._certificate_words = ""

    async def run(self) -> None:
        """Hold the session up until cancelled; never returns by itself."""
        pause_s = BACKOFF_MIN_S
        while True:
            self._work = asyncio.Queue(QUEUE_MAX)
            client = self._new_client()
            try:
                await client.enter(await self._connection())
                end_if_cancelled()
                pause_s = BACKOFF_MIN_S
                self._lost_words = ""
                self._say(f"broker {self._host}:{self._port}: connected")
                self._connected(True)
                await self._serve(client)
            except (aiomqtt.MqttError, NoBrokerError) as error:
                why = words_of(error, self._client_id)
                words = f"broker {self._host}:{self._port}: {why}: envelopes wait in the folder"
                if words != self._lost_words:
                    self._lost_words = words
                    self._say(words)
            finally:
                await client.leave(CLOSE_TIMEOUT_S)
            end_if_cancelled()
            self._connected(False)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, BACKOFF_MAX_S)

    def _new_client(self) -> Client:
        return Client(
            self._host,
            self._port,
            identifier=self._client_id,
            username=self._door.username,
            password=self._door.password,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            packet_max=PACKET_MAX,
        )

    async def _connection(self) -> socket.socket | None:
        """Raises NoBrokerError."""
        if self._dial is None:
            return None
        connection, words = await self._dial(self._host, self._port, self._door)
        if words != self._certificate_words:
            self._certificate_words = words
            self._say(f"broker {self._host}:{self._port}: {words or 'its certificate is in its time again'}")
        return connection

    def submit(self, branch: str, envelope: bytes) -> None:
        """Give an envelope to centerd, when there is a session."""
        self._put(branch, envelope)

    def forgo(self, branch: str) -> None:
        """Listen to a branch's topics no longer."""
        self._put(branch, None)

    def wish(self, wish: bytes) -> None:
        """Ask the log to sign a request for missing parts, when there is a session."""
        self._put(None, wish)

    def _put(self, branch: str | None, data: bytes | None) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._work.put_nowait((branch, data))

    async def _serve(self, client: Client) -> None:
        """One session, until it is lost; raises MqttError."""
        working = asyncio.create_task(self._give(client))
        listening = asyncio.create_task(self._listen(client))
        try:
            done, _ = await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (working, listening):
                task.cancel()
            await asyncio.gather(working, listening, return_exceptions=True)

    async def _give(self, client: Client) -> None:
        subscribed: set[str] = set()
        await self._listen_for_requests(client)
        while True:
            end_if_cancelled()
            branch, envelope = await self._work.get()
            if branch is None:
                await client.publish(topic_missing_parts(self._election), envelope, qos=0)
                continue
            topics = [topic_receipt(self._election, branch), topic_refusal(self._election, branch)]
            if envelope is None:
                if branch in subscribed:
                    subscribed.discard(branch)
                    for topic in topics:  # one at a time: rumqttd answers once for each topic
                        await client.unsubscribe(topic)
                continue
            if branch not in subscribed:
                granted = await client.subscribe([(topic, 0) for topic in topics])
                if refused(granted):
                    raise aiomqtt.MqttError(f"{self._client_id} may not read {topics[0]}: give it the right")
                subscribed.add(branch)
            await client.publish(topic_narrow_envelope(self._election, branch), envelope, qos=1)

    async def _listen_for_requests(self, client: Client) -> None:
        """Without the right to it envelopes go on: missing parts come when branches send again by themselves."""
        topic = topic_missing_parts_signed(self._election)
        granted = await client.subscribe(topic, qos=0)
        if refused(granted):
            self._say(
                f"{self._client_id} may not read {topic}: give it the right, or missing parts come late"
            )

    async def _listen(self, client: Client) -> None:
        async for message in client.messages:
            topic, payload = message.topic.value, message.payload
            branch = branch_of_topic(topic)
            if topic == topic_missing_parts_signed(self._election) and isinstance(payload, bytes):
                self._signed(payload[: MISSING_OCTETS_MAX + 1])
                continue
            if branch is None or not isinstance(payload, bytes) or len(payload) > ANSWER_MAX:
                continue
            if topic == topic_receipt(self._election, branch):
                self._heard(payload.decode("utf-8", "replace"))
            else:
                with contextlib.suppress(msgspec.MsgspecError, RecursionError):
                    hint = msgspec.json.decode(payload, type=_Refusal)
                    self._refused(hint.envelope_sha256, hint.reason[:REASON_MAX])
