"""TPDUs of the SMS as AT commands carry them, service centre's address first (TS 23.040 9.2, TS 27.005 3.1 <pdu>).

Sent: SMS-SUBMIT with 8-bit data, user data header, a relative validity period and a status report asked for. Received:
SMS-DELIVER in any coding, and SMS-STATUS-REPORT.
"""

from dataclasses import dataclass
from typing import Final, Literal

from drivers.modem.errors import PduError
from drivers.modem.sms.address import decode_address, encode_address
from drivers.modem.sms.alphabets import decode_septets, decode_ucs2

USER_DATA_MAX: Final = 140  # octets of TP-UD
SEPTETS_MAX: Final = 160  # of TP-UD in the 7-bit alphabet
PDU_MAX: Final = 12 + 164  # octets: a service centre's address and the longest TPDU (TS 24.011 8.2.5)
VALIDITY_MIN: Final = 5  # minutes
VALIDITY_MAX: Final = 63 * 7 * 24 * 60  # minutes: 63 weeks

_MTI_BITS: Final = 0x03
_DELIVER: Final = 0x00
_SUBMIT: Final = 0x01
_STATUS_REPORT: Final = 0x02
_VALIDITY_RELATIVE: Final = 0x10
_REPORT_WANTED: Final = 0x20
_HEADER_INDICATOR: Final = 0x40
_DATA_8_BIT: Final = 0x04
_NO_CENTRE: Final = b"\x00"  # the one that is set in the SIM
_TIMESTAMP_OCTETS: Final = 7

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY

Coding = Literal["7-bit", "8-bit", "ucs2"]
_ALPHABETS: Final[tuple[Coding, ...]] = (
    "7-bit",
    "8-bit",
    "ucs2",
    "7-bit",
)  # bits 3 and 2; the last is reserved


@dataclass(frozen=True, slots=True)
class Submit:
    """What AT+CMGS takes: ``pdu`` with the service centre's address, and the ``length`` of the TPDU without it."""

    pdu: bytes
    length: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message that came. ``user_data``: TP-UD, header included. ``text``: what people read, None in 8-bit coding."""

    sender: str
    coding: Coding
    has_header: bool
    user_data: bytes
    text: str | None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a message sent. ``reference``: its TP-MR. ``status``: TP-ST (9.2.3.15)."""

    reference: int
    recipient: str
    status: int


def encode_submit(number: str, user_data: bytes, validity_minutes: int = 24 * _HOUR) -> Submit:
    """Returns one binary message with a header (TP-UDHI) in it; the modem puts TP-MR in.

    Args:
        number: ``+`` and 3 to 15 digits, or 3 to 15 digits.
        user_data: 1 to USER_DATA_MAX octets, header included.
        validity_minutes: how long the network tries, VALIDITY_MIN to VALIDITY_MAX; the next step down is taken.

    Raises:
        ValueError: one of them is out of range.
    """
    if not 1 <= len(user_data) <= USER_DATA_MAX:
        raise ValueError(f"user data of {len(user_data)} octets: a message carries 1 to {USER_DATA_MAX}")
    tpdu = (
        bytes([_SUBMIT | _VALIDITY_RELATIVE | _REPORT_WANTED | _HEADER_INDICATOR, 0])
        + encode_address(number)
        + bytes([0, _DATA_8_BIT, _validity(validity_minutes), len(user_data)])
        + user_data
    )
    return Submit(_NO_CENTRE + tpdu, len(tpdu))


def decode_received(pdu: bytes) -> Deliver | StatusReport:
    """Returns what a modem hands over with +CMT, +CDS, +CMGR and +CMGL.

    Raises:
        PduError: it is cut off, too long, or of a kind that is sent and not received.
    """
    if not 1 <= len(pdu) <= PDU_MAX:
        raise PduError(f"a message of {len(pdu)} octets: 1 to {PDU_MAX} are known")
    at = 1 + pdu[0]
    first = _octet(pdu, at)
    kind = first & _MTI_BITS
    if kind == _DELIVER:
        return _deliver(pdu, at + 1, has_header=bool(first & _HEADER_INDICATOR))
    if kind == _STATUS_REPORT:
        reference = _octet(pdu, at + 1)
        recipient, at = decode_address(pdu, at + 2)
        return StatusReport(reference, recipient, _octet(pdu, at + 2 * _TIMESTAMP_OCTETS))
    raise PduError(f"a message of type {kind}: only those are read that are received")


def report_outcome(status: int) -> Literal["delivered", "trying", "failed"]:
    """What TP-Status (0 to 255) comes to, TS 23.040 9.2.3.15; reserved values mean that the service was rejected."""
    if status < 0x20:  # noqa: PLR2004 - the standard's groups
        return "delivered"
    return "trying" if status < 0x40 else "failed"  # noqa: PLR2004


def _deliver(pdu: bytes, at: int, *, has_header: bool) -> Deliver:
    sender, at = decode_address(pdu, at)
    coding = _coding(_octet(pdu, at + 1))
    at += 2 + _TIMESTAMP_OCTETS
    length = _octet(pdu, at)
    size = (length * 7 + 7) // 8 if coding == "7-bit" else length
    user_data = pdu[at + 1 : at + 1 + size]
    if size > USER_DATA_MAX or len(user_data) < size:
        raise PduError(
            f"user data of {size} octets, of which {len(user_data)} are here: it was cut, or is none"
        )
    header = user_data[0] + 1 if has_header and user_data else 0
    text = None
    if coding == "7-bit":
        skip = (header * 8 + 6) // 7
        text = decode_septets(user_data, max(0, length - skip), skip)
    elif coding == "ucs2":
        text = decode_ucs2(user_data[header:])
    return Deliver(sender, coding, has_header, user_data, text)


def _coding(dcs: int) -> Coding:
    """The alphabet that TP-DCS names (TS 23.038 4). Compressed text is no text that anybody reads: 8-bit."""
    group = dcs >> 4
    if group < 0x8:  # noqa: PLR2004 - general data coding, and the same marked for deletion
        if dcs & 0x20:
            return "8-bit"
        return _ALPHABETS[dcs >> 2 & 0x03]
    if group == 0xE:  # noqa: PLR2004 - message waiting, text in UCS2
        return "ucs2"
    if group == 0xF:  # noqa: PLR2004 - data coding and message class
        return "8-bit" if dcs & 0x04 else "7-bit"
    return "7-bit"


def _validity(minutes: int) -> int:
    """TP-VP in the relative format (9.2.3.12.1), the next step down."""
    if not VALIDITY_MIN <= minutes <= VALIDITY_MAX:
        raise ValueError(f"validity of {minutes} minutes: {VALIDITY_MIN} to {VALIDITY_MAX} are possible")
    if minutes <= 12 * _HOUR:
        return minutes // 5 - 1
    if minutes <= _DAY:
        return 143 + (minutes - 12 * _HOUR) // 30
    if minutes < 5 * _WEEK:
        return 166 + min(minutes // _DAY, 30)
    return 192 + minutes // _WEEK


def _octet(data: bytes, at: int) -> int:
    if at >= len(data):
        raise PduError(f"the message is cut off after {len(data)} octets")
    return data[at]
