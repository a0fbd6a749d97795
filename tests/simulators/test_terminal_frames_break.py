"""Frames survive any cutting of the stream, and noise costs nothing but the frames that it hits."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.terminal_wire import (
    FRAME_MAX,
    PAYLOAD_MAX,
    Frame,
    FrameReader,
    _stuff,
    _unstuff,
    encode_frame,
    encode_text,
)

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=60) | st.binary(min_size=240, max_size=270),
)


@pytest.mark.parametrize(
    ("plain", "stuffed"),
    [
        # The examples of Wikipedia's article on COBS, which follow Cheshire and Baker.
        ("00", "0101"),
        ("0000", "010101"),
        ("001100", "01021101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
        (bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
        (bytes(range(255)).hex(), "01ff" + bytes(range(1, 255)).hex()),
        (bytes(range(1, 256)).hex(), "ff" + bytes(range(1, 255)).hex() + "02ff"),
        (bytes(range(2, 256)).hex() + "00", "ff" + bytes(range(2, 256)).hex() + "0101"),
        (bytes(range(3, 256)).hex() + "0001", "fe" + bytes(range(3, 256)).hex() + "0201"),
    ],
)
def test_stuffing_is_as_published(plain: str, stuffed: str) -> None:
    assert _stuff(bytes.fromhex(plain)).hex() == stuffed
    assert _unstuff(bytes.fromhex(stuffed)) == bytes.fromhex(plain)


def test_empty_group_after_a_full_one_is_understood() -> None:
    # The encoder printed in the paper ends a message of 254 bytes with it.
    full = bytes(range(1, 255))
    assert _unstuff(b"\xff" + full + b"\x01") == full


def test_frame_is_as_specified_byte_by_byte() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC
    assert (
        encode_frame(Frame(0x02, 7))
        == b"\0\x08\x02\x02\x07" + struct.pack("<I", zlib.crc32(b"\x02\x02\x07")) + b"\0"
    )


@given(st.lists(frames, max_size=5), st.data())
def test_stream_cut_anywhere_gives_the_same_frames(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = FrameReader()
    received = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += reader.feed(stream[start:end])
    assert received == sent
    assert reader.discarded == 0


@given(st.binary(max_size=2 * FRAME_MAX), frames)
def test_noise_is_dropped_and_the_next_frame_is_found(noise: bytes, frame: Frame) -> None:
    reader = FrameReader()
    reader.feed(noise)
    assert reader.feed(b"\0" + encode_frame(frame)) == [frame]


@given(frames, st.data())
def test_one_wrong_bit_costs_the_frame(frame: Frame, data: st.DataObject) -> None:
    stream = bytearray(encode_frame(frame))
    bit = data.draw(st.integers(0, 8 * len(stream) - 1))
    stream[bit // 8] ^= 1 << bit % 8
    reader = FrameReader()
    assert reader.feed(bytes(stream) + b"\0") == []
    assert reader.discarded >= 1


@pytest.mark.parametrize(
    "body",
    [
        b"\x01\x02\x07",  # version 1
        b"\x02\x02",  # no id
        b"\x02\x02\x07" + bytes(PAYLOAD_MAX + 1),
    ],
)
def test_frame_of_wrong_version_or_length_is_dropped(body: bytes) -> None:
    reader = FrameReader()
    assert reader.feed(_stuff(body + struct.pack("<I", zlib.crc32(body))) + b"\0") == []
    assert reader.discarded == 1


def test_greatest_frame_fits_and_endless_noise_is_not_kept() -> None:
    worst = encode_frame(Frame(255, 255, b"\xff" * PAYLOAD_MAX))
    assert len(worst) <= FRAME_MAX == 1038
    reader = FrameReader()
    for _ in range(100):
        reader.feed(b"\x55" * 1000)
        assert len(reader._stuffed) < FRAME_MAX
    assert reader.feed(b"\0" + worst) == [Frame(255, 255, b"\xff" * PAYLOAD_MAX)]
    assert reader.discarded == 1


def test_empty_frames_between_delimiters_are_no_noise() -> None:
    reader = FrameReader()
    assert reader.feed(b"\0\0\0" + encode_frame(Frame(2, 1)) + b"\0") == [Frame(2, 1)]
    assert reader.discarded == 0


def test_what_does_not_fit_is_not_sent() -> None:
    with pytest.raises(ValueError, match="1025 bytes"):
        encode_frame(Frame(1, 1, bytes(PAYLOAD_MAX + 1)))
    with pytest.raises(ValueError, match="256 bytes"):
        encode_text("x" * 256)
    assert encode_text("ش") == b"\x02" + "ش".encode()
