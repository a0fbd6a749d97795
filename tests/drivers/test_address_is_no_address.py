"""Names that lead nowhere are lines that are not there, whatever the system calls wrong about them."""

import asyncio
from collections.abc import Callable

import pytest

from drivers import tcp
from drivers.ports import OpenStream, StreamClosedError
from drivers.printer.lines import network, usb
from drivers.uart import uart


def _tcp(host: str) -> OpenStream:
    return lambda: tcp.connect(host, 9)


@pytest.mark.parametrize("open_line", [_tcp, network])
@pytest.mark.parametrize("host", ["a..b", "x" * 70, "a\0b", "\udc80"])
async def test_host_that_cannot_be_one_ends_the_driver(
    open_line: Callable[[str], OpenStream], host: str
) -> None:
    with pytest.raises(StreamClosedError):
        await open_line(host)()


@pytest.mark.parametrize("open_line", [lambda path: uart(path, 9600), usb])
@pytest.mark.parametrize("path", ["/dev/\0", "", "/", "x" * 5_000])
async def test_path_that_cannot_be_one_ends_the_driver(
    open_line: Callable[[str], OpenStream], path: str
) -> None:
    with pytest.raises(StreamClosedError):
        await open_line(path)()


async def test_device_that_never_stops_talking_starves_the_others() -> None:
    stream = await usb("/dev/zero")()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    for _ in range(100):
        await stream.read()
    counting.cancel()
    stream.close()
    assert turns >= 50
