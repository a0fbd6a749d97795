"""The station composes the cores of the kit and translates between the wings. It decides nothing by itself."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from crypto.manifest import TrustedManifest
from crypto.statements import Cause
from crypto.wire import topic_probe
from failover.events import (
    Instant,
    LineSensed,
    PathChanged,
    PollsChanged,
    ProbeEchoed,
    TcpSensed,
    TrafficCounted,
    UplinkConnected,
    UplinkLost,
    WindowChanged,
)
from failover.events import Tick as FailoverTick
from failover.machine import Failover, Timing
from kit import pictures
from kit.clock_check import clock_objection
from kit.commands.commands import Commands
from kit.core import Core, Step
from kit.day.phases import POLLS_PHASES
from kit.day.polling_day import PollingDay
from kit.devices import Devices
from kit.events import (
    Booted,
    CommandHeard,
    Event,
    LinkTestAsked,
    LinkUseAsked,
    ManifestHeard,
    ManifestKept,
    MediaAsked,
    OrderReceived,
    PrinterHeard,
    ReadinessAsked,
    ReadinessItem,
    ScheduleHeard,
    SimOrdered,
    TerminalHeard,
    Tick,
    UplinkNoticed,
    UplinksUsable,
)
from kit.facts import BootRecorded, Commissioned, Fact, IncidentRecorded
from kit.journal.desk import JournalDesk
from kit.ladder.ladder import Ladder, LadderSetup
from kit.links.budgets import DataPlan, make_budgets
from kit.links.lines import Lines
from kit.links.links import Links
from kit.manifests.adoption import ManifestAdoption
from kit.manifests.judge import ManifestJudge
from kit.outbox import Outbox
from kit.power.endurance import Ratings
from kit.power.power import Power
from kit.sims.choice import SimChoice
from kit.sims.plan import SimPlan
from kit.tapes import PrinterHabits, Tapes
from kit.wall import Wall

INCIDENTS_SHOWN: Final = 10  # the last ones, in the status
_LinkEvent = LinkUseAsked | LinkTestAsked | UplinkNoticed
_UplinkEvent = (
    UplinkConnected | UplinkLost | ProbeEchoed | PathChanged | LineSensed | TcpSensed | TrafficCounted
)


class ForeignJournalError(Exception):
    """The journal belongs to another branch, device or election than the configuration and manifest."""


class Station:
    """All cores as one: the only core that the runner knows.

    ``device``: this kit, where it is a standby; None: the device of the branch. ``poll``: "re-vote" for a standby kit
    that runs a poll which was ordered again.
    """

    def __init__(
        self,
        manifest: TrustedManifest,
        branch: str,
        *,
        uplinks: tuple[str, ...],
        timing: Timing,
        has_ups: bool,
        battery: Ratings | None = None,
        modems: tuple[str, ...] = (),
        has_fibre: bool = False,
        printer: PrinterHabits | None = None,
        device: str | None = None,
        poll: Literal["first", "re-vote"] = "first",
        data_plans: Mapping[str, DataPlan] | None = None,
        manifest_judge: ManifestJudge | None = None,
        ladder: LadderSetup | None = None,
        bound: frozenset[str] = frozenset(),
        lines: Mapping[str, str] | None = None,
        sims: Mapping[str, SimPlan] | None = None,
    ) -> None:
        """``data_plans``: what may go over the air, by uplink. ``manifest_judge``: None for no new one.

        ``ladder``: None: envelopes go over data links, and nothing else is tried. ``bound``: uplinks that are bound to
        an interface. ``lines``: the device whose word on the line counts, by uplink (kit.links.lines).
        ``sims``: modems that may hold several SIMs, by name.
        """
        self._manifest, self._branch = manifest, branch
        self._entry = manifest.branch(branch)
        self._device, self._poll = device or self._entry.device, poll
        self.day = PollingDay(manifest, branch, device=self._device, cause=self._cause())
        self.power = Power(battery)
        self.devices = Devices(modems, has_fibre=has_fibre)
        self.journal_desk = JournalDesk(manifest, branch, self._device)
        self.tapes = Tapes(printer)
        self.commands = Commands(manifest, branch)
        self.adoption = ManifestAdoption(manifest, branch, self._device, manifest_judge)
        self.outbox = Outbox(manifest, self._device, held=self.tapes.holds)
        self.failover = Failover(
            uplinks,
            self._device,
            timing,
            make_budgets(data_plans or {}, self._probe_topic_bytes),
            bound=bound,
        )
        self.lines = Lines(lines or {}, sims)
        self.links = Links(self.failover, timing)
        self.ladder = Ladder(
            ladder or LadderSetup(),
            manifest,
            self._device,
            held=self.tapes.holds,
            failover=self.failover,
            count=self.devices.count_message,
        )
        self.sim_choice = SimChoice(sims or {}, self._device, self.failover, self.ladder.sms)
        self._has_ups = has_ups
        self._wall = Wall()
        self._commissioned: Commissioned | None = None
        self._last_at: str | None = None
        self._incidents: deque[IncidentRecorded] = deque(maxlen=INCIDENTS_SHOWN)
        self._usable: tuple[str, ...] = ()
        self._told = UplinksUsable(())
        self._folded = False
        self._news: UplinksUsable | None = None

    def handle(self, event: Event, now: Instant) -> Step:
        """Give the event to whom it concerns. No core is asked twice in one turn.

        Facts of a turn are folded only after it: a core that was asked twice would decide twice from the same state.
        So what one core must tell another waits for the next tick, which comes at once.
        """
        self._folded = False
        step = Step()
        if isinstance(event, Tick) and self._news is not None:
            event, self._news = self._news, None
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
            step.facts.extend(self._birth(event, now))
            self._usable, self._told, self._news = (), UplinksUsable(()), None
            self.links.boot(self._wall)
        event = self.ladder.translate(event, now)
        if isinstance(event, ReadinessAsked):
            event = ReadinessAsked(event.reply, self._readiness_items(now))
        if isinstance(event, _UplinkEvent):
            step.join(self._hear_of_uplinks(event, now))
        elif isinstance(event, _LinkEvent):
            step.join(self.links.handle(event, now))
        else:
            for sensed in self.lines.hear(event):
                step.effects.extend(self.failover.handle(sensed, now))
            for core in self._concerned(event):
                step.join(core.handle(event, now))
        if isinstance(event, Tick | Booted):
            step.effects.extend(self.failover.handle(FailoverTick(), now))
        self._look_at_uplinks(step, now)
        return step

    def apply(self, fact: Fact) -> None:
        """Fold into every core. What follows from it is looked at with the next tick, at once."""
        if isinstance(fact, Commissioned):
            self._commissioned = fact
        elif isinstance(fact, IncidentRecorded):
            self._incidents.append(fact)
        self._last_at = fact.at
        for core in (
            self.power,
            self.devices,
            self.day,
            self.tapes,
            self.outbox,
            self.journal_desk,
            self.links,
            self.commands,
            self.adoption,
            self.ladder,
            self.sim_choice,
        ):
            core.apply(fact)
        self._folded = True

    def wake_at(self) -> Instant | None:
        """The earliest deadline of any core; at once when facts were folded since the last event, or there is news."""
        if self._folded or self._news is not None:
            return 0
        deadlines = [
            core.wake_at()
            for core in (
                self.power,
                self.devices,
                self.day,
                self.tapes,
                self.outbox,
                self.failover,
                self.links,
                self.adoption,
                self.ladder,
                self.sim_choice,
            )
        ]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def status(self, now: Instant) -> dict[str, Any]:
        """What ``kitctl status`` shows: a picture of the present, of no account to any decision."""
        manifest, schedule = self._manifest.manifest, self.day.schedule.current
        return {
            "branch": self._branch,
            "name": self._entry.name,
            "election": manifest.election,
            "round": manifest.round,
            "device": self._device,
            "standby": None if self._device == self._entry.device else self._device,
            "contests": [contest.id for contest in self._manifest.contests_of(self._branch)],
            "manifest_sha256": self._manifest.sha256,
            "time": self._wall.text(now),
            "schedule": {name: getattr(schedule, name) for name in schedule.__struct_fields__},
            "power": pictures.power(self.power, has_ups=self._has_ups),
            "devices": pictures.devices(self.devices),
            "printer": pictures.printer(self.tapes),
            "uplinks": {
                "states": self.failover.states(),
                "usable": list(self._usable),
                "preferred": self.failover.preferred(),
                "critical": self.outbox.critical,
            },
            "links": {
                **pictures.links(self.failover, self.links, now),
                "sims": self.sim_choice.picture(now),
            },
            "outbox": pictures.outbox(self.outbox, self.day.state),
            "ladder": self.ladder.picture(self.day.state.released[1], now),
            "centre": {**self.commands.picture(now), "manifest": self.adoption.picture()},
            "journal_segments_flagged": self.journal_desk.flagged,
            "incidents": [
                {"at": fact.at, "code": fact.code, "detail": fact.detail} for fact in self._incidents
            ],
            **pictures.day(self.day.state),
        }

    def _concerned(self, event: Event) -> tuple[Core, ...]:
        """Who hears of an event, in this order."""
        if isinstance(event, TerminalHeard):
            return (self.day, self.tapes, self.adoption)
        if isinstance(event, OrderReceived | ReadinessAsked | ScheduleHeard | MediaAsked):
            return (self.day,)
        if isinstance(event, PrinterHeard):
            return (self.tapes,)
        if isinstance(event, CommandHeard):
            return (self.commands,)
        if isinstance(event, ManifestHeard | ManifestKept):
            return (self.adoption,)
        if isinstance(event, SimOrdered):
            return (self.sim_choice,)
        everybody = (self.power, self.devices, self.day, self.tapes, self.outbox, self.journal_desk)
        return (*everybody, self.commands, self.adoption, self.ladder, self.sim_choice)

    def _probe_topic_bytes(self, uplink: str) -> int:
        return len(topic_probe(self._manifest.manifest.election, self._branch, f"{self._device}.{uplink}"))

    def _hear_of_uplinks(self, event: _UplinkEvent, now: Instant) -> Step:
        step = Step(effects=[*self.failover.handle(event, now)])
        if isinstance(event, ProbeEchoed):
            step.join(self.links.echoed(event, now))
        return step

    def _cause(self) -> Cause:
        if self._device == self._entry.device:
            return "first"
        return "re-vote" if self._poll == "re-vote" else "replacement-kit"

    def _birth(self, event: Booted, now: Instant) -> list[Fact]:
        manifest, at = self._manifest.manifest, self._wall.text(now)
        mine = Commissioned(
            at=at,
            election=manifest.election,
            round=manifest.round,
            branch=self._branch,
            device=self._device,
            poll=self._poll,
            manifest_sha256=self._manifest.sha256,
            manifest_version=manifest.version,
        )
        booted: list[Fact] = [BootRecorded(at=at, boot_id=event.boot_id)]
        if event.journal_key_lost is not None:
            detail = event.journal_key_lost
            booted.append(IncidentRecorded(at=at, code="journal-key-lost", detail=detail))
        if self._commissioned is None or self._last_at is None:
            return [mine, *booted]
        objection = clock_objection(self._last_at, event.wall_ms, self.day.state.phase)
        if objection is not None:
            code, detail = objection
            booted.append(IncidentRecorded(at=at, code=code, detail=detail))
        adopted = self.adoption.adopted
        born = self._commissioned
        if adopted is not None:
            born = msgspec.structs.replace(born, manifest_sha256=adopted.manifest_sha256)
        for field in ("election", "round", "branch", "device", "manifest_sha256", "poll"):
            journaled, configured = getattr(born, field), getattr(mine, field)
            if journaled != configured:
                raise ForeignJournalError(
                    f"the journal is of {field} {journaled!r}, configuration and manifest say {configured!r}: "
                    "use an empty state directory, or the manifest that this journal goes by (a newer one is handed "
                    "in: kitctl manifest bring)"
                )
        return booted

    def _readiness_items(self, now: Instant) -> tuple[ReadinessItem, ...]:
        usable = ", ".join(self._usable)
        items = [
            ReadinessItem("uplink", bool(self._usable), usable or "no uplink reaches the centre's broker")
        ]
        if self._has_ups:
            state = self.power.heard
            items.append(ReadinessItem("power", state == "mains", f"the UPS says: {state}"))
        return (
            *items,
            *self.devices.readiness(),
            *self.tapes.readiness(),
            *self.commands.readiness(now),
        )

    def _look_at_uplinks(self, step: Step, now: Instant) -> None:
        """Tell failover which of its three paces holds, and remember which uplinks work as news for the others."""
        polls_open = self.day.state.phase in POLLS_PHASES
        if polls_open != self.failover.polls_open:
            step.effects.extend(self.failover.handle(PollsChanged(polls_open), now))
        if self.outbox.critical != self.failover.critical:
            step.effects.extend(self.failover.handle(WindowChanged(self.outbox.critical), now))
        step.join(self.links.look(now))
        usable = self.failover.usable()
        standing = self.failover.connected()
        news = UplinksUsable(usable, () if usable or not self.outbox.waiting else standing, standing)
        if news != self._told:
            self._usable, self._told, self._news = usable, news, news
