"""The time that witnesses vouch for: each of their signature lines on a checkpoint says when it stood."""

from dataclasses import dataclass
from typing import Final

from center.opening.refusals import (
    NotWitnessedError,
    TooFewWitnessesError,
    WitnessCountedTwiceError,
    WitnessedTooEarlyError,
)
from center.witness.cosignatures import time_of
from crypto import notes, rfc3339
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import CosignatureVerifier

_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One witness, and the time that it vouches for, in seconds since the epoch."""

    witness: str
    public: bytes
    time_s: int


def cosigned_times(note: str, manifest: TrustedManifest) -> tuple[Cosigned, ...]:
    """Every good line of the manifest's witnesses on ``note``, in the order of the note.

    Lines that are of nobody, or wrong, are passed over, and those that vouch for a time beyond the year 9999: one
    witness whose clock is broken must not keep trustees from answering. Raises ProofError when the note is malformed.
    """
    notes.text_of(note)
    verifiers = [CosignatureVerifier(vkey) for vkey in manifest.manifest.witness_policy.witnesses]
    body, _, block = note.rpartition("\n\n")
    found = []
    for line in block.removesuffix("\n").split("\n"):
        try:
            (verifier,) = notes.open_note(f"{body}\n\n{line}\n", verifiers).signed_by
        except ProofError:
            continue
        time_s = time_of(line)
        if time_s * _MS <= rfc3339.MS_MAX:
            found.append(Cosigned(verifier.name, verifier.public, time_s))
    return tuple(found)


def check_witnessed(note: str, manifest: TrustedManifest, not_before: str) -> tuple[Cosigned, ...]:
    """Check that as many witnesses as the manifest asks for saw ``note`` at or after ``not_before`` (RFC 3339).

    Returns those that did.

    Raises:
        WitnessCountedTwiceError: two lines of one key.
        NotWitnessedError, TooFewWitnessesError: none, or fewer than the manifest asks for.
        WitnessedTooEarlyError: enough of them, but too few at or after that time.
        ProofError: the note is malformed.
    """
    needed = manifest.manifest.witness_policy.m
    cosigned = cosigned_times(note, manifest)
    seen: dict[bytes, str] = {}
    for one in cosigned:
        if one.public in seen:
            raise WitnessCountedTwiceError(
                f"witness {one.witness} stands on the checkpoint twice (as {seen[one.public]} before): one witness "
                "counts once; get a proper copy of the publication"
            )
        seen[one.public] = one.witness
    if needed and not cosigned:
        raise NotWitnessedError(
            f"no witness vouches for the published checkpoint, the manifest asks for {needed}: nobody has seen at "
            "what time the order was logged; get a copy that witnesses have cosigned"
        )
    if len(cosigned) < needed:
        raise TooFewWitnessesError(
            f"{len(cosigned)} witnesses vouch for the published checkpoint ({', '.join(seen.values())}), the manifest "
            f"asks for {needed}: wait for the others and get a new copy"
        )
    late = tuple(one for one in cosigned if one.time_s * _MS >= rfc3339.to_ms(not_before))
    if len(late) < needed:
        times = ", ".join(f"{one.witness} at {rfc3339.to_text(one.time_s * _MS)}" for one in cosigned)
        raise WitnessedTooEarlyError(
            f"the opening time is {not_before}, and {len(late)} of the {needed} witnesses that the manifest asks for "
            f"vouch for a time at or after it ({times}): wait, let witnesses cosign again, and get a new copy"
        )
    return late
