"""Witnesses' signature lines on checkpoints: which of them are good, and how they are put together."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from center.errors import WitnessError
from center.log.checkpoints import Checkpoint
from center.log.ledger import Ledger
from crypto import codec, notes
from crypto.errors import ProofError
from crypto.notes import CosignatureVerifier, NoteVerifier
from crypto.statements import WitnessPolicy

LINES_MAX: Final = 8  # cosignatures on a receipt, where the policy asks for no more: receipts are bounded


def good_lines(note: str, verifiers: Sequence[NoteVerifier]) -> dict[NoteVerifier, str]:
    """The signature lines of ``note`` that hold, the first of each verifier; others are passed over.

    Raises ProofError when ``note`` is malformed.
    """
    notes.text_of(note)
    body, _, block = note.rpartition("\n\n")
    found: dict[NoteVerifier, str] = {}
    for line in block.removesuffix("\n").split("\n"):
        try:
            opened = notes.open_note(f"{body}\n\n{line}\n", verifiers)
        except ProofError:
            continue
        found.setdefault(opened.signed_by[0], f"{line}\n")
    return found


def with_lines(note: str, lines: Iterable[str]) -> str:
    """``note`` with more signature lines."""
    return note + "".join(lines)


_KEY_HASH_BYTES: Final = 4  # before the time in a signature (c2sp.org/signed-note)
_TIMESTAMP_BYTES: Final = 8

Brought = dict[int, dict[str, str]]
"""Signature lines from elsewhere than the ledger: by the size of their checkpoint, and the witness's verifier key."""


def newest_witnessed(
    ledger: Ledger, policy: WitnessPolicy, brought: Brought | None = None
) -> Checkpoint | None:
    """The newest checkpoint that as many witnesses of the manifest vouched for as it asks, with their lines.

    ``brought`` are good lines besides those in the ledger. None where there is no such checkpoint yet, or the
    manifest asks for no witness.
    """
    if policy.m == 0:
        return None
    more = brought or {}
    for size in heapq.merge(ledger.cosigned_sizes(policy.m), sorted(more, reverse=True), reverse=True):
        known = latest(ledger.cosignatures(size), more.get(size, {}))
        lines = [known[witness] for witness in policy.witnesses if witness in known]
        checkpoint = ledger.checkpoint_at(size)
        if len(lines) >= policy.m and checkpoint is not None:
            return Checkpoint(size, with_lines(checkpoint.note, lines[: max(policy.m, LINES_MAX)]))
    return None


def time_of(line: str) -> int:
    """The time that a good signature line of a witness vouches for, in seconds since the epoch."""
    signed = codec.unb64(line.rstrip("\n").rpartition(" ")[2])[_KEY_HASH_BYTES:]
    return int.from_bytes(signed[:_TIMESTAMP_BYTES], "big")


def keep(ledger: Ledger, size: int, witness: str, line: str, *, at: str) -> None:
    """Keep a good line of a witness (verifier key), unless one that vouches for a later time is there already.

    Raises LedgerError.
    """
    known = ledger.cosignatures(size).get(witness)
    if known is None or time_of(line) > time_of(known):
        ledger.add_cosignature(size, witness, line, at=at)


def latest(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Good lines on one checkpoint put together: of each witness the one that vouches for the later time."""
    found = dict(one)
    for witness, line in other.items():
        if witness not in found or time_of(line) > time_of(found[witness]):
            found[witness] = line
    return found


def lines_of(note: str, policy: WitnessPolicy) -> dict[str, str]:
    """The good signature lines of the manifest's witnesses on ``note``, by verifier key; raises ProofError."""
    vkeys: dict[NoteVerifier, str] = {CosignatureVerifier(vkey): vkey for vkey in policy.witnesses}
    return {vkeys[verifier]: line for verifier, line in good_lines(note, list(vkeys)).items()}


def find_checkpoint(ledger: Ledger, text: str, policy: WitnessPolicy) -> Brought:
    """Which checkpoint of the ledger the signature lines ``text`` are on, newest first; empty when on none."""
    for checkpoint in ledger.checkpoints():
        try:
            found = lines_of(with_lines(checkpoint.note, [text]), policy)
        except ProofError:
            return {}  # no signature lines at all
        if found:
            return {checkpoint.size: found}
    return {}


def bring(ledger: Ledger, text: str, policy: WitnessPolicy, *, at: str) -> tuple[int, tuple[str, ...]]:
    """Put signature lines that came as a file into the ledger; returns the checkpoint's size, and whose they are.

    ``at`` is the wall time (RFC 3339). Cosignatures are nobody's leaves: this may be done beside a running centerd,
    which looks for them every few seconds (push_desk.LOOK_S), and tells the branches.

    Raises:
        WitnessError: when they are on no checkpoint of this log, or of no witness of the manifest.
        LedgerError: when the disk refuses.
    """
    found = find_checkpoint(ledger, text, policy)
    if not found:
        raise WitnessError(
            "the cosignature is on no checkpoint of this log, or of no witness of the manifest: give what center "
            "witness cosign wrote"
        )
    ((size, lines),) = found.items()
    for witness, line in lines.items():
        keep(ledger, size, witness, line, at=at)
    return size, tuple(CosignatureVerifier(witness).name for witness in lines)
