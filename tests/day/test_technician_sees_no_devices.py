"""A kit with simulated devices of every kind, each a program of its own: what kitctl shows as they fail one by one."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from kit import exit_codes
from tests.kit.commission import ROOT, command, commission

PATIENCE_S: Final = 60.0
DEVICES: Final = """
[[modems]]
name = "sim-a"
kind = "at"
port = "{place}/modem"
poll_interval_ms = 500

[fibre]
interface = "lo"
poll_interval_ms = 500

[fibre.ont]
host = "127.0.0.1"
port = {ont}
poll_interval_ms = 500
[fibre.ont.oids]
rx_power_dbm = {{oid = "1.3.6.1.4.1.32473.1.1.1.0", scale = 0.001}}
los = {{oid = "1.3.6.1.4.1.32473.1.1.3.0", true_values = [1]}}
"""


class Site:
    """The devices, kitd and kitctl, in one folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._programs: list[subprocess.Popen[str]] = []

    def device(self, name: str, *options: str) -> None:
        words = (name, "--link", f"{self.place}/{name}", "--control", f"{self.place}/{name}.s", *options)
        self._start([sys.executable, "-m", "simulators.cli", *words])
        self.until(f"{name} stands", (self.place / f"{name}.s").exists)

    def kitd(self) -> None:
        config = commission(self.place, ups=f"{self.place}/ups")
        ont = str((self.place / "ont").readlink()).rsplit(":", 1)[1]
        with config.open("a", encoding="utf-8") as file:
            file.write(DEVICES.format(place=self.place, ont=ont))
        self._start(command("kitd", "--config", config))

    def tell(self, device: str, *words: str) -> None:
        told = self._run([sys.executable, "-m", "simulators.cli", "ctl", f"{self.place}/{device}.s", *words])
        assert told.returncode == 0, told.stderr

    def kitctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._run(command("kitctl", *words, "--socket", f"{self.place}/kitd.sock"))

    def until_status(self, what: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        def answered() -> bool:
            status = self.kitctl("status", "--json").stdout
            return bool(status) and holds(json.loads(status))

        self.until(what, answered)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
            time.sleep(0.2)

    def close(self) -> None:
        for program in reversed(self._programs):
            program.send_signal(signal.SIGTERM)
        for program in self._programs:
            program.wait(PATIENCE_S)

    def _start(self, words: list[str]) -> None:
        with (self.place / "log").open("a", encoding="utf-8") as log:
            self._programs.append(subprocess.Popen(words, cwd=ROOT, stderr=log, stdout=log, text=True))

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )


@pytest.fixture
def site(short_tmp: Path) -> Iterator[Site]:
    site = Site(short_tmp)
    try:
        for device in ("ups", "modem", "ont"):
            site.device(device)
        site.kitd()
        yield site
    finally:
        site.close()


def _modem(status: dict[str, Any]) -> str:
    return str(status["devices"]["modems"][0]["state"])


def _fibre(status: dict[str, Any]) -> str:
    return str(status["devices"]["fibre"]["state"])


@pytest.mark.day
def test_devices_fail_and_kitctl_says_nothing(site: Site) -> None:
    site.until_status(
        "all is well",
        lambda status: (_modem(status), _fibre(status), status["power"]["state"]) == ("ok", "ok", "mains"),
    )
    site.tell("modem", "signal", "-125")
    site.tell("ont", "fibre", "cut")
    site.tell("ups", "mains", "off")
    site.until_status(
        "all is ill",
        lambda status: (
            (_modem(status), _fibre(status), status["power"]["state"]) == ("weak", "no-light", "battery")
        ),
    )
    assert site.kitctl("status").returncode != exit_codes.OK
    english, persian = (site.kitctl("status", "--lang", lang).stdout for lang in ("en", "fa"))
    assert "weak signal: move the antenna" in english
    assert "no light from the fibre" in english
    assert "آنتن ضعیف است" in persian
    assert "نور فیبر نمی‌رسد" in persian
    site.tell("modem", "sim", "absent")
    site.tell("ont", "mute")
    site.tell("ups", "mute")
    site.until_status(
        "silence is not fine",
        lambda status: (
            _modem(status) == "sim-absent"
            and status["devices"]["fibre"]["fault"] is not None
            and status["power"]["state"] == "unknown"
        ),
    )
    site.tell("modem", "hang")
    site.until_status("a hung modem is not fine", lambda status: _modem(status) == "unknown")
