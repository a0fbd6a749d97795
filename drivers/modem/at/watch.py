"""Scripts of one look at the modem: SIM, registration, operator, signal, bearer."""

from dataclasses import replace
from typing import Final

from drivers.modem.at.answers import (
    Measured,
    parse_cesq,
    parse_context,
    parse_csq,
    parse_operator,
    parse_qcsq,
    parse_registration,
    prefix_of,
)
from drivers.modem.at.session import Script, Session
from drivers.modem.at.sim import look_at_sim
from drivers.modem.errors import AtAnswerError

BEARER_RETRY_MS: Final = 60_000  # from one attempt to bring the bearer up to the next
_REGISTRATIONS: Final = ("+CREG", "+CGREG", "+CEREG")
_OPERATOR: Final = ("+COPS=3,2", "+COPS?", "+COPS=3,0", "+COPS?")


def look(session: Session) -> Script[None]:
    """One look; afterwards ``session.knowledge`` is fresh."""
    yield from look_at_sim(session)
    yield from _registration(session)
    if session.knowledge.registered:
        yield from _operator(session)
    yield from _signal(session)
    yield from _bearer(session)


def note_registration(session: Session, text: str) -> bool:
    """Take a line of +CREG and its kin; returns whether it changed how we are registered."""
    try:
        line = parse_registration(text)
    except AtAnswerError:
        return False
    before = session.knowledge.registration
    session.knowledge.domains[line.domain] = line
    return session.knowledge.registration != before


def _registration(session: Session) -> Script[None]:
    lines = yield from session.ask_together([f"{domain}?" for domain in _REGISTRATIONS], *_REGISTRATIONS)
    answered = {prefix_of(line) for line in lines}
    for domain in session.knowledge.domains.keys() - answered:
        del session.knowledge.domains[domain]
    for line in lines:
        note_registration(session, line)


def _operator(session: Session) -> Script[None]:
    knowledge = session.knowledge
    knowledge.operator_code = knowledge.operator_name = knowledge.operator_technology = None
    for line in (yield from session.ask_together(_OPERATOR, "+COPS", timeout_ms=10_000)):
        try:
            operator = parse_operator(line)
        except AtAnswerError:
            continue
        knowledge.operator_code = operator.code or knowledge.operator_code
        knowledge.operator_name = operator.name or knowledge.operator_name
        knowledge.operator_technology = operator.technology or knowledge.operator_technology


def _signal(session: Session) -> Script[None]:
    lines = yield from session.ask_together(("+CSQ", "+CESQ"), "+CSQ", "+CESQ")
    if session.knowledge.identity.manufacturer.upper().startswith("QUECTEL"):
        lines = lines + (yield from session.ask("AT+QCSQ", "+QCSQ", optional=True)).lines
    measured = Measured()
    for line in lines:
        try:
            measured = _merged(measured, line)
        except AtAnswerError:
            continue
    session.knowledge.measured = measured


def _merged(known: Measured, line: str) -> Measured:
    prefix = prefix_of(line)
    if prefix == "+CSQ":
        rssi = parse_csq(line).rssi_dbm
        return replace(known, rssi_dbm=known.rssi_dbm if rssi is None else rssi)
    if prefix == "+QCSQ":
        sinr = parse_qcsq(line).sinr_db
        return replace(known, sinr_db=known.sinr_db if sinr is None else sinr)
    new = parse_cesq(line)
    return replace(
        new,
        rssi_dbm=new.rssi_dbm if known.rssi_dbm is None else known.rssi_dbm,
        sinr_db=new.sinr_db if known.sinr_db is None else known.sinr_db,
    )


def _bearer(session: Session) -> Script[None]:
    yield from _ask_bearer(session)
    settings, tried_at = session.settings, session.bearer_tried_at
    apn = settings.apn_of(session.knowledge.slot)
    if apn is None or session.knowledge.bearer_up or not session.knowledge.registered:
        return
    if tried_at is not None and session.now - tried_at < BEARER_RETRY_MS:
        return
    session.bearer_tried_at = session.now
    answer = yield from session.ask("AT+CGDCONT?", "+CGDCONT", optional=True)
    if apn not in _apns(answer.lines, settings.context_id):
        yield from session.ask(f'AT+CGDCONT={settings.context_id},"IP","{apn}"')
    yield from session.ask(f"AT+CGACT=1,{settings.context_id}", timeout_ms=60_000)
    yield from _ask_bearer(session)


def _ask_bearer(session: Session) -> Script[None]:
    answer = yield from session.ask("AT+CGACT?", "+CGACT", optional=True)
    wanted = session.settings.context_id if session.settings.apn is not None else None
    session.knowledge.bearer_up = False
    for line in answer.lines:
        try:
            context = parse_context(line)
        except AtAnswerError:
            continue
        if context.active and wanted in (None, context.cid):
            session.knowledge.bearer_up = True


def _apns(lines: list[str], cid: int) -> list[str | None]:
    found: list[str | None] = []
    for line in lines:
        try:
            context = parse_context(line)
        except AtAnswerError:
            continue
        if context.cid == cid:
            found.append(context.apn)
    return found
