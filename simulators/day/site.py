"""One branch of a real-process day: a kitd, its simulated hardware on pseudo-terminals, and two uplinks to break."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from crypto.codec import b64
from simulators.day.process import Program, entry
from simulators.devices.pty import PtyLine
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_reports import Dishonesty, TerminalSetup
from simulators.devices.ups import UpsModel
from simulators.election import MANIFEST_THRESHOLD, Election, terminal_of
from simulators.loopback.relay import Direction, Relay, Tap
from simulators.officials import Officials
from simulators.results import Station

UplinkTap = Callable[[str, str, Direction, bytes], None]
"""Sees all bytes that uplinks carry, with the branch and the uplink's name before them."""

UPLINKS: Final = ("fibre", "4g")
LOAD_W: Final = 60  # a terminal, a small box, a modem
ANSWER_MAX: Final = 4 * 1024 * 1024  # bytes of one answer of the control socket
ANSWER_TIMEOUT_S: Final = 35.0  # a little longer than kitd itself waits for an answer
CONFIG: Final = """\
branch = "{branch}"
state_dir = "{branch}/state"
manifest = "manifest.dsse.json"
device_key = "keys/kit-{branch}.key"
control_socket = "{branch}/kitd.sock"

[trust]
threshold = {threshold}
manifest_keys = [{keys}]

[[terminals]]
id = "{terminal}"
port = "{terminal_port}"
{terminal_pace}

[ups]
port = "{ups_port}"
{ups_pace}

{failover_pace}

[[uplinks]]
name = "fibre"
kind = "fibre"
host = "127.0.0.1"
port = {fibre_port}

[[uplinks]]
name = "4g"
kind = "4g"
host = "127.0.0.1"
port = {mobile_port}
"""

FAST_FAILOVER: Final = """\
[failover]
probe_ms = 500
polls_probe_ms = 500
echo_ms = 400
connect_ms = 2000
backoff_base_ms = 300
backoff_max_ms = 1000
"""


def wall_ms() -> int:
    """This machine's wall clock."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """This machine's monotonic clock."""
    return time.monotonic_ns() // 1_000_000


class Site:
    """Build with ``Site(...)``, then ``await start()``. ``fast``: everything is asked often, for short days."""

    def __init__(
        self,
        election: Election,
        station: Station,
        folder: Path,
        broker_port: int,
        seed: int,
        *,
        fast: bool = True,
        dishonest: Sequence[Dishonesty] = (),
        tap: UplinkTap | None = None,
    ) -> None:
        self.station, self.branch = station, station.branch_id
        self.election, self._folder, self._fast = election, folder, fast
        setup = TerminalSetup.of(election.trusted, branch=self.branch, terminal=terminal_of(self.branch))
        key = election.terminals[terminal_of(self.branch)]
        self.terminal = TerminalModel(
            setup,
            key,
            station.contests,
            boot_id=1,
            dishonest=dishonest,
            seed=seed,
            wall_offset_ms=wall_ms() - monotonic_ms(),
        )
        self.ups = UpsModel(load_w=LOAD_W, now_ms=monotonic_ms())
        self.lines = {
            "terminal": PtyLine(lambda data: self.terminal.feed(data, monotonic_ms())),
            "ups": PtyLine(lambda data: self.ups.feed(data, monotonic_ms())),
        }
        self.relays = {name: Relay("127.0.0.1", broker_port, tap=self._tap(name, tap)) for name in UPLINKS}
        self._socket = folder / self.branch / "kitd.sock"
        self.config = folder / f"kitd-{self.branch}.toml"
        command = entry("kit.cli.kitd:main", "--config", str(self.config))
        self.kitd = Program(f"kitd-{self.branch}", command, folder)
        self.officials = Officials(election, self.branch, self.ask)
        self._rng = Random(f"{seed}/{self.branch}")

    async def start(self) -> None:
        """Lay the lines, write the configuration, start kitd and wait until it is ready."""
        for relay in self.relays.values():
            await relay.start()
        for line in self.lines.values():
            line.start()
        (self._folder / self.branch).mkdir()
        keys = ", ".join(f'"{b64(key.public)}"' for key in self.election.manifest_keys)
        text = CONFIG.format(
            branch=self.branch,
            terminal=terminal_of(self.branch),
            threshold=MANIFEST_THRESHOLD,
            keys=keys,
            terminal_port=self.lines["terminal"].path,
            ups_port=self.lines["ups"].path,
            terminal_pace="status_interval_ms = 500" if self._fast else "",
            failover_pace=FAST_FAILOVER if self._fast else "",
            ups_pace="poll_interval_ms = 500" if self._fast else "",
            fibre_port=self.relays["fibre"].port,
            mobile_port=self.relays["4g"].port,
        )
        self.config.write_text(text, encoding="utf-8")
        self.kitd.start()
        await self.kitd.ready()

    async def restart(self) -> None:
        """Start kitd again on the same state directory."""
        self.kitd.start()
        await self.kitd.ready()

    async def vote(self, until_ms: int, *, step_s: float = 0.1) -> None:
        """Cast all ballots, evenly until the wall clock shows ``until_ms``; waits while the poll is suspended."""
        while True:
            done, voters = self.terminal.cast_progress
            if done >= voters:
                return
            steps = max(1, round((until_ms - wall_ms()) / 1000 / step_s))
            for _ in range(-(-(voters - done) // steps)):
                if not self.terminal.cast(self._rng):
                    break
            await asyncio.sleep(step_s)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request to kitd's control socket; raises ConnectionError when no daemon answers."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=ANSWER_MAX)
        except OSError as error:
            raise ConnectionError(str(error)) from error
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                line = await reader.readline()
        except TimeoutError:
            raise ConnectionError(f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from None
        finally:
            writer.close()
        if not line:
            raise ConnectionError("the daemon hung up")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def close(self) -> None:
        """Stop kitd, unplug everything."""
        await self.kitd.stop()
        for relay in self.relays.values():
            await relay.close()
        for line in self.lines.values():
            line.close()

    def _tap(self, uplink: str, listener: UplinkTap | None) -> Tap | None:
        if listener is None:
            return None
        return lambda direction, data: listener(self.branch, uplink, direction, data)
