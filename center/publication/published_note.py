"""A published note: the checkpoint that the log signed, and how many witnesses vouch for it."""

from crypto import notes
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import Checkpoint, CosignatureVerifier


def check_note(note: str, trusted: TrustedManifest) -> tuple[Checkpoint, int]:
    """The checkpoint of a published note, and how many witnesses vouch for it.

    Stricter than readers have to be: a publication holds no signature that nobody can check.

    Raises ProofError.
    """
    log = trusted.log_verifier
    witnesses = [CosignatureVerifier(vkey) for vkey in trusted.manifest.witness_policy.witnesses]
    opened = notes.open_note(note, [log, *witnesses])
    checkpoint = Checkpoint.parse(opened.text)
    if log not in opened.signed_by or checkpoint.origin != log.name:
        raise ProofError(f"the checkpoint is not signed by the log {log.name}")
    lines = note.rpartition("\n\n")[2].count("\n")
    if lines != len(opened.signed_by):
        raise ProofError(
            f"{lines - len(opened.signed_by)} signatures are of keys that the manifest does not name"
        )
    return checkpoint, len({verifier.public for verifier in opened.signed_by if verifier is not log})
