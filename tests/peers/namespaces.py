"""Network namespaces, and what is done in them."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from tests import peers

RUN_MAX: Final = 20.0  # seconds for one command
_ETC: Final = Path("/etc/netns")  # what ip-netns(8) lays over /etc
_MINE: Final = "/proc/thread-self/ns/net"
_CLONE_NEWNET: Final = 0x40000000
_libc: Final = ctypes.CDLL(None, use_errno=True)
_numbers = count()


class Namespace:
    """One network namespace with its loopback up. Where none may be made, the test is skipped; in CI it fails."""

    def __init__(self, purpose: str) -> None:
        self._ip = peers.require_program("ip")
        self.name = f"kit-{os.getpid()}-{next(_numbers)}-{purpose}"
        made = subprocess.run(
            [self._ip, "netns", "add", self.name],
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_MAX,
        )
        if made.returncode != 0:
            peers.missing(f"a network namespace cannot be made here: {made.stderr.strip()}")
        self.ip("link set lo up")

    def ip(self, *lines: str, force: bool = False) -> None:
        """Lines of ip-batch(8), without the word ``ip``. ``force``: go on where one of them fails."""
        words = [self._ip, "-n", self.name, *(["-force"] if force else []), "-batch", "-"]
        self._run(words, "\n".join(lines) + "\n", may_fail=force)

    def nft(self, *lines: str) -> None:
        """Lines of nft(8), all or none of them."""
        with self.inside():
            self._run([peers.require_program("nft"), "-f", "-"], "\n".join(lines) + "\n")

    def nft_json(self, *words: str) -> str:
        """What nft(8) lists, as JSON."""
        with self.inside():
            return self._run([peers.require_program("nft"), "-j", *words])

    def tc(self, line: str) -> None:
        """One line of tc(8), without the word ``tc``."""
        with self.inside():
            self._run([peers.require_program("tc"), *line.split()])

    def command(self, *words: str) -> list[str]:
        """The words that run a program in here, with /sys and /etc/resolv.conf of its own; its process id is kept."""
        return [self._ip, "netns", "exec", self.name, *words]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread opens, and whom it starts, lies in here meanwhile."""
        home, there = (os.open(path, os.O_RDONLY) for path in (_MINE, f"/run/netns/{self.name}"))
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(there)
            os.close(home)

    def resolve_by(self, server: str) -> None:
        """Give programs that ``command`` starts a name server."""
        folder = _ETC / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {server}\noptions timeout:1 attempts:1\n")

    def delete(self) -> None:
        """All that is in it goes with it, once the processes in it have ended."""
        subprocess.run([self._ip, "netns", "delete", self.name], check=False, timeout=RUN_MAX)
        folder = _ETC / self.name
        (folder / "resolv.conf").unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()

    def _run(self, words: list[str], said: str = "", *, may_fail: bool = False) -> str:
        done = subprocess.run(words, input=said, capture_output=True, text=True, check=False, timeout=RUN_MAX)
        assert may_fail or done.returncode == 0, f"{' '.join(words)}: {said}: {done.stderr}"
        return done.stdout


def run(*words: str, said: str = "") -> str:
    """Run one command in the namespace that this thread is in; returns what it prints."""
    done = subprocess.run(
        [peers.require_program(words[0]), *words[1:]],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_MAX,
    )
    assert done.returncode == 0, f"{' '.join(words)}: {said}: {done.stderr}"
    return done.stdout


def _enter(namespace: int) -> None:
    """Of this thread alone: others may be elsewhere at the same time."""
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
