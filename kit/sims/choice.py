"""Which SIM a modem with several uses: one that gives nothing for long is left for the next one, and not too often.

When and why the modem changed over last is durable, so that no restart begins the growth of the stays anew.
"""

from collections.abc import Mapping
from typing import Any, Final

from failover.events import Instant
from failover.machine import Failover
from kit import exit_codes
from kit.core import Step
from kit.effects import Reply, UseSim
from kit.events import Booted, Event, ModemHeard, SimOrdered
from kit.facts import Fact, SimCause, SimChanged
from kit.links.lines import silence
from kit.sims.plan import SimPlan
from kit.sims.state import SWITCH_MS, Pace, SimState
from kit.sms.modems import TRIES
from kit.sms.rung import SmsRung
from kit.wall import Wall

REASON_MAX: Final = 500  # characters (kit.facts.Text)
ONLY_ONE: Final = "its uplink is the only one that works"
SMS_UNDER_WAY: Final = "an SMS is under way"
SMS_GOING: Final = "an envelope goes by SMS over this SIM"


class SimChoice:
    """Core.

    Args:
        plans: the modems of the configuration.
        device: this kit.
        failover: knows which uplinks work, and the pace; asked only while events are handled.
        sms: knows what goes by SMS over which modem.
    """

    def __init__(self, plans: Mapping[str, SimPlan], device: str, failover: Failover, sms: SmsRung) -> None:
        self._plans, self._device, self._failover, self._sms = plans, device, failover, sms
        self._modems = {name: SimState() for name in plans}
        self._wall = Wall()
        self._quiet_since: Instant | None = None
        self._wake: Instant | None = None

    def handle(self, event: Event, now: Instant) -> Step:
        """Take in how modems do, and change over where it is time."""
        if isinstance(event, SimOrdered):
            return self._ordered(event, now)
        step = Step()
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
            for modem in self._modems.values():
                modem.boot(self._wall, now)
        elif isinstance(event, ModemHeard) and event.modem in self._modems:
            self._modems[event.modem].hear(event.event, now)
            step.join(self._once_more(event.modem, now))
        if self._pace() != "quiet":
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        self._wake = None
        for name, modem in self._modems.items():
            modem.judge(self._trouble(name), now)
            step.join(self._change_if_due(name, now))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold. A modem that the configuration no longer has is of no account."""
        if isinstance(fact, SimChanged) and fact.modem in self._modems:
            self._modems[fact.modem].fold(fact, self._wall)

    def wake_at(self) -> Instant | None:
        """When a SIM will have given nothing for long enough, or the first one may be tried again."""
        return self._wake

    def picture(self, now: Instant) -> list[dict[str, Any]]:
        """For ``kitctl status``: modems that hold several SIMs."""
        return [self._shown(name, now) for name in self._modems if self._slots(name) > 1]

    # --- how a SIM does ------------------------------------------------------------------------------------------

    def _trouble(self, name: str) -> str | None:
        """Why the SIM gives nothing; None where it gives something, or nobody knows.

        A session that stands outweighs whatever the modem says.
        """
        modem, uplinks = self._modems[name], self._plans[name].uplinks
        if modem.reading is None or set(uplinks) & set(self._failover.connected()):
            return None
        if words := silence(modem.reading, had_bearer=modem.had_bearer):
            return words
        if not modem.is_registered:
            return "no network known"
        return f"registered, and no session over {', '.join(uplinks)}" if uplinks else None

    def _hindered(self, name: str, now: Instant) -> str | None:
        """Why no other SIM may be used right now, in words. What hinders ends with an event, which is a look again."""
        if self._has_sms_under_way(name):
            return SMS_UNDER_WAY
        if self._modems[name].is_registered and self._goes_by_sms(name, now):
            return SMS_GOING
        return ONLY_ONE if self._is_only_one(name) else None

    def _has_sms_under_way(self, name: str) -> bool:
        state = self._sms.modems.states.get(name)
        return state is not None and bool(state.under_way)

    def _goes_by_sms(self, name: str, now: Instant) -> bool:
        """Parts go out well, or the first answer to them is waited for: it comes to this SIM's number."""
        for letter in self._sms.letters.values():
            group = letter.group
            if not letter.reached or letter.unfit is not None or group is None or group.modem != name:
                continue
            if group.wanted:
                if self._sms.modems.states[name].failures < TRIES:
                    return True
            elif letter.rounds == 0 and not group.repeated and now < self._sms.quiet_until(letter, now):
                return True
        return False

    def _is_only_one(self, name: str) -> bool:
        mine = set(self._plans[name].uplinks)
        return bool(mine & set(self._failover.connected())) and not set(self._failover.usable()) - mine

    # --- what is decided -----------------------------------------------------------------------------------------

    def _due(self, name: str) -> tuple[Instant, int, SimCause] | None:
        """When which SIM is to be used, and why; None where the present one is right."""
        modem, plan = self._modems[name], self._plans[name]
        if modem.reading is None or not plan.changes or self._slots(name) == 1:
            return None
        leave_at = modem.leave_at(self._pace(), self._device, name)
        if leave_at is not None:
            return leave_at, modem.reading.sim_slot % self._slots(name) + 1, "failed"
        return_at = None if self._quiet_since is None else modem.return_at(self._quiet_since)
        return None if return_at is None else (return_at, 1, "returned")

    def _change_if_due(self, name: str, now: Instant) -> Step:
        due, modem = self._due(name), self._modems[name]
        if due is None or modem.reading is None or self._hindered(name, now) is not None:
            return Step()
        at, slot, cause = due
        if now < at:
            self._wake = at if self._wake is None else min(self._wake, at)
            return Step()
        if cause == "returned":
            reason = f"all is quiet: SIM {slot}, which gave nothing, is tried again"
        else:
            bad_s = (now - (modem.bad_since or now)) // 1000
            reason = f"SIM {modem.reading.sim_slot} gave nothing for {bad_s} s: {modem.trouble}"
        return self._change(name, slot, cause, reason, now)

    def _change(self, name: str, slot: int, cause: SimCause, reason: str, now: Instant) -> Step:
        fact = self._modems[name].change(
            slot, cause, reason[:REASON_MAX], at=self._wall.text(now), modem=name, now=now
        )
        return Step(facts=[fact], effects=[UseSim(name, slot)])

    def _once_more(self, name: str, now: Instant) -> Step:
        """With the first reading of a life: what was decided just before it is done, if it is not."""
        modem = self._modems[name]
        if not modem.again or modem.last is None or modem.reading is None:
            return Step()
        modem.again = False
        undone = modem.last.slot != modem.reading.sim_slot and modem.last.slot <= self._slots(name)
        if not undone or self._trouble(name) is None:
            return Step()
        modem.begin(now)
        return Step(effects=[UseSim(name, modem.last.slot)])

    def _ordered(self, event: SimOrdered, now: Instant) -> Step:
        """What a technician wants, if it can be; the only uplink that works is given up only where that is said."""
        refusal = self._refusal(event)
        if refusal is not None:
            error, code = refusal
            return Step(effects=[Reply(event.reply, {"ok": False, "error": error, "code": code})])
        changed, step = not self._uses(event.modem, event.slot), Step()
        if changed:
            step = self._change(event.modem, event.slot, "ordered", "a technician wanted it", now)
        body: dict[str, object] = {"ok": True, "modem": event.modem, "slot": event.slot, "changed": changed}
        step.effects.append(Reply(event.reply, body))
        return step

    def _uses(self, name: str, slot: int) -> bool:
        reading = self._modems[name].reading
        return reading is not None and reading.sim_slot == slot

    def _refusal(self, event: SimOrdered) -> tuple[str, int] | None:
        name, plan = event.modem, self._plans.get(event.modem)
        if plan is None:
            known = ", ".join(self._plans) or "none"
            return f"no modem {name!r} is configured; there are: {known}", exit_codes.USAGE
        if plan.cannot:
            return f"modem {name} stays with its SIM: {plan.cannot}", exit_codes.UNAVAILABLE
        if not 1 <= event.slot <= plan.slots:
            error = f"modem {name} has SIM slots 1 to {plan.slots} by the configuration (sim_slots)"
            return error, exit_codes.USAGE
        if self._modems[name].reading is None:
            return f"modem {name} does not answer", exit_codes.UNAVAILABLE
        if self._uses(name, event.slot):
            return None
        if self._has_sms_under_way(name):
            return f"{SMS_UNDER_WAY}; try again in a minute", exit_codes.UNAVAILABLE
        if self._is_only_one(name) and not event.anyway:
            return f"{ONLY_ONE}; say --anyway if it is to be given up", exit_codes.UNAVAILABLE
        return None

    # --- what is shown -------------------------------------------------------------------------------------------

    def _shown(self, name: str, now: Instant) -> dict[str, Any]:
        plan, modem, due = self._plans[name], self._modems[name], self._due(name)
        last, slot = modem.last, None if modem.reading is None else modem.reading.sim_slot
        overdue = modem.changed_at is not None and now - modem.changed_at >= SWITCH_MS
        picture: dict[str, Any] = {
            "modem": name,
            "slot": slot,
            "slots": self._slots(name),
            "uplinks": list(plan.uplinks),
            "changes": plan.changes,
            "cannot": plan.cannot or None,
            "trouble": modem.trouble or None,
            "trouble_s": None if modem.bad_since is None else (now - modem.bad_since) // 1000,
            "next": None,
            "refused": overdue and last is not None and slot not in (None, last.slot),
            "row": modem.row,
            "last": None,
        }
        if due is not None:
            in_s = max(0, -((now - due[0]) // 1000))
            hindered = self._hindered(name, now)
            picture["next"] = {"slot": due[1], "in_s": in_s, "cause": due[2], "hindered": hindered}
        if last is not None:
            keys = ("at", "left", "slot", "cause", "reason")
            picture["last"] = {key: getattr(last, key) for key in keys}
        return picture

    def _slots(self, name: str) -> int:
        """As the configuration says; as the modem says where it is not the kit's to change over."""
        plan, reading = self._plans[name], self._modems[name].reading
        return reading.sim_slots if plan.cannot and reading is not None else plan.slots

    def _pace(self) -> Pace:
        if self._failover.critical:
            return "critical"
        return "polls" if self._failover.polls_open else "quiet"
