"""Witnesses' signature lines on checkpoints: which of them are good, and how they are put together."""

from collections.abc import Iterable, Sequence
from typing import Final

from center.ledger import Checkpoint, Ledger
from crypto import notes
from crypto.errors import ProofError
from crypto.notes import NoteVerifier
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


def newest_witnessed(ledger: Ledger, policy: WitnessPolicy) -> Checkpoint | None:
    """The newest checkpoint that as many witnesses of the manifest vouched for as it asks, with their lines.

    None where there is none yet, or the manifest asks for none.
    """
    if policy.m == 0:
        return None
    for size in ledger.cosigned_sizes(policy.m):
        known = ledger.cosignatures(size)
        lines = [known[witness] for witness in policy.witnesses if witness in known]
        checkpoint = ledger.checkpoint_at(size)
        if len(lines) >= policy.m and checkpoint is not None:
            return Checkpoint(size, with_lines(checkpoint.note, lines[: max(policy.m, LINES_MAX)]))
    return None
