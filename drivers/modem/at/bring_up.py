"""Scripts after every start of the modem: make it speak as we understand, and ask who it is."""

from typing import Final

from drivers.modem.at.answers import parse_first_number, parse_imei, parse_plain
from drivers.modem.at.exchange import Ask
from drivers.modem.at.session import Script, Session
from drivers.modem.at.settings import SLOT_COMMANDS
from drivers.modem.errors import AtAnswerError
from drivers.ports import ModemIdentity

_REGISTRATIONS: Final = ("+CREG", "+CGREG", "+CEREG")
NAME_MAX: Final = 64  # characters kept of what a modem says of itself


def bring_up(session: Session) -> Script[None]:
    """Echo off, words instead of numbers, errors with numbers, URCs on, identity."""
    if not (yield from session.ask("ATQ0V1E0")).ok:
        for command in ("ATE0", "ATV1", "ATQ0"):
            yield from session.ask(command)
    session.echoes = 0
    yield from session.ask("AT+CMEE=1", optional=True)
    # Else names of operators come as UCS2, where another program left it at that.
    if not (yield from session.ask('AT+CSCS="GSM"', optional=True)).ok:
        yield from session.ask('AT+CSCS="IRA"', optional=True)
    radio_on = yield from session.ask("AT+CFUN?", "+CFUN", optional=True)
    if radio_on.ok and _first(radio_on.lines) in (0, 4):
        yield from session.ask("AT+CFUN=1", timeout_ms=15_000)  # somebody left it switched off
    for command in _REGISTRATIONS:
        if not (yield from session.ask(f"AT{command}=2", optional=True)).ok:
            yield from session.ask(f"AT{command}=1", optional=True)
    yield from _identify(session)
    yield from learn_slot(session)


def _identify(session: Session) -> Script[None]:
    said: list[str] = []
    for command in ("AT+CGMI", "AT+CGMM", "AT+CGMR"):
        answer = yield from session.ask(command, bare=True, optional=True)
        said.append(parse_plain(answer.lines[0])[:NAME_MAX] if answer.ok and answer.lines else "")
    answer = yield from session.ask("AT+CGSN", bare=True, optional=True)
    imei = next(filter(None, map(parse_imei, answer.lines)), "") if answer.ok else ""
    known = session.knowledge.identity
    session.knowledge.identity = ModemIdentity(
        said[0] or known.manufacturer, said[1] or known.model, said[2] or known.revision, imei or known.imei
    )


def learn_slot(session: Session) -> Script[None]:
    """Ask which SIM slot is in use, where there are several."""
    if session.settings.sim_slots < 2:  # noqa: PLR2004 - nothing to learn
        return
    commands = SLOT_COMMANDS[session.settings.sim_switch]
    answer = yield from session.ask(commands.ask, commands.prefix, optional=True)
    first = _first(answer.lines) if answer.ok else None
    if first is not None and 1 <= first - commands.first + 1 <= session.settings.sim_slots:
        session.knowledge.slot = first - commands.first + 1


def change_slot(session: Session, slot: int) -> Script[None]:
    """Change over to the SIM in ``slot``; everything that hangs on the SIM is learned anew."""
    commands = SLOT_COMMANDS[session.settings.sim_switch]
    command = commands.choose.format(slot=slot - 1 + commands.first)
    if commands.radio_off:
        yield from session.ask("AT+CFUN=0", timeout_ms=15_000)
    try:
        answer = yield from session.ask(command, timeout_ms=15_000)
    finally:
        session.forget_boot()
    if commands.radio_off:
        yield from session.ask("AT+CFUN=1", timeout_ms=15_000)
    if answer.ok:
        session.knowledge.slot = slot
        session.knowledge.tries_left = None
        session.knowledge.sim = "unknown"
    yield from learn_slot(session)


def probe(session: Session, raw: bytes = b"") -> Script[bool]:
    """Whether the modem answers at all."""
    del session
    answer = yield Ask("AT", timeout_ms=1_000, raw=raw, blind=True)
    return answer.ok


def _first(lines: list[str]) -> int | None:
    try:
        return parse_first_number(lines[0]) if lines else None
    except AtAnswerError:
        return None
