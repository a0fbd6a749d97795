"""A voting terminal without input or output: bytes of the serial protocol in, bytes out. Time is an argument.

What a real terminal keeps over a power cut is in one plain dict, ``durable``; everything else is lost in ``reboot``.
Nothing in it is ordered or timed per vote: it holds counts alone.
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypedDict

from crypto.identity import SigningKey
from drivers.ports import TerminalPhase
from simulators.devices import terminal_reports
from simulators.devices.noise import LineNoise
from simulators.devices.terminal_reports import Dishonesty, TerminalSetup
from simulators.devices.terminal_wire import (
    ANSWER,
    PAYLOAD_MAX,
    REFUSAL,
    Frame,
    FrameReader,
    Kind,
    Reason,
    encode_frame,
    encode_text,
)
from simulators.devices.urn import ContestCount, cast_one, cast_rest, voters_of
from simulators.results import StationContest

PHASES: Final[tuple[TerminalPhase, ...]] = (
    *("idle", "zeroed", "open", "suspended", "closed", "tallied", "fault"),
)
"""By their number on the wire."""

# Where a command is allowed, and where it leads (None: nowhere).
_TABLE: Final[Mapping[Kind, tuple[tuple[TerminalPhase, ...], TerminalPhase | None]]] = {
    Kind.ZERO: (("idle", "zeroed"), "zeroed"),
    Kind.OPEN: (("zeroed", "open", "closed"), "open"),
    Kind.SUSPEND: (("open", "suspended"), "suspended"),
    Kind.RESUME: (("suspended", "open"), "open"),
    Kind.CLOSE: (("zeroed", "open", "suspended", "closed"), "closed"),
    Kind.ACCOUNT: (("closed", "tallied"), None),
    Kind.TALLY: (("closed", "tallied"), "tallied"),
}
_REPORTS: Final = (Kind.ZERO, Kind.ACCOUNT, Kind.TALLY)

_HELLO: Final = struct.Struct("<I")
_READ: Final = struct.Struct("<BIH")
_READ_HEAD: Final = struct.Struct("<BI")
READ_MAX: Final = PAYLOAD_MAX - _READ_HEAD.size  # bytes of a report that fit in one answer


class TerminalDurable(TypedDict):
    """What survives a power cut. JSON can carry it."""

    phase: TerminalPhase
    close_no: int
    public_counter: int
    counted: dict[str, ContestCount]
    reports: dict[str, str]
    """Signed envelopes by the name of the command that made them: the same bytes ever after."""


@dataclass(slots=True)
class TerminalFaults:
    """What is wrong with the terminal right now; change it at any time."""

    mute: bool = False
    """Hears and acts, and its answers are lost."""
    deaf: bool = False
    """Hears nothing: unplugged, off, or hung."""
    self_test_fails: bool = False
    broken: bool = False
    """Reports phase ``fault`` and refuses every command."""


class TerminalModel:
    """One terminal. ``truth`` is what its voters will have cast by the end, for exactly the contests of ``setup``.

    ``durable`` resumes from an earlier model's; ``noise_seed`` seeds ``noise``, which spoils the line in both
    directions while its chance is above 0. Raises ValueError when ``truth`` and ``setup`` do not fit each other.
    """

    def __init__(
        self,
        setup: TerminalSetup,
        key: SigningKey,
        truth: Mapping[str, StationContest],
        *,
        boot_id: int,
        dishonest: Sequence[Dishonesty] = (),
        durable: TerminalDurable | None = None,
        noise_seed: int = 0,
    ) -> None:
        _check_truth(setup, truth)
        self.setup: Final = setup
        self.boot_id = boot_id
        self.faults: Final = TerminalFaults()
        self.noise: Final = LineNoise(noise_seed)
        self.durable: Final = _blank_durable(setup) if durable is None else durable
        self._key: Final = key
        self._truth: Final = truth
        self._voters: Final = voters_of(truth)
        self._dishonest: Final = tuple(dishonest)
        self._reader = FrameReader()

    # --- the line ----------------------------------------------------------------------------------------------

    @property
    def discarded(self) -> int:
        """Frames since the last boot that were thrown away as noise."""
        return self._reader.discarded

    def feed(self, data: bytes, wall_ms: int) -> bytes:
        """Take bytes from the line and return what the terminal sends. ``wall_ms``: its clock, ms since the epoch."""
        if self.faults.deaf:
            return b""
        frames = self._reader.feed(self.noise.spoil(data))
        answers = b"".join(
            encode_frame(self._answer(frame, wall_ms)) for frame in frames if frame.kind < ANSWER
        )
        return b"" if self.faults.mute else self.noise.spoil(answers)

    def reboot(self, boot_id: int) -> None:
        """Lose everything but ``durable``. ``boot_id`` (0 to 2**32 - 1) must differ from the one before."""
        self.boot_id = boot_id
        self._reader = FrameReader()

    # --- the voters --------------------------------------------------------------------------------------------

    @property
    def phase(self) -> TerminalPhase:
        """What STATUS tells."""
        return "fault" if self.faults.broken else self.durable["phase"]

    @property
    def cast_progress(self) -> tuple[int, int]:
        """Voters who have voted, and voters of the day."""
        return self.durable["public_counter"], self._voters

    def cast(self, rng: Random) -> bool:
        """Let one voter vote; False when the terminal is not open, or everyone has voted."""
        left = self._voters - self.durable["public_counter"]
        if self.phase != "open" or left == 0:
            return False
        cast_one(self._truth, self.durable["counted"], left, rng)
        self.durable["public_counter"] += 1
        return True

    def cast_all(self) -> int:
        """Let everyone vote who has not; returns how many did (0 when the terminal is not open)."""
        left = self._voters - self.durable["public_counter"]
        if self.phase != "open":
            return 0
        cast_rest(self._truth, self.durable["counted"])
        self.durable["public_counter"] = self._voters
        return left

    # --- the protocol ------------------------------------------------------------------------------------------

    def _answer(self, frame: Frame, wall_ms: int) -> Frame:
        payload = self._dispatch(frame, wall_ms)
        if isinstance(payload, Reason):
            return Frame(REFUSAL, frame.id, bytes((frame.kind, payload)))
        return Frame(frame.kind | ANSWER, frame.id, payload)

    def _dispatch(self, frame: Frame, wall_ms: int) -> bytes | Reason:
        if frame.kind == Kind.HELLO and len(frame.payload) == _HELLO.size:
            return self._hello()
        if frame.kind == Kind.READ and len(frame.payload) == _READ.size:
            return self._read(*_READ.unpack(frame.payload))
        if frame.payload:
            return Reason.UNKNOWN
        if frame.kind == Kind.STATUS:
            return self._status()
        if frame.kind == Kind.SELF_TEST:
            failed = self.faults.self_test_fails or self.faults.broken
            return Reason.SELF_TEST_FAILED if failed else b"\0"
        if frame.kind in _TABLE:
            return self._act(Kind(frame.kind), wall_ms)
        return Reason.UNKNOWN

    def _hello(self) -> bytes:
        return (
            struct.pack("<I", self.boot_id)
            + encode_text(self.setup.terminal)
            + encode_text(self.setup.firmware)
            + bytes.fromhex(self.setup.definition_sha256)
        )

    def _status(self) -> bytes:
        number = PHASES.index(self.phase)
        return struct.pack(
            "<BHII", number, self.durable["close_no"], self.durable["public_counter"], self.boot_id
        )

    def _act(self, kind: Kind, wall_ms: int) -> bytes | Reason:
        allowed, leads_to = _TABLE[kind]
        before = self.phase
        if before not in allowed:
            return Reason.WRONG_PHASE
        if kind is Kind.OPEN and before == "closed" and self._accounted:
            return Reason.WRONG_PHASE
        if kind is Kind.TALLY and before == "closed" and wall_ms < self.setup.tally_not_before_ms:
            return Reason.TOO_EARLY
        if kind is Kind.CLOSE and before != "closed":
            self.durable["close_no"] += 1
        if kind in _REPORTS and kind.name not in self.durable["reports"]:
            self.durable["reports"][kind.name] = self._render(kind).decode()
        if leads_to is not None:
            self.durable["phase"] = leads_to
        answer = struct.pack("<H", self.durable["close_no"])
        if kind in _REPORTS:
            report = self.durable["reports"][kind.name].encode()
            answer += struct.pack("<I", len(report)) + hashlib.sha256(report).digest()
        return answer

    @property
    def _accounted(self) -> bool:
        """Whether account or tally was given: after that nobody may vote any more."""
        return not {Kind.ACCOUNT.name, Kind.TALLY.name}.isdisjoint(self.durable["reports"])

    def _render(self, kind: Kind) -> bytes:
        if kind is Kind.ZERO:
            return terminal_reports.zero_report(self.setup, self._key)
        render = terminal_reports.tally if kind is Kind.TALLY else terminal_reports.ballot_account
        return render(
            self.setup,
            self._key,
            self.durable["counted"],
            public_counter=self.durable["public_counter"],
            close_no=self.durable["close_no"],
            dishonest=self._dishonest,
        )

    def _read(self, report_kind: int, offset: int, length: int) -> bytes | Reason:
        """Part of a report. It is shorter than asked for where the report ends, or the frame is full."""
        if report_kind not in _REPORTS or not 1 <= length <= PAYLOAD_MAX:
            return Reason.UNKNOWN
        report = self.durable["reports"].get(Kind(report_kind).name, "").encode()
        if offset >= len(report):
            return Reason.UNKNOWN
        return _READ_HEAD.pack(report_kind, offset) + report[offset : offset + min(length, READ_MAX)]


def _blank_durable(setup: TerminalSetup) -> TerminalDurable:
    counted: dict[str, ContestCount] = {
        contest.id: {"votes": {candidate.code: 0 for candidate in contest.candidates}, "invalid": 0}
        for contest in setup.contests
    }
    return {"phase": "idle", "close_no": 0, "public_counter": 0, "counted": counted, "reports": {}}


def _check_truth(setup: TerminalSetup, truth: Mapping[str, StationContest]) -> None:
    defined = {contest.id: sorted(c.code for c in contest.candidates) for contest in setup.contests}
    given = {contest_id: sorted(contest.votes) for contest_id, contest in truth.items()}
    if defined != given:
        raise ValueError(
            f"terminal {setup.terminal} of branch {setup.branch}: its ballot definition has {defined}, and the true "
            f"counts have {given}; make the manifest from the same results"
        )
