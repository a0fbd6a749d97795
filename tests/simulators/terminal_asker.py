"""Whoever is at the kit's end of the terminal line in these tests, and an election for the terminal to count in."""

import hashlib
import struct
from collections.abc import Sequence
from typing import Final

from crypto import reports
from crypto.statements import BallotAccount, Tally, ZeroReport
from simulators.devices.terminal import TerminalDurable, TerminalModel
from simulators.devices.terminal_reports import Dishonesty, TerminalSetup
from simulators.devices.terminal_wire import Frame, FrameReader, Kind, encode_frame, encode_text
from simulators.results import StationContest
from tests.crypto.election_fixture import COUNCIL, MAYOR, make_election

BRANCH: Final = "branch-1"
TERMINAL: Final = "terminal-1-1"
ELECTION: Final = make_election(branches=1)
SETUP: Final = TerminalSetup.of(ELECTION.loaded, branch=BRANCH, terminal=TERMINAL)
EVENING: Final = SETUP.tally_not_before_ms  # wall clock, ms

TRUTH: Final = {
    COUNCIL: StationContest(
        "council_party_list", {"2": 12, "5": 20, "41": 48}, valid=80, invalid=3, signed_for=85, received=200
    ),
    MAYOR: StationContest("mayor", {"02": 39, "2": 40}, valid=79, invalid=1, signed_for=79, received=200),
}
VOTERS: Final = 83


def make_terminal(
    *, boot_id: int = 1, dishonest: Sequence[Dishonesty] = (), durable: TerminalDurable | None = None
) -> TerminalModel:
    key = ELECTION.terminals[TERMINAL]
    return TerminalModel(SETUP, key, TRUTH, boot_id=boot_id, dishonest=dishonest, durable=durable)


def ask(
    model: TerminalModel,
    kind: int,
    payload: bytes | None = None,
    *,
    frame_id: int = 9,
    wall_ms: int = EVENING,
) -> Frame:
    """Ask once and return the one answer. An action is addressed to the terminal unless there is a ``payload``."""
    if payload is None:
        payload = encode_text(TERMINAL) if Kind.SELF_TEST <= kind <= Kind.TALLY else b""
    (answer,) = FrameReader().feed(model.feed(encode_frame(Frame(kind, frame_id, payload)), wall_ms))
    assert answer.id == frame_id
    return answer


def do(model: TerminalModel, *kinds: Kind) -> bytes:
    """Carry out commands that must succeed; returns the payload of the last answer."""
    payload = b""
    for kind in kinds:
        answer = ask(model, kind)
        assert answer.kind == kind | 0x80, f"{kind.name} was refused: {answer.payload.hex()}"
        payload = answer.payload
    return payload


def fetch(model: TerminalModel, kind: Kind, *, step: int = 1000) -> bytes:
    """Have a report made and read it in parts."""
    _, length, digest = struct.unpack("<HI32s", do(model, kind))
    report = b""
    while len(report) < length:
        answer = ask(model, Kind.READ, struct.pack("<BIH", kind, len(report), step))
        assert answer.kind == Kind.READ | 0x80
        assert struct.unpack("<BI", answer.payload[:5]) == (kind, len(report))
        assert 1 <= len(answer.payload) - 5 <= step
        report += answer.payload[5:]
    assert hashlib.sha256(report).digest() == digest
    return report


def close_day(model: TerminalModel) -> None:
    """A day from the zero report to close, on which everyone votes."""
    do(model, Kind.ZERO, Kind.OPEN)
    model.cast_all()
    do(model, Kind.CLOSE)


def zero_of(report: bytes) -> ZeroReport:
    return reports.check_report(report, ELECTION.loaded, branch=BRANCH, terminal=TERMINAL, kind="zero")


def account_of(report: bytes) -> BallotAccount:
    return reports.check_report(report, ELECTION.loaded, branch=BRANCH, terminal=TERMINAL, kind="account")


def tally_of(report: bytes) -> Tally:
    return reports.check_report(report, ELECTION.loaded, branch=BRANCH, terminal=TERMINAL, kind="tally")
