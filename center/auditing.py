"""``center audit``: a stranger recomputes a publication from its files and the manifest keys that he trusts.

Nothing else is believed: not the centre, not its ledger, not its totals. Every fault names the file. What cannot be
recomputed from a publication is said, for silence would look like a check that passed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from center import publication, recount
from center.audit_types import AuditReport, Remark, Verdict
from center.files import TEMPORARY_PREFIX, UnreadableError, read_whole
from center.opening_types import OpenedUnit, Opening, OpeningFinding
from center.sampling import draw
from crypto import codec, manifest, merkle, notes, receipt
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import NOTE_MAX, CosignatureVerifier
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.submissions import check_submission
from crypto.wire import ENVELOPE_MAX, MANIFEST_MAX, RECEIPT_MAX

Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how many are done, and of how many."""

ALWAYS_UNCHECKED: Final = (
    (
        "whether terminals counted the ballots rightly, and ballots say what voters meant: no log can show it; "
        "compare the paper tapes and the ballot papers of stations drawn by lot"
    ),
    "whether an absent unit ever sent anything: only its branch can show it, by its receipt",
    "when envelopes arrived: the log orders them, and says no time",
)
SINGLE_KEY_UNCHECKED: Final = (
    (
        "single key: what the envelopes decrypt to cannot be recomputed without the key. Checked instead: the "
        "terminal signed the published counts, and the device committed to them before they were logged"
    ),
    "single key: whether its holder opened envelopes early or in secret",
)
UNWITNESSED: Final = (
    "whether everybody is shown this same log: no witnesses vouch for this checkpoint; compare it with what others "
    "were given (--previous), and with the receipts of branches"
)
NOT_OPENED: Final = "the results: no opening is published"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One published envelope. ``sender`` is branch and sequence number, None when it is not authentic."""

    data: bytes
    sender: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A draw of ``count`` branches by ``dice`` (center.sampling)."""

    count: int
    dice: str


class Auditor:
    """One audit of one folder. ``audit`` raises nothing about what it finds: the report says it."""

    def __init__(
        self,
        folder: Path,
        *,
        trusted: Mapping[str, bytes],
        threshold: int,
        previous: Path | None = None,
        sample: Sample | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._folder = folder
        self._trusted = trusted
        self._threshold = threshold
        self._previous = previous
        self._sample = sample
        self._progress = progress
        self._faults: list[Remark] = []
        self._remarks: list[Remark] = []
        self._unchecked: list[str] = list(ALWAYS_UNCHECKED)
        self._checked: dict[str, int] = {}
        self._known: set[str] = set()
        self._tree = merkle.Tree()
        self._tree_holds = False
        self._note: str | None = None

    def audit(self) -> AuditReport:
        """Check everything that can be checked."""
        trusted = self._manifest()
        if trusted is None:
            self._unchecked.insert(
                0,
                "everything but the manifest: without a manifest that trusted keys signed, nothing can be believed",
            )
            return self._report(None, None, ())
        self._key_files(trusted)
        checkpoint = self._checkpoint(trusted)
        leaves = self._leaves(trusted, checkpoint)
        self._compare_root(checkpoint, leaves)
        self._receipts(trusted, leaves)
        if self._previous is not None:
            self._compare_previous(trusted, self._previous, checkpoint, leaves)
        opening, findings = self._openings(trusted, [leaf.data for leaf in leaves if leaf is not None])
        self._unexpected()
        return self._report(trusted, opening, findings)

    # --- the parts, in the order in which they lean on each other ----------------------------------------------

    def _manifest(self) -> TrustedManifest | None:
        data = self._read(publication.MANIFEST, MANIFEST_MAX)
        if data is None:
            return None
        try:
            trusted = manifest.load(data, trusted=self._trusted, threshold=self._threshold)
        except EvidenceError as error:
            self._fault(publication.MANIFEST, str(error))
            return None
        self._checked["manifest"] = 1
        return trusted

    def _key_files(self, trusted: TrustedManifest) -> None:
        for name, expected in publication.key_files(trusted).items():
            data = self._read(name, publication.VKEYS_MAX)
            if data is not None and data != expected:
                self._fault(name, "is not what the manifest says: use the keys of the manifest")

    def _checkpoint(self, trusted: TrustedManifest) -> SignedCheckpoint | None:
        data = self._read(publication.CHECKPOINT, NOTE_MAX)
        if data is None:
            return None
        policy = trusted.manifest.witness_policy
        try:
            note = data.decode("utf-8")
            checkpoint, cosigners = check_note(note, trusted)
        except (ProofError, UnicodeDecodeError) as error:
            self._fault(publication.CHECKPOINT, str(error))
            return None
        self._note = note
        self._checked["checkpoint"] = 1
        self._checked["checkpoint cosignatures"] = cosigners
        if cosigners < policy.m:
            problem = f"{cosigners} witnesses vouch for it, the manifest asks for {policy.m}"
            self._remark(publication.CHECKPOINT, problem)
        if policy.m == 0 or cosigners < policy.m:
            self._unchecked.append(UNWITNESSED)
        return checkpoint

    def _leaves(self, trusted: TrustedManifest, checkpoint: SignedCheckpoint | None) -> list[Leaf | None]:
        """Read and check every leaf that the checkpoint covers, or all there are when there is none to go by."""
        present = len(list(self._names(publication.LEAVES)))
        size = present if checkpoint is None else checkpoint.size
        leaves: list[Leaf | None] = []
        for index in range(size):
            leaves.append(self._leaf(index, trusted))
            self._show("envelopes", index + 1, size)
            if leaves[-1] is None and index >= present:
                self._fault(
                    publication.leaf_name(index), f"and those after it, up to {size - 1}, are missing"
                )
                break
        for leaf in leaves:
            if leaf is None:
                break
            self._tree.append(merkle.leaf_hash(leaf.data))
        self._checked["envelopes"] = sum(leaf is not None and leaf.sender is not None for leaf in leaves)
        return leaves

    def _leaf(self, index: int, trusted: TrustedManifest) -> Leaf | None:
        name = publication.leaf_name(index)
        data = self._read(name, ENVELOPE_MAX)
        if data is None:
            return None
        try:
            statement = check_submission(data, trusted).statement
        except EvidenceError as error:
            self._fault(name, str(error))
            return Leaf(data, None)
        return Leaf(data, (statement.branch, statement.seq))

    def _compare_root(self, checkpoint: SignedCheckpoint | None, leaves: list[Leaf | None]) -> None:
        if checkpoint is None:
            return
        self._tree_holds = (self._tree.size, self._tree.root()) == (checkpoint.size, checkpoint.root)
        if self._tree_holds:
            self._checked["tree root"] = 1
        elif any(leaf is None or leaf.sender is None for leaf in leaves) or len(leaves) < checkpoint.size:
            self._unchecked.append("the root of the tree: envelopes are missing or at fault")
        else:
            problem = f"the envelopes, all of them authentic, are not the {checkpoint.size} that it covers"
            self._fault(publication.CHECKPOINT, problem)

    def _receipts(self, trusted: TrustedManifest, leaves: list[Leaf | None]) -> None:
        names = publication.ReceiptNames()
        good = witnessed = 0
        for index, leaf in enumerate(leaves):
            if leaf is None or leaf.sender is None:
                continue
            name = names.name(*leaf.sender, index)
            grade = self._receipt(name, index, leaf, trusted)
            good += grade is not None
            witnessed += grade == "witnessed"
            self._show("receipts", index + 1, len(leaves))
        self._checked["receipts"] = good
        policy = trusted.manifest.witness_policy
        if policy.m and witnessed < good:
            self._remark(
                publication.RECEIPTS, f"{good - witnessed} of {good} receipts lack {policy.m} witnesses"
            )

    def _receipt(self, name: str, index: int, leaf: Leaf, trusted: TrustedManifest) -> str | None:
        """Check one receipt; returns its grade, None when it is at fault."""
        data = self._read(name, RECEIPT_MAX)
        if data is None:
            return None
        log, policy = trusted.log_verifier, trusted.manifest.witness_policy
        try:
            text = data.decode("utf-8")
            found = receipt.verify(text, leaf.data, log=log, policy=policy)
            check_note(text.partition("\n\n")[2], trusted)
        except (ProofError, UnicodeDecodeError) as error:
            self._fault(name, f"{error} (leaf {index})")
            return None
        if found.index != index:
            self._fault(name, f"is for leaf {found.index}, the envelope is published as leaf {index}")
            return None
        if self._tree_holds and (found.size > self._tree.size or self._tree.root(found.size) != found.root):
            self._fault(
                name,
                f"is of another log: its checkpoint over {found.size} envelopes does not fit the published one. Both "
                "are signed by the log: this is a fork, keep both",
            )
            return None
        return found.grade

    def _compare_previous(
        self,
        trusted: TrustedManifest,
        previous: Path,
        checkpoint: SignedCheckpoint | None,
        leaves: list[Leaf | None],
    ) -> None:
        """The log of the older publication must be the beginning of this one, to the byte."""
        name = str(previous / publication.CHECKPOINT)
        data = self._read_at(previous, publication.CHECKPOINT, NOTE_MAX, name)
        if data is None:
            return
        try:
            old, _ = check_note(data.decode("utf-8"), trusted)
        except (ProofError, UnicodeDecodeError) as error:
            self._fault(name, str(error))
            return
        if checkpoint is None or not self._tree_holds:
            self._unchecked.append(
                "whether the log has only grown: this publication's own checkpoint is at fault"
            )
            return
        if old.size > checkpoint.size or self._tree.root(old.size) != old.root:
            self._fault(
                name,
                f"covers {old.size} envelopes with which this log of {checkpoint.size} does not begin: the log was "
                "rolled back or forked; both checkpoints are signed by it: keep both",
            )
            return
        for index in range(old.size):
            leaf_name = publication.leaf_name(index)
            before = self._read_at(previous, leaf_name, ENVELOPE_MAX, str(previous / leaf_name))
            now = leaves[index]
            if before is not None and now is not None and before != now.data:
                self._fault(str(previous / leaf_name), "differs from this publication's")
        for path in sorted((previous / publication.OPENINGS).glob("*.json")):
            opening_name = f"{publication.OPENINGS}/{path.name}"
            if publication.opening_size(opening_name) is None:
                continue
            limit = publication.OPENING_MAX
            before = self._read_at(previous, opening_name, limit, str(path))
            if before is not None and before != self._read(opening_name, limit):
                self._fault(opening_name, f"is not what {path} says: results were changed or taken back")
        self._checked["envelopes of the older publication"] = old.size

    def _openings(
        self, trusted: TrustedManifest, leaves: list[bytes]
    ) -> tuple[Opening | None, tuple[OpeningFinding, ...]]:
        names = sorted(
            self._names(publication.OPENINGS), key=lambda name: publication.opening_size(name) or 0
        )
        names = [name for name in names if publication.opening_size(name) is not None]
        if not names and not (self._folder / publication.TOTALS).exists():
            self._unchecked.append(NOT_OPENED)
            return None, recount.findings_without_opening(trusted, leaves) if self._tree_holds else ()
        self._unchecked += SINGLE_KEY_UNCHECKED
        data = self._read(publication.TOTALS, publication.TOTALS_MAX)
        hashes: list[publication.OpeningFile] = []
        newest: Opening | None = None
        for name in names:
            opening = self._opening(name, trusted, leaves, hashes)
            newest = opening if name == names[-1] else newest
        if data is not None:
            self._totals(data, hashes, newest)
        return newest, () if newest is None else newest.findings

    def _opening(
        self,
        name: str,
        trusted: TrustedManifest,
        leaves: list[bytes],
        hashes: list[publication.OpeningFile],
    ) -> Opening | None:
        """Recompute one opening; returns it when nothing about it is at fault."""
        data = self._read(name, publication.OPENING_MAX)
        if data is None:
            return None
        hashes.append(publication.OpeningFile(file=name, sha256=codec.sha256_hex(data)))
        try:
            opening = publication.decode_opening(data)
        except EvidenceError as error:
            self._fault(name, str(error))
            return None
        if not self._tree_holds:
            self._unchecked.append(f"{name}: the log that it counts is at fault")
            return None
        head = opening.log
        try:
            signed = None if head.checkpoint is None else check_note(head.checkpoint, trusted)[0]
            recount.check_head(head, signed)
        except ProofError as error:
            self._fault(name, str(error))
            return None
        if name != publication.opening_name(head.size):
            self._fault(name, f"counts {head.size} envelopes, its name says otherwise")
            return None
        if head.size > self._tree.size or codec.b64(self._tree.root(head.size)) != head.root:
            self._fault(name, f"counts {head.size} envelopes that are not the first of this log")
            return None

        def progress(done: int, total: int) -> None:
            self._show("opened envelopes", done, total)

        problems, unchecked = recount.compare(opening, trusted, leaves, progress=progress)
        self._unchecked += [f"{name}: {sentence}" for sentence in unchecked]
        for problem in problems:
            self._fault(name, problem)
        if problems:
            return None
        self._checked["openings"] = self._checked.get("openings", 0) + 1
        return opening

    def _totals(self, data: bytes, hashes: list[publication.OpeningFile], newest: Opening | None) -> None:
        try:
            totals = publication.decode_totals(data)
        except EvidenceError as error:
            self._fault(publication.TOTALS, str(error))
            return
        present = {one.file: one.sha256 for one in hashes}
        for one in totals.openings:
            if present.get(one.file) != one.sha256:
                problem = (
                    f"{one.file} is not the opening of hash {one.sha256} that {publication.TOTALS} names"
                )
                self._fault(one.file, problem)
                self._fault(publication.TOTALS, problem)
        if newest is None:
            self._unchecked.append("totals.json: the opening that it is taken from is at fault")
        elif publication.totals_of(newest, tuple(hashes)) != data:
            self._fault(publication.TOTALS, "is not what the openings add up to")
        else:
            self._checked["totals"] = 1

    # --- the folder ---------------------------------------------------------------------------------------------

    def _names(self, folder: str) -> Iterator[str]:
        """The files of a folder below the publication; half-written ones of a publisher at work are none."""
        try:
            paths = sorted((self._folder / folder).iterdir())
        except OSError:
            return  # its files will be missing
        for path in paths:
            if not path.name.startswith(TEMPORARY_PREFIX):
                yield f"{folder}/{path.name}"

    def _unexpected(self) -> None:
        """Name what lies in the folder and belongs to nothing: a publication under way, or somebody's addition."""
        found = [
            path.name
            for path in sorted(self._folder.iterdir())
            if path.name not in {publication.LEAVES, publication.RECEIPTS, publication.OPENINGS}
        ]
        for folder in (publication.LEAVES, publication.RECEIPTS, publication.OPENINGS):
            found += self._names(folder)
        for name in found:
            if name not in self._known:
                self._remark(name, "belongs to nothing that the checkpoint covers, and was not looked at")

    def _read(self, name: str, max_bytes: int) -> bytes | None:
        self._known.add(name)
        return self._read_at(self._folder, name, max_bytes, name)

    def _read_at(self, folder: Path, name: str, max_bytes: int, shown: str) -> bytes | None:
        try:
            data = read_whole(folder / name, max_bytes)
        except UnreadableError as error:
            self._fault(shown, str(error))
            return None
        if data is None:
            self._fault(shown, "is missing")
        return data

    def _fault(self, file: str, problem: str) -> None:
        self._faults.append(Remark(file=printable(file), problem=printable(problem)))

    def _remark(self, file: str, problem: str) -> None:
        self._remarks.append(Remark(file=printable(file), problem=printable(problem)))

    def _show(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)

    def _report(
        self,
        trusted: TrustedManifest | None,
        opening: Opening | None,
        findings: tuple[OpeningFinding, ...],
    ) -> AuditReport:
        units = {} if opening is None else publication.units_of(opening)
        return AuditReport(
            verdict=self._verdict(units, findings),
            election=None if trusted is None else trusted.manifest.election,
            manifest_sha256=None if trusted is None else trusted.sha256,
            checkpoint=self._note,
            checked=self._checked,
            faults=tuple(self._faults),
            remarks=tuple(self._remarks),
            findings=findings,
            units=units,
            contests={} if opening is None else opening.contests,
            not_checked=tuple(dict.fromkeys(map(printable, self._unchecked))),
            sample=() if trusted is None or opening is None else self._drawn(trusted, opening),
        )

    def _drawn(self, trusted: TrustedManifest, opening: Opening) -> tuple[OpenedUnit, ...]:
        """The units of the drawn branches, in the order of the draw."""
        if self._sample is None:
            return ()
        places = {
            branch: place for place, branch in enumerate(draw(trusted, self._sample.dice, self._sample.count))
        }
        units = [unit for unit in opening.units if unit.branch in places]
        return tuple(sorted(units, key=lambda unit: places[unit.branch]))

    def _verdict(self, units: Mapping[str, int], findings: tuple[OpeningFinding, ...]) -> Verdict:
        if self._faults:
            return "faults"
        if units.get("set-aside") or any(finding.grade == "alarm" for finding in findings):
            return "alarms"
        return "remarks" if self._remarks or findings or units.get("absent") else "good"


def check_note(note: str, trusted: TrustedManifest) -> tuple[SignedCheckpoint, int]:
    """The checkpoint of a published note, and how many witnesses vouch for it.

    Stricter than readers have to be: a publication holds no signature that nobody can check.

    Raises ProofError.
    """
    log = trusted.log_verifier
    witnesses = [CosignatureVerifier(vkey) for vkey in trusted.manifest.witness_policy.witnesses]
    opened = notes.open_note(note, [log, *witnesses])
    checkpoint = SignedCheckpoint.parse(opened.text)
    if log not in opened.signed_by or checkpoint.origin != log.name:
        raise ProofError(f"the checkpoint is not signed by the log {log.name}")
    lines = note.rpartition("\n\n")[2].count("\n")
    if lines != len(opened.signed_by):
        raise ProofError(
            f"{lines - len(opened.signed_by)} signatures are of keys that the manifest does not name"
        )
    return checkpoint, len({verifier.public for verifier in opened.signed_by if verifier is not log})


def printable(text: str) -> str:
    """What a stranger wrote, made harmless for a terminal: no control characters, no broken names of files."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
