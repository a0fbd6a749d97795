"""Addresses of the SMS (TS 23.040 9.1.2.5, TS 24.011 8.2.5.2): semi-octets, lower one first, filled up with F."""

import re
from typing import Final

from drivers.modem.errors import PduError
from drivers.modem.sms.alphabets import decode_septets

DIGITS_MAX: Final = 20  # digits of an address
_INTERNATIONAL: Final = 0x91  # type of number international, plan E.164
_UNKNOWN: Final = 0x81
_TYPE_BITS: Final = 0x70
_ALPHANUMERIC: Final = 0x50
_INTERNATIONAL_BITS: Final = 0x10
_SYMBOLS: Final = "0123456789*#abc"  # of one half octet; F fills up
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}")


def check_number(number: str) -> str:
    """Returns the number. ValueError: it is not ``+`` and 3 to 15 digits, nor 3 to 15 digits (ITU-T E.164)."""
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"number {number[:32]!r}: write it as + and 3 to 15 digits, or as 3 to 15 digits")
    return number


def encode_address(number: str) -> bytes:
    """Returns TP-DA or TP-OA: number of digits, type, digits. ``number``: as ``check_number`` has it."""
    digits = check_number(number).removeprefix("+")
    kind = _INTERNATIONAL if number.startswith("+") else _UNKNOWN
    filled = digits + "F" * (len(digits) % 2)
    swapped = "".join(filled[at + 1] + filled[at] for at in range(0, len(filled), 2))
    return bytes([len(digits), kind]) + bytes.fromhex(swapped)


def decode_address(data: bytes, at: int) -> tuple[str, int]:
    """Returns the address that begins at ``at``, and where it ends. PduError: it is cut off or too long."""
    if at + 2 > len(data):
        raise PduError("an address is cut off before its type")
    count, kind = data[at], data[at + 1]
    end = at + 2 + (count + 1) // 2
    if count > DIGITS_MAX or end > len(data):
        raise PduError(
            f"an address of {count} digits in {len(data) - at - 2} octets: at most {DIGITS_MAX} fit"
        )
    body = data[at + 2 : end]
    if kind & _TYPE_BITS == _ALPHANUMERIC:
        return decode_septets(body, count * 4 // 7), end
    digits = "".join(
        _SYMBOLS[half] for octet in body for half in (octet & 0x0F, octet >> 4) if half < len(_SYMBOLS)
    )
    return ("+" if kind & _TYPE_BITS == _INTERNATIONAL_BITS else "") + digits[:count], end
