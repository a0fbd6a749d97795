"""``center publish``: write what strangers read. Grows the folder, and never changes what it said before.

A reader never sees half a publication: every file appears whole, and those that say what belongs to it
(``checkpoint``, then ``totals.json``) change last, when all that they speak of is there and on the disk.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from center.errors import OutputError, PublicationError
from center.files import (
    PUBLIC_MODE,
    TEMPORARY_PREFIX,
    UnreadableError,
    read_whole,
    sync_folder,
    write_whole,
)
from center.log.checkpoints import Checkpoint
from center.log.entries import Entry
from center.log.leaves import check_leaf
from center.log.ledger import Ledger
from center.log.proving import LoggedTree
from center.opening.logged import Leaf, VerifiedLog, known_leaf
from center.opening.spread import Spread, here
from center.opening.threshold import AnswersFile
from center.opening.types import Opening
from center.publication import layout as publication
from center.publication.order_publishing import OrderPublisher
from center.witness.cosignatures import (
    Brought,
    find_checkpoint,
    latest,
    lines_of,
    newest_witnessed,
    with_lines,
)
from crypto import codec, receipt
from crypto.consistency import signed_by
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import NOTE_MAX
from crypto.submissions import CheckedSubmission
from crypto.wire import ENVELOPE_MAX, MANIFEST_MAX, RECEIPT_MAX

Progress = Callable[[int, int], None]

_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication holds now, and how much of it is new."""

    size: int
    new_leaves: int
    new_receipts: int
    openings: int


class Publisher:
    """Publishes one election into one folder.

    ``publish`` raises PublicationError when the folder or the ledger contradicts itself or the other, OutputError
    when the folder cannot be written, ProvingError when the log is empty. Whatever was not finished is finished
    the next time.
    """

    def __init__(
        self, folder: Path, ledger: Ledger, manifest: TrustedManifest, manifests: Mapping[str, bytes]
    ) -> None:
        """``manifests``: the signed bytes of the manifest and of each before it, by fingerprint."""
        self._folder = folder
        self._ledger = ledger
        self._manifest = manifest
        self._manifests = manifests
        self._log = LoggedTree(ledger)
        self._policy = manifest.manifest.witness_policy
        self._checkpoint = self._log.newest
        self._witnessed: Checkpoint | None = None
        self._brought: Brought = {}
        self._verified: list[Leaf] = []

    def bring(self, lines: str) -> int:
        """Use signature lines that witnesses made by files; returns the size of the checkpoint that they are on."""
        found = find_checkpoint(self._ledger, lines, self._policy)
        if not found:
            raise PublicationError(
                "the cosignature is on no checkpoint of this log, or of no witness of the manifest: give what "
                "center witness cosign wrote"
            )
        self._add_brought(found)
        return next(iter(found))

    def publish(
        self,
        opening: bytes | None = None,
        *,
        answers: Sequence[AnswersFile] = (),
        progress: Progress | None = None,
        spread: Spread = here,
    ) -> Published:
        """Bring the folder up to date.

        ``opening`` is what ``center open --out`` wrote, ``answers`` what trustees gave: from then on anyone can open.
        """
        for name in ("", publication.LEAVES, publication.RECEIPTS, publication.OPENINGS):
            self._make_folder(name)
        with self._alone():
            self._check_signature()
            self._check_growth()
            checked = None if opening is None else self._check_opening(opening)
            self._publish_manifests()
            for name, data in publication.key_files(self._manifest).items():
                self._once(name, data, publication.VKEYS_MAX)
            leaves, receipts = self._publish_entries(progress)
            for name in (publication.LEAVES, publication.RECEIPTS, ""):
                sync_folder(self._folder / name)
            self._replace(publication.CHECKPOINT, self._checkpoint.note.encode(), NOTE_MAX)
            verified = VerifiedLog(self._manifest, tuple(self._verified), self._log.tree)
            OrderPublisher(self._folder, self._once, verified).publish(answers, checked, spread)
            if opening is not None and checked is not None:
                self._publish_opening(checked, opening)
            sync_folder(self._folder)
            return Published(self._checkpoint.size, leaves, receipts, len(self._openings()))

    def _publish_manifests(self) -> None:
        """Those before the newest first: a reader who has it already must find them."""
        earlier = [one.sha256 for one in self._manifest.earlier]
        if earlier:
            self._make_folder(publication.EARLIER)
        for sha256 in earlier:
            self._once(publication.earlier_name(sha256), self._manifests[sha256], MANIFEST_MAX)
        if earlier:
            sync_folder(self._folder / publication.EARLIER)
        old = self._read(publication.MANIFEST, MANIFEST_MAX)
        if old is not None and old in [self._manifests[sha256] for sha256 in earlier]:
            if self._openings():
                raise PublicationError(
                    f"{self._folder}: results were published under an earlier manifest, and are not taken back: "
                    "publish into another folder"
                )
            self._replace(publication.MANIFEST, self._manifests[self._manifest.sha256], MANIFEST_MAX)
        self._once(publication.MANIFEST, self._manifests[self._manifest.sha256], MANIFEST_MAX)

    def _check_signature(self) -> None:
        try:
            signed_by(self._checkpoint.note, self._manifest.log_verifier)
        except ProofError as error:
            raise PublicationError(
                f"the newest checkpoint of the ledger would convince nobody: {error}: is it the manifest's log?"
            ) from error

    def _check_growth(self) -> None:
        """Refuse to publish a log that does not begin with the published one; settle what to publish."""
        data = self._read(publication.CHECKPOINT, NOTE_MAX)
        published_size = 0
        if data is not None:
            published_size = self._check_published(data)
        self._witnessed = newest_witnessed(self._ledger, self._policy, self._brought)
        if self._witnessed is not None and self._witnessed.size >= published_size:
            # What witnesses vouch for is worth more than what is newest.
            self._checkpoint = self._witnessed
        else:
            size = self._log.newest.size
            known = latest(self._ledger.cosignatures(size), self._brought.get(size, {}))
            lines = [known[witness] for witness in self._policy.witnesses if witness in known]
            self._checkpoint = Checkpoint(size, with_lines(self._log.newest.note, lines))

    def _check_published(self, data: bytes) -> int:
        """The size of the published checkpoint, which must be a beginning of the log."""
        place = self._folder / publication.CHECKPOINT
        try:
            old = signed_by(data.decode("utf-8", "replace"), self._manifest.log_verifier)
        except ProofError as error:
            raise PublicationError(f"{place}: {error}: it was changed, or is of another log") from error
        if old.size > self._checkpoint.size or self._log.tree.root(old.size) != old.root:
            raise PublicationError(
                f"{place}: covers {old.size} envelopes with which this ledger of {self._checkpoint.size} does not "
                "begin: the ledger was rolled back or forked; keep both and find out why"
            )
        # Cosignatures that were published stay published, wherever they came from.
        self._add_brought({old.size: lines_of(data.decode("utf-8", "replace"), self._policy)})
        return old.size

    def _add_brought(self, found: Brought) -> None:
        for size, lines in found.items():
            self._brought[size] = latest(self._brought.get(size, {}), lines)

    def _publish_entries(self, progress: Progress | None) -> tuple[int, int]:
        names = publication.ReceiptNames()
        leaves = receipts = 0
        for entry in self._ledger.entries(self._checkpoint.size):
            try:
                checked = check_leaf(entry.data, self._manifest)
            except EvidenceError as error:
                raise PublicationError(
                    f"leaf {entry.leaf} of the ledger does not verify: {error}: is it the right manifest?"
                ) from error
            leaves += self._once(publication.leaf_name(entry.leaf), entry.data, ENVELOPE_MAX)
            self._verified.append(known_leaf(entry.leaf, checked))
            if isinstance(checked, CheckedSubmission):
                name = names.name(checked.statement.branch, checked.statement.seq, entry.leaf)
                receipts += self._publish_receipt(name, entry)
            if progress is not None:
                progress(entry.leaf + 1, self._checkpoint.size)
        return leaves, receipts

    def _publish_receipt(self, name: str, entry: Entry) -> bool:
        """Write the receipt of a leaf, unless a good one is there; a better one takes its place."""
        old = self._read(name, RECEIPT_MAX)
        old_grade = None if old is None else self._grade(name, old, entry)
        if old_grade == "witnessed" or (old_grade and self._checkpoint is not self._witnessed):
            return False
        proof = self._log.tree.inclusion(entry.leaf, self._checkpoint.size)
        text = receipt.make(entry.data, entry.leaf, proof, self._checkpoint.note)
        write_whole(self._folder / name, text.encode(), mode=PUBLIC_MODE)
        return True

    def _grade(self, name: str, text: bytes, entry: Entry) -> str:
        manifest = self._manifest
        policy = manifest.manifest.witness_policy
        try:
            found = receipt.verify(
                text.decode("utf-8", "replace"), entry.data, log=manifest.log_verifier, policy=policy
            )
        except ProofError as error:
            raise PublicationError(
                f"{self._folder / name}: {error}: it was changed since it was published; keep it and find out why"
            ) from error
        if found.size > self._checkpoint.size or self._log.tree.root(found.size) != found.root:
            raise PublicationError(f"{self._folder / name}: is of a log that this ledger does not begin with")
        return found.grade

    def _check_opening(self, data: bytes) -> Opening:
        try:
            opening = publication.decode_opening(data)
        except EvidenceError as error:
            raise PublicationError(f"the opening: {error}: take what center open --out wrote") from error
        manifest = self._manifest.manifest
        expected = (manifest.election, manifest.round, self._manifest.sha256, manifest.election_key.opening)
        if (opening.election, opening.round, opening.manifest_sha256, opening.opening) != expected:
            raise PublicationError(
                "the opening is of another election, round, manifest or kind: take the right file"
            )
        head = opening.log
        if self._checkpoint.size < head.size <= self._log.newest.size:
            raise PublicationError(
                f"the opening covers {head.size} envelopes, and witnesses vouch for {self._checkpoint.size} so far: "
                "wait for them, or bring their cosignatures (--cosignature)"
            )
        if head.size > self._checkpoint.size or codec.b64(self._log.tree.root(head.size)) != head.root:
            raise PublicationError(
                f"the opening covers {head.size} envelopes that are not the first of this log: open it anew"
            )
        newest = max((size for size, _ in self._openings()), default=0)
        if head.size < newest:
            raise PublicationError(
                f"the opening covers {head.size} envelopes, a published one {newest}: results are not taken back"
            )
        return opening

    def _publish_opening(self, opening: Opening, data: bytes) -> None:
        named = publication.opening_file(opening, data)
        self._once(named.file, data, publication.OPENING_MAX)
        sync_folder(self._folder / publication.OPENINGS)
        files = []
        for _, name in self._openings():
            content = self._read(name, publication.OPENING_MAX)
            if content is None:
                raise PublicationError(f"{self._folder / name}: vanished while publishing: who removed it?")
            files.append(publication.OpeningFile(file=name, sha256=codec.sha256_hex(content)))
        self._replace(
            publication.TOTALS, publication.totals_of(opening, tuple(files)), publication.TOTALS_MAX
        )

    def _openings(self) -> list[tuple[int, str]]:
        """Sizes and names of the published openings, smallest first."""
        folder = self._folder / publication.OPENINGS
        names = [f"{publication.OPENINGS}/{path.name}" for path in folder.iterdir()]
        sizes = [(publication.opening_size(name), name) for name in names]
        return sorted((size, name) for size, name in sizes if size is not None)

    def _once(self, name: str, data: bytes, max_bytes: int) -> bool:
        """Write a file that never changes; False when it is there already; raises PublicationError if another is."""
        old = self._read(name, max_bytes)
        if old is None:
            write_whole(self._folder / name, data, mode=PUBLIC_MODE)
            return True
        if old != data:
            raise PublicationError(
                f"{self._folder / name}: differs from what is to be published: published files never change; keep it "
                "and find out who changed it, or publish into another folder"
            )
        return False

    def _replace(self, name: str, data: bytes, max_bytes: int) -> None:
        if self._read(name, max_bytes) != data:
            write_whole(self._folder / name, data, mode=PUBLIC_MODE)

    def _read(self, name: str, max_bytes: int) -> bytes | None:
        try:
            return read_whole(self._folder / name, max_bytes)
        except UnreadableError as error:
            raise PublicationError(
                f"{self._folder / name}: {error}: it was not published like this"
            ) from error

    def _make_folder(self, name: str) -> None:
        try:
            (self._folder / name).mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self._folder / name}: cannot be made ({error.strerror}): choose another place"
            ) from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder against a second publisher, and clear away what an interrupted one left."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(f"{self._folder}: another center publish is at work here: wait") from error
            for left_over in self._folder.rglob(f"{TEMPORARY_PREFIX}*"):
                left_over.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)
