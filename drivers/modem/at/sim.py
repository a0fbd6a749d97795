"""The SIM: its state, the tries of its PIN that are left, and the PIN itself, which is never tried to the last.

A PIN is entered at most once in a boot of the modem. One that the SIM did not take is not entered again before the kit
itself is started anew; and never when one try is left, or none, for a SIM that wants its PUK is lost to the branch.
"""

from typing import Final

from drivers.modem.at.answers import parse_sim, parse_tries, prefix_of
from drivers.modem.at.exchange import Ask, Rest
from drivers.modem.at.results import (
    CME_SIM_ABSENT,
    CME_SIM_BUSY,
    CME_SIM_FAILURE,
    CME_SIM_PIN,
    CME_SIM_PUK,
    CME_SIM_WRONG,
    Result,
)
from drivers.modem.at.session import Script, Session
from drivers.modem.errors import AtAnswerError, ModemSilentError
from drivers.ports import SimState

MISMATCHES_MAX: Final = 3  # in a row; a modem that goes on like this is taken as it is
UNLOCK_LOOKS_MAX: Final = 10  # looks at a SIM that was given its PIN
UNLOCK_LOOK_MS: Final = 500
TRIES_SPARED: Final = 1  # of the PIN: left for people

_ERRORS: Final[dict[int, SimState]] = {
    CME_SIM_ABSENT: "absent",
    CME_SIM_PIN: "pin-required",
    CME_SIM_PUK: "puk-required",
    CME_SIM_FAILURE: "failure",
    CME_SIM_BUSY: "unknown",
    CME_SIM_WRONG: "failure",
}
_TRIES: Final = (("AT+CPINR", "+CPINR"), ('AT+QPINC="SC"', "+QPINC"), ("AT+SPIC", "+SPIC"))


def look_at_sim(session: Session) -> Script[None]:
    """Learn the SIM's state, and unlock it where that is asked for and allowed."""
    before = session.knowledge.sim
    yield from _ask_state(session)
    if session.knowledge.sim == "pin-required":
        yield from _ask_tries(session)
        if _may_enter(session):
            yield from _enter(session)
    if session.knowledge.sim != before:
        session.forget_refusals()
        session.sms_ready = False
        session.sms_attempts = 0
        if session.knowledge.sim == "ready" and session.knowledge.tries_left is None:
            yield from _ask_tries(session)


def note_sim(session: Session, text: str) -> None:
    """+CPIN that came by itself."""
    try:
        state = parse_sim(text)
    except AtAnswerError:
        return
    if state != "ready":
        session.knowledge.sim = state


def _ask_state(session: Session) -> Script[None]:
    answer = yield from session.ask("AT+CPIN?", "+CPIN")
    states: list[SimState] = []
    for line in answer.lines:
        try:
            states.append(parse_sim(line))
        except AtAnswerError:
            continue
    if answer.ok and not states and session.mismatches < MISMATCHES_MAX:
        session.mismatches += 1
        raise ModemSilentError("AT+CPIN? was answered by OK alone: that is the end of another answer")
    session.mismatches = 0
    session.knowledge.sim = states[-1] if states else _state_of(answer.result)


def _state_of(result: Result | None) -> SimState:
    return (
        _ERRORS.get(result.code, "unknown") if result is not None and result.code is not None else "unknown"
    )


def _ask_tries(session: Session) -> Script[None]:
    session.knowledge.tries_left = None
    for command, prefix in _TRIES:
        answer = yield from session.ask(command, prefix, optional=True)
        for line in answer.lines:
            try:
                session.knowledge.tries_left = parse_tries(line)
            except AtAnswerError:
                continue
            return


def _may_enter(session: Session) -> bool:
    slot, tries = session.knowledge.slot, session.knowledge.tries_left
    return (
        session.settings.pin_of(slot) is not None
        and not session.pin_entered
        and slot not in session.pins_refused
        and tries is not None  # a kit that is started again and again would use up what nobody counts
        and tries > TRIES_SPARED
    )


def _enter(session: Session) -> Script[None]:
    slot = session.knowledge.slot
    pin = session.settings.pin_of(slot)
    session.pin_entered = True
    session.pins_refused.add(slot)  # until it is seen to be taken: silence does not allow a second try
    answer = yield Ask(f'AT+CPIN="{pin}"', ("+CPIN",), timeout_ms=15_000, secret=True)
    if not answer.ok:
        yield from _ask_state(session)
        yield from _ask_tries(session)
        return
    session.pins_refused.discard(slot)
    for _ in range(UNLOCK_LOOKS_MAX):
        yield from _ask_state(session)
        if session.knowledge.sim == "ready":
            return
        yield Rest(session.now + UNLOCK_LOOK_MS)


def is_sim_line(text: str) -> bool:
    """Whether a URC speaks of the SIM."""
    return prefix_of(text) in ("+CPIN", "^SIMST", "+QSIMSTAT", "^SIMSW")
