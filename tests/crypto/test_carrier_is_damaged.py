"""A compact carrier that lost or changed as much as a bit is refused: when it is read, or by the signature inside."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.carrier import CarrierError, TruncatedError, from_compact, to_compact
from crypto.errors import EvidenceError, ManifestError, StatementError
from crypto.submissions import CheckedSubmission, check_submission
from tests.crypto.byte_flips import damaged, every_bit_flipped
from tests.crypto.carrier_world import HASH, OTHER_HASH, account, outer, sealed
from tests.crypto.election_fixture import make_election

WORLD = make_election(branches=2, terminals_per_branch=2, count_bits=8 + 4)
MANIFEST = WORLD.loaded
CHAINED = outer(WORLD, prev=HASH, supersedes=OTHER_HASH)
CARRIERS = {
    "sealed": to_compact(sealed(WORLD, CHAINED), MANIFEST),
    "account": to_compact(account(WORLD, CHAINED), MANIFEST),
    "first sealed": to_compact(sealed(WORLD, outer(WORLD)), MANIFEST),
    "first account": to_compact(account(WORLD, outer(WORLD), findings=()), MANIFEST),
}
ALL = pytest.mark.parametrize("good", CARRIERS.values(), ids=CARRIERS.keys())

# Offsets of the layout in docs/compact-carrier.md.
KIND, PREFIX, BRANCH, FLAGS, CLOSE_NO, SEQ, JOURNAL_SIZE = 0, 1, 5, 9, 10, 14, 18
FINDINGS = 58 + 64 + 5 * 3


def receive(data: bytes) -> CheckedSubmission:
    return check_submission(from_compact(data, MANIFEST), MANIFEST)


def patched(name: str, offset: int, piece: bytes) -> bytes:
    good = CARRIERS[name]
    return good[:offset] + piece + good[offset + len(piece) :]


@ALL
def test_undamaged_carriers_are_taken(good: bytes) -> None:
    assert receive(good).statement.branch == "branch-1"


@pytest.mark.parametrize("name", ["sealed", "account"])
def test_any_flipped_bit_is_refused(name: str) -> None:
    for bad in every_bit_flipped(CARRIERS[name]):
        with pytest.raises(EvidenceError):
            receive(bad)


def test_any_other_byte_in_the_header_is_refused() -> None:
    good = CARRIERS["first sealed"]
    for place in range(JOURNAL_SIZE + 8):
        for value in set(range(256)) - {good[place]}:
            with pytest.raises(EvidenceError):
                receive(good[:place] + bytes([value]) + good[place + 1 :])


@ALL
def test_any_truncation_is_named_as_such(good: bytes) -> None:
    for size in range(len(good)):
        with pytest.raises(TruncatedError, match="missing"):
            from_compact(good[:size], MANIFEST)


@ALL
def test_a_missing_beginning_or_middle_is_refused(good: bytes) -> None:
    for start in range(len(good)):
        for missing in (1, 134):
            with pytest.raises(EvidenceError):
                receive(good[:start] + good[start + missing :])


@ALL
@pytest.mark.parametrize("surplus", [b"\0", b"\n", bytes(134)])
def test_bytes_after_the_end_are_refused(good: bytes, surplus: bytes) -> None:
    with pytest.raises(CarrierError, match=f"{len(surplus)} bytes after its end at byte {len(good)}"):
        from_compact(good + surplus, MANIFEST)


@given(st.sampled_from(sorted(CARRIERS)).flatmap(lambda name: damaged(CARRIERS[name])))
def test_any_other_damage_is_refused(bad: bytes) -> None:
    with pytest.raises(EvidenceError):
        receive(bad)


@given(st.binary(max_size=600), st.booleans())
def test_noise_is_refused(noise: bytes, with_header: bool) -> None:
    data = CARRIERS["account"][:FLAGS] + noise if with_header else noise
    with pytest.raises(EvidenceError):
        receive(data)


@given(damaged(CARRIERS["first account"][: FINDINGS - 64 + 2]))
def test_no_two_carriers_give_one_envelope(head: bytes) -> None:
    """Whatever can be read at all gives an envelope of its own: nothing in a carrier is without meaning."""
    good = CARRIERS["first account"]
    bad = head + good[FINDINGS - 64 + 2 :]
    try:
        rendered = from_compact(bad, MANIFEST)
    except EvidenceError:
        return
    assert rendered != from_compact(good, MANIFEST)


@pytest.mark.parametrize(
    ("name", "offset", "piece", "error", "words"),
    [
        ("sealed", KIND, b"\x01", CarrierError, "version 0"),
        ("sealed", KIND, b"\x11", CarrierError, "version 1"),
        ("sealed", KIND, b"{", CarrierError, "version 7"),
        ("sealed", KIND, b"\x20", CarrierError, "kind 0"),
        ("sealed", KIND, b"\x23", CarrierError, "kind 3"),
        ("sealed", PREFIX, bytes(4), ManifestError, "made under manifest 00000000"),
        ("sealed", BRANCH, bytes([0, 0, 0, 2]), ManifestError, "branch number 2"),
        ("sealed", BRANCH, bytes([0, 255, 255, 255]), ManifestError, "branch number 16777215"),
        ("sealed", BRANCH, b"\xff" + bytes(3), ManifestError, "device of branch 'branch-1' number 255"),
        ("sealed", FLAGS, b"\xc2", ManifestError, "terminal of branch 'branch-1' number 2"),
        ("sealed", FLAGS, b"\xf8", CarrierError, "cause number 7"),
        ("sealed", FLAGS, b"\xe0", CarrierError, "cause number 4"),
        ("sealed", CLOSE_NO, bytes(4), StatementError, "close_no"),
        ("sealed", SEQ, b"\x80\0\0\1", StatementError, "seq"),
        ("sealed", JOURNAL_SIZE, b"\0\x20" + bytes(6), StatementError, "size"),
        ("account", CLOSE_NO, bytes(4), StatementError, "close_no"),
        ("account", FINDINGS, b"\xff\xff", TruncatedError, "within its findings"),
        ("account", FINDINGS + 2, b"\x06", CarrierError, "code of a finding number 6"),
        ("account", FINDINGS + 3, b"\x03", ManifestError, "contest of a finding number 2"),
    ],
)
def test_it_says_what_is_wrong(
    name: str, offset: int, piece: bytes, error: type[EvidenceError], words: str
) -> None:
    with pytest.raises(error, match=words):
        from_compact(patched(name, offset, piece), MANIFEST)


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: make_election(branches=2, terminals_per_branch=2, count_bits=13), "other widths"),
        (lambda: make_election(branches=2, terminals_per_branch=2, count_bits=12, version=2), "newer"),
    ],
)
def test_the_manifest_of_another_day_is_named(make: Callable[[], Any], change: str) -> None:
    other = make().loaded
    assert other.sha256 != MANIFEST.sha256, change
    for good in CARRIERS.values():
        with pytest.raises(ManifestError, match=f"made under manifest {MANIFEST.sha256[:8]}"):
            from_compact(good, other)


def test_a_forged_reference_to_another_branch_fails_its_signature() -> None:
    for name in CARRIERS:
        rendered = from_compact(patched(name, BRANCH, bytes([0, 0, 0, 1])), MANIFEST)
        with pytest.raises(EvidenceError, match="does not fit"):
            check_submission(rendered, MANIFEST)


def test_a_manifest_with_the_same_prefix_fails_the_signature() -> None:
    """Four bytes are enough to find a manifest, not to prove one: all 32 stand in what is signed."""
    twin = make_election(branches=2, terminals_per_branch=2, count_bits=8 + 4, version=3).loaded
    for good in CARRIERS.values():
        forged = good[:PREFIX] + bytes.fromhex(twin.sha256)[:4] + good[BRANCH:]
        with pytest.raises(EvidenceError, match="does not fit"):
            check_submission(from_compact(forged, twin), twin)
