"""The lines of the stand: a pseudo-terminal under a name of one's choice, a UDP port, a TCP port."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulators.devices.pty import PtyLine

Hear = Callable[[bytes], bytes]
DATAGRAM_MAX: Final = 65_535  # bytes
BACKLOG_MAX: Final = 64 * 1024  # bytes that wait for a TCP peer to take them; more is lost


class LinkTakenError(Exception):
    """Something that is no symbolic link stands where the link is to be."""


def point(link: Path, target: str) -> None:
    """Make ``link`` a symbolic link to ``target``, in place of an older one; raises LinkTakenError, OSError."""
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise LinkTakenError(f"{link}: is there and no symbolic link; choose another name, or remove it")
    link.symlink_to(target)


class LinkedPty:
    """A pseudo-terminal that is found under ``link``. Each ``plug`` after an ``unplug`` makes a new one."""

    def __init__(self, link: Path, hear: Hear) -> None:
        self._link: Final = link
        self._hear: Final = hear
        self._pty: PtyLine | None = None

    def send(self, data: bytes) -> None:
        """Nobody hears what an unplugged device says."""
        if self._pty is not None:
            self._pty.babble(data)

    def plug(self) -> str:
        """Open a pseudo-terminal and point the link at it; raises LinkTakenError, OSError."""
        if self._pty is None:
            pty = PtyLine(self._hear)
            try:
                point(self._link, pty.path)
            except BaseException:
                pty.close()
                raise
            pty.start()
            self._pty = pty
        return f"plugged in as {self._link}, which is {self._pty.path}"

    def unplug(self) -> str:
        """Hang up; the link is gone."""
        self.close()
        return f"unplugged: {self._link} is gone"

    def close(self) -> None:
        """Hang up and remove the link."""
        if self._pty is not None:
            self._pty.close()
            self._pty = None
            with contextlib.suppress(FileNotFoundError):
                self._link.unlink()


class UdpPort:
    """A UDP port; every datagram is fed whole. ``link``, where given, points at ``udp:HOST:PORT``, which is no file."""

    def __init__(self, host: str, port: int, hear: Hear, link: Path | None) -> None:
        self._link, self._hear = link, hear
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self.address: Final = "udp:{}:{}".format(*self._socket.getsockname())
        self._plugged = False
        self._peer: tuple[str, int] | None = None

    def send(self, data: bytes) -> None:
        """A late answer: to who asked last."""
        if data and self._plugged and self._peer is not None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                self._socket.sendto(data, self._peer)

    def plug(self) -> str:
        """Answer from now on; raises LinkTakenError, OSError."""
        if not self._plugged:
            if self._link is not None:
                point(self._link, self.address)
            asyncio.get_running_loop().add_reader(self._socket, self._on_datagram)
            self._plugged = True
        return f"answers on {self.address}"

    def unplug(self) -> str:
        """Datagrams are lost until it is plugged in again."""
        if self._plugged:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._plugged = False
        return f"no longer answers on {self.address}"

    def close(self) -> None:
        """Give the port up and remove the link."""
        if self._socket.fileno() >= 0:
            self.unplug()
            self._socket.close()
            if self._link is not None:
                self._link.unlink(missing_ok=True)

    def _on_datagram(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            data, self._peer = self._socket.recvfrom(DATAGRAM_MAX)
            self.send(self._hear(data))


class TcpPort:
    """A TCP port, as of a network printer: one peer at a time. ``link``, where given, points at ``tcp:HOST:PORT``."""

    def __init__(self, host: str, port: int, hear: Hear, link: Path | None) -> None:
        self._link, self._hear = link, hear
        self._socket = socket.create_server((host, port))
        self._socket.setblocking(False)
        self.address: Final = "tcp:{}:{}".format(*self._socket.getsockname())
        self._accepting: asyncio.Task[None] | None = None
        self._peer: asyncio.StreamWriter | None = None

    def send(self, data: bytes) -> None:
        """To the peer, where there is one and it takes what is said."""
        peer = self._peer
        if peer is not None and peer.transport.get_write_buffer_size() <= BACKLOG_MAX:
            peer.write(data)

    def plug(self) -> str:
        """Take peers from now on; raises LinkTakenError, OSError."""
        if self._accepting is None:
            if self._link is not None:
                point(self._link, self.address)
            self._accepting = asyncio.get_running_loop().create_task(self._accept())
        return f"listens on {self.address}"

    def unplug(self) -> str:
        """Hang up, and answer no call until it is plugged in again."""
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None
        if self._peer is not None:
            self._peer.transport.abort()
            self._peer = None
        return f"no longer answers on {self.address}"

    def close(self) -> None:
        """Give the port up and remove the link."""
        if self._socket.fileno() >= 0:
            self.unplug()
            self._socket.close()
            if self._link is not None:
                self._link.unlink(missing_ok=True)

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
