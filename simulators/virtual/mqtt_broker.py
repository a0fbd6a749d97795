"""An MQTT 3.1.1 broker in virtual time, byte by byte, as bad as real ones are and as strict as none is.

Everything lives in its memory: PUBACK never means durable. Sessions are clean or persistent (until a crash). What a
real broker would shrug at (a foreign PUBACK, a second CONNECT, a packet too large) ends the run as
ProtocolViolationError.
"""

from collections import Counter, deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from simulators.virtual import mqtt_packets as packets
from simulators.virtual.connection import Connection, ServerProtocol
from simulators.virtual.mqtt_packets import Connect, Message
from simulators.virtual.net import Network

PACKET_MAX: Final = 256 * 1024  # bytes of one packet
WINDOW_MAX: Final = 20  # QoS 1 messages that may wait for one client's PUBACKs (mosquitto's default)
QUEUE_MAX: Final = 1_000  # QoS 1 messages that wait for one session (mosquitto's default); more are dropped
PATIENCE: Final = 1.5  # keepalives of silence after which a client is dropped [MQTT-3.1.2-24]


@dataclass(frozen=True, slots=True)
class BrokerFaults:
    """How bad the broker is. Chances are 0.0 to 1.0 for each message."""

    lose_puback: float = 0.0
    """A QoS 1 message is taken and passed on, and never acknowledged."""
    duplicate: float = 0.0
    """A delivery goes out twice, the second time marked as a duplicate where QoS 1 has a mark for it."""
    delay: float = 0.0
    """A delivery is held back, and others overtake it."""
    delay_s: tuple[float, float] = (0.0, 5.0)
    """For how long, seconds."""
    drop_qos0: float = 0.0
    """A QoS 0 delivery is left out."""


@dataclass(slots=True)
class _Session:
    """What the broker remembers of a client id."""

    client_id: str
    subscriptions: dict[str, int]
    waiting: deque[Message]
    inflight: dict[int, Message]
    """Sent at QoS 1 and not acknowledged, by packet identifier, oldest first."""
    client: "_Client | None" = None
    last_mid: int = 0

    def free_mid(self) -> int:
        while True:
            self.last_mid = self.last_mid % packets.MID_MAX + 1
            if self.last_mid not in self.inflight:
                return self.last_mid


class SimBroker:
    """The broker. Accepts connections at every address that it was told to ``listen`` on.

    Args:
        network: the world's network.
        name: what the trace calls it.
        packet_max: bytes of the largest packet that it takes.
    """

    def __init__(self, network: Network, *, name: str = "broker", packet_max: int = PACKET_MAX) -> None:
        self.name = name
        self.packet_max = packet_max
        self.faults = BrokerFaults()
        """May be replaced at any time."""
        self.statistics: Counter[str] = Counter()
        """How often what happened: ``published``, ``delivered``, and each fault by its name."""
        self.on_publish: list[Callable[[str, Message], None]] = []
        """Called with (client id, message) for each PUBLISH taken."""
        self.running = True
        self.loop = network.loop
        self._network = network
        self._random = network.loop.stream(f"broker/{name}")
        self._context = Context()
        self._addresses: list[tuple[str, int]] = []
        self._clients: dict[_Client, None] = {}
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, Message] = {}
        self._incarnation = 0

    def listen(self, host: str, port: int) -> None:
        """Accept connections there, now and after each restart."""
        self._addresses.append((host, port))
        if self.running:
            self._network.listen(host, port, self)

    def crash(self, *, restart_after_s: float | None = None) -> None:
        """Die: connections are reset, and everything is forgotten, acknowledged or not.

        ``restart_after_s``: come back by itself after so many virtual seconds.
        """
        self.running = False
        self._incarnation += 1
        self.note("crash")
        for address in self._addresses:
            self._network.listen(*address, None)
        for client in self._clients:
            client.connection.abort("the broker crashed")
        self._clients.clear()
        self._sessions.clear()
        self._retained.clear()
        if restart_after_s is not None:
            self.later(restart_after_s, self.restart)

    def restart(self) -> None:
        """Come back, knowing nothing. Nothing happens to a running broker."""
        if not self.running:
            self.running = True
            self.note("restart")
            for address in self._addresses:
                self._network.listen(*address, self)

    def clients(self) -> list[str]:
        """Ids of the connected clients, in order of their sessions."""
        return [session.client_id for session in self._sessions.values() if session.client is not None]

    def accept(self, connection: Connection) -> ServerProtocol:
        """For the network."""
        client = _Client(self, connection)
        self._clients[client] = None
        return client

    # --- for its clients -------------------------------------------------------------------------------------------

    def note(self, kind: str, data: bytes = b"") -> None:
        """Count and trace an event."""
        self.statistics[kind] += 1
        self.loop.trace.event(self.loop.time(), self.name, kind, data)

    def chance(self, probability: float, kind: str) -> bool:
        """Draw whether a fault strikes."""
        if probability <= 0.0 or self._random.random() >= probability:
            return False
        self.note(kind)
        return True

    def begin(self, client: "_Client", asked: Connect) -> tuple[_Session, bool]:
        """Give a client its session, and say whether it was there before."""
        old = self._sessions.get(asked.client_id)
        if old is not None and old.client is not None:
            self.note("take-over", asked.client_id.encode())
            old.client.end()
        old = self._sessions.get(asked.client_id)
        if asked.clean or old is None:
            self._sessions.pop(asked.client_id, None)
            session = _Session(asked.client_id, {}, deque(), {}, client)
            self._sessions[asked.client_id] = session
            return session, False
        old.client = client
        return old, True

    def leave(
        self, client: "_Client", session: _Session | None, *, clean: bool, will: Message | None
    ) -> None:
        """A client is gone."""
        self._clients.pop(client, None)
        if session is not None:
            session.client = None
            if clean:
                self._sessions.pop(session.client_id, None)
        if will is not None:
            self.route(will)

    def taken(self, client_id: str, message: Message) -> None:
        """A client published something."""
        self.statistics["published"] += 1
        for observer in self.on_publish:
            observer(client_id, message)
        self.route(message)

    def route(self, message: Message) -> None:
        """Pass a message on to everyone who subscribed, and keep it if it is to be retained."""
        if message.retain:
            if message.payload:
                self._retained[message.topic] = message
            else:
                self._retained.pop(message.topic, None)
        plain = replace(message, retain=False)
        for session in list(self._sessions.values()):
            granted = [
                qos for name, qos in session.subscriptions.items() if packets.matches(name, message.topic)
            ]
            if granted:
                self._hand_over(session, replace(plain, qos=min(max(granted), message.qos)))

    def retained(self, name: str) -> list[Message]:
        """The retained messages that a topic filter covers."""
        return [message for topic, message in self._retained.items() if packets.matches(name, topic)]

    def _hand_over(self, session: _Session, message: Message) -> None:
        if message.qos == 0 and self.chance(self.faults.drop_qos0, "drop_qos0"):
            return
        if self.chance(self.faults.delay, "delay"):
            self.later(self._random.uniform(*self.faults.delay_s), self.enqueue, session, message)
        else:
            self.enqueue(session, message)

    def enqueue(self, session: _Session, message: Message) -> None:
        """Put a message on a session's way."""
        if self._sessions.get(session.client_id) is not session:
            return  # a clean session that ended meanwhile
        if message.qos == 0:
            if session.client is not None:
                self.send(session.client, message, 0)
        elif len(session.waiting) < QUEUE_MAX:
            session.waiting.append(message)
            self.pump(session)
        else:
            self.note("queue-full")

    def pump(self, session: _Session) -> None:
        """Send what waits, as far as the window allows."""
        while session.client is not None and session.waiting and len(session.inflight) < WINDOW_MAX:
            mid = session.free_mid()
            session.inflight[mid] = message = session.waiting.popleft()
            self.send(session.client, message, mid)

    def send(self, client: "_Client", message: Message, mid: int, *, dup: bool = False) -> None:
        """Send a PUBLISH to a client, perhaps twice."""
        self.statistics["delivered"] += 1
        client.publish(message, mid, dup=dup)
        if self.chance(self.faults.duplicate, "duplicate"):
            again = partial(client.publish, message, mid, dup=True)
            self.later(self._random.uniform(*self.faults.delay_s), again)

    def later(self, delay_s: float, callback: Callable[..., None], *args: object) -> None:
        """Plan something that a crash forgets."""
        self.loop.call_later(
            delay_s, self._unless_crashed, self._incarnation, callback, args, context=self._context
        )

    def _unless_crashed(
        self, incarnation: int, callback: Callable[..., None], args: tuple[object, ...]
    ) -> None:
        if incarnation == self._incarnation:
            callback(*args)


class _Client:
    """One connection to the broker."""

    def __init__(self, broker: SimBroker, connection: Connection) -> None:
        self.connection = connection
        self._broker = broker
        self._buffer = bytearray()
        self._session: _Session | None = None
        self._clean = True
        self._will: Message | None = None
        self._patience_s = 0.0
        self._heard = broker.loop.time()
        self._over = False
        self._sent: set[int] = set()

    # --- from the network ------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Read what came. Raises ProtocolViolationError, which ends the run."""
        self._heard = self._broker.loop.time()
        self._buffer += data
        for kind, flags, body in packets.split(self._buffer, self._broker.packet_max):
            if self._over:
                packets.violation(f"client {self._who()} sent a packet of kind {kind} after its DISCONNECT")
            self._packet(kind, flags, body)

    def lost(self, reason: str) -> None:
        """The connection broke, or ended without a DISCONNECT."""
        if not self._over:
            self._broker.note("lost", f"{self._who()}: {reason}".encode())
            self._leave(self._will)

    # --- from the broker -------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Drop the client, as after too long a silence or when another takes its id."""
        if not self._over:
            self._leave(self._will)
            self.connection.close()

    def publish(self, message: Message, mid: int, *, dup: bool) -> None:
        """Send a PUBLISH; nothing happens when the connection is over."""
        if not self._over:
            if message.qos:
                self._sent.add(mid)
            self.connection.send(packets.publish(message, mid, dup=dup))

    # --- packets ---------------------------------------------------------------------------------------------------

    def _who(self) -> str:
        return self._session.client_id if self._session is not None else f"on {self.connection.link.server}"

    def _leave(self, will: Message | None) -> None:
        self._over = True
        self._broker.leave(self, self._session, clean=self._clean, will=will)

    def _packet(self, kind: int, flags: int, body: bytes) -> None:
        if (kind == packets.CONNECT) is (self._session is not None):
            packets.violation(f"client {self._who()}: CONNECT has to come first and only once [MQTT-3.1.0-1]")
        if kind == packets.PUBLISH:
            self._published(flags, body)
            return
        if flags != (2 if kind in (packets.SUBSCRIBE, packets.UNSUBSCRIBE) else 0):
            packets.violation(f"client {self._who()}: packet of kind {kind} has flags {flags} [MQTT-2.2.2-2]")
        match kind:
            case packets.PINGREQ:
                self._empty(kind, body)
                self.connection.send(packets.PINGRESP_BYTES)
            case packets.PUBACK:
                self._acknowledged(packets.read_puback(body))
            case packets.CONNECT:
                self._connected(packets.read_connect(body))
            case packets.SUBSCRIBE:
                self._subscribed(*packets.read_subscribe(body))
            case packets.UNSUBSCRIBE:
                self._unsubscribed(*packets.read_unsubscribe(body))
            case packets.DISCONNECT:
                self._empty(kind, body)
                self._leave(None)
                self.connection.close()
            case _:
                packets.violation(
                    f"client {self._who()} sent a packet of kind {kind}, which no client sends here"
                )

    def _empty(self, kind: int, body: bytes) -> None:
        if body:
            packets.violation(f"client {self._who()}: packet of kind {kind} has a body of {len(body)} bytes")

    def _connected(self, asked: Connect) -> None:
        self._clean, self._will = asked.clean, asked.will
        self._session, present = self._broker.begin(self, asked)
        self._broker.note("connect", asked.client_id.encode())
        self.connection.send(packets.connack(session_present=present))
        if asked.keepalive:
            self._patience_s = asked.keepalive * PATIENCE
            self._broker.later(self._patience_s, self._listen_for_life)
        for mid, message in list(self._session.inflight.items()):
            self._broker.send(self, message, mid, dup=True)
        self._broker.pump(self._session)

    def _listen_for_life(self) -> None:
        if self._over:
            return
        left_s = self._heard + self._patience_s - self._broker.loop.time()
        if left_s > 0:
            self._broker.later(left_s, self._listen_for_life)
        else:
            self._broker.note("keepalive", self._who().encode())
            self.end()

    def _published(self, flags: int, body: bytes) -> None:
        publish = packets.read_publish(flags, body)
        if publish.mid and not self._broker.chance(self._broker.faults.lose_puback, "lose_puback"):
            self.connection.send(packets.puback(publish.mid))
        self._broker.taken(self._who(), publish.message)

    def _acknowledged(self, mid: int) -> None:
        if mid not in self._sent:
            packets.violation(
                f"client {self._who()} acknowledged packet {mid}, which this connection never carried"
            )
        session = self._session
        # A duplicate is acknowledged twice, and the second time there is nothing left to do.
        if session is not None and session.inflight.pop(mid, None) is not None:
            self._broker.pump(session)

    def _subscribed(self, mid: int, wanted: list[tuple[str, int]]) -> None:
        session = self._session
        if session is None:
            return
        granted = [min(qos, packets.QOS_MAX) for _, qos in wanted]
        session.subscriptions.update(zip((name for name, _ in wanted), granted, strict=True))
        self.connection.send(packets.suback(mid, granted))
        for (name, _), qos in zip(wanted, granted, strict=True):
            for message in self._broker.retained(name):
                self._broker.enqueue(session, replace(message, qos=min(qos, message.qos)))

    def _unsubscribed(self, mid: int, names: list[str]) -> None:
        if self._session is not None:
            for name in names:
                self._session.subscriptions.pop(name, None)
        self.connection.send(packets.unsuback(mid))
