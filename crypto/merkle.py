"""RFC 6962 Merkle trees over SHA-256: roots, inclusion and consistency proofs (RFC 6962 §2.1, RFC 9162 §2.1).

Leaves enter as leaf hashes (``leaf_hash(data)``); proofs are tuples of 32-byte hashes, leaf end first.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from crypto.errors import ProofError

HASH_BYTES: Final = 32
SIZE_MAX: Final = 2**63 - 1  # leaves: what every checkpoint parser can hold
PROOF_MAX: Final = 64  # hashes in one proof: enough for SIZE_MAX leaves, old and new
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's data, 32 bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node, 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes: of no leaves, SHA-256 of nothing."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """A growing tree of which only the right edge is kept: O(log n) state, no proofs."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        """Roots of the complete subtrees, greatest first: one for each bit set in ``size``."""

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        _check_hash(leaf)
        peak, size = leaf, self.size
        while size & 1:
            peak = node_hash(self._peaks.pop(), peak)
            size >>= 1
        self._peaks.append(peak)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return _fold(self._peaks)

    def copy(self) -> "Frontier":
        """Return an independent copy, to look ahead without committing."""
        other = Frontier()
        other.size = self.size
        other._peaks = self._peaks.copy()
        return other


class Tree:
    """A growing tree that proves any leaf in, and any earlier size of, any size it has had.

    It keeps the root of every complete subtree: 64 bytes a leaf. Appending is O(1) on average, proofs are
    O(log² n).
    """

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        """``_levels[k]`` holds the roots of complete subtrees of 2^k leaves, left to right, 32 bytes each."""
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add one leaf hash and return its index, counted from 0."""
        _check_hash(leaf)
        index, node = self.size, leaf
        for height in range(index.bit_length() + 1):
            if height == len(self._levels):
                self._levels.append(bytearray())
            level = self._levels[height]
            level += node
            if not index >> height & 1:
                break
            node = node_hash(bytes(level[-2 * HASH_BYTES : -HASH_BYTES]), node)
        return index

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first ``size`` leaves (default: all).

        Raises:
            ProofError: when the tree has never had ``size`` leaves.
        """
        size = self.size if size is None else size
        self._check_size(size)
        return self._range_root(0, size)

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the audit path of leaf ``index`` in the tree of ``size`` leaves (RFC 6962 §2.1.1).

        Raises:
            ProofError: when that tree has no such leaf, or has never been.
        """
        size = self.size if size is None else size
        self._check_size(size)
        if not 0 <= index < size:
            raise ProofError(f"no leaf {index} in a tree of {size} leaves: indices count from 0")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range_root(middle, high))
                high = middle
            else:
                path.append(self._range_root(low, middle))
                low = middle
        return tuple(reversed(path))

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the first ``old`` leaves of the tree of ``new`` are the old tree (§2.1.2).

        Raises:
            ProofError: unless 1 <= ``old`` <= ``new`` <= ``size``: an empty tree is consistent with anything.
        """
        new = self.size if new is None else new
        self._check_size(new)
        if not 1 <= old <= new:
            raise ProofError(
                f"no consistency proof from {old} to {new} leaves: the old size is 1 to the new size"
            )
        path: list[bytes] = []
        low, high = 0, new
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._range_root(middle, high))
                high = middle
            else:
                path.append(self._range_root(low, middle))
                low = middle
        if low:  # the verifier knows the old root, but not the root of this last part of the old tree
            path.append(self._range_root(low, high))
        return tuple(reversed(path))

    def _range_root(self, low: int, high: int) -> bytes:
        """Return the root of leaves [low, high), where ``low`` is a multiple of the first split."""
        peaks: list[bytes] = []
        while low < high:
            height = (high - low).bit_length() - 1
            at = (low >> height) * HASH_BYTES
            peaks.append(bytes(self._levels[height][at : at + HASH_BYTES]))
            low += 1 << height
        return _fold(peaks)

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ProofError(f"the tree has {self.size} leaves: it has no state with {size}")


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash ``leaf`` stands at ``index`` of the tree of ``size`` leaves under ``root``.

    Raises:
        ProofError: when the proof does not show it (RFC 9162 §2.1.3.2).
    """
    _check_proof((leaf, root), proof)
    if not 0 <= index < size <= SIZE_MAX:
        raise ProofError(f"no leaf {index} in a tree of {size} leaves")
    node, at, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise ProofError(f"inclusion proof of leaf {index} in {size} is too long: {len(proof)} hashes")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError(f"inclusion proof of leaf {index} in {size} is too short: {len(proof)} hashes")
    if node != root:
        raise ProofError(f"inclusion proof of leaf {index} in {size} leads to another root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of ``new`` leaves under ``new_root`` begins with the tree of ``old`` under ``old_root``.

    Raises:
        ProofError: when the proof does not show it (RFC 9162 §2.1.4.2), or ``old`` is 0, of which nothing can be
            shown.
    """
    _check_proof((old_root, new_root), proof)
    if not 1 <= old <= new <= SIZE_MAX:
        raise ProofError(f"no consistency from {old} to {new} leaves: the old size is 1 to the new size")
    if old == new:
        if proof or old_root != new_root:
            raise ProofError(
                f"two trees of {old} leaves with different roots, or a proof where none is needed"
            )
        return
    # An old tree that is a complete subtree stands at the start of the path itself, and is left out of the proof.
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofError(f"consistency proof from {old} to {new} is empty")
    if _climb(old, new, path) != (old_root, new_root):
        raise ProofError(f"consistency proof from {old} to {new} leads to other roots")


def _climb(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the old and the new root to which a consistency path leads (RFC 9162 §2.1.4.2, steps 3 to 6)."""
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError(f"consistency proof from {old} to {new} is too long")
        if at & 1 or at == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError(f"consistency proof from {old} to {new} is too short")
    return old_node, new_node


def _split(size: int) -> int:
    """Return the greatest power of two below ``size`` (2 or more): where RFC 6962 splits a tree."""
    return 1 << (size - 1).bit_length() - 1


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def _check_hash(node: bytes) -> None:
    if len(node) != HASH_BYTES:
        raise ProofError(f"a hash of {len(node)} bytes: SHA-256 gives {HASH_BYTES}")


def _check_proof(ends: Sequence[bytes], proof: Sequence[bytes]) -> None:
    if len(proof) > PROOF_MAX:
        raise ProofError(f"a proof of {len(proof)} hashes: at most {PROOF_MAX} are ever needed")
    for node in (*ends, *proof):
        _check_hash(node)
