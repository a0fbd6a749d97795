"""The real world for centerd: clock, lock file, supervisor, broker."""

import fcntl
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import sdnotify

from center.commands.store import CommandStore
from center.errors import AlreadyRunningError, LedgerError
from center.intake.spool import Spool
from center.ports import CenterPorts

LOCK_NAME: Final = "lock"
STATE_DIR_MODE: Final = 0o700
LOCKS: Final = Path("/proc/locks")


def real_ports() -> CenterPorts:
    """The ports that ``centerd`` runs with. Reads ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` (sd_notify(3))."""
    # Slow to load, and commands want no more of this file than a lock or a clock.
    from center.dialling import Dialler  # noqa: PLC0415
    from center.mqtt import MqttSession  # noqa: PLC0415
    from center.witness.http import ask  # noqa: PLC0415

    return CenterPorts(
        wall_ms=wall_ms,
        lock=lock_state_dir,
        notify=_notifier().notify,
        session=partial(MqttSession, dial=Dialler(wall_ms)),
        ask_witness=ask,
        spool=Spool,
        commands=CommandStore,
        watchdog_ms=_watchdog_ms(),
    )


def _notifier() -> sdnotify.SystemdNotifier:
    """Speaks to the supervisor, and never waits for it: its queue is short, and a full one would stop the intake."""
    notifier = sdnotify.SystemdNotifier()
    if notifier.socket is not None:
        notifier.socket.setblocking(False)
    return notifier


def wall_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def lock_state_dir(state_dir: Path) -> Callable[[], None]:
    """Claim a state directory, making it if need be; returns how to let go. The kernel lets go when we die.

    Raises:
        AlreadyRunningError: another process holds it.
        LedgerError: the directory cannot be made or written.
    """
    try:
        state_dir.mkdir(mode=STATE_DIR_MODE, parents=True, exist_ok=True)
        descriptor = os.open(state_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerError(
            f"{state_dir}: cannot be used as state directory ({error}): check owner and disk"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise AlreadyRunningError(
            f"{state_dir}: another centerd (process {holder or 'unknown'}) is running on it: stop that one first"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return lambda: os.close(descriptor)


def state_dir_in_use(state_dir: Path) -> bool:
    """Whether a process holds the lock of a state directory, without touching it (proc_locks(5)).

    True where the kernel does not tell: then whoever asks waits in vain, and no harm is done.
    """
    try:
        inode = (state_dir / LOCK_NAME).stat().st_ino
        locks = LOCKS.read_text(encoding="ascii")
    except FileNotFoundError as error:
        return bool(error.filename == str(LOCKS))
    except OSError:
        return True
    return any(f":{inode} " in line and " FLOCK " in line and "->" not in line for line in locks.splitlines())


def _watchdog_ms() -> int | None:
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return max(1, int(microseconds) // 1000) if microseconds.isdecimal() else None
