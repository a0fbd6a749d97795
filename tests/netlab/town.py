"""The world around the centre as a laboratory holds it: certificates, the servers of ``servers.py``, a lying broker."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.center.site import free_port
from tests.netlab.air import ROOT
from tests.netlab.servers import LIE
from tests.peers.certificates import Authority, Issued
from tests.peers.mosquitto import Mosquitto
from tests.peers.namespaces import Namespace
from tests.peers.program import end

NAME: Final = "broker.example"
LIAR_HOST: Final = "0.0.0.0"  # noqa: S104 - of a namespace that nobody else is in


class Certificates:
    """Those of the broker, good at first; ``authority`` is the one that branches trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tls"
        self._folder.mkdir()
        self.authority = Authority(self._folder)
        self.strangers = Authority(self._folder, "strangers")
        self.port = free_port()
        self.good = self.authority.issue(NAME)
        self._files = self._folder / "current.crt", self._folder / "current.key"
        self._take(self.good)

    def lines(self) -> tuple[str, ...]:
        """Of mosquitto.conf(5): one more listener, with TLS."""
        return (f"listener {self.port}", f"certfile {self._files[0]}", f"keyfile {self._files[1]}")

    def present(self, issued: Issued, broker: Mosquitto) -> None:
        """From now on new sessions see this one."""
        self._take(issued)
        broker.reload()

    def _take(self, issued: Issued) -> None:
        for source, target in zip((issued.certificate_file, issued.key_file), self._files, strict=True):
            shutil.copyfile(source, target)


class Town:
    """The servers, and a broker that takes everything and tells nobody."""

    def __init__(self, folder: Path, wan: Namespace, certificates: Certificates, undo: ExitStack) -> None:
        strange = certificates.strangers.issue(NAME)
        self._process = subprocess.Popen(
            wan.command(
                *(sys.executable, "-m", "tests.netlab.servers"),
                *(str(strange.certificate_file), str(strange.key_file)),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        undo.callback(self._close)
        self._await_done()
        (folder / "liar").mkdir()
        self.plain_port = free_port()
        liar = Mosquitto(
            folder / "liar",
            *strange.for_mosquitto(),
            f"listener {self.plain_port}",
            listen=LIAR_HOST,
        )
        undo.callback(liar.kill)
        wan.ip(f"address add {LIE}/32 dev lo")
        with wan.inside():
            asyncio.run(liar.start())
        wan.nft(
            f"add rule inet lab nat ip daddr {LIE} tcp dport {certificates.port} redirect to :{liar.port}"
        )
        self.liar = liar

    def lie_to(self, *starts: str) -> None:
        """From now on the name servers lie to askers whose addresses begin so, and to no others."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(starts).encode() + b"\n")
        self._process.stdin.flush()
        self._await_done()

    def _await_done(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"done\n", "the servers are gone"

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        end(self._process, signal.SIGTERM)
