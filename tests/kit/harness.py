"""A branch on a table: the real station and sealer, a journal that is a list, and hardware that answers at once.

Time stands still until a test moves it. ``settle`` does what ``kit.runner`` does: events first, then deadlines, facts
before effects. A power cut is an exception out of the journal, just before or just after facts become durable.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from crypto import canonical, rfc3339
from crypto.merkle import leaf_hash, root
from crypto.statements import JournalCheckpoint, Schedule
from drivers.ports import TerminalEvent, TerminalLost, TerminalStatus, UpsReading
from failover.events import Connect, Disconnect, Probe, ProbeEchoed, UplinkConnected, UplinkLost
from failover.timing import Timing
from kit.effects import AskTerminal, Effect, Publish, Reply, SealTally, SignAccount
from kit.events import Booted, Event, ReceiptHeard, TerminalHeard, Tick, UpsHeard
from kit.facts import EnvelopeSealed, Fact
from kit.journal.journal import FACT_MAX
from kit.ladder.ladder import LadderSetup
from kit.sealer import LocalSealer
from kit.station import Station
from kit.tapes import PrinterHabits
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_reports import Dishonesty, TerminalSetup
from simulators.results import StationContest
from tests.crypto.election_fixture import COUNCIL, MAYOR, Election, make_election
from tests.kit.center_stand_in import Center
from tests.kit.terminal_line import Line

BRANCH: Final = "branch-1"
UPLINKS: Final = ("fibre", "4g")
SCHEDULE: Final = Schedule(
    open_not_before="2027-06-18T14:10:00.000Z",
    close_not_before="2027-06-18T14:30:00.000Z",
    tally_not_before="2027-06-18T14:31:00.000Z",
    opening_not_before="2027-06-18T16:30:00.000Z",
)
OPEN_MS: Final = rfc3339.to_ms(SCHEDULE.open_not_before)
CLOSE_MS: Final = rfc3339.to_ms(SCHEDULE.close_not_before)
TALLY_MS: Final = rfc3339.to_ms(SCHEDULE.tally_not_before)
MORNING_MS: Final = OPEN_MS - 600_000
ONE_TERMINAL: Final = make_election(2, schedule=SCHEDULE, standbys=2)
TWO_TERMINALS: Final = make_election(2, schedule=SCHEDULE, terminals_per_branch=2, standbys=2)
STANDBY_DEVICE: Final = "standby-device-1-1"
STANDBY_TERMINAL: Final = "standby-terminal-1-1"
STEPS_MAX: Final = 20_000  # events and ticks of one settling: more is a loop that never ends
IDLE_TICKS_MAX: Final = 3  # ticks in a row that change nothing at the same instant
MAINS: Final = UpsReading(
    on_battery=False, battery_low=False, input_voltage_v=230.0, load_percent=10.0, battery_voltage_v=27.0
)
BATTERY: Final = UpsReading(
    on_battery=True, battery_low=False, input_voltage_v=0.0, load_percent=10.0, battery_voltage_v=25.0
)
LOW: Final = UpsReading(
    on_battery=True, battery_low=True, input_voltage_v=0.0, load_percent=10.0, battery_voltage_v=20.0
)
TRUTH: Final = {
    COUNCIL: StationContest(
        "council_party_list", {"2": 1201, "5": 2003, "41": 4807}, 8011, 13, signed_for=8024, received=9000
    ),
    MAYOR: StationContest("mayor", {"02": 3911, "2": 4099}, 8010, 3, signed_for=8013, received=9000),
}
SIGNED_IN: Final = {COUNCIL: 8024, MAYOR: 8013}


class PowerCut(Exception):  # noqa: N818 - it is no error of anybody's
    """The kit is gone in the middle of what it did."""


class ListJournal:
    """Facts as the journal stores them. ``cut``: power goes before or after the n-th append from now (1: the next)."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.rows: list[bytes] = []
        self.appends = 0
        self.cut: tuple[Literal["before", "after"], int] | None = None

    def append(self, facts: Sequence[Fact]) -> None:
        self.appends += 1
        if self.cut == ("before", self.appends):
            raise PowerCut
        rows = [canonical.encode(msgspec.to_builtins(fact)) for fact in facts]
        for row, fact in zip(rows, facts, strict=True):
            again = msgspec.convert(canonical.decode(row, max_bytes=FACT_MAX), type=Fact)
            assert again == fact, "a fact that cannot be read back would brick the branch"
        self.rows += rows
        self.facts += facts
        if self.cut == ("after", self.appends):
            raise PowerCut

    def checkpoint(self) -> JournalCheckpoint:
        return JournalCheckpoint(size=len(self.rows), root=root([leaf_hash(row) for row in self.rows]).hex())


@dataclass(slots=True)
class Link:
    """One uplink: ``works``, ``refused`` (connects fail at once) or ``hole`` (nothing ever comes back)."""

    mode: Literal["works", "refused", "hole"] = "works"
    session: bool = False


class Branch:
    """One branch with everything around it. ``settle`` after whatever a test does to it."""

    def __init__(
        self,
        election: Election = ONE_TERMINAL,
        *,
        truth: dict[str, StationContest] = TRUTH,
        dishonest: Sequence[Dishonesty] = (),
        center: Center | None = None,
        has_ups: bool = True,
        cut: tuple[Literal["before", "after"], int] | None = None,
        device: str | None = None,
        poll: Literal["first", "re-vote"] = "first",
        lines_of: "Branch | None" = None,
        printer: PrinterHabits | None = None,
        ladder: LadderSetup | None = None,
        modems: tuple[str, ...] = (),
    ) -> None:
        """``lines_of``: another kit, whose terminals are plugged into this one, as they are."""
        self.election, self.name = election, BRANCH
        self.entry = election.loaded.branch(BRANCH)
        self.now = 1_000_000
        self.wall_offset = MORNING_MS - self.now
        self.journal = ListJournal()
        self.journal.cut = cut
        self.center = center or Center(election)
        self.center_answers = True
        self.sealer_hangs = False
        self.device = device or self.entry.device
        self.lines = {name: Line(self._terminal(name, truth, dishonest)) for name in self.entry.terminals}
        self.spares = {name: self._terminal(name, truth, ()) for name in self.entry.standby_terminals}
        if lines_of is not None:
            self.lines = {name: Line(line.model) for name, line in lines_of.lines.items()}
            self.spares = lines_of.spares
            self.now, self.wall_offset = lines_of.now, lines_of.wall_offset
        self.links = {name: Link() for name in UPLINKS}
        self.entropy_drawn: list[bytes] = []
        self.effects: list[Effect] = []
        self.published: list[Publish] = []
        self.sealed: list[SignAccount | SealTally] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self.lives = 0
        self.appends_per_life: int | None = None
        self.sealed_at_boot: list[EnvelopeSealed] = []
        self.alter: Callable[[str, TerminalEvent], TerminalEvent] = lambda _, event: event
        """What a test makes of a terminal's answers on their way."""
        self._next_reply = 1
        self._make = lambda: Station(
            election.loaded,
            BRANCH,
            uplinks=UPLINKS,
            timing=Timing(),
            has_ups=has_ups,
            device=device,
            poll=poll,
            printer=printer,
            ladder=ladder,
            modems=modems,
        )
        self.station: Station
        self.events: deque[Event] = deque()
        self.boot()

    # --- life and death ---

    def boot(self) -> None:
        """A new life: nothing is left but the journal. Terminals and UPS are heard again."""
        if self.lives:
            self.journal.cut = None
        if self.appends_per_life is not None:
            self.journal.cut = ("after", self.journal.appends + self.appends_per_life)
        self.lives += 1
        self.sealed_at_boot = self.envelopes()
        self.events.clear()
        self.station = self._make()
        self.sealer = LocalSealer(
            self.election.devices[self.device],
            self._entropy,
            self.election.loaded,
            BRANCH,
            self.journal.checkpoint,
            device=self.device,
        )
        for fact in self.journal.facts:
            self.station.apply(fact)
        for link in self.links.values():
            link.session = False
        self.post(Booted(f"boot-{self.lives}", self.wall_ms))
        for name, line in self.lines.items():
            line.queue.clear()
            if line.connected:
                self.post(TerminalHeard(name, line.up()))

    @property
    def wall_ms(self) -> int:
        return self.now + self.wall_offset

    @property
    def phase(self) -> str:
        return self.station.day.state.phase

    def facts(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.journal.facts if isinstance(fact, kind)]

    def envelopes(self) -> list[EnvelopeSealed]:
        return self.facts(EnvelopeSealed)

    # --- the runner's part ---

    def post(self, event: Event) -> None:
        self.events.append(event)

    def settle(self) -> None:
        """Until nothing happens any more without time passing."""
        idle = 0
        for _ in range(STEPS_MAX):
            if self.events:
                self._turn(self.events.popleft())
                idle = 0
            elif (wake_at := self.station.wake_at()) is not None and wake_at <= self.now:
                idle = 0 if self._turn(Tick()) else idle + 1
                assert idle <= IDLE_TICKS_MAX, (
                    f"wants the next tick at once, and does nothing with it: {wake_at}"
                )
            elif not self._serve_terminals():
                return
        raise AssertionError("the branch never comes to rest")

    def advance(self, by_ms: int) -> None:
        """Let time pass, deadline by deadline."""
        until = self.now + by_ms
        self.settle()
        while (wake_at := self.station.wake_at()) is not None and wake_at <= until:
            self.now = max(self.now, wake_at)
            self.settle()
        self.now = until
        self.settle()

    def advance_to_wall(self, wall_ms: int) -> None:
        """Until the wall clock shows a time; nothing when it is past."""
        self.advance(max(0, wall_ms - self.wall_ms))

    def _turn(self, event: Event) -> bool:
        step = self.station.handle(event, self.now)
        if step.facts:
            self.journal.append(step.facts)
            for fact in step.facts:
                self.station.apply(fact)
        for effect in step.effects:
            self._release(effect)
        return bool(step.facts or step.effects)

    def _release(self, effect: Effect) -> None:
        self.effects.append(effect)
        match effect:
            case AskTerminal(terminal, action):
                self.lines[terminal].request(action)
            case SignAccount() | SealTally():
                self.sealed.append(effect)
                if not self.sealer_hangs:
                    self.post(self.sealer.make(effect))
            case Publish():
                self._publish(effect)
            case Reply(reply, body):
                self.replies[reply] = body
            case Connect(name):
                self._connect(name)
            case Disconnect(name):
                self.links[name].session = False
            case Probe(name, nonce):
                if self._carries(name):
                    self.post(ProbeEchoed(name, nonce))

    # --- the world's part ---

    def ask(self, make: Callable[[int], Event]) -> dict[str, Any]:
        """Ask the control socket, and wait for the answer ({} when there is none yet)."""
        token, self._next_reply = self._next_reply, self._next_reply + 1
        self.post(make(token))
        self.settle()
        return self.replies.get(token, {})

    def set_link(self, name: str, mode: Literal["works", "refused", "hole"]) -> None:
        """Break or heal an uplink."""
        link = self.links[name]
        link.mode = mode
        if mode == "refused" and link.session:
            link.session = False
            self.post(UplinkLost(name, "connection reset"))

    def unplug(self, name: str, reason: str = "unplugged") -> None:
        """The session with a terminal is lost."""
        if self.lines[name].connected:
            self.lines[name].connected = False
            self.post(TerminalHeard(name, TerminalLost(reason)))

    def plug(self, name: str) -> None:
        """The session with a terminal stands again; that with a standby for the first time."""
        if name not in self.lines:
            self.lines[name] = Line(self.spares[name])
        self.lines[name].connected = True
        self.post(TerminalHeard(name, self.lines[name].up()))

    def statuses(self) -> None:
        """Every connected terminal says where it stands, as the driver asks it to every few seconds."""
        for name, line in self.lines.items():
            if line.connected:
                durable = line.model.durable
                status = TerminalStatus(line.model.phase, durable["close_no"], durable["public_counter"])
                self.post(TerminalHeard(name, status))
        self.settle()

    def power(self, reading: UpsReading) -> None:
        """The UPS says something."""
        self.post(UpsHeard(reading))

    def _serve_terminals(self) -> bool:
        for name, line in self.lines.items():
            if line.connected and line.queue:
                self.post(TerminalHeard(name, self.alter(name, line.carry_out(self.wall_ms))))
                return True
        return False

    def _connect(self, name: str) -> None:
        link = self.links[name]
        if link.mode == "works":
            link.session = True
            self.post(UplinkConnected(name))
        elif link.mode == "refused":
            self.post(UplinkLost(name, "connection refused"))

    def _carries(self, name: str) -> bool:
        return self.links[name].session and self.links[name].mode == "works"

    def _publish(self, effect: Publish) -> None:
        durable = {sha256(row_bytes).hexdigest() for row_bytes in self._durable_envelopes()}
        assert sha256(effect.data).hexdigest() in durable, "sent before it was durable"
        self.published.append(effect)
        if self._carries(effect.uplink):
            receipt = self.center.take(effect.data)
            if self.center_answers:
                self.post(ReceiptHeard(effect.uplink, receipt))

    def _durable_envelopes(self) -> list[bytes]:
        return [msgspec.json.decode(f'"{fact.envelope}"', type=bytes) for fact in self.envelopes()]

    def _entropy(self, size: int) -> bytes:
        data = sha256(f"entropy {self.device} {self.lives} {len(self.entropy_drawn)}".encode()).digest()[
            :size
        ]
        self.entropy_drawn.append(data)
        return data

    def _terminal(
        self, name: str, truth: dict[str, StationContest], dishonest: Sequence[Dishonesty]
    ) -> TerminalModel:
        setup = TerminalSetup.of(self.election.loaded, branch=BRANCH, terminal=name)
        return TerminalModel(setup, self.election.terminals[name], truth, boot_id=1, dishonest=dishonest)
