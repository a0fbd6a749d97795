"""Messages on their way out: what waits, what is tried again, and how much anybody can make us send. No clock.

Every message costs money, and whoever forges a sender's number chooses whom it bothers: what strangers can cause is
limited for each number and for all together. Orders of the centre's own people are not.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import Final, Literal

from center.sms.port import Outcome

Kind = Literal["answer", "command", "request"]

QUEUE_MAX: Final = 2_000  # messages that wait
STRANGERS_QUEUE_MAX: Final = (
    QUEUE_MAX // 2
)  # of them, before one that strangers may have caused finds no room
IN_FLIGHT_MAX: Final = 8  # messages that the modem, or smsd, has at one time
TRIES_MAX: Final = 4  # times that one message is given to the network
RETRY_MS: Final = 15_000  # milliseconds until the second try; doubled each time
HOUR_MS: Final = 3_600_000
NUMBER_HOUR_MAX: Final = 40  # answers, requests and parts sent again to one number in an hour
REQUESTS_HOUR_MAX: Final = 300  # requests for missing parts to all numbers in an hour
NUMBERS_WATCHED_MAX: Final = 10_000  # numbers whose hour is counted
_ORDER: Final[dict[Kind, int]] = {"answer": 0, "command": 1, "request": 2}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message. ``about``: the hash of an envelope, the name of an order, or nothing. ``free``: as in ``put``."""

    token: int
    kind: Kind
    number: str
    user_data: bytes
    about: str
    tries: int
    due_ms: int
    free: bool = False


class Sendings:
    """What no stranger can cause goes first; of either kind answers, then commands, then requests for parts."""

    def __init__(self) -> None:
        self._waiting: list[Outgoing] = []
        self._in_flight: dict[int, Outgoing] = {}
        self._hours: OrderedDict[str, deque[int]] = OrderedDict()
        self._requests: deque[int] = deque()
        self._token = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def put(
        self, kind: Kind, number: str, user_data: bytes, *, about: str, now_ms: int, free: bool = False
    ) -> int | None:
        """Queue one message and return its token; None where it may not or cannot go.

        ``free``: it counts against no limit and goes before all others, for no stranger can cause it: a command of the
        centre's own people, or the first answer to an envelope.
        """
        if len(self) >= (QUEUE_MAX if free else STRANGERS_QUEUE_MAX):
            return None
        if not free:
            if not self.may(kind, number, now_ms=now_ms):
                return None
            for times in self._counted(kind, number, now_ms):
                times.append(now_ms)
        self._token += 1
        self._waiting.append(Outgoing(self._token, kind, number, user_data, about, 0, now_ms, free))
        return self._token

    def may(self, kind: Kind, number: str, *, now_ms: int) -> bool:
        """Whether the limits of the hour leave room for a message that strangers caused."""
        most = (NUMBER_HOUR_MAX, REQUESTS_HOUR_MAX)
        counted = self._counted(kind, number, now_ms)
        return all(len(times) < limit for times, limit in zip(counted, most, strict=False))

    def due(self, *, now_ms: int) -> list[Outgoing]:
        """What is to be given to the network now; it is under way then."""
        ready = sorted(
            (one for one in self._waiting if one.due_ms <= now_ms),
            key=lambda one: (not one.free, _ORDER[one.kind], one.token),
        )[: max(0, IN_FLIGHT_MAX - len(self._in_flight))]
        for one in ready:
            self._waiting.remove(one)
            self._in_flight[one.token] = replace(one, tries=one.tries + 1)
        return ready

    def settle(self, outcome: Outcome, *, now_ms: int) -> Outgoing | None:
        """What became of a message that was under way; returns it when it is done with, None when it goes again."""
        one = self._in_flight.pop(outcome.token, None)
        if one is None or outcome.sent or outcome.final or one.tries >= TRIES_MAX:
            return one
        self._waiting.append(replace(one, due_ms=now_ms + (RETRY_MS << (one.tries - 1))))
        return None

    def _counted(self, kind: Kind, number: str, now_ms: int) -> tuple[deque[int], ...]:
        """The hour of the number, and for a request the hour of all requests."""
        hour = self._hours.pop(number, deque())
        self._hours[number] = hour
        if len(self._hours) > NUMBERS_WATCHED_MAX:
            self._hours.popitem(last=False)
        counted = (hour, self._requests) if kind == "request" else (hour,)
        for times in counted:
            while times and now_ms - times[0] >= HOUR_MS:
                times.popleft()
        return counted
