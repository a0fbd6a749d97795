"""What the scripts of one modem share. A script is a generator: it yields a command or a rest and gets the answer.

A command that finds no final result in time raises ModemSilentError where it stands, a modem that starts anew
ModemRebootedError; scripts let both pass, and ``life`` acts on them.
"""

from collections.abc import Generator, Sequence
from typing import Final, TypeVar

from drivers.modem.at.exchange import Answer, Ask, Exchange, Rest
from drivers.modem.at.inbox import Inbox
from drivers.modem.at.knowledge import Knowledge
from drivers.modem.at.ladder import Ladder
from drivers.modem.at.outbox import Outbox
from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemEvent

T = TypeVar("T")
Script = Generator[Ask | Rest, Answer, T]

_NOT_KNOWN: Final = (4, 50, 303)  # not supported, incorrect parameters, not supported for messages


class Session:
    """One modem, from start to end of the kit. ``now``: the instant of the step that is under way."""

    def __init__(self, settings: AtSettings, *, can_power_cycle: bool) -> None:
        self.settings: Final = settings
        self.exchange: Final = Exchange()
        self.knowledge: Final = Knowledge(settings.sim_slots)
        self.ladder: Final = Ladder(can_power_cycle=can_power_cycle)
        self.outbox: Final = Outbox(settings.sms_validity_minutes)
        self.inbox: Final = Inbox()
        self.now = 0
        self.events: list[ModemEvent] = []
        self.poll_at = 0
        self.looked_at = 0
        self.heard_at = 0  # when the line last carried anything
        self.echoes = 0  # commands that came back since echo was switched off
        self.mismatches = 0  # looks in a row whose first question was answered by something else
        self.sms_attempts = 0  # to set messages up, in this boot
        self.settled = False  # a boot message from now on means that the modem started anew
        self.sms_ready = False
        self.reset_wanted = False
        self.slot_wanted: int | None = None
        self.pins_refused: set[int] = set()  # slots whose PIN the SIM did not take: never again
        self.pin_entered = False  # in this boot of the modem
        self.bearer_tried_at: int | None = None
        self.unregistered_since: int | None = None
        self._unknown: set[str] = set()

    def say(self, event: ModemEvent) -> None:
        """Tell the kit."""
        self.events.append(event)

    def forget_boot(self) -> None:
        """The modem starts anew, or another SIM is chosen: what it was told and what it refused counts no more."""
        self._unknown.clear()
        self.sms_ready = False
        self.sms_attempts = 0
        self.pin_entered = False
        self.bearer_tried_at = None
        self.knowledge.forget_radio()

    def forget_refusals(self) -> None:
        """What was refused is asked again: a SIM that was not ready yet refuses much."""
        self._unknown.clear()

    def ask(
        self,
        command: str,
        *prefixes: str,
        timeout_ms: int = 5_000,
        bare: bool = False,
        optional: bool = False,
    ) -> Script[Answer]:
        """Ask, and return the answer. ``optional``: a modem that does not know the command is not asked again."""
        if command in self._unknown:
            return Answer()
        answer = yield Ask(command, prefixes, timeout_ms, bare=bare)
        result = answer.result
        if optional and result is not None and (result.kind == "error" or result.code in _NOT_KNOWN):
            self._unknown.add(command)
        return answer

    def ask_together(
        self, commands: Sequence[str], *prefixes: str, timeout_ms: int = 5_000
    ) -> Script[list[str]]:
        """Ask several commands on one line (V.250 5.2.1), one by one where the modem refuses that; returns the lines.

        ``commands`` without ``AT``. The ones that a modem does not know are left out the next time.
        """
        known = [command for command in commands if f"AT{command}" not in self._unknown]
        if len(known) > 1:
            answer = yield from self.ask(
                f"AT{';'.join(known)}", *prefixes, timeout_ms=timeout_ms, optional=True
            )
            if answer.ok:
                return answer.lines
        lines: list[str] = []
        for command in known:
            answer = yield from self.ask(f"AT{command}", *prefixes, timeout_ms=timeout_ms, optional=True)
            if answer.ok:
                lines += answer.lines
        return lines
