"""Simulated links between nodes and servers, and the one place where paho's sockets are replaced by them.

A link is one way from a client to a server, such as a kit's fibre. It is up, down (connections are refused, standing
ones are reset) or a black hole: nothing gets through and nobody is told, bytes wait as they do in TCP and arrive after
the link has healed, unless the side that sent them gave up meanwhile. It may be a black hole in one direction alone. A
link that is up may be narrow, or lose segments, which TCP sends again. Within a connection bytes keep their order.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import Context
from random import Random
from typing import Any, Final, Literal, TypeVarTuple, cast

import paho.mqtt.client as paho

from simulators.virtual.connection import Acceptor, Connection, Direction, LinkState, SimSocket, passes
from simulators.virtual.errors import SimulationError
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.steps import Life, current_life

SEND_BUFFER_MAX: Final = 256 * 1024  # bytes that a client may have under way before its socket takes no more
SERVER_BUFFER_MAX: Final = (
    4 * 1024 * 1024
)  # bytes that a server may have under way before it drops the connection
RETRANSMIT_MAX_S: Final = (
    60.0  # longest wait of a stalled TCP connection for its next try after the link healed
)
RETRY_MIN_S: Final = 0.2  # until TCP sends a lost segment again (Linux, TCP_RTO_MIN); doubles each time
SYN_RETRY_S: Final = 1.0  # as RETRY_MIN_S, for the first segment of a connection (RFC 6298, section 2.1)
LATENCY_S: Final = (0.02, 0.4)  # of a link that was not told otherwise

Ts = TypeVarTuple("Ts")

Tap = Callable[[float, str, Direction, bytes], None]
"""Called with (virtual seconds, link, direction, bytes) for every piece sent, whether or not it will arrive."""


class Link:
    """One way from a client to a server. Made by ``Network.add_link``; up at first."""

    def __init__(
        self,
        network: "Network",
        name: str,
        server: tuple[str, int],
        latency_s: tuple[float, float],
        rng: Random,
    ) -> None:
        self.loop = network.loop
        self.name = name
        self.server = server
        self.latency_s = latency_s
        """Shortest and longest one-way delay; may be changed at any time."""
        self.loss = 0.0
        """Chance of each piece of bytes to be lost and sent again, 0.0 to less than 1.0."""
        self.bytes_per_s: float | None = None
        """How much it carries in each direction; None: as much as one likes."""
        self.state: LinkState = "up"
        self.since = 0.0
        """When it came into its state, virtual seconds."""
        self.on_change: list[Callable[[Link], None]] = []
        """Called after each change of state."""
        self._busy_until: dict[Direction, float] = {"up": 0.0, "down": 0.0}
        self._network = network
        self._random = rng
        self._turn = 0
        self._connections: list[Connection] = []

    def up(self) -> None:
        """Heal the link, and end any flapping."""
        self._turn += 1
        self._become("up")

    def down(self) -> None:
        """Cut the link so that everybody notices: connections are reset, new ones refused. Ends any flapping."""
        self._turn += 1
        self._become("down")

    def blackhole(self) -> None:
        """Let nothing through and tell nobody. Ends any flapping."""
        self._turn += 1
        self._become("blackhole")

    def one_way(self, state: Literal["deaf", "mute"]) -> None:
        """Let nothing reach the client (deaf), or nothing from it the server (mute). Ends any flapping."""
        self._turn += 1
        self._become(state)

    def reset(self) -> None:
        """Reset the standing connections; new ones are welcome if the link is up."""
        self.loop.trace.event(self.loop.time(), self.name, "reset")
        for connection in list(self._connections):
            connection.reset("connection reset by the link")

    def strand(self) -> None:
        """Let nothing pass on the standing connections any more, for good and without a word: their address is gone."""
        self.loop.trace.event(self.loop.time(), self.name, "strand")
        for connection in self._connections:
            connection.stranded = True

    def flap(
        self,
        *,
        up_s: tuple[float, float],
        out_s: tuple[float, float],
        fault: Literal["down", "blackhole"] = "down",
    ) -> None:
        """Go up and out in turn, each for a seeded time within its range, beginning with up, until told otherwise."""
        self._turn += 1
        self._flap_to("up", self._turn, {"up": up_s, fault: out_s})

    def _flap_to(self, state: LinkState, turn: int, spans: dict[LinkState, tuple[float, float]]) -> None:
        if turn != self._turn:
            return
        self._become(state)
        other = next(each for each in spans if each != state)
        until = self.loop.time() + self._random.uniform(*spans[state])
        self.at(until, self._flap_to, other, turn, spans)

    def _become(self, state: LinkState) -> None:
        before, now = self.state, self.loop.time()
        if state == before:
            return
        self.state = state
        self.loop.trace.event(now, self.name, state)
        held_s, self.since = now - self.since, now
        for connection in list(self._connections):
            if state == "down":
                connection.reset("connection reset: the link went down")
                continue
            for flow in (connection.up, connection.down):
                if passes(state, flow.direction) and not passes(before, flow.direction):
                    wait_s = self.sample_latency() + self._random.uniform(0.0, min(held_s, RETRANSMIT_MAX_S))
                    flow.hurry(not_before=now + wait_s)
        for told in self.on_change:
            told(self)

    def at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Plan something that belongs to no node."""
        self._network.at(when, callback, *args)

    def sent(self, direction: Direction, data: bytes) -> None:
        """Tell taps and trace that bytes were sent."""
        self._network.sent(self.name, direction, data)

    def sample_latency(self) -> float:
        """One one-way delay, seconds."""
        return self._random.uniform(*self.latency_s)

    def arrival(self, direction: Direction, size: int) -> float:
        """When so many bytes arrive that are sent now, virtual seconds."""
        leaves = self.loop.time()
        if self.bytes_per_s is not None:
            leaves = max(leaves, self._busy_until[direction]) + size / self.bytes_per_s
            self._busy_until[direction] = leaves
        return leaves + self.sample_latency() + self._sent_again_s(RETRY_MIN_S)

    def _sent_again_s(self, wait_s: float) -> float:
        """How long the losses of one segment hold it up."""
        held_s = 0.0
        while self.loss and self._random.random() < self.loss:
            held_s += wait_s
            wait_s = min(2 * wait_s, RETRANSMIT_MAX_S)
        return held_s

    def connect(self, timeout_s: float) -> SimSocket:
        """Connect as a client.

        Raises:
            OSError: the link is out, or the server refused.
        """
        loop = self.loop
        loop.trace.event(loop.time(), self.name, "connect")
        shake_s = self.sample_latency() + self.sample_latency() + self._sent_again_s(SYN_RETRY_S)
        if self.state not in ("up", "down") or shake_s > timeout_s:
            loop.block(timeout_s)
            raise TimeoutError(f"simulated: no answer from {self.server} in {timeout_s} s over {self.name}")
        loop.block(shake_s)
        acceptor = self._network.listener(self.server) if self.state == "up" else None
        connection = Connection(self)
        connection.server = acceptor.accept(connection) if acceptor is not None else None
        if connection.server is None:
            connection.client.close()
            raise ConnectionRefusedError(f"simulated: connection to {self.server} over {self.name} refused")
        # The first bytes follow the handshake.
        connection.up.hurry(not_before=loop.time() + shake_s)
        self._connections.append(connection)
        return connection.client

    def forget(self, connection: Connection) -> None:
        """Take a connection that is over off the list. Idempotent."""
        if connection in self._connections:
            self._connections.remove(connection)

    def connections(self) -> tuple[Connection, ...]:
        """Those that stand, oldest first."""
        return tuple(self._connections)


class Network:
    """All links of a world, and who listens at their ends."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.links: dict[str, Link] = {}
        self._routes: dict[tuple[str | None, str, str, int], Link] = {}
        self._listeners: dict[tuple[str, int], Acceptor] = {}
        self._taps: list[Tap] = []
        # What is under way belongs to no node: pulling a plug must not take it off the wire.
        self._context = Context()
        loop.on_kill.append(self._unplug)

    def add_link(
        self,
        name: str,
        *,
        host: str,
        port: int,
        node: str | None = None,
        source: str = "",
        latency_s: tuple[float, float] = LATENCY_S,
    ) -> Link:
        """Make a link, used by clients that connect to (host, port).

        ``node``: only those of this node. ``source``: only those bound to this address (aiomqtt's ``bind_address``), as
        a kit binds each session to its own uplink. Clients take the closest match.

        Raises:
            ValueError: the name or the route is taken.
        """
        key = (node, source, host, port)
        if name in self.links or key in self._routes:
            raise ValueError(f"link {name} or its route {key} is there already: give each link its own")
        link = Link(self, name, (host, port), latency_s, self.loop.stream(f"link/{name}"))
        self.links[name] = self._routes[key] = link
        return link

    def bind(self, link: Link, source: str) -> None:
        """Let a link be that of clients bound to this address from now on, and of no others.

        Raises:
            ValueError: another link has this address.
        """
        (before,) = (key for key, one in self._routes.items() if one is link)
        node, _, host, port = before
        key = (node, source, host, port)
        if self._routes.get(key, link) is not link:
            raise ValueError(
                f"the route {key} of link {link.name} is another link's: give it its own address"
            )
        del self._routes[before]
        self._routes[key] = link

    def leads(self, host: str, port: int, source: str) -> bool:
        """Whether a link is there for clients of the running node that are bound to just this address."""
        return any(key in self._routes for key in _ways(current_life(), host, port, (source,)))

    def listen(self, host: str, port: int, acceptor: Acceptor | None) -> None:
        """Let a server listen; None: nobody does any more, and connections are refused."""
        if acceptor is None:
            self._listeners.pop((host, port), None)
        else:
            self._listeners[host, port] = acceptor

    def listener(self, server: tuple[str, int]) -> Acceptor | None:
        """Who listens there."""
        return self._listeners.get(server)

    def tap(self, tap: Tap) -> None:
        """Let someone see every piece of bytes as it is sent."""
        self._taps.append(tap)

    def sent(self, link: str, direction: Direction, data: bytes) -> None:
        """Tell taps and trace."""
        now = self.loop.time()
        self.loop.trace.event(now, link, direction, data)
        for tap in self._taps:
            tap(now, link, direction, data)

    def at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Plan something that belongs to no node."""
        self.loop.call_at(when, callback, *args, context=self._context)

    def connect(self, host: str, port: int, *, source: str = "", timeout_s: float = 5.0) -> SimSocket:
        """Connect the running node as a client.

        Raises:
            OSError: the link is out, or the server refused.
            SimulationError: there is no such link; the run ends.
        """
        life = current_life()
        if life is not None and life.dead:
            raise OSError(100, "simulated: this machine has no power")
        for key in _ways(life, host, port, tuple(dict.fromkeys((source, "")))):
            if key in self._routes:
                return self._routes[key].connect(timeout_s)
        error = SimulationError(
            f"no link leads from {life.node if life else 'the world'} (bound to {source!r}) to {host}:{port}: "
            "add one with add_link"
        )
        self.loop.fail(error)
        raise error

    def hang_up(self, node: str) -> None:
        """The node's process died but its machine did not: its connections are reset, and servers know at once."""
        for link in self.links.values():
            for connection in link.connections():
                if connection.client.life is not None and connection.client.life.node == node:
                    connection.reset("connection reset: the process died")

    def _unplug(self, life: Life) -> None:
        for link in self.links.values():
            for connection in link.connections():
                if connection.client.life is life:
                    connection.unplugged()


def _ways(
    life: Life | None, host: str, port: int, sources: tuple[str, ...]
) -> Iterator[tuple[str | None, str, str, int]]:
    """Keys of the links that a client may take, the closest match first."""
    nodes = (None,) if life is None else (life.node, None)
    return ((node, source, host, port) for node in nodes for source in sources)


@contextlib.contextmanager
def install(loop: VirtualLoop, network: Network) -> Iterator[None]:
    """Let every paho client (and so aiomqtt) in this process live in this world: its time and its sockets.

    TLS settings are accepted and TLS is left out. What was there before comes back at the end.
    """

    def connect(client: Any) -> SimSocket:
        return network.connect(
            client.host,
            client.port,
            source=client._bind_address,  # noqa: SLF001 - paho shows host and port, but not the address it binds
            timeout_s=client.connect_timeout,
        )

    def wrap(client: Any, plain: SimSocket) -> SimSocket:
        del client
        return plain

    module, kind = cast("Any", paho), cast("Any", paho.Client)
    before = (module.time_func, kind._create_socket_connection, kind._ssl_wrap_socket)  # noqa: SLF001 - the seam
    module.time_func, kind._create_socket_connection, kind._ssl_wrap_socket = loop.time, connect, wrap  # noqa: SLF001
    try:
        yield
    finally:
        module.time_func, kind._create_socket_connection, kind._ssl_wrap_socket = before  # noqa: SLF001
