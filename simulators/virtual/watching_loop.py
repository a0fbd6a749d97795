"""An event loop whose file descriptors are simulated: whoever watches one is woken when its file says so."""

from collections.abc import Callable
from typing import Any, TypeVarTuple

from simulators.virtual.errors import SimulationError
from simulators.virtual.steps import SimulatedFile, Watch
from simulators.virtual.timed_loop import TimedLoop

Ts = TypeVarTuple("Ts")


class WatchingLoop(TimedLoop):
    """File descriptors on virtual time."""

    def __init__(self, *, seed: int | str, jitter_s: float) -> None:
        super().__init__(seed=seed, jitter_s=jitter_s)
        self._files: dict[int, SimulatedFile] = {}
        self._next_fd = 1_000_000
        self._readers: dict[int, Watch] = {}
        self._writers: dict[int, Watch] = {}

    def open_file(self, file: SimulatedFile) -> int:
        """Give a simulated file a descriptor; ``poll`` it whenever it may have become readable or writable."""
        self._next_fd += 1
        self._files[self._next_fd] = file
        return self._next_fd

    def close_file(self, fd: int) -> None:
        """Forget a descriptor and whoever watches it."""
        self._files.pop(fd, None)
        self.remove_reader(fd)
        self.remove_writer(fd)

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As asyncio, level-triggered; only for descriptors of ``open_file``."""
        self.remove_reader(fd)
        self._readers[fd] = Watch(self._file(fd).readable, callback, args)
        self.poll(fd)

    def remove_reader(self, fd: Any) -> bool:
        """As asyncio."""
        return _forget(self._readers.pop(fd, None))

    def add_writer(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As asyncio, level-triggered; only for descriptors of ``open_file``."""
        self.remove_writer(fd)
        self._writers[fd] = Watch(self._file(fd).writable, callback, args)
        self.poll(fd)

    def remove_writer(self, fd: Any) -> bool:
        """As asyncio."""
        return _forget(self._writers.pop(fd, None))

    def poll(self, fd: int) -> None:
        """Wake whoever watches this descriptor if it is ready for them."""
        for watch in (self._readers.get(fd), self._writers.get(fd)):
            if watch is not None:
                self._wake(watch)

    def _file(self, fd: int) -> SimulatedFile:
        file = self._files.get(fd)
        if file is None:
            raise SimulationError(
                f"descriptor {fd!r} is not open in this world: a closed socket is being watched"
            )
        return file

    def _wake(self, watch: Watch) -> None:
        if not watch.queued and not watch.gone and watch.ready():
            watch.queued = True
            self.call_soon(self._fire, watch, context=watch.ctx)

    def _fire(self, watch: Watch) -> None:
        watch.queued = False
        if not watch.gone and watch.ready():
            watch.call(*watch.arguments)
            self._wake(watch)


def _forget(watch: Watch | None) -> bool:
    if watch is None:
        return False
    watch.gone = True
    return True
