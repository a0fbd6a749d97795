"""A simulated terminal at the end of a line without bytes: asks the model, and says what the driver would say."""

import struct
from collections import deque
from typing import Final

from drivers.ports import TerminalAction, TerminalDone, TerminalIdentity, TerminalRefused, TerminalUp
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_wire import ANSWER, Frame, FrameReader, Kind, encode_frame, encode_text

KINDS: Final[dict[TerminalAction, Kind]] = {
    "self-test": Kind.SELF_TEST,
    "zero": Kind.ZERO,
    "open": Kind.OPEN,
    "suspend": Kind.SUSPEND,
    "resume": Kind.RESUME,
    "close": Kind.CLOSE,
    "account": Kind.ACCOUNT,
    "tally": Kind.TALLY,
}
REASONS: Final = {1: "wrong-phase", 2: "too-early", 3: "self-test-failed", 4: "unknown"}
CHUNK: Final = 1000  # bytes of a report read at once


class Line:
    """One terminal and the driver before it: a queue of actions that outlives a lost session."""

    def __init__(self, model: TerminalModel) -> None:
        self.model = model
        self.connected = True
        self.queue: deque[TerminalAction] = deque()
        self.asked: list[TerminalAction] = []

    def request(self, action: TerminalAction) -> None:
        """As the driver does: a second request for a queued action is dropped."""
        if action not in self.queue:
            self.queue.append(action)

    def up(self) -> TerminalUp:
        """What the driver says when a session stands."""
        setup = self.model.setup
        return TerminalUp(
            TerminalIdentity(
                setup.terminal,
                setup.firmware,
                self.model.boot_id,
                setup.definition_sha256,
                setup.firmware_sha256,
            )
        )

    def carry_out(self, wall_ms: int) -> TerminalDone | TerminalRefused:
        """Carry out the oldest queued action."""
        action = self.queue.popleft()
        self.asked.append(action)
        kind = KINDS[action]
        answer = self._ask(kind, encode_text(self.model.setup.terminal), wall_ms)
        if answer.kind != kind | ANSWER:
            return TerminalRefused(action, REASONS[answer.payload[1]])
        if action == "self-test":
            return TerminalDone(action, self.model.durable["close_no"], None)
        (close_no,) = struct.unpack("<H", answer.payload[:2])
        if action not in ("zero", "account", "tally"):
            return TerminalDone(action, close_no, None)
        (length,) = struct.unpack("<I", answer.payload[2:6])
        report = b""
        while len(report) < length:
            part = self._ask(Kind.READ, struct.pack("<BIH", kind, len(report), CHUNK), wall_ms)
            report += part.payload[5:]
        return TerminalDone(action, close_no, report)

    def _ask(self, kind: Kind, payload: bytes, wall_ms: int) -> Frame:
        (answer,) = FrameReader().feed(self.model.feed(encode_frame(Frame(kind, 9, payload)), wall_ms))
        return answer
