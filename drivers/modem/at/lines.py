"""The stream of a modem as lines and prompts (ITU-T V.250 5.7, 3GPP TS 27.005 3.5.1).

An answer is ``<CR><LF>text<CR><LF>``, an echo ``text<CR>``; modems differ in how many of either they send, so that any
run of CR and LF ends a line and empty lines are none. The prompt ``> `` for a message's text has no line end. Here
nothing is judged: which line answers what is the business of ``exchange``.
"""

from dataclasses import dataclass
from typing import Final

LINE_MAX: Final = 1_024  # bytes of one line; the longest, a message in hexadecimal, has 352
_CR: Final = 0x0D
_LF: Final = 0x0A
_PROMPT: Final = ord(">")
_BLANK: Final = b" \t\x00"
_PRINTABLE: Final = range(0x20, 0x7F)


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. Bytes that are not printable ASCII stand as ``?``."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for the text of a message."""


Token = Line | Prompt


class LineDecoder:
    """Cuts a stream of bytes into lines and prompts. Keeps at most LINE_MAX bytes.

    ``discards`` counts the lines that were longer and were thrown away.
    """

    def __init__(self) -> None:
        self.discards = 0
        self._line = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[Token]:
        """Returns what these bytes complete."""
        tokens: list[Token] = []
        for byte in data:
            if byte in (_CR, _LF):
                if self._overlong:
                    self.discards += 1
                elif text := _readable(self._line):
                    tokens.append(Line(text))
                self.clear()
            elif not self._line and byte == _PROMPT and not self._overlong:
                tokens.append(Prompt())
            elif not self._line and byte in _BLANK:
                continue
            elif len(self._line) < LINE_MAX:
                self._line.append(byte)
            else:
                self._overlong = True
        return tokens

    def clear(self) -> None:
        """Forget a half line."""
        self._line.clear()
        self._overlong = False


def _readable(line: bytearray) -> str:
    return "".join(chr(byte) if byte in _PRINTABLE else "?" for byte in line).strip()
