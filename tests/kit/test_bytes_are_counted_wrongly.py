"""The kernel's counts of a connection are told once, never backwards, and not where they are short."""

import asyncio
import socket
from pathlib import Path

import pytest

from kit.tables.uplinks import UplinkTls
from kit.uplinks import on_the_air
from kit.uplinks.dialler import Dialler
from kit.uplinks.errors import DialError
from kit.uplinks.gateway import Gateway
from kit.uplinks.on_the_air import TELL_S, Meter

HOST = "127.0.0.1"


async def test_connection_whose_tls_cannot_begin_is_paid_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the configuration are gone: the socket is as it was when the handshake was given up."""
    totals: list[int] = []
    read = on_the_air.read_total

    def note(connection: object, *, ends: bool = False) -> int | None:
        total = read(connection, ends=ends)
        totals.extend([] if total is None else [total])
        return total

    monkeypatch.setattr(on_the_air, "read_total", note)
    spent: list[int] = []
    server = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0)
    port = server.sockets[0].getsockname()[1]
    tls = UplinkTls(ca_file=str(tmp_path / "gone.pem"))
    dialler = Dialler(Gateway(HOST, port, tls=tls), lambda: 0, lambda *_: None, spent.append)
    with pytest.raises(DialError, match="ca_file cannot be used"):
        await dialler.dial(None, 1.0)
    server.close()
    assert len(spent) == 1
    assert spent == totals[:1]


def test_counts_that_go_backwards_are_paid_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    counts = iter([5_000, 4_000, 5_500, None, 6_000])
    monkeypatch.setattr(on_the_air, "read_total", lambda *_, **__: next(counts))
    meter = Meter(told.append)
    for turn in range(5):
        meter.look(None)
        meter.tell((turn + 1) * TELL_S)
    meter.tell_all()
    assert sum(told) == 6_000


def test_kernel_that_says_less_is_believed() -> None:
    """Linux before 4.19 leaves the last words away."""

    class Old(socket.socket):
        def getsockopt(self, *what: int) -> bytes:  # type: ignore[override]
            return super().getsockopt(what[0], what[1], min(what[2], 192))

    with Old() as old:
        assert on_the_air.read_total(old) is None
        meter = Meter(lambda _: pytest.fail("nothing is known"))
        meter.look(old)
        meter.tell_all()
