"""systemd-networkd in a network namespace: it owns the cables there, as on many a branch box.

It runs with a /run of its own, so that it knows nothing of the machine and the machine nothing of it, on a message bus
of its own, and with a /sys that cannot be written, as in a container: then it waits for no udev.
"""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.peers import require_program
from tests.peers.program import end

NETWORKD: Final = "/usr/lib/systemd/systemd-networkd"
START_MAX: Final = 15.0  # seconds
_POLL: Final = 0.05  # seconds
_BUS: Final = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
# ip-netns(8) has given the shell a mount namespace of its own: nothing that is mounted here is seen outside.
_SCRIPT: Final = """\
set -e
mount -o remount,bind,ro /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/systemd/network /run/systemd/netif
chown systemd-network:systemd-network /run/systemd/netif
cp -r "$1"/etc/. /run/systemd/
{bus} --config-file="$1/bus.conf" --nofork --nopidfile &
trap 'kill %1 %2; wait' TERM
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.02; done
{networkd} &
while read -r words; do {networkctl} $words || echo "failed: $words"; done
wait
"""


class Networkd:
    """It at work. ``said`` is its log."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def reconfigure(self, interface: str) -> None:
        """As after ``networkctl reconfigure``, or ``reload`` with another file: all that is not its own goes."""
        times = self.said().count(f"{interface}: State changed: configuring -> configured")
        assert self._process.stdin is not None
        self._process.stdin.write(f"reconfigure {interface}\n")
        self._process.stdin.flush()
        self.until_configured(interface, times + 1)

    def until_configured(self, interface: str, times: int = 1) -> None:
        """Wait until it has done with an interface."""
        until = time.monotonic() + START_MAX
        while self.said().count(f"{interface}: State changed: configuring -> configured") < times:
            assert time.monotonic() < until, self.said()
            assert self._process.poll() is None, self.said()
            time.sleep(_POLL)


@contextmanager
def networkd(namespace: str, folder: Path, files: Mapping[str, str]) -> Iterator[Networkd]:
    """Start it in a namespace. ``files``: what lies in /etc/systemd, by name, such as ``network/10-fibre.network``."""
    programs = {"networkd": require_program(NETWORKD), "networkctl": require_program("networkctl")}
    script = _SCRIPT.format(bus=require_program("dbus-daemon"), **programs)
    for name, text in files.items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "bus.conf").write_text(_BUS, encoding="utf-8")
    log = folder / "networkd.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [require_program("ip"), "netns", "exec", namespace, "bash", "-c", script, "bash", str(folder)],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_LOG_LEVEL": "debug"},
        )
    try:
        yield Networkd(process, log)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        end(process, signal.SIGTERM)
