"""Lines to printers other than serial ones: the kernel's USB printer device, and raw TCP as on port 9100."""

import asyncio
import contextlib
import os
import stat
from typing import Final

from drivers.descriptor import Descriptor
from drivers.ports import ByteStream, OpenStream, StreamClosedError
from drivers.tcp import connect

READ_MAX: Final = 4096  # bytes taken from the line at once
NETWORK_PORT: Final = 9100  # "raw", AppSocket, JetDirect
_EMPTY_READ_S: Final = 0.05  # a pause: usblp reads nothing, at once, where a printer sends empty packets


def usb(path: str) -> OpenStream:
    """Returns what opens a USB printer by its character device, such as ``/dev/usb/lp0`` (the kernel's usblp).

    It raises StreamClosedError when the device is not there, belongs to another program, or is no such device.
    """

    async def open_stream() -> ByteStream:
        try:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except (OSError, ValueError) as wrong:  # ValueError: what no path can be
            raise StreamClosedError(
                f"cannot open {path}: {wrong}; check the cable, the printer's power, and that this user is "
                f"in the group that owns the device (usually lp)"
            ) from wrong
        if not stat.S_ISCHR(os.fstat(fd).st_mode):
            os.close(fd)
            raise StreamClosedError(f"{path} is no character device: usblp makes one, such as /dev/usb/lp0")
        return _UsbPrinter(fd, path)

    return open_stream


def network(host: str, port: int = NETWORK_PORT) -> OpenStream:
    """Returns what connects to a printer on the network; it raises StreamClosedError when that fails."""

    async def open_stream() -> ByteStream:
        try:
            return await connect(host, port)
        except StreamClosedError as wrong:
            raise StreamClosedError(f"the printer: {wrong}; check its power, cable and address") from wrong

    return open_stream


class _UsbPrinter:
    """An open character device. One task may read while another writes."""

    def __init__(self, fd: int, path: str) -> None:
        self._line = Descriptor(fd, path)

    async def read(self) -> bytes:
        while True:
            await asyncio.sleep(0)  # a device that never stops talking leaves the others their turn
            self._line.check_open()
            try:
                data = os.read(self._line.fd, READ_MAX)
            except BlockingIOError:
                await self._line.ready(writing=False)
                continue
            except OSError as wrong:
                raise StreamClosedError(f"{self._line.path} is gone: {wrong.strerror}") from wrong
            if data:
                return data
            await asyncio.sleep(_EMPTY_READ_S)

    async def write(self, data: bytes) -> None:
        await self._line.write(data)

    def close(self) -> None:
        if self._line.closed:
            return
        self._line.let_go()
        with contextlib.suppress(OSError):
            os.close(self._line.fd)
