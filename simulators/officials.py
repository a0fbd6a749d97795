"""Simulated officials of one branch: they ask for readiness, hand in their two signed orders, and wait.

The same people work in real-process days and in virtual time: all that differs is ``ask`` (how a request reaches the
control socket) and the clock of the event loop. They are patient: a daemon that was killed is asked again.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from crypto.statements import OrderKind
from kit.day.phases import PHASES
from simulators.election import Election

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Sends a request to the control socket; raises ConnectionError when no daemon answers."""

_AFTER: Final[Mapping[str, str]] = {
    "zero": "zeroed",
    "open": "open",
    "close": "closed",
    "account": "accounted",
    "archive": "archived",
}


class ImpatientError(Exception):
    """The branch did not get where the officials wanted it in time."""


class Officials:
    """The two officials of one branch, at one of its kits.

    ``poll_s``: how often they look; ``patience_s``: for one step of the day; ``standby``: the kit, where it is a
    standby.
    """

    def __init__(
        self,
        election: Election,
        branch: str,
        ask: Ask,
        *,
        poll_s: float = 0.1,
        patience_s: float = 60.0,
        standby: str | None = None,
    ) -> None:
        self._election, self._branch, self._ask, self._standby = election, branch, ask, standby
        self._poll_s, self._patience_s = poll_s, patience_s

    async def status(self) -> dict[str, Any] | None:
        """The branch's status, or None when no daemon answers."""
        try:
            answer = await self._ask({"op": "status"})
        except ConnectionError:
            return None
        status: dict[str, Any] | None = answer.get("status")
        return status

    async def readiness(self) -> list[dict[str, Any]]:
        """Run the check list until everything is in order; returns its items."""
        answer: dict[str, Any] = {}

        async def ready() -> bool:
            nonlocal answer
            status = await self.status()
            if status is not None and status["phase"] != "commissioned":
                return True
            try:
                answer = await self._ask({"op": "readiness"})
            except ConnectionError:
                return False
            return bool(answer.get("ok"))

        await self._until(ready, lambda: f"readiness: {answer.get('error', 'no answer')}")
        items: list[dict[str, Any]] = answer.get("items", [])
        return items

    async def order(self, kind: OrderKind, voters: Mapping[str, int] | None = None) -> None:
        """Both hand in the order, again where it got lost, until the branch has carried it out."""
        objection = "no answer"

        async def carried_out() -> bool:
            nonlocal objection
            status = await self.status()
            if status is None:
                return False
            if reached(status["phase"], _AFTER[kind]):
                return True
            if status["stage"] is None or (status["stage"] == "suspend" and kind == "close"):
                objection = await self._hand_in(kind, status["next_order"], voters)
            return False

        await self._until(carried_out, lambda: f"order {kind}: {objection}")

    async def order_besides(
        self, kind: OrderKind, done: Callable[[dict[str, Any]], bool], **details: Any
    ) -> None:
        """An order that is no step of the day (``reissue``, ``replace-terminal``, ``extend``, ``release-media``).

        Handed in again where it got lost, until ``done`` says of the status that it was followed. ``details`` are
        fields of crypto.statements.Order.
        """
        objection = "no answer"

        async def followed() -> bool:
            nonlocal objection
            status = await self.status()
            if status is None or done(status):
                return status is not None
            if status["stage"] is None:
                objection = await self._hand_in(kind, status["next_order"], None, **details)
            return False

        await self._until(followed, lambda: f"order {kind}: {objection}")

    async def resume_when_possible(self) -> None:
        """Where low power suspended the poll: order it on again once the mains are back."""
        status = await self.status()
        if status is None or status["phase"] != "suspended" or status["stage"] is not None:
            return
        if status["power"]["state"] == "mains":
            await self._hand_in("resume", status["next_order"], None)

    async def until_phase(self, phase: str, *, patience_s: float | None = None) -> dict[str, Any]:
        """Wait until the branch is in a phase or past it; returns the status then."""
        last: dict[str, Any] | None = None

        async def there() -> bool:
            nonlocal last
            last = await self.status()
            return last is not None and reached(last["phase"], phase)

        await self._until(
            there, lambda: f"phase {phase}: it is {last['phase'] if last else 'silent'}", patience_s
        )
        assert last is not None  # noqa: S101 - `there` said so
        return last

    async def until(self, what: str, condition: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until a condition of the status holds; ``what`` says which, should it not."""

        async def there() -> bool:
            status = await self.status()
            return status is not None and condition(status)

        await self._until(there, lambda: what)

    async def _hand_in(
        self, kind: OrderKind, serial: int, voters: Mapping[str, int] | None, **details: Any
    ) -> str:
        answer: dict[str, Any] = {}
        details["device"] = self._standby
        for envelope in self._election.orders(self._branch, kind, serial, voters, **details):
            try:
                answer = await self._ask({"op": "order", "envelope": b64encode(envelope).decode()})
            except ConnectionError:
                return "no daemon answers"
        return str(answer.get("error", "accepted"))

    async def _until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: Callable[[], str],
        patience_s: float | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (patience_s or self._patience_s)
        while not await condition():
            if loop.time() > deadline:
                raise ImpatientError(f"branch {self._branch} did not come to {what()}")
            await asyncio.sleep(self._poll_s)


def reached(phase: str, wanted: str) -> bool:
    """Whether a phase is the wanted one or comes after it."""
    order: tuple[str, ...] = PHASES
    return order.index(phase) >= order.index(wanted)


async def complaints_of(day: "asyncio.Task[None]") -> list[str]:
    """See a branch's day out, or its end; returns what its officials did not have the patience for."""
    try:
        await day
    except ImpatientError as error:
        return [str(error)]
    except asyncio.CancelledError:
        pass
    return []
