"""Messages on their way out: those that wait, and those whose delivery report is awaited. Bounded."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from drivers.modem.at.results import Result
from drivers.modem.sms.pdu import StatusReport, Submit, encode_submit, report_outcome
from drivers.ports import SmsFailed, SmsReported

QUEUE_MAX: Final = 512  # messages that wait: two carriers of 255 parts
REPORTS_MAX: Final = 512  # messages whose report is awaited; of more, the oldest are given up
PATIENCE_MS: Final = 60_000  # how long a message waits for a modem that can send
_DIGITS_COMPARED: Final = 7  # networks write one number in several ways; its end stays the same

# Causes after which the same message cannot go: TS 24.011 E-2 (number, rights, what the network does not do), TS 23.040
# 9.2.3.22 (coding, addresses), TS 27.005 3.2.5 (PDU mode).
FINAL_CODES: Final = frozenset(
    (
        *(1, 8, 10, 28, 29, 30, 50, 69, 95, 96, 97),
        *(128, 129, 130, 143, 144, 145, 159, 175, 176, 193, 195, 196),
        *(302, 303, 304, 305),
    )
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that waits since ``queued_at``."""

    token: int
    number: str
    submit: Submit
    queued_at: int


class Outbox:
    """Messages in the order in which they were queued."""

    def __init__(self, validity_minutes: int) -> None:
        self._validity_minutes: Final = validity_minutes
        self._queue: Final[deque[Outgoing]] = deque()
        self._open_at = 0
        self._awaited: Final[OrderedDict[int, tuple[int, str]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, token: int, number: str, user_data: bytes, now: int) -> SmsFailed | None:
        """Queue a message; returns why not. ValueError: number or size is out of range."""
        submit = encode_submit(number, user_data, self._validity_minutes)
        if len(self._queue) >= QUEUE_MAX:
            return SmsFailed(token, f"{QUEUE_MAX} messages wait already: send it again later", final=False)
        self._queue.append(Outgoing(token, number, submit, now))
        return None

    def take(self) -> Outgoing:
        """The next one to send."""
        return self._queue.popleft()

    def note_way_open(self, now: int) -> None:
        """Messages can go: whatever waits, waits for its turn and not for the modem."""
        self._open_at = now

    def overdue_at(self) -> int | None:
        """When the first of those that wait will have waited too long for the modem."""
        return max(self._queue[0].queued_at, self._open_at) + PATIENCE_MS if self._queue else None

    def expire(self, now: int, why: str) -> list[SmsFailed]:
        """Give up what has waited too long."""
        failed: list[SmsFailed] = []
        while (overdue_at := self.overdue_at()) is not None and overdue_at <= now:
            failed.append(
                SmsFailed(
                    self._queue.popleft().token,
                    f"not sent within {PATIENCE_MS // 1000} s: {why}",
                    final=False,
                )
            )
        return failed

    def await_report(self, reference: int, message: Outgoing) -> None:
        """The network took a message under this reference."""
        self._awaited.pop(reference, None)
        self._awaited[reference] = (message.token, message.number)
        while len(self._awaited) > REPORTS_MAX:
            self._awaited.popitem(last=False)

    def report(self, report: StatusReport) -> SmsReported | None:
        """Returns what a report means, or None where nobody awaits it."""
        token, number = self._awaited.get(report.reference, (0, ""))
        end = min(len(report.recipient.lstrip("+")), len(number.lstrip("+")), _DIGITS_COMPARED)
        if not end or report.recipient[-end:] != number[-end:]:
            return None
        outcome = report_outcome(report.status)
        if outcome != "trying":
            del self._awaited[report.reference]
        return SmsReported(token, outcome, report.status)


def refusal(token: int, result: Result | None) -> SmsFailed:
    """What +CMS ERROR and its kin mean for a message."""
    text = result.text if result is not None else "no +CMGS in the answer"
    final = result is not None and result.kind == "cms" and result.code in FINAL_CODES
    return SmsFailed(token, f"the message was refused: {text}", final=final)
