"""RFC 8785 (JCS) JSON in the profile of evidence: a value has one encoding, and only that one is read.

The profile is narrower than RFC 8785 on purpose. It knows no floating point numbers and no integers beyond
2^53 - 1 (RFC 7493 §2.2), because those are where JSON implementations differ. Strings are kept as they are:
no Unicode normalisation (RFC 8785 §3.1); unpaired surrogates are refused.
"""

import json
import re
from operator import lt
from typing import Final, NoReturn, TypeAlias

from crypto.errors import EncodingError
from crypto.wire import DEPTH_MAX

INTEGER_MAX: Final = 2**53 - 1  # greatest absolute value of an integer, RFC 7493 §2.2
_DIGITS_MAX: Final = len(str(-INTEGER_MAX))  # characters: keeps int() away from numbers of a megabyte

# A string, closed or not: matching the unclosed one too keeps the scan linear on hostile input.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))

_Path: TypeAlias = "tuple[_Path, str | int] | None"
"""Where a value stands, as a chain to the root: put into words only when something is wrong there."""

# Python's C encoder escapes exactly what RFC 8785 §3.2.2.2 asks for, once ensure_ascii is off.
_WRITER: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def encode(value: object) -> bytes:
    """Return the RFC 8785 encoding of None, bool, int, str, list, tuple and dict with str keys, in UTF-8.

    Raises:
        EncodingError: for any other type (floats and subclasses too), an integer of 2^53 or more, an unpaired
            surrogate, or nesting deeper than ``DEPTH_MAX``.
    """
    return _write(_admit(value, None, DEPTH_MAX))


def decode(data: bytes, *, max_bytes: int) -> object:
    """Return the value that ``data`` encodes, if ``data`` is its one canonical encoding.

    Arrays come back as lists.

    Raises:
        EncodingError: for more than ``max_bytes`` bytes, anything that is not JSON in UTF-8, and any JSON
            that ``encode`` would not have written byte for byte.
    """
    if len(data) > max_bytes:
        raise EncodingError(f"JSON of {len(data)} bytes: at most {max_bytes} are accepted here")
    _check_depth(data)
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except UnicodeDecodeError as error:
        raise EncodingError(f"JSON is not UTF-8 at byte {error.start}: send UTF-8") from error
    except json.JSONDecodeError as error:
        raise EncodingError(
            f"not JSON at character {error.pos}: {error.msg}; send one RFC 8785 value and nothing else"
        ) from error
    # The hooks have checked keys and numbers, so writing in the order that was read is canonical.
    if _write(value) != data:
        raise EncodingError(
            "not RFC 8785 form: white space, escapes or digits are there that re-encoding does not give"
        )
    return value


def _write(value: object) -> bytes:
    try:
        return _WRITER.encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise EncodingError("a string holds an unpaired surrogate: use whole Unicode characters") from error


def _admit(value: object, path: _Path, depth_left: int) -> object:
    """Return ``value`` with keys in canonical order. Exact types only: a subclass may print differently."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if isinstance(value, int) and kind is int:
        if abs(value) > INTEGER_MAX:
            raise EncodingError(f"integer at {_show(path)} is beyond 2^53 - 1: write it as a string")
        return value
    if depth_left == 0:
        raise EncodingError(f"value at {_show(path)} is nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, (list, tuple)) and kind in (list, tuple):
        return [_admit(item, (path, index), depth_left - 1) for index, item in enumerate(value)]
    if isinstance(value, dict) and kind is dict:
        for key in value:
            if type(key) is not str:
                raise EncodingError(f"key {key!r} at {_show(path)} is not a string")
        ordered = sorted(value, key=None if all(map(str.isascii, value)) else _order)
        return {key: _admit(value[key], (path, key), depth_left - 1) for key in ordered}
    raise EncodingError(
        f"{kind.__name__} at {_show(path)}: write null, booleans, integers, strings, lists or objects"
    )


def _show(path: _Path) -> str:
    if path is None:
        return "$"
    parent, step = path
    return f"{_show(parent)}[{step}]" if isinstance(step, int) else f"{_show(parent)}.{step}"


def _order(key: str) -> bytes:
    """Sort key of RFC 8785 §3.2.3: UTF-16 code units. Surrogates pass here; writing refuses them."""
    return key.encode("utf-16-be", "surrogatepass")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise EncodingError(f"an object repeats a key: {[key for key, _ in pairs]}")
    keys = list(value)
    # Code point order is UTF-16 order among ASCII keys, which is nearly all of them.
    ranks: list[str] | list[bytes] = keys if all(map(str.isascii, keys)) else [_order(key) for key in keys]
    if not all(map(lt, ranks, ranks[1:])):
        raise EncodingError(f"keys are not in the order of their UTF-16 code units: {keys}")
    return value


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= _DIGITS_MAX else None
    if value is None or abs(value) > INTEGER_MAX:
        raise EncodingError(f"integer {digits[:20]}... is beyond 2^53 - 1: write it as a string")
    return value


def _refuse_number(text: str) -> NoReturn:
    raise EncodingError(f"number {text[:20]}: only integers are accepted")


def _check_depth(data: bytes) -> None:
    """Refuse deep nesting before the recursive parser sees it."""
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, delete=_NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise EncodingError(f"JSON is nested deeper than {DEPTH_MAX} levels")
