"""The invariants of a world: what must hold whatever broke. Each finding is a sentence; none means that all held."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

from center.log.entries import Entry
from crypto import merkle, receipt, rfc3339
from crypto.manifest import TrustedManifest
from crypto.notes import Checkpoint, verify_note
from failover.timing import Timing
from kit.day.phases import PHASES
from kit.facts import BootRecorded, EnvelopeSealed, LinkSwitched, PhaseEntered, ReceiptStored
from kit.journal.report import verify
from simulators.secrecy import secrets_of, told
from simulators.world.branch import Branch

HOUR_MS: Final = 3_600_000
TELLING_MIN: Final = 32  # bytes: less cannot hold a tally


class Wiretap:
    """Everything that kits published, by branch: the different envelopes, and all bytes once."""

    def __init__(self) -> None:
        self.envelopes: dict[str, dict[str, bytes]] = {}
        self.payloads: dict[bytes, None] = {}

    def sent(self, _at: float, _link: str, _direction: str, data: bytes) -> None:
        """Bytes that somebody sent, whether or not they arrived."""
        if len(data) >= TELLING_MIN:
            self.payloads[data] = None

    def published(self, topic: str, payload: bytes) -> None:
        """One PUBLISH that the broker took."""
        parts = topic.split("/")
        if parts[-1] == "envelope":
            self.envelopes.setdefault(parts[-2], {})[sha256(payload).hexdigest()] = payload


def journal_findings(
    branch: Branch, facts: Sequence[Any], leaves: Sequence[bytes], tap: Wiretap
) -> list[str]:
    """What the branch's final journal must show."""
    name, found = branch.name, []
    for checkpoint in branch.checkpoints:
        if checkpoint.size > len(leaves):
            found.append(f"{name}: {checkpoint.size} facts were durable at a crash, {len(leaves)} are left")
        elif merkle.root(leaves[: checkpoint.size]).hex() != checkpoint.root:
            found.append(f"{name}: the first {checkpoint.size} facts are not those that were durable then")
    sealed = {fact.sha256: fact for fact in facts if isinstance(fact, EnvelopeSealed)}
    seqs = [fact.seq for fact in sealed.values()]
    if seqs != list(range(1, len(seqs) + 1)):
        found.append(f"{name}: envelopes are numbered {seqs}")
    if [fact.kind for fact in sealed.values()] != ["account", "tally"]:
        found.append(
            f"{name}: envelopes are {[fact.kind for fact in sealed.values()]}, not account and tally"
        )
    found += [
        f"{name}: envelope {digest[:16]} was sent and is not in the journal"
        for digest in tap.envelopes.get(name, {})
        if digest not in sealed
    ]
    phases = [PHASES.index(fact.phase) for fact in facts if isinstance(fact, PhaseEntered)]
    passed = [phase for phase in phases if PHASES[phase] not in ("open", "suspended", "readiness", "zeroed")]
    if passed != sorted(set(passed)):
        found.append(f"{name}: phases went back: {[PHASES[phase] for phase in phases]}")
    return found


def flap_findings(name: str, facts: Sequence[Any], per_hour: int = Timing().switches_per_hour) -> list[str]:
    """No kit leaves a working uplink for a better one more often than it is configured to, in any hour of one life.

    Those that the journal had no room for (kit.links.links.WRITTEN_MAX, twice the rate) are not seen here.
    """
    found: list[str] = []
    life: list[int] = []
    for fact in facts:
        if isinstance(fact, BootRecorded):
            life = []
        if not isinstance(fact, LinkSwitched) or fact.cause != "better":
            continue
        at = rfc3339.to_ms(fact.at)
        life = [earlier for earlier in life if at - earlier < HOUR_MS] + [at]
        if len(life) > per_hour:
            found.append(
                f"{name}: it left a working uplink {len(life)} times in an hour, {per_hour} are allowed"
            )
    return found


def unexplained_findings(name: str, facts: Sequence[Any]) -> list[str]:
    """Each switch begins where the one before ended, unless it says that some are missing; and each has its reason."""
    found: list[str] = []
    preferred: str | None = None
    for fact in facts:
        if isinstance(fact, BootRecorded):
            preferred = None
        if not isinstance(fact, LinkSwitched):
            continue
        if not fact.reason:
            found.append(f"{name}: a switch to {fact.to} at {fact.at} has no reason")
        if not fact.unwritten and fact.left != preferred:
            found.append(f"{name}: a switch leaves {fact.left} at {fact.at}, and {preferred} was preferred")
        preferred = fact.to
    return found


def evidence_findings(branch: Branch, entries: Sequence[Entry], manifest: TrustedManifest) -> list[str]:
    """A stranger verifies the journal, against all that the centre logged: nothing broken may cost it a key.

    What was not signed when the power went for the last time may stay unsigned.
    """
    bodies, seeds = branch.read_evidence()
    logged = {entry.leaf: entry.data for entry in entries}
    report = verify(bodies, manifest, leaves=logged, seeds=seeds)
    said: list[tuple[str, str]] = [(fault.code, fault.detail) for fault in report.faults]
    said += [(remark.code, remark.detail) for remark in report.remarks if remark.code != "tail-unsigned"]
    found = [
        f"{branch.name}: its journal does not convince a stranger: {code} ({detail})" for code, detail in said
    ]
    if not report.published:
        found.append(f"{branch.name}: nothing that the centre logged anchors its journal")
    return found


def receipt_findings(
    name: str, facts: Sequence[Any], entries: Sequence[Entry], manifest: TrustedManifest
) -> list[str]:
    """Every receipt that the branch ever believed is true of the centre's final log."""
    leaves = [merkle.leaf_hash(entry.data) for entry in entries]
    sealed = {fact.seq: fact for fact in facts if isinstance(fact, EnvelopeSealed)}
    found = []
    for fact in facts:
        if not isinstance(fact, ReceiptStored) or fact.index is None:
            continue  # an acknowledgement names no place in the log
        text = verify_note(fact.receipt.split("\n\n", 1)[1], [manifest.log_verifier])
        checkpoint = Checkpoint.parse(text)
        if fact.index >= len(entries) or entries[fact.index].sha256 != sealed[fact.seq].sha256:
            found.append(f"{name}: receipted as leaf {fact.index}, which the final log does not have")
        elif checkpoint.size > len(leaves) or merkle.root(leaves[: checkpoint.size]) != checkpoint.root:
            found.append(f"{name}: its receipt's checkpoint is of another log than the final one")
        if receipt.envelope_sha256_of(fact.receipt) != sealed[fact.seq].sha256:
            found.append(f"{name}: the receipt is of another envelope")
    return found


def secrecy_findings(branches: Iterable[Branch], tap: Wiretap, manifest: TrustedManifest) -> list[str]:
    """No terminal's tally, signed or plain, whole or in part, went over the wire."""
    found = []
    for branch in branches:
        report = branch.terminal.durable["reports"].get("TALLY")
        if report is not None:
            secrets = secrets_of(report.encode(), manifest)
            found += [f"{branch.name}: {name} went over the wire" for name in told(tap.payloads, secrets)]
    return found


def log_findings(entries: Sequence[Entry]) -> list[str]:
    """No envelope and no unit is logged twice. Acts of the centre are of no unit."""
    found = []
    if len({entry.sha256 for entry in entries}) != len(entries):
        found.append("an envelope is in the log twice")
    units = [(entry.unit, entry.kind) for entry in entries if entry.unit]
    if len(set(units)) != len(units):
        found.append("a unit is in the log twice")
    return found
