"""Bytes from upsd: cut into lines, read as words, and heard by the whole conversation, whatever it waits for."""

import contextlib

from drivers.errors import NutLineError, NutStatusError
from drivers.ports import UpsCommandEnded, UpsEvent, UpsLost, UpsReading
from drivers.ups.nut.dialogue import LIST_LINES_MAX, NutDialogue
from drivers.ups.nut.frames import LINE_MAX, decode, encode, line_decoder
from drivers.ups.nut.readings import VARIABLES, reading
from drivers.ups.nut.target import NutTarget

_TARGET = NutTarget("h", "u", None, "kit", "secret")
_CHUNK = 24  # bytes heard at once
_LOGGED_IN = b"OK\nOK\nOK\nOK\n"


def one_input(data: bytes) -> None:
    """Lets only typed errors pass; lines, variables and what is said stay bounded."""
    _read(data)
    _converse(data, b"")
    _converse(data, _LOGGED_IN)
    _converse(data, _LOGGED_IN + b"BEGIN LIST VAR u\n")


def _read(data: bytes) -> None:
    decoder = line_decoder()
    for line in decoder.feed(data):
        assert len(line) <= LINE_MAX
        with contextlib.suppress(NutLineError):
            words = decode(line)
            with contextlib.suppress(ValueError):  # words that we would never write
                assert decode(encode(*words)[:-1]) == words
            with contextlib.suppress(NutStatusError):
                assert isinstance(reading({"ups.status": words[0], "ups.load": words[-1]}), UpsReading)
    assert len(decoder._line) <= LINE_MAX


def _converse(data: bytes, before: bytes) -> None:
    dialogue = NutDialogue(_TARGET, 1_000)
    now = 0
    dialogue.handle_line_up(now)
    _hear(dialogue.handle_bytes(before, now).events)
    for at in range(0, len(data), _CHUNK):
        now += data[at] * 16
        dialogue.handle_command("beeper.toggle", now)
        _hear(dialogue.handle_tick(now).events)
        step = dialogue.handle_bytes(data[at : at + _CHUNK], now)
        _hear(step.events)
        if step.hang_up is not None or data[at] == 0:
            _hear(dialogue.handle_line_lost("hung up", now).events)
            dialogue.handle_line_up(now)
        wake_at = dialogue.wake_at()
        assert wake_at is not None
        request = dialogue._request
        assert request is None or (request.lines <= LIST_LINES_MAX and request.variables.keys() <= VARIABLES)
        assert len(dialogue._queue) <= 1
        assert len(dialogue._decoder._line) <= LINE_MAX


def _hear(events: tuple[UpsEvent, ...]) -> None:
    assert len(events) <= 2 + _CHUNK
    assert all(isinstance(event, UpsReading | UpsLost | UpsCommandEnded) for event in events)
