"""A voting terminal without input or output: bytes of the serial protocol in, bytes out. Time is an argument.

What a real terminal keeps over a power cut is in one plain dict, ``durable``; everything else is lost in ``reboot``.
Nothing in it is ordered or timed per vote: it holds counts alone.
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, TypedDict

from crypto import rfc3339
from crypto.codec import b64
from crypto.errors import EvidenceError
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
    is_text,
)
from simulators.devices.urn import ContestCount, cast_one, cast_rest, voters_of
from simulators.results import StationContest
from simulators.stand.model import CommandError

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

_DIGITS_MAX: Final = 9  # of a number of voters in a script
_HELLO: Final = struct.Struct("<I")
_READ: Final = struct.Struct("<BIH")
_READ_HEAD: Final = struct.Struct("<BI")
COVER_OPEN, TAMPERED = 0x01, 0x02  # bits of the switches in STATUS
COUNTER_MS: Final = 15 * 60 * 1000  # how often the number in STATUS is renewed while people vote
READ_MAX: Final = PAYLOAD_MAX - _READ_HEAD.size  # bytes of a report that fit in one answer


class TerminalDurable(TypedDict):
    """What survives a power cut. JSON can carry it."""

    phase: TerminalPhase
    close_no: int
    public_counter: int
    counted: dict[str, ContestCount]
    shown: int
    """The public counter as STATUS tells it: coarse while people vote."""
    shown_at_ms: int
    """Wall clock of its last renewal."""
    tampered: bool
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
    cover_open: bool = False


class TerminalModel:
    """One terminal. ``truth`` is what its voters will have cast by the end, for exactly the contests of ``setup``.

    A ``simulators.stand.model.DeviceModel``. Its wall clock is the monotonic one plus ``wall_offset_ms``. ``durable``
    resumes from an earlier model's; ``seed`` seeds ``noise``, which spoils the line in both directions while its chance
    is above 0, and the voters that a script sends. Raises ValueError when ``truth`` and ``setup`` do not fit.
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
        seed: int = 0,
        wall_offset_ms: int = 0,
    ) -> None:
        _check_truth(setup, truth)
        self.setup: Final = setup
        self.boot_id = boot_id
        self.faults: Final = TerminalFaults()
        self.noise: Final = LineNoise(seed)
        self.wall_offset_ms = wall_offset_ms
        self.durable: Final = _blank_durable(setup) if durable is None else durable
        self._key: Final = key
        self._truth: Final = truth
        self._voters: Final = voters_of(truth)
        self._dishonest: Final = tuple(dishonest)
        self._voter: Final = Random(f"{seed}/voters")
        self._reader = FrameReader()

    # --- the line ----------------------------------------------------------------------------------------------

    @property
    def discarded(self) -> int:
        """Frames since the last boot that were thrown away as noise."""
        return self._reader.discarded

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the line and return what the terminal sends."""
        self.tick(now_ms)
        if self.faults.deaf:
            return b""
        wall_ms = now_ms + self.wall_offset_ms
        frames = self._reader.feed(self.noise.spoil(data))
        answers = b"".join(
            encode_frame(self._answer(frame, wall_ms)) for frame in frames if frame.kind < ANSWER
        )
        return b"" if self.faults.mute else self.noise.spoil(answers)

    def tick(self, now_ms: int) -> bytes:
        """Renew the number that STATUS shows, where it is time. A terminal never speaks unasked."""
        wall_ms = now_ms + self.wall_offset_ms
        if self.durable["phase"] == "open" and self.durable["shown_at_ms"] + COUNTER_MS <= wall_ms:
            self._show(wall_ms)
        return b""

    def wake_at(self) -> int | None:
        """When the number is renewed next; None while nobody can vote."""
        if self.durable["phase"] != "open":
            return None
        return self.durable["shown_at_ms"] + COUNTER_MS - self.wall_offset_ms

    def reboot(self, boot_id: int) -> None:
        """Lose everything but ``durable``. ``boot_id`` (0 to 2**32 - 1) must differ from the one before."""
        self.boot_id = boot_id
        self._reader = FrameReader()

    # --- scripts -----------------------------------------------------------------------------------------------

    commands: Final[Mapping[str, str]] = {
        "vote N": "so many voters vote, as far as the terminal is open and voters are left",
        "vote all": "everyone votes who has not",
        "cover open | cover closed": "somebody opens or closes the cover",
        "tamper": "the tamper switch trips, for good",
        "reboot": "power is lost and comes back; what is durable survives",
        "self-test fails | self-test passes": "what the self-test will find",
        "break | mend": "the terminal cannot vouch for its counts any more (phase fault), or can again",
        "clock RFC3339": "sets the terminal's clock, as in: clock 2027-06-18T14:10:00.000Z",
        "phase": "tells the phase",
    }

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """Obey a script; raises CommandError."""
        self.tick(now_ms)
        match list(words):
            case ["vote", "all"]:
                return f"{self.cast_all()} voted"
            case ["vote", number] if number.isdecimal() and len(number) <= _DIGITS_MAX:
                voted = sum(self.cast(self._voter) for _ in range(min(int(number), self._voters)))
                return f"{voted} voted"
            case ["cover", "open" | "closed" as cover]:
                self.faults.cover_open = cover == "open"
                return f"the cover is {cover}"
            case ["tamper"]:
                self.durable["tampered"] = True
                return "the tamper switch has tripped"
            case ["reboot"]:
                self.reboot((self.boot_id + 1) % 2**32)
                return f"rebooted: boot id {self.boot_id}"
            case ["self-test", "fails" | "passes" as outcome]:
                self.faults.self_test_fails = outcome == "fails"
                return f"the self-test {outcome} from now on"
            case ["break" | "mend" as what]:
                self.faults.broken = what == "break"
            case ["clock", text]:
                self._set_clock(text, now_ms)
            case ["phase"]:
                pass
            case _:
                raise CommandError(f"{' '.join(words)!r}: a terminal knows {', '.join(self.commands)}")
        return f"{self.phase}, clock {rfc3339.to_text(now_ms + self.wall_offset_ms)}"

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """What is true of it: also what no kit may learn, such as how many have voted so far."""
        self.tick(now_ms)
        return {
            "terminal": self.setup.terminal,
            "public_key": b64(self._key.public),
            "firmware": self.setup.firmware,
            "firmware_sha256": self.setup.firmware_sha256,
            "definition_sha256": self.setup.definition_sha256,
            "phase": self.phase,
            "close_no": self.durable["close_no"],
            "public_counter": self.durable["public_counter"],
            "shown_counter": self.durable["shown"],
            "voters": self._voters,
            "reports": sorted(self.durable["reports"]),
            "cover_open": self.faults.cover_open,
            "tampered": self.durable["tampered"],
            "self_test_fails": self.faults.self_test_fails,
            "broken": self.faults.broken,
            "boot_id": self.boot_id,
            "clock": rfc3339.to_text(now_ms + self.wall_offset_ms),
            "tally_not_before": rfc3339.to_text(self.setup.tally_not_before_ms),
            "discarded": self.discarded,
        }

    def _set_clock(self, text: str, now_ms: int) -> None:
        try:
            wall_ms = rfc3339.to_ms(text)
        except EvidenceError as wrong:
            raise CommandError(f"clock {text!r}: {wrong}") from wrong
        self.wall_offset_ms = wall_ms - now_ms
        # Whoever turns the clock learns nothing sooner for it: the next renewal is a whole interval away.
        self.durable["shown_at_ms"] = wall_ms

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
        if frame.kind == Kind.STATUS and not frame.payload:
            return self._status()
        if frame.kind not in (*_TABLE, Kind.SELF_TEST) or not is_text(frame.payload):
            return Reason.UNKNOWN
        if frame.payload != encode_text(self.setup.terminal):
            return Reason.OTHER_TERMINAL
        if frame.kind == Kind.SELF_TEST:
            failed = self.faults.self_test_fails or self.faults.broken
            return Reason.SELF_TEST_FAILED if failed else b"\0"
        return self._act(Kind(frame.kind), wall_ms)

    def _hello(self) -> bytes:
        return (
            struct.pack("<I", self.boot_id)
            + encode_text(self.setup.terminal)
            + encode_text(self.setup.firmware)
            + bytes.fromhex(self.setup.firmware_sha256)
            + bytes.fromhex(self.setup.definition_sha256)
        )

    def _status(self) -> bytes:
        number = PHASES.index(self.phase)
        switches = COVER_OPEN * self.faults.cover_open | TAMPERED * self.durable["tampered"]
        close_no, shown = self.durable["close_no"], self.durable["shown"]
        return struct.pack("<BHIBI", number, close_no, shown, switches, self.boot_id)

    def _show(self, wall_ms: int) -> None:
        self.durable["shown"], self.durable["shown_at_ms"] = self.durable["public_counter"], wall_ms

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
        if (kind is Kind.OPEN and before != "open") or (kind is Kind.CLOSE and before != "closed"):
            self._show(wall_ms)
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
    return {
        "phase": "idle",
        "close_no": 0,
        "public_counter": 0,
        "counted": counted,
        "shown": 0,
        "shown_at_ms": 0,
        "tampered": False,
        "reports": {},
    }


def _check_truth(setup: TerminalSetup, truth: Mapping[str, StationContest]) -> None:
    defined = {contest.id: sorted(c.code for c in contest.candidates) for contest in setup.contests}
    given = {contest_id: sorted(contest.votes) for contest_id, contest in truth.items()}
    if defined != given:
        raise ValueError(
            f"terminal {setup.terminal} of branch {setup.branch}: its ballot definition has {defined}, and the true "
            f"counts have {given}; make the manifest from the same results"
        )
