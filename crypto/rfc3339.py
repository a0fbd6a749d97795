"""RFC 3339 times in UTC as whole milliseconds since 1970-01-01, and back. Reads no clock."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from crypto.errors import StatementError
from crypto.wire import TIME_PATTERN

MS_MAX: Final = (
    253_402_300_799_999  # milliseconds since the epoch: the year 9999 ends there, and with it RFC 3339
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(epoch_ms: int) -> str:
    """``2027-06-18T07:00:00.000Z`` for milliseconds since the epoch; raises StatementError for more than ``MS_MAX``."""
    if epoch_ms > MS_MAX:
        raise StatementError(
            f"{epoch_ms} ms since 1970 is no time that RFC 3339 can write: set the clock right"
        )
    moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"


def to_ms(text: str) -> int:
    """Milliseconds since the epoch; raises StatementError for anything but UTC with ``Z`` (wire.TIME_PATTERN)."""
    if re.fullmatch(TIME_PATTERN, text) is None:
        msg = f"{text!r} is not an RFC 3339 time in UTC like 2027-06-18T07:00:00Z"
        raise StatementError(msg)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise StatementError(f"{text!r} is no moment of the calendar: {error}") from error
    return (moment - _EPOCH) // timedelta(milliseconds=1)
