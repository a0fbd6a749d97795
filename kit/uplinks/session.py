"""One MQTT connection's life: connect, subscribe, send and hear until something breaks or we let go.

Facts about aiomqtt 2.5 that shaped it: ``publish`` waits its whole timeout when the broker dies, while a task that
reads messages notices at once; there is no reconnect. Where we do not dial ourselves, connecting runs in a thread, so
it is never cancelled, only outlived (its own deadline is short).
"""

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from typing import Final, Literal, Protocol

import aiomqtt

from crypto import wire
from drivers.cancelled import end_if_cancelled
from drivers.mqtt import Client, refused, words_of
from failover.path import Path
from kit.events import NoticeAbout
from kit.uplinks import tcp_info
from kit.uplinks.dialler import Dialled, Dialler
from kit.uplinks.errors import DialError
from kit.uplinks.gateway import Gateway
from kit.uplinks.on_the_air import Meter
from kit.uplinks.segments import STEPS
from kit.uplinks.sockets import OPTIONS
from kit.uplinks.tcp_info import TcpInfo, TcpWatch

QUEUE_MAX: Final = 64  # messages of one QoS waiting for one uplink; more are dropped: the outbox sends again
PUBLISH_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 0.5
KEEPALIVE_S: Final = (
    1_800  # longer than between probes, even where data is short: else each pause would cost a ping, too
)
SENSE_S: Final = 1.0  # between two looks at what the kernel knows of the connection
PACKET_MAX: Final = (
    wire.MQTT_PAYLOAD_MAX + 4 * wire.ID_MAX
)  # bytes of one packet of the broker: payload, topic
CERTIFICATE_S: Final = 3_600.0  # between two looks at the time in the certificate of a session that stands
_REST_MIN_S: Final = 0.05  # seconds that are left for the broker's word, however late the connection stood

Qos = Literal[0, 1]
_Queue = asyncio.Queue[tuple[str, bytes]]


class Owner(Protocol):
    """What a session tells. All are called from the event loop."""

    def client_id(self, uplink: str) -> str:
        """The session's name at the broker."""

    def subscriptions(self, uplink: str) -> list[tuple[str, int]]:
        """Topics and QoS."""

    def needs(self, uplink: str, topic: str) -> bool:
        """Whether a session that may not read this is of no use."""

    def up(self, session: "Session") -> None:
        """The session stands."""

    def lost(self, session: "Session", reason: str) -> None:
        """The session ended by itself."""

    def heard(self, session: "Session", topic: str, payload: bytes) -> None:
        """A message came."""

    def spent(self, uplink: str, size: int) -> None:
        """So many bytes went over the air, more than were told before; told before ``up`` and ``lost``, too."""

    def sensed(self, session: "Session", rtt_ms: int, stalled: bool) -> None:
        """What the kernel says of it is news."""

    def noticed(self, session: "Session", notices: Mapping[NoticeAbout, str]) -> None:
        """What is odd about it though it stands; ``""``: nothing is, about this."""


class Session:
    """``dialler``: makes the connection, over ``path``; None: paho does."""

    def __init__(
        self,
        owner: Owner,
        uplink: str,
        gateway: Gateway,
        deadline_s: float,
        dialler: Dialler | None = None,
        path: Path | None = None,
    ) -> None:
        self.uplink = uplink
        self._owner, self._deadline_s = owner, deadline_s
        self._dialler, self._path = dialler, path
        self._client = Client(
            gateway.host,
            gateway.port,
            identifier=owner.client_id(uplink),
            keepalive=KEEPALIVE_S,
            timeout=deadline_s,
            max_queued_incoming_messages=QUEUE_MAX,
            socket_options=OPTIONS,
            packet_max=PACKET_MAX,
        )
        self._client._client.connect_timeout = deadline_s  # noqa: SLF001 - aiomqtt has no word for it
        self._meter = Meter(partial(owner.spent, uplink))
        self._count_to_the_end()
        # By QoS: a probe that waited for the PUBACK of an envelope would call a slow uplink dead.
        self._queues = (_Queue(QUEUE_MAX), _Queue(QUEUE_MAX))
        self._envelopes: set[tuple[str, bytes]] = set()
        """Those of QoS 1 that wait, or whose PUBACK does."""
        self._dialling: asyncio.Task[Dialled] | None = None
        self._live: asyncio.Task[None] | None = None
        self._dropped = False
        self._seen: TcpInfo | None = None
        self._heard_at = 0.0
        self._hanging: tuple[float, int] | None = None
        """Something large waits for its acknowledgement: when the session was last heard before, resent by then."""
        self._out_of_order = 0
        """Packets that had come where one before them was missing, when the session was heard last."""

    def send(self, topic: str, payload: bytes, qos: Qos) -> None:
        """Queue a message; dropped where too many wait, or the same of QoS 1: slow lines would send nothing else."""
        if qos > 0 and (topic, payload) in self._envelopes:
            return
        with contextlib.suppress(asyncio.QueueFull):
            self._queues[qos].put_nowait((topic, payload))
            if qos > 0:
                self._envelopes.add((topic, payload))

    def drop(self) -> None:
        """Let go at once; ``run`` ends in its own time."""
        self._judge_segments()
        self._dropped = True
        for task in (self._dialling, self._live):
            if task is not None:
                task.cancel()
        self._client.give_up()

    async def run(self) -> None:
        """Until it ends; the owner hears how, and what it cost."""
        try:
            await self._live_and_die()
        finally:
            self._meter.tell_all()

    async def _live_and_die(self) -> None:
        try:
            await self._connect()
        except (aiomqtt.MqttError, OSError, ValueError) as error:  # ValueError: what no host can be
            self._client.kill()
            self._meter.tell_all()
            self._owner.lost(self, f"no session: {self._why(error)}")
            return
        except asyncio.CancelledError:
            self._client.kill()
            if self._dropped:
                return
            raise  # the end: nobody waits for this session any more
        reason = "dropped"
        if not self._dropped:
            self._look()
            self._meter.tell_all()
            self._owner.up(self)
            reason = await self._talk()
            self._judge_segments()
        await self._client.leave(CLOSE_TIMEOUT_S)
        self._meter.tell_all()
        self._owner.lost(self, reason)

    async def _connect(self) -> None:
        """Up to the last SUBACK; raises MqttError, OSError."""
        loop = asyncio.get_running_loop()
        if self._dialler is None:
            await self._client.enter()
            if not self._dropped:
                self._owner.noticed(self, await self._subscribe(self._deadline_s))
            return
        until = loop.time() + self._deadline_s
        self._dialling = loop.create_task(self._dialler.dial(self._path, self._deadline_s))
        dialled = await self._dialling
        self._dialling = None
        self._meter.look(dialled.connection)
        try:
            self._client.timeout = max(_REST_MIN_S, until - loop.time())
            await self._client.enter(dialled.connection)
            rights: dict[NoticeAbout, str] = {}
            if not self._dropped:
                rights = await self._subscribe(max(_REST_MIN_S, until - loop.time()))
        except (aiomqtt.MqttError, OSError):
            if not self._dropped:
                self._dialler.fell(dialled.address)
            raise
        self._heard_at = loop.time()
        if not self._dropped:
            self._owner.noticed(self, self._dialler.stood(dialled) | rights)

    async def _subscribe(self, deadline_s: float) -> dict[NoticeAbout, str]:
        """Returns what is to be said of topics that are refused; raises MqttError where one is needed."""
        asked = self._owner.subscriptions(self.uplink)
        granted = await self._client.subscribe(asked, timeout=deadline_s)
        missing = [asked[place][0] for place in refused(granted)]
        client = self._owner.client_id(self.uplink)
        for topic in missing:
            if self._owner.needs(self.uplink, topic):
                raise aiomqtt.MqttError(
                    f"the broker refuses the subscription to {topic}: give client {client} the right to read it"
                )
        if not missing:
            return {"rights": ""}
        return {
            "rights": f"the broker refuses the subscription to {' and '.join(missing)}: give the right to read"
        }

    def _why(self, error: Exception) -> str:
        if self._dialler is not None and isinstance(error, DialError):
            return self._dialler.why(error)
        return words_of(error, self._owner.client_id(self.uplink))

    async def _talk(self) -> str:
        """Send and hear until one of both ends; returns why."""
        loop = asyncio.get_running_loop()
        live = self._live = loop.create_task(self._hear_all())
        senders = [loop.create_task(self._send_all(qos)) for qos in range(len(self._queues))]
        for sender in senders:
            sender.add_done_callback(lambda _: live.cancel())
        watch = self._begin_watch()
        try:
            await self._live
        except aiomqtt.MqttError:
            return self._client.ended
        except asyncio.CancelledError:
            if not (self._dropped or any(sender.done() for sender in senders)):
                raise
        finally:
            for task in (*senders, *watch):
                task.cancel()
        for sender in senders:
            if sender.done() and not sender.cancelled() and sender.exception() is not None:
                return f"not sent: {sender.exception()}"
        return "dropped"

    async def _send_all(self, qos: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            end_if_cancelled()
            topic, payload = await self._queues[qos].get()
            large = qos > 0 and len(payload) > STEPS[-1]
            if large:
                info = self._look()
                self._hanging = (loop.time() - self._heard_at, info.total_retransmits if info else 0)
            await self._client.publish(topic, payload, qos=qos, timeout=PUBLISH_TIMEOUT_S)
            self._envelopes.discard((topic, payload))
            if large:
                self._hanging = None

    async def _hear_all(self) -> None:
        loop = asyncio.get_running_loop()
        async for message in self._client.messages:
            self._heard_at = loop.time()
            payload = message.payload if isinstance(message.payload, bytes) else b""
            self._note_order()
            self._owner.heard(self, str(message.topic), payload)

    # --- what the kernel knows ---

    def _begin_watch(self) -> list[asyncio.Task[None]]:
        """Nothing where there is no socket of the kernel's, as in a simulated world."""
        if self._look() is None:
            return []
        return [asyncio.get_running_loop().create_task(self._watch())]

    async def _watch(self) -> None:
        watch, loop = TcpWatch(), asyncio.get_running_loop()
        certificate_at = loop.time() + CERTIFICATE_S
        while True:
            await asyncio.sleep(SENSE_S)
            if self._dialler is not None and loop.time() >= certificate_at:
                certificate_at = loop.time() + CERTIFICATE_S
                words = self._dialler.certificate_words(self._client.connection)
                self._owner.noticed(self, {"tls": words})
            info = self._look()
            if info is None:
                return
            self._meter.tell(loop.time())
            news = watch.news(info)
            if news is not None:
                self._owner.sensed(self, *news)

    def _count_to_the_end(self) -> None:
        """Whoever closes the connection, its last bytes are counted."""
        paho = self._client._client  # noqa: SLF001 - aiomqtt does not tell when it is closed
        close = paho._sock_close  # noqa: SLF001 - as above

        def count_and_close() -> None:
            self._meter.look(paho.socket(), ends=True)
            close()

        vars(paho)["_sock_close"] = count_and_close

    def _look(self) -> TcpInfo | None:
        info = tcp_info.read(self._client.connection)
        self._meter.look(self._client.connection)
        self._seen = info or self._seen
        return info

    def _note_order(self) -> None:
        """A message came: nothing before it is missing."""
        info = None if self._dialler is None else self._look()
        self._out_of_order = info.out_of_order if info else 0

    def _judge_segments(self) -> None:
        """The session ends: whether something large hangs that was sent again in vain, by us or by the centre."""
        hanging, self._hanging = self._hanging, None
        seen, in_order = self._look() or self._seen, self._out_of_order
        if self._dialler is None or seen is None:
            return
        self._out_of_order = seen.out_of_order  # judged once
        silent_s, before = hanging or (0.0, 0)
        if hanging and seen.unacked and (seen.stalled or seen.total_retransmits > before):
            self._dialler.segments.stalled(round(silent_s * 1000))
        elif seen.out_of_order > in_order:  # what came since shows that small packets pass
            self._dialler.segments.stalled(0)
