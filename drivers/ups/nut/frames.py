r"""Lines of the NUT protocol: words with spaces between them and a newline after the last.

A word with spaces or special characters stands in double quotes; a backslash takes the next character as it is
(RFC 9271; NUT developer guide, "Network protocol information"). NUT's own parser also wants a ``#`` escaped,
even between quotes, for it begins a comment in its configuration files.
"""

import re
from typing import Final

from drivers.errors import NutLineError
from drivers.line_decoder import LineDecoder

LINE_MAX: Final = 1024  # bytes of one line, its newline not counted; NUT's own programs stop at 512
_END: Final = b"\n"

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]+")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_SPECIAL: Final = re.compile(r'(["\\#])')
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(?= |$)|([^" ]+)(?= |$)')
_ESCAPED: Final = re.compile(r"\\(.)")


def encode(*words: str) -> bytes:
    """Returns one line, with its newline.

    Raises:
        ValueError: a word has other characters than printable ASCII, or the line is longer than LINE_MAX.
    """
    line = " ".join(map(_quoted, words)).encode("ascii")
    if len(line) > LINE_MAX:
        raise ValueError(f"a line of {len(line)} bytes: at most {LINE_MAX} are allowed")
    return line + _END


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    if not _PRINTABLE.fullmatch(word):
        raise ValueError("a word for upsd has characters other than printable ASCII")
    return '"' + _SPECIAL.sub(r"\\\1", word) + '"'


def decode(line: bytes) -> list[str]:
    """Returns the words of one line, without its newline; bytes that are no UTF-8 become U+FFFD.

    Raises:
        NutLineError: no word at all, a quote that does not end, or one in the middle of a word.
    """
    text = line.decode("utf-8", errors="replace").strip(" \r")
    words: list[str] = []
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise NutLineError(f"not words of NUT: {text[:80]!r}")
        quoted, plain = match.groups()
        words.append(plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
        at = match.end()
        while text[at : at + 1] == " ":
            at += 1
    if not words:
        raise NutLineError("an empty line")
    return words


def line_decoder() -> LineDecoder:
    """For what upsd says; lines over LINE_MAX are noise."""
    return LineDecoder(_END, LINE_MAX)
