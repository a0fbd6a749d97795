"""Bytes from a terminal's line: cut into frames, read as answers, and heard by the whole conversation; then as requests
by the simulated terminal.
"""

import contextlib
from collections.abc import Callable
from typing import Final

from drivers.errors import AnswerError, FrameError
from drivers.terminal import messages
from drivers.terminal.dialogue import CHUNK_MIN, TerminalDialogue
from drivers.terminal.frames import (
    FRAME_MAX,
    PAYLOAD_MAX,
    Decoder,
    Frame,
    cobs_decode,
    cobs_encode,
    decode,
    encode,
)
from simulators.devices.terminal_wire import FrameReader
from tests.simulators.terminal_asker import make_terminal

_ID: Final = "T-1"
_CHUNK: Final = 24  # bytes heard at once
_EVENTS_MAX: Final = 3  # of one answer
_ACTIONS: Final = tuple(messages.ACTIONS)
_PARSERS: Final[tuple[Callable[[bytes], object], ...]] = (
    messages.parse_hello,
    messages.parse_status,
    messages.parse_self_test,
    messages.parse_close_no,
    messages.parse_report,
    lambda data: messages.parse_chunk(data, 0x17, 0, messages.CHUNK_MAX),
    lambda data: messages.parse_refusal(data, 0x17),
)


def one_input(data: bytes) -> None:
    """Lets only typed errors pass; frames, reports and what is said stay bounded."""
    _cut(data)
    _parse(data)
    _converse(data)
    _answer(data)


def _cut(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        decode(data)
    with contextlib.suppress(FrameError):
        assert cobs_decode(cobs_encode(data)) == data
    decoder, bytewise, reader = Decoder(), Decoder(), FrameReader()
    whole = decoder.feed(data)
    pieces = [frame for at in range(len(data)) for frame in bytewise.feed(data[at : at + 1])]
    assert whole == pieces
    assert [(frame.kind, frame.id, frame.payload) for frame in reader.feed(data)] == [
        (frame.kind, frame.id, frame.payload) for frame in whole
    ], "the terminal's codec reads it otherwise"
    assert len(decoder._piece) < FRAME_MAX
    assert len(reader._stuffed) < FRAME_MAX
    for frame in whole:
        assert Decoder().feed(encode(frame)) == [frame]


def _parse(data: bytes) -> None:
    for parse in _PARSERS:
        with contextlib.suppress(AnswerError):
            parse(data)


def _converse(data: bytes) -> None:
    """The input says what the far end does with each request: answer soundly, with these bytes, or not at all."""
    dialogue = TerminalDialogue(_ID, data[0] if data else 0, 1_000)
    now = 0
    sent = dialogue.handle_line_up(now).send
    for at in range(0, len(data), _CHUNK):
        piece = data[at : at + _CHUNK]
        now += 8 * piece[0]
        dialogue.handle_request(_ACTIONS[piece[0] % len(_ACTIONS)], now)
        sent = dialogue.handle_tick(now).send or sent
        heard = piece if piece[0] % 3 == 0 else _reply(sent, piece[1:])
        step = dialogue.handle_bytes(heard, now)
        assert len(step.events) <= _EVENTS_MAX
        assert len(step.send) <= 2 * FRAME_MAX
        sent = step.send or sent
        if piece[0] == 1:
            dialogue.handle_line_lost("unplugged", now)
            sent = dialogue.handle_line_up(now).send
        wake_at = dialogue.wake_at()
        assert wake_at is not None
        assert wake_at >= now or dialogue.handle_tick(now) is not None
        assert len(dialogue._queue) <= len(_ACTIONS)
        reading = dialogue._reading
        assert reading is None or (
            len(reading.data) < reading.answer.length <= messages.REPORT_MAX
            and min(CHUNK_MIN, reading.answer.length - len(reading.data)) <= reading.wanted
        )


def _reply(sent: bytes, payload: bytes) -> bytes:
    """A frame that may be the answer to the last request: its id and kind are right, its payload is the input's."""
    asked = Decoder().feed(sent)
    if not asked:
        return payload
    request = asked[-1]
    if payload[:1] == b"H" and request.kind == messages.HELLO:
        payload = bytes(4) + b"\x03T-1\x031.0" + bytes(64)
    elif request.kind == messages.STATUS:
        payload = bytes((payload[0] % 8 if payload else 0,)) + bytes(11)
    elif request.kind == messages.READ:
        payload = request.payload[:5] + payload
    kind = messages.REFUSAL if payload[:1] == b"R" else request.kind | messages.ANSWER
    return encode(Frame(kind, request.id, payload[:PAYLOAD_MAX]))


def _answer(data: bytes) -> None:
    """The terminal at the other end, asked nonsense: it answers sound requests alone, and never unasked."""
    model = make_terminal()
    answers = FrameReader().feed(model.feed(data, 0))
    assert len(answers) == sum(frame.kind < messages.ANSWER for frame in Decoder().feed(data))
    assert all(frame.kind >= messages.ANSWER for frame in answers)
