"""Files of smsd, whole or not: a message of at most 140 octets, or the one error."""

import contextlib

from center.sms.smsd_file import SmsdFileError, headers_of, read_received

SEEDS = (
    b"From: 98912000001\nFrom_TOA: 91 international\nAlphabet: binary\nLength: 3\n\nabc",
    b"To: 98912\nFail_reason: +CMS ERROR: 38\nAlphabet: binary\n\nabc",
)


def one_input(data: bytes) -> None:
    """The bytes of a file."""
    headers, _ = headers_of(data)
    assert len(headers) <= 64
    with contextlib.suppress(SmsdFileError):
        message = read_received(data)
        assert len(message.user_data) <= 140
