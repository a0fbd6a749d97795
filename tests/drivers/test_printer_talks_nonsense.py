"""Bytes to and from a printer, split anywhere, with noise between them; every state of its sensors."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ports import Band, PrinterStatus
from drivers.printer import encode
from drivers.printer.dialogue import PrinterDialogue
from drivers.printer.status import (
    CONFIRM,
    QUERIES,
    Confirmed,
    PrinterAnswerError,
    Query,
    RealTime,
    parse,
    question,
    status_of,
)
from simulators.devices.printer import make_printer

NOISE = [byte for byte in range(256) if byte & 0x93 != 0x12 and byte & 0x90 != 0]


@st.composite
def pictures(draw: st.DrawFn) -> Band:
    stride, height = draw(st.integers(1, 9)), draw(st.integers(1, 255))
    seed = draw(st.binary(min_size=1, max_size=64))
    return Band(8 * stride, height, (seed * (stride * height // len(seed) + 1))[: stride * height])


@given(pictures(), st.lists(st.integers(1, 400), min_size=1))
def test_picture_differs_on_paper(picture: Band, sizes: list[int]) -> None:
    """In bites of any size, with time to print between them."""
    model = make_printer(width_dots=72, rows_per_s=100_000)
    data, at, now = encode.begin() + encode.band(picture) + CONFIRM, 0, 0
    answers = b""
    while at < len(data):
        for size in sizes:
            answers += model.feed(data[at : at + size], now)
            at, now = at + size, now + 100
    answers += model.tick(now)
    rows = encode._without_commands(picture.rows)
    stride = picture.width // 8
    printed = b"".join(row[:stride] for row in model.paper.hanging)
    assert printed == rows
    assert [parse(byte) for byte in answers] == [Confirmed(paper_out=False)]
    assert (model.unknown, model.lost_bytes) == (0, 0)


@given(st.binary(max_size=300))
def test_command_stays_in_a_picture(rows: bytes) -> None:
    cleaned = encode._without_commands(rows)
    assert not any(command in cleaned for command in (b"\x10\x04", b"\x10\x05", b"\x10\x14"))
    assert len(cleaned) == len(rows)
    assert all(new & old == old for new, old in zip(cleaned, rows, strict=True)), "no dot is lost"


@pytest.mark.parametrize(("paper", "cover", "jam"), [*product(("in", "near-end", "out"), (0, 1), (0, 1))])
def test_sensors_are_misread(paper: str, cover: int, jam: int) -> None:
    model = make_printer()
    for words, wanted in ((["paper", paper], True), (["cover", "open"], cover), (["jam"], jam)):
        if wanted:
            model.command(words, 0)
    answers: dict[Query, int] = {}
    for query in QUERIES:
        (byte,) = model.feed(question(query), 0)
        assert parse(byte) == RealTime(byte)
        answers[query] = byte
    assert status_of(answers) == PrinterStatus(
        online=paper != "out" and not cover and not jam,
        paper="ok" if paper == "in" else "near-end" if paper == "near-end" else "out",
        cover_open=bool(cover),
        error=bool(jam),
    )


@pytest.mark.parametrize("byte", range(256))
def test_byte_has_two_meanings(byte: int) -> None:
    if byte in NOISE:
        with pytest.raises(PrinterAnswerError, match="baud rate"):
            parse(byte)
    else:
        assert isinstance(parse(byte), RealTime) == bool(byte & 0x10)


@given(st.lists(st.sampled_from(NOISE), max_size=20))
def test_noise_between_answers_hides_them(noise: list[int]) -> None:
    dialogue = PrinterDialogue()
    dialogue.handle_line_up(0)
    events = []
    for byte in (0x12, 0x12, 0x12, 0x12):
        for piece in (bytes(noise), bytes((byte,))):
            events += dialogue.handle_bytes(piece, 10).events
    assert events == [PrinterStatus(online=True, paper="ok", cover_open=False, error=False)]


@given(st.binary(max_size=2000))
def test_simulated_printer_chokes_on_garbage(data: bytes) -> None:
    """Whatever it is fed, it goes on, and its buffer is bounded."""
    model = make_printer(rows_per_s=100_000)
    for at in range(0, len(data), 100):
        model.feed(data[at : at + 100], at * 100)
    state = model.state(10_000_000)
    assert state["buffer_bytes"] <= 4096
