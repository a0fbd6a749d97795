"""Scripts around short messages: make them arrive, fetch what lies in the stores, send what waits."""

from typing import Final

from drivers.modem.at.answers import (
    parse_first_number,
    parse_stored,
    parse_stores,
    parse_stores_known,
    prefix_of,
)
from drivers.modem.at.exchange import Ask, Unsolicited
from drivers.modem.at.inbox import SWEEP_MS, SWEEP_PAUSE_MS
from drivers.modem.at.outbox import Outgoing, refusal
from drivers.modem.at.session import Script, Session
from drivers.modem.errors import AtAnswerError, PduError
from drivers.modem.sms.pdu import StatusReport, decode_received
from drivers.ports import SmsFailed, SmsReceived, SmsSubmitted

PROMPT_TIMEOUT_MS: Final = 10_000
SEND_TIMEOUT_MS: Final = 60_000  # after the prompt: the network may take long
ATTEMPTS_MAX: Final = 6  # looks at a SIM that is ready and refuses indications, before messages go without
_SUBMIT_END: Final = b"\x1a"
_RECEIVED: Final = (0, 1)  # <stat> of +CMGL in PDU mode: received and unread, received and read

# <mode>,<mt>,<bm>,<ds>: messages are stored and told by +CMTI; reports best stored too (+CDSI), so that none is lost
# while nobody listens, else given directly (+CDS). What a modem does not know it refuses, and the next is tried.
_INDICATIONS: Final = ("2,1,0,2,0", "2,1,0,1,0", "1,1,0,1,0", "2,1,0,0,0", "1,1")
_STORES: Final = ("SM", "ME", "SR")


def set_up_messages(session: Session) -> Script[None]:
    """PDU mode, indications, service centre; then everything that arrived while nobody listened."""
    if session.sms_ready or session.knowledge.sim != "ready":
        return
    inbox = session.inbox
    if not (yield from session.ask("AT+CMGF=0")).ok:
        return  # the SIM is not done yet: again at the next look
    service = yield from session.ask("AT+CSMS?", "+CSMS", optional=True)
    inbox.acknowledging = any(_number(line) == 1 for line in service.lines)
    inbox.unacknowledged = 0
    if session.settings.sms_centre is not None:
        kind = 145 if session.settings.sms_centre.startswith("+") else 129
        yield from session.ask(f'AT+CSCA="{session.settings.sms_centre}",{kind}')
    session.sms_attempts += 1
    for indication in _INDICATIONS:
        if (yield from session.ask(f"AT+CNMI={indication}")).ok:
            break
    else:
        if session.sms_attempts < ATTEMPTS_MAX:
            return
    inbox.stores, inbox.store = yield from _ask_stores(session)
    inbox.sweep_at, inbox.swept_at = session.now, session.now - SWEEP_PAUSE_MS
    session.sms_ready = True


def _ask_stores(session: Session) -> Script[tuple[tuple[str, ...], str]]:
    used = yield from session.ask("AT+CPMS?", "+CPMS", optional=True)
    known = yield from session.ask("AT+CPMS=?", "+CPMS", optional=True)
    try:
        in_use = parse_stores(used.lines[0]) if used.lines else ()
        may_read = parse_stores_known(known.lines[0]) if known.lines else in_use
    except AtAnswerError:
        return (), ""
    stores = tuple(store for store in _STORES if store in may_read or store in in_use)
    return stores, in_use[0] if in_use else ""


def fetch_messages(session: Session) -> Script[None]:
    """Acknowledge, and read and delete what lies in the stores."""
    inbox = session.inbox
    while inbox.unacknowledged:
        inbox.unacknowledged -= 1
        yield from session.ask("AT+CNMA", optional=True)
    if not session.sms_ready:
        return
    if inbox.sweep_at is not None and max(inbox.sweep_at, inbox.swept_at + SWEEP_PAUSE_MS) <= session.now:
        inbox.swept_at = session.now
        inbox.sweep_at = session.now + SWEEP_MS
        for store in inbox.stores or ("",):
            yield from _sweep(session, store)
    for store, index in list(inbox.stored):
        del inbox.stored[store, index]
        if (yield from _select(session, store)):
            answer = yield from session.ask(f"AT+CMGR={index}", "+CMGR")
            for _, pdu in answer.messages:
                take_message(session, pdu)
            if answer.messages:
                yield from session.ask(f"AT+CMGD={index}", timeout_ms=10_000)


def _sweep(session: Session, store: str) -> Script[None]:
    """Read everything in one store. A message is deleted after the kit was told of it."""
    if not (yield from _select(session, store)):
        return
    answer = yield from session.ask("AT+CMGL=4", "+CMGL", timeout_ms=30_000)
    for header, pdu in answer.messages:
        try:
            fields = header.removeprefix("+CMGL:").split(",")
            index, state = int(fields[0]), int(fields[1])
        except (ValueError, IndexError):
            continue
        if state in _RECEIVED:
            take_message(session, pdu)
            yield from session.ask(f"AT+CMGD={index}", timeout_ms=10_000)


def _select(session: Session, store: str) -> Script[bool]:
    if store == session.inbox.store:
        return True
    answer = yield from session.ask(f'AT+CPMS="{store}"', "+CPMS", optional=True)
    if answer.ok:
        session.inbox.store = store
    return answer.ok


def take_message(session: Session, pdu: bytes) -> None:
    """Tell the kit of a message; what is no 8-bit data is counted and forgotten."""
    try:
        message = decode_received(pdu)
    except PduError:
        session.inbox.foreign += 1
        return
    if isinstance(message, StatusReport):
        if (reported := session.outbox.report(message)) is not None:
            session.say(reported)
    elif message.coding == "8-bit":
        session.say(SmsReceived(message.sender, message.user_data))
    else:
        session.inbox.foreign += 1


def note_message(session: Session, news: Unsolicited) -> bool:
    """Take +CMTI, +CDSI, +CMT and +CDS; returns whether it was one."""
    prefix = prefix_of(news.text)
    if prefix in ("+CMT", "+CDS") and news.pdu is not None:
        session.inbox.note_direct()
        take_message(session, news.pdu)
        return True
    if prefix not in ("+CMTI", "+CDSI"):
        return False
    try:
        store, index = parse_stored(news.text)
    except AtAnswerError:
        session.inbox.note_sweep(session.now)
    else:
        session.inbox.note_stored(store, index, session.now)
    return True


def send_messages(session: Session) -> Script[None]:
    """Send what waits, one message after the other; arrivals are fetched in between, and looks are not put off."""
    knowledge, outbox = session.knowledge, session.outbox
    while len(outbox) and session.sms_ready and knowledge.registered and not session.reset_wanted:
        if len(outbox) > 1:
            yield from session.ask("AT+CMMS=1", optional=True)  # keep the radio's link for the next
        # Once a modem starts anew unnoticed it is in text mode, and would take the PDU for a text.
        if not (yield from session.ask("AT+CMGF=0")).ok:
            session.sms_ready = False
            return
        yield from _send(session, outbox.take())
        yield from fetch_messages(session)
        if session.now >= session.poll_at:
            return


def _send(session: Session, message: Outgoing) -> Script[None]:
    submit = message.submit
    payload = submit.pdu.hex().upper().encode("ascii") + _SUBMIT_END
    ended = False
    try:
        answer = yield Ask(f"AT+CMGS={submit.length}", ("+CMGS",), PROMPT_TIMEOUT_MS, payload)
        ended = True
    finally:
        if not ended:
            session.say(_cut_off(session, message.token))
    references = [number for line in answer.lines if (number := _number(line)) is not None]
    if answer.ok and references and 0 <= references[-1] <= 255:  # noqa: PLR2004 - one octet
        session.outbox.await_report(references[-1], message)
        session.say(SmsSubmitted(message.token, references[-1]))
    else:
        session.say(refusal(message.token, answer.result))


def _cut_off(session: Session, token: int) -> SmsFailed:
    if session.exchange.payload_sent:
        why = "no answer after the message was handed over: it may have gone"
        return SmsFailed(token, why, final=False, may_have_gone=True)
    return SmsFailed(token, "no answer before the message was handed over: it has not gone", final=False)


def _number(line: str) -> int | None:
    try:
        return parse_first_number(line)
    except AtAnswerError:
        return None
