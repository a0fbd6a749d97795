"""Bytes from a serial UPS: cut into lines, read in every dialect, and heard by the whole dialogue."""

import contextlib

from drivers.errors import DeviceFrameError
from drivers.ports import UpsCommandEnded, UpsLost, UpsReading
from drivers.ups.dialogue import UpsDialogue
from drivers.ups.lines import LINE_MAX, line_decoder
from drivers.ups.megatec import MEGATEC
from drivers.ups.protocols import PROTOCOLS
from drivers.ups.voltronic import VOLTRONIC_QS

_CHUNK = 24  # bytes heard at once


def one_input(data: bytes) -> None:
    """Lets only typed errors pass; lines and what is kept of them stay bounded."""
    decoder = line_decoder()
    for at in range(0, len(data), _CHUNK):
        for line in decoder.feed(data[at : at + _CHUNK]):
            assert len(line) <= LINE_MAX
            _read(line)
    _read(data)
    _converse(data)


def _read(line: bytes) -> None:
    for protocol in (MEGATEC, VOLTRONIC_QS):
        with contextlib.suppress(DeviceFrameError):
            assert isinstance(protocol.parse(line), UpsReading)
        for sent in protocol.commands.values():
            assert protocol.outcome(line, sent) in (True, False, None)


def _converse(data: bytes) -> None:
    dialogue = UpsDialogue(1_000, PROTOCOLS["auto"])
    now = 0
    dialogue.handle_line_up(now)
    dialogue.handle_command("shutdown.return", now)
    for at in range(0, len(data), _CHUNK):
        now += 300
        for step in (dialogue.handle_bytes(data[at : at + _CHUNK], now), dialogue.handle_tick(now)):
            for event in step.events:
                assert isinstance(event, UpsReading | UpsLost | UpsCommandEnded)
        assert (dialogue.wake_at() or 0) > now, "a dialogue whose deadline never passes would spin"
