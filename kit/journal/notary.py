"""The notary: signs checkpoints of the journal, each with a key of its own, and leaves no key behind.

The order is the whole point (a power cut may come between any two steps, and inside each):

1. the next epoch's seed is drawn, durable, and read back;
2. a checkpoint that names its verifier key is signed, with this epoch's key and the device's;
3. the caller makes the checkpoint durable in the journal;
4. this epoch's seed is overwritten, and the next one is this one.

After a cut the last durable checkpoint says whose turn it is: its seed is kept, any other is erased.
"""

from typing import Final

from crypto.identity import SEED_BYTES, SigningKey
from crypto.journal_note import (
    JournalKey,
    JournalName,
    JournalNote,
    epoch_key,
    sign_certificate,
    sign_note,
)
from crypto.notes import Checkpoint, NoteSigner
from crypto.statements import JournalCheckpoint
from kit.journal.journal import JournalError
from kit.ports import Entropy, SeedStore

FIRST_EPOCH: Final = 1


class Notary:
    """Holds the device key and the key of the present epoch. Call ``resume`` first."""

    def __init__(
        self,
        name: JournalName,
        manifest_sha256: str,
        device_key: SigningKey,
        seeds: SeedStore,
        entropy: Entropy,
    ) -> None:
        self._name, self._manifest_sha256 = name, manifest_sha256
        self._device_key, self._seeds, self._entropy = device_key, seeds, entropy
        self._epoch = FIRST_EPOCH
        self._key: NoteSigner | None = None
        self._next: NoteSigner | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a key to sign with; if not, a segment must be opened."""
        return self._key is not None

    def resume(self, expected: tuple[int, str] | None) -> str | None:
        """Take up the key that the journal says is next: (epoch, verifier key), or None where it says nothing yet.

        Returns why there is none, in words, or None. Every other seed is erased.

        Raises:
            JournalError: the seeds are of a later journal than this one: durable checkpoints are gone from it.
            JournalUnavailableError: the seeds cannot be read or erased.
        """
        seeds = self._seeds.seeds()
        self._epoch, vkey = expected or (FIRST_EPOCH, None)
        seed = seeds.get(self._epoch)
        key = epoch_key(seed, self._name) if seed is not None else None
        if key is not None and key.vkey == vkey:
            self._key = key
        latest = max(seeds, default=0)
        # Before its own checkpoint is durable no seed is erased, so a later seed never stands alone.
        if latest > self._epoch + (self._key is not None):
            raise JournalError(
                f"the journal expects the key of epoch {self._epoch}, and the seed of epoch {latest} is here: "
                "checkpoints that were durable are gone from the journal (an older copy of it was put back); keep "
                "everything, it is evidence; call the centre"
            )
        if self._key is None:
            self._seeds.erase(self._epoch)
        self._seeds.erase(self._epoch + 1)  # also what a torn write may have left there of a seed
        if self._key is not None or expected is None:
            return None
        return f"the seed of epoch {self._epoch} is {'of another key' if seed else 'not there'}"

    def open_segment(self, number: int, tree: JournalCheckpoint) -> bytes:
        """Begin a segment with a new key, its seed durable; returns the certificate, to be made durable by the caller.

        Raises JournalUnavailableError.
        """
        self._key = self._made(self._epoch)
        certificate = JournalKey(
            election=self._name.election,
            round=self._name.round,
            branch=self._name.branch,
            device=self._name.device,
            manifest_sha256=self._manifest_sha256,
            segment=number,
            epoch=self._epoch,
            vkey=self._key.vkey,
            journal=tree,
            reason="first" if number == 1 else "seed-lost",
        )
        return sign_certificate(certificate, self._device_key)

    def sign(self, tree: JournalCheckpoint) -> tuple[int, str]:
        """Steps 1 and 2: returns this epoch and the signed note. Raises JournalUnavailableError."""
        assert self._key is not None, "no segment is open"  # noqa: S101 - a bug must crash, not sign
        self._next = self._made(self._epoch + 1)
        checkpoint = Checkpoint(self._name.origin, tree.size, bytes.fromhex(tree.root))
        note = JournalNote(checkpoint, self._epoch, self._next.vkey)
        return self._epoch, sign_note(note, self._key, self._device_key)

    def advance(self) -> None:
        """Step 4, when the signed note is durable. Raises JournalUnavailableError."""
        assert self._next is not None, "nothing was signed"  # noqa: S101 - a bug must crash, not erase
        old, self._epoch = self._epoch, self._epoch + 1
        self._key, self._next = self._next, None
        self._seeds.erase(old)

    def close(self) -> None:
        """Let go of the seeds."""
        self._seeds.close()

    def _made(self, epoch: int) -> NoteSigner:
        seed = self._entropy(SEED_BYTES)
        self._seeds.put(epoch, seed)
        return epoch_key(seed, self._name)
