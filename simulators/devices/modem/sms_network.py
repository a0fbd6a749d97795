"""The network's short message service centre: stores messages and forwards them, and loses some where told to.

Several modems may share one. A number that no modem here has is elsewhere in the world, and takes every message.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulators.devices.modem import tpdu

FORWARD_MS: Final = 800  # from the sender to the recipient, unless told otherwise
RETRY_MS: Final = 10_000  # until a recipient who could not take a message is tried again
WAITING_MAX: Final = 1000  # messages in the centre; more are refused
SENT_MAX: Final = 200  # messages that are remembered for scripts
_DELIVERED: Final = 0x00
_STILL_TRYING: Final = 0x21  # temporary error, the recipient is busy
_BINARY: Final = 0x04

Take = Callable[[bytes, bool], bool]
"""Takes a TPDU (and whether it is a status report); False where there is no room for it."""


@dataclass(frozen=True, slots=True)
class _Parcel:
    due_ms: int
    recipient: str
    sender: str
    report: bool
    content: bytes
    submitted_ms: int
    reference: int | None
    told_trying: bool = False


class SimulatedNetwork:
    """A mobile network for any number of modems. ``epoch_s``: Unix time where the monotonic clock is 0."""

    def __init__(self, *, epoch_s: int = 1_800_000_000, centre: str = "+99900000001") -> None:
        self.epoch_s: Final = epoch_s
        self.centre: Final = centre
        self.home: Final = ("Simulated", "00101")  # MCC 001 is for tests
        self.visited: Final = ("Elsewhere", "00102")
        """Name and code (MCC, MNC) of the operator at home, and of the one where its subscribers roam."""
        self.lose = self.double = self.reorder = self.refuse = 0
        """How many of the next messages meet this fate."""
        self.refuse_code = 38
        self.forward_ms = FORWARD_MS
        self.sent: list[dict[str, object]] = []
        """What modems submitted, oldest first, at most ``SENT_MAX``: for scripts."""
        self._members: Final[set[str]] = set()
        self._waiting: list[_Parcel] = []

    @property
    def shared(self) -> bool:
        """Whether several numbers are at home here, so that news may come at any time."""
        return len(self._members) > 1

    def unix(self, now_ms: int) -> int:
        """Unix time."""
        return self.epoch_s + now_ms // 1000

    def join(self, number: str) -> None:
        """A SIM with this number exists."""
        self._members.add(_plain(number))

    def submit(self, sender: str, message: tpdu.Submit, now_ms: int) -> int | None:
        """Take a message from a modem: None, or the reason (TS 27.005 3.2.5) why not."""
        if self.refuse > 0:
            self.refuse -= 1
            return self.refuse_code
        if len(self._waiting) >= WAITING_MAX:
            return 38
        if not message.recipient.strip("+"):
            return 1
        fate = self._fate()
        self._remember(sender, message, fate)
        if fate == "lost":
            return None
        due_ms = now_ms + self.forward_ms * (3 if fate == "reordered" else 1)
        content = tpdu.deliver(
            sender,
            message.coding,
            message.user_data,
            message.length,
            self.unix(now_ms),
            header=message.header,
            protocol=message.protocol,
        )
        parcel = _Parcel(
            due_ms,
            message.recipient,
            sender,
            report=False,
            content=content,
            submitted_ms=now_ms,
            reference=message.reference if message.report else None,
        )
        self._waiting += [parcel] * (2 if fate == "doubled" else 1)
        self._serve_elsewhere(now_ms)
        return None

    def inject(
        self, sender: str, recipient: str, user_data: bytes, now_ms: int, *, text: str | None, header: bool
    ) -> None:
        """A message from elsewhere: 8-bit ``user_data``, or ``text`` in packed septets with its characters counted."""
        coding, length = (_BINARY, len(user_data)) if text is None else (0, len(text))
        content = tpdu.deliver(sender, coding, user_data, length, self.unix(now_ms), header=header)
        self._waiting.append(
            _Parcel(
                now_ms, recipient, sender, report=False, content=content, submitted_ms=now_ms, reference=None
            )
        )

    def hand_over(self, number: str, now_ms: int, take: Take) -> None:
        """Give a reachable modem all that is due for its number."""
        self._serve_elsewhere(now_ms)
        home = _plain(number)
        for parcel in [
            one for one in self._waiting if _plain(one.recipient) == home and one.due_ms <= now_ms
        ]:
            self._waiting.remove(parcel)
            if take(parcel.content, parcel.report):
                self._report(parcel, now_ms, _DELIVERED)
            else:
                if not parcel.told_trying:
                    self._report(parcel, now_ms, _STILL_TRYING)
                self._waiting.append(replace(parcel, due_ms=now_ms + RETRY_MS, told_trying=True))

    def due_at(self, number: str) -> int | None:
        """When there is something for a number."""
        home = _plain(number)
        mine = [one.due_ms for one in self._waiting if _plain(one.recipient) == home]
        away = [one.due_ms for one in self._waiting if _plain(one.recipient) not in self._members]
        return min(mine + away, default=None)

    def waiting(self) -> int:
        """How many messages and reports are on their way."""
        return len(self._waiting)

    def _serve_elsewhere(self, now_ms: int) -> None:
        gone = [
            one
            for one in self._waiting
            if _plain(one.recipient) not in self._members and one.due_ms <= now_ms
        ]
        for parcel in gone:
            self._waiting.remove(parcel)
            self._report(parcel, now_ms, _DELIVERED)

    def _report(self, parcel: _Parcel, now_ms: int, status: int) -> None:
        if parcel.reference is None or parcel.report:
            return
        sent_s, done_s = self.unix(parcel.submitted_ms), self.unix(now_ms)
        content = tpdu.status_report(parcel.reference, parcel.recipient, sent_s, done_s, status)
        self._waiting.append(
            _Parcel(
                now_ms + self.forward_ms,
                parcel.sender,
                parcel.recipient,
                report=True,
                content=content,
                submitted_ms=now_ms,
                reference=None,
            )
        )

    def _fate(self) -> str:
        for fate, name in (("lose", "lost"), ("double", "doubled"), ("reorder", "reordered")):
            left = getattr(self, fate)
            if left > 0:
                setattr(self, fate, left - 1)
                return name
        return "sent"

    def _remember(self, sender: str, message: tpdu.Submit, fate: str) -> None:
        self.sent.append(
            {
                "from": sender,
                "to": message.recipient,
                "reference": message.reference,
                "header": message.header,
                "coding": message.coding,
                "user_data": message.user_data.hex(),
                "text": tpdu.text_of(message),
                "report": message.report,
                "fate": fate,
            }
        )
        del self.sent[:-SENT_MAX]


def _plain(number: str) -> str:
    return number.removeprefix("+")
