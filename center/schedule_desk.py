"""centerd's desk for schedules: says the newest changes to all branches, again and again.

At QoS 0 to whoever listens: a branch that hears one checks it by itself, and whoever was away hears it the next time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from center.act_admission import EVERYTHING
from center.schedules import check_later
from crypto.act_statements import ScheduleChange
from crypto.acts import read_act
from crypto.errors import StatementError

REPEAT_S: Final = 30.0
RETRY_S: Final = 1.0  # while there is no session with the broker
MESSAGES_MAX: Final = 200  # messages in one round; where there are more changes, the rounds take turns

Say = Callable[[bytes], Awaitable[bool]]
"""Sends one act to all branches; False when there is no session with the broker."""


class ScheduleDesk:
    """Knows of each branch, and of all together, the newest change. ``logged`` are those in the log, in order."""

    def __init__(self, logged: Iterable[bytes], say: Say) -> None:
        self._say = say
        self._newest: dict[str, tuple[ScheduleChange, bytes]] = {}
        self._turn = 0
        self._changed = asyncio.Event()
        for data in logged:
            self._keep(data)

    def logged(self, data: bytes) -> None:
        """A schedule change was logged just now: branches are told at once."""
        self._keep(data)
        self._turn = 0
        self._changed.set()

    async def run(self) -> None:
        """Repeat until cancelled; never returns by itself."""
        while True:
            self._changed.clear()
            said = await self._round()
            try:
                async with asyncio.timeout((REPEAT_S if said else RETRY_S) if self._newest else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _round(self) -> bool:
        """Say what stands; False when there is nobody to say it to."""
        standing = self._standing()
        start = self._turn if self._turn < len(standing) else 0
        for data in standing[start : start + MESSAGES_MAX]:
            if not await self._say(data):
                return False
        self._turn = start + MESSAGES_MAX
        return True

    def _standing(self) -> list[bytes]:
        """The changes that still matter, newest first: not those of a branch that one for all moved later still."""
        for_all = self._newest.get(EVERYTHING)
        return [
            data
            for change, data in sorted(self._newest.values(), key=lambda one: -one[0].number)
            if for_all is None or change.branch is None or _goes_beyond(change, for_all[0])
        ]

    def _keep(self, data: bytes) -> None:
        change = read_act(data)
        if isinstance(change, ScheduleChange):
            self._newest[change.branch or EVERYTHING] = (change, data)


def _goes_beyond(change: ScheduleChange, for_all: ScheduleChange) -> bool:
    try:
        check_later(for_all.schedule, change.schedule, "")
    except StatementError:
        return True
    return False
