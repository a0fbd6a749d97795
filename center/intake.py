"""Intake of one batch: admit, log durably, and say what to answer. Knows no broker and no clock."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from center.admission import Admitted, BatchPast, Duplicate, Refused, admit
from center.ledger import Ledger
from center.log import Sequencer
from crypto import rfc3339
from crypto.manifest import TrustedManifest
from crypto.wire import topic_receipt, topic_refusal


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a branch."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. ``duplicates`` counts messages that brought known bytes again."""

    admitted: tuple[Admitted, ...]
    duplicates: int
    refused: tuple[Refused, ...]
    replies: tuple[Reply, ...]


class Intake:
    """Takes batches in. When ``process`` returns, the batch is durable and may be acknowledged."""

    def __init__(self, manifest: TrustedManifest, ledger: Ledger, sequencer: Sequencer) -> None:
        self._manifest = manifest
        self._ledger = ledger
        self._sequencer = sequencer
        # Nobody makes us publish on a topic of his choice.
        self._branches = frozenset(branch.id for branch in manifest.manifest.branches)

    def process(self, messages: Sequence[tuple[str, bytes]], *, wall_ms: int) -> Outcome:
        """Judge, log and answer ``messages`` (topic, payload). ``wall_ms`` since the epoch is only recorded.

        Raises LedgerError when the batch could not be stored: then nothing of it may be acknowledged.
        """
        past = BatchPast(self._ledger)
        admitted: list[Admitted] = []
        refused: dict[tuple[str, str], Refused] = {}
        owed: dict[str, tuple[str, bytes]] = {}  # envelopes to receipt, each once: branch and bytes by hash
        duplicates = 0
        for topic, payload in messages:
            judged = admit(topic, payload, self._manifest, past)
            if isinstance(judged, Refused):
                refused[(judged.sha256, judged.topic)] = judged
                continue
            if isinstance(judged, Duplicate):
                duplicates += 1
            else:
                admitted.append(judged)
                past.add(judged)
            owed[judged.sha256] = (judged.branch, judged.data)
        self._sequencer.append(admitted, list(refused.values()), at=rfc3339.to_text(wall_ms))
        receipts = [self._receipt(sha256, branch, data) for sha256, (branch, data) in owed.items()]
        refusals = [self._refusal(r, r.branch) for r in refused.values() if r.branch is not None]
        return Outcome(
            tuple(admitted), duplicates, tuple(refused.values()), (*receipts, *filter(None, refusals))
        )

    def _receipt(self, sha256: str, branch: str, data: bytes) -> Reply:
        text = self._sequencer.receipt(sha256, data)
        return Reply(topic_receipt(self._manifest.manifest.election, branch), text.encode())

    def _refusal(self, refused: Refused, branch: str) -> Reply | None:
        if branch not in self._branches:
            return None
        hint = json.dumps({"envelope_sha256": refused.sha256, "reason": refused.reason})
        return Reply(topic_refusal(self._manifest.manifest.election, branch), hint.encode())
