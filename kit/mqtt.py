"""The only file of the kit that knows aiomqtt: one hot MQTT session per uplink.

Facts about aiomqtt 2.5 and paho 2 that shaped it: ``publish`` waits its whole timeout when the broker dies, while a
task that reads messages notices at once; there is no reconnect; a connect that was given up leaves its socket open;
connecting runs in a thread, so it is never cancelled, only outlived (its own deadline is short).
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import aiomqtt

from crypto import wire
from failover.events import ProbeEchoed, UplinkConnected, UplinkLost
from kit.events import ReceiptHeard, RefusalHeard, ScheduleHeard
from kit.log import Log
from kit.ports import Post

QUEUE_MAX: Final = 64  # messages of one QoS waiting for one uplink; more are dropped: the outbox sends again
PUBLISH_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 0.5
KEEPALIVE_S: Final = (
    75  # longer than between probes (failover.timing): else each pause would cost a ping, too
)
RECEIPT_BYTES_MAX: Final = wire.RECEIPT_MAX
REFUSAL_BYTES_MAX: Final = 2_000

Qos = Literal[0, 1]
_Queue = asyncio.Queue[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where one uplink reaches the centre's broker."""

    host: str
    port: int
    narrow: bool = False
    """Whether the centre is to answer with an acknowledgement, for want of room for a proof."""


class MqttUplinks:
    """kit.ports.Uplinks over aiomqtt.

    ``standby``: the device id of a standby kit. Two kits of a branch are two clients, with echoes of their own.
    """

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        *,
        election: str,
        branch: str,
        post: Post,
        log: Log,
        standby: str | None = None,
    ) -> None:
        self._gateways, self._election, self._branch = dict(gateways), election, branch
        self._standby = standby
        self._post, self._log = post, log
        self._sessions: dict[str, _Session] = {}
        self._tasks: list[asyncio.Task[None]] = []  # a list, since sets have no order to repeat

    def connect(self, uplink: str, deadline_ms: int) -> None:
        """Begin a session with a deadline for everything up to the last SUBACK."""
        self._drop(uplink)
        session = _Session(self, uplink, self._gateways[uplink], deadline_ms / 1000)
        self._sessions[uplink] = session
        task = asyncio.get_running_loop().create_task(session.run(), name=f"uplink-{uplink}")
        self._tasks = [*(old for old in self._tasks if not old.done()), task]

    def disconnect(self, uplink: str, reason: str) -> None:
        """Drop at once; the old socket is closed in the background."""
        self._log.info("uplink dropped", uplink=uplink, reason=reason)
        self._drop(uplink)

    def probe(self, uplink: str, nonce: int) -> None:
        """QoS 0 to our own topic."""
        self._send(uplink, self._topic_probe(uplink), str(nonce).encode(), 0)

    def publish(self, uplink: str, data: bytes) -> None:
        """QoS 1: the broker retries towards the centre; we trust receipts alone."""
        narrow = uplink in self._gateways and self._gateways[uplink].narrow
        topic = wire.topic_narrow_envelope if narrow else wire.topic_envelope
        self._send(uplink, topic(self._election, self._branch), data, 1)

    async def close(self) -> None:
        """Disconnect all, politely where the other side answers, within twice CLOSE_TIMEOUT_S."""
        for uplink in list(self._sessions):
            self._drop(uplink)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=2 * CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self, uplink: str, topic: str, payload: bytes, qos: Qos) -> None:
        session = self._sessions.get(uplink)
        if session is not None:
            session.send(topic, payload, qos)

    def _drop(self, uplink: str) -> None:
        session = self._sessions.pop(uplink, None)
        if session is not None:
            session.drop()

    # --- what sessions call ---

    def subscriptions(self, uplink: str) -> list[tuple[str, int]]:
        """Topics of a session: receipts, refusals, schedule changes, and its own probe echo."""
        return [
            (wire.topic_receipt(self._election, self._branch), 0),
            (wire.topic_refusal(self._election, self._branch), 0),
            (wire.topic_schedule(self._election), 0),
            (self._topic_probe(uplink), 0),
        ]

    def client_id(self, uplink: str) -> str:
        """No slash and no plus in it (wire.py says why)."""
        return f"kit-{self._standby or self._branch}-{uplink}"

    def _topic_probe(self, uplink: str) -> str:
        name = uplink if self._standby is None else f"{self._standby}.{uplink}"
        return wire.topic_probe(self._election, self._branch, name)

    def up(self, session: "_Session") -> None:
        """The session stands."""
        if self._sessions.get(session.uplink) is session:
            self._log.info("uplink connected", uplink=session.uplink)
            self._post(UplinkConnected(session.uplink))

    def lost(self, session: "_Session", reason: str) -> None:
        """The session ended by itself; one that we dropped has no more to say."""
        if self._sessions.get(session.uplink) is session:
            del self._sessions[session.uplink]
            self._log.info("uplink lost", uplink=session.uplink, reason=reason)
            self._post(UplinkLost(session.uplink, reason))

    def heard(self, session: "_Session", topic: str, payload: bytes) -> None:
        """Parse at the boundary; what cannot be parsed is logged and dropped."""
        uplink = session.uplink
        if topic == self._topic_probe(uplink):
            if payload.isdigit() and len(payload) <= len(str(2**63)):
                self._post(ProbeEchoed(uplink, int(payload)))
            return
        if topic == wire.topic_receipt(self._election, self._branch) and len(payload) <= RECEIPT_BYTES_MAX:
            with contextlib.suppress(UnicodeDecodeError):
                self._post(ReceiptHeard(uplink, payload.decode()))
            return
        if topic == wire.topic_refusal(self._election, self._branch) and len(payload) <= REFUSAL_BYTES_MAX:
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                value = json.loads(payload)
                sha256, reason = _whole(value["envelope_sha256"]), _whole(value["reason"])
                self._post(RefusalHeard(uplink, sha256[:64], reason[:400]))
            return
        if topic == wire.topic_schedule(self._election) and len(payload) <= wire.ENVELOPE_MAX:
            self._post(ScheduleHeard(payload))
            return
        self._log.warning("message dropped", uplink=uplink, topic=topic[:200], size=len(payload))


def _whole(value: object) -> str:
    """As text that can be journaled: JSON can spell half a Unicode character, and no fact can hold one."""
    return str(value).encode("utf-8", "replace").decode()


class _Session:
    """One connection's life: connect, subscribe, send and hear until something breaks or we let go."""

    def __init__(self, owner: MqttUplinks, uplink: str, gateway: Gateway, deadline_s: float) -> None:
        self.uplink = uplink
        self._owner, self._deadline_s = owner, deadline_s
        self._client = aiomqtt.Client(
            gateway.host,
            gateway.port,
            identifier=owner.client_id(uplink),
            keepalive=KEEPALIVE_S,
            timeout=deadline_s,
            max_queued_incoming_messages=QUEUE_MAX,
        )
        self._client._client.connect_timeout = deadline_s  # noqa: SLF001 - aiomqtt has no word for it
        # By QoS: a probe that waited for the PUBACK of an envelope would call a slow uplink dead.
        self._queues = (_Queue(QUEUE_MAX), _Queue(QUEUE_MAX))
        self._live: asyncio.Task[None] | None = None
        self._dropped = False

    def send(self, topic: str, payload: bytes, qos: Qos) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._queues[qos].put_nowait((topic, payload))

    def drop(self) -> None:
        self._dropped = True
        if self._live is not None:
            self._live.cancel()

    async def run(self) -> None:
        try:
            await self._client.__aenter__()
            if not self._dropped:
                await self._client.subscribe(self._owner.subscriptions(self.uplink), timeout=self._deadline_s)
        except (aiomqtt.MqttError, OSError) as error:
            self._kill_socket()
            self._owner.lost(self, f"no session: {error}")
            return
        except asyncio.CancelledError:  # the end: nobody waits for this session any more
            self._kill_socket()
            raise
        reason = "dropped"
        if not self._dropped:
            self._owner.up(self)
            reason = await self._talk()
        await self._close()
        self._owner.lost(self, reason)

    async def _talk(self) -> str:
        """Send and hear until one of both ends; returns why."""
        loop = asyncio.get_running_loop()
        live = self._live = loop.create_task(self._hear_all())
        senders = [loop.create_task(self._send_all(qos)) for qos in range(len(self._queues))]
        for sender in senders:
            sender.add_done_callback(lambda _: live.cancel())
        try:
            await self._live
        except aiomqtt.MqttError as error:
            return str(error)
        except asyncio.CancelledError:
            if not (self._dropped or any(sender.done() for sender in senders)):
                raise
        finally:
            for sender in senders:
                sender.cancel()
        for sender in senders:
            if sender.done() and not sender.cancelled() and sender.exception() is not None:
                return f"not sent: {sender.exception()}"
        return "dropped"

    async def _send_all(self, qos: int) -> None:
        while True:
            topic, payload = await self._queues[qos].get()
            await self._client.publish(topic, payload, qos=qos, timeout=PUBLISH_TIMEOUT_S)

    async def _hear_all(self) -> None:
        async for message in self._client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            self._owner.heard(self, str(message.topic), payload)

    async def _close(self) -> None:
        self._client.timeout = CLOSE_TIMEOUT_S
        try:
            await self._client.__aexit__(None, None, None)
        except (aiomqtt.MqttError, OSError):
            self._kill_socket()

    def _kill_socket(self) -> None:
        """Paho keeps the socket of a session that never stood, or would not end."""
        self._client._client._sock_close()  # noqa: SLF001 - nothing public closes it without a handshake
