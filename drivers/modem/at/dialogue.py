"""The conversation with a modem, without I/O: runs the script of ``life``, minds its time-outs, and hears what it says.

One command at a time. A command without its final result in time is silence; silence for LOST_MS is ModemLost, said
once until the next reading. Resets go on meanwhile, as ``ladder`` has them.
"""

import re
from typing import Final

from drivers.dialogue import Step
from drivers.modem.at.answers import prefix_of
from drivers.modem.at.exchange import Answer, Ask, Rest, Unsolicited
from drivers.modem.at.life import life
from drivers.modem.at.lines import Line, Prompt
from drivers.modem.at.messages import SEND_TIMEOUT_MS, note_message
from drivers.modem.at.session import Script, Session
from drivers.modem.at.settings import AtSettings
from drivers.modem.at.sim import is_sim_line, note_sim
from drivers.modem.at.watch import note_registration
from drivers.modem.errors import ModemRebootedError, ModemSilentError
from drivers.ports import ModemEvent, ModemLost, ModemReading

LOOK_PAUSE_MS: Final = 500  # from one look to the next, however much the modem has to say
LOST_MS: Final = 15_000  # without a final result to any command, or without a line
# What modems say when they have started: Quectel, SIMCom, u-blox and Neoway RDY or ^SYSSTART, Huawei ^BOOT, Telit none.
_BOOT: Final = re.compile(r"RDY|\^BOOT:.*|\^?SYSSTART.*|MODEM:STARTUP|START", re.IGNORECASE)
_DONE: Final = re.compile(r"PB DONE|SMS DONE|SMS READY|Call Ready|\+QIND: .*DONE.*", re.IGNORECASE)
_REGISTRATIONS: Final = ("+CREG", "+CGREG", "+CEREG", "+C5GREG")
_BEARER: Final = ("+CGEV", "+QIURC")


class AtDialogue:
    """One modem, as a conversation. See ``drivers.dialogue.Dialogue`` for the methods.

    Args:
        settings: of this modem.
        can_power_cycle: somebody switches the modem's power when ModemReset says "power-cycle".
    """

    def __init__(self, settings: AtSettings, *, can_power_cycle: bool = False) -> None:
        self._session: Final = Session(settings, can_power_cycle=can_power_cycle)
        self._script: Script[None] | None = None
        self._rest: Rest | None = None
        self._deadline: int | None = None  # of the command under way
        self._asked_at = 0
        self._news = False
        self._no_line: str | None = "the line was not opened yet"
        self._silent_since: int | None = None
        self._lost = False
        self._complaint = ""
        self._out = bytearray()

    @property
    def discards(self) -> int:
        """Lines that were too long, since start."""
        return self._session.exchange.decoder.discards

    @property
    def foreign_messages(self) -> int:
        """Messages that came and were no 8-bit data, since start."""
        return self._session.inbox.foreign

    def handle_line_up(self, now: int) -> Step[ModemEvent]:
        """The line was opened: begin from the start."""
        self._session.now = now
        self._close_script()
        self._no_line = None
        self._script = life(self._session)
        self._take(next(self._script))
        return self._step()

    def handle_line_lost(self, reason: str, now: int) -> Step[ModemEvent]:
        """The line is gone: a message that was handed over may have gone."""
        self._session.now = now
        self._no_line = self._complaint = reason
        self._close_script()
        if self._silent_since is None:
            self._silent_since = now
        self._out.clear()
        return self._step()

    def handle_bytes(self, data: bytes, now: int) -> Step[ModemEvent]:
        """Bytes from the line."""
        self._session.now = self._session.heard_at = now
        for token in self._session.exchange.decoder.feed(data):
            self._handle(token)
        return self._step()

    def handle_tick(self, now: int) -> Step[ModemEvent]:
        """Act on the deadlines up to ``now``."""
        self._session.now = now
        return self._step()

    def send_sms(self, token: int, number: str, user_data: bytes, now: int) -> Step[ModemEvent]:
        """Queue a message. ValueError: number or size is out of range."""
        self._session.now = now
        if (failed := self._session.outbox.put(token, number, user_data, now)) is not None:
            self._session.say(failed)
        self._news = True
        return self._step()

    def use_sim(self, slot: int, now: int) -> Step[ModemEvent]:
        """Change over to a slot. ValueError: there is none."""
        self._session.now = now
        if not 1 <= slot <= self._session.settings.sim_slots:
            raise ValueError(f"SIM slot {slot}: this modem has 1 to {self._session.settings.sim_slots}")
        if self._session.settings.sim_slots > 1:
            self._session.slot_wanted = slot
        self._news = True
        return self._step()

    def reset(self, now: int) -> Step[ModemEvent]:
        """Climb the ladder by one rung."""
        self._session.now = now
        self._session.reset_wanted = True
        self._news = True
        return self._step()

    def wake_at(self) -> int | None:
        """The next deadline, or None before the line was first tried."""
        deadlines = [self._deadline]
        if self._rest is not None:
            deadlines.append(self._rest.until)
        if self._silent_since is not None and not self._lost:
            deadlines.append(self._silent_since + LOST_MS)
        if not self._can_send():
            deadlines.append(self._session.outbox.overdue_at())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def _step(self) -> Step[ModemEvent]:
        session = self._session
        if self._deadline is not None and session.now >= self._deadline:
            self._time_out()
        while self._rest is not None and (
            session.now >= self._rest.until or (self._rest.or_news and self._news)
        ):
            self._news = False
            self._resume(Answer())
        if self._can_send():
            session.outbox.note_way_open(session.now)
        else:
            session.events += session.outbox.expire(session.now, self._why_not())
        silent = self._silent_since is not None and session.now - self._silent_since >= LOST_MS
        if silent and not self._lost:
            self._lost = True
            climbed = ", ".join(session.ladder.climbed) or "none"
            session.say(ModemLost(f"{self._complaint}; resets tried so far: {climbed}"))
        out, events = bytes(self._out), tuple(session.events)
        self._out.clear()
        session.events.clear()
        if any(isinstance(event, ModemReading) for event in events):
            self._lost = False
        return Step(out, events)

    def _can_send(self) -> bool:
        session = self._session
        return session.settled and session.sms_ready and session.knowledge.registered

    def _why_not(self) -> str:
        knowledge = self._session.knowledge
        if self._no_line is not None:
            return self._no_line
        if self._silent_since is not None:
            return self._complaint
        return f"SIM {knowledge.sim}, registration {knowledge.registration}"

    def _handle(self, token: Line | Prompt) -> None:
        exchange = self._session.exchange
        heard = exchange.sort(token)
        if heard is None:
            return
        if heard.kind == "prompt" and exchange.under_way is not None:
            self._out += exchange.under_way.payload
            self._deadline = self._session.now + SEND_TIMEOUT_MS
        elif heard.kind == "answer":
            self._silent_since = None
            exchange.end()
            self._resume(exchange.answer)
        elif heard.kind == "echo":
            self._session.echoes += 1
        elif heard.unsolicited is not None:
            self._handle_unsolicited(heard.unsolicited)

    def _handle_unsolicited(self, news: Unsolicited) -> None:
        session, text = self._session, news.text
        prefix = prefix_of(text)
        if _BOOT.fullmatch(text):
            if session.settled:
                session.settled = False
                self._throw(ModemRebootedError(f"the modem started anew: {text}"))
        elif note_message(session, news):
            self._news = True
        elif prefix in _REGISTRATIONS:
            if note_registration(session, text):
                self._look_soon()
        elif is_sim_line(text):
            note_sim(session, text)
            self._look_soon()
        elif _DONE.fullmatch(text):
            session.inbox.note_sweep(session.now)
            self._look_soon()
        elif prefix in _BEARER:
            self._look_soon()

    def _look_soon(self) -> None:
        session = self._session
        session.poll_at = min(session.poll_at, max(session.now, session.looked_at + LOOK_PAUSE_MS))
        self._news = True

    def _time_out(self) -> None:
        """The command under way had no final result."""
        ask = self._session.exchange.under_way
        self._session.exchange.end()
        self._deadline = None
        if self._silent_since is None:
            self._silent_since = self._asked_at
        if ask is None:
            return
        shown = "a command" if ask.secret else ask.command
        if not self._complaint or not ask.blind:
            self._complaint = f"no answer to {shown} within {self._session.now - self._asked_at} ms"
        if ask.blind:
            self._resume(self._session.exchange.answer)
        else:
            self._throw(ModemSilentError(self._complaint))

    def _resume(self, answer: Answer) -> None:
        assert self._script is not None  # noqa: S101 - only a running script asks or rests
        self._deadline = self._rest = None
        self._take(self._script.send(answer))

    def _throw(self, wrong: Exception) -> None:
        assert self._script is not None  # noqa: S101 - as above
        self._deadline = self._rest = None
        self._session.exchange.end()
        self._take(self._script.throw(wrong))

    def _take(self, wanted: Ask | Rest) -> None:
        """Begin what the script wants next."""
        if isinstance(wanted, Rest):
            self._rest = wanted
            return
        self._out += self._session.exchange.begin(wanted)
        self._asked_at = self._session.now
        self._deadline = self._session.now + wanted.timeout_ms

    def _close_script(self) -> None:
        if self._script is not None:
            self._script.close()
        self._script = None
        self._deadline = self._rest = None
        self._session.exchange.reset()
        self._session.settled = False
        self._session.sms_ready = False
