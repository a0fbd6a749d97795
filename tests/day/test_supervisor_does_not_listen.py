"""A supervisor that does not read its socket: its queue fills up after a few messages, and nobody may wait for it."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.day.command import ROOT

MESSAGES: Final = 1_000  # a queue holds a few
LIMIT_S: Final = 20.0
REPORT: Final = f"""
from kit.edges import real_ports
notify = real_ports().notify
for _ in range({MESSAGES}):
    notify("WATCHDOG=1")
"""


def test_kit_stops_while_it_reports(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(ROOT)}
        ended = subprocess.run([sys.executable, "-c", REPORT], env=environment, timeout=LIMIT_S, check=False)
    assert ended.returncode == 0
