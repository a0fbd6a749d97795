"""Frames of the terminal protocol: bytes to frames and back. docs/terminal-protocol.md, section "Frame".

On the wire: 0x00, then COBS(version u8 | kind u8 | id u8 | payload | CRC-32 u32 little endian), then 0x00. The first
0x00 ends whatever noise came before: without it, a line with noise between all frames would lose every one of them.
"""

import zlib
from typing import Final, NamedTuple, get_args

from drivers.errors import FrameError, FrameFault

VERSION: Final = 2
PAYLOAD_MAX: Final = 1024  # bytes
ID_MAX: Final = 255
DELIMITER: Final = b"\x00"

_HEADER: Final = 3  # bytes: version, kind, id
_CRC: Final = 4  # bytes
_BLOCK: Final = 254  # bytes that one COBS code byte can announce
_DECODED_MAX: Final = _HEADER + PAYLOAD_MAX + _CRC
_PIECE_MAX: Final = _DECODED_MAX + -(-_DECODED_MAX // _BLOCK)  # bytes between two delimiters
FRAME_MAX: Final = len(DELIMITER) + _PIECE_MAX + len(DELIMITER)  # bytes on the wire: 1038


class Frame(NamedTuple):
    """One message: ``kind`` and ``id`` 0 to 255, ``payload`` 0 to PAYLOAD_MAX bytes."""

    kind: int
    id: int
    payload: bytes


def encode(frame: Frame) -> bytes:
    """Returns the frame as it goes on the wire, both delimiters included; raises ValueError where it breaks a limit."""
    if len(frame.payload) > PAYLOAD_MAX:
        raise ValueError(f"payload of {len(frame.payload)} bytes: a frame carries at most {PAYLOAD_MAX}")
    body = bytes((VERSION, frame.kind, frame.id)) + frame.payload
    return DELIMITER + cobs_encode(body + zlib.crc32(body).to_bytes(_CRC, "little")) + DELIMITER


def decode(piece: bytes) -> Frame:
    """Returns the frame in ``piece``, the bytes between two delimiters; raises FrameError."""
    decoded = cobs_decode(piece)
    if not _HEADER + _CRC <= len(decoded) <= _DECODED_MAX:
        raise FrameError(
            "length", f"frame of {len(decoded)} bytes: {_HEADER + _CRC} to {_DECODED_MAX} are allowed"
        )
    body = decoded[:-_CRC]
    crc = int.from_bytes(decoded[-_CRC:], "little")
    if zlib.crc32(body) != crc:
        raise FrameError("crc", f"frame with CRC {crc:08x}, computed {zlib.crc32(body):08x}")
    if body[0] != VERSION:
        raise FrameError("version", f"frame of protocol version {body[0]}: only {VERSION} is known")
    return Frame(body[1], body[2], body[_HEADER:])


def cobs_encode(data: bytes) -> bytes:
    """Consistent Overhead Byte Stuffing (Cheshire & Baker, 1999), without a delimiter."""
    out = bytearray()
    runs = data.split(DELIMITER)
    for number, run in enumerate(runs, 1):
        start = 0
        while len(run) - start >= _BLOCK:
            out.append(_BLOCK + 1)
            out += run[start : start + _BLOCK]
            start += _BLOCK
        if start and start == len(run) and number == len(runs):
            break  # the data ended with a full block: nothing follows it
        out.append(len(run) - start + 1)
        out += run[start:]
    return bytes(out)


def cobs_decode(piece: bytes) -> bytes:
    """The inverse of ``cobs_encode``; raises FrameError on an empty piece, a zero, or a block that is cut off."""
    if not piece:
        raise FrameError("cobs", "nothing between two delimiters")
    out = bytearray()
    at, end = 0, len(piece)
    while at < end:
        code = piece[at]
        block = piece[at + 1 : at + code]
        if len(block) != code - 1 or 0 in block:
            raise FrameError("cobs", f"COBS block at byte {at} is cut off or holds a zero")
        out += block
        at += code
        if code <= _BLOCK and at < end:
            out.append(0)
    return bytes(out)


class Decoder:
    """Cuts a stream of bytes, split and merged in any way, into frames. Keeps at most FRAME_MAX bytes.

    What is not a frame is thrown away up to the next delimiter and counted in ``discards`` by the check that it
    failed. Empty pieces (two delimiters in a row) are no fault: every frame begins and ends with one.
    """

    def __init__(self) -> None:
        self.discards: dict[FrameFault, int] = dict.fromkeys(get_args(FrameFault), 0)
        self._piece = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame]:
        """Returns the frames that these bytes complete, in order."""
        *ended, rest = data.split(DELIMITER)
        frames: list[Frame] = []
        for part in ended:
            if part:
                self._extend(part)
            if self._piece or self._overlong:
                self._end(frames)
        if rest:
            self._extend(rest)
        return frames

    def clear(self) -> None:
        """Forget a half frame: the line was opened anew."""
        self._piece.clear()
        self._overlong = False

    def _extend(self, part: bytes) -> None:
        if self._overlong or len(self._piece) + len(part) > _PIECE_MAX:
            self._overlong = True
            self._piece.clear()
        else:
            self._piece += part

    def _end(self, frames: list[Frame]) -> None:
        if self._overlong:
            self.discards["length"] += 1
        else:
            try:
                frames.append(decode(bytes(self._piece)))
            except FrameError as wrong:
                self.discards[wrong.fault] += 1
        self.clear()
