"""What a command is answered: lines and a result code, at once or later."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

ResultCode = Literal["OK", "ERROR", "CONNECT", "NO CARRIER"]

CME_TEXTS: Final = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    20: "memory full",
    21: "invalid index",
    25: "invalid characters in text string",
    30: "no network service",
    31: "network timeout",
    32: "network not allowed - emergency calls only",
    50: "incorrect parameters",
    100: "unknown",
    133: "requested service option not subscribed",
    148: "unspecified GPRS error",
}
"""TS 27.007 9.2."""

CMS_TEXTS: Final = {
    1: "unassigned (unallocated) number",
    21: "short message transfer rejected",
    38: "network out of order",
    300: "ME failure",
    301: "SMS service of ME reserved",
    302: "operation not allowed",
    304: "invalid PDU mode parameter",
    305: "invalid text mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    313: "SIM failure",
    316: "SIM PUK required",
    321: "invalid memory index",
    322: "memory full",
    330: "SMSC address unknown",
    331: "no network service",
    332: "network timeout",
    340: "no +CNMA acknowledgement expected",
    500: "unknown error",
}
"""TS 27.005 3.2.5."""


class CmeError(Exception):
    """+CME ERROR, of TS 27.007."""

    def __init__(self, code: int) -> None:
        super().__init__(CME_TEXTS.get(code, "unknown"))
        self.code: Final = code


class CmsError(Exception):
    """+CMS ERROR, of TS 27.005."""

    def __init__(self, code: int) -> None:
        super().__init__(CMS_TEXTS.get(code, "unknown error"))
        self.code: Final = code


class PlainError(Exception):
    """ERROR: V.250 knows no more of a command that it does not know."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: information lines, then a result code. ``prompt``: text is asked for first, up to Ctrl-Z."""

    lines: tuple[str, ...] = ()
    code: ResultCode = "OK"
    prompt: "Callable[[bytes, int], Answer] | None" = None


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes ``after_ms``; ``then`` is told the time and makes it."""

    after_ms: int
    then: "Callable[[int], Answer]"


Answer = Reply | Later

OK: Final = Reply()


def info(*lines: str) -> Reply:
    """Information lines and OK."""
    return Reply(lines=lines)
