"""The real edges: the machine's clocks, its entropy, its serial lines, its lock files, systemd."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sdnotify

from drivers.ports import Baudrate, OpenStream
from drivers.uart import uart
from kit.ports import Ports

UPS_BAUD: Final = 2_400  # bits per second


class SystemClock:
    """kit.ports.Clock of this machine."""

    def monotonic_ms(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        """CLOCK_REALTIME."""
        return time.time_ns() // 1_000_000


class InUseError(Exception):
    """Another daemon holds the state directory."""


class StateLock:
    """An exclusive flock(2) on ``lock`` in the state directory, held as long as the process lives."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "lock"
        self._file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise InUseError(
                f"{state_dir} is in use by another kitd (process {holder}): two daemons would seal twice. "
                "Stop that one first, or give this one a state directory of its own"
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def close(self) -> None:
        """Release."""
        self._file.close()


def real_ports() -> Ports:
    """The ports of a real branch."""
    return Ports(
        clock=SystemClock(),
        entropy=os.urandom,
        open_stream=_serial_line,
        notify=_notifier(),
    )


def _serial_line(port: str, baudrate: Baudrate) -> OpenStream:
    """UPSes alone speak so slowly, and isolated ones draw their power from DTR high and RTS low."""
    return uart(port, baudrate, rts=baudrate > UPS_BAUD)


def _notifier() -> Callable[[str], None]:
    """Speaks to the supervisor, and never waits for it: its queue is short, and a full one would stop the kit."""
    if "NOTIFY_SOCKET" not in os.environ:  # nobody listens, and sdnotify would leave a socket open over it
        return lambda _: None
    notifier = sdnotify.SystemdNotifier()
    if notifier.socket is not None:
        notifier.socket.setblocking(False)
    notify: Callable[[str], None] = notifier.notify
    return notify
