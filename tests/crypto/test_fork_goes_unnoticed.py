"""Two branches hold their receipts together: a log that showed them two histories must not get away with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import acknowledgement, comparison, receipt
from crypto.comparison import Comparison, compare
from crypto.consistency import Consistency
from crypto.errors import ProofError
from crypto.identity import SigningKey
from crypto.merkle import Tree, leaf_hash
from crypto.notes import Checkpoint, NoteSigner, NoteVerifier

LOG = NoteSigner("log.example/round-1", SigningKey.from_seed(b"l" * 32))
VERIFIER = NoteVerifier(LOG.vkey)


@dataclass
class History:
    """What the log shows one half of the country: leaves, and what it signs about them."""

    leaves: list[bytes]

    def tree(self, size: int) -> Tree:
        return Tree([leaf_hash(leaf) for leaf in self.leaves[:size]])

    def head(self, size: int, log: NoteSigner = LOG) -> str:
        return log.sign(Checkpoint(log.name, size, self.tree(size).root()).text())

    def receipt(self, index: int, size: int) -> bytes:
        proof = self.tree(size).inclusion(index)
        return receipt.make(self.leaves[index], index, proof, self.head(size)).encode()

    def grown(self, old: int, new: int) -> bytes:
        return Consistency(self.head(old), self.head(new), self.tree(new).consistency(old)).to_text().encode()


def envelopes(count: int) -> list[bytes]:
    return [b'{"envelope":%d}' % number for number in range(count)]


HONEST = History(envelopes(40))
FORKED = History([*envelopes(9), b'{"another":1}', *envelopes(40)[10:]])
"""Another leaf 9."""


def look(*data: bytes) -> Comparison:
    return compare([(f"file-{number}", one) for number, one in enumerate(data)], VERIFIER)


def test_same_size_and_another_root() -> None:
    found = look(HONEST.receipt(3, 20), FORKED.receipt(17, 20))
    assert found.verdict == "fork"
    assert [(fork.low, fork.high, fork.files) for fork in found.forks] == [(0, 20, ("file-0", "file-1"))]


def test_same_index_and_another_leaf() -> None:
    found = look(HONEST.receipt(9, 20), FORKED.receipt(9, 27), HONEST.leaves[9], FORKED.leaves[9])
    assert (9, 10) in [(fork.low, fork.high) for fork in found.forks]
    assert look(HONEST.receipt(9, 20), FORKED.receipt(9, 27)).verdict == "undetermined", (
        "no envelope, no leaf"
    )


def test_neighbours_of_two_leaves_betray_the_fork() -> None:
    """Neither branch has the leaf that was exchanged, and the sizes differ; a node above it stands in both proofs."""
    found = look(HONEST.receipt(12, 33), FORKED.receipt(3, 40), HONEST.leaves[12], FORKED.leaves[3])
    assert (8, 16) in [(fork.low, fork.high) for fork in found.forks]
    assert found.verdict == "fork"


def test_consistency_proof_shows_whose_history_it_is_not() -> None:
    found = look(FORKED.receipt(3, 20), HONEST.receipt(3, 30), HONEST.grown(20, 30))
    assert found.verdict == "fork"
    assert found.forks[0].files == ("file-0", "file-2")


def test_receipts_of_one_history_are_called_a_fork() -> None:
    two = look(HONEST.receipt(3, 20), HONEST.receipt(17, 20))
    assert two.verdict == "consistent"
    assert [head.size for head in two.heads] == [20]
    apart = look(HONEST.receipt(3, 20), HONEST.receipt(17, 27))
    assert apart.verdict == "undetermined"
    assert [(gap.old, gap.new) for gap in apart.gaps] == [(20, 27)]
    assert look(HONEST.receipt(3, 20), HONEST.receipt(17, 27), HONEST.grown(20, 27)).verdict == "consistent"


def test_two_prefixes_of_one_later_log_are_called_undetermined() -> None:
    files = [HONEST.receipt(3, 20), HONEST.receipt(17, 27), HONEST.grown(20, 33), HONEST.grown(27, 33)]
    assert look(*files).verdict == "consistent"
    assert look(*files[:3]).gaps[0].old == 20


def test_common_beginning_is_taken_for_consistency() -> None:
    """20 is the beginning of both 27 and 33; whether 27 is that of 33 nobody has shown."""
    found = look(HONEST.grown(20, 27), HONEST.grown(20, 33))
    assert found.verdict == "undetermined"
    assert [(gap.old, gap.new) for gap in found.gaps] == [(27, 33)]


def test_receipt_that_holds_an_older_root_is_no_proof_of_growth() -> None:
    found = look(HONEST.head(32).encode(), HONEST.receipt(35, 40), HONEST.leaves[35])
    assert found.verdict == "consistent", "the root over 32 leaves stands in the proof"
    assert look(HONEST.head(32).encode(), HONEST.receipt(35, 40)).verdict == "undetermined"
    assert look(FORKED.head(32).encode(), HONEST.receipt(35, 40), HONEST.leaves[35]).verdict == "fork"


def test_wrong_proof_accuses_an_honest_log() -> None:
    wrong = Consistency(HONEST.head(20), HONEST.head(27), HONEST.tree(27).consistency(19)).to_text().encode()
    found = look(wrong)
    assert (found.verdict, found.unproven) == ("undetermined", ("file-0",))
    assert found.gaps[0].new == 27


def test_empty_log_is_missing_its_proof() -> None:
    empty = LOG.sign(Checkpoint(LOG.name, 0, Tree().root()).text()).encode()
    assert look(empty, HONEST.receipt(3, 20)).verdict == "consistent"


def test_acknowledgement_is_taken_for_a_head() -> None:
    promise = acknowledgement.make(HONEST.leaves[3], LOG).encode()
    found = look(promise, HONEST.receipt(3, 20))
    assert (found.verdict, found.silent) == ("consistent", ("file-0",))
    assert look(promise, promise).verdict == "undetermined"


STRANGER = NoteSigner(LOG.name, SigningKey.from_seed(b"s" * 32))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"\xff\xfe",
        HONEST.receipt(3, 20)[:-9] + b"A" + HONEST.receipt(3, 20)[-8:],
        STRANGER.sign(Checkpoint(LOG.name, 3, bytes(32)).text()).encode(),
        LOG.sign(Checkpoint("another.example", 3, bytes(32)).text()).encode(),
        acknowledgement.make(b"x", STRANGER).encode(),
        HONEST.grown(20, 27).replace(b"old 20", b"old 21"),
    ],
)
def test_file_that_the_log_never_signed_proves_a_fork(data: bytes) -> None:
    with pytest.raises(ProofError, match="file-1"):
        look(HONEST.receipt(3, 20), data)


def test_receipt_that_does_not_hold_its_envelope() -> None:
    other = HONEST.receipt(3, 20).replace(b"index 3", b"index 4")
    with pytest.raises(ProofError, match="file-0"):
        look(other, HONEST.leaves[3])


def test_endless_files() -> None:
    with pytest.raises(ProofError, match="at most"):
        compare([("x", b"{")] * (comparison.FILES_MAX + 1), VERIFIER)


@given(
    places=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 39)), min_size=2, max_size=6),
    proofs=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=4),
)
def test_honest_log_is_ever_accused(
    places: Sequence[tuple[int, int]], proofs: Sequence[tuple[int, int]]
) -> None:
    files = [HONEST.receipt(index % size, size) for size, index in places]
    files += [HONEST.leaves[index % size] for size, index in places]
    files += [HONEST.grown(min(pair), max(pair)) for pair in proofs]
    assert look(*files).verdict != "fork"


@given(size=st.integers(10, 40), mine=st.integers(0, 9), others=st.integers(0, 9))
def test_fork_at_one_size_is_ever_missed(size: int, mine: int, others: int) -> None:
    assert look(HONEST.receipt(mine, size), FORKED.receipt(others, size)).verdict == "fork"


@given(old=st.integers(10, 40), new=st.integers(10, 40), mine=st.integers(0, 39), others=st.integers(0, 39))
def test_forked_log_is_ever_called_consistent(old: int, new: int, mine: int, others: int) -> None:
    files = [HONEST.receipt(mine % old, old), FORKED.receipt(others % new, new)]
    files += [HONEST.leaves[mine % old], FORKED.leaves[others % new]]
    assert look(*files).verdict in {"fork", "undetermined"}
