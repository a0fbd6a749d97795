"""The stand itself: one model, its deadlines, its transcript, and whatever line it was put behind."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from simulators.stand.model import CommandError, DeviceModel
from simulators.stand.transcript import Transcript


class Line(Protocol):
    """What carries the device's bytes to the program under test."""

    def send(self, data: bytes) -> None:
        """Bytes that the device sends unasked."""

    def plug(self) -> str:
        """Put the line (back) in; returns one sentence. Idempotent."""

    def unplug(self) -> str:
        """Pull the line out: whoever has it open is hung up. Returns one sentence. Idempotent."""

    def close(self) -> None:
        """Leave nothing behind. Idempotent."""


_COMMANDS: Final = {
    "unplug": "pulls the line out: whoever has it open is hung up",
    "plug": "puts it back in, under the same name",
    "state": "what is true of the device, as JSON",
    "help": "this list",
}


class Stand:
    """Feeds the model, wakes it at its deadlines, obeys scripts. ``now_ms`` is monotonic."""

    def __init__(self, model: DeviceModel, transcript: Transcript, now_ms: Callable[[], int]) -> None:
        self._model: Final = model
        self._transcript: Final = transcript
        self._now_ms: Final = now_ms
        self._began_ms: Final = now_ms()
        self._line: Line | None = None
        self._timer: asyncio.TimerHandle | None = None

    def put_behind(self, line: Line) -> None:
        """Use this line from now on; the event loop runs."""
        self._line = line
        self._note("line", line.plug())
        self._arm()

    def hear(self, data: bytes) -> bytes:
        """Bytes from the program under test; returns what the device sends at once."""
        now_ms = self._now_ms()
        self._transcript.moved("to-device", data, self._at_ms)
        answer = self._model.feed(data, now_ms)
        self._transcript.moved("from-device", answer, self._at_ms)
        self._arm()
        return answer

    def obey(self, words: Sequence[str]) -> str | Mapping[str, Any]:
        """A script's command; returns a sentence, or what was asked for.

        Raises:
            CommandError: the command is not known, or cannot be done; nothing was changed.
        """
        self._note("command", " ".join(words))
        try:
            said = self._do(words)
        except CommandError as wrong:
            self._note("said", f"refused: {wrong}")
            raise
        if isinstance(said, str):
            self._note("said", said)
        self._serve()
        return said

    def close(self) -> None:
        """Stop serving, and take the line away."""
        if self._timer is not None:
            self._timer.cancel()
        if self._line is not None:
            self._line.close()

    def _do(self, words: Sequence[str]) -> str | Mapping[str, Any]:
        match list(words):
            case ["state"]:
                return self._model.state(self._now_ms())
            case ["help"]:
                return {**self._model.commands, **_COMMANDS}
            case ["unplug"] if self._line is not None:
                return self._line.unplug()
            case ["plug"] if self._line is not None:
                return self._line.plug()
            case []:
                raise CommandError("no command: ask for help")
            case _:
                return self._model.command(words, self._now_ms())

    @property
    def _at_ms(self) -> int:
        return self._now_ms() - self._began_ms

    def _note(self, what: Any, text: str) -> None:
        self._transcript.noted(what, text, self._at_ms)

    def _serve(self) -> None:
        """Let the model act on what is due; send what it has to say."""
        sent = self._model.tick(self._now_ms())
        if sent and self._line is not None:
            self._transcript.moved("from-device", sent, self._at_ms)
            self._line.send(sent)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake_at = self._model.wake_at()
        if wake_at is not None:
            # Never in the same turn of the loop: a model that is always due must not starve the line.
            delay_s = max(1, wake_at - self._now_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._serve)
