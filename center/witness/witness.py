"""A witness: remembers the newest checkpoint of each log, and vouches only for logs that grow (c2sp.org/tlog-witness).

Before it vouches for a checkpoint, that checkpoint is on the disk: a witness that forgets could be led back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Protocol

from center.errors import OutputError, WitnessError
from center.files import UnreadableError, read_whole, sync_folder, write_whole
from center.witness.cosignatures import good_lines
from crypto import codec, merkle, notes
from crypto.consistency import Consistency, hashes, parse_unverified
from crypto.errors import EvidenceError, ProofError
from crypto.notes import NOTE_MAX, Checkpoint, CosignatureVerifier, Cosigner, NoteVerifier

PROOF_LINES_MAX: Final = 63  # hashes in a request, as tlog-witness says
REQUEST_MAX: Final = NOTE_MAX + 8 * 1024  # bytes of a request: checkpoint, and proof before it
EVIDENCE_MAX: Final = 1_000  # pairs of checkpoints kept as evidence
_STATE_MODE: Final = 0o700

Reason = Literal["malformed", "unknown-log", "unsigned", "wrong-size", "inconsistent"]


class RefusedError(Exception):
    """The witness does not vouch. ``size`` is that of the newest checkpoint it vouched for, for "wrong-size"."""

    def __init__(self, reason: Reason, message: str, size: int = 0) -> None:
        super().__init__(message)
        self.reason: Final = reason
        self.size: Final = size


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks: vouch for ``note``, whose log begins with the ``old_size`` leaves that you know."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def to_bytes(self) -> bytes:
        """The body of ``add-checkpoint``."""
        lines = [f"old {self.old_size}", *map(codec.b64, self.proof), "", self.note]
        return "\n".join(lines).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Request":
        """Read the body of ``add-checkpoint``; raises RefusedError."""
        try:
            return _parse_request(data)
        except (ProofError, UnicodeDecodeError) as error:
            raise RefusedError("malformed", f"malformed request: {error}") from error


class Memory(Protocol):
    """What a witness must not forget."""

    def newest(self, origin: str) -> str | None:
        """The newest checkpoint of a log that this witness vouched for, with its cosignature; None for none."""

    def remember(self, origin: str, note: str) -> None:
        """Keep a cosigned checkpoint; on return it is on the disk."""

    def accuse(self, known: str, shown: str) -> Path:
        """Keep two checkpoints of one log that do not go together; returns where."""


class WitnessStore:
    """What a witness must not forget, in one folder: a file for each log, and evidence against logs.

    Raises OutputError where the disk refuses, WitnessError where a file is not what was written.
    """

    def __init__(self, folder: Path, verifier: CosignatureVerifier) -> None:
        self._folder = folder
        self._verifier = verifier
        try:
            folder.mkdir(mode=_STATE_MODE, parents=True, exist_ok=True)
            (folder / "evidence").mkdir(mode=_STATE_MODE, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror}): choose another place") from error

    def newest(self, origin: str) -> str | None:
        """The newest checkpoint of a log that this witness vouched for, with its cosignature; None for none."""
        path = self._path(origin)
        try:
            data = read_whole(path, NOTE_MAX)
            if data is None:
                return None
            note = data.decode("utf-8")
            checkpoint = Checkpoint.parse(notes.verify_note(note, [self._verifier]))
        except (UnreadableError, UnicodeDecodeError, EvidenceError) as error:
            raise WitnessError(
                f"{path}: {error}: this witness no longer knows what it vouched for; restore the file, or retire the "
                "key"
            ) from error
        if checkpoint.origin != origin:
            raise WitnessError(f"{path}: is of log {checkpoint.origin}, not of {origin}: restore the file")
        return note

    def remember(self, origin: str, note: str) -> None:
        """Keep a cosigned checkpoint; on return it is on the disk."""
        write_whole(self._path(origin), note.encode())
        sync_folder(self._folder)

    def accuse(self, known: str, shown: str) -> Path:
        """Keep two checkpoints of one log that do not go together; returns where."""
        folder = self._folder / "evidence"
        text = f"{known}\n{shown}"
        path = folder / f"{sha256(text.encode()).hexdigest()}.txt"
        if not path.exists() and len(list(folder.iterdir())) < EVIDENCE_MAX:
            write_whole(path, text.encode())
            sync_folder(folder)
        return path

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"


class Witness:
    """One witness. Requests must come one after the other: looking and remembering are one step."""

    def __init__(self, store: Memory, cosigner: Cosigner, logs: Sequence[NoteVerifier]) -> None:
        self._store = store
        self._cosigner = cosigner
        self._logs = {log.name: log for log in logs}
        for origin in self._logs:
            store.newest(origin)  # refuse to start on a memory that does not hold

    def newest(self, origin_sha256: str) -> str | None:
        """The newest cosigned checkpoint of a log, by the hexadecimal hash of its origin; None for none."""
        for origin in self._logs:
            if sha256(origin.encode()).hexdigest() == origin_sha256:
                return self._store.newest(origin)
        return None

    def size_of(self, origin: str) -> int:
        """How many leaves the newest cosigned checkpoint of a log covers, 0 for none."""
        known = self._store.newest(origin)
        return 0 if known is None else parse_unverified(known).size

    def cosign(self, request: Request, *, time_s: int) -> str:
        """Vouch for a checkpoint at a time (seconds since the epoch); returns the cosignature line.

        Raises RefusedError, and then nothing changed. The steps are those of c2sp.org/tlog-witness, in its order.
        """
        note, checkpoint = self._authentic(request.note)
        if request.old_size > checkpoint.size:
            raise RefusedError(
                "malformed", f"old size {request.old_size} is above the checkpoint's {checkpoint.size}"
            )
        known_note = self._store.newest(checkpoint.origin)
        known = Checkpoint(checkpoint.origin, 0, merkle.EMPTY_ROOT)
        if known_note is not None:
            known = parse_unverified(known_note)
            self._check_fork(known_note, note)
        if request.old_size != known.size:
            raise RefusedError("wrong-size", self._behind(known, checkpoint), known.size)
        self._check_growth(known, checkpoint, request.proof, known_note, note)
        cosigned = self._cosigner.cosign(note, time_s)
        self._store.remember(checkpoint.origin, cosigned)
        return cosigned.removeprefix(note)

    def cosign_consistency(self, document: Consistency, *, time_s: int) -> str:
        """Vouch for the new checkpoint of a consistency document (``center log consistency``); as ``cosign``."""
        old_note, old = self._authentic(document.old_note)
        known_note = self._store.newest(old.origin)
        if known_note is not None:
            self._check_fork(known_note, old_note)
        if known_note is None:
            # Nothing is known of this log yet: the newer checkpoint is as good a beginning as the older, if they agree.
            shown_note, shown = self._authentic(document.new_note)
            self._check_growth(old, shown, document.proof, old_note, shown_note)
            return self.cosign(Request(0, (), document.new_note), time_s=time_s)
        return self.cosign(Request(old.size, document.proof, document.new_note), time_s=time_s)

    def _authentic(self, note: str) -> tuple[str, Checkpoint]:
        """The note with the log's own signature alone, and its checkpoint."""
        try:
            origin = parse_unverified(note).origin
        except ProofError as error:
            raise RefusedError("malformed", f"malformed checkpoint: {error}") from error
        log = self._logs.get(origin)
        if log is None:
            raise RefusedError("unknown-log", f"log {origin!r} is not one that this witness watches")
        try:
            checkpoint = Checkpoint.parse(notes.verify_note(note, [log]))
            line = good_lines(note, [log])[log]
        except ProofError as error:
            raise RefusedError("unsigned", str(error)) from error
        return note.rpartition("\n\n")[0] + "\n\n" + line, checkpoint

    def _check_fork(self, known_note: str, note: str) -> None:
        known, shown = parse_unverified(known_note), parse_unverified(note)
        if shown.size == known.size and shown.root != known.root:
            raise RefusedError("inconsistent", self._accusation("is forked", known_note, note))

    def _check_growth(
        self,
        known: Checkpoint,
        shown: Checkpoint,
        proof: tuple[bytes, ...],
        known_note: str | None,
        note: str,
    ) -> None:
        try:
            _verify_growth(known, shown, proof)
        except ProofError as error:
            if known_note is None:
                raise RefusedError("inconsistent", str(error)) from error
            # Perhaps only the proof is wrong: the two checkpoints are kept, and say who signed what.
            message = self._accusation(f"was not shown to have grown ({error})", known_note, note)
            raise RefusedError("inconsistent", message) from error

    def _behind(self, known: Checkpoint, shown: Checkpoint) -> str:
        if shown.size < known.size:
            return f"rollback: log {shown.origin} shows {shown.size} leaves, this witness has vouched for {known.size}"
        return (
            f"this witness has vouched for {known.size} leaves of {shown.origin}: prove from there "
            f"(center log consistency --from {known.size} --to {shown.size})"
        )

    def _accusation(self, what: str, known_note: str, note: str) -> str:
        path = self._store.accuse(known_note, note)
        return f"log {parse_unverified(note).origin} {what}; both checkpoints are kept in {path}:\n{known_note}\n{note}"


def request_from(text: str, witness: Witness) -> Consistency | Request:
    """What a file asks for: a consistency document, or a bare checkpoint (the first, or the same again).

    Raises RefusedError.
    """
    try:
        return Consistency.from_text(text)
    except ProofError as error:
        try:
            checkpoint = parse_unverified(text)
        except ProofError:
            raise RefusedError("malformed", f"neither checkpoint nor consistency proof: {error}") from error
    size = witness.size_of(checkpoint.origin)
    return Request(min(size, checkpoint.size), (), text)


def _parse_request(data: bytes) -> Request:
    head, gap, note = data.decode("utf-8").partition("\n\n")
    lines = head.split("\n")
    word, _, digits = lines[0].partition(" ")
    if not gap or word != "old" or len(lines) > 1 + PROOF_LINES_MAX or len(data) > REQUEST_MAX:
        raise ProofError(
            f"old size, at most {PROOF_LINES_MAX} hashes, an empty line and a checkpoint are needed"
        )
    notes.text_of(note)
    return Request(notes.decimal(digits, "old size"), hashes(lines[1:]), note)


def _verify_growth(known: Checkpoint, shown: Checkpoint, proof: tuple[bytes, ...]) -> None:
    """Raise ProofError unless ``shown`` begins with ``known``; anything begins with the empty log."""
    if known.size:
        merkle.verify_consistency(known.size, shown.size, proof, known.root, shown.root)
        return
    if proof:
        raise ProofError("nothing is to be proven against an empty log")
    if shown.size == 0 and shown.root != merkle.EMPTY_ROOT:
        raise ProofError("the root of an empty log is another")
