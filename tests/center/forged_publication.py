"""A publication that a hostile centre wrote: any leaves at all, under a checkpoint that its log really signed."""

from collections.abc import Sequence
from pathlib import Path

from center.publication import layout as publication
from crypto import merkle
from crypto.notes import Checkpoint
from tests.center.evening import IN_TIME_S, cosign
from tests.crypto.election_fixture import LOG_NAME, Election


def root_of(leaves: Sequence[bytes]) -> bytes:
    return merkle.root([merkle.leaf_hash(leaf) for leaf in leaves])


def write(
    folder: Path,
    election: Election,
    leaves: Sequence[bytes],
    *,
    witnesses: Sequence[tuple[int, int]] = ((1, IN_TIME_S),),
) -> Path:
    """Write manifest, checkpoint and leaves; ``witnesses`` are numbers (from 1) and times. Returns the folder."""
    note = election.log.sign(Checkpoint(LOG_NAME, len(leaves), root_of(leaves)).text())
    note += "".join(cosign(election, note, witness, time_s)[1] for witness, time_s in witnesses)
    (folder / publication.LEAVES).mkdir(parents=True)
    (folder / publication.MANIFEST).write_bytes(election.manifest_bytes)
    (folder / publication.CHECKPOINT).write_text(note, encoding="utf-8")
    for index, leaf in enumerate(leaves):
        (folder / publication.leaf_name(index)).write_bytes(leaf)
    return folder
