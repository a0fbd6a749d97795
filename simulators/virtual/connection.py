"""One simulated TCP connection: the bytes under way, the client's socket and the server's end."""

import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

from simulators.virtual.loop import VirtualLoop
from simulators.virtual.steps import Life, current_life

SEND_BUFFER_MAX: Final = 256 * 1024  # bytes that a client may have under way before its socket takes no more
SERVER_BUFFER_MAX: Final = (
    4 * 1024 * 1024
)  # bytes that a server may have under way before it drops the connection

Direction = Literal["up", "down"]
"""``up``: from the client to the server."""

LinkState = Literal["up", "down", "blackhole", "deaf", "mute"]
"""``down``: everybody notices. ``blackhole``: nothing passes and nobody is told. ``deaf``: so for what should reach the
client alone; ``mute``: for what it sends alone."""

_ONE_WAY: Final[Mapping[LinkState, Direction]] = {"deaf": "up", "mute": "down"}

Piece = bytes | OSError | None
"""What travels: bytes, a reset, or the end of the stream."""


def passes(state: LinkState, direction: Direction) -> bool:
    """Whether a link in this state lets bytes through in this direction."""
    return state == "up" or _ONE_WAY.get(state) == direction


class Carrier(Protocol):
    """What a connection asks of the link that carries it."""

    server: tuple[str, int]
    """Host and port."""
    state: LinkState

    @property
    def loop(self) -> VirtualLoop:
        """The world's loop."""

    def arrival(self, direction: Direction, size: int) -> float:
        """When so many bytes arrive that are sent now, virtual seconds."""

    def at(self, when: float, callback: Callable[[], None]) -> None:
        """Plan something that belongs to no node."""

    def sent(self, direction: Direction, data: bytes) -> None:
        """Bytes were sent."""

    def forget(self, connection: "Connection") -> None:
        """A connection is over. Idempotent."""


class ServerProtocol(Protocol):
    """The server's end of one connection."""

    def received(self, data: bytes) -> None:
        """Bytes arrived."""

    def lost(self, reason: str) -> None:
        """The connection is over. Not called when the server itself ended it."""


class Acceptor(Protocol):
    """A server that listens."""

    def accept(self, connection: "Connection") -> ServerProtocol | None:
        """Take a connection; None refuses it."""


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else 0


class _Flow:
    """One direction of one connection: bytes under way, in order. None ends the stream, an error breaks it."""

    __slots__ = ("_armed", "_connection", "_deliver", "_last", "_queue", "direction", "size")

    def __init__(
        self, connection: "Connection", direction: Direction, deliver: Callable[[Piece], None]
    ) -> None:
        self._connection = connection
        self.direction = direction
        self._deliver = deliver
        self._queue: deque[tuple[float, Piece]] = deque()
        self._last = 0.0
        self._armed = False
        self.size = 0
        """Bytes under way."""

    def push(self, data: Piece) -> None:
        size = _length(data)
        self._last = max(self._last, self._connection.link.arrival(self.direction, size))
        self._queue.append((self._last, data))
        self.size += size
        self._arm()

    def hurry(self, *, not_before: float) -> None:
        """The link healed: what waited arrives from then on."""
        waiting = [(max(at, not_before), data) for at, data in self._queue]
        self._queue.clear()
        self._queue.extend(waiting)
        self._last = max(self._last, not_before)
        self._arm()

    def clear(self) -> None:
        self._queue.clear()
        self.size = 0

    def _arm(self) -> None:
        if self._queue and not self._armed and self._connection.passes(self.direction):
            self._armed = True
            self._connection.link.at(self._queue[0][0], self._fire)

    def _fire(self) -> None:
        self._armed = False
        queue, loop = self._queue, self._connection.link.loop
        while queue and queue[0][0] <= loop.time() and self._connection.passes(self.direction):
            _, data = queue.popleft()
            self.size -= _length(data)
            self._deliver(data)
        self._arm()


class Connection:
    """One connection, as its server sees it."""

    def __init__(self, link: Carrier) -> None:
        self.link = link
        self.client = SimSocket(self)
        self.up = _Flow(self, "up", self._arrived_up)
        self.down = _Flow(self, "down", self._arrived_down)
        self.server: ServerProtocol | None = None
        self.stranded = False
        """Nothing passes any more, whatever becomes of the link."""

    def passes(self, direction: Direction) -> bool:
        """Whether bytes get through in this direction."""
        return not self.stranded and passes(self.link.state, direction)

    def send(self, data: bytes) -> None:
        """Send to the client; nothing happens on a connection that is over."""
        if self.server is None:
            return
        if self.down.size + len(data) > SERVER_BUFFER_MAX:
            server = self.server
            self.abort("the client does not read: send buffer full")
            server.lost("the client does not read: send buffer full")
            return
        self.link.sent("down", data)
        self.down.push(data)

    def close(self) -> None:
        """End it politely: the client reads what is under way, then the end of the stream. ``lost`` is not called."""
        if self.server is not None:
            self.server = None
            self.up.clear()
            self.down.push(None)

    def abort(self, reason: str) -> None:
        """End it with a reset that travels to the client as bytes do. ``lost`` is not called."""
        if self.server is not None:
            self.server = None
            self.up.clear()
            self.down.clear()
            self.down.push(ConnectionResetError(f"simulated: {reason}"))

    def reset(self, reason: str) -> None:
        """End it with a reset on both sides, at once."""
        self._lose(reason)
        self.client.fail(ConnectionResetError(f"simulated: {reason}"))

    def client_closed(self) -> None:
        """The client closed its socket."""
        if not self.passes("up"):
            self.up.clear()  # it gave up: what waited is gone, and the server is not told
        elif self.server is not None:
            self.up.push(None)

    def unplugged(self) -> None:
        """The client's machine lost its power. What had left it is under way; the server is not told."""
        self.link.loop.close_file(self.client.descriptor)
        if not self.passes("up"):
            self.up.clear()

    def _arrived_up(self, data: Piece) -> None:
        if self.server is None:
            return
        if isinstance(data, bytes):
            self.server.received(data)
            self.client.drained()
        else:
            self._lose("closed by the client")

    def _arrived_down(self, data: Piece) -> None:
        life = self.client.life
        if life is not None and life.dead:
            if self.link.loop.alive(life.node):
                self._lose("reset by a machine that knows nothing of it")
            return
        if self.client.closed:
            self._lose("reset by the client, who had closed it")
            return
        if isinstance(data, OSError):
            self.client.fail(data)
        else:
            self.client.arrived(data)
        if not isinstance(data, bytes):
            self.link.forget(self)

    def _lose(self, reason: str) -> None:
        server, self.server = self.server, None
        self.link.forget(self)
        self.up.clear()
        self.down.clear()
        if server is not None:
            server.lost(reason)


class SimSocket:
    """The client's end: as much of socket.socket as paho touches. TLS is transparent: bytes go in the clear."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM

    def __init__(self, connection: Connection) -> None:
        self.life: Life | None = current_life()
        self.closed = False
        self.options: dict[tuple[int, int], Any] = {}
        """What setsockopt was told. None of it has an effect."""
        self._connection = connection
        self._loop = connection.link.loop
        self.descriptor = self._loop.open_file(self)
        self._received = bytearray()
        self._ended = False
        self._error: OSError | None = None

    # --- for programs --------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """The loop's descriptor, -1 when closed."""
        return -1 if self.closed else self.descriptor

    def setblocking(self, flag: bool) -> None:
        """Always non-blocking."""

    def settimeout(self, value: float | None) -> None:
        """Always non-blocking."""

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Remember an option; see ``options``."""
        self.options[level, option] = value

    def getpeername(self) -> tuple[str, int]:
        """The server's host and port."""
        return self._connection.link.server

    def recv(self, size: int) -> bytes:
        """As socket.recv on a non-blocking socket."""
        if self._received:
            data = bytes(self._received[:size])
            del self._received[:size]
            return data
        self._check()
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """As socket.send on a non-blocking socket."""
        self._check()
        if self.life is not None and self.life.dead:
            return len(data)  # the last step of a machine without power: it thinks that it sends
        flow = self._connection.up
        piece = bytes(data[: SEND_BUFFER_MAX - flow.size])
        if not piece:
            raise BlockingIOError
        self._connection.link.sent("up", piece)
        flow.push(piece)
        return len(piece)

    def shutdown(self, how: int) -> None:
        """Nothing: close follows."""

    def close(self) -> None:
        """As socket.close. Idempotent."""
        if not self.closed:
            self.closed = True
            self._loop.close_file(self.descriptor)
            if self.life is None or not self.life.dead:
                self._connection.client_closed()

    def _check(self) -> None:
        if self.closed:
            raise OSError(9, "simulated: bad file descriptor")
        if self._error is not None:
            raise self._error

    # --- for the loop and the connection ---------------------------------------------------------------------------

    def readable(self) -> bool:
        """For the loop."""
        return bool(self._received) or self._ended or self._error is not None

    def writable(self) -> bool:
        """For the loop."""
        return self._error is not None or self._connection.up.size < SEND_BUFFER_MAX

    def arrived(self, data: bytes | None) -> None:
        """Bytes, or the end of the stream, came."""
        if data is None:
            self._ended = True
        else:
            self._received += data
        self._loop.poll(self.descriptor)

    def drained(self) -> None:
        """There may be room for more."""
        self._loop.poll(self.descriptor)

    def fail(self, error: OSError) -> None:
        """The connection broke; what was received and not read is lost, as after a reset."""
        if not self.closed and self._error is None:
            self._error = error
            self._received.clear()
            self._loop.poll(self.descriptor)
