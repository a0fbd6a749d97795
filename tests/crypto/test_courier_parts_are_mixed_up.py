"""Parts of envelopes from codes: any order, repeated, of several envelopes, missing, misread; never joined wrongly."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.carrier_code import (
    CHARS_MIN,
    OVERHEAD,
    PARTS_MAX,
    WHOLES_MAX,
    Collection,
    PartError,
    is_part,
    write,
)
from crypto.tape_code import CODE_CHARS_MAX

ONE, OTHER = bytes(range(200)) * 5, bytes(reversed(range(200))) * 5
CHARS = 200


@given(
    st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=4, unique=True),
    st.integers(CHARS_MIN, CODE_CHARS_MAX),
    st.integers(0, 2**32),
)
def test_order_or_repetition_changes_what_comes_out(wholes: list[bytes], chars: int, seed: int) -> None:
    texts = [text for whole in wholes for text in write(whole, chars)]
    assert max(map(len, texts)) <= chars
    assert all(is_part(text) for text in texts)
    chance = random.Random(seed)
    texts += chance.choices(texts, k=5)
    chance.shuffle(texts)
    collection = Collection()
    assert collection.add_all(texts) == []
    assert sorted(collection.whole.values()) == sorted(wholes)
    assert not collection.open


def test_parts_of_two_envelopes_are_joined() -> None:
    ones, others = write(ONE, CHARS), write(OTHER, CHARS)
    collection = Collection()
    assert collection.add_all([*ones[::2], *others[1::2]]) == []
    assert collection.whole == {}
    missing = {pieces.missing for pieces in collection.open.values()}
    assert missing == {tuple(range(2, len(ones) + 1, 2)), tuple(range(1, len(others) + 1, 2))}


def test_missing_part_is_not_named() -> None:
    texts = write(ONE, CHARS)
    collection = Collection()
    collection.add_all(texts[:2] + texts[3:-1])
    (pieces,) = collection.open.values()
    assert pieces.missing == (3, len(texts))


def test_part_was_read_twice_and_differs() -> None:
    texts = write(ONE, CHARS)
    forged = texts[0][:-1] + ("0" if texts[0][-1] != "0" else "1")
    collection = Collection()
    collection.add(texts[0])
    with pytest.raises(PartError, match="was read twice, and differs"):
        collection.add(forged)
    assert collection.add_all(texts[1:]) == []
    (pieces,) = collection.open.values()
    assert (pieces.missing, collection.whole) == ((1,), {})


def test_forged_part_makes_another_whole() -> None:
    first, *rest = write(ONE, CHARS)
    collection = Collection()
    collection.add(first[:OVERHEAD] + ("A" if first[OVERHEAD] != "A" else "B") + first[OVERHEAD + 1 :])
    (wrong,) = collection.add_all(rest)
    assert "photograph them all again" in wrong
    assert collection.whole == {}
    assert collection.add_all([first, *rest]) == [], "the right ones are taken afterwards"
    assert list(collection.whole.values()) == [ONE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BKE1:",
        "BKE1:00/02:0123456789ABCDEF:00",
        "BKE1:03/02:0123456789ABCDEF:00",
        "BKE1:01/02:0123456789abcdef:00",
        "BKE1:01/02:0123456789ABCDEF:0",
        "BKE1:01/02:0123456789ABCDEF:ZZZ",
        "BKE1:01/02:0123456789ABCDEF:é00",
        "BKT1:01/02:01234567:000",
        "https://example.org/",
    ],
)
def test_text_is_no_part(text: str) -> None:
    with pytest.raises(PartError):
        Collection().add(text)


def test_one_envelope_claims_two_numbers_of_parts() -> None:
    collection = Collection()
    collection.add("BKE1:01/03:0123456789ABCDEF:000")
    with pytest.raises(PartError, match="others of the same envelope of 3"):
        collection.add("BKE1:02/04:0123456789ABCDEF:000")


def test_whole_is_too_long_for_codes() -> None:
    with pytest.raises(PartError, match=f"at most {PARTS_MAX}"):
        write(bytes(PARTS_MAX * (CODE_CHARS_MAX - OVERHEAD)))


def test_forged_parts_fill_the_memory() -> None:
    collection = Collection()
    for number in range(WHOLES_MAX):
        collection.add(f"BKE1:01/02:{number:016X}:000")
    with pytest.raises(PartError, match="take fewer photographs at a time"):
        collection.add("BKE1:01/02:FFFFFFFFFFFFFFFF:000")
