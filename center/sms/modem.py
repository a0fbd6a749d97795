"""A modem of our own as a way for short messages: ``drivers.modem.at`` on a serial line."""

from collections import deque
from collections.abc import Callable
from typing import Final

from center.errors import SpoolError
from center.sms.port import Arrived, Outcome, Say, Settled
from drivers.modem.at.driver import AtModem
from drivers.modem.at.settings import AtSettings
from drivers.ports import (
    ModemEvent,
    ModemLost,
    ModemReading,
    ModemReset,
    OpenStream,
    SmsFailed,
    SmsReceived,
    SmsReported,
    SmsSubmitted,
)

BACKLOG_MAX: Final = 512  # messages that the disk would not take, kept in memory meanwhile


class ModemMessages:
    """Implements ``center.sms.port.ShortMessages``.

    Args:
        open_stream: opens the modem's line.
        now: monotonic milliseconds, in step with the running loop.
        arrived: takes each message.
        settled: hears the outcome of each message.
        say: tells people.
        settings: of the modem.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        arrived: Arrived,
        settled: Settled,
        say: Say,
        settings: AtSettings,
    ) -> None:
        self._arrived: Final = arrived
        self._settled: Final = settled
        self._say: Final = say
        self._backlog: Final[deque[tuple[str, bytes]]] = deque(maxlen=BACKLOG_MAX)
        self._state = ""
        self._lost = 0
        self._modem: Final = AtModem(open_stream, now, self._heard, settings)

    async def run(self) -> None:
        """Serve until cancelled; never returns by itself."""
        await self._modem.run()

    def send(self, token: int, number: str, user_data: bytes) -> None:
        """As ShortMessages."""
        try:
            self._modem.send_sms(token, number, user_data)
        except ValueError as error:
            self._settled(Outcome(token, sent=False, reason=str(error), final=True))

    def _heard(self, event: ModemEvent) -> None:
        match event:
            case SmsReceived(sender, user_data):
                self._keep_in_memory(sender, user_data)
                self._hand_over()
            case SmsSubmitted(token, _):
                self._settled(Outcome(token, sent=True))
            case SmsFailed(token, reason, final):
                self._settled(Outcome(token, sent=False, reason=reason, final=final))
            case ModemReading():
                self._hand_over()
                where = event.operator_name or event.operator_code or "no network"
                self._tell(
                    f"modem: SIM {event.sim}, {event.registration} at {where}, signal {event.signal.grade}"
                )
            case ModemLost(reason):
                self._tell(f"modem: lost: {reason}")
            case ModemReset(rung, reason):
                self._tell(f"modem: {rung}: {reason}")
            case SmsReported():
                pass  # the far end answers, or asks again

    def _keep_in_memory(self, sender: str, user_data: bytes) -> None:
        if len(self._backlog) == BACKLOG_MAX:
            if self._lost % BACKLOG_MAX == 0:
                self._say(
                    f"{BACKLOG_MAX} messages are kept in memory and the disk takes none: from here on the oldest ones "
                    f"are lost, until their branches send them again; make room in the gateway's folder"
                )
            self._lost += 1
        self._backlog.append((sender, user_data))

    def _hand_over(self) -> None:
        """Messages go on in their order; those that the disk will not take wait for the next look at the modem."""
        while self._backlog:
            try:
                self._arrived(*self._backlog[0])
            except SpoolError as error:
                self._say(f"{len(self._backlog)} messages are kept in memory: {error}")
                return
            self._backlog.popleft()

    def _tell(self, words: str) -> None:
        if words != self._state:
            self._state = words
            self._say(words)
