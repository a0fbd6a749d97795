"""A stream of bytes cut into lines: what all protocols of text lines here share."""


class LineDecoder:
    """Cuts a stream of bytes into lines that end in ``end`` (one byte).

    Keeps at most ``line_max`` bytes; longer lines are thrown away and counted in ``discards``.
    """

    def __init__(self, end: bytes, line_max: int) -> None:
        self.discards = 0
        self._end, self._line_max = end, line_max
        self._line = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the lines that these bytes complete, without their end; empty ones too."""
        *ended, rest = data.split(self._end)
        lines: list[bytes] = []
        for part in ended:
            self._extend(part)
            if self._overlong:
                self.discards += 1
            else:
                lines.append(bytes(self._line))
            self.clear()
        self._extend(rest)
        return lines

    def clear(self) -> None:
        """Forget a half line."""
        self._line.clear()
        self._overlong = False

    def _extend(self, part: bytes) -> None:
        if self._overlong or len(self._line) + len(part) > self._line_max:
            self._overlong = True
            self._line.clear()
        else:
            self._line += part
