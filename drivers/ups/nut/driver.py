"""A UPS behind upsd: the dialogue of ``dialogue.py`` on the line of ``line.py``, held up by ``drivers.link``."""

from collections.abc import Callable

from drivers.link import Link
from drivers.ports import UpsCommand, UpsEvent
from drivers.ups.nut.dialogue import NutDialogue
from drivers.ups.nut.line import open_line
from drivers.ups.nut.target import NutTarget


class NutUps:
    """Implements ``drivers.ports.Ups``.

    Args:
        target: which UPS of which upsd, as whom, and whom to trust.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every reading; UpsLost once when upsd says that it knows nothing, or three polls in a row were
            missed; and what became of each command.
        poll_interval_ms: from one poll to the next, at least 1.
    """

    def __init__(
        self,
        target: NutTarget,
        now: Callable[[], int],
        emit: Callable[[UpsEvent], None],
        poll_interval_ms: int,
    ) -> None:
        self._now = now
        self._dialogue = NutDialogue(target, poll_interval_ms)
        self._link = Link(open_line(target), now, self._dialogue, emit)

    async def run(self) -> None:
        """Poll until cancelled; never returns by itself."""
        await self._link.run()

    def command(self, command: UpsCommand) -> None:
        """Queue an instant command; UpsCommandEnded follows. A second request for a queued one is dropped."""
        self._link.take(self._dialogue.handle_command(command, self._now()))
