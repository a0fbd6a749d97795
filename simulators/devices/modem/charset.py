"""Character sets between modem and terminal equipment (+CSCS): IRA, GSM 03.38 and UCS2 in hexadecimal."""

from typing import Final

CHARSETS: Final = ("IRA", "GSM", "UCS2")

GSM_ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet of TS 23.038 6.2.1, in order."""


def to_terminal(text: str, charset: str) -> str:
    """A text as it stands between quotes, under ``charset``."""
    if charset == "UCS2":
        return text.encode("utf-16-be").hex().upper()
    return text.encode("ascii", "replace").decode("ascii")


def from_terminal(text: str, charset: str) -> str:
    """A text that came between quotes; raises ValueError where it is none under ``charset``."""
    if charset == "UCS2":
        return bytes.fromhex(text).decode("utf-16-be")
    return text


def pack_septets(text: str, fill_bits: int = 0) -> bytes:
    """A text in the default alphabet, 7 bits a character after ``fill_bits`` (TS 23.038 6.1.2.1); else ``?``."""
    bits = 0
    for position, letter in enumerate(text):
        septet = GSM_ALPHABET.find(letter)
        bits |= (septet if septet >= 0 else ord("?")) << (7 * position)
    return (bits << fill_bits).to_bytes((7 * len(text) + fill_bits + 7) // 8, "little")


def unpack_septets(data: bytes, septets: int) -> str:
    """``septets`` characters of the default alphabet out of packed ``data``."""
    bits = int.from_bytes(data, "little")
    return "".join(GSM_ALPHABET[bits >> (7 * position) & 0x7F] for position in range(septets))
