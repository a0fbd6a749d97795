"""Frames of the terminal's serial protocol, written from its specification and from nothing else.

On the wire a frame is ``COBS(body || CRC-32 of body, little endian) || 0x00`` with body = version, kind, id (one
byte each) and payload. COBS: Cheshire and Baker, Consistent Overhead Byte Stuffing, 1999. CRC-32/ISO-HDLC.
The kit's driver has a codec of its own: shared code would let two equal mistakes cancel each other out.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

VERSION: Final = 2
PAYLOAD_MAX: Final = 1024  # bytes
_HEAD: Final = 3  # bytes: version, kind, id
_CRC: Final = 4  # bytes
_GROUP: Final = 254  # bytes that one COBS code can lead at most
_STUFFED_MAX: Final = PAYLOAD_MAX + _HEAD + _CRC + -(-(PAYLOAD_MAX + _HEAD + _CRC) // _GROUP)
FRAME_MAX: Final = 1 + _STUFFED_MAX + 1  # bytes on the wire, both delimiters included
TEXT_MAX: Final = 255  # bytes of UTF-8 in one string


class Kind(IntEnum):
    """What a frame asks for. An answer has ``ANSWER`` added; a refusal has the kind ``REFUSAL``."""

    HELLO = 0x01
    STATUS = 0x02
    SELF_TEST = 0x10
    ZERO = 0x11
    OPEN = 0x12
    SUSPEND = 0x13
    RESUME = 0x14
    CLOSE = 0x15
    ACCOUNT = 0x16
    TALLY = 0x17
    READ = 0x20


ANSWER: Final = 0x80
REFUSAL: Final = 0xFF


class Reason(IntEnum):
    """Why a request is refused."""

    WRONG_PHASE = 1
    TOO_EARLY = 2
    SELF_TEST_FAILED = 3
    UNKNOWN = 4
    OTHER_TERMINAL = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. ``kind`` and ``id`` 0 to 255, ``payload`` up to ``PAYLOAD_MAX`` bytes."""

    kind: int
    id: int
    payload: bytes = b""


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of ``frame`` on the wire, both delimiters included.

    Raises:
        ValueError: when the payload is longer than ``PAYLOAD_MAX``, or kind or id are not a byte.
    """
    if len(frame.payload) > PAYLOAD_MAX:
        raise ValueError(f"payload of {len(frame.payload)} bytes: split it into parts of {PAYLOAD_MAX}")
    body = bytes((VERSION, frame.kind, frame.id)) + frame.payload
    return b"\0" + _stuff(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def encode_text(text: str) -> bytes:
    """Return a string as the protocol writes it: its length in bytes, then UTF-8.

    Raises:
        ValueError: when it has more than ``TEXT_MAX`` bytes.
    """
    data = text.encode()
    if len(data) > TEXT_MAX:
        raise ValueError(f"string of {len(data)} bytes: at most {TEXT_MAX} can be sent")
    return bytes((len(data),)) + data


def is_text(payload: bytes) -> bool:
    """Whether these bytes are one string and nothing else."""
    return len(payload) > 1 and payload[0] == len(payload) - 1


class FrameReader:
    """Finds frames in a stream of bytes. ``discarded`` counts what was none: noise never raises."""

    def __init__(self) -> None:
        self._stuffed = bytearray()
        self._overrun = False
        self.discarded = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they come and return the frames that they complete."""
        frames = []
        *ended, rest = data.split(b"\0")
        for part in ended:
            self._gather(part)
            if self._stuffed or self._overrun:
                frame = None if self._overrun else _parse(bytes(self._stuffed))
                if frame is None:
                    self.discarded += 1
                else:
                    frames.append(frame)
            self._stuffed.clear()
            self._overrun = False
        self._gather(rest)
        return frames

    def _gather(self, part: bytes) -> None:
        if len(self._stuffed) + len(part) > _STUFFED_MAX:
            self._overrun = True
            self._stuffed.clear()
        if not self._overrun:
            self._stuffed += part


def _parse(stuffed: bytes) -> Frame | None:
    """Return the frame, or None when COBS, length, CRC or version are wrong."""
    data = _unstuff(stuffed)
    if data is None or not _HEAD + _CRC <= len(data) <= _HEAD + PAYLOAD_MAX + _CRC:
        return None
    body = data[:-_CRC]
    if struct.pack("<I", zlib.crc32(body)) != data[-_CRC:] or body[0] != VERSION:
        return None
    return Frame(body[1], body[2], body[_HEAD:])


def _stuff(data: bytes) -> bytes:
    """COBS: every zero byte replaced by the distance to the next one; runs of 254 need no zero after them."""
    out = bytearray()
    runs = data.split(b"\0")
    for number, run in enumerate(runs):
        left = run
        while len(left) > _GROUP:
            out.append(_GROUP + 1)
            out += left[:_GROUP]
            left = left[_GROUP:]
        out.append(len(left) + 1)
        out += left
        if len(left) == _GROUP and number < len(runs) - 1:
            out.append(
                1
            )  # the code 255 stands for no zero: the zero that ends this run is told by a code of 1
    return bytes(out)


def _unstuff(stuffed: bytes) -> bytes | None:
    """Undo ``_stuff``; None when a code points past the end. An empty group after the last full one is allowed."""
    out = bytearray()
    at = 0
    while at < len(stuffed):
        code = stuffed[at]
        group = stuffed[at + 1 : at + code]
        if code == 0 or len(group) != code - 1:
            return None
        out += group
        at += code
        if code <= _GROUP and at < len(stuffed):
            out.append(0)
    return bytes(out)
