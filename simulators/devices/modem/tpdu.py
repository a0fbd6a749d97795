"""Transfer protocol data units of SMS (3GPP TS 23.040 9.2): what the network takes, and what it delivers."""

import time
from dataclasses import dataclass
from typing import Final

from simulators.devices.modem.charset import unpack_septets

USER_DATA_MAX: Final = 140  # octets
_DIGITS: Final = "0123456789*#abc"
_INTERNATIONAL: Final = 0x91
_UNKNOWN_PLAN: Final = 0x81
_ALPHANUMERIC: Final = 0x50
_TYPE_OF_NUMBER: Final = 0x70
_SUBMIT: Final = 0x01
_STATUS_REQUESTED: Final = 0x20
_HEADER: Final = 0x40
_ADDRESS_DIGITS_MAX: Final = 20


class TpduError(Exception):
    """Bytes that are no message; the message says why."""


@dataclass(frozen=True, slots=True)
class Submit:
    """SMS-SUBMIT. ``user_data``: octets as they stand, header included. ``length``: TP-UDL, septets where 7 bits."""

    reference: int
    recipient: str
    protocol: int
    coding: int
    header: bool
    report: bool
    length: int
    user_data: bytes


def septets(coding: int) -> bool:
    """Whether a data coding scheme (TS 23.038 4) means the 7-bit default alphabet."""
    if coding & 0xC0 == 0:
        return coding & 0x0C == 0
    if coding & 0xF0 == 0xF0:  # noqa: PLR2004 - the coding group with a message class
        return coding & 0x04 == 0
    return coding & 0xF0 in (0xC0, 0xD0)


def user_data_octets(coding: int, length: int) -> int:
    """Octets of TP-UD for a TP-UDL."""
    return (length * 7 + 7) // 8 if septets(coding) else length


def split_service_centre(pdu: bytes) -> tuple[str, bytes]:
    """The service centre's number (or nothing) and the TPDU behind it; raises TpduError."""
    if not pdu:
        raise TpduError("no octets")
    size = pdu[0]
    if len(pdu) < 1 + size or size == 1:
        raise TpduError("the service centre's address breaks off")
    number = _digits(pdu[2 : 1 + size], pdu[1]) if size else ""
    return number, pdu[1 + size :]


def service_centre(number: str) -> bytes:
    """A service centre's number in front of a TPDU."""
    kind, packed = _number(number)
    return bytes([1 + len(packed), kind]) + packed


def parse_submit(tpdu: bytes) -> Submit:
    """An SMS-SUBMIT (9.2.2.2); raises TpduError."""
    try:
        first, reference, digits, kind = tpdu[:4]
        if first & 0x03 != _SUBMIT:
            raise TpduError(f"message type {first & 3}: SMS-SUBMIT (1) is needed")
        if digits > _ADDRESS_DIGITS_MAX:
            raise TpduError(f"{digits} digits of a number: at most {_ADDRESS_DIGITS_MAX}")
        at = 4 + (digits + 1) // 2
        recipient = _digits(tpdu[4:at], kind)
        protocol, coding = tpdu[at : at + 2]
        at += 2 + (0, 7, 1, 7)[first >> 3 & 3]
        length = tpdu[at]
    except (ValueError, IndexError):
        raise TpduError("the message breaks off") from None
    user_data = tpdu[at + 1 :]
    if len(user_data) != user_data_octets(coding, length) or len(user_data) > USER_DATA_MAX:
        raise TpduError(f"{len(user_data)} octets of user data do not fit the length {length}")
    header = bool(first & _HEADER)
    if header and (not user_data or user_data[0] >= len(user_data)):
        raise TpduError("the user data header is longer than the user data")
    return Submit(
        reference, recipient, protocol, coding, header, bool(first & _STATUS_REQUESTED), length, user_data
    )


def deliver(
    sender: str, coding: int, user_data: bytes, length: int, at_s: int, *, header: bool, protocol: int = 0
) -> bytes:
    """An SMS-DELIVER (9.2.2.1), without a service centre's address. ``at_s``: Unix time."""
    first = 0x04 | (_HEADER if header else 0)
    return bytes([first, *_address(sender), protocol, coding, *timestamp(at_s), length]) + user_data


def status_report(reference: int, recipient: str, sent_s: int, done_s: int, status: int) -> bytes:
    """An SMS-STATUS-REPORT (9.2.2.3), without a service centre's address."""
    return bytes([0x06, reference, *_address(recipient), *timestamp(sent_s), *timestamp(done_s), status])


def timestamp(at_s: int) -> bytes:
    """Seven octets of TP-SCTS (9.2.3.11), at UTC."""
    moment = time.gmtime(at_s)
    parts = (
        moment.tm_year % 100,
        moment.tm_mon,
        moment.tm_mday,
        moment.tm_hour,
        moment.tm_min,
        moment.tm_sec,
    )
    return bytes([*((part % 10) << 4 | part // 10 for part in parts), 0])


def text_of(submit: Submit) -> str:
    """A submitted message for people: its text, or its octets in hexadecimal."""
    if septets(submit.coding) and not submit.header:
        return unpack_septets(submit.user_data, submit.length)
    return submit.user_data.hex()


def _address(number: str) -> bytes:
    kind, packed = _number(number)
    return bytes([len(number.removeprefix("+")), kind]) + packed


def _number(number: str) -> tuple[int, bytes]:
    digits = number.removeprefix("+")
    nibbles = [_DIGITS.index(digit) for digit in digits] + [0xF] * (len(digits) % 2)
    packed = bytes(high << 4 | low for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return (_INTERNATIONAL if number.startswith("+") else _UNKNOWN_PLAN), packed


def _digits(packed: bytes, kind: int) -> str:
    if kind & _TYPE_OF_NUMBER == _ALPHANUMERIC:
        return unpack_septets(packed, len(packed) * 8 // 7)
    nibbles = [nibble for octet in packed for nibble in (octet & 0xF, octet >> 4)]
    digits = "".join(_DIGITS[nibble] for nibble in nibbles if nibble < len(_DIGITS))
    return ("+" if kind & _TYPE_OF_NUMBER == _INTERNATIONAL & _TYPE_OF_NUMBER else "") + digits
