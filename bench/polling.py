"""What it costs kitd to poll a big branch: eight terminals, a UPS and two modems, with the intervals of a branch.

python bench/polling.py [--seconds N] [--json]

The rival is the limit: 3 % of a core. The devices are simulated in this process, each on a pseudo-terminal; kitd is a
process of its own, and only its processor time counts.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Final

import _tree  # noqa: F401 - before any package of the tree
import psutil

from crypto.codec import b64
from crypto.statements import Endpoint
from simulators.cli import SAMPLE
from simulators.day.headquarters import Headquarters
from simulators.day.process import Program, entry
from simulators.day.site import monotonic_ms, wall_ms
from simulators.devices.modem import make_modem
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_reports import TerminalSetup
from simulators.devices.ups import make_ups
from simulators.election import MANIFEST_THRESHOLD, Election, Times, commission, terminal_of
from simulators.results import load_results, select
from simulators.stand.lines import LinkedPty
from simulators.stand.model import DeviceModel
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript

TERMINALS: Final = 8
MODEMS: Final = 2
OFTEN_MS: Final = 1_000  # ten times as often as in a branch, to see what polling itself costs
LIMIT_PERCENT: Final = 3.0  # of a core
HOUR_MS: Final = 3_600_000
SETTLE_S: Final = 15.0  # until modems are registered and everything was asked once
MIB: Final = 1024 * 1024


class Devices:
    """Simulated devices, each found under a name in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stands: list[Stand] = []

    def put(self, name: str, model: DeviceModel) -> Path:
        """Plug a device in; returns where."""
        stand = Stand(model, Transcript(None), monotonic_ms)
        stand.put_behind(LinkedPty(self._folder / name, stand.hear))
        self._stands.append(stand)
        return self._folder / name

    def close(self) -> None:
        """Unplug all."""
        for stand in self._stands:
            stand.close()


def configuration(
    election: Election, branch: str, devices: Devices, broker_port: int, interval_ms: int | None
) -> str:
    """kitd's, after plugging every device in. ``interval_ms``: between two looks at each; None: as in a branch."""
    pace = [] if interval_ms is None else [f"poll_interval_ms = {interval_ms}"]
    now = monotonic_ms()
    lines = [
        f'branch = "{branch}"',
        'state_dir = "state"',
        'manifest = "manifest.dsse.json"',
        f'device_key = "keys/kit-{branch}.key"',
        'control_socket = "kitd.sock"',
        "[trust]",
        f"threshold = {MANIFEST_THRESHOLD}",
        f"manifest_keys = {[b64(key.public) for key in election.manifest_keys]}",
    ]
    station = election.trusted.branch(branch)
    for number in range(1, TERMINALS + 1):
        name = terminal_of(branch, number)
        setup = TerminalSetup.of(election.trusted, branch=station.id, terminal=name)
        model = TerminalModel(
            setup,
            election.terminals[name],
            TRUTH,
            boot_id=number,
            wall_offset_ms=wall_ms() - now,
        )
        lines += ["[[terminals]]", f'id = "{name}"', f'port = "{devices.put(name, model)}"']
        lines += [line.replace("poll", "status") for line in pace]
    ups = make_ups("megatec", now_ms=now, load_w=60)
    lines += ["[ups]", f'port = "{devices.put("ups", ups)}"', *pace]
    for number in range(1, MODEMS + 1):
        modem = make_modem(now_ms=now, number=f"+98912000000{number}")
        port = devices.put(f"modem-{number}", modem)
        lines += [
            "[[modems]]",
            f'name = "sim-{number}"',
            'kind = "at"',
            f'port = "{port}"',
            'apn = "internet"',
            *pace,
        ]
    for name, kind in (("fibre", "fibre"), ("4g", "4g")):
        lines += ["[[uplinks]]", f'name = "{name}"', f'kind = "{kind}"', 'host = "127.0.0.1"']
        lines.append(f"port = {broker_port}")
    return "\n".join(lines) + "\n"


RESULTS: Final = load_results(SAMPLE)
STATIONS: Final = select(RESULTS, 1, 1)
TRUTH: Final = STATIONS[0].contests


async def measure(seconds: float, interval_ms: int | None) -> dict[str, float]:
    """Processor time of kitd in percent of a core, and what it holds in memory."""
    folder = Path(tempfile.mkdtemp(prefix="branch-kit-"))
    headquarters = Headquarters(folder)
    port = await headquarters.start_broker()
    now, branch = wall_ms(), STATIONS[0].branch_id
    times = Times(now, now + HOUR_MS, now + HOUR_MS, now + 2 * HOUR_MS)
    endpoint = Endpoint(host="127.0.0.1", port=port)
    election = commission(RESULTS, STATIONS, times, os.urandom, endpoint, terminals_per_branch=TERMINALS)
    election.write(folder, os.urandom)
    devices = Devices(folder)
    config = folder / "kitd.toml"
    config.write_text(configuration(election, branch, devices, port, interval_ms), encoding="utf-8")
    kitd = Program("kitd", entry("kit.cli.kitd:main", "--config", str(config)), folder)
    try:
        kitd.start()
        await kitd.ready()
        await asyncio.sleep(SETTLE_S)
        await all_well(folder / "kitd.sock")
        process = psutil.Process(kitd.pid)
        before, began = process.cpu_times(), time.monotonic()
        await asyncio.sleep(seconds)
        after, took = process.cpu_times(), time.monotonic() - began
        used = after.user + after.system - before.user - before.system
        await all_well(folder / "kitd.sock")
        return {"percent": 100 * used / took, "mib": process.memory_info().rss / MIB, "seconds": took}
    finally:
        await kitd.stop()
        devices.close()
        await headquarters.close()


async def all_well(socket: Path) -> None:
    """A device that nobody polls costs nothing: make sure that all are there."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=4 * MIB)
    writer.write(b'{"op": "status"}\n')
    status = json.loads(await reader.readline())["status"]
    writer.close()
    connected = sum(terminal["connected"] for terminal in status["terminals"])
    modems = [modem["state"] for modem in status["devices"]["modems"]]
    if (connected, status["power"]["state"], modems) != (TERMINALS, "mains", ["ok"] * MODEMS):
        raise SystemExit(
            f"not all devices are polled: {connected} terminals, {status['power']}, modems {modems}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, metavar="N", help="how long to watch (60)")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    for what, interval_ms in (("at a branch's intervals", None), (f"every {OFTEN_MS} ms", OFTEN_MS)):
        figures = asyncio.run(measure(arguments.seconds, interval_ms))
        figures["ratio"] = figures["percent"] / LIMIT_PERCENT
        if arguments.json:
            print(json.dumps({"what": what, **figures}))
            continue
        print(
            f"kitd polling {TERMINALS} terminals, a UPS and {MODEMS} modems {what}: {figures['percent']:.2f} % of a "
            f"core, at most {LIMIT_PERCENT:g}, ratio {figures['ratio']:.2f}, {figures['mib']:.0f} MiB  "
            f"{'ok' if figures['ratio'] <= 1 else 'NO'}"
        )


if __name__ == "__main__":
    main()
