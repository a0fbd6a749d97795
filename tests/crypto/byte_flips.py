"""Damage to bytes, one place at a time."""

from collections.abc import Iterator

from hypothesis import strategies as st


def every_bit_flipped(data: bytes) -> Iterator[bytes]:
    """Each of the ``8 * len(data)`` neighbours of ``data`` at a distance of one bit."""
    for index in range(len(data)):
        for bit in range(8):
            yield data[:index] + bytes([data[index] ^ (1 << bit)]) + data[index + 1 :]


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """``data`` with a short piece replaced by another, of the same or any other length: never ``data`` itself."""
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.integers(0, 4)))
    alphabet = st.sampled_from(sorted(set(data) | set(b' \t\r\n=+"\\{}[],:0A')))
    piece = bytes(draw(st.lists(alphabet, max_size=4)))
    result = data[:start] + piece + data[end:]
    if result == data:
        result = data + b"\n"
    return result
