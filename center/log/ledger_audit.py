"""``center log audit``: the centre looks at its own ledger with the eyes of somebody who does not believe it.

Everything that the ledger says is worked out again from the bytes of its leaves: the tree under every checkpoint ever
signed, every signature of log and witnesses, whether each leaf could be admitted where it stands, and its flags.
Reads the ledger and nothing else, also while centerd writes to it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from center.intake.act_admission import ActKind, AdmittedAct, LoggedAct
from center.intake.admission import SPOOL, Admission, Admitted, BatchPast, Link, admit
from center.log.checkpoints import Checkpoint
from center.log.entries import Entry
from center.log.ledger import Ledger
from crypto import merkle, notes
from crypto.codec import sha256_hex
from crypto.consistency import signed_by
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import CosignatureVerifier

Progress = Callable[[int, int], None]
"""Called with how many leaves are done, and of how many."""

FAULTS_MAX: Final = 1_000  # faults told; a ledger with more is rubbish


@dataclass(slots=True)
class LedgerAudit:
    """What was found. ``faults`` contradict what the ledger says of itself; ``remarks`` are merely to be known."""

    leaves: int = 0
    checkpoints: int = 0
    cosignatures: int = 0
    witnessed_size: int = 0
    flags: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def fault(self, words: str) -> None:
        """Note one, as long as there are not too many."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(words)


def audit_ledger(
    ledger: Ledger, manifest: TrustedManifest, *, progress: Progress | None = None
) -> LedgerAudit:
    """Look at everything again. Raises LedgerError where the ledger cannot be read."""
    found = LedgerAudit()
    leaves = ledger.size()
    newest = ledger.newest_checkpoint()
    covered = 0 if newest is None else newest.size
    if leaves > covered:
        found.fault(f"{leaves} leaves, and the newest checkpoint covers {covered}")
    heads = _check_checkpoints(ledger, manifest, found)
    for size in _check_leaves(ledger.entries(covered), heads, manifest, found, progress):
        found.fault(f"the checkpoint over {size} leaves was signed over others than stand here")
    return found


def _check_checkpoints(ledger: Ledger, manifest: TrustedManifest, found: LedgerAudit) -> dict[int, bytes]:
    """The root of every checkpoint, by its size."""
    heads = {}
    for checkpoint in ledger.checkpoints():
        found.checkpoints += 1
        try:
            signed = signed_by(checkpoint.note, manifest.log_verifier)
        except ProofError as error:
            found.fault(f"checkpoint {checkpoint.size}: {error}")
            continue
        if signed.size != checkpoint.size:
            found.fault(f"checkpoint {checkpoint.size}: its note is over {signed.size} leaves")
            continue
        heads[signed.size] = signed.root
    for size in ledger.cosigned_sizes(1):
        _check_cosignatures(size, ledger, manifest, found)
    policy = manifest.manifest.witness_policy
    if found.witnessed_size < max(heads, default=0) and policy.m:
        found.remarks.append(
            f"{policy.m} witnesses vouch for {found.witnessed_size} of {max(heads, default=0)} leaves"
        )
    return heads


def _check_cosignatures(size: int, ledger: Ledger, manifest: TrustedManifest, found: LedgerAudit) -> None:
    checkpoint = ledger.checkpoint_at(size)
    if checkpoint is None:
        found.fault(f"witnesses vouch for {size} leaves, over which no checkpoint stands here")
        return
    policy = manifest.manifest.witness_policy
    good = 0
    for witness, line in ledger.cosignatures(size).items():
        found.cosignatures += 1
        problem = _problem_of(checkpoint, witness, line)
        if problem is not None:
            found.fault(f"checkpoint {size}: cosignature of {witness}: {problem}")
        elif witness not in policy.witnesses:
            found.remarks.append(f"checkpoint {size}: {witness} is no witness of the manifest")
        else:
            good += 1
    if policy.m and good >= policy.m:
        found.witnessed_size = max(found.witnessed_size, size)


def _problem_of(checkpoint: Checkpoint, witness: str, line: str) -> str | None:
    try:
        notes.open_note(checkpoint.note + line, [CosignatureVerifier(witness)])
    except ProofError as error:
        return str(error)
    return None


def _check_leaves(
    entries: Iterator[Entry],
    heads: dict[int, bytes],
    manifest: TrustedManifest,
    found: LedgerAudit,
    progress: Progress | None,
) -> list[int]:
    """The sizes whose checkpoints do not cover these leaves."""
    past, covered = _Replayed(), max(heads, default=0)
    wrong = [size for size, root in heads.items() if size == 0 and root != merkle.EMPTY_ROOT]
    for entry in entries:
        if entry.leaf != past.size:
            found.fault(f"leaf {past.size} is missing: the next one is {entry.leaf}")
            break
        _check_leaf(entry, manifest, past, found)
        past.grow(merkle.leaf_hash(entry.data))
        if heads.get(past.size, past.root()) != past.root():
            wrong.append(past.size)
        for flag in entry.flags:
            found.flags[flag] = found.flags.get(flag, 0) + 1
        if progress is not None:
            progress(past.size, covered)
    found.leaves = past.size
    return wrong + [size for size in sorted(heads) if size > past.size]


def _check_leaf(entry: Entry, manifest: TrustedManifest, past: "_Replayed", found: LedgerAudit) -> None:
    if sha256_hex(entry.data) != entry.sha256:
        found.fault(f"leaf {entry.leaf}: its bytes do not have the hash that stands beside them")
        return
    admitted = admit(SPOOL, entry.data, manifest, past)
    if not isinstance(admitted, Admission):
        reason = getattr(admitted, "reason", "the same bytes stand in the log before it")
        found.fault(f"leaf {entry.leaf}: could not be admitted where it stands: {reason}")
        return
    past.add(admitted)
    said = (entry.kind, entry.branch, entry.unit, entry.flags)
    shown: tuple[str, str, str, tuple[str, ...]] = (admitted.kind, "", "", ())
    if isinstance(admitted, Admitted):
        shown = (admitted.kind, admitted.branch, admitted.unit, admitted.flags)
    if said != shown:
        found.fault(f"leaf {entry.leaf}: the ledger says {_words(said)}, its bytes say {_words(shown)}")


def _words(said: tuple[str, str, str, tuple[str, ...]]) -> str:
    kind, branch, unit, flags = said
    return ", ".join(filter(None, (kind, branch, unit, *flags)))


class _Nothing:
    """An empty log."""

    def branch_of(self, _sha256: str) -> str | None:
        return None

    def has_act(self, _sha256: str) -> bool:
        return False

    def has_unit(self, _unit: str, _kind: str) -> bool:
        return False

    def has_terminal(self, _terminal: str, _kind: str) -> bool:
        return False

    def links_at(self, _device: str, _seq: int) -> tuple[Link, ...]:
        return ()

    def last_act(self, _kind: ActKind, _subject: str | None = None) -> LoggedAct | None:
        return None

    def tally_unit(self, _sha256: str) -> str | None:
        return None


class _Replayed(BatchPast):
    """The log up to the leaf that is looked at."""

    def __init__(self) -> None:
        self._tree = merkle.Tree()
        self._frontier = merkle.Frontier()
        self._leaf_of: dict[str, int] = {}
        super().__init__(_Nothing(), self._hex_root)

    @property
    def size(self) -> int:
        return self._frontier.size

    def root(self) -> bytes:
        return self._frontier.root()

    def grow(self, leaf: bytes) -> None:
        self._tree.append(leaf)
        self._frontier.append(leaf)

    def add(self, admitted: Admission) -> None:
        super().add(admitted)
        if isinstance(admitted, AdmittedAct):
            self._leaf_of[admitted.sha256] = self.size

    def last_act(self, kind: ActKind, subject: str | None = None) -> LoggedAct | None:
        act = super().last_act(kind, subject)
        return None if act is None else replace(act, leaf=self._leaf_of[act.sha256])

    def _hex_root(self, size: int) -> str | None:
        return self._tree.root(size).hex() if size <= self.size else None
