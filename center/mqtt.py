"""centerd's edge to the broker (aiomqtt over paho, MQTT 3.1.1).

Why paho shows through: aiomqtt acknowledges a message before the application sees it, and a PUBACK must not leave
before the ledger has committed. Only paho's own client can acknowledge by hand.
"""

import asyncio
import socket
from typing import Final

import aiomqtt
import structlog

from center.dialling import Dial, NoBrokerError
from center.ports import Delivery, SessionSettings, Sink
from crypto.wire import MQTT_PAYLOAD_MAX
from drivers.cancelled import end_if_cancelled
from drivers.mqtt import Client, refused, words_of

KEEPALIVE_S: Final = 15
TIMEOUT_S: Final = 5.0  # connect, subscribe
CLOSE_TIMEOUT_S: Final = 0.5  # a polite end of a session
SEND_TIMEOUT_S: Final = 2.0  # aiomqtt's publish waits this long when the broker is gone
BACKOFF_MIN_S: Final = 0.25
BACKOFF_MAX_S: Final = 10.0
STEADY_S: Final = 30.0  # a session that lived this long was a good one: back to the shortest pause
SILENT_LINK_MS: Final = 10_000  # TCP_USER_TIMEOUT: unacknowledged bytes end the connection
FULL_PAUSE_S: Final = 0.5  # from the last acknowledgement to the end of a session that brought too much
PROBE_TIMEOUT_S: Final = 10.0
PROBE_TRIES_MAX: Final = 2  # times that the broker's payload limit is probed before it is called too low
PACKET_MAX: Final = (
    268_435_460  # bytes, MQTT's own (§2.2.3): what we cut off would come again in every session
)

_SOCKET_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        [(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_LINK_MS)]
        if hasattr(socket, "TCP_USER_TIMEOUT")  # Linux
        else []
    ),
)

_log = structlog.get_logger("centerd.mqtt")


class MqttSession:
    """A lasting session with one broker: comes back by itself, acknowledges by hand.

    The session is persistent at the broker (clean session off), so that envelopes published while centerd is away
    wait there; nothing depends on it, because branches publish again until they hold a receipt.
    """

    def __init__(self, settings: SessionSettings, sink: Sink, dial: Dial | None = None) -> None:
        """``dial``: makes the connections; None: paho does, without TLS."""
        self._settings = settings
        self._dial = dial
        self._sink = sink
        self._session = 0
        self._unacknowledged = 0
        self._full = False
        self._client: Client | None = None
        self._probe_tries = 0
        self._probe_echoed = False
        self._probe_timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Hold the session up until cancelled; never returns by itself."""
        try:
            await self._hold_for_ever()
        finally:
            self._forget_probe()

    async def _hold_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = BACKOFF_MIN_S
        while True:
            began = loop.time()
            try:
                await self._hold()
            except (aiomqtt.MqttError, NoBrokerError) as error:
                if self._probe_timer is not None:
                    self._probe_missed()
                if self._full or loop.time() - began >= STEADY_S:
                    pause_s = BACKOFF_MIN_S
                words = words_of(error, self._settings.client_id)
                _log.warning("broker-lost", host=self._settings.host, port=self._settings.port, error=words)
            end_if_cancelled()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, BACKOFF_MAX_S)

    def acknowledge(self, delivery: Delivery) -> None:
        """Send the PUBACK, unless the session that brought the message is gone."""
        if self._client is not None and delivery.session == self._session:
            self._client._client.ack(delivery.mid, delivery.qos)  # noqa: SLF001 - aiomqtt offers no way
            self._unacknowledged -= 1
            self._end_if_full()

    async def send(self, topic: str, payload: bytes) -> bool:
        """Hand one QoS 0 message to the broker; False when there is no session."""
        if self._client is None:
            return False
        try:
            await self._client.publish(topic, payload, qos=0, timeout=SEND_TIMEOUT_S)
        except aiomqtt.MqttError:
            return False
        return True

    async def _hold(self) -> None:
        """One session, from connect to loss; raises MqttError, NoBrokerError."""
        self._session += 1
        self._unacknowledged, self._full = 0, False
        connection = await self._connection()
        client = self._new_client()
        self._client = client
        try:
            await client.enter(connection)
            end_if_cancelled()
            await self._subscribe(client)
            end_if_cancelled()
            _log.info("broker-connected", host=self._settings.host, port=self._settings.port)
            await self._probe_payload_limit(client)
            end_if_cancelled()
            async for _ in client.messages:
                pass  # never: messages go to the sink; the iterator ends with the session
        finally:
            self._client = None
            await client.leave(CLOSE_TIMEOUT_S)

    async def _connection(self) -> socket.socket | None:
        """Raises NoBrokerError."""
        if self._dial is None:
            return None
        host, port = self._settings.host, self._settings.port
        connection, words = await self._dial(host, port, self._settings.door)
        if words:
            _log.warning("broker-certificate", host=host, port=port, words=words)
        return connection

    async def _subscribe(self, client: Client) -> None:
        topic = self._settings.topic
        if refused(await client.subscribe(topic, qos=1)):
            raise aiomqtt.MqttError(
                f"the broker refuses the subscription to {topic}: give client {self._settings.client_id} "
                "the right to read it"
            )

    def _new_client(self) -> Client:
        client = Client(
            self._settings.host,
            self._settings.port,
            identifier=self._settings.client_id,
            username=self._settings.door.username,
            password=self._settings.door.password,
            clean_session=False,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            queue_type=_queue_into(self, self._session),
            socket_options=_SOCKET_OPTIONS,
            packet_max=PACKET_MAX,
        )
        client._client.manual_ack_set(True)  # noqa: SLF001
        return client

    def _arrived(self, message: aiomqtt.Message, session: int) -> None:
        """Called by aiomqtt for every message, from the event loop."""
        if self._full or session != self._session:
            return
        if message.topic.value == self._settings.probe_topic:
            self._probe_echoed = True
            self._forget_probe()
            return
        delivery = Delivery(message.topic.value, message.payload, session, message.mid, message.qos)
        if self._sink(delivery):
            self._unacknowledged += 1
            return
        # Left unacknowledged, it comes again in the next session. Brokers want acknowledgements in order, so that
        # nothing after it may be taken in this one; and what was taken before is acknowledged first, or the same
        # messages would fill the inbox in every session.
        _log.warning("inbox-full", advice="reconnecting: the broker keeps what was not acknowledged")
        self._full = True
        self._end_if_full()

    def _end_if_full(self) -> None:
        if self._full and self._unacknowledged == 0 and self._client is not None:
            # Not at once: the receipts of the last batch go out first.
            asyncio.get_running_loop().call_later(FULL_PAUSE_S, self._client._client.disconnect)  # noqa: SLF001

    async def _probe_payload_limit(self, client: Client) -> None:
        """Send ourselves the greatest message there may be. Whether it comes back is seen later, by its echo."""
        topic = self._settings.probe_topic
        if topic is None or self._probe_echoed or self._probe_tries >= PROBE_TRIES_MAX:
            return
        await client.subscribe(topic, qos=0)
        self._send_probe(client, topic)

    def _send_probe(self, client: Client, topic: str) -> None:
        self._probe_tries += 1
        # Not aiomqtt's publish, which would wait in vain while a broker with a lower limit hangs up.
        client._client.publish(topic, bytes(MQTT_PAYLOAD_MAX), qos=0)  # noqa: SLF001
        self._probe_timer = asyncio.get_running_loop().call_later(PROBE_TIMEOUT_S, self._probe_missed)

    def _probe_missed(self) -> None:
        """The echo is late, or the session ended before it.

        Some brokers hang up: the next session probes again. Others drop the message without a word, and the session
        lives on: then it is probed again in the same one.
        """
        self._forget_probe()
        if self._probe_echoed:
            return
        topic = self._settings.probe_topic
        if self._probe_tries < PROBE_TRIES_MAX:
            if self._client is not None and topic is not None:
                self._send_probe(self._client, topic)
        else:
            _log.error(
                "broker-payload-limit",
                needed_bytes=MQTT_PAYLOAD_MAX,
                advice="no message of this size came back: raise the broker's limit, or large envelopes are lost",
            )

    def _forget_probe(self) -> None:
        if self._probe_timer is not None:
            self._probe_timer.cancel()
            self._probe_timer = None


def _queue_into(session: MqttSession, number: int) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue type for aiomqtt that hands messages on at once: its own iterator costs a task per message."""

    class _PassingQueue(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            session._arrived(item, number)  # noqa: SLF001 - same file

    return _PassingQueue
