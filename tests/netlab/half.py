"""The delivering half of a branch: the whole kitd, whose tallies come from a line on standard input, not from a poll.

    python -m tests.netlab.half CONFIG

Commands: ``seal``: seal and send the next tally. ``polls``: polls open. ``probe UPLINK``: as ``kitctl link test``.
``pin UPLINK``: prefer it wherever it works; ``unpin``. Reports on standard output, a JSON object a line, with ``t``
(seconds of the monotonic clock, the same for all processes of a machine) and ``what``:

    ready                       as sd_notify says it
    sealed seq asked            durable; it was asked for at ``asked``
    publish seq uplink          handed to an uplink's session
    receipt seq grade uplink    verified offline and durable
    usable uplinks              the healthy ones, best first
    switch left to cause reason the preferred uplink changed
    echo uplink                 a probe came back
    lost uplink reason          a session ended, or could not be made
    noticed uplink reason       something odd about it
    refused detail              the centre or a receipt is not in order

Kitd's own log goes to standard error.
"""

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import kit.daemon
from crypto.codec import b64, sha256_hex
from drivers.ports import Baudrate, ByteStream, OpenStream, StreamClosedError
from failover.events import Instant, ProbeEchoed, TrafficCounted, UplinkLost
from failover.switch import Switch
from kit.config import Config, load
from kit.core import Step
from kit.edges import real_ports
from kit.effects import Publish, SealTally
from kit.events import Event, LinkTestAsked, LinkUseAsked, UplinkNoticed
from kit.facts import EnvelopeSealed, Fact, IncidentRecorded, Phase, PhaseEntered, PhaseTrigger, ReceiptStored
from kit.log import setup
from kit.ports import Ports
from kit.sealer import LocalSealer
from kit.station import Station
from tests.netlab.election import election
from tests.netlab.reports import say

PIN_MS: Final = 12 * 3_600_000
NOBODY: Final = 2**53 - 1  # a token of nobody who asks
_TO_OPEN: Final[tuple[tuple[Phase, PhaseTrigger], ...]] = (
    ("readiness", "readiness-passed"),
    ("zeroed", "all-zeroed"),
    ("open", "all-opened"),
)


@dataclass(frozen=True, slots=True)
class SealAsked:
    """The poll's tally is there."""


@dataclass(frozen=True, slots=True)
class PollsAsked:
    """Polls open."""


class Half(Station):
    """The station, with tallies from nowhere, reporting what it does. What it adds is named ``lab_``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.lab_sealer: LocalSealer | None = None
        self.lab_seq = 0
        self.lab_prev: str | None = None
        self.lab_asked: dict[int, float] = {}
        self.lab_told: tuple[str, ...] | None = None
        take = self.failover.take_switches

        def tell() -> tuple[Switch, ...]:
            switches = take()
            for switch in switches:
                say("switch", left=switch.left, to=switch.to, cause=switch.cause, reason=switch.reason)
            return switches

        self.failover.take_switches = tell  # type: ignore[method-assign]

    def handle(self, event: Event | SealAsked | PollsAsked, now: Instant) -> Step:
        if isinstance(event, SealAsked):
            return self._seal(now)
        if isinstance(event, PollsAsked):
            at = self._wall.text(now)
            return Step(facts=[PhaseEntered(at=at, phase=phase, trigger=why) for phase, why in _TO_OPEN])
        match event:
            case ProbeEchoed(uplink=name):
                say("echo", uplink=name)
            case TrafficCounted(uplink=name, size=size):
                say("counted", uplink=name, size=size)
            case UplinkLost(uplink=name, reason=reason):
                say("lost", uplink=name, reason=reason)
            case UplinkNoticed(uplink=name, words=words):
                say("noticed", uplink=name, reason=words)
        step = super().handle(event, now)
        for effect in step.effects:
            if isinstance(effect, Publish):
                say("publish", seq=effect.seq, uplink=effect.uplink)
        usable = self.failover.usable()
        if usable != self.lab_told:
            self.lab_told = usable
            say("usable", uplinks=usable)
        return step

    def apply(self, fact: Fact) -> None:
        super().apply(fact)
        if isinstance(fact, EnvelopeSealed):
            say("sealed", seq=fact.seq, asked=self.lab_asked.get(fact.seq))
        elif isinstance(fact, ReceiptStored):
            say("receipt", seq=fact.seq, grade=fact.grade, uplink=fact.uplink, index=fact.index)
        elif isinstance(fact, IncidentRecorded) and fact.code in ("receipt-refused", "envelope-refused"):
            say("refused", code=fact.code, detail=fact.detail)

    def _seal(self, now: Instant) -> Step:
        assert self.lab_sealer is not None
        asked = time.monotonic()
        self.lab_seq += 1
        self.lab_asked[self.lab_seq] = asked
        (unit, *_) = self.day.state.active()
        tally = election().signed_by_terminal(election().tally(self._branch, close_no=self.lab_seq))
        order = SealTally(unit.terminal, self.lab_seq, self.lab_seq, self.lab_prev, "first", tally.to_bytes())
        data = self.lab_sealer.make(order).data
        self.lab_prev = sha256_hex(data)
        return Step(
            facts=[
                EnvelopeSealed(
                    at=self._wall.text(now),
                    kind="tally",
                    terminal=unit.terminal,
                    close_no=self.lab_seq,
                    seq=self.lab_seq,
                    sha256=self.lab_prev,
                    envelope=b64(data),
                )
            ]
        )


def _no_terminal(port: str, _: Baudrate) -> OpenStream:
    async def missing() -> ByteStream:
        raise StreamClosedError(f"{port}: the laboratory has no terminals")

    return missing


async def serve(config: Config) -> None:
    """Run kitd until standard input ends."""
    real = real_ports()
    ports = Ports(clock=real.clock, entropy=real.entropy, open_stream=_no_terminal, notify=_notified)
    kit.daemon.__dict__["Station"] = Half
    daemon = kit.daemon.build(config, ports, setup(config.log_level))
    station = daemon.station
    assert isinstance(station, Half)
    assert isinstance(daemon._sealer, LocalSealer)
    station.lab_sealer = daemon._sealer
    running = asyncio.create_task(daemon.run())
    commands = asyncio.create_task(_obey(daemon))
    await asyncio.wait((running, commands), return_when=asyncio.FIRST_COMPLETED)
    commands.cancel()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _obey(daemon: kit.daemon.Daemon) -> None:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    post: Any = daemon.runner.post
    while line := await reader.readline():
        match line.decode().split():
            case ["seal"]:
                post(SealAsked())
            case ["polls"]:
                post(PollsAsked())
            case ["probe", uplink]:
                post(LinkTestAsked(uplink, NOBODY))
            case ["pin", uplink]:
                post(LinkUseAsked(uplink, PIN_MS, NOBODY))
            case ["unpin"]:
                post(LinkUseAsked(None, 0, NOBODY))
            case words:
                _unknown(words)


def _unknown(words: list[str]) -> NoReturn:
    raise SystemExit(f"no command: {words}")


def _notified(words: str) -> None:
    if words == "READY=1":
        say("ready")


def main() -> None:
    config = load(Path(sys.argv[1]))
    Path(config.state_dir).mkdir(parents=True, exist_ok=True, mode=0o700)
    asyncio.run(serve(config))


if __name__ == "__main__":
    main()
