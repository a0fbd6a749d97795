"""Messages in ModemManager's hands: sent, read, reported on, and deleted so that the memories never fill up."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from drivers.modem.manager.bus import ManagerBus, ManagerRefusedError, ManagerSilentError, options
from drivers.modem.manager.messages import Outgoing, cut
from drivers.modem.manager.state import MESSAGING, SMS, Found, Properties
from drivers.modem.sms.pdu import report_outcome
from drivers.ports import ModemEvent, SmsFailed, SmsReceived, SmsReported, SmsSubmitted

SEND_TIMEOUT_MS: Final = 180_000  # ModemManager gives every part 30 s
READ_MAX: Final = 64  # messages that are read in one look; more wait for the next
PARTLY_MS: Final = 30 * 60_000  # milliseconds after which a message of which parts are missing is deleted
PARTLY_MAX: Final = 32  # such messages; of more, the oldest are deleted
REPORTS_MAX: Final = 256  # messages whose report is awaited: references count modulo 256
_DIGITS_COMPARED: Final = 7  # networks write one number in several ways; its end stays the same

_DELIVER: Final = 1  # MMSmsPduType
_REPORT: Final = 3
_RECEIVING: Final = 2  # MMSmsState: parts are missing
_RECEIVED: Final = 3
# Errors after which the same message cannot go: by the ends of their D-Bus names.
_FINAL: Final = (
    "Core.Unauthorized",
    "Core.Unsupported",
    "Core.InvalidArgs",
    "Message.SmsServiceReserved",
    "Message.NotAllowed",
    "Message.NotSupported",
    "Message.InvalidPduParameter",
    "Message.InvalidTextParameter",
)


class Mailbox:
    """The messages of one modem. ``emit`` hears what becomes of them."""

    def __init__(self, emit: Callable[[ModemEvent], None]) -> None:
        self._emit: Final = emit
        self._awaited: Final[OrderedDict[int, tuple[int, str]]] = OrderedDict()
        self._partly: Final[OrderedDict[str, int]] = OrderedDict()
        self._taken: Final[set[str]] = set()  # read, and not deleted yet
        self._reference = 0

    def forget_paths(self) -> None:
        """ModemManager or the modem is gone: paths may mean other messages when it is back."""
        self._partly.clear()
        self._taken.clear()

    async def send(self, bus: ManagerBus, found: Found, message: Outgoing) -> None:
        """Hand a message over, and tell of all its parts what became of them.

        ModemManager tells one reference, the last part's, and asks for that part's delivery report alone: the report
        is told under the last part's token. Raises BusGoneError.
        """
        path: str | None = None
        try:
            path = await bus.call(
                found.path, MESSAGING, "Create", "a{sv}", (_properties(message),)
            )  # in ModemManager only, until it is stored or sent
            await bus.call(path, SMS, "Send", timeout_ms=SEND_TIMEOUT_MS)
            reference = int((await bus.properties(path, SMS)).get("MessageReference", 0))
        except ManagerRefusedError as error:
            final = error.name.endswith(_FINAL)
            self._tell(SmsFailed(token, f"ModemManager: {error}", final) for token in message.tokens)
        except ManagerSilentError as error:
            self._tell(
                SmsFailed(token, str(error), final=False, may_have_gone=path is not None)
                for token in message.tokens
            )
        else:
            self._awaited.pop(reference, None)
            self._awaited[reference] = (message.tokens[-1], message.number)
            while len(self._awaited) > REPORTS_MAX:
                self._awaited.popitem(last=False)
            self._tell(SmsSubmitted(token, reference) for token in message.tokens)
        if path is not None:
            await self._delete(bus, found, path)

    async def read(self, bus: ManagerBus, found: Found, now: int) -> None:
        """Take what has arrived. Texts are nothing to the kit: they are deleted too, for a full memory hears nothing.

        Raises BusGoneError, ManagerSilentError.
        """
        paths = list(found.interfaces.get(MESSAGING, {}).get("Messages") or ())
        for path in [path for path in self._partly if path not in paths]:
            del self._partly[path]
        self._taken.intersection_update(paths)
        for path in paths[:READ_MAX]:
            if path in self._taken:
                await self._delete(bus, found, path)
                continue
            try:
                sms = await bus.properties(path, SMS)
            except ManagerRefusedError:
                continue  # deleted meanwhile
            if sms.get("State") == _RECEIVING:
                await self._keep(bus, found, path, now)
            elif sms.get("PduType") in (_DELIVER, _REPORT):
                self._taken.add(path)
                self._take(sms)
                await self._delete(bus, found, path)

    def _take(self, sms: Properties) -> None:
        if sms["PduType"] == _REPORT:
            self._report(sms)
        elif sms.get("State") == _RECEIVED and (body := bytes(sms.get("Data") or b"")):
            self._reference = (self._reference + 1) % 256
            sender = str(sms.get("Number") or "")
            self._tell(SmsReceived(sender, part) for part in cut(body, self._reference))

    def _report(self, sms: Properties) -> None:
        reference, status = int(sms.get("MessageReference", -1)), int(sms.get("DeliveryState", -1))
        token, number = self._awaited.get(reference, (None, ""))
        ours = str(sms.get("Number") or "")[-_DIGITS_COMPARED:] == number[-_DIGITS_COMPARED:]
        if token is None or not ours or not 0 <= status <= 255:  # noqa: PLR2004 - TP-Status is an octet
            return
        outcome = report_outcome(status)
        if outcome != "trying":
            del self._awaited[reference]
        self._emit(SmsReported(token, outcome, status))

    async def _keep(self, bus: ManagerBus, found: Found, path: str, now: int) -> None:
        """Wait for the missing parts, but not for ever: they take room."""
        since = self._partly.setdefault(path, now)
        if now - since > PARTLY_MS:
            await self._delete(bus, found, path)
        elif len(self._partly) > PARTLY_MAX:
            await self._delete(bus, found, next(iter(self._partly)))

    async def _delete(self, bus: ManagerBus, found: Found, path: str) -> None:
        self._partly.pop(path, None)
        try:
            await bus.call(found.path, MESSAGING, "Delete", "o", (path,), SEND_TIMEOUT_MS)
        except (ManagerRefusedError, ManagerSilentError):
            return  # the next look finds it again

    def _tell(self, events: Iterable[ModemEvent]) -> None:
        for event in events:
            self._emit(event)


def _properties(message: Outgoing) -> object:
    return options(
        number=("s", message.number), data=("ay", message.body), delivery_report_request=("b", True)
    )
