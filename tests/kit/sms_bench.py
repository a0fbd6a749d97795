"""A kit without any uplink and a gateway, each with real modem drivers and simulated modems, in one mobile network.

The kit is the real station under the real runner; its journal is a list and its day stands at ``sealed``.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final, Literal

from crypto import acknowledgement, rfc3339, sms, sms_missing
from crypto.carrier import from_compact
from crypto.codec import unb64
from crypto.errors import EvidenceError
from drivers.modem.at.driver import AtModem
from drivers.modem.at.settings import AtSettings
from drivers.ports import ByteStream, ModemEvent, SmsReceived, StreamClosedError
from failover.ladder import RungClock
from failover.timing import Timing
from kit.effects import Effect, SendSms
from kit.events import ModemHeard
from kit.facts import EnvelopeSealed, Fact, SmsPartTaken
from kit.ladder.ladder import LadderSetup
from kit.runner import Runner
from kit.sms.plan import SmsPlan
from kit.station import Station
from simulators.devices.modem import ModemModel, SimulatedNetwork, make_modem
from simulators.virtual.loop import VirtualLoop
from tests.kit.bench_clocks import BenchClocks
from tests.kit.harness import BRANCH, ONE_TERMINAL, UPLINKS, ListJournal
from tests.kit.staff import standing_in, work_until

NUMBERS: Final = {
    "a": "+99900000101",
    "b": "+99900000111",
    "centre": "+99900000201",
    "stranger": "+99900000301",
}
WAIT_MS: Final = 60_000
COURIER_MS: Final = 600_000
PLAN: Final = SmsPlan(
    numbers=(NUMBERS["centre"],),
    modems=("a", "b"),
    patience_ms=120_000,
    max_per_hour=60,
    max_per_envelope=100,
)
TICK_S: Final = 0.5


@cache
def sealed_day() -> tuple[Fact, ...]:
    """The journal of a day whose account and tally are sealed, and went nowhere."""
    branch = standing_in("closed")
    for name in branch.links:
        branch.set_link(name, "refused")
    return tuple(work_until(branch, "sealed").journal.facts)


def clocks() -> dict[Literal["account", "tally"], RungClock]:
    """Both envelopes reach their rungs together."""
    account, tally = (rfc3339.to_ms(fact.at) for fact in sealed_day() if isinstance(fact, EnvelopeSealed))
    later = tally - account
    return {
        "account": RungClock(WAIT_MS + later, COURIER_MS + later),
        "tally": RungClock(WAIT_MS, COURIER_MS),
    }


class Journal(ListJournal):
    """As the runner wants it."""

    def append(self, facts: Sequence[Fact]) -> Sequence[Fact]:  # type: ignore[override]
        super().append(facts)
        return facts

    def replay(self) -> Sequence[Fact]:
        return tuple(self.facts)


class _Stream:
    def __init__(self, port: "Port") -> None:
        self._port, self._bytes, self._news, self.closed = port, bytearray(), asyncio.Event(), False

    async def read(self) -> bytes:
        while not self._bytes and not self.closed:
            self._news.clear()
            await self._news.wait()
        if self.closed:
            raise StreamClosedError("closed")
        data = bytes(self._bytes)
        self._bytes.clear()
        return data

    async def write(self, data: bytes) -> None:
        if self.closed:
            raise StreamClosedError("closed")
        self.arrive(self._port.model.feed(data, self._port.now()))

    def close(self) -> None:
        self.closed = True
        self._news.set()

    def arrive(self, data: bytes) -> None:
        if data:
            self._bytes += data
            self._news.set()


class Port:
    """The serial line of one simulated modem."""

    def __init__(self, model: ModemModel, now: Callable[[], int]) -> None:
        self.model, self.now, self.plugged = model, now, True
        self._stream: _Stream | None = None

    async def open(self) -> ByteStream:
        if not self.plugged:
            raise StreamClosedError("unplugged")
        if self._stream is not None:
            self._stream.close()
        self._stream = _Stream(self)
        return self._stream

    def tick(self) -> None:
        said = self.model.tick(self.now())
        if self._stream is not None and not self._stream.closed:
            self._stream.arrive(said)

    def unplug(self) -> None:
        self.plugged = False
        if self._stream is not None:
            self._stream.close()


class Gateway:
    """The centre's end: puts together what comes, and acknowledges what it knows, if it is told to."""

    def __init__(self, send: Callable[[int, str, bytes], None], now: Callable[[], int]) -> None:
        self._send, self._now, self._token, self._reference = send, now, 0, 0
        self.box = sms.Reassembler()
        self.parts: list[tuple[str, sms.Part]] = []
        self.whole: list[bytes] = []
        self.swallow: Callable[[sms.Part], bool] = lambda _: False
        self.answers = False

    def hear(self, event: ModemEvent) -> None:
        if not isinstance(event, SmsReceived) or self.swallow(part := sms.parse(event.user_data)):
            return
        self.parts.append((event.sender, part))
        try:
            data = self.box.add(event.sender, event.user_data, now_ms=self._now())
        except EvidenceError:
            return
        if data is not None:
            envelope = from_compact(data, ONE_TERMINAL.loaded)
            self.whole.append(envelope)
            if self.answers:
                self.send(event.sender, packed_ack(envelope))

    def send(self, number: str, data: bytes) -> None:
        self._reference = (self._reference + 1) % 256
        for part in sms.split(data, reference=self._reference):
            self._token += 1
            self._send(self._token, number, part)

    def ask_for(
        self, number: str, part: sms.Part, missing: Sequence[int], *, at_s: int | None = None
    ) -> None:
        self.send(number, self.request(part, missing, at_s=at_s))

    def request(self, part: sms.Part, missing: Sequence[int], *, at_s: int | None = None) -> bytes:
        """As centerd signs it, for the parts that came under the reference of ``part``."""
        came = {
            one.number: sms.header(one.reference, one.total, one.number) + one.body
            for _, one in self.parts
            if (one.reference, one.total) == (part.reference, part.total) and one.number not in missing
        }
        received = sms_missing.hash_of(came[number] for number in sorted(came))
        wanted = sms_missing.MissingParts(part.reference, part.total, tuple(missing), received)
        return sms_missing.make(wanted, ONE_TERMINAL.log, at_s=self._now() // 1000 if at_s is None else at_s)


def packed_ack(envelope: bytes) -> bytes:
    log = ONE_TERMINAL.log
    return acknowledgement.pack(acknowledgement.make(envelope, log), log=ONE_TERMINAL.loaded.log_verifier)


class Bench(BenchClocks):
    """Everything on one virtual clock. ``run`` lets time pass; ``restart`` is a new life of the kit."""

    def __init__(self, loop: VirtualLoop, plan: SmsPlan = PLAN) -> None:
        self.loop, self.plan = loop, plan
        self.network = SimulatedNetwork()
        self.ports = {
            name: Port(
                make_modem(number=number, imei=f"00101000000{place:04d}", network=self.network), self.now
            )
            for place, (name, number) in enumerate(NUMBERS.items())
        }
        self.journal = Journal()
        self.journal.append(sealed_day())
        self.begun = len(self.journal.facts)
        self.wall_ms_offset = rfc3339.to_ms(self.journal.facts[-1].at) - self.now()
        self.sent: list[SendSms] = []
        self.heard: list[tuple[str, ModemEvent]] = []
        self.lives = 0
        self.modems: dict[str, AtModem] = {}
        self.gateway, self.stranger = (self._gateway(name) for name in ("centre", "stranger"))
        loop.spawn("air", self._tick())
        self.boot()

    def run_until(self, what: Callable[[], bool], seconds: float = 600) -> None:
        for _ in range(int(seconds * 2)):
            if what():
                return
            self.loop.run_for(0.5)
        raise AssertionError("it never came")

    def boot(self) -> None:
        self.lives += 1
        self.station = Station(
            ONE_TERMINAL.loaded,
            BRANCH,
            uplinks=UPLINKS,
            timing=Timing(),
            has_ups=False,
            modems=("a", "b"),
            ladder=LadderSetup(clocks(), self.plan),
        )
        self.runner = Runner(self.station, self.journal, self, self._release)  # type: ignore[arg-type]
        self.runner.replay()
        self.runner.boot(f"boot-{self.lives}")
        for name in ("a", "b"):
            self.modems[name] = self._modem(name, partial(self._hear, name, self.runner))
            self.loop.spawn("kit", self.modems[name].run())
        self.loop.spawn("kit", self.runner.run())

    def restart(self, off_s: float = 5) -> None:
        self.loop.kill("kit")
        self.run(off_s)
        self.boot()

    def taken(self, seq: int | None = None) -> list[SmsPartTaken]:
        facts = [fact for fact in self.journal.facts if isinstance(fact, SmsPartTaken)]
        return [fact for fact in facts if seq in (None, fact.seq)]

    def envelopes(self) -> dict[int, bytes]:
        return {f.seq: unb64(f.envelope) for f in self.journal.facts if isinstance(f, EnvelopeSealed)}

    def obey(self, modem: str, command: str) -> None:
        self.ports[modem].model.command(command.split(), self.now())

    def _gateway(self, name: str) -> Gateway:
        gateway = Gateway(partial(self._submit, name), self.now)
        self.modems[name] = self._modem(name, gateway.hear)
        self.loop.spawn("air", self.modems[name].run())
        return gateway

    def _submit(self, name: str, token: int, number: str, user_data: bytes) -> None:
        self.modems[name].send_sms(token, number, user_data)

    def _modem(self, name: str, hear: Callable[[ModemEvent], None]) -> AtModem:
        return AtModem(self.ports[name].open, self.now, hear, AtSettings())

    def _hear(self, name: str, runner: Runner, event: ModemEvent) -> None:
        self.heard.append((name, event))
        runner.post(ModemHeard(name, event))

    def _release(self, effect: Effect) -> None:
        if isinstance(effect, SendSms):
            assert effect.number in self.plan.numbers
            self.sent.append(effect)
            self.modems[effect.modem].send_sms(effect.token, effect.number, effect.user_data)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for port in self.ports.values():
                port.tick()
