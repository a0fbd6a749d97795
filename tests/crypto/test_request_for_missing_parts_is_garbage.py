"""Requests for missing parts: what the log signs the other end reads, and nothing else passes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sms
from crypto.errors import EvidenceError, ProofError
from crypto.notes import NoteSigner
from crypto.sms_missing import (
    AT_MAX,
    MISSING_OCTETS_MAX,
    TOTAL_MAX,
    WISH_OCTETS_MAX,
    MissingParts,
    MissingRequestError,
    SignedRequest,
    hash_of,
    make,
    read,
    read_wish,
    wish,
)
from tests.crypto.election_fixture import LOG_NAME, key_of, make_election

ELECTION = make_election(1)
LOG = ELECTION.loaded.log_verifier
HASH = hash_of([b"one", b"two"])
EXAMPLE = MissingParts(42, 6, (2, 6), HASH)


@st.composite
def requests(draw: st.DrawFn) -> MissingParts:
    total = draw(st.integers(2, TOTAL_MAX))
    missing = draw(st.sets(st.integers(1, total), min_size=1, max_size=total - 1))
    received = draw(st.binary(min_size=32, max_size=32)).hex()
    return MissingParts(draw(st.integers(0, 255)), total, tuple(sorted(missing)), received)


@given(requests(), st.integers(0, AT_MAX))
def test_what_is_signed_is_read(request: MissingParts, at_s: int) -> None:
    asked = wish(request)
    assert read_wish(asked) == request
    assert len(asked) <= WISH_OCTETS_MAX
    data = make(request, ELECTION.log, at_s=at_s)
    assert read(data, log=LOG) == SignedRequest(at_s, request)
    assert len(data) <= MISSING_OCTETS_MAX
    assert len(sms.split(data, reference=0)) == 1


def test_example_stays_as_it_is() -> None:
    assert wish(EXAMPLE).hex() == f"a22a0644{HASH}"
    data = make(EXAMPLE, ELECTION.log, at_s=1_800_000_000)
    assert data[:-64].hex() == f"a2{LOG.key_hash.hex()}6b49d2002a0644{HASH}"
    assert len(data) == 108


def test_every_changed_bit_is_seen() -> None:
    data = make(EXAMPLE, ELECTION.log, at_s=1_800_000_000)
    for bit in range(8 * len(data)):
        forged = bytearray(data)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EvidenceError):
            read(bytes(forged), log=LOG)


def test_signature_of_another_log_or_over_something_else() -> None:
    with pytest.raises(ProofError):
        read(make(EXAMPLE, NoteSigner(LOG_NAME, key_of("another log")), at_s=1), log=LOG)
    other = replace(EXAMPLE, reference=43)
    signed, moved = make(EXAMPLE, ELECTION.log, at_s=1), make(other, ELECTION.log, at_s=1)
    with pytest.raises(ProofError):
        read(moved[:-64] + signed[-64:], log=LOG)


@given(st.binary(max_size=140) | st.binary(max_size=140).map(lambda tail: b"\xa2" + tail))
def test_garbage_is_refused_or_is_what_would_be_written(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        read(data, log=LOG)
    try:
        request = read_wish(data)
    except MissingRequestError:
        return
    assert wish(request) == data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a2",
        "a22a",
        "a22a06",
        "a22a0644",  # without a hash
        f"a32a0644{HASH}",
        f"a22a0644{HASH}00",  # too long
        f"a22a0900{HASH}",  # too short for nine parts
        f"a22a0600{HASH}",  # nothing is missing
        f"a22a06fc{HASH}",  # everything is
        f"a22a0646{HASH}",  # a seventh of six
        f"a22a0180{HASH}",  # of one part none can be missing
        f"a22ac9{'80' * 26}{HASH}",  # of 201 parts
    ],
)
def test_each_of_these_is_refused(text: str) -> None:
    with pytest.raises(MissingRequestError):
        read_wish(bytes.fromhex(text))


@pytest.mark.parametrize(
    "parts",
    [
        MissingParts(256, 6, (1,), HASH),
        MissingParts(-1, 6, (1,), HASH),
        MissingParts(0, 1, (1,), HASH),
        MissingParts(0, TOTAL_MAX + 1, (1,), HASH),
        MissingParts(0, 6, (), HASH),
        MissingParts(0, 2, (1, 2), HASH),
        MissingParts(0, 6, (0,), HASH),
        MissingParts(0, 6, (7,), HASH),
        MissingParts(0, 6, (1,), HASH[2:]),
    ],
)
def test_impossible_requests_are_not_written(parts: MissingParts) -> None:
    with pytest.raises(ValueError, match="parts"):
        wish(parts)


@pytest.mark.parametrize("at_s", [-1, AT_MAX + 1])
def test_impossible_times_are_not_signed(at_s: int) -> None:
    with pytest.raises(ValueError, match="1970"):
        make(EXAMPLE, ELECTION.log, at_s=at_s)
