"""Noise, splits, merges and half frames: what is sound comes through, what is not is counted, memory stays bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_far_end import stuff, unstuff, wire

from drivers.errors import FrameError
from drivers.terminal.frames import (
    FRAME_MAX,
    PAYLOAD_MAX,
    Decoder,
    Frame,
    cobs_decode,
    cobs_encode,
    decode,
    encode,
)

BYTE = st.integers(0, 255)
PAYLOAD = st.one_of(
    st.binary(max_size=300),
    # Long runs with rare zeros: where COBS blocks end.
    st.lists(st.sampled_from([b"\0", b"\x01" * 253, b"\xff" * 254, b"a" * 255]), max_size=4).map(b"".join),
)
FRAME = st.builds(Frame, kind=BYTE, id=BYTE, payload=PAYLOAD)
NOISE = st.binary(max_size=40).map(lambda noise: noise.replace(b"\0", b"\x01"))

# Cheshire & Baker's method on the examples of its usual presentation (delimiter left out).
COBS_EXAMPLES = [
    ("", "01"),
    ("00", "0101"),
    ("0000", "010101"),
    ("00110 0".replace(" ", ""), "01021101"),
    ("11220033", "0311220233"),
    ("11223344", "0511223344"),
    ("11000000", "0211010101"),
    (bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
    (bytes(range(255)).hex(), "01ff" + bytes(range(1, 255)).hex()),
    (bytes(range(1, 256)).hex(), "ff" + bytes(range(1, 255)).hex() + "02ff"),
    ((bytes(range(2, 256)) + b"\0").hex(), "ff" + bytes(range(2, 256)).hex() + "0101"),
    ((bytes(range(3, 256)) + b"\0\x01").hex(), "fe" + bytes(range(3, 256)).hex() + "0201"),
]


@pytest.mark.parametrize(("plain", "stuffed"), COBS_EXAMPLES)
def test_cobs_differs_from_the_published_examples(plain: str, stuffed: str) -> None:
    assert cobs_encode(bytes.fromhex(plain)).hex() == stuffed
    assert cobs_decode(bytes.fromhex(stuffed)).hex() == plain


@given(st.one_of(PAYLOAD, st.binary(max_size=600)))
def test_cobs_disagrees_with_another_encoder(data: bytes) -> None:
    assert cobs_encode(data) == stuff(data)
    assert b"\0" not in cobs_encode(data)
    assert cobs_decode(stuff(data)) == data == unstuff(cobs_encode(data))


@given(FRAME)
def test_frame_does_not_survive_the_round_trip(frame: Frame) -> None:
    sent = encode(frame)
    assert sent == wire(frame.kind, frame.id, frame.payload)
    assert decode(sent[1:-1]) == frame


@given(st.lists(FRAME, max_size=4), st.integers(1, 60))
def test_frames_arrive_in_pieces(frames: list[Frame], size: int) -> None:
    line = b"".join(encode(frame) for frame in frames)
    decoder = Decoder()
    got = [frame for at in range(0, len(line), size) for frame in decoder.feed(line[at : at + size])]
    assert got == frames
    assert sum(decoder.discards.values()) == 0


@given(FRAME)
def test_frame_arrives_one_byte_at_a_time(frame: Frame) -> None:
    decoder = Decoder()
    got = [out for byte in encode(frame) for out in decoder.feed(bytes([byte]))]
    assert got == [frame]


@given(st.lists(st.tuples(FRAME, NOISE), min_size=1, max_size=4))
def test_noise_between_frames(line: list[tuple[Frame, bytes]]) -> None:
    decoder = Decoder()
    got = decoder.feed(b"".join(encode(frame) + noise + b"\0" for frame, noise in line))
    assert got == [frame for frame, _ in line]
    assert sum(decoder.discards.values()) == sum(1 for _, noise in line if noise)


@given(FRAME, st.data())
def test_one_flipped_bit(frame: Frame, data: st.DataObject) -> None:
    sent = bytearray(encode(frame))
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] ^= 1 << data.draw(st.integers(0, 7))
    decoder = Decoder()
    assert frame not in decoder.feed(bytes(sent) + b"\0")
    after = Frame(1, 2, b"after")
    assert decoder.feed(encode(after)) == [after]


@given(st.lists(st.binary(max_size=2500), max_size=8))
def test_noise_without_end_fills_no_memory(noise: list[bytes]) -> None:
    decoder = Decoder()
    for data in noise:
        decoder.feed(data)
        assert len(decoder._piece) < FRAME_MAX
    good = Frame(3, 4, b"still here")
    assert decoder.feed(b"\0" + encode(good))[-1] == good


def test_megabyte_without_delimiter_counts_as_one_discard() -> None:
    decoder = Decoder()
    for _ in range(256):
        assert decoder.feed(b"\xaa" * 4096) == []
        assert len(decoder._piece) < FRAME_MAX
    assert decoder.feed(b"\0") == []
    assert decoder.discards == {"cobs": 0, "length": 1, "crc": 0, "version": 0}


def test_largest_frame_is_exactly_the_limit() -> None:
    largest = Frame(255, 255, b"\xff" * PAYLOAD_MAX)
    assert len(encode(largest)) == FRAME_MAX == 1038
    assert Decoder().feed(encode(largest)) == [largest]


def test_payload_over_the_limit() -> None:
    with pytest.raises(ValueError, match="1025 bytes: a frame carries at most 1024"):
        encode(Frame(1, 1, bytes(PAYLOAD_MAX + 1)))
    decoder = Decoder()
    assert decoder.feed(wire(1, 1, bytes(PAYLOAD_MAX + 1))) == []
    assert decoder.discards["length"] == 1


def test_half_frame_swallows_its_neighbour() -> None:
    first, second, third = (Frame(1, n, b"payload") for n in (1, 2, 3))
    decoder = Decoder()
    assert decoder.feed(encode(first)[:6] + encode(second) + encode(third)) == [second, third]
    assert sum(decoder.discards.values()) == 1


def test_delimiters_in_a_row_are_no_fault() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\0\0\0" + encode(Frame(1, 1, b""))) == [Frame(1, 1, b"")]
    assert sum(decoder.discards.values()) == 0


@pytest.mark.parametrize(
    ("piece", "fault"),
    [
        (b"", "cobs"),
        (b"\x05\x01\x02", "cobs"),
        (b"\x03\x00\x01", "cobs"),
        (b"\x00\x01", "cobs"),
        (stuff(b"\x01\x02\x03"), "length"),
        (wire(1, 1, bytes(1025))[1:-1], "length"),
        (stuff(b"\x01\x02\x03\xde\xad\xbe\xef"), "crc"),
        (wire(1, 1, version=1)[1:-1], "version"),
    ],
)
def test_piece_that_is_no_frame_names_its_fault(piece: bytes, fault: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode(piece)
    assert caught.value.fault == fault
