import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical
from crypto.errors import EncodingError
from crypto.wire import DEPTH_MAX
from tests.crypto.byte_flips import damaged
from tests.crypto.vector_files import committed, needs_shared, shared

VECTORS = {vector["name"]: vector for vector in committed("rfc8785-jcs.json")["vectors"]}
FLOAT_FREE = ["arrays", "french", "unicode", "weird"]
MAX = 1 << 20

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def decode(data: bytes) -> object:
    return canonical.decode(data, max_bytes=MAX)


def reference(value: Any) -> str:
    """RFC 8785 §3.2 written down a second time, naively."""
    if isinstance(value, str):
        short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
        escaped = (short.get(ord(c)) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c) for c in value)
        return '"' + "".join(escaped) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(reference, value)) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: [*memoryview(key.encode("utf-16-le")).cast("H")])
        return "{" + ",".join(f"{reference(key)}:{reference(value[key])}" for key in keys) + "}"
    return "null" if value is None else str(value).lower()


# --- vectors of others ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FLOAT_FREE)
def test_float_free_vector_encodes_as_rfc_8785_says_and_only_that_form_is_read(name: str) -> None:
    given_bytes = base64.b64decode(VECTORS[name]["input_b64"])
    expected = bytes.fromhex(VECTORS[name]["expected_hex"])
    value = json.loads(given_bytes)
    assert canonical.encode(value) == expected
    assert decode(expected) == value
    with pytest.raises(EncodingError):
        decode(given_bytes)


def test_vector_with_an_integer_written_as_float_is_refused_until_it_is_an_integer() -> None:
    given_bytes = base64.b64decode(VECTORS["structures"]["input_b64"])
    expected = bytes.fromhex(VECTORS["structures"]["expected_hex"])
    with pytest.raises(EncodingError):
        decode(given_bytes)
    with pytest.raises(EncodingError, match=r"number 56\.0: only integers"):
        decode(expected.replace(b":56,", b":56.0,"))
    with pytest.raises(EncodingError, match=r"float at \$"):
        canonical.encode(json.loads(given_bytes))
    assert canonical.encode(decode(expected)) == expected


def test_vector_with_floats_is_refused_though_rfc_8785_allows_them() -> None:
    expected = bytes.fromhex(VECTORS["values"]["expected_hex"])
    with pytest.raises(EncodingError, match="only integers are accepted"):
        decode(expected)
    with pytest.raises(EncodingError, match=r"float at \$\.numbers\[0\]"):
        canonical.encode(json.loads(expected))


def test_no_vector_is_left_out() -> None:
    assert {*FLOAT_FREE, "structures", "values"} == set(VECTORS)


@needs_shared
def test_committed_vectors_are_those_of_the_full_file() -> None:
    assert committed("rfc8785-jcs.json") == shared("rfc8785-jcs.json")


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b'{"a":1', "not JSON"),
        (b"[1,]", "not JSON"),
        (b"nul", "not JSON"),
        (b"{}{}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'"\xc0\xaf"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"{} ", "not RFC 8785"),
        (b"{}\n", "not RFC 8785"),
        (b" {}", "not RFC 8785"),
        (b'{"a": 1}', "not RFC 8785"),
        (b'"\\/"', "not RFC 8785"),
        (b'"\\u0041"', "not RFC 8785"),
        (b'"\\u001F"', "not RFC 8785"),
        (b'"\\u000a"', "not RFC 8785"),
        (b'"\\ud83d\\ude02"', "not RFC 8785"),
        (b"-0", "not RFC 8785"),
        (b"01", "not JSON"),
        (b'"\\ud83d"', "unpaired surrogate"),
        (b'{"\\udc00":1}', "unpaired surrogate"),
        (b'"\x1f"', "not JSON"),
        (b'{"a":1,"a":1}', "repeats a key"),
        (b'{"a":1,"a":2}', "repeats a key"),
        (b'{"b":1,"a":1}', "order"),
        ('{"\ufb33":1,"\U0001f602":1}'.encode(), "order"),
        (b"1.0", "only integers"),
        (b"1e3", "only integers"),
        (b"NaN", "only integers"),
        (b"-Infinity", "only integers"),
        (b"9007199254740992", "beyond"),
        (b"-9007199254740992", "beyond"),
        (b"1" * 5000, "beyond"),
    ],
)
def test_bytes_that_no_encoder_of_ours_writes_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(EncodingError, match=reason):
        decode(data)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, r"float at \$"),
        ({"a": [0, float("nan")]}, r"float at \$\.a\[1\]"),
        ({"a": 2**53}, r"integer at \$\.a"),
        (-(2**53), r"integer at \$"),
        ({1: "a"}, "key 1 at"),
        ({"a": b"raw"}, r"bytes at \$\.a"),
        ({"a": {1, 2}}, "set at"),
        ("\ud800", "unpaired surrogate"),
        ({"\udfff": 1}, "unpaired surrogate"),
    ],
)
def test_values_that_json_implementations_disagree_on_are_refused(value: object, reason: str) -> None:
    with pytest.raises(EncodingError, match=reason):
        canonical.encode(value)


def test_subclasses_that_may_print_as_they_like_are_refused() -> None:
    class Loud(str):
        __slots__ = ()

    with pytest.raises(EncodingError, match="Loud at"):
        canonical.encode([Loud("a")])


def test_input_over_its_limit_is_refused_before_it_is_parsed() -> None:
    assert canonical.decode(b"[1,2]", max_bytes=5) == [1, 2]
    with pytest.raises(EncodingError, match="at most 4"):
        canonical.decode(b"[1,2]", max_bytes=4)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_refused_one_level_beyond_the_limit(opening: str, closing: str) -> None:
    deepest = (opening * DEPTH_MAX + "1" + closing * DEPTH_MAX).encode()
    value = decode(deepest)
    assert canonical.encode(value) == deepest
    with pytest.raises(EncodingError, match="nested deeper"):
        decode(opening.encode() + deepest + closing.encode())
    with pytest.raises(EncodingError, match="nested deeper"):
        canonical.encode([value])


@pytest.mark.parametrize(
    "data",
    [b"[" * 500_000, b'{"a":' * 100_000, b'"\\"' + b"[" * 500_000, b'"' + b'\\"' * 250_000, b"]" * 500_000],
)
def test_hostile_input_ends_in_a_refusal_not_in_a_stack_overflow_or_a_long_scan(data: bytes) -> None:
    with pytest.raises(EncodingError):
        decode(data)


def test_brackets_inside_strings_are_not_nesting() -> None:
    data = canonical.encode(["[" * 100, '"[\\', "{" * 100])
    assert canonical.encode(decode(data)) == data


# --- what holds for every value ----------------------------------------------------------------------------------


@given(values)
def test_no_value_is_changed_by_its_encoding(value: object) -> None:
    data = canonical.encode(value)
    assert data == reference(value).encode()
    assert decode(data) == value


@given(st.data())
def test_damaged_encoding_is_refused_or_is_the_encoding_of_something_else(data: st.DataObject) -> None:
    written = canonical.encode(data.draw(values))
    changed = data.draw(damaged(written))
    try:
        value = decode(changed)
    except EncodingError:
        return
    assert canonical.encode(value) == changed


@given(st.dictionaries(texts, st.integers(0, 9), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_order_in_which_keys_were_written_is_forgotten(value: dict[str, int], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert canonical.encode(dict(items)) == canonical.encode(value)
