from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from crypto import canonical, codec
from crypto.errors import EncodingError, StatementError
from crypto.statements import ContestResult, Order, WitnessPolicy

ORDER = Order(
    election="e1",
    round=1,
    manifest_sha256="00" * 32,
    branch="b1",
    kind="account",
    serial=1,
    voters_signed_in={"mayor": 12},
)
RESULT = ContestResult(votes={"007": 5, "7": 6}, valid=11, invalid=0, ballots=11)


def fields_of(statement: Any) -> dict[str, Any]:
    value = canonical.decode(codec.to_bytes(statement), max_bytes=10_000)
    assert isinstance(value, dict)
    return value


def test_every_field_is_written_defaults_and_null_too() -> None:
    assert codec.to_bytes(ORDER) == (
        b'{"branch":"b1","device":null,"election":"e1","kind":"account","manifest_sha256":"'
        + b"0" * 64
        + b'",'
        b'"reason":"","round":1,"schedule":null,"serial":1,"standby":null,"terminal":null,"type":"order","voters_signed_in":{"mayor":12}}'
    )
    assert (
        codec.to_bytes(RESULT)
        == b'{"ballots":11,"blank":null,"invalid":0,"valid":11,"votes":{"007":5,"7":6}}'
    )


@pytest.mark.parametrize("statement", [ORDER, RESULT, WitnessPolicy(m=1, witnesses=("a", "b"))])
def test_no_statement_is_changed_by_its_encoding(statement: Any) -> None:
    assert codec.from_bytes(codec.to_bytes(statement), type(statement)) == statement


@pytest.mark.parametrize("name", ["type", "voters_signed_in", "election"])
def test_field_left_out_is_named_even_if_it_has_a_default(name: str) -> None:
    fields = fields_of(ORDER)
    del fields[name]
    with pytest.raises(StatementError, match=name):
        codec.from_bytes(canonical.encode(fields), Order)


def test_null_left_out_deep_inside_is_named() -> None:
    class Outer(ContestResult, frozen=True, kw_only=True):
        inner: tuple[ContestResult, ...]

    outer = Outer(votes={}, valid=0, invalid=0, ballots=0, inner=(RESULT, RESULT))
    fields = fields_of(outer)
    del fields["inner"][1]["blank"]
    with pytest.raises(StatementError, match=r"Outer: field at \$\.inner\[1\]\.blank is left out"):
        codec.from_bytes(canonical.encode(fields), Outer)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("colour", "red", "unknown field `colour`"),
        ("type", "tally", r"Invalid enum value 'tally' - at `\$\.type`"),
        ("kind", "explode", r"\$\.kind"),
        ("serial", "1", r"Expected `int`, got `str` - at `\$\.serial`"),
        ("serial", True, r"Expected `int`, got `bool` - at `\$\.serial`"),
        ("serial", 0, r"\$\.serial"),
        ("election", None, r"\$\.election"),
        ("election", "a/b", r"\$\.election"),
        ("voters_signed_in", {"mayor": -1}, r"\$\.voters_signed_in"),
        ("voters_signed_in", {"a+b": 1}, r"voters_signed_in"),
    ],
)
def test_field_that_is_wrong_is_named(name: str, value: object, reason: str) -> None:
    with pytest.raises(StatementError, match=reason):
        codec.from_bytes(canonical.encode(fields_of(ORDER) | {name: value}), Order)


def test_statement_that_no_one_would_accept_is_not_written() -> None:
    with pytest.raises(StatementError, match=r"Order: .*\$\.round"):
        codec.to_bytes(structs.replace(ORDER, round=0))


def test_statement_over_its_limit_is_refused() -> None:
    data = codec.to_bytes(ORDER)
    assert codec.from_bytes(data, Order, max_bytes=len(data)) == ORDER
    with pytest.raises(EncodingError, match="at most"):
        codec.from_bytes(data, Order, max_bytes=len(data) - 1)


def test_statement_with_white_space_is_refused() -> None:
    with pytest.raises(EncodingError):
        codec.from_bytes(codec.to_bytes(ORDER) + b"\n", Order)


@pytest.mark.parametrize(
    "text",
    [
        "QQ",
        "QQ=",
        "QR==",
        "QUJ=",
        "QQ==\n",
        " QQ==",
        "QQ= =",
        "QUI=QUI=",
        "QQ===",
        "=",
        "_-8=",
        "QQ==ignored",
        "é",
        "A",
    ],
)
def test_base64_in_any_but_its_one_form_is_refused(text: str) -> None:
    with pytest.raises(EncodingError, match="base64"):
        codec.unb64(text)


@given(st.binary(max_size=70))
def test_no_bytes_are_changed_by_base64(data: bytes) -> None:
    assert codec.unb64(codec.b64(data)) == data


def test_hash_is_sha_256_in_lower_case() -> None:
    assert codec.sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
