"""Texts in foreign messages (3GPP TS 23.038): the GSM 7-bit default alphabet and UCS2. Reading never fails."""

from typing import Final

_DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_ESCAPE: Final = 0x1B
_SEPTET: Final = 0x7F


def decode_septets(data: bytes, count: int, skip: int = 0) -> str:
    """Returns ``count`` characters packed in sevens (TS 23.038 6.1.2.1); ``skip``: septets to leave out before them.

    What an escape says and nobody knows reads as a blank, as the standard wants it; septets beyond the data are none.
    """
    bits = int.from_bytes(data, "little")
    septets = [bits >> (7 * at) & _SEPTET for at in range(skip, min(skip + count, len(data) * 8 // 7))]
    text: list[str] = []
    escaped = False
    for septet in septets:
        if escaped:
            text.append(_EXTENSION.get(septet, " "))
            escaped = False
        elif septet == _ESCAPE:
            escaped = True
        else:
            text.append(_DEFAULT[septet])
    return "".join(text)


def decode_ucs2(data: bytes) -> str:
    """Returns the text in big-endian UCS2 (in truth UTF-16); what is none reads as U+FFFD."""
    return data.decode("utf-16-be", errors="replace")
