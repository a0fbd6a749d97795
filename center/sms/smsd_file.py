"""Files of smsd (SMS Server Tools 3, "SMS file format"): headers, an empty line, the octets.

Sent: ``Alphabet: binary`` and ``UDH: true``, the user data header at the head of the body; smsd then sets TP-UDHI and
the 8-bit coding itself. Received: the same with ``From``, and ``Length`` in octets, as long as
``internal_combine_binary = no`` keeps smsd from joining parts.
"""

import re
from dataclasses import dataclass
from typing import Final

from crypto.sms import USER_DATA_MAX

FILE_MAX: Final = 64 * 1024  # bytes of one file that is read
HEADERS_MAX: Final = 64
_INTERNATIONAL: Final = re.compile(r"9[0-9A-Fa-f]\b.*")  # From_TOA: 91 international, ISDN/telephone
_DIGITS: Final = re.compile(r"[0-9]{3,15}")


class SmsdFileError(Exception):
    """A file that holds no binary message: the message says what it is."""


class UnfinishedFileError(SmsdFileError):
    """A file that smsd has not written to its end yet."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One binary message. ``sender``: ``+`` and digits where smsd says that the number is international."""

    sender: str
    user_data: bytes


def headers_of(data: bytes) -> tuple[dict[str, str], bytes]:
    """Split a file into headers and body. Names are as smsd writes them; of a repeated one the first counts."""
    head, _, body = data.partition(b"\n\n")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\n")[:HEADERS_MAX]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip(), value.strip())
    return headers, body


def read_received(data: bytes) -> ReceivedFile:
    """Read a file of ``incoming``.

    Raises:
        UnfinishedFileError: it ends too early: look again.
        SmsdFileError: a text, a report, or several parts that smsd joined.
    """
    if b"\n\n" not in data:
        raise UnfinishedFileError("it ends before its headers do")
    headers, body = headers_of(data)
    if "From" not in headers or not headers.get("Alphabet", "").lower().startswith("bin"):
        raise SmsdFileError("a text or a report")
    length = headers.get("Length", "")
    if not length.isascii() or not length.isdecimal() or len(length) > 5:  # noqa: PLR2004 - as a file has bytes
        raise SmsdFileError("a binary message without its length: smsd 3.1 or later writes it")
    if len(body) < int(length):
        raise UnfinishedFileError(f"{len(body)} of {length} octets are here")
    if int(length) > USER_DATA_MAX:
        raise SmsdFileError(
            f"{length} octets: smsd joined several parts; set internal_combine_binary = no in smsd.conf"
        )
    sender = headers["From"]
    if _DIGITS.fullmatch(sender) and _INTERNATIONAL.fullmatch(headers.get("From_TOA", "91")):
        sender = f"+{sender}"
    return ReceivedFile(sender, body[: int(length)])


def outgoing(number: str, user_data: bytes) -> bytes:
    """Return a file for ``outgoing``: one binary message with its header. The network keeps it for a day."""
    kind = "international" if number.startswith("+") else "unknown"
    return (
        f"To: {number.removeprefix('+')}\nTo_TOA: {kind}\nAlphabet: binary\nUDH: true\nAutosplit: 0\nValidity: 1 day\n"
        f"\n"
    ).encode("ascii") + user_data
