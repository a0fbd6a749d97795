"""Statements to canonical bytes and back, and the text forms (base64, hexadecimal SHA-256) inside them."""

import binascii
from hashlib import sha256
from typing import TypeVar

import msgspec

from crypto import canonical, quick_json
from crypto.errors import EncodingError, StatementError
from crypto.wire import STATEMENT_MAX

T = TypeVar("T", bound=msgspec.Struct)


def to_bytes(statement: msgspec.Struct, *, is_checked: bool = False) -> bytes:
    """Return the canonical encoding of ``statement``: every field is written, defaults and null included.

    But for a field that is ``msgspec.UNSET``: where its type allows that, it is left out, and never null.

    ``is_checked`` says that its fields are known to be right: read by ``from_bytes``, made by the caller, or to be
    written again in a larger statement. Then they need not be looked at here.

    Raises:
        StatementError: when a field breaks its own limits (msgspec does not look when a struct is made).
        EncodingError: when a value has no canonical encoding.
    """
    quick = quick_json.encode(statement, is_checked=is_checked)
    if quick is not None:
        return quick
    value = msgspec.to_builtins(statement)
    _convert(value, type(statement))
    return canonical.encode(value)


def from_bytes(data: bytes, type_: type[T], *, max_bytes: int = STATEMENT_MAX) -> T:
    """Return the statement of type ``type_`` whose canonical encoding is ``data``.

    Raises:
        EncodingError: when ``data`` is not canonical JSON of at most ``max_bytes`` bytes.
        StatementError: when a field is unknown, missing (even one with a default), mistyped or out of range;
            the message names the path of the field.
    """
    if len(data) <= max_bytes:
        quick = quick_json.decode(data, type_)
        if quick is not None:
            return quick
    value = canonical.decode(data, max_bytes=max_bytes)
    statement = _convert(value, type_)
    written = msgspec.to_builtins(statement)
    if canonical.encode(written) != data:
        path = _first_difference(value, written, "$")
        raise StatementError(f"{type_.__name__}: field at {path} is left out: write defaults and null too")
    return statement


def b64(data: bytes) -> str:
    """Return RFC 4648 §4 base64 with padding."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def unb64(text: str) -> bytes:
    """Return the bytes whose ``b64`` is exactly ``text``.

    Raises:
        EncodingError: for other alphabets, white space, missing padding and unused bits that are not zero.
    """
    try:
        data = binascii.a2b_base64(text)
    except ValueError as error:  # binascii.Error, and text that is not ASCII
        raise EncodingError(f"{text[:20]!r}... is not base64: {error}") from error
    if b64(data) != text:
        raise EncodingError(f"{text[:20]!r}... is not the one base64 form of its bytes (RFC 4648 §4, §3.5)")
    return data


def sha256_hex(data: bytes) -> str:
    """Return SHA-256 as 64 lower-case hexadecimal digits."""
    return sha256(data).hexdigest()


def _convert(value: object, type_: type[T]) -> T:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise StatementError(f"{type_.__name__}: {error}") from error


def _first_difference(given: object, written: object, path: str) -> str:
    """Return the path of the first field of ``written`` that ``given`` lacks."""
    if isinstance(given, dict) and isinstance(written, dict):
        for key, value in written.items():
            if key not in given:
                return f"{path}.{key}"
            if given[key] != value:
                return _first_difference(given[key], value, f"{path}.{key}")
    if isinstance(given, list) and isinstance(written, (list, tuple)):
        for index, (left, right) in enumerate(zip(given, written, strict=False)):
            if left != right:
                return _first_difference(left, right, f"{path}[{index}]")
    return path
