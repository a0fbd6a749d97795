"""The uplinks explain themselves: switches become facts with their reasons, and technicians test and choose uplinks.

A choice of theirs (a pin) is volatile: a restart forgets it, and the kit chooses again. It says which uplink is named
first, never which are used: what is sealed goes out on every healthy one.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from failover.events import Instant, Probe, ProbeEchoed, UplinkPinned, UplinkTested
from failover.machine import Failover
from failover.switch import Switch
from failover.timing import Timing
from kit import exit_codes
from kit.core import Step
from kit.effects import Reply
from kit.events import LinkTestAsked, LinkUseAsked, NoticeAbout, UplinkNoticed
from kit.facts import Fact, LinkSwitched
from kit.links.traffic import Traffic
from kit.wall import Wall

HOUR_MS: Final = 3_600_000
WRITTEN_MAX: Final = (
    12  # switches an hour that go to the journal: 300 bytes each, and one more sync of the flash
)
HISTORY_MAX: Final = 32  # switches shown
TESTS_MAX: Final = 8  # under way at a time
PIN_MAX_MS: Final = 12 * HOUR_MS
REASON_MAX: Final = 500  # characters (kit.facts.Text)
NOTICE_MAX: Final = 300  # characters of what is odd about an uplink


@dataclass(frozen=True, slots=True)
class _Test:
    """A probe that somebody waits for."""

    uplink: str
    nonce: int
    asked_at: Instant
    until: Instant
    reply: int


class Links:
    """Core: why which uplink is preferred.

    ``failover``: whose switches these are; ``timing``: how long a tested uplink may take, and how often it is probed.
    """

    def __init__(self, failover: Failover, timing: Timing) -> None:
        self._failover, self._echo_ms = failover, timing.echo_ms
        self.traffic = Traffic(failover, timing)
        self._wall = Wall()
        self.history: deque[LinkSwitched] = deque(maxlen=HISTORY_MAX)
        """Durable: a fold over LinkSwitched, oldest first."""
        self.unwritten = 0
        """Switches of this life that are not in the journal, since the last one that is."""
        self._last: Switch | None = None
        self._written_at: deque[Instant] = deque(maxlen=WRITTEN_MAX)
        self._tests: list[_Test] = []
        self._notices: dict[tuple[str, NoticeAbout], str] = {}

    def boot(self, wall: Wall) -> None:
        """The first event of a life came; ``wall`` tells the time from now on."""
        self._wall = wall
        self.traffic.boot(wall)

    def handle(self, event: LinkUseAsked | LinkTestAsked | UplinkNoticed, now: Instant) -> Step:
        """Do what a technician asks; keep what a session notices."""
        if isinstance(event, UplinkNoticed):
            self._notices[event.uplink, event.about] = event.words[:NOTICE_MAX]
            return Step()
        names = self._failover.states()
        if event.uplink is not None and event.uplink not in names:
            error = f"no uplink {event.uplink!r} is configured; there are {', '.join(names)}"
            return _refuse(event.reply, error, exit_codes.USAGE)
        return self._use(event, now) if isinstance(event, LinkUseAsked) else self._test(event, now)

    def echoed(self, event: ProbeEchoed, now: Instant) -> Step:
        """A probe came back: whoever waits for it is told."""
        step = Step()
        for test in [
            test for test in self._tests if (test.uplink, test.nonce) == (event.uplink, event.nonce)
        ]:
            self._tests.remove(test)
            body = {"ok": True, "uplink": test.uplink, "echoed": True, "rtt_ms": now - test.asked_at}
            step.effects.append(Reply(test.reply, body))
        return step

    def look(self, now: Instant) -> Step:
        """Journal the switches and the bytes since the last look, and end tests that took too long. Once a turn."""
        step = Step()
        for test in [test for test in self._tests if test.until <= now]:
            self._tests.remove(test)
            why = f"no echo within {self._echo_ms / 1000:.1f} s"
            step.effects.append(Reply(test.reply, _silent(test.uplink, why)))
        for switch in self._failover.take_switches():
            self._last = switch
            self.unwritten += 1
            step.facts.extend(self._written(now))
        step.facts.extend(self._written(now))
        step.facts.extend(self.traffic.look(now))
        return step

    def notices(self, uplink: str) -> tuple[str, ...]:
        """What is odd about it at present, in words."""
        return tuple(words for (name, _), words in self._notices.items() if name == uplink and words)

    def apply(self, fact: Fact) -> None:
        """Fold."""
        self.traffic.apply(fact)
        if isinstance(fact, LinkSwitched):
            self.history.append(fact)

    def wake_at(self) -> Instant | None:
        """When a test ends, or what was held back may be written."""
        deadlines = [test.until for test in self._tests]
        if self.unwritten:
            deadlines.append(self._may_write_at())
        return min(deadlines, default=None)

    def _written(self, now: Instant) -> list[LinkSwitched]:
        """The fact of the last switch, where one is due and the hour has room for it."""
        if self._last is None or not self.unwritten or now < self._may_write_at():
            return []
        switch, before = self._last, self.unwritten - 1
        self.unwritten = 0
        self._written_at.append(now)
        return [
            LinkSwitched(
                at=self._wall.text(switch.at),
                left=switch.left,
                to=switch.to,
                cause=switch.cause,
                # What a shell says of an error may hold half a character, and no fact can.
                reason=switch.reason.encode("utf-8", "replace").decode()[:REASON_MAX],
                unwritten=before,
            )
        ]

    def _may_write_at(self) -> Instant:
        full = len(self._written_at) == WRITTEN_MAX
        return self._written_at[0] + HOUR_MS if full else 0

    def _use(self, event: LinkUseAsked, now: Instant) -> Step:
        if event.uplink is not None and not 1 <= event.for_ms <= PIN_MAX_MS:
            error = (
                f"{event.for_ms // 1000} s: an uplink is used by hand for 1 s to {PIN_MAX_MS // HOUR_MS} h"
            )
            return _refuse(event.reply, error, exit_codes.USAGE)
        step = Step(effects=[*self._failover.handle(UplinkPinned(event.uplink, event.for_ms), now)])
        body: dict[str, object] = {
            "ok": True,
            "pinned": event.uplink,
            "preferred": self._failover.preferred(),
        }
        step.effects.append(Reply(event.reply, body))
        return step

    def _test(self, event: LinkTestAsked, now: Instant) -> Step:
        if len(self._tests) >= TESTS_MAX:
            return _refuse(
                event.reply, f"{TESTS_MAX} tests are under way; wait for them", exit_codes.UNAVAILABLE
            )
        effects = self._failover.handle(UplinkTested(event.uplink), now)
        step = Step(effects=[*effects])
        nonces = [
            probe.nonce for probe in effects if isinstance(probe, Probe) and probe.uplink == event.uplink
        ]
        if nonces:
            self._tests.append(_Test(event.uplink, nonces[-1], now, now + self._echo_ms, event.reply))
            return step
        uplink = self._failover.uplink(event.uplink)
        why = f"it is {uplink.state}" + (f": {uplink.trouble}" if uplink.trouble else "")
        step.effects.append(Reply(event.reply, _silent(event.uplink, why)))
        return step


def _silent(uplink: str, why: str) -> dict[str, object]:
    return {"ok": True, "uplink": uplink, "echoed": False, "why": why}


def _refuse(reply: int, error: str, code: int) -> Step:
    return Step(effects=[Reply(reply, {"ok": False, "error": error, "code": code})])
