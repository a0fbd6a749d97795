"""The lines of the stand: a pseudo-terminal under a name of one's choice, a UDP port, a TCP port."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from simulators.devices.pty import PtyLine

Hear = Callable[[bytes], bytes]
DATAGRAM_MAX: Final = 65_535  # bytes
BACKLOG_MAX: Final = 64 * 1024  # bytes that wait for a TCP peer to take them; more is lost


_OURS: Final = ("/dev/pts/", "udp:", "tcp:")  # how the targets of simulators' links begin


class LinkTakenError(Exception):
    """Another simulator has the link, or something stands in its place that no simulator has made."""


def claim(link: Path) -> socket.socket:
    """Take a link for this process; closing what is returned, or dying, gives it back. Raises LinkTakenError.

    The claim is a name in Linux's abstract socket namespace: a simulator that was killed leaves none behind.
    """
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind("\0kit-sim " + sha256(os.fsencode(link.absolute())).hexdigest())
    except OSError as wrong:
        held.close()
        raise LinkTakenError(
            f"{link}: another simulator serves it; stop that one, or choose another name"
        ) from wrong
    return held


def point(link: Path, target: str) -> None:
    """Make ``link`` a symbolic link to ``target``, in place of a simulator's; raises LinkTakenError, OSError."""
    if link.is_symlink():
        if not str(link.readlink()).startswith(_OURS):
            raise LinkTakenError(f"{link}: points at {link.readlink()}, which no simulator made; remove it")
        link.unlink()
    elif link.exists():
        raise LinkTakenError(f"{link}: is there and no symbolic link; choose another name, or remove it")
    link.symlink_to(target)


def unpoint(link: Path, target: str) -> None:
    """Remove ``link``, unless somebody has made another one of it."""
    with contextlib.suppress(OSError):
        if str(link.readlink()) == target:
            link.unlink()


class LinkedPty:
    """A pseudo-terminal that is found under ``link``. Each ``plug`` after an ``unplug`` makes a new one."""

    def __init__(self, link: Path, hear: Hear) -> None:
        self._link: Final = link
        self._hear: Final = hear
        self._pty: PtyLine | None = None
        self._claim: socket.socket | None = None

    def send(self, data: bytes) -> None:
        """Nobody hears what an unplugged device says."""
        if self._pty is not None:
            self._pty.babble(data)

    def plug(self) -> str:
        """Open a pseudo-terminal and point the link at it; raises LinkTakenError, OSError."""
        if self._claim is None:
            self._claim = claim(self._link)
        if self._pty is None:
            pty = PtyLine(self._hear)
            try:
                point(self._link, pty.path)
            except BaseException:
                pty.close()
                self.close()
                raise
            pty.start()
            self._pty = pty
        return f"plugged in as {self._link}, which is {self._pty.path}"

    def unplug(self) -> str:
        """Hang up; the link is gone, and stays claimed."""
        if self._pty is not None:
            self._pty.close()
            unpoint(self._link, self._pty.path)
            self._pty = None
        return f"unplugged: {self._link} is gone"

    def close(self) -> None:
        """Hang up, remove the link and give it up."""
        self.unplug()
        if self._claim is not None:
            self._claim.close()
            self._claim = None


class _Port:
    """An address on this machine. ``link``, where given, points at it; such a link is no file, but can be read."""

    def __init__(self, scheme: str, listening: socket.socket, link: Path | None) -> None:
        listening.setblocking(False)
        self._socket, self._link = listening, link
        self.address: Final = "{}:{}:{}".format(scheme, *listening.getsockname())
        self._serving: Callable[[], None] | None = None
        """Ends what serves now; None while unplugged."""
        self._claim: socket.socket | None = None

    def plug(self) -> str:
        """Answer from now on; raises LinkTakenError, OSError."""
        if self._serving is None:
            if self._link is not None:
                self._claim = self._claim or claim(self._link)
                point(self._link, self.address)
            self._serving = self._serve()
        return f"answers on {self.address}"

    def unplug(self) -> str:
        """Hang up; nothing is answered until it is plugged in again."""
        if self._serving is not None:
            self._serving()
            self._serving = None
        return f"no longer answers on {self.address}"

    def close(self) -> None:
        """Give the address up and remove the link."""
        if self._socket.fileno() >= 0:
            self.unplug()
            self._socket.close()
            if self._claim is not None and self._link is not None:
                unpoint(self._link, self.address)
                self._claim.close()
                self._claim = None

    def _serve(self) -> Callable[[], None]:
        """Begin to serve; returns what ends it."""
        raise NotImplementedError


class UdpPort(_Port):
    """A UDP port; every datagram is fed whole. The link points at ``udp:HOST:PORT``."""

    def __init__(self, host: str, port: int, hear: Hear, link: Path | None) -> None:
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listening.bind((host, port))
        except OSError:
            listening.close()
            raise
        super().__init__("udp", listening, link)
        self._hear = hear
        self._peer: tuple[str, int] | None = None

    def send(self, data: bytes) -> None:
        """A late answer: to who asked last."""
        if data and self._serving is not None and self._peer is not None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                self._socket.sendto(data, self._peer)

    def _serve(self) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._on_datagram)

        def end() -> None:
            loop.remove_reader(self._socket)

        return end

    def _on_datagram(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            data, self._peer = self._socket.recvfrom(DATAGRAM_MAX)
            self.send(self._hear(data))


class TcpPort(_Port):
    """A TCP port, as of a network printer: one peer at a time. The link points at ``tcp:HOST:PORT``."""

    def __init__(self, host: str, port: int, hear: Hear, link: Path | None) -> None:
        super().__init__("tcp", socket.create_server((host, port)), link)
        self._hear = hear
        self._peer: asyncio.StreamWriter | None = None

    def send(self, data: bytes) -> None:
        """To the peer, where there is one and it takes what is said."""
        peer = self._peer
        if peer is not None and peer.transport.get_write_buffer_size() <= BACKLOG_MAX:
            peer.write(data)

    def _serve(self) -> Callable[[], None]:
        accepting = asyncio.get_running_loop().create_task(self._accept())

        def end() -> None:
            accepting.cancel()
            if self._peer is not None:
                self._peer.transport.abort()
                self._peer = None

        return end

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            reader, writer = await asyncio.open_connection(sock=connection)
            self._peer = writer
            try:
                while data := await reader.read(4096):
                    self.send(self._hear(data))
            except ConnectionError:
                pass
            finally:
                self._peer = None
                writer.transport.abort()
