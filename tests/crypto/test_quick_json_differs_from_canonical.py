"""The quick way to canonical JSON writes or takes something else than the slow one, which knows all of RFC 8785."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from crypto import canonical, codec, quick_json
from crypto.envelope import Envelope, _WireEnvelope
from crypto.errors import EvidenceError
from crypto.statements import (
    AccountSubmission,
    BallotStyle,
    ContestResult,
    Manifest,
    Order,
    SealedTally,
    Statement,
    Tally,
)
from tests.crypto.byte_flips import damaged
from tests.crypto.carrier_world import account, outer, sealed
from tests.crypto.election_fixture import make_election

WORLD = make_election(branches=1)
ENVELOPES = sealed(WORLD, outer(WORLD)), account(WORLD, outer(WORLD))
SEALED, ACCOUNT = (Envelope.from_bytes(data).payload for data in ENVELOPES)
TALLY = codec.to_bytes(WORLD.tally("branch-1"))
RESULT = b'{"ballots":11,"blank":null,"invalid":0,"valid":11,"votes":{"007":5,"7":6}}'
ALL: tuple[tuple[type[msgspec.Struct], bytes], ...] = (
    (SealedTally, SEALED),
    (AccountSubmission, ACCOUNT),
    (Tally, TALLY),
    (ContestResult, RESULT),
    (Order, Envelope.from_bytes(WORLD.order("branch-1", "open")).payload),
    (_WireEnvelope, ENVELOPES[1]),
)


def outcome(act: Callable[[], object]) -> tuple[str, object]:
    """What it gives, or how it refuses, in words."""
    try:
        return "given", act()
    except EvidenceError as exc:
        return type(exc).__name__, str(exc)


def slowly(act: Callable[[], object]) -> tuple[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_json, "_decoder", lambda _: None)
        return outcome(act)


def check_read(data: bytes, type_: type[msgspec.Struct]) -> None:
    assert outcome(lambda: codec.from_bytes(data, type_)) == slowly(lambda: codec.from_bytes(data, type_))


@pytest.mark.parametrize(("type_", "data"), ALL, ids=lambda one: getattr(one, "__name__", ""))
def test_the_quick_way_is_taken_and_agrees(type_: type[msgspec.Struct], data: bytes) -> None:
    statement = quick_json.decode(data, type_)
    assert statement is not None
    assert quick_json.encode(statement) == data == canonical.encode(msgspec.to_builtins(statement))
    assert slowly(lambda: codec.from_bytes(data, type_)) == ("given", statement)


@given(st.data())
def test_damaged_bytes_are_taken_or_refused_in_other_words(data: st.DataObject) -> None:
    type_, good = data.draw(st.sampled_from(ALL))
    check_read(data.draw(damaged(good)), type_)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"valid":11', b'"valid":11.0'),
        (b'"valid":11', b'"valid":1.1e1'),
        (b'"valid":11', b'"valid":011'),
        (b'"valid":11', b'"valid":-0'),
        (b'"valid":11', b'"valid":9007199254740993'),
        (b'"valid":11', b'"valid":99999999999999999999999'),
        (b'"valid":11', b'"valid":NaN'),
        (b'"valid":11', b'"valid":true'),
        (b'"valid":11', b'"valid":"11"'),
        (b'"valid":11', b'"valid":11,"valid":11'),
        (b'"valid":11', b'"valid": 11'),
        (b'"blank":null,', b""),
        (b'"007"', b'"\\u0030\\u0030\\u0037"'),
        (b'"007"', b'"\\ud800"'),
        (b'"007"', b'"\xed\xa0\x80"'),
        (b'"007"', b'"\x7f"'),
        (b'"007"', b'"\x00"'),
        (b'"007":5,"7":6', b'"7":6,"007":5'),
        (b'"007":5,"7":6', b'"7":5,"7":6'),
        (
            b'"007":5,"7":6',
            '"\ufb33":5,"\U0001f600":6'.encode(),
        ),  # code points and UTF-16 units differ in order
        (b'"007":5,"7":6', '"\U0001f600":5,"\ufb33":6'.encode()),
        (b'"007":5', b'"007":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]'),
        (b'{"ballots"', b'\xef\xbb\xbf{"ballots"'),
        (b"}}", b"}}\n"),
        (b"}}", b"}}{}"),
        (b"}}", b'},"x":1}'),
    ],
)
def test_hostile_bytes_are_taken_or_refused_in_other_words(old: bytes, new: bytes) -> None:
    assert old in RESULT
    check_read(RESULT.replace(old, new), ContestResult)


def test_more_bytes_than_allowed_are_taken() -> None:
    with pytest.raises(EvidenceError, match="at most 10 are accepted"):
        codec.from_bytes(RESULT, ContestResult, max_bytes=10)


good = codec.from_bytes(RESULT, ContestResult)


@pytest.mark.parametrize(
    "change",
    [
        {"valid": -1},
        {"valid": 2**24},
        {"valid": 2**60},
        {"valid": 11.0},
        {"valid": True},
        {"valid": "11"},
        {"valid": None},
        {"votes": {"7": 6, "007": 5}},
        {"votes": {"\ufb33": 5, "\U0001f600": 6}},
        {"votes": {"\ud800": 5}},
        {"votes": {"x" * 17: 5}},
        {"votes": {"\n": 5}},
        {"votes": {}},
        {"votes": [5]},
    ],
)
def test_a_statement_that_breaks_its_limits_is_written(change: dict[str, Any]) -> None:
    statement = structs.replace(good, **change)
    assert outcome(lambda: codec.to_bytes(statement)) == slowly(lambda: codec.to_bytes(statement))


class Unbounded(Statement, frozen=True, kw_only=True):
    """An integer of any size."""

    number: int


class Real(Statement, frozen=True, kw_only=True):
    """No evidence has one."""

    number: float


class Loose(Statement, frozen=True, kw_only=True):
    """Anything at all."""

    anything: Any


class Raw(Statement, frozen=True, kw_only=True):
    """Bytes would be written as base64."""

    raw: bytes


class Endless(Statement, frozen=True, kw_only=True):
    """Contains itself."""

    more: tuple["Endless", ...]


class Numbers(Statement, frozen=True, kw_only=True):
    """Keys that are no strings."""

    votes: dict[int, BallotStyle]


@pytest.mark.parametrize("type_", [Unbounded, Real, Loose, Raw, Endless, Numbers, msgspec.Struct])
def test_a_type_with_room_for_doubt_goes_the_quick_way(type_: type[msgspec.Struct]) -> None:
    assert quick_json._decoder(type_) is None


def test_text_beyond_ascii_goes_the_slow_way_and_comes_back() -> None:
    data = codec.to_bytes(WORLD.manifest)
    assert quick_json.decode(data, Manifest) is None
    assert quick_json.encode(WORLD.manifest) is None
    assert codec.from_bytes(data, Manifest) == WORLD.manifest
