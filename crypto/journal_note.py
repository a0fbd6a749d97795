"""What a device signs about its journal: checkpoints under evolving keys, and the certificate of a first key.

A checkpoint is a C2SP signed note (tlog-checkpoint) with two extension lines::

    branch-kit/journal/<election>/<round>/<branch>/<device>
    57
    <root, base64>
    epoch 12
    next <verifier key of epoch 13>

The key of epoch 12 signs it, and the enrolled device key does too (under the same name with ``/device`` behind it):
the first says that nobody rewrote history with a later key, the second can be checked from the manifest alone.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta

from crypto import codec, envelope, notes
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, ProofError, StatementError
from crypto.identity import SigningKey, key_id
from crypto.manifest import TrustedManifest
from crypto.notes import Checkpoint, NoteSigner, NoteVerifier
from crypto.reports import check_fields
from crypto.statements import Digits, JournalCheckpoint, Official, Statement
from crypto.wire import TYPE_JOURNAL_KEY, Id, Sha256

JOURNAL_NOTE_MAX: Final = 2 * 1024  # characters of one signed checkpoint of a journal
_EXTENSIONS: Final = 2
_BODIES: Final = 2  # the rule of dual control


class JournalKey(Statement, frozen=True, kw_only=True):
    """The first key of a segment of a journal. The device signs it; officials add theirs where a seed was lost."""

    type: Literal["journal-key"] = "journal-key"
    election: Id
    round: Digits
    branch: Id
    device: Id
    manifest_sha256: Sha256
    segment: Digits
    """1 for the first. Each further one says that a seed was lost, and is flagged."""
    epoch: Digits
    """The epoch whose key this is: the one that the last checkpoint named, whose seed is no more; 1 in segment 1."""
    vkey: Annotated[str, Meta(max_length=600)]
    journal: JournalCheckpoint
    """The tree when the segment began."""
    reason: Literal["first", "seed-lost"]


@dataclass(frozen=True, slots=True)
class JournalName:
    """Whose journal. ``origin`` is the first line of its checkpoints, and the name of its evolving keys."""

    election: str
    round: int
    branch: str
    device: str

    @property
    def origin(self) -> str:
        """The name of the log; ids hold no slash, so no two journals share one."""
        return f"branch-kit/journal/{self.election}/{self.round}/{self.branch}/{self.device}"

    @property
    def device_origin(self) -> str:
        """The name under which the enrolled device key signs the same notes."""
        return f"{self.origin}/device"


@dataclass(frozen=True, slots=True)
class JournalNote:
    """One checkpoint of a journal. ``epoch`` counts the journal's checkpoints from 1."""

    checkpoint: Checkpoint
    epoch: int
    next_vkey: str

    def text(self) -> str:
        """The text to sign: five lines, each ending in a newline."""
        return f"{self.checkpoint.text()}epoch {self.epoch}\nnext {self.next_vkey}\n"

    @classmethod
    def parse(cls, text: str) -> "JournalNote":
        """Return what ``text`` says, in its one form.

        Raises:
            ProofError: for anything but the five lines.
        """
        lines = text.split("\n")
        if len(lines) != 4 + _EXTENSIONS or lines[-1]:
            raise ProofError(f"journal checkpoint has {len(lines) - 1} lines: 5 are needed, no more")
        checkpoint = Checkpoint.parse("\n".join([*lines[:3], ""]))
        epoch_word, _, epoch = lines[3].partition(" ")
        next_word, _, next_vkey = lines[4].partition(" ")
        if (epoch_word, next_word) != ("epoch", "next"):
            raise ProofError("journal checkpoint: lines 4 and 5 must say epoch and next")
        NoteVerifier(next_vkey)
        return cls(checkpoint, notes.decimal(epoch, "journal checkpoint: epoch"), next_vkey)


def epoch_key(seed: bytes, name: JournalName) -> NoteSigner:
    """The key of one epoch from its seed (32 bytes); raises EncodingError."""
    return NoteSigner(name.origin, SigningKey.from_seed(seed))


def sign_note(note: JournalNote, key: NoteSigner, device_key: SigningKey) -> str:
    """Sign with the epoch's key and with the device's; returns the signed note."""
    text = note.text()
    device = NoteSigner(f"{note.checkpoint.origin}/device", device_key)
    return key.sign(text) + device.sign(text).rpartition("\n\n")[2]


def open_by_device(signed: str, name: JournalName, device_public: bytes) -> JournalNote:
    """Check the device's signature alone: all that the manifest gives a key for.

    Raises:
        ProofError: malformed, of another journal, or the signature is missing or wrong.
    """
    return _opened(signed, name, notes.vkey_of(name.device_origin, device_public))


def open_by_epoch(signed: str, name: JournalName, vkey: str) -> JournalNote:
    """Check the signature of the key that the checkpoint before (or a certificate) named; raises ProofError."""
    return _opened(signed, name, vkey)


def _opened(signed: str, name: JournalName, vkey: str) -> JournalNote:
    note = JournalNote.parse(notes.verify_note(signed, [NoteVerifier(vkey)]))
    if note.checkpoint.origin != name.origin:
        raise ProofError(f"checkpoint is of {note.checkpoint.origin!r}, not of {name.origin!r}")
    return note


def sign_certificate(key: JournalKey, signer: SigningKey) -> bytes:
    """Sign the first key of a segment; returns the DSSE envelope. The device signs first, officials the same bytes."""
    return envelope.sign(TYPE_JOURNAL_KEY, codec.to_bytes(key), [signer]).to_bytes()


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """A certificate whose signatures hold. ``officials`` in ascending order of their key ids."""

    key: JournalKey
    payload: bytes
    by_device: bool
    officials: tuple[Official, ...]

    @property
    def endorsed(self) -> bool:
        """Whether officials of two different bodies vouch for it."""
        return len({official.body for official in self.officials}) >= _BODIES


def check_certificate(
    data: bytes, name: JournalName, manifest: TrustedManifest, *, manifest_sha256: str | None = None
) -> CheckedCertificate:
    """Verify every signature on a certificate against the device's key and those of the branch's officials.

    ``manifest_sha256``: of the manifest that was in force when it was made, where that is another one.

    Raises:
        EncodingError, StatementError: not a certificate, or that of another journal.
        SignatureInvalidError: an unknown key, or a wrong signature.
        ManifestError: the manifest knows no such branch or device.
        ProofError: its verifier key is none, or has another name.
    """
    envelope_ = Envelope.from_bytes(data)
    device = manifest.device_key(name.device)
    officials = manifest.officials_of(name.branch)
    keys = {one: codec.unb64(official.public_key) for one, official in officials.items()}
    signers = envelope.verify(envelope_, payload_type=TYPE_JOURNAL_KEY, keys={**keys, key_id(device): device})
    key = codec.from_bytes(envelope_.payload, JournalKey)
    expected: dict[str, str | int] = {
        "election": name.election,
        "round": name.round,
        "branch": name.branch,
        "device": name.device,
        "manifest_sha256": manifest_sha256 or manifest.sha256,
    }
    check_fields(f"the journal key of device {name.device!r}", key, expected)
    if NoteVerifier(key.vkey).name != name.origin:
        raise StatementError(f"the journal key is for {NoteVerifier(key.vkey).name!r}, not {name.origin!r}")
    return CheckedCertificate(
        key,
        envelope_.payload,
        key_id(device) in signers,
        tuple(officials[one] for one in signers if one in officials),
    )


def add_official(data: bytes, signer: SigningKey, name: JournalName, manifest: TrustedManifest) -> bytes:
    """Add an official's signature to a certificate; returns the new envelope.

    Raises:
        StatementError: the key is not that of an official of the branch, or has signed it already.
        EvidenceError: as ``check_certificate``.
    """
    check_certificate(data, name, manifest)
    envelope_ = Envelope.from_bytes(data)
    if signer.key_id not in manifest.officials_of(name.branch):
        raise StatementError(f"this is not the key of an official of branch {name.branch!r}")
    if any(one.keyid == signer.key_id for one in envelope_.signatures):
        raise StatementError("this official signed it already: one of another body has to")
    mine = envelope.sign(TYPE_JOURNAL_KEY, envelope_.payload, [signer])
    return envelope.merge(envelope_, mine).to_bytes()


def name_of(election: str, round_: int, branch: str, device: str, manifest: TrustedManifest) -> JournalName:
    """The name of a journal that the manifest knows.

    Raises:
        EvidenceError: another election or round, or a device that does not belong to the branch.
    """
    mine = (manifest.manifest.election, manifest.manifest.round)
    if (election, round_) != mine:
        raise EvidenceError(
            f"the journal is of election {election!r} round {round_}, the manifest of {mine[0]!r} round {mine[1]}"
        )
    if device not in manifest.branch(branch).all_devices:
        raise EvidenceError(f"device {device!r} does not belong to branch {branch!r}")
    return JournalName(election, round_, branch, device)
