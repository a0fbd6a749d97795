"""Short texts in few bytes: Persian and English letters, digits and marks in one byte each, all else as UTF-8 does.

Whichever is shorter is used: the table, or UTF-8 where that is no longer. So every text has one form. In the table
bytes 0x20-0x7E are ASCII, 0x80-0xFF the characters of ``_HIGH``, and 0x01 begins a character of three bytes more.
"""

from typing import Final

from crypto.errors import ProofError

_LETTERS: Final = "".join(map(chr, range(0x0621, 0x063B))) + "".join(map(chr, range(0x0640, 0x0656)))
_PERSIAN: Final = "پچژکگیۀەۓےۂہ" + "".join(map(chr, range(0x06F0, 0x06FA)))
_ARABIC_DIGITS: Final = "".join(map(chr, range(0x0660, 0x066D)))
_MARKS: Final = "\u200c\u200d\u200e\u200f\u00a0\u2013\u2014\u2018\u2019\u00d7،؛؟«»…“”•°÷©№€"
_HIGH: Final = (_LETTERS + _PERSIAN + _ARABIC_DIGITS + _MARKS)[:128]
_BYTE_OF: Final = {
    **{chr(code): code for code in range(0x20, 0x7F)},
    **{character: 0x80 + index for index, character in enumerate(_HIGH)},
}
_CHARACTER_OF: Final = {byte: character for character, byte in _BYTE_OF.items()}
_ESCAPE: Final = 0x01
_ESCAPED_BYTES: Final = 3


def in_table(text: str) -> bool:
    """Return whether the table writes ``text`` shorter than UTF-8 does."""
    return len(_by_table(text)) < len(_by_utf8(text))


def encode(text: str) -> bytes:
    """Return the shorter form of ``text``; raises ProofError for unpaired surrogates."""
    return _by_table(text) if in_table(text) else _by_utf8(text)


def decode(data: bytes, *, table: bool) -> str:
    """Return the text; raises ProofError when ``data`` is none in that form."""
    if not table:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProofError(f"packed text is not UTF-8: {error.reason}") from error
    out, index = list[str](), 0
    while index < len(data):
        byte, index = data[index], index + 1
        if byte != _ESCAPE:
            if byte not in _CHARACTER_OF:
                raise ProofError(f"packed text: {byte:02x} stands for no character")
            out.append(_CHARACTER_OF[byte])
            continue
        escaped, index = data[index : index + _ESCAPED_BYTES], index + _ESCAPED_BYTES
        code = int.from_bytes(escaped, "big")
        if len(escaped) < _ESCAPED_BYTES or code > 0x10FFFF:  # noqa: PLR2004 - where Unicode ends
            raise ProofError(f"packed text: {escaped.hex()} is no character")
        out.append(chr(code))
    return "".join(out)


def _by_table(text: str) -> bytes:
    out = bytearray()
    for character in text:
        if character in _BYTE_OF:
            out.append(_BYTE_OF[character])
        else:
            out.append(_ESCAPE)
            out += ord(character).to_bytes(_ESCAPED_BYTES, "big")
    return bytes(out)


def _by_utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ProofError(f"text: unpaired surrogate at character {error.start}") from error
