"""centerd's desk for schedules: says the newest changes to all branches, again and again.

At QoS 0 to whoever listens: a branch that hears one checks it by itself, and whoever was away hears it the next time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from center.intake.act_admission import EVERYTHING
from crypto.act_statements import ScheduleChange
from crypto.acts import read_act
from crypto.schedule_rules import nowhere_earlier

REPEAT_S: Final = 30.0
RETRY_S: Final = 1.0  # while there is no session with the broker
MESSAGES_MAX: Final = 200  # messages in one round; where there are more changes, the rounds take turns

Say = Callable[[bytes], Awaitable[bool]]
"""Sends one act to all branches; False when there is no session with the broker."""

_Logged = tuple[ScheduleChange, bytes]


class ScheduleDesk:
    """Knows of each branch, and of all together, the newest change. ``logged`` are those in the log, in order.

    Of each manifest apart: a kit follows no act that was made under another one than its own.
    """

    def __init__(self, logged: Iterable[bytes], say: Say) -> None:
        self._say = say
        self._newest: dict[str, dict[str, _Logged]] = {}  # by the manifest, then by the subject
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
        """Say what stands; False when there is nobody to say it to.

        In the order of the numbers: a kit follows no change after one with a greater number.
        """
        own, for_all = self._standing()
        start = self._turn if self._turn < len(own) else 0
        self._turn = start + MESSAGES_MAX
        for _, data in sorted([*own[start : self._turn], *for_all], key=_number):
            if not await self._say(data):
                self._turn = start
                return False
        return True

    def _standing(self) -> tuple[list[_Logged], list[_Logged]]:
        """What still matters: changes of single branches that go beyond the one for all, and the ones for all."""
        own: list[_Logged] = []
        for_all: list[_Logged] = []
        for newest in self._newest.values():
            whole = newest.get(EVERYTHING)
            for_all += [] if whole is None else [whole]
            own += [
                one
                for subject, one in newest.items()
                if subject != EVERYTHING
                and (whole is None or not nowhere_earlier(whole[0].schedule, one[0].schedule))
            ]
        return sorted(own, key=_number), for_all

    def _keep(self, data: bytes) -> None:
        change = read_act(data)
        if isinstance(change, ScheduleChange):
            self._newest.setdefault(change.manifest_sha256, {})[change.branch or EVERYTHING] = (change, data)


def _number(logged: _Logged) -> int:
    return logged[0].number
