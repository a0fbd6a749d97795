"""The rungs above data links as one: the escalation clock, the rung of SMS, and what comes back by SMS."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from crypto.manifest import TrustedManifest
from failover.events import Instant
from failover.ladder import RungClock
from failover.machine import Failover
from kit.core import Step
from kit.events import Event
from kit.facts import Fact
from kit.ladder.escalation import Climb, Escalation
from kit.sms.inbox import SmsInbox
from kit.sms.plan import SmsPlan
from kit.sms.rung import SmsRung


@dataclass(frozen=True, slots=True)
class LadderSetup:
    """From the configuration. Without ``clocks`` nothing climbs; without ``sms`` that rung is left out."""

    clocks: Mapping[Literal["account", "tally"], RungClock] = field(default_factory=dict)
    sms: SmsPlan | None = None


class Ladder:
    """Core.

    Args:
        setup: from the configuration.
        manifest: what is sent and believed under.
        device: this kit.
        held: whether the tally of a terminal must wait, since its tape comes first.
        failover: to say what is wrong with the uplinks; asked only while events are handled.
        count: hears for each SMS which modem it came by.
    """

    def __init__(
        self,
        setup: LadderSetup,
        manifest: TrustedManifest,
        device: str,
        *,
        held: Callable[[str], bool],
        failover: Failover,
        count: Callable[[str], None],
    ) -> None:
        self.sms = SmsRung(setup.sms, manifest, device, held=held)
        self.inbox = SmsInbox(manifest, count)
        self.escalation = Escalation(
            setup.clocks, troubles=lambda: troubles(failover), sms_by=self.sms.sent_by, held=held
        )

    def translate(self, event: Event, now: Instant) -> Event:
        """What an SMS says; any other event as it is."""
        return self.inbox.translate(event, now)

    def handle(self, event: Event, now: Instant) -> Step:
        """Climb, and send what is due by SMS."""
        step = self.escalation.handle(event, now)
        step.join(self.sms.handle(event, now))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold."""
        self.escalation.apply(fact)
        self.sms.apply(fact)

    def wake_at(self) -> Instant | None:
        """The next deadline of either."""
        deadlines = (self.escalation.wake_at(), self.sms.wake_at())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def picture(self, released: Sequence[int], now: Instant) -> dict[str, Any]:
        """For ``kitctl status``. ``released``: the envelopes that officials released for couriers."""
        return {
            "envelopes": [self._envelope(climb, released, now) for climb in self.escalation.climbs.values()],
            "sms": self._sms(now),
        }

    def _envelope(self, climb: Climb, released: Sequence[int], now: Instant) -> dict[str, Any]:
        ahead = self.escalation.ahead(climb, now)
        return {
            "seq": climb.seq,
            "kind": climb.kind,
            "rung": climb.rung,
            "waited_s": self.escalation.waited_ms(climb, now) // 1000,
            "next": {"rung": ahead[0].rung, "in_s": -(-ahead[0].in_ms // 1000)} if ahead else None,
            "reasons": dict(climb.reasons),
            "released": climb.seq in released,
            "handed_out": climb.seq in self.escalation.handed_out,
            "sms": self._letter(climb.seq, now) if "sms" in climb.reasons else None,
        }

    def _letter(self, seq: int, now: Instant) -> dict[str, Any] | None:
        letter = self.sms.letters.get(seq)
        if letter is None:
            return None
        group = letter.group
        most = 0 if self.sms.plan is None else self.sms.plan.max_per_envelope
        picture: dict[str, Any] = {
            "sent": letter.spent,
            "limit": most if letter.spent >= most else None,
            "unfit": letter.unfit,
            "parts": None,
        }
        if group is not None:
            quiet_ms = 0 if group.wanted else max(0, self.sms.quiet_until(letter, now) - now)
            picture |= {
                "parts": group.total,
                "taken": len(group.taken),
                "delivered": len(group.delivered),
                "waiting": len(group.wanted),
                "modem": group.modem,
                "number": self.sms.number_of(group),
                "again_in_s": -(-quiet_ms // 1000),
            }
        return picture

    def _sms(self, now: Instant) -> dict[str, Any] | None:
        plan = self.sms.plan
        if plan is None:
            return None
        return {
            "numbers": list(plan.numbers),
            "in_hour": self.sms.sent_in_hour(now),
            "max_per_hour": plan.max_per_hour,
            "modems": [
                {"name": name, "failures": state.failures, "fault": state.fault}
                for name, state in self.sms.modems.states.items()
            ],
            "dropped": dict(self.inbox.dropped),
        }


def troubles(failover: Failover) -> list[str]:
    """What is wrong with each uplink, in words."""
    return list(_troubles(failover))


def _troubles(failover: Failover) -> Iterator[str]:
    usable = failover.usable()
    for name, state in failover.states().items():
        uplink = failover.uplink(name)
        if name in usable:
            yield f"{name}: works, and brought none"
        elif uplink.health.sensed.grade == "none" and uplink.health.sensed.words:
            yield f"{name}: {uplink.health.sensed.words}"
        else:
            yield f"{name}: {uplink.trouble or state}"
