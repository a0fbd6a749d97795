"""A stream of bytes cut into lines that end in a carriage return: what all serial UPS protocols here share."""

from typing import Final

LINE_MAX: Final = 64  # bytes of one line, its CR not counted; the longest answer has 46
_END: Final = b"\r"


class LineDecoder:
    """Cuts a stream of bytes into lines. Keeps at most LINE_MAX bytes; longer lines are thrown away and counted."""

    def __init__(self) -> None:
        self.discards = 0
        self._line = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the lines that these bytes complete, without their CR; empty ones are left out."""
        *ended, rest = data.split(_END)
        lines: list[bytes] = []
        for part in ended:
            self._extend(part)
            if self._overlong:
                self.discards += 1
            elif self._line:
                lines.append(bytes(self._line))
            self.clear()
        self._extend(rest)
        return lines

    def clear(self) -> None:
        """Forget a half line."""
        self._line.clear()
        self._overlong = False

    def _extend(self, part: bytes) -> None:
        if self._overlong or len(self._line) + len(part) > LINE_MAX:
            self._overlong = True
            self._line.clear()
        else:
            self._line += part
