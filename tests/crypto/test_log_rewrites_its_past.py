import base64
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import merkle
from crypto.errors import ProofError
from crypto.merkle import Frontier, Tree
from tests.crypto.vector_files import committed, needs_shared, shared

INCLUSION = "rfc6962-inclusion-transparency-dev.json"
CONSISTENCY = "rfc6962-consistency-transparency-dev.json"
LEAVES = tuple(merkle.leaf_hash(b"fact %d" % number) for number in range(70))
TREE = Tree(LEAVES)


def split(size: int) -> int:
    return max(1 << power for power in range(64) if 1 << power < size)


@cache
def reference_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, as it stands there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + reference_root(leaves[:k]) + reference_root(leaves[k:])).digest()


def reference_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*reference_path(m, leaves[:k]), reference_root(leaves[k:])]
    return [*reference_path(m - k, leaves[k:]), reference_root(leaves[:k])]


def reference_proof(m: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of RFC 6962 §2.1.2."""
    if m == len(leaves):
        return [] if whole else [reference_root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*reference_proof(m, leaves[:k], whole), reference_root(leaves[k:])]
    return [*reference_proof(m - k, leaves[k:], False), reference_root(leaves[:k])]


def unb64(text: str) -> bytes:
    return base64.b64decode(text)


def check_inclusion(vector: dict[str, Any]) -> None:
    merkle.verify_inclusion(
        unb64(vector["leafHash"]),
        vector["leafIdx"],
        vector["treeSize"],
        [unb64(node) for node in vector["proof"] or []],
        unb64(vector["root"]),
    )


def check_consistency(vector: dict[str, Any]) -> None:
    merkle.verify_consistency(
        vector["size1"],
        vector["size2"],
        [unb64(node) for node in vector["proof"] or []],
        unb64(vector["root1"]),
        unb64(vector["root2"]),
    )


def run(name: str, vectors: list[dict[str, Any]]) -> int:
    """How many verdicts are those of the vectors; all of them must be."""
    check = check_inclusion if name == INCLUSION else check_consistency
    for vector in vectors:
        try:
            check(with_hashes(vector))
        except ProofError:
            assert vector["wantErr"], vector["desc"]
        else:
            assert not vector["wantErr"], vector["desc"]
    return len(vectors)


def with_hashes(vector: dict[str, Any]) -> dict[str, Any]:
    """Some roots are placeholders such as "don't care", which we refuse as no hashes: here their hash stands in."""
    roots = {key: vector[key] for key in ("root", "root1", "root2") if key in vector}
    return vector | {
        key: base64.b64encode(sha256(unb64(root)).digest()).decode()
        for key, root in roots.items()
        if not is_hash(root)
    }


def is_hash(root: str) -> bool:
    return len(unb64(root)) == 32


# --- vectors of others ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [INCLUSION, CONSISTENCY])
def test_proofs_of_another_implementation_get_the_same_verdict(name: str) -> None:
    vectors = committed(name)
    assert {vector["wantErr"] for vector in vectors} == {True, False}
    assert run(name, vectors) > 20


@needs_shared
def test_all_proofs_of_another_implementation_get_the_same_verdict() -> None:
    names = (INCLUSION, CONSISTENCY)
    assert all(vector in shared(name) for name in names for vector in committed(name))
    assert sum(run(name, shared(name)) for name in names) == 196


def test_root_that_is_no_hash_is_consistent_with_itself() -> None:
    """The one vector that calls such a proof good cares only about the sizes."""
    (vector,) = (one for one in committed(CONSISTENCY) if not one["wantErr"] and not is_hash(one["root1"]))
    assert (vector["size1"], vector["size2"], vector["proof"]) == (1, 1, [])
    check_consistency(with_hashes(vector))
    with pytest.raises(ProofError):
        check_consistency(vector)


# --- the tree itself -------------------------------------------------------------------------------------------


def test_every_root_is_that_of_rfc_6962() -> None:
    frontier, tree = Frontier(), Tree()
    for size, leaf in enumerate(LEAVES):
        expected = reference_root(LEAVES[:size])
        assert frontier.root() == tree.root() == TREE.root(size) == merkle.root(LEAVES[:size]) == expected
        assert frontier.size == tree.size == size
        frontier.append(leaf)
        assert tree.append(leaf) == size


def test_every_inclusion_proof_is_that_of_rfc_6962() -> None:
    for size in range(1, len(LEAVES) + 1):
        for index in range(size):
            proof = TREE.inclusion(index, size)
            assert list(proof) == reference_path(index, LEAVES[:size])
            merkle.verify_inclusion(LEAVES[index], index, size, proof, TREE.root(size))


def test_every_consistency_proof_is_that_of_rfc_6962() -> None:
    for new in range(1, len(LEAVES) + 1):
        for old in range(1, new + 1):
            proof = TREE.consistency(old, new)
            assert list(proof) == reference_proof(old, LEAVES[:new])
            merkle.verify_consistency(old, new, proof, TREE.root(old), TREE.root(new))


def test_hashes_of_leaves_and_nodes_are_kept_apart() -> None:
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.node_hash(left, right) != merkle.leaf_hash(left + right)
    assert merkle.EMPTY_ROOT == merkle.root([]) == sha256(b"").digest()


def test_copy_of_a_frontier_goes_its_own_way() -> None:
    frontier = Frontier()
    for leaf in LEAVES[:5]:
        frontier.append(leaf)
    ahead = frontier.copy()
    ahead.append(LEAVES[5])
    assert (frontier.size, frontier.root()) == (5, TREE.root(5))
    assert (ahead.size, ahead.root()) == (6, TREE.root(6))


def test_a_hundred_thousand_leaves_need_short_proofs() -> None:
    size = 100_000
    tree = Tree([number.to_bytes(32, "big") for number in range(size)])
    root = tree.root()
    for index in (0, 1, 65_535, 65_536, 98_303, 98_304, 99_999):
        proof = tree.inclusion(index)
        assert len(proof) <= 17
        merkle.verify_inclusion(index.to_bytes(32, "big"), index, size, proof, root)
    for old in (1, 2, 65_535, 65_536, 65_537, 99_999):
        proof = tree.consistency(old)
        assert len(proof) <= 18
        merkle.verify_consistency(old, size, proof, tree.root(old), root)


# --- what goes wrong -------------------------------------------------------------------------------------------


@given(st.integers(2, 70), st.data())
def test_log_that_changes_an_old_leaf_cannot_prove_that_it_only_grew(old: int, data: st.DataObject) -> None:
    new = data.draw(st.integers(old + 1, 71)) if old < 70 else 70
    changed = data.draw(st.integers(0, old - 1))
    forged = Tree([merkle.leaf_hash(b"!") if i == changed else leaf for i, leaf in enumerate(LEAVES)])
    forged.append(LEAVES[0])
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, forged.consistency(old, new), TREE.root(old), forged.root(new))


@given(st.integers(1, 70), st.data())
def test_inclusion_proof_for_anything_else_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = TREE.inclusion(index, size), TREE.root(size)
    other_index = data.draw(st.integers(0, size + 3).filter(lambda other: other != index))
    place = data.draw(st.integers(0, len(proof)))
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[index], other_index, size, proof, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(b"!"), index, size, proof, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[index], index, size, proof, merkle.EMPTY_ROOT)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[index], index, size, [*proof[:place], root, *proof[place:]], root)
    if proof:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(
                LEAVES[index], index, size, [*proof[:place], *proof[place + 1 :]][:-1], root
            )


@given(st.integers(2, 70), st.data())
def test_consistency_proof_for_anything_else_is_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    proof, old_root, new_root = TREE.consistency(old, new), TREE.root(old), TREE.root(new)
    place = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    for wrong in (
        [*proof[:place], flipped, *proof[place + 1 :]],
        [*proof[:place], *proof[place + 1 :]],
        [*proof[:place], old_root, *proof[place:]],
        [*proof, new_root],
        [],
    ):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, wrong, old_root, new_root)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, proof, new_root, old_root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 5), (5, 5), (0, 71), (0, -1)])
def test_proof_of_a_leaf_that_is_not_there_is_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        TREE.inclusion(index, size)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[0], index, min(size, 5), [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5), (1, 71), (0, 0)])
def test_consistency_between_sizes_that_make_no_sense_is_refused(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        TREE.consistency(old, new)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, min(new, 5), [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_proof_of_a_greater_tree_does_not_pass_for_a_smaller_one() -> None:
    with pytest.raises(ProofError, match="too long"):
        merkle.verify_inclusion(LEAVES[1], 0, 1, TREE.inclusion(1, 2), TREE.root(2))
    with pytest.raises(ProofError, match="too long"):
        merkle.verify_consistency(3, 4, TREE.consistency(7, 8), TREE.root(7), TREE.root(8))


def test_two_trees_of_one_size_have_one_root_and_need_no_proof() -> None:
    merkle.verify_consistency(5, 5, [], TREE.root(5), TREE.root(5))
    with pytest.raises(ProofError, match="two trees of 5"):
        merkle.verify_consistency(5, 5, [], TREE.root(5), TREE.root(6))
    with pytest.raises(ProofError, match="two trees of 5"):
        merkle.verify_consistency(5, 5, [LEAVES[0]], TREE.root(5), TREE.root(5))


@pytest.mark.parametrize("size", [-1, 71])
def test_root_of_a_size_that_never_was_is_refused(size: int) -> None:
    with pytest.raises(ProofError, match="70 leaves"):
        TREE.root(size)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_hash_of_another_length_is_refused(length: int) -> None:
    wrong = bytes(length)
    with pytest.raises(ProofError, match=f"{length} bytes"):
        Tree([wrong])
    with pytest.raises(ProofError, match=f"{length} bytes"):
        Frontier().append(wrong)
    with pytest.raises(ProofError, match=f"{length} bytes"):
        merkle.verify_inclusion(wrong, 0, 1, [], wrong)
    with pytest.raises(ProofError, match=f"{length} bytes"):
        merkle.verify_consistency(1, 2, [wrong], LEAVES[0], TREE.root(2))


def test_proof_without_end_is_refused_before_it_is_hashed() -> None:
    with pytest.raises(ProofError, match="at most 64"):
        merkle.verify_inclusion(LEAVES[0], 0, 2**63 - 1, [LEAVES[0]] * 65, LEAVES[0])
    with pytest.raises(ProofError, match="no leaf"):
        merkle.verify_inclusion(LEAVES[0], 0, 2**63, [LEAVES[0]] * 63, LEAVES[0])
