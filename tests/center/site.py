"""A centre made of real processes: a broker, centerd, its files, and the supervisor's socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import iotcore

from crypto.codec import b64
from crypto.wire import MQTT_PAYLOAD_MAX
from tests.crypto.election_fixture import Election, seed_of

ROOT: Final = Path(__file__).parents[2]
WAIT_S: Final = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start ``centerd`` or ``center`` as its entry point would."""
    code = f"from center.cli import main_{name}; main_{name}()"
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], env=environment, cwd=ROOT, **options
    )


def ran(name: str, *arguments: str | Path) -> tuple[int, str, str]:
    """Run a program to its end: exit code, stdout, stderr."""
    process = program(name, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out.decode(), err.decode()


def write_files(
    folder: Path, election: Election, changes: Mapping[str, str] | None = None, *, port: int = 1
) -> Path:
    """Manifest, keys and configuration; returns the path of the configuration. ``changes``: old text to new."""
    (folder / "manifest.dsse.json").write_bytes(election.manifest_bytes)
    (folder / "election.key").write_bytes(election.election_private_key)
    (folder / "log.key").write_bytes(seed_of("log"))
    for name in ("election.key", "log.key"):
        (folder / name).chmod(0o600)
    keys = ", ".join(f'"{b64(public)}"' for public in election.trusted.values())
    text = f"""
state_dir = "state"
manifest = "manifest.dsse.json"
log_key = "log.key"
rehearsal = true

[trust]
threshold = {election.threshold}
manifest_keys = [{keys}]

[broker]
host = "127.0.0.1"
port = {port}
"""
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "centerd.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Site:
    """One broker and one centerd; either may be killed and started again."""

    def __init__(self, folder: Path, election: Election) -> None:
        self.folder = folder
        self.election = election
        self.port = free_port()
        self.config = write_files(folder, election, port=self.port)
        self.state_dir = folder / "state"
        self.errors = folder / "centerd.log"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(WAIT_S)
        self._broker: iotcore.Broker | None = None
        self.centerd: subprocess.Popen[bytes] | None = None

    def start_broker(self) -> None:
        self._broker = iotcore.Broker(port=self.port, listen="127.0.0.1", max_payload_size=262_144)
        assert self._broker.options["max_payload_size"] > MQTT_PAYLOAD_MAX
        self._broker.start()

    def stop_broker(self) -> None:
        if self._broker is not None:
            self._broker.stop()

    def start_centerd(self, **environment: str) -> None:
        """Start it and wait until it says that it is ready."""
        environment["NOTIFY_SOCKET"] = str(self.folder / "notify")
        with self.errors.open("ab") as log:
            self.centerd = program("centerd", "--config", self.config, env=environment, stderr=log)
        self.await_notification("READY=1")

    def await_notification(self, wanted: str) -> None:
        while self._notify.recv(4096).decode() != wanted:
            pass

    def kill_centerd(self) -> None:
        assert self.centerd is not None
        self.centerd.kill()
        self.centerd.wait(WAIT_S)

    def stop_centerd(self) -> int:
        assert self.centerd is not None
        self.centerd.send_signal(signal.SIGTERM)
        return self.centerd.wait(WAIT_S)

    def log_lines(self) -> list[dict[str, Any]]:
        """Everything that centerd logged, in all its lives."""
        return [json.loads(line) for line in self.errors.read_text(encoding="utf-8").splitlines()]

    def await_log(self, event: str, times: int = 1) -> dict[str, Any]:
        """Wait until an event was logged this often; returns the last."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = [line for line in self.log_lines() if line["event"] == event]
            if len(found) >= times:
                return found[-1]
            time.sleep(0.02)
        raise TimeoutError(f"{event} was not logged {times} times: {self.errors.read_text(encoding='utf-8')}")

    def close(self) -> None:
        if self.centerd is not None and self.centerd.poll() is None:
            self.kill_centerd()
        self.stop_broker()
        self._notify.close()
