"""A voting terminal on a serial line: the dialogue of ``dialogue.py``, held up by ``drivers.link``."""

from collections.abc import Callable
from dataclasses import asdict

from drivers.link import Link
from drivers.ports import OpenStream, TerminalAction, TerminalEvent
from drivers.terminal.dialogue import TerminalDialogue


class SerialTerminal:
    """Implements ``drivers.ports.Terminal``.

    Args:
        open_stream: opens the line anew, 115200 8N1.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every event, in order, on the loop; it may call ``request``.
        terminal_id: the terminal that the requests are for; another one on the line hears none of them.
        session: number of this run of the kit, 0 to 2**32-1, another one at each start.
        status_interval_ms: pause between two status questions, at least 1.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        emit: Callable[[TerminalEvent], None],
        terminal_id: str,
        session: int,
        status_interval_ms: int,
    ) -> None:
        self._now = now
        self._dialogue = TerminalDialogue(terminal_id, session, status_interval_ms)
        self._link = Link(open_stream, now, self._dialogue, emit)

    async def run(self) -> None:
        """Hold the session up until cancelled; never returns by itself."""
        await self._link.run()

    def request(self, action: TerminalAction) -> None:
        """Queue an action; the outcome comes as an event. A second request for a queued action is dropped."""
        self._link.take(self._dialogue.handle_request(action, self._now()))

    def counters(self) -> dict[str, int]:
        """What went wrong on the line since start, by name, for diagnosis."""
        discarded = {f"discarded_{fault}": n for fault, n in self._dialogue.decoder.discards.items()}
        return discarded | asdict(self._dialogue.counters)
