"""Our Merkle tree against pymerkle and tlog-scales, which nobody here wrote.

pymerkle makes the roots and audit paths of RFC 6962, but consistency proofs of its own, with other nodes in another
order: those are not compared, they only judge our roots. tlog-scales makes and checks all proofs of RFC 9162.
"""

from collections.abc import Callable
from pathlib import Path

import pymerkle
import pytest
from hypothesis import given
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
from tests.peers.log_claims import DATA, SAMPLED, SMALL, TREE, Claim, claims

pytestmark = pytest.mark.peer


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
