"""Where people meet the polling day: orders of officials, changes of the schedule, sealed media to take along.

Two officials of different bodies for the orders that need them. What is refused is answered and changes nothing.
"""

from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from failover.events import Instant
from kit import exit_codes, media
from kit.core import Step
from kit.day.day_state import DayState
from kit.day.order_desk import OrderDesk
from kit.day.order_rules import OrderRules
from kit.day.schedule import EffectiveSchedule, ScheduleRefusedError
from kit.effects import Reply
from kit.events import MediaAsked, OrderReceived, ScheduleHeard
from kit.facts import Fact, MediaHandedOut, OrderAccepted
from kit.incidents import Incidents
from kit.wall import Wall


class DayDesk:
    """Part of the day's core. ``device``: this kit, where it is a standby."""

    def __init__(
        self,
        manifest: TrustedManifest,
        branch: str,
        *,
        device: str | None,
        state: DayState,
        schedule: EffectiveSchedule,
        wall: Wall,
        incidents: Incidents,
    ) -> None:
        self._state, self._schedule, self._wall, self._incidents = state, schedule, wall, incidents
        self._orders = OrderDesk(manifest, branch)
        self._rules = OrderRules(
            state,
            schedule,
            standby=None if device == manifest.branch(branch).device else device,
            contests=frozenset(contest.id for contest in manifest.contests_of(branch)),
        )

    def apply(self, fact: Fact) -> None:
        """An accepted order makes the serials of half-signed ones stale."""
        if isinstance(fact, OrderAccepted):
            self._orders.clear()

    def forget(self) -> None:
        """A new life: officials sign again what was half signed."""
        self._orders.clear()

    def order(self, event: OrderReceived, now: Instant) -> Step:
        """Take a signature under an order; follow the order when it has all that its kind needs."""
        try:
            signed, authorised = self._orders.take(event.data)
        except EvidenceError as error:
            return _refuse(event.reply, f"order refused: {error}", exit_codes.DATA)
        order = signed.order
        objection = self._rules.objection(order, wall=self._wall, now=now)
        if objection is not None:
            self._orders.forget(signed)
            return _refuse(event.reply, f"order {order.kind!r} refused: {objection}", exit_codes.FORBIDDEN)
        if not authorised:
            return Step(effects=[Reply(event.reply, self._orders.answer(signed))])
        facts = self._rules.facts(signed, self._wall.text(now))
        return Step(facts=facts, effects=[Reply(event.reply, {"ok": True, "accepted": True})])

    def schedule(self, event: ScheduleHeard, now: Instant) -> Step:
        """An act of the centre. It moves times, and resurrects no phase that is past."""
        try:
            extended = self._schedule.heard(event.data, self._wall.text(now))
        except ScheduleRefusedError as error:
            if event.reply is not None:
                return _refuse(event.reply, f"schedule refused: {error}", exit_codes.DATA)
            return self._incidents.step([("schedule-refused", str(error))], self._wall.text(now))
        step = Step(facts=[] if extended is None else [extended])
        if event.reply is not None:
            step.effects.append(Reply(event.reply, {"ok": True, "followed": extended is not None}))
        return step

    def media(self, event: MediaAsked, now: Instant) -> Step:
        """Hand out what is released; the first time is journaled."""
        serial, seqs = self._state.released
        if not serial:
            return _refuse(
                event.reply,
                "nothing is released: two officials of different bodies must order release-media first",
                exit_codes.FORBIDDEN,
            )
        step = Step(effects=[Reply(event.reply, {"ok": True, "media": media.released(self._state)})])
        if self._state.handed_out != serial:
            step.facts.append(MediaHandedOut(at=self._wall.text(now), serial=serial, seqs=seqs))
        return step


def _refuse(reply: int, error: str, code: int) -> Step:
    return Step(effects=[Reply(reply, {"ok": False, "error": error, "code": code})])
