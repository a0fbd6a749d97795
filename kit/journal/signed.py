"""The signed journal: the facts of kit.journal.journal, with checkpoints of the notary between them.

A checkpoint is made after the kit booted, after each phase that it entered and each envelope that it sealed, at the
latest after ``CHECKPOINT_FACTS`` facts, before an envelope is sealed, and when the kit is stopped. Never for a vote,
nor by a clock: when checkpoints were made tells nothing that the facts around them do not tell.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from crypto.codec import b64
from crypto.identity import SigningKey
from crypto.journal_note import JournalName
from crypto.manifest import TrustedManifest
from crypto.statements import JournalCheckpoint
from kit.facts import (
    Archived,
    BootRecorded,
    CheckpointSigned,
    EnvelopeSealed,
    Fact,
    JournalKeyCertified,
    PhaseEntered,
)
from kit.journal.chain import Chain
from kit.journal.journal import Journal, JournalError
from kit.journal.notary import Notary
from kit.journal.seeds import SeedFile
from kit.ports import Entropy

JOURNAL_FILE: Final = "journal.db"
SEEDS_FILE: Final = "keys/journal.seeds"
CHECKPOINT_FACTS: Final = 16  # facts without a signature, at most
PAGE_MAX: Final = 512 * 1024  # characters of facts that ``page`` returns, but for a single larger one
KEEP_IT: Final = ": keep the file, it is evidence; call the centre"
_SIGNED_AT_ONCE: Final = (BootRecorded, PhaseEntered, EnvelopeSealed, Archived)


class SignedJournal:
    """What the daemon takes for its journal. ``key_lost`` says after ``replay`` why a flagged segment will begin.

    The first ``append`` of a life opens a segment where there is no key to go on with: a lost seed stops nobody.
    """

    def __init__(self, journal: Journal, notary: Notary, chain: Chain) -> None:
        self._journal, self._notary, self._chain = journal, notary, chain
        self._at = ""
        self.key_lost: str | None = None

    def replay(self) -> Iterator[Fact]:
        """All facts, oldest first, each held against the anchors and the keys. Call once, before ``append``.

        Raises:
            JournalError: as Journal.replay; a checkpoint or certificate contradicts the facts or its keys; the journal
                is older than its keys.
            JournalUnavailableError: the seeds cannot be read.
        """
        root = self._journal.checkpoint().root
        for number, fact in enumerate(self._journal.replay(), 1):
            for fault in self._chain.check(fact, number, root):
                advice = "" if fault.code == "foreign-journal" else KEEP_IT
                raise JournalError(f"{self._journal.path}: {fault.detail}{advice}")
            root, self._at = self._journal.checkpoint().root, fact.at
            yield fact
        for fault in self._chain.end():
            raise JournalError(f"{self._journal.path}: {fault.detail}")
        self.key_lost = self._notary.resume(self._chain.expected)

    def append(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Make facts durable, all or none, and sign when it is time to; returns all that was written.

        Raises:
            JournalUnavailableError: the disk refuses, facts or seeds. The caller must not go on.
            JournalError, EncodingError: a bug.
        """
        self._journal.append(facts)
        self._chain.uncovered += len(facts)
        self._at = facts[-1].at if facts else self._at
        own: list[Fact] = []
        if not self._notary.ready:
            tree = self._journal.checkpoint()
            certificate = self._notary.open_segment(len(self._chain.segments) + 1, tree)
            own.append(self._write(JournalKeyCertified(at=self._at, certificate=b64(certificate))))
            own += self.sign_off()
        elif self._chain.uncovered >= CHECKPOINT_FACTS or any(
            isinstance(fact, _SIGNED_AT_ONCE) for fact in facts
        ):
            own += self.sign_off()
        return [*facts, *own]

    def sign_off(self) -> list[Fact]:
        """Sign what is not signed yet; returns the checkpoint, which no core folds, or nothing.

        Raises JournalUnavailableError.
        """
        if not self._chain.uncovered or not self._notary.ready:
            return []
        epoch, note = self._notary.sign(self._journal.checkpoint())
        signed = self._write(CheckpointSigned(at=self._at, epoch=epoch, note=note))
        self._notary.advance()
        return [signed]

    def anchor(self) -> JournalCheckpoint:
        """The signed checkpoint over everything so far, for an envelope to name. Raises JournalUnavailableError."""
        self.sign_off()
        last = self._chain.checkpoints[-1]
        return JournalCheckpoint(size=last.size, root=last.root)

    def checkpoint(self) -> JournalCheckpoint:
        """Size and root of the tree over all durable facts, signed or not."""
        return self._journal.checkpoint()

    def page(self, first: int) -> tuple[list[str], int | None]:
        """Facts from number ``first`` (from 1) on as they stand in the tree; the number of the next page or None."""
        return self._journal.page(first, PAGE_MAX)

    def close(self) -> None:
        """Let go of the files."""
        self._journal.close()
        self._notary.close()

    def _write(self, fact: JournalKeyCertified | CheckpointSigned) -> Fact:
        tree = self._journal.checkpoint()
        self._journal.append([fact])
        faults = self._chain.check(fact, tree.size + 1, tree.root)
        assert not faults, faults  # noqa: S101 - what was just signed must convince us too
        return fact


def open_journal(
    state_dir: Path,
    manifest: TrustedManifest,
    branch: str,
    key: SigningKey,
    *,
    entropy: Entropy,
    vfs: str | None,
) -> SignedJournal:
    """The journal of the device that ``key`` is enrolled for, ``journal.db`` and ``keys/journal.seeds`` in its folder.

    Raises:
        JournalError, JournalUnavailableError: as Journal and SeedFile.
        ManifestError: the key is nobody's.
    """
    device = manifest.device_of_key(key.key_id).id
    name = JournalName(manifest.manifest.election, manifest.manifest.round, branch, device)
    journal = Journal(state_dir / JOURNAL_FILE, vfs=vfs)
    try:
        seeds = SeedFile(state_dir / SEEDS_FILE, vfs=vfs)
    except JournalError:
        journal.close()
        raise
    notary = Notary(name, manifest.sha256, key, seeds, entropy)
    return SignedJournal(journal, notary, Chain(name, manifest))
