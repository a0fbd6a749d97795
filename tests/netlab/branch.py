"""A branch of the laboratory: its namespace, its links, and the process of ``half.py`` in it."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from crypto.codec import b64
from tests.netlab.air import ROOT, Air
from tests.netlab.cable import Cable
from tests.netlab.election import election
from tests.netlab.link import BROKER, broker_over
from tests.peers.namespaces import Namespace
from tests.peers.program import end

PATIENCE_S: Final = 60.0  # until anything has happened, however busy the machine
KINDS: Final = {"fib": "fibre", "lte": "4g", "sat": "satellite"}
Report = dict[str, Any]


class Branch:
    """One branch. Its uplinks have the names of its links."""

    def __init__(
        self, namespace: Namespace, links: Mapping[str, Cable | Air], folder: Path, name: str, port: int
    ) -> None:
        self.namespace, self.links, self.name = namespace, links, name
        self.folder, self.port = folder, port
        self.reports: list[Report] = []
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.log = folder / "kitd.log"

    def cable(self, name: str) -> Cable:
        """The link of this name, which is one."""
        link = self.links[name]
        assert isinstance(link, Cable)
        return link

    def air(self, name: str) -> Air:
        """As ``cable``."""
        link = self.links[name]
        assert isinstance(link, Air)
        return link

    def start(
        self,
        uplinks: Sequence[str] = (),
        *,
        bound: bool = True,
        keys: Mapping[str, Mapping[str, object]] | None = None,
        more: str = "",
    ) -> None:
        """Start kitd over these links (all by default), and wait until it is ready.

        ``bound``: each session to its interface; else sessions leave as the routes say. ``keys``: further keys of
        [[uplinks]], by uplink, or others than usual. ``more``: tables at the end.
        """
        config = self.folder / "kitd.toml"
        config.write_text(self._config(tuple(uplinks) or tuple(self.links), keys or {}, bound=bound) + more)
        self._spawn("tests.netlab.half", str(config))

    def start_plain(self) -> None:
        """Start plain_client.py instead, and wait until its session stands."""
        self._spawn("tests.netlab.plain_client", self.name, BROKER, str(self.port))

    def _spawn(self, module: str, *words: str) -> None:
        command = self.namespace.command(sys.executable, "-m", module, *words)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()
        self.wait(lambda report: report["what"] == "ready")

    def tell(self, command: str) -> None:
        """One of the commands of half.py."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def mark(self) -> int:
        """The place after all reports so far."""
        return len(self.reports)

    def wait(
        self, wanted: Callable[[Report], bool], since: int = 0, patience_s: float = PATIENCE_S
    ) -> Report:
        """The first report like that from a place on."""
        deadline = time.monotonic() + patience_s
        place = since
        with self._news:
            while True:
                while place < len(self.reports):
                    place += 1
                    if wanted(self.reports[place - 1]):
                        return self.reports[place - 1]
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    raise AssertionError(
                        f"{self.name}: not within {patience_s:g} s; since then it said {self.reports[since:][-20:]}; "
                        f"its log ends: {self.log.read_text()[-3000:]}"
                    )

    def until_usable(self, *uplinks: str, since: int = 0) -> Report:
        """Until exactly these work (in any order)."""
        return self.wait(
            lambda report: report["what"] == "usable" and set(report["uplinks"]) == set(uplinks), since
        )

    def until_answers(self, uplink: str) -> None:
        """Until a probe of this uplink, sent now or as soon as its session stands, comes back."""
        self.wait(lambda _: uplink in self.usable())
        since = self.mark()
        self.tell(f"probe {uplink}")
        self.wait(lambda report: report["what"] == "echo" and report["uplink"] == uplink, since)

    def usable(self) -> list[str]:
        """What works now, best first."""
        for report in reversed(self.reports):
            if report["what"] == "usable":
                return list(report["uplinks"])
        return []

    def seal(self) -> "Delivery":
        """Have the next tally sealed."""
        since = self.mark()
        self.tell("seal")
        return Delivery(self, self.wait(lambda report: report["what"] == "sealed", since), since)

    def close(self) -> None:
        """End kitd: politely, then not."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE_S / 6)
        except subprocess.TimeoutExpired:
            end(process, signal.SIGKILL)
        self._join()

    def kill(self) -> None:
        """End kitd as a loss of power would. It may be started again, with what it had on disk."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        end(process, signal.SIGKILL)
        process.stdin.close()
        self._join()

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(PATIENCE_S / 6)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with self._news:
                    self.reports.append(json.loads(line))
                    self._news.notify_all()

    def _config(
        self, uplinks: Sequence[str], keys: Mapping[str, Mapping[str, object]], *, bound: bool
    ) -> str:
        who = election()
        entry = who.loaded.branch(self.name)
        trusted = ", ".join(f'"{b64(key.public)}"' for key in who.manifest_keys)
        (self.folder / "manifest.dsse.json").write_bytes(who.manifest_bytes)
        key = self.folder / "device.key"
        key.touch(mode=0o600)
        key.write_bytes(who.devices[entry.device].seed)
        text = f"""\
branch = "{self.name}"
state_dir = "state"
manifest = "manifest.dsse.json"
device_key = "device.key"
control_socket = "kitd.sock"
rehearsal = true

[trust]
threshold = {who.threshold}
manifest_keys = [{trusted}]

[[terminals]]
id = "{entry.terminals[0]}"
port = "none"
"""
        for name in uplinks:
            at = self.links[name].at
            table: dict[str, object] = {
                "name": name,
                "kind": KINDS[name[:3]],
                "host": BROKER if bound else broker_over(at.place),
                "port": self.port,
            }
            if bound:
                gateway = "none" if name.startswith("lte") else "auto"
                table["interface"] = {"name": at.interface, "gateway": gateway}
            table |= keys.get(name, {})
            text += "\n[[uplinks]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
        return text


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


class Delivery:
    """One sealed tally on its way."""

    def __init__(self, branch: Branch, sealed: Report, since: int) -> None:
        self._branch, self.since = branch, since
        self.seq: int = sealed["seq"]
        self.asked: float = sealed["asked"]

    def receipt(self, patience_s: float = PATIENCE_S) -> Report:
        """Wait for its verified receipt."""
        return self._branch.wait(
            lambda report: report["what"] == "receipt" and report["seq"] == self.seq, self.since, patience_s
        )

    def took_s(self) -> float:
        """Seconds from the order to seal to the verified receipt."""
        return float(self.receipt()["t"]) - self.asked
