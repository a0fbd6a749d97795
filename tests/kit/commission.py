"""What a kit finds on its disk: configuration, manifest, device key; and how its programs are run."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from crypto.codec import b64
from tests.crypto.election_fixture import Election, make_election
from tests.programs import Ended, typed

ROOT: Final = Path(__file__).resolve().parents[2]
ELECTION: Final = make_election(2)
CONFIG: Final = """\
branch = "branch-1"
state_dir = "state"
manifest = "manifest.dsse.json"
device_key = "device.key"
control_socket = "kitd.sock"
rehearsal = true

[trust]
threshold = 2
manifest_keys = [{keys}]

[[terminals]]
id = "terminal-1-1"
port = "{terminal}"
status_interval_ms = 200

[ups]
port = "{ups}"
poll_interval_ms = 200

[[uplinks]]
name = "fibre"
kind = "fibre"
host = "127.0.0.1"
port = {port}

[[uplinks]]
name = "4g"
kind = "4g"
host = "127.0.0.1"
port = {port}
"""


def commission(
    folder: Path,
    *,
    election: Election = ELECTION,
    terminal: str = "/dev/null",
    ups: str = "/dev/null",
    port: int = 1,
    device: str = "device-1",
) -> Path:
    """Lay everything out as ``deploy`` would; returns the path of the configuration. ``device``: which kit this is."""
    keys = ", ".join(f'"{b64(key.public)}"' for key in election.manifest_keys)
    config = folder / "kitd.toml"
    own = "" if device == "device-1" else f'device = "{device}"\n'
    config.write_text(own + CONFIG.format(keys=keys, terminal=terminal, ups=ups, port=port), encoding="utf-8")
    (folder / "manifest.dsse.json").write_bytes(election.manifest_bytes)
    (folder / "device.key").write_bytes(election.devices[device].seed)
    (folder / "device.key").chmod(0o600)
    return config


def command(program: str, *arguments: str | Path) -> list[str]:
    """The command line of ``kitd`` or ``kitctl`` in this interpreter, installed or not."""
    code = f"from kit.cli.{program} import main; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def run(program: str, *arguments: str | Path, **environment: str) -> Ended:
    """Run a program to its end, within this process."""
    main: Callable[[], None] = importlib.import_module(f"kit.cli.{program}").main
    return typed(main, program, *arguments, **environment)


def run_apart(program: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As ``run``, as a process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(
        command(program, *arguments), capture_output=True, text=True, timeout=60, check=False, env=env
    )
