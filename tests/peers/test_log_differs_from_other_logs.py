"""Our Merkle tree against pymerkle and tlog-scales, which nobody here wrote.

pymerkle makes the roots and audit paths of RFC 6962, but consistency proofs of its own, with other nodes in another
order: those are not compared, they only judge our roots. tlog-scales makes and checks all proofs of RFC 9162.
"""

from collections.abc import Callable, Sequence
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

from crypto import merkle, receipt
from crypto.errors import ProofError
from crypto.notes import Checkpoint, text_of
from tests.center.publication import PAST, Office, contents
from tests.crypto.election_fixture import make_election
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


# --- pymerkle as the judge of a published log ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a centre published: three branches, six leaves."""
    office = Office(tmp_path_factory.mktemp("office"), make_election(3, schedule=PAST))
    office.day("branch-1", "branch-2", "branch-3")
    assert office.publish().code in (0, 1)
    return contents(office.public)


def believed_by_pymerkle(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether pymerkle's verifier takes the path of a receipt for a proof."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries([leaf] * size)
    proof = tree.prove_inclusion(index + 1, size)  # of the right form; its hashes are replaced
    first = merkle.leaf_hash(leaf)
    proof.path = [first, *path]
    try:
        pymerkle.verify_inclusion(first, root, proof, index=index + 1, size=size)
    except pymerkle.InvalidProof:
        return False
    return True


def test_published_receipts_do_not_convince_pymerkle(published: dict[str, bytes]) -> None:
    head = Checkpoint.parse(text_of(published["checkpoint"].decode()))
    leaves = [published[f"leaves/{index}.dsse.json"] for index in range(head.size)]
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(leaves)
    assert tree.get_root(head.size) == head.root
    for name in (name for name in published if name.startswith("receipts/")):
        parts = receipt.parse_unverified(published[name].decode())
        under = Checkpoint.parse(text_of(parts.note))
        leaf, path, root = leaves[parts.index], list(parts.proof), under.root
        assert tree.get_root(under.size) == root
        claim = (leaf, parts.index, under.size)
        assert believed_by_pymerkle(*claim, path, root), name
        assert not believed_by_pymerkle(leaf + b" ", *claim[1:], path, root)
        assert not believed_by_pymerkle(leaves[parts.index - 1], *claim[1:], path, root)
        assert not believed_by_pymerkle(*claim, path, merkle.EMPTY_ROOT)
        for place in range(len(path)):
            bent = [*path[:place], merkle.EMPTY_ROOT, *path[place + 1 :]]
            assert not believed_by_pymerkle(*claim, bent, root)
        assert not believed_by_pymerkle(*claim, [*path, merkle.EMPTY_ROOT], root)
        assert not path or not believed_by_pymerkle(*claim, path[:-1], root)
