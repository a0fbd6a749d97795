"""What a journal shows to somebody who was not there: every leaf, key, anchor and receipt is looked at again.

Nothing is believed but the manifest. The journal may come from the device, from a copy of its disk or from an export;
what the centre published, where it is given, shows what a journal alone cannot: that it was cut short, or forked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from crypto import acknowledgement, receipt
from crypto.codec import unb64
from crypto.envelope import Envelope
from crypto.errors import EvidenceError
from crypto.identity import key_id
from crypto.journal_note import JournalName, epoch_key, name_of
from crypto.manifest import TrustedManifest
from crypto.merkle import Tree, leaf_hash
from crypto.notes import Checkpoint
from crypto.statements import JournalCheckpoint
from crypto.submissions import CheckedSubmission, check_submission
from kit.facts import Commissioned, EnvelopeSealed, Fact, ReceiptStored
from kit.journal.anchors import AnchorError, anchor_of
from kit.journal.chain import Chain, Fault, Segment
from kit.journal.journal import read_fact

RemarkCode = Literal[
    "seed-lost-unsigned",  # a flagged segment that no two officials vouch for
    "seed-lost-endorsed",
    "tail-unsigned",  # facts after the last checkpoint
    "never-signed",
    "birth-unsigned",  # facts before the first certificate that are not of the journal's birth
    "key-gone",  # the next start will open a flagged segment
]
Verdict = Literal["good", "remarks", "flagged", "faults"]
FAULTS_MAX: Final = 1_000  # of one journal: more say nothing more


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know that contradicts nothing."""

    code: RemarkCode
    detail: str


@dataclass(slots=True)
class Report:
    """What was found. ``signed``: how many facts, from the first on, the last checkpoint covers."""

    name: JournalName | None = None
    facts: int = 0
    first_at: str = ""
    last_at: str = ""
    root: str = ""
    signed: int = 0
    signed_at: str = ""
    checkpoints: int = 0
    segments: list[Segment] = field(default_factory=list)
    envelopes: int = 0
    receipts: int = 0
    published: int | None = None
    """Envelopes of this device among the published leaves; None where none were given."""
    faults: list[Fault] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The worst of it."""
        if self.faults:
            return "faults"
        if any(remark.code == "seed-lost-unsigned" for remark in self.remarks):
            return "flagged"
        return "remarks" if self.remarks else "good"


def verify(
    bodies: Sequence[bytes],
    manifest: TrustedManifest,
    *,
    leaves: Mapping[int, bytes] | None = None,
    seeds: Mapping[int, bytes] | None = None,
) -> Report:
    """Look at all facts of a journal, as they stand in the tree.

    ``leaves``: what the centre published, by index in its log. ``seeds``: what the device's seed file holds, by epoch.
    """
    report = Report(facts=len(bodies))
    tree = Tree([leaf_hash(body) for body in bodies])
    report.root = tree.root().hex()
    facts = _facts(bodies, report)
    name = _name(facts, manifest, report)
    if name is None:
        return report
    report.name = name
    chain = Chain(name, manifest)
    for number, fact in facts.items():
        report.faults += chain.check(fact, number, tree.root(number - 1).hex())
    report.faults += chain.end()
    report.segments, report.checkpoints = chain.segments, len(chain.checkpoints)
    if chain.checkpoints:
        report.signed, report.signed_at = chain.checkpoints[-1].size, chain.checkpoints[-1].at
    sealed = {fact.seq: fact for fact in facts.values() if isinstance(fact, EnvelopeSealed)}
    report.envelopes = len(sealed)
    _check_anchors(sealed, tree, report)
    _check_receipts(facts, sealed, manifest, leaves, report)
    if leaves is not None:
        _check_published(leaves, name, sealed, tree, manifest, report)
    if seeds is not None:
        _check_seeds(seeds, chain, name, report)
    _remark(chain, report)
    del report.faults[FAULTS_MAX:]
    return report


def _facts(bodies: Sequence[bytes], report: Report) -> dict[int, Fact]:
    facts: dict[int, Fact] = {}
    for number, body in enumerate(bodies, 1):
        try:
            facts[number] = read_fact(body)
        except EvidenceError as error:
            report.faults.append(Fault("fact-unreadable", f"fact {number}: {error}"))
    times = [fact.at for fact in facts.values()]
    if times:
        report.first_at, report.last_at = times[0], times[-1]
    return facts


def _name(facts: Mapping[int, Fact], manifest: TrustedManifest, report: Report) -> JournalName | None:
    """Whose journal it is: what its first fact says, and the manifest knows."""
    first = facts.get(1)
    if not isinstance(first, Commissioned):
        report.faults.append(Fault("foreign-journal", "fact 1 does not say whose journal this is"))
        return None
    try:
        return name_of(first.election, first.round, first.branch, first.device, manifest)
    except EvidenceError as error:
        report.faults.append(Fault("foreign-journal", str(error)))
        return None


def _check_anchors(sealed: Mapping[int, EnvelopeSealed], tree: Tree, report: Report) -> None:
    for seq, fact in sealed.items():
        try:
            named = anchor_of(fact)
        except AnchorError:
            continue  # the chain has told it
        if not _fits(named, tree):
            report.faults.append(
                Fault(
                    "fact-rewritten",
                    f"envelope {seq} was sealed over other {named.size} facts than stand here",
                )
            )


def _fits(named: JournalCheckpoint, tree: Tree) -> bool:
    return named.size <= tree.size and tree.root(named.size).hex() == named.root


def _check_receipts(
    facts: Mapping[int, Fact],
    sealed: Mapping[int, EnvelopeSealed],
    manifest: TrustedManifest,
    leaves: Mapping[int, bytes] | None,
    report: Report,
) -> None:
    log, policy = manifest.log_verifier, manifest.manifest.witness_policy
    for number, fact in facts.items():
        if not isinstance(fact, ReceiptStored):
            continue
        report.receipts += 1
        envelope = sealed.get(fact.seq)
        if envelope is None:
            report.faults.append(
                Fault("receipt-false", f"fact {number}: no envelope {fact.seq} stands before it")
            )
            continue
        data = unb64(envelope.envelope)
        try:
            if acknowledgement.is_acknowledgement(fact.receipt):
                acknowledgement.verify(fact.receipt, data, log=log)
                continue
            index = receipt.verify(fact.receipt, data, log=log, policy=policy).index
        except EvidenceError as error:
            report.faults.append(Fault("receipt-false", f"fact {number}: {error}"))
            continue
        if leaves is not None and index <= max(leaves, default=-1) and leaves.get(index) != data:
            report.faults.append(
                Fault(
                    "receipt-false",
                    f"fact {number}: the log receipted envelope {fact.seq} as leaf {index}, and published another leaf "
                    "there, or none: the log was forked, or leaves one out",
                )
            )


def _check_published(
    leaves: Mapping[int, bytes],
    name: JournalName,
    sealed: Mapping[int, EnvelopeSealed],
    tree: Tree,
    manifest: TrustedManifest,
    report: Report,
) -> None:
    """Hold the journal against what the centre had of this device."""
    mine = {fact.sha256 for fact in sealed.values()}
    seen: dict[int, str] = {}
    report.published = 0
    for index, submission in _of_device(leaves, name, manifest):
        statement = submission.statement
        report.published += 1
        where = f"envelope {statement.seq}, leaf {index} of the centre's log,"
        named = statement.journal
        if named.size > tree.size:
            report.faults.append(
                Fault(
                    "journal-truncated", f"{where} was sealed over {named.size} facts, here are {tree.size}"
                )
            )
        elif not _fits(named, tree):
            report.faults.append(
                Fault("fact-rewritten", f"{where} was sealed over other {named.size} facts than stand here")
            )
        if submission.sha256 not in mine:
            report.faults.append(Fault("envelope-forgotten", f"{where} is not in this journal"))
        if seen.setdefault(statement.seq, submission.sha256) != submission.sha256:
            report.faults.append(
                Fault(
                    "device-forked",
                    f"{where} is not the only one of this number: an older state was brought back",
                )
            )


def _of_device(
    leaves: Mapping[int, bytes], name: JournalName, manifest: TrustedManifest
) -> list[tuple[int, CheckedSubmission]]:
    """The device's own envelopes. Whether all leaves are in order is for ``center audit`` to say."""
    keyid = key_id(manifest.device_key(name.device))
    found = []
    for index, data in sorted(leaves.items()):
        try:
            if all(one.keyid != keyid for one in Envelope.from_bytes(data).signatures):
                continue
            submission = check_submission(data, manifest)
        except EvidenceError:
            continue
        if submission.statement.branch == name.branch:
            found.append((index, submission))
    return found


def anchored_by(
    leaves: Mapping[int, bytes], name: JournalName, checkpoint: Checkpoint, manifest: TrustedManifest
) -> int | None:
    """The first published leaf that was sealed over exactly this checkpoint, or None."""
    for index, submission in _of_device(leaves, name, manifest):
        named = submission.statement.journal
        if (named.size, named.root) == (checkpoint.size, checkpoint.root.hex()):
            return index
    return None


def _check_seeds(seeds: Mapping[int, bytes], chain: Chain, name: JournalName, report: Report) -> None:
    """The seed that the last checkpoint names must be there, and none of a later one alone."""
    epoch, vkey = chain.expected or (1, None)
    ready = epoch in seeds and epoch_key(seeds[epoch], name).vkey == vkey
    latest = max(seeds, default=0)
    if latest > epoch + ready:
        report.faults.append(
            Fault(
                "journal-behind-its-keys",
                f"the next checkpoint is that of epoch {epoch}, and the seed of epoch {latest} is here: "
                "checkpoints that were durable are gone, an older copy of the journal was put back",
            )
        )
    elif vkey is not None and not ready:
        report.remarks.append(Remark("key-gone", f"epoch {epoch}"))


def _remark(chain: Chain, report: Report) -> None:
    for segment in chain.segments[1:]:
        where = f"segment {segment.number}, from fact {segment.fact} on, {segment.at}"
        if segment.endorsed_by:
            report.remarks.append(Remark("seed-lost-endorsed", f"{where}: {', '.join(segment.endorsed_by)}"))
        else:
            report.remarks.append(Remark("seed-lost-unsigned", where))
    if chain.segments and chain.before_first:
        report.remarks.append(Remark("birth-unsigned", f"facts 1 to {chain.segments[0].fact - 1}"))
    if not chain.checkpoints:
        report.remarks.append(Remark("never-signed", f"{report.facts} facts"))
    elif chain.uncovered:
        last = chain.checkpoints[-1].fact
        report.remarks.append(Remark("tail-unsigned", f"facts {last + 1} to {report.facts}"))
