"""Lines of serial UPS protocols: all of them end in a carriage return."""

from typing import Final

from drivers.line_decoder import LineDecoder

LINE_MAX: Final = 64  # bytes of one line, its CR not counted; the longest answer has 46


def line_decoder() -> LineDecoder:
    """For what a UPS says; lines over LINE_MAX are noise."""
    return LineDecoder(b"\r", LINE_MAX)
