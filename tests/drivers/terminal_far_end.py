"""The other end of the terminal line, written from docs/terminal-protocol.md alone: no codec of the drivers."""

import hashlib
from collections.abc import Iterator
from typing import TypeVar

from drivers.dialogue import Step
from drivers.ports import TerminalAction, TerminalEvent
from drivers.terminal.dialogue import TerminalDialogue

E = TypeVar("E", bound=TerminalEvent)

FIRMWARE = hashlib.sha256(b"firmware").digest()
DEFINITION = hashlib.sha256(b"definition").digest()


def crc32(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def stuff(data: bytes) -> bytes:
    """COBS, byte by byte, with a placeholder that is filled in when its block ends."""
    out, code_at, code = bytearray(1), 0, 1
    for at, byte in enumerate(data):
        if byte:
            out.append(byte)
            code += 1
        if not byte or (code == 0xFF and at + 1 < len(data)):
            out[code_at] = code
            code_at, code = len(out), 1
            out.append(0)
    out[code_at] = code
    return bytes(out)


def unstuff(data: bytes) -> bytes:
    out, left, zero = bytearray(), 0, False
    for byte in data:
        if left:
            out.append(byte)
            left -= 1
        else:
            if zero:
                out.append(0)
            left, zero = byte - 1, byte != 0xFF
    return bytes(out)


def wire(kind: int, id_: int, payload: bytes = b"", *, version: int = 2) -> bytes:
    body = bytes([version, kind, id_]) + payload
    return b"\0" + stuff(body + crc32(body).to_bytes(4, "little")) + b"\0"


def heard(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, id and payload of every frame in what the kit sent."""
    for piece in data.split(b"\0"):
        if piece:
            plain = unstuff(piece)
            assert plain[0] == 2
            assert int.from_bytes(plain[-4:], "little") == crc32(plain[:-4])
            yield plain[1], plain[2], plain[3:-4]


class FarTerminal:
    """A terminal that knows the messages and the reports, but has no opinion on phases."""

    def __init__(self, boot_id: int = 7) -> None:
        self.boot_id = boot_id
        self.terminal_id = "T-1"
        self.phase = 2
        self.close_no = 1
        self.counter = 40
        self.switches = 0
        self.reports = {0x11: b"zero" * 700, 0x16: b"account", 0x17: bytes(range(256)) * 10}
        self.sha256_of: dict[int, bytes] = {}
        """Announce another hash than the right one."""
        self.refusals: dict[int, int] = {}
        """Request kind to reason."""
        self.mute = False
        self.asked: list[tuple[int, int, bytes]] = []
        """Every request heard, also while mute."""

    def kinds(self) -> list[int]:
        return [kind for kind, _, _ in self.asked]

    def hear(self, data: bytes) -> bytes:
        out = b""
        for kind, id_, payload in heard(data):
            self.asked.append((kind, id_, payload))
            if not self.mute:
                out += self.answer(kind, id_, payload)
        return out

    def answer(self, kind: int, id_: int, payload: bytes = b"") -> bytes:
        name = self.terminal_id.encode()
        if 0x10 <= kind < 0x20 and payload != bytes([len(name)]) + name:
            return wire(0xFF, id_, bytes([kind, 5]))
        if kind in self.refusals:
            return wire(0xFF, id_, bytes([kind, self.refusals[kind]]))
        return wire(kind | 0x80, id_, self._payload(kind, payload))

    def _payload(self, kind: int, payload: bytes) -> bytes:
        if kind == 0x01:
            name = self.terminal_id.encode()
            head = self.boot_id.to_bytes(4, "little") + bytes([len(name)]) + name
            return head + b"\x031.0" + FIRMWARE + DEFINITION
        if kind == 0x02:
            status = (
                bytes([self.phase]) + self.close_no.to_bytes(2, "little") + self.counter.to_bytes(4, "little")
            )
            return status + bytes([self.switches]) + self.boot_id.to_bytes(4, "little")
        if kind == 0x10:
            return b"\0"
        if kind in self.reports:
            report = self.reports[kind]
            sha256 = self.sha256_of.get(kind, hashlib.sha256(report).digest())
            return self.close_no.to_bytes(2, "little") + len(report).to_bytes(4, "little") + sha256
        if kind == 0x20:
            offset, length = int.from_bytes(payload[1:5], "little"), int.from_bytes(payload[5:7], "little")
            return payload[:5] + self.reports[payload[0]][offset : offset + length]
        return self.close_no.to_bytes(2, "little")


class Bench:
    """A dialogue and a far terminal on a table, with a clock that is turned by hand. Answers arrive at once."""

    def __init__(
        self, *, status_interval_ms: int = 10_000, session: int = 0, far: FarTerminal | None = None
    ) -> None:
        self.dialogue = TerminalDialogue("T-1", session, status_interval_ms)
        self.far = far or FarTerminal()
        self.now = 1_000
        self.events: list[TerminalEvent] = []

    def take(self, step: Step[TerminalEvent]) -> None:
        """Carry a step to the far end and its answers back, until both are silent."""
        while True:
            self.events += step.events
            if not step.send:
                return
            answer = self.far.hear(step.send)
            step = self.dialogue.handle_bytes(answer, self.now)

    def up(self) -> None:
        self.take(self.dialogue.handle_line_up(self.now))

    def request(self, action: TerminalAction) -> None:
        self.take(self.dialogue.handle_request(action, self.now))

    def hear(self, data: bytes) -> None:
        self.take(self.dialogue.handle_bytes(data, self.now))

    def advance(self, ms: int) -> None:
        """Let time pass, waking the dialogue exactly when it asks to be woken."""
        until = self.now + ms
        while (wake_at := self.dialogue.wake_at()) is not None and wake_at <= until:
            assert wake_at > self.now, "a dialogue whose deadline never passes would spin"
            self.now = wake_at
            self.take(self.dialogue.handle_tick(self.now))
        self.now = until

    def said(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
