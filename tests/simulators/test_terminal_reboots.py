"""A power cut of the terminal loses nothing that it has counted, closed or signed."""

import json
from random import Random

from simulators.devices.terminal import TerminalDurable
from simulators.devices.terminal_wire import Frame, FrameReader, Kind, encode_frame, encode_text
from tests.simulators.terminal_asker import (
    EVENING,
    TERMINAL,
    VOTERS,
    ask,
    close_day,
    do,
    fetch,
    make_terminal,
)


def test_counts_and_phase_survive_and_the_boot_id_tells() -> None:
    model = make_terminal(boot_id=5)
    do(model, Kind.ZERO, Kind.OPEN)
    for _ in range(10):
        assert model.cast(Random(1))
    before = do(model, Kind.STATUS)
    model.reboot(6)
    after = do(model, Kind.STATUS)
    assert before[:8] == after[:8]
    assert (before[8:], after[8:]) == (b"\5\0\0\0", b"\6\0\0\0")
    assert model.cast_progress == (10, VOTERS)
    assert model.cast_all() == VOTERS - 10


def test_half_a_frame_is_lost() -> None:
    model = make_terminal()
    frame = encode_frame(Frame(Kind.STATUS, 1))
    assert model.feed(frame[:4], 0) == b""
    model.reboot(2)
    assert model.feed(frame[4:], 0) == b""
    assert model.discarded == 1
    assert ask(model, Kind.STATUS).kind == Kind.STATUS | 0x80


def test_reports_are_the_same_bytes_after_a_reboot() -> None:
    model = make_terminal()
    close_day(model)
    before = [fetch(model, kind) for kind in (Kind.ACCOUNT, Kind.TALLY)]
    model.reboot(2)
    assert [fetch(model, kind) for kind in (Kind.ACCOUNT, Kind.TALLY)] == before


def test_state_carried_by_a_file_goes_on_where_it_stopped() -> None:
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN)
    for _ in range(30):
        model.cast(Random(2))
    durable: TerminalDurable = json.loads(json.dumps(model.durable))
    other = make_terminal(boot_id=2, durable=durable)
    for terminal in (model, other):
        terminal.cast_all()
        do(terminal, Kind.CLOSE)
    assert fetch(other, Kind.TALLY) == fetch(model, Kind.TALLY)


def test_mute_terminal_acts_and_a_deaf_one_does_not() -> None:
    model = make_terminal()
    model.faults.mute = True
    assert model.feed(encode_frame(Frame(Kind.ZERO, 1, encode_text(TERMINAL))), EVENING) == b""
    model.faults.mute = False
    assert model.phase == "zeroed"
    model.faults.deaf = True
    assert model.feed(encode_frame(Frame(Kind.OPEN, 2, encode_text(TERMINAL))), EVENING) == b""
    model.faults.deaf = False
    assert model.phase == "zeroed"


def test_noise_is_the_same_for_the_same_seed_and_stops_when_told() -> None:
    def run() -> list[bytes]:
        model = make_terminal()
        model.noise.chance = 0.05
        answers = [model.feed(encode_frame(Frame(Kind.STATUS, 1 + n)), 0) for n in range(60)]
        model.noise.chance = 0.0
        model.feed(b"\0", 0)
        assert ask(model, Kind.STATUS).kind == Kind.STATUS | 0x80
        return answers

    first = run()
    assert first == run()
    understood = [frame for answer in first for frame in FrameReader().feed(answer)]
    assert 0 < len(understood) < 60
    assert all(frame.kind == Kind.STATUS | 0x80 for frame in understood)
