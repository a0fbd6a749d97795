"""Our Merkle tree against pymerkle and tlog-scales, which nobody here wrote.

pymerkle makes the roots and audit paths of RFC 6962, but consistency proofs of its own, with other nodes in another
order: those are not compared, they only judge our roots. tlog-scales makes and checks all proofs of RFC 9162.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import DummySigner
from tlog_scales.tlog import (
    ConsistencyProof,
    ConsistencyProofInvalid,
    InclusionProof,
    InclusionProofInvalid,
)
from tlog_scales.writer import TilesWriter

from crypto import merkle
from crypto.errors import ProofError

pytestmark = pytest.mark.peer

SIZE: Final = 300  # leaves: more than one tile of 256
SMALL: Final = 34  # every pair of sizes up to here is compared
DATA: Final = tuple(b"fact %d" % number for number in range(SIZE))
TREE: Final = merkle.Tree([merkle.leaf_hash(data) for data in DATA])
SAMPLED: Final = (1, 2, 3, 63, 64, 65, 255, 256, 257, 299, 300)

hashes = st.binary(min_size=32, max_size=32)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TilesReader:
    """The same log as tlog-scales keeps it, on disk."""
    root: Path = tmp_path_factory.mktemp("tiles") / "log"
    writer = TilesWriter.create(root, "log.example")
    for data in DATA:
        writer.add_leaf(data)
    writer.commit([DummySigner()])
    reader = TilesReader(LocalBackend(root))
    reader.get_checkpoint()
    return reader


@pytest.fixture(scope="module")
def stranger() -> pymerkle.InmemoryTree:
    """The same log as pymerkle keeps it, in memory. It counts leaves from 1."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(DATA)
    return tree


def refuses(check: Callable[[], object], *errors: type[Exception]) -> bool:
    try:
        check()
    except errors:
        return True
    return False


# --- roots and proofs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [range(SMALL), SAMPLED], ids=["small", "across tiles"])
def test_roots_and_audit_paths_are_theirs(
    tiles: TilesReader, stranger: pymerkle.InmemoryTree, sizes: range
) -> None:
    for size in sizes:
        assert TREE.root(size) == tiles.mth(0, size) == stranger.get_root(size)
        for index in range(size) if size <= SMALL else (0, 1, size // 2, size - 1):
            path = TREE.inclusion(index, size)
            assert list(path) == tiles.get_inclusion_proof(index, size).node_hashes
            proof = stranger.prove_inclusion(index + 1, size)
            assert [merkle.leaf_hash(DATA[index]), *path] == proof.path
            proof.path = [proof.path[0], *path]
            pymerkle.verify_inclusion(proof.path[0], TREE.root(size), proof, index=index + 1, size=size)


@pytest.mark.parametrize("sizes", [range(1, SMALL), SAMPLED], ids=["small", "across tiles"])
def test_consistency_proofs_are_theirs(
    tiles: TilesReader, stranger: pymerkle.InmemoryTree, sizes: range
) -> None:
    for old, new in ((old, new) for new in sizes for old in sizes if old <= new):
        path = TREE.consistency(old, new)
        assert list(path) == tiles.get_consistency_proof(old, new).node_hashes
        theirs = stranger.prove_consistency(old, new)
        pymerkle.verify_consistency(
            TREE.root(old), TREE.root(new), theirs, prior_size=old, later_size=new, algorithm="sha256"
        )


class Claim(NamedTuple):
    """Sizes (or index and size), hashes on the way, and the hashes at both ends."""

    first: int
    second: int
    path: tuple[bytes, ...]
    start: bytes
    end: bytes


@st.composite
def claims(draw: st.DrawFn, *, inclusion: bool) -> Claim:
    """A true claim about the log, or one that is wrong in some place."""
    second = draw(st.integers(1, SIZE))
    first = draw(st.integers(0, second - 1) if inclusion else st.integers(1, second))
    path = list(TREE.inclusion(first, second) if inclusion else TREE.consistency(first, second))
    start = merkle.leaf_hash(DATA[first]) if inclusion else TREE.root(first)
    end = TREE.root(second)
    for _ in range(draw(st.integers(0, 2))):
        match draw(st.sampled_from(["first", "second", "drop", "add", "swap", "change", "start", "end"])):
            case "first":
                first = draw(st.integers(0 if inclusion else 1, SIZE))
            case "second":
                second = draw(st.integers(1, SIZE))
            case "drop" if path:
                path.pop(draw(st.integers(0, len(path) - 1)))
            case "add":
                path.insert(draw(st.integers(0, len(path))), draw(hashes | st.sampled_from([start, end])))
            case "swap" if len(path) > 1:
                at = draw(st.integers(0, len(path) - 2))
                path[at : at + 2] = reversed(path[at : at + 2])
            case "change" if path:
                path[draw(st.integers(0, len(path) - 1))] = draw(hashes)
            case "start":
                start = draw(hashes | st.just(end))
            case "end":
                end = draw(hashes | st.just(start))
    return Claim(first, second, tuple(path), start, end)


@given(claims(inclusion=True))
def test_inclusion_is_refused_exactly_where_they_refuse_it(claim: Claim) -> None:
    we = refuses(
        lambda: merkle.verify_inclusion(claim.start, claim.first, claim.second, claim.path, claim.end),
        ProofError,
    )
    proof = InclusionProof(claim.first, claim.second, list(claim.path))
    assert we == refuses(lambda: proof.check(claim.start, claim.end), InclusionProofInvalid)


@given(claims(inclusion=False))
def test_consistency_is_refused_exactly_where_they_refuse_it(claim: Claim) -> None:
    we = refuses(
        lambda: merkle.verify_consistency(claim.first, claim.second, claim.path, claim.start, claim.end),
        ProofError,
    )
    proof = ConsistencyProof(claim.first, claim.second, list(claim.path))
    assert we == refuses(lambda: proof.check(claim.start, claim.end), ConsistencyProofInvalid)
