"""What the frames of the terminal protocol say: requests to payloads, payloads to answers. docs/terminal-protocol.md.

All integers are little endian. An answer with bytes missing or left over is refused: a new layout gets a new version.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from drivers.errors import AnswerError
from drivers.ports import TerminalAction, TerminalIdentity, TerminalPhase, TerminalStatus
from drivers.terminal.frames import PAYLOAD_MAX

HELLO: Final = 0x01
STATUS: Final = 0x02
READ: Final = 0x20
ACTIONS: Final[dict[TerminalAction, int]] = {
    "self-test": 0x10,
    "zero": 0x11,
    "open": 0x12,
    "suspend": 0x13,
    "resume": 0x14,
    "close": 0x15,
    "account": 0x16,
    "tally": 0x17,
}
REPORTS: Final[frozenset[TerminalAction]] = frozenset({"zero", "account", "tally"})
"""The actions that make a signed report, which READ then fetches."""
ANSWER: Final = 0x80  # set in the kind of an answer
REFUSAL: Final = 0xFF

NAMES: Final[dict[int, str]] = {HELLO: "HELLO", STATUS: "STATUS", READ: "READ"} | {
    kind: action.upper().replace("-", "_") for action, kind in ACTIONS.items()
}

Reason = Literal["wrong-phase", "too-early", "self-test-failed", "unknown", "other-terminal"]

PHASES: Final[tuple[TerminalPhase, ...]] = get_args(TerminalPhase)
"""Phases in the order of their numbers on the wire, from 0."""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
"""Reasons of a refusal in the order of their numbers on the wire, from 1."""

REPORT_MAX: Final = 192 * 1024  # bytes of one signed report
_CHUNK: Final = struct.Struct("<BI")
CHUNK_MAX: Final = PAYLOAD_MAX - _CHUNK.size  # bytes of a report that one READ answer carries: 1019

_STATUS: Final = struct.Struct("<BHIBI")
_COVER_OPEN: Final = 0x01  # bits of the switches in STATUS
_TAMPERED: Final = 0x02
_CLOSE_NO: Final = struct.Struct("<H")
_REPORT: Final = struct.Struct("<HI32s")
_REFUSAL: Final = struct.Struct("<BB")
_READ: Final = struct.Struct("<BIH")
_BOOT_ID: Final = struct.Struct("<I")
_SHA256: Final = 32  # bytes
TEXT_MAX: Final = 255  # bytes of UTF-8 in one string


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """STATUS: ``boot_id`` tells whether the terminal has rebooted since HELLO."""

    status: TerminalStatus
    boot_id: int


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """ZERO, ACCOUNT and TALLY: a report of ``length`` bytes (1 to REPORT_MAX) with this SHA-256 waits to be read."""

    close_no: int
    length: int
    sha256: bytes


def hello(session: int) -> bytes:
    """Payload of HELLO; ``session`` 0 to 2**32-1."""
    return session.to_bytes(4, "little")


def address(terminal_id: str) -> bytes:
    """Payload of every action: the terminal that it is for (1 to 255 bytes of UTF-8), so that no other follows it.

    Raises:
        ValueError: the id is empty or too long.
    """
    data = terminal_id.encode()
    if not 1 <= len(data) <= TEXT_MAX:
        raise ValueError(f"terminal id of {len(data)} bytes: 1 to {TEXT_MAX} are allowed")
    return bytes((len(data),)) + data


def read(report: int, offset: int, length: int) -> bytes:
    """Payload of READ: ``length`` (1 to CHUNK_MAX) bytes of the report that the request kind ``report`` made."""
    return _READ.pack(report, offset, length)


def parse_hello(payload: bytes) -> TerminalIdentity:
    """Answer to HELLO; raises AnswerError."""
    boot_id = _unpack(_BOOT_ID, payload[: _BOOT_ID.size], "boot_id")[0]
    terminal_id, at = _text(payload, _BOOT_ID.size, "terminal_id")
    firmware, at = _text(payload, at, "firmware")
    if len(payload) - at != 2 * _SHA256:
        raise AnswerError(
            f"firmware and definition sha256 of {len(payload) - at} bytes instead of {2 * _SHA256}"
        )
    return TerminalIdentity(
        terminal_id=terminal_id,
        firmware=firmware,
        boot_id=boot_id,
        definition_sha256=payload[at + _SHA256 :].hex(),
        firmware_sha256=payload[at : at + _SHA256].hex(),
    )


def parse_status(payload: bytes) -> StatusAnswer:
    """Answer to STATUS; raises AnswerError."""
    phase, close_no, public_counter, switches, boot_id = _unpack(_STATUS, payload, "status")
    if phase >= len(PHASES):
        raise AnswerError(f"phase {phase}: 0 to {len(PHASES) - 1} are known")
    if switches & ~(_COVER_OPEN | _TAMPERED):
        raise AnswerError(f"switches 0x{switches:02x}: only cover (0x01) and tamper (0x02) are known")
    status = TerminalStatus(
        phase=PHASES[phase],
        close_no=close_no,
        public_counter=public_counter,
        cover_open=bool(switches & _COVER_OPEN),
        tampered=bool(switches & _TAMPERED),
    )
    return StatusAnswer(status=status, boot_id=boot_id)


def parse_self_test(payload: bytes) -> None:
    """Answer to SELF_TEST, which says nothing but "passed"; raises AnswerError."""
    if payload != b"\x00":
        raise AnswerError("self-test answer is not the one byte 0 (passed)")


def parse_close_no(payload: bytes) -> int:
    """Answer to OPEN, SUSPEND, RESUME and CLOSE; raises AnswerError."""
    return int(_unpack(_CLOSE_NO, payload, "close_no")[0])


def parse_report(payload: bytes) -> ReportAnswer:
    """Answer to ZERO, ACCOUNT and TALLY; raises AnswerError."""
    close_no, length, sha256 = _unpack(_REPORT, payload, "report")
    if not 1 <= length <= REPORT_MAX:
        raise AnswerError(f"report of {length} bytes: 1 to {REPORT_MAX} are allowed")
    return ReportAnswer(close_no=close_no, length=length, sha256=sha256)


def parse_chunk(payload: bytes, report: int, offset: int, length: int) -> bytes:
    """Answer to READ: at least one and at most ``length`` bytes of what was asked for; raises AnswerError."""
    if _unpack(_CHUNK, payload[: _CHUNK.size], "chunk") != (report, offset):
        raise AnswerError(f"chunk is not of report 0x{report:02x} at offset {offset}")
    chunk = payload[_CHUNK.size :]
    if not 1 <= len(chunk) <= length:
        raise AnswerError(f"chunk of {len(chunk)} bytes: 1 to {length} were asked for")
    return chunk


def parse_refusal(payload: bytes, kind: int) -> Reason:
    """Why a request of this kind was refused; raises AnswerError, also where another kind was refused."""
    refused, reason = _unpack(_REFUSAL, payload, "refusal")
    if refused != kind:
        raise AnswerError(f"refusal of kind 0x{refused:02x} under the id of kind 0x{kind:02x}")
    if not 1 <= reason <= len(REASONS):
        raise AnswerError(f"refusal for reason {reason}: 1 to {len(REASONS)} are known")
    return REASONS[int(reason) - 1]


def _unpack(layout: struct.Struct, data: bytes, field: str) -> tuple[Any, ...]:
    if len(data) != layout.size:
        raise AnswerError(f"{field} of {len(data)} bytes instead of {layout.size}")
    return layout.unpack(data)


def _text(payload: bytes, at: int, field: str) -> tuple[str, int]:
    """A string (u8 length, UTF-8) of printable characters, and where the next field begins."""
    length = payload[at] if at < len(payload) else 0
    raw = payload[at + 1 : at + 1 + length]
    try:
        text = raw.decode()
    except UnicodeDecodeError as wrong:
        raise AnswerError(f"{field} is not UTF-8") from wrong
    if not length or len(raw) != length or not text.isprintable():
        raise AnswerError(f"{field} is empty, cut off or not printable")
    return text, at + 1 + length
