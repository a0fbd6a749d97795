"""The audit of the log: its checkpoint, the leaves, the root that they add up to, and the receipts."""

from dataclasses import dataclass, field
from typing import Final

from center.audit.acts import ActReplay
from center.audit.folder import AuditedFolder
from center.audit.record import AuditRecord
from center.log.leaves import CheckedLeaf, check_leaf
from center.publication import layout as publication
from center.publication.published_note import check_note
from crypto import merkle, receipt
from crypto.acts import CheckedAct
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import NOTE_MAX
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.submissions import CheckedSubmission
from crypto.wire import ENVELOPE_MAX, RECEIPT_MAX

UNWITNESSED: Final = (
    "whether everybody is shown this same log: no witnesses vouch for this checkpoint; compare it with what others "
    "were given (--previous), and with the receipts of branches"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One published envelope or act. ``checked`` is None when it is neither."""

    data: bytes
    checked: CheckedLeaf | None


@dataclass(slots=True)
class AuditedLog:
    """What an audit found of the log, for the parts that lean on it."""

    note: str | None = None
    """The signed note of the checkpoint, None when it is at fault."""
    checkpoint: SignedCheckpoint | None = None
    leaves: list[Leaf | None] = field(default_factory=list)
    """None for a leaf that cannot be read."""
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    """Of the leaves up to the first that cannot be read."""
    tree_holds: bool = False
    """Whether the tree is the one that the checkpoint covers."""


class LogAudit:
    """One audit of the log of one folder."""

    def __init__(self, folder: AuditedFolder, record: AuditRecord, trusted: TrustedManifest) -> None:
        self._folder = folder
        self._record = record
        self._trusted = trusted
        self._log = AuditedLog()

    def audit(self) -> AuditedLog:
        """Check the parts in the order in which they lean on each other."""
        self._checkpoint()
        self._leaves()
        if self._log.checkpoint is not None:
            self._compare_root(self._log.checkpoint)
        self._receipts()
        return self._log

    def _checkpoint(self) -> None:
        data = self._folder.read(publication.CHECKPOINT, NOTE_MAX)
        if data is None:
            return
        policy = self._trusted.manifest.witness_policy
        try:
            note = data.decode("utf-8")
            checkpoint, cosigners = check_note(note, self._trusted)
        except (ProofError, UnicodeDecodeError) as error:
            self._record.fault(publication.CHECKPOINT, str(error))
            return
        self._log.note = note
        self._log.checkpoint = checkpoint
        self._record.checked["checkpoint"] = 1
        self._record.checked["checkpoint cosignatures"] = cosigners
        if cosigners < policy.m:
            problem = f"{cosigners} witnesses vouch for it, the manifest asks for {policy.m}"
            self._record.remark(publication.CHECKPOINT, problem)
        if policy.m == 0 or cosigners < policy.m:
            self._record.unchecked.append(UNWITNESSED)

    def _leaves(self) -> None:
        """Read and check every leaf that the checkpoint covers, or all there are when there is none to go by."""
        present = len(list(self._folder.names(publication.LEAVES)))
        size = present if self._log.checkpoint is None else self._log.checkpoint.size
        leaves = self._log.leaves
        for index in range(size):
            leaves.append(self._leaf(index))
            self._record.show("leaves", index + 1, size)
            if leaves[-1] is None and index >= present:
                self._record.fault(
                    publication.leaf_name(index), f"and those after it, up to {size - 1}, are missing"
                )
                break
        for leaf in leaves:
            if leaf is None:
                break
            self._log.tree.append(merkle.leaf_hash(leaf.data))
        self._replay()
        acts = sum(leaf is not None and isinstance(leaf.checked, CheckedAct) for leaf in leaves)
        authentic = sum(leaf is not None and leaf.checked is not None for leaf in leaves)
        self._record.checked["envelopes"] = authentic - acts
        earlier = sum(map(self._is_under_an_earlier_manifest, leaves))
        if earlier:
            self._record.checked["of them under earlier manifests"] = earlier
        if acts:
            self._record.checked["acts of the centre"] = acts

    def _is_under_an_earlier_manifest(self, leaf: Leaf | None) -> bool:
        checked = None if leaf is None else leaf.checked
        return (
            isinstance(checked, CheckedSubmission)
            and checked.statement.manifest_sha256 != self._trusted.sha256
        )

    def _replay(self) -> None:
        """Hold the acts against the leaves before them, as far as these are known."""
        replay = ActReplay(self._trusted, self._log.tree)
        for index, leaf in enumerate(self._log.leaves[: self._log.tree.size]):
            if leaf is None or leaf.checked is None:
                replay.skip()
            elif isinstance(leaf.checked, CheckedAct):
                try:
                    replay.act(leaf.checked)
                except EvidenceError as error:
                    problem = f"{error} (the centre should have refused it)"
                    self._record.fault(publication.leaf_name(index), problem)
            else:
                replay.envelope(leaf.checked.sha256, leaf.checked.statement)

    def _leaf(self, index: int) -> Leaf | None:
        name = publication.leaf_name(index)
        data = self._folder.read(name, ENVELOPE_MAX)
        if data is None:
            return None
        try:
            return Leaf(data, check_leaf(data, self._trusted))
        except EvidenceError as error:
            self._record.fault(name, str(error))
            return Leaf(data, None)

    def _compare_root(self, checkpoint: SignedCheckpoint) -> None:
        tree, leaves = self._log.tree, self._log.leaves
        self._log.tree_holds = (tree.size, tree.root()) == (checkpoint.size, checkpoint.root)
        if self._log.tree_holds:
            self._record.checked["tree root"] = 1
        elif any(leaf is None or leaf.checked is None for leaf in leaves) or len(leaves) < checkpoint.size:
            self._record.unchecked.append("the root of the tree: envelopes are missing or at fault")
        else:
            problem = f"the envelopes, all of them authentic, are not the {checkpoint.size} that it covers"
            self._record.fault(publication.CHECKPOINT, problem)

    def _receipts(self) -> None:
        leaves = self._log.leaves
        names = publication.ReceiptNames()
        good = witnessed = 0
        for index, leaf in enumerate(leaves):
            if leaf is None or leaf.checked is None or isinstance(leaf.checked, CheckedAct):
                continue
            name = names.name(leaf.checked.statement.branch, leaf.checked.statement.seq, index)
            grade = self._receipt(name, index, leaf)
            good += grade is not None
            witnessed += grade == "witnessed"
            self._record.show("receipts", index + 1, len(leaves))
        self._record.checked["receipts"] = good
        policy = self._trusted.manifest.witness_policy
        if policy.m and witnessed < good:
            self._record.remark(
                publication.RECEIPTS, f"{good - witnessed} of {good} receipts lack {policy.m} witnesses"
            )

    def _receipt(self, name: str, index: int, leaf: Leaf) -> str | None:
        """Check one receipt; returns its grade, None when it is at fault."""
        data = self._folder.read(name, RECEIPT_MAX)
        if data is None:
            return None
        verifier, policy = self._trusted.log_verifier, self._trusted.manifest.witness_policy
        try:
            text = data.decode("utf-8")
            found = receipt.verify(text, leaf.data, log=verifier, policy=policy)
            check_note(text.partition("\n\n")[2], self._trusted)
        except (ProofError, UnicodeDecodeError) as error:
            self._record.fault(name, f"{error} (leaf {index})")
            return None
        if found.index != index:
            self._record.fault(name, f"is for leaf {found.index}, the envelope is published as leaf {index}")
            return None
        tree = self._log.tree
        if self._log.tree_holds and (found.size > tree.size or tree.root(found.size) != found.root):
            self._record.fault(
                name,
                f"is of another log: its checkpoint over {found.size} envelopes does not fit the published one. Both "
                "are signed by the log: this is a fork, keep both",
            )
            return None
        return found.grade
