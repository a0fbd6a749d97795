"""How a command ended: OK, ERROR, +CME ERROR (TS 27.007 9.2), +CMS ERROR (TS 27.005 3.2.5), numeric and verbose."""

import re
from dataclasses import dataclass
from typing import Final, Literal

# What TS 27.007 9.2.1 and TS 27.005 3.2.5 write in words where +CMEE=2 is in force; only what decides anything here.
_CME_WORDS: Final = {
    "operation not allowed": 3,
    "operation not supported": 4,
    "ph-sim pin required": 5,
    "sim not inserted": 10,
    "sim pin required": 11,
    "sim puk required": 12,
    "sim failure": 13,
    "sim busy": 14,
    "sim wrong": 15,
    "incorrect password": 16,
    "memory full": 20,
    "no network service": 30,
}
_CMS_WORDS: Final = {
    "operation not allowed": 302,
    "operation not supported": 303,
    "invalid pdu mode parameter": 304,
    "sim not inserted": 310,
    "sim pin required": 311,
    "sim failure": 313,
    "sim busy": 314,
    "sim wrong": 315,
    "sim puk required": 316,
    "memory failure": 320,
    "invalid memory index": 321,
    "memory full": 322,
    "smsc address unknown": 330,
    "no network service": 331,
    "network timeout": 332,
    "unknown error": 500,
}
_ERROR: Final = re.compile(r"\+(CM[ES]) ERROR: ?(.{1,120})")
_REFUSALS: Final = ("ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "ABORTED")

CME_SIM_ABSENT: Final = 10
CME_SIM_PIN: Final = 11
CME_SIM_PUK: Final = 12
CME_SIM_FAILURE: Final = 13
CME_SIM_BUSY: Final = 14
CME_SIM_WRONG: Final = 15


@dataclass(frozen=True, slots=True)
class Result:
    """A final result. ``code``: of +CME or +CMS ERROR, None where it is in words that nobody listed."""

    kind: Literal["ok", "error", "cme", "cms"]
    code: int | None
    text: str


def final_result(text: str) -> Result | None:
    """Returns what a line says about the command's end, or None where it is no final result."""
    if text == "OK":
        return Result("ok", None, text)
    if text in _REFUSALS:
        return Result("error", None, text)
    match = _ERROR.fullmatch(text)
    if match is None:
        return None
    kind, words = match[1], match[2].strip()
    if words.isascii() and words.isdigit():
        code: int | None = int(words[:6])
    else:
        code = (_CME_WORDS if kind == "CME" else _CMS_WORDS).get(words.lower())
    return Result("cme" if kind == "CME" else "cms", code, text)
