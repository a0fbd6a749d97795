"""Requests for missing parts: what one end packs the other reads, and nothing else passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sms
from crypto.sms_missing import MISSING_OCTETS_MAX, MissingParts, MissingRequestError, pack, read


@st.composite
def requests(draw: st.DrawFn) -> MissingParts:
    total = draw(st.integers(2, 255))
    missing = draw(st.sets(st.integers(1, total), min_size=1, max_size=total - 1))
    return MissingParts(draw(st.integers(0, 255)), total, tuple(sorted(missing)))


@given(requests())
def test_what_is_packed_is_read(request: MissingParts) -> None:
    data = pack(request.reference, request.total, reversed(request.missing))
    assert read(data) == request
    assert len(data) <= MISSING_OCTETS_MAX
    assert len(sms.split(data, reference=0)) == 1


def test_example_stays_as_it_is() -> None:
    assert pack(42, 6, [2, 6]).hex() == "a22a0644"
    assert read(bytes.fromhex("a22a0644")) == MissingParts(42, 6, (2, 6))


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\xa2" + tail))
def test_garbage_is_refused_or_reads_as_what_would_be_packed(data: bytes) -> None:
    try:
        request = read(data)
    except MissingRequestError:
        return
    assert pack(request.reference, request.total, request.missing) == data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a2",
        "a22a06",
        "a32a0644",
        "a22a064400",  # too long
        "a22a0900",  # too short for nine parts
        "a22a0600",  # nothing is missing
        "a22a06fc",  # everything is
        "a22a0646",  # a seventh of six
        "a22a0180",  # of one part none can be missing
        "a22a00",
    ],
)
def test_each_of_these_is_refused(text: str) -> None:
    with pytest.raises(MissingRequestError):
        read(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("reference", "total", "missing"),
    [
        (256, 6, [1]),
        (-1, 6, [1]),
        (0, 1, [1]),
        (0, 256, [1]),
        (0, 6, []),
        (0, 2, [1, 2]),
        (0, 6, [0]),
        (0, 6, [7]),
    ],
)
def test_impossible_requests_are_not_packed(reference: int, total: int, missing: list[int]) -> None:
    with pytest.raises(ValueError, match="parts"):
        pack(reference, total, missing)
