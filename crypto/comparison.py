"""Two people compare what one log has shown them: receipts, checkpoints, consistency proofs. A fork shows itself.

A signed head (size and root) fixes the content of every range of leaves below it. What a receipt proves about its own
envelope fixes some of these ranges one by one, since RFC 6962's hash of a range of leaves is the same in every tree
that holds it. So the log has shown two histories as soon as one range of leaves has two hashes under its signature:
two roots of one size, two leaves at one index, or any two nodes between. That is proof, whoever holds it.

That two heads of different sizes agree needs a consistency proof, unless a receipt happens to show it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

from crypto import acknowledgement, codec, consistency, merkle, notes, receipt
from crypto.errors import ProofError
from crypto.notes import Checkpoint, NoteVerifier

FILES_MAX: Final = 1_000  # files compared at a time

_Range = tuple[int, int]
"""Leaves low to high, high excluded."""


@dataclass(frozen=True, slots=True)
class Head:
    """A size and root (32 bytes) that the log signed."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Fork:
    """Two files under the log's signature that give leaves ``low`` to ``high`` (excluded) different contents."""

    low: int
    high: int
    files: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing shows that the log of ``new`` leaves begins with that of ``old``."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the files show together. ``heads`` are those found, smallest first.

    ``silent`` are files that name no head (acknowledgements), ``unproven`` consistency documents whose proof fails:
    whoever made them may have erred, so that they accuse nobody.
    """

    heads: tuple[Head, ...]
    forks: tuple[Fork, ...]
    gaps: tuple[Gap, ...]
    silent: tuple[str, ...]
    unproven: tuple[str, ...]

    @property
    def verdict(self) -> Literal["fork", "undetermined", "consistent"]:
        """``fork`` is proven, ``consistent`` as well; ``undetermined``: something is missing, or there is one file."""
        if self.forks:
            return "fork"
        return "undetermined" if self.gaps or not self.heads else "consistent"

    def plain(self) -> dict[str, Any]:
        """The same as plain JSON, for machines."""
        return {
            "verdict": self.verdict,
            "heads": [{"size": head.size, "root": head.root.hex()} for head in self.heads],
            "forks": [{"low": fork.low, "high": fork.high, "files": fork.files} for fork in self.forks],
            "gaps": [{"old": gap.old, "new": gap.new} for gap in self.gaps],
            "silent": self.silent,
            "unproven": self.unproven,
        }


def compare(files: Sequence[tuple[str, bytes]], log: NoteVerifier) -> Comparison:
    """Compare files (name, content): receipts, checkpoints, consistency documents, acknowledgements, envelopes.

    An envelope lets its receipt speak of single leaves; without it a receipt counts as its checkpoint.

    Raises:
        ProofError: naming the file that is none of these, that the log has not signed, or that contradicts itself.
    """
    if len(files) > FILES_MAX:
        raise ProofError(f"{len(files)} files: compare at most {FILES_MAX} at a time")
    envelopes = {codec.sha256_hex(data): data for _, data in files if data.startswith(b"{")}
    found = _Found(log, envelopes)
    for name, data in files:
        if not data.startswith(b"{"):
            try:
                found.add(name, data.decode("utf-8"))
            except (ProofError, UnicodeDecodeError) as error:
                raise ProofError(f"{name}: {error}") from error
    return found.comparison()


@dataclass(slots=True)
class _Found:
    """What the files have said so far."""

    log: NoteVerifier
    envelopes: Mapping[str, bytes]
    silent: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    _hashes: dict[_Range, list[tuple[bytes, Head, str]]] = field(default_factory=dict)
    """By range: its hash, the head under which it stands, and the file that showed it."""
    _grown: set[tuple[Head, Head]] = field(default_factory=set)

    def add(self, name: str, text: str) -> None:
        if acknowledgement.is_acknowledgement(text):
            notes.verify_note(text, [self.log])
            self.silent.append(name)
        elif text.startswith(consistency.MAGIC):
            self._add_consistency(name, text)
        elif text.startswith(receipt.MAGIC):
            self._add_receipt(name, text)
        else:
            self._add_head(name, consistency.signed_by(text, self.log))

    def comparison(self) -> Comparison:
        heads = sorted({head for _, head, _ in self._all()}, key=lambda head: (head.size, head.root))
        forks = [fork for key in sorted(self._hashes) if (fork := self._fork(key)) is not None]
        gaps = []
        if not forks:
            above = {head: self._above(head) for head in heads}
            grown = [head for head in heads if head.size]  # every log begins with the empty one
            gaps = [Gap(old.size, new.size) for old, new in pairwise(grown) if not above[old] & above[new]]
        return Comparison(tuple(heads), tuple(forks), tuple(gaps), tuple(self.silent), tuple(self.unproven))

    def _all(self) -> Iterator[tuple[bytes, Head, str]]:
        for shown in self._hashes.values():
            yield from shown

    def _add_head(self, name: str, checkpoint: Checkpoint) -> Head:
        head = Head(checkpoint.size, checkpoint.root)
        self._show((0, head.size), head.root, head, name)
        return head

    def _add_consistency(self, name: str, text: str) -> None:
        document = consistency.Consistency.from_text(text)
        notes_of = (document.old_note, document.new_note)
        old, new = [self._add_head(name, consistency.signed_by(note, self.log)) for note in notes_of]
        try:
            document.verify(self.log)
        except ProofError:
            self.unproven.append(name)
        else:
            self._grown.add((old, new))

    def _add_receipt(self, name: str, text: str) -> None:
        parts = receipt.parse_unverified(text)
        head = self._add_head(name, consistency.signed_by(parts.note, self.log))
        envelope = self.envelopes.get(parts.envelope_sha256)
        if envelope is None:
            return
        leaf = merkle.leaf_hash(envelope)
        merkle.verify_inclusion(leaf, parts.index, head.size, parts.proof, head.root)
        for key, node in _nodes(leaf, parts.index, head.size, parts.proof):
            self._show(key, node, head, name)

    def _show(self, key: _Range, node: bytes, head: Head, name: str) -> None:
        shown = self._hashes.setdefault(key, [])
        if (node, head) not in [(other, under) for other, under, _ in shown]:
            shown.append((node, head, name))

    def _fork(self, key: _Range) -> Fork | None:
        first, *others = self._hashes[key]
        other = next((other for other in others if other[0] != first[0]), None)
        return None if other is None else Fork(*key, (first[2], other[2]))

    def _above(self, head: Head) -> set[Head]:
        """The heads that are shown to begin with this one, itself included."""
        grown, found = [head], {head}
        while grown:
            one = grown.pop()
            bigger = {new for old, new in self._grown if old == one}
            bigger |= {under for node, under, _ in self._hashes.get((0, one.size), ()) if node == one.root}
            grown += bigger - found
            found |= bigger
        return found


def _nodes(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> Iterator[tuple[_Range, bytes]]:
    """Every range of leaves whose hash a verified proof shows: the leaf's, its neighbours', and those of both."""
    siblings: list[tuple[_Range, _Range]] = []  # from the root down: a neighbour, and the range of both
    low, high = 0, size
    while high - low > 1:
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if index < middle:
            siblings.append(((middle, high), (low, high)))
            high = middle
        else:
            siblings.append(((low, middle), (low, high)))
            low = middle
    node = leaf
    yield (low, high), node
    for (neighbour, both), other in zip(reversed(siblings), proof, strict=True):
        yield neighbour, other
        node = merkle.node_hash(other, node) if neighbour[0] < index else merkle.node_hash(node, other)
        yield both, node
