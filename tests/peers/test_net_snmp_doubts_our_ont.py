"""net-snmp's own tools against the simulated ONT, as ``kit-sim ont`` serves it: nobody here wrote both ends."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from simulators.devices.ont import ENTERPRISE, LOS_OID, RX_POWER_OID, TX_POWER_OID

pytestmark = pytest.mark.peer("snmpget", "snmpwalk", "snmpbulkwalk", "snmpset")

START_MAX: Final = 30.0  # seconds
RUN_MAX: Final = 60.0
UPTIME_OID: Final = "1.3.6.1.2.1.1.3.0"
OPER_STATUS_OID: Final = "1.3.6.1.2.1.2.2.1.8.2"
CARRIED_OID: Final = "1.3.6.1.2.1.31.1.1.1.6.2"


class Bench:
    """One running ONT, its script, and net-snmp's tools."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder: Final = folder
        self._address: Final = address

    def script(self, *words: str) -> None:
        command = [sys.executable, "-m", "simulators.cli", "ctl", str(self._folder / "c.sock"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_MAX)
        assert done.returncode == 0, done.stderr

    def ask(self, tool: str, *oids: str, community: str = "public") -> str:
        return self.run(tool, "-r3", "-t2", *oids, community=community).stdout

    def run(self, tool: str, *words: str, community: str = "public") -> subprocess.CompletedProcess[str]:
        options = [word for word in words if word.startswith("-")]
        rest = [word for word in words if not word.startswith("-")]
        return subprocess.run(
            [tool, "-v2c", "-c", community, "-On", "-Oe", *options, self._address, *rest],
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_MAX,
            env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self._folder)},
        )

    def number(self, oid: str) -> int:
        """The value of an OID: an integer of any type."""
        said = self.ask("snmpget", oid)
        found = re.search(r"= \w+: (?:\()?(-?\d+)", said)
        assert found is not None, said
        return int(found[1])


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="ont-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        link = folder / "ont"
        command = [sys.executable, "-m", "simulators.cli", "ont"]
        command += ["--link", str(link), "--control", str(folder / "c.sock")]
        ont = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        stack.callback(ont.terminate)
        within(START_MAX, lambda: link.is_symlink() and (folder / "c.sock").exists())
        yield Bench(folder, str(link.readlink()).removeprefix("udp:"))


def within(seconds: float, true: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.05)


def test_snmpget_reads_light_and_loss_of_signal(bench: Bench) -> None:
    said = bench.ask("snmpget", RX_POWER_OID, TX_POWER_OID, LOS_OID).splitlines()
    assert said == [
        f".{RX_POWER_OID} = INTEGER: -19500",
        f".{TX_POWER_OID} = INTEGER: 2100",
        f".{LOS_OID} = INTEGER: 2",
    ]


def test_snmpwalk_and_snmpbulkwalk_see_the_same_rows_in_order(bench: Bench) -> None:
    def rows(said: str) -> list[str]:
        lines = [
            line for line in said.splitlines() if line.startswith(".") and "No more variables" not in line
        ]
        return [line.partition(" = ")[0] for line in lines]

    def walked(tool: str, *words: str) -> list[str]:
        done = bench.run(tool, "-r3", "-t2", *words)
        assert done.returncode == 0, done.stderr
        return rows(done.stdout)

    one_by_one, in_bulk = walked("snmpwalk", ".1"), walked("snmpbulkwalk", "-Cr7", ".1")
    in_order = sorted(one_by_one, key=lambda name: [int(arc) for arc in name[1:].split(".")])
    assert len(one_by_one) > 40
    assert one_by_one == in_order
    assert one_by_one == in_bulk
    assert walked("snmpbulkwalk", "-Cr50", "-Cn0", f"{ENTERPRISE}.1") == [
        f".{oid}" for oid in (RX_POWER_OID, TX_POWER_OID, LOS_OID)
    ]


def test_system_and_interfaces_are_those_of_the_standard(bench: Bench) -> None:
    said = bench.ask("snmpget", "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.2.1.0", "1.3.6.1.2.1.2.2.1.3.2")
    assert "STRING: " in said
    assert ".1.3.6.1.2.1.2.1.0 = INTEGER: 2" in said
    assert ".1.3.6.1.2.1.2.2.1.3.2 = INTEGER: 250" in said  # IANAifType: gpon


def test_what_is_not_there_is_told_apart(bench: Bench) -> None:
    assert "No Such Object" in bench.ask("snmpget", f"{ENTERPRISE}.77.0")
    assert "No Such Instance" in bench.ask("snmpget", "1.3.6.1.2.1.1.1.5")


def test_another_community_hears_nothing(bench: Bench) -> None:
    done = bench.run("snmpget", "-r0", "-t0.5", RX_POWER_OID, community="guessed")
    assert done.returncode != 0
    assert "Timeout" in done.stderr


def test_nothing_can_be_set(bench: Bench) -> None:
    done = bench.run("snmpset", "-r3", "-t2", "1.3.6.1.2.1.1.5.0", "s", "mine")
    assert done.returncode != 0
    assert "notWritable" in done.stderr


def test_a_cut_fibre_is_seen_in_light_and_interface(bench: Bench) -> None:
    assert bench.number(OPER_STATUS_OID) == 1
    bench.script("fibre", "cut")
    assert (bench.number(RX_POWER_OID), bench.number(LOS_OID), bench.number(OPER_STATUS_OID)) == (
        -40000,
        1,
        2,
    )
    carried = bench.number(CARRIED_OID)
    bench.script("fibre", "back")
    assert (bench.number(RX_POWER_OID), bench.number(LOS_OID), bench.number(OPER_STATUS_OID)) == (
        -19500,
        2,
        1,
    )
    within(START_MAX, lambda: bench.number(CARRIED_OID) > carried)


def test_a_reboot_counts_from_nothing_and_keeps_the_light(bench: Bench) -> None:
    within(START_MAX, lambda: bench.number(UPTIME_OID) > 300)
    before = bench.number(UPTIME_OID)
    bench.script("rx", "-27.5")
    bench.script("reboot")
    within(START_MAX, lambda: bench.run("snmpget", "-r0", "-t1", UPTIME_OID).returncode == 0)
    assert bench.number(UPTIME_OID) < before
    assert bench.number(RX_POWER_OID) == -27500


def test_a_slow_answer_still_finds_who_asked(bench: Bench) -> None:
    bench.script("slow", "700", "ms")
    began = time.monotonic()
    assert bench.run("snmpget", "-r0", "-t20", RX_POWER_OID).returncode == 0
    assert time.monotonic() - began >= 0.7


def test_a_mute_ont_is_a_timeout_and_a_heard_one_none(bench: Bench) -> None:
    bench.script("mute")
    assert "Timeout" in bench.run("snmpget", "-r0", "-t0.3", RX_POWER_OID).stderr
    bench.script("heard")
    assert bench.number(RX_POWER_OID) == -19500
