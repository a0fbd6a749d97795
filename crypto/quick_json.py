"""The canonical encoding at the speed of C, for the statements whose JSON has no room for doubt.

``canonical`` knows all of RFC 8785, in Python. Most statements need little of it: keys of ASCII, integers below 2^53,
no floats, no escapes. For those msgspec's sorted encoding is the same bytes. What is not *plainly* such a case returns
None here, and is left to ``canonical``: so nothing is accepted, refused or reported otherwise because of this file.
"""

from functools import cache
from typing import Final, TypeVar, cast

import msgspec
from msgspec import inspect

from crypto.canonical import INTEGER_MAX
from crypto.wire import DEPTH_MAX

T = TypeVar("T", bound=msgspec.Struct)

_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def encode(statement: msgspec.Struct, *, is_checked: bool = False) -> bytes | None:
    """Return the canonical encoding of a statement that keeps its limits; None where ``canonical`` must say.

    ``is_checked``: as in ``codec.to_bytes``.
    """
    type_ = type(statement)
    decoder = _decoder(type_)
    if decoder is None:
        return None
    try:
        data = _ENCODER.encode(statement)
        if not _is_plain(data):
            return None
        # Read again: nothing has looked at the fields yet, and bytes or floats in them would have been written too.
        return data if is_checked or _ENCODER.encode(decoder.decode(data)) == data else None
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None


def decode(data: bytes, type_: type[T]) -> T | None:
    """Return the statement whose canonical encoding is ``data``; None where ``canonical`` must say."""
    decoder = _decoder(type_)
    if decoder is None or not _is_plain(data):
        return None
    try:
        statement = cast("T", decoder.decode(data))
        return statement if _ENCODER.encode(statement) == data else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _is_plain(data: bytes) -> bool:
    """No escape, and no character by which two orders of keys could differ."""
    return data.isascii() and b"\\" not in data


@cache
def _decoder(type_: type[msgspec.Struct]) -> "msgspec.json.Decoder[msgspec.Struct] | None":
    """A decoder for a type that has one canonical encoding whatever its values; None for any other."""
    return msgspec.json.Decoder(type_) if _is_simple(inspect.type_info(type_), DEPTH_MAX) else None


def _is_simple(info: inspect.Type, depth_left: int) -> bool:
    """Whether all values of a type are null, booleans, integers below 2^53, strings, arrays and objects of these."""
    if isinstance(info, inspect.IntType):
        return all(bound is not None and abs(bound) <= INTEGER_MAX for bound in (info.ge, info.le))
    if isinstance(info, inspect.LiteralType):
        return all(isinstance(value, str) for value in info.values)
    if isinstance(info, inspect.UnionType):
        return all(_is_simple(one, depth_left) for one in info.types)
    if isinstance(info, inspect.VarTupleType | inspect.DictType | inspect.StructType):
        return depth_left > 0 and all(_is_simple(one, depth_left - 1) for one in _parts(info))
    return isinstance(info, inspect.NoneType | inspect.BoolType | inspect.StrType)


def _parts(info: inspect.VarTupleType | inspect.DictType | inspect.StructType) -> list[inspect.Type]:
    """The types that values of this type are made of; ``AnyType`` among them where it is more than that."""
    if isinstance(info, inspect.VarTupleType):
        return [info.item_type]
    if isinstance(info, inspect.DictType):
        return [info.value_type, *([] if isinstance(info.key_type, inspect.StrType) else [inspect.AnyType()])]
    is_plain = info.tag_field is None and not info.array_like and info.forbid_unknown_fields
    return [field.type for field in info.fields] + ([] if is_plain else [inspect.AnyType()])
