"""Our canonical JSON against rfc8785 (of Trail of Bits), which nobody here wrote."""

import json
from typing import Any, Final

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical, codec
from crypto.errors import EncodingError
from crypto.statements import (
    BallotAccount,
    Candidate,
    Contest,
    ContestResult,
    Order,
    Statement,
    Tally,
)
from tests.crypto.byte_flips import damaged
from tests.crypto.election_fixture import make_election

pytestmark = pytest.mark.peer

MAX: Final = 1 << 20
SAFE: Final = 2**53 - 1
MANIFEST: Final = make_election(3).manifest

# Keys that UTF-16 orders otherwise than code points do, and everything that is escaped.
odd = st.sampled_from(
    ["\ufb33", "\U0001f600", "\U0010ffff", "\ue000", "\x7f", "\x1f", "\u2028", '"', "\\", "/", "é"]
)
texts = st.text(st.characters(exclude_categories=["Cs"]) | odd, max_size=6)
numbers = st.integers(-SAFE, SAFE) | st.sampled_from([SAFE, -SAFE, 0])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(texts, inner, max_size=5)
    ),
    max_leaves=12,
)
anything = st.recursive(
    values
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=3)  # with surrogates
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner),
    max_leaves=6,
)

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True)
codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}", fullmatch=True)
names = st.text(st.characters(exclude_categories=["Cs"]) | odd, min_size=1, max_size=30)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
counts = st.integers(0, 0xFFFFFF)


def statements() -> st.SearchStrategy[Statement]:
    """Statements of every shape, with the strangest names that may stand in them."""
    head: dict[str, Any] = {"election": ids, "round": st.integers(1, 9), "branch": ids}
    report = head | {"terminal": ids, "manifest_sha256": digests, "definition_sha256": digests}
    result = st.builds(
        ContestResult,
        votes=st.dictionaries(codes, counts, max_size=6),
        blank=st.none() | counts,
        valid=counts,
        invalid=counts,
        ballots=counts,
    )
    candidates = st.lists(st.builds(Candidate, code=codes, name=names), min_size=1, max_size=4).map(tuple)
    return st.one_of(
        st.builds(
            Tally,
            **report,
            close_no=st.integers(1, 9),
            contests=st.dictionaries(ids, result, max_size=3),
            public_counter=counts,
        ),
        st.builds(
            BallotAccount,
            **report,
            close_no=st.integers(1, 9),
            ballots=st.dictionaries(ids, counts, max_size=3),
            public_counter=counts,
        ),
        st.builds(
            Order,
            **head,
            manifest_sha256=digests,
            kind=st.sampled_from(["zero", "open", "account"]),
            serial=st.integers(1, 2**31),
            voters_signed_in=st.dictionaries(ids, counts, max_size=3),
        ),
        st.builds(Contest, id=ids, title=names, candidates=candidates, blank=st.booleans()),
    )


def refuses(encode: Any, value: object, *errors: type[Exception]) -> bool:
    try:
        encode(value)
    except errors:
        return True
    return False


@given(values)
def test_any_value_has_their_bytes(value: object) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(statements())
def test_any_statement_has_their_bytes(statement: Statement) -> None:
    assert codec.to_bytes(statement) == rfc8785.dumps(msgspec.to_builtins(statement))


def test_manifest_has_their_bytes() -> None:
    assert codec.to_bytes(MANIFEST) == rfc8785.dumps(msgspec.to_builtins(MANIFEST))


@given(anything)
def test_value_that_they_refuse_is_refused(value: Any) -> None:
    """We are stricter (no floats), never laxer; where neither refuses, the bytes are the same."""
    # Their sort meets lone surrogates in keys before their own check does.
    theirs = refuses(rfc8785.dumps, value, rfc8785.CanonicalizationError, UnicodeEncodeError)
    ours = refuses(canonical.encode, value, EncodingError)
    assert ours or not theirs
    if not ours:
        assert canonical.encode(value) == rfc8785.dumps(value)


@given(st.data())
def test_bytes_that_we_read_are_those_that_they_write(data: st.DataObject) -> None:
    text = canonical.encode(data.draw(values))
    changed = data.draw(damaged(text))
    try:
        value = canonical.decode(changed, max_bytes=MAX)
    except EncodingError:
        return
    assert rfc8785.dumps(value) == changed  # type: ignore[arg-type]
    assert json.loads(changed) == value
