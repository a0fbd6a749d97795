"""Witnesses' signature lines on checkpoints: which of them are good, and how they are put together."""

from collections.abc import Iterable, Sequence

from crypto import notes
from crypto.errors import ProofError
from crypto.notes import NoteVerifier


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
