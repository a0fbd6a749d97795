"""Intake of one batch: admit, log durably, and say what to answer. Knows no broker and no clock."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from center.intake.act_admission import AdmittedAct
from center.intake.admission import Admission, Admitted, BatchPast, Duplicate, Judged, Refused, admit
from center.intake.pushes import Pushes
from center.log.ledger import Ledger
from center.log.sequencer import Sequencer
from crypto import rfc3339
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.wire import NARROW, topic_receipt, topic_refusal


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a branch."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. ``judged`` has one verdict for each message, in their order.

    ``duplicates`` counts messages that brought known bytes again.
    """

    judged: tuple[Judged, ...]
    admitted: tuple[Admitted, ...]
    acts: tuple[AdmittedAct, ...]
    duplicates: int
    refused: tuple[Refused, ...]
    replies: tuple[Reply, ...]


class Intake:
    """Takes batches in. When ``process`` returns, the batch is durable and may be acknowledged."""

    def __init__(
        self, manifest: TrustedManifest, ledger: Ledger, sequencer: Sequencer, pushes: Pushes | None = None
    ) -> None:
        self._manifest = manifest
        self._ledger = ledger
        self._sequencer = sequencer
        self._pushes = pushes
        # Nobody makes us publish on a topic of his choice.
        chain = (manifest, *manifest.earlier)
        self._branches = frozenset(branch.id for one in chain for branch in one.manifest.branches)

    def process(self, messages: Sequence[tuple[str, bytes]], *, wall_ms: int) -> Outcome:
        """Judge, log and answer ``messages``: (topic, payload), with admission.SPOOL as the topic of files.

        ``wall_ms`` since the epoch is only recorded.

        Raises LedgerError when the batch could not be stored: then nothing of it may be acknowledged.
        """
        past = BatchPast(self._ledger, self._sequencer.root_at)
        judged: list[Judged] = []
        leaves: list[Admission] = []
        refused: dict[tuple[str, str], Refused] = {}
        # Envelopes to receipt, each once for wide ways and once for narrow ones: branch and bytes, by hash and way.
        owed: dict[tuple[str, bool], tuple[str, bytes]] = {}
        for topic, payload in messages:
            narrow = topic.endswith(NARROW)
            verdict = admit(topic.removesuffix(NARROW), payload, self._manifest, past)
            judged.append(verdict)
            if isinstance(verdict, Refused):
                refused[(verdict.sha256, verdict.topic)] = verdict
                continue
            if isinstance(verdict, Admitted | AdmittedAct):
                leaves.append(verdict)
                past.add(verdict)
            if not isinstance(verdict, AdmittedAct) and verdict.branch is not None:
                owed[verdict.sha256, narrow] = (verdict.branch, verdict.data)
        self._sequencer.append(leaves, list(refused.values()), at=rfc3339.to_text(wall_ms))
        receipts = [
            self._receipt(sha256, branch, data, narrow=narrow)
            for (sha256, narrow), (branch, data) in owed.items()
        ]
        refusals = [self._refusal(r, r.branch) for r in refused.values() if r.branch is not None]
        return Outcome(
            judged=tuple(judged),
            admitted=tuple(leaf for leaf in leaves if isinstance(leaf, Admitted)),
            acts=tuple(leaf for leaf in leaves if isinstance(leaf, AdmittedAct)),
            duplicates=sum(isinstance(verdict, Duplicate) for verdict in judged),
            refused=tuple(refused.values()),
            replies=(*receipts, *filter(None, refusals)),
        )

    def _receipt(self, sha256: str, branch: str, data: bytes, *, narrow: bool) -> Reply:
        """The best receipt there is; on a narrow way, or where it would be too long for any, an acknowledgement."""
        try:
            text = None if narrow else self._sequencer.receipt(sha256, data)
        except ProofError:
            text = None
        if text is None:
            text = self._sequencer.acknowledgement(sha256, data)
        elif self._pushes is not None and self._sequencer.is_witnessed(sha256):
            self._pushes.told(sha256)
        return Reply(topic_receipt(self._manifest.manifest.election, branch), text.encode())

    def _refusal(self, refused: Refused, branch: str) -> Reply | None:
        if branch not in self._branches:
            return None
        hint = json.dumps({"envelope_sha256": refused.sha256, "reason": refused.reason})
        return Reply(topic_refusal(self._manifest.manifest.election, branch), hint.encode())
