"""The script of a modem's whole life on a line that stands: bring it up, look at it, serve, and climb when it fails."""

from typing import Final

from drivers.modem.at.bring_up import bring_up, change_slot, probe
from drivers.modem.at.exchange import Ask, Rest
from drivers.modem.at.ladder import ANSWER_WITHIN_MS, Rung
from drivers.modem.at.messages import fetch_messages, send_messages, set_up_messages
from drivers.modem.at.session import Script, Session
from drivers.modem.at.watch import look
from drivers.modem.errors import ModemRebootedError, ModemSilentError
from drivers.ports import ModemReset

PROBES: Final = 2  # plain questions to a modem that fell silent, before anything is reset
QUIET_MS: Final = 700
DRAIN_MS_MAX: Final = 5_000  # a modem that never stops talking is asked all the same
PROBE_PAUSE_MS: Final = 1_000
BOOT_PAUSE_MS: Final = 2_000  # a modem that has just spoken of its start is left alone for so long
_ESCAPE: Final = b"\x1b"


def life(session: Session) -> Script[None]:
    """Never ends by itself."""
    wrong = ""
    while True:
        session.settled = False
        try:
            if wrong:
                yield from _recover(session, wrong)
            wrong = ""
            session.forget_boot()
            yield from _serve(session)
        except ModemSilentError as silent:
            wrong = str(silent)
        except ModemRebootedError:
            session.settled = False  # another boot message while it rests is no news
            yield Rest(session.now + BOOT_PAUSE_MS)


def _serve(session: Session) -> Script[None]:
    yield from bring_up(session)
    session.settled = True
    echo_is_off = session.echoes == 0
    while True:
        session.looked_at = session.now
        session.poll_at = session.now + session.settings.poll_interval_ms
        yield from look(session)
        if echo_is_off and session.echoes:
            raise ModemRebootedError("echo is on again: the modem started anew without a word")
        session.ladder.note_well(session.now)
        session.say(session.knowledge.reading())
        yield from set_up_messages(session)
        yield from _chores(session)
        yield from _mind_registration(session)
        while session.now < session.poll_at:
            yield Rest(session.poll_at, or_news=True)
            yield from _chores(session)


def _chores(session: Session) -> Script[None]:
    """What does not wait for the next look."""
    if session.reset_wanted:
        session.reset_wanted = False
        yield from _climb(session, "asked for", "echo-and-abort")
        raise ModemRebootedError("reset")
    if session.slot_wanted is not None:
        slot, session.slot_wanted = session.slot_wanted, None
        session.settled = False
        yield from change_slot(session, slot)
        session.settled = True
        session.poll_at = session.now
    yield from fetch_messages(session)
    yield from send_messages(session)


def _mind_registration(session: Session) -> Script[None]:
    """A SIM that works and no network for long: switch the radio off and on, and more if that does not help."""
    knowledge = session.knowledge
    if knowledge.registered or knowledge.sim != "ready":
        session.unregistered_since = None
        return
    if session.unregistered_since is None:
        session.unregistered_since = session.now
    patience_ms = max(session.settings.registration_patience_ms, session.ladder.pause_ms())
    if session.now - session.unregistered_since < patience_ms:
        return
    session.unregistered_since = session.now
    yield from _climb(session, f"no network for {patience_ms // 1000} s", "radio-off-on")
    raise ModemRebootedError("reset")


def _recover(session: Session, wrong: str) -> Script[None]:
    """Ask plainly, then climb until the modem answers again."""
    for at in range(PROBES):
        # An escape ends the input of a message, should the modem be waiting for it. (Ctrl-Z would send half of it.)
        if (yield from probe(session, raw=_ESCAPE if at == 0 else b"")):
            yield from _drain(session)
            return
    while True:
        pause_until = session.now + session.ladder.pause_ms()
        while session.now < pause_until and not session.reset_wanted:
            if (yield from probe(session)):
                yield from _drain(session)
                return
            yield Rest(min(pause_until, session.now + 5 * PROBE_PAUSE_MS), or_news=True)
        session.reset_wanted = False
        if (yield from _climb(session, wrong, "echo-and-abort")):
            return


def _drain(session: Session) -> Script[None]:
    """Wait until the line is quiet: an answer that comes late must not be taken for the next one."""
    until = session.now + DRAIN_MS_MAX
    while session.now < until and session.now - session.heard_at < QUIET_MS:
        yield Rest(min(until, session.heard_at + QUIET_MS))


def _climb(session: Session, reason: str, at_least: Rung) -> Script[bool]:
    """Do the next rung; returns whether the modem answers afterwards."""
    session.settled = False
    rung = session.ladder.climb(session.now, at_least=at_least)
    session.say(ModemReset(rung, reason))
    if rung == "echo-and-abort":
        yield Ask("ATZ", timeout_ms=2_000, raw=_ESCAPE + b"\r", blind=True)
    elif rung == "radio-off-on":
        if not (yield Ask("AT+CFUN=4", timeout_ms=8_000, blind=True)).ok:
            yield Ask("AT+CFUN=0", timeout_ms=8_000, blind=True)
        yield Ask("AT+CFUN=1", timeout_ms=8_000, blind=True)
    elif rung == "full-reset":
        yield Ask("AT+CFUN=1,1", timeout_ms=5_000, blind=True)
        yield Rest(session.now + BOOT_PAUSE_MS)
    else:
        yield Rest(session.now + BOOT_PAUSE_MS)  # the event has it switched off and on by whoever can
    until = session.now + ANSWER_WITHIN_MS[rung]
    while session.now < until:
        if (yield from probe(session)):
            yield from _drain(session)
            return True
        yield Rest(session.now + PROBE_PAUSE_MS)
    return False
