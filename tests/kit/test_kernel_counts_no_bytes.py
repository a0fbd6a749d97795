"""An old kernel, a closed socket, no socket at all: then nothing is told, and what is reckoned stands."""

import os
import socket
from collections.abc import Iterator

import pytest

from kit.uplinks.on_the_air import TELL_BYTES, TELL_S, Meter, read_total, tell_end


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            yield near, far


class Old(socket.socket):
    """Of a kernel before Linux 4.19."""

    def getsockopt(self, level: int, option: int, size: int = 0) -> bytes:  # type: ignore[override]
        return super().getsockopt(level, option, min(size, 192))


def test_old_kernel_is_read_as_none_at_all(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    with Old(fileno=os.dup(near.fileno())) as old:
        assert read_total(old) is None
    assert (read_total(near) or 0) > 100


@pytest.mark.parametrize("what", [None, "a socket", 7])
def test_something_else_is_read_as_a_socket(what: object) -> None:
    told: list[int] = []
    tell_end(what, told.append)
    Meter(told.append).look(what, ends=True)
    assert told == []


def test_closed_and_local_sockets_have_bytes_on_the_air(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    near.close()
    one, other = socket.socketpair()
    with one, other:
        assert (read_total(near), read_total(one)) == (None, None)


def test_meter_tells_twice_too_often_or_never(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    told: list[int] = []
    meter = Meter(told.append)
    meter.look(near)
    meter.tell(TELL_S / 2)
    assert told == [], "not worth it yet"
    meter.tell(TELL_S)
    assert len(told) == 1
    near.sendall(bytes(TELL_BYTES))
    meter.look(near)
    meter.tell(TELL_S + 1)
    assert told[1] >= TELL_BYTES
    meter.tell(10 * TELL_S)
    assert len(told) == 2
    far.recv(2 * TELL_BYTES)
    meter.look(near, ends=True)
    near.close()
    meter.look(near, ends=True)
    meter.tell_all()
    meter.tell_all()
    assert len(told) == 3
