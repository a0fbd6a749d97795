"""A modem on a serial line that speaks AT: the dialogue of ``dialogue.py``, held up by ``drivers.link``."""

from collections.abc import Callable

from drivers.link import Link
from drivers.modem.at.dialogue import AtDialogue
from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemEvent, ModemReset, OpenStream


class AtModem:
    """Implements ``drivers.ports.Modem``.

    Args:
        open_stream: opens the line anew, 115200 8N1 unless the modem is set otherwise. It must be a port of the modem
            that no other program uses; modems on USB have two or three.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every event, in order, on the loop; it may call ``send_sms``, ``use_sim`` and ``reset``.
        settings: of this modem.
        power_cycle: takes the modem's power away and gives it back, and returns at once; None where nothing can.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        emit: Callable[[ModemEvent], None],
        settings: AtSettings,
        power_cycle: Callable[[], None] | None = None,
    ) -> None:
        self._now = now
        self._emit = emit
        self._power_cycle = power_cycle
        self._dialogue = AtDialogue(settings, can_power_cycle=power_cycle is not None)
        self._link = Link(open_stream, now, self._dialogue, self._pass_on)

    async def run(self) -> None:
        """Watch and serve until cancelled; never returns by itself."""
        await self._link.run()

    def send_sms(self, token: int, number: str, user_data: bytes) -> None:
        """Queue one binary message; see ``drivers.ports.Modem``. ValueError: number or size is out of range."""
        self._link.take(self._dialogue.send_sms(token, number, user_data, self._now()))

    def use_sim(self, slot: int) -> None:
        """Change over to the SIM in ``slot``, from 1. ValueError: there is no such slot."""
        self._link.take(self._dialogue.use_sim(slot, self._now()))

    def reset(self) -> None:
        """Climb the ladder of resets by one rung; ModemReset follows."""
        self._link.take(self._dialogue.reset(self._now()))

    def counters(self) -> dict[str, int]:
        """What went wrong on the line since start, by name, for diagnosis."""
        return {
            "discarded_lines": self._dialogue.discards,
            "foreign_messages": self._dialogue.foreign_messages,
        }

    def _pass_on(self, event: ModemEvent) -> None:
        self._emit(event)
        if isinstance(event, ModemReset) and event.rung == "power-cycle" and self._power_cycle is not None:
            self._power_cycle()
