"""The log as its readers see it: every leaf verified by itself, and the tree over all of them.

A leaf is an envelope of a branch, an act of the centre, or neither of them: then it is kept with what is wrong with
it, for the log may hold whatever its operator put there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from center.log.leaves import CheckedLeaf, check_leaf
from center.opening.spread import Spread, here, in_chunks
from crypto import codec, merkle
from crypto.act_statements import Act
from crypto.acts import CheckedAct, read_act
from crypto.envelope import Envelope
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.related_points import Relation, related_points
from crypto.statements import AccountSubmission, SealedTally
from crypto.wire import TYPE_OPENING_ORDER

Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""

_S = TypeVar("_S", AccountSubmission, SealedTally)
_A = TypeVar("_A", bound=Act)


@dataclass(frozen=True, slots=True)
class EnvelopeLeaf:
    """An authentic envelope of a branch. ``sha256`` is of its bytes."""

    index: int
    sha256: str
    statement: AccountSubmission | SealedTally


@dataclass(frozen=True, slots=True)
class ActLeaf:
    """An act that two commissioners of different bodies signed."""

    index: int
    sha256: str
    act: CheckedAct


@dataclass(frozen=True, slots=True)
class BadLeaf:
    """A leaf that is no authentic envelope or act of this election. ``payload_type`` is None where it is no DSSE.

    ``is_foreign_order``: an opening order, as it says, under another manifest than the newest here.
    """

    index: int
    sha256: str
    payload_type: str | None
    problem: str
    is_foreign_order: bool = False


Leaf = EnvelopeLeaf | ActLeaf | BadLeaf


def verify_leaf(index: int, data: bytes, manifest: TrustedManifest) -> Leaf:
    """Verify one leaf. Never raises for bad input: that is what BadLeaf is for."""
    try:
        return known_leaf(index, check_leaf(data, manifest))
    except EvidenceError as error:
        return bad_leaf(index, data, str(error), manifest)


def known_leaf(index: int, checked: CheckedLeaf) -> Leaf:
    """The leaf at ``index``, which was verified."""
    if isinstance(checked, CheckedAct):
        return ActLeaf(index, checked.sha256, checked)
    return EnvelopeLeaf(index, checked.sha256, checked.statement)


def bad_leaf(index: int, data: bytes, problem: str, manifest: TrustedManifest) -> BadLeaf:
    """The leaf at ``index``, which did not verify under this manifest and those before it."""
    try:
        payload_type = Envelope.from_bytes(data).payload_type
    except EvidenceError:
        payload_type = None
    is_foreign = payload_type == TYPE_OPENING_ORDER and _is_of_another(data, manifest)
    return BadLeaf(index, codec.sha256_hex(data), payload_type, problem, is_foreign)


def _is_of_another(act: bytes, manifest: TrustedManifest) -> bool:
    """Whether an act says so; who signed it does not matter: they may have been withdrawn since."""
    try:
        return read_act(act).manifest_sha256 != manifest.sha256
    except EvidenceError:
        return False


def verify_part(manifest: TrustedManifest, part: Sequence[tuple[int, bytes]]) -> tuple[Leaf, ...]:
    """Verify some leaves: the work of one process."""
    return tuple(verify_leaf(index, data, manifest) for index, data in part)


@dataclass(frozen=True)
class VerifiedLog:
    """The first ``len(leaves)`` leaves of a log. ``tree`` is over their bytes, bad ones too, or of a longer log."""

    manifest: TrustedManifest
    leaves: tuple[Leaf, ...]
    tree: merkle.Tree = field(repr=False)

    def tallies(self) -> Iterator[tuple[int, str, SealedTally]]:
        """Leaf, hash and statement of every sealed tally."""
        return self._statements(SealedTally)

    def accounts(self) -> Iterator[tuple[int, str, AccountSubmission]]:
        """Leaf, hash and statement of every ballot account."""
        return self._statements(AccountSubmission)

    def acts(self, type_: type[_A]) -> Iterator[tuple[ActLeaf, _A]]:
        """Every act of this type, with its leaf."""
        for leaf in self.leaves:
            if isinstance(leaf, ActLeaf) and isinstance(leaf.act.statement, type_):
                yield leaf, leaf.act.statement

    def bad(self) -> Iterator[BadLeaf]:
        """The leaves that are neither."""
        return (leaf for leaf in self.leaves if isinstance(leaf, BadLeaf))

    def root_hex(self, size: int) -> str:
        """The root over the first ``size`` leaves in hexadecimal; raises ProofError beyond the end."""
        return self.tree.root(size).hex()

    def prefix(self, size: int) -> "VerifiedLog":
        """The log as it was with ``size`` leaves; raises ProofError when it never had so many."""
        if size == len(self.leaves):
            return self
        self.tree.root(size)
        return VerifiedLog(self.manifest, self.leaves[:size], self.tree)

    @cached_property
    def index_of(self) -> dict[str, Leaf]:
        """The first leaf with each hash."""
        return {leaf.sha256: leaf for leaf in reversed(self.leaves)}

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """Which encapsulated keys are made from one another, each named by the hash of its envelope.

        Each relation is of a later leaf to an earlier one, so that those within a prefix are those of the prefix.
        """
        return related_points({sha256: codec.unb64(sealed.enc) for _, sha256, sealed in self.tallies()})

    def _statements(self, type_: type[_S]) -> Iterator[tuple[int, str, _S]]:
        for leaf in self.leaves:
            if isinstance(leaf, EnvelopeLeaf) and isinstance(leaf.statement, type_):
                yield leaf.index, leaf.sha256, leaf.statement


def verify_log(
    manifest: TrustedManifest,
    leaves: Sequence[bytes],
    *,
    progress: Progress | None = None,
    spread: Spread = here,
) -> VerifiedLog:
    """Verify all leaves, each by itself. Whether they are those that a checkpoint covers, ``tree`` tells."""
    tree = merkle.Tree()
    for data in leaves:
        tree.append(merkle.leaf_hash(data))
    verified: list[Leaf] = []
    for part in spread(verify_part, in_chunks(list(enumerate(leaves))), manifest):
        for leaf in part:
            verified.append(leaf)
            if progress is not None:
                progress(len(verified), len(leaves))
    return VerifiedLog(manifest, tuple(verified), tree)
