"""What may stand against following an authentic order now, and what follows from one that is followed."""

from collections.abc import Callable
from typing import Final

from crypto.codec import b64
from crypto.orders import SignedOrder
from crypto.statements import Order, OrderKind
from failover.events import Instant
from kit.day.day_state import DayState
from kit.day.phases import AT_ONCE, ORDERS
from kit.day.schedule import EffectiveSchedule
from kit.facts import Archived, Fact, OrderAccepted, ScheduleExtended, TerminalReplaced
from kit.wall import Wall


class OrderRules:
    """Judges orders by where the day stands. ``standby``: this kit, where it is one; ``contests``: of the branch."""

    def __init__(
        self, state: DayState, schedule: EffectiveSchedule, *, standby: str | None, contests: frozenset[str]
    ) -> None:
        self._state, self._schedule = state, schedule
        self._standby, self._contests = standby, contests
        self._particular: Final[dict[OrderKind, Callable[[Order], str | None]]] = {
            "account": self._account,
            "reopen": self._reopen,
            "close": self._close_again,
            "extend": self._extend,
            "replace-terminal": self._replace,
            "release-media": self._release,
        }

    def objection(self, order: Order, *, wall: Wall, now: Instant) -> str | None:
        """Why an authentic order cannot be followed now, in words that end the sentence "refused: ..."; or None."""
        state, kind = self._state, order.kind
        if order.device != self._standby:
            return f"it is for {_kit(order.device)}, and this is {_kit(self._standby)}"
        if order.serial != state.serial + 1:
            return f"its serial is {order.serial}, the next one is {state.serial + 1}"
        if state.phase not in ORDERS[kind]:
            return f"the branch is {state.phase!r}; it is possible in {', '.join(ORDERS[kind])}"
        if state.stage is not None and kind not in AT_ONCE and (state.stage, kind) != ("suspend", "close"):
            return f"{state.stage!r} is still being carried out"
        schedule = self._schedule.current
        not_before = {"open": schedule.open_not_before, "close": schedule.close_not_before}.get(kind)
        if not_before is not None and now < wall.instant_of(not_before):
            return f"not before {not_before}; it is {wall.text(now)}"
        particular = self._particular.get(kind)
        return None if particular is None else particular(order)

    def facts(self, signed: SignedOrder, at: str) -> list[Fact]:
        """The facts of an order that is followed."""
        order = signed.order
        officials = tuple(official.id for official in signed.officials)
        facts: list[Fact] = [
            OrderAccepted(
                at=at,
                kind=order.kind,
                serial=order.serial,
                officials=officials,
                order=b64(signed.envelope.to_bytes()),
                voters_signed_in=order.voters_signed_in,
                reason=order.reason,
            )
        ]
        if order.kind == "archive":
            facts.append(Archived(at=at))
        elif order.schedule is not None:
            extended = ScheduleExtended(
                at=at,
                source="order",
                number=order.serial,
                branch=order.branch,
                signers=officials,
                schedule=order.schedule,
                reason=order.reason,
                act="",
            )
            facts.append(extended)
        elif order.terminal is not None:
            facts.append(
                TerminalReplaced(at=at, terminal=order.terminal, standby=order.standby, reason=order.reason)
            )
        return facts

    def _account(self, order: Order) -> str | None:
        if set(order.voters_signed_in) != self._contests:
            return f"voters_signed_in must name exactly {', '.join(sorted(self._contests))}"
        return None

    def _reopen(self, _: Order) -> str | None:
        """The terminal would refuse too: beside the numbers of a later close, these would tell how a few voted."""
        given = sorted(unit.terminal for unit in self._state.units.values() if unit.account is not None)
        return (
            f"the ballot account of {', '.join(given)} was taken: nobody may vote after that"
            if given
            else None
        )

    def _close_again(self, order: Order) -> str | None:
        return self._reopen(order) if self._state.phase == "closed" else None

    def _extend(self, order: Order) -> str | None:
        given = sorted(unit.terminal for unit in self._state.units.values() if unit.tally_sha256 is not None)
        if given:
            return f"the tally of {', '.join(given)} was given: nothing can be moved any more"
        assert order.schedule is not None  # noqa: S101 - crypto.orders refuses such an order
        if self._schedule.is_present(order.schedule):
            return "it changes nothing: all its times are those of the present schedule"
        return self._schedule.objection(order.schedule)

    def _replace(self, order: Order) -> str | None:
        state = self._state
        unit = state.units[order.terminal or ""]
        if unit.part != "active":
            return f"terminal {unit.terminal} is not in use: it is {unit.part}"
        if unit.tally_sealed or unit.tally is not None:
            return f"the tally of terminal {unit.terminal} is here already: nothing more is wanted of it"
        others = [other for other in state.active() if other is not unit]
        if order.standby is None:
            if others:
                return None
            return (
                f"{unit.terminal} is the branch's last terminal: name a standby; if there is none, tell the centre, "
                "which records the branch as absent"
            )
        if unit.account is not None or state.phase in ("accounted", "tallied"):
            return "the ballot account was taken: nobody can vote on a standby any more; order it without one"
        standby = state.units[order.standby]
        if standby.part != "standby":
            return f"terminal {standby.terminal} is {standby.part} already: name another standby"
        return None

    def _release(self, _: Order) -> str | None:
        return None if self._state.sealed else "nothing is sealed yet: order it again when something is"


def _kit(standby: str | None) -> str:
    return "the branch's own kit" if standby is None else f"the standby kit {standby}"
