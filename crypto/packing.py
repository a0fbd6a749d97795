"""The compact form of a tally inside the seal: counts in manifest order, each of the same width.

So the length of a sealed tally depends on the ballot style alone: it tells nothing of the result. After opening, the
exact statement that the terminal signed is rendered again from these counts, the outer header and the manifest.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from crypto.errors import StatementError
from crypto.hpke import TAG_BYTES
from crypto.identity import SIGNATURE_BYTES
from crypto.manifest import TrustedManifest
from crypto.reports import check_results
from crypto.statements import Contest, ContestResult, Tally

PREFIX_BYTES: Final = (
    8  # of definition_sha256: shows that counts are read in the order in which they were written
)
BLIND_BYTES: Final = 32

_COLUMNS: Final = ("valid", "invalid", "ballots")


class CountingUnit(Protocol):
    """What packed counts are about, from whatever carries them: a sealed header, a tape's code."""

    @property
    def election(self) -> str: ...  # noqa: D102 - as in crypto.statements.Tally, like the others
    @property
    def round(self) -> int: ...  # noqa: D102
    @property
    def branch(self) -> str: ...  # noqa: D102
    @property
    def terminal(self) -> str: ...  # noqa: D102
    @property
    def manifest_sha256(self) -> str: ...  # noqa: D102
    @property
    def close_no(self) -> int: ...  # noqa: D102


def pack(tally: Tally, manifest: TrustedManifest) -> bytes:
    """Pack the counts of a tally: ``count_bits`` bits each, big endian, zero bits up to the last whole byte.

    For each contest of the style: votes in the order of the candidates, blank where the contest has it, valid,
    invalid, ballots. After all contests: the public counter. Raises StatementError, naming contest and code, for a
    count that does not fit and for other contests or codes than the manifest's; never quotes a count.
    """
    check_results(tally.contests, manifest.contests_of(tally.branch))
    return pack_checked(tally, manifest)


def pack_checked(tally: Tally, manifest: TrustedManifest) -> bytes:
    """``pack`` of a tally that ``reports.check_report`` has held against the manifest."""
    style = manifest.style_of(tally.branch)
    contests = manifest.contests_of(tally.branch)
    width = style.count_bits
    counts = _counts(tally, contests)
    if max(counts) >> width:
        place = next(place for place, count in zip(_places(contests), counts, strict=True) if count >> width)
        raise StatementError(
            f"the count of {place} does not fit into the {width} bits of ballot style {style.id!r}: keep the "
            f"terminal's report and tell the election office"
        )
    bits = 0
    for count in counts:
        bits = bits << width | count
    size = packed_bytes(manifest, tally.branch)
    return (bits << _padding(manifest, tally.branch)).to_bytes(size, "big")


def unpack(packed: bytes, header: CountingUnit, manifest: TrustedManifest) -> Tally:
    """Render the tally again that ``pack`` packed; ids come from the header, all else from the manifest.

    Raises StatementError for another length than the style's and for padding that is not zero.
    """
    size = packed_bytes(manifest, header.branch)
    if len(packed) != size:
        raise StatementError(
            f"packed counts of {len(packed)} bytes: those of branch {header.branch!r} have {size}"
        )
    bits = int.from_bytes(packed, "big")
    padding = _padding(manifest, header.branch)
    if bits & ((1 << padding) - 1):
        raise StatementError("packed counts are padded with something else than zero bits")
    style = manifest.style_of(header.branch)
    contests = manifest.contests_of(header.branch)
    counts = _split(bits >> padding, _fields(contests), style.count_bits)
    return Tally(
        election=header.election,
        round=header.round,
        branch=header.branch,
        terminal=header.terminal,
        manifest_sha256=header.manifest_sha256,
        definition_sha256=manifest.definition_sha256(header.branch),
        close_no=header.close_no,
        contests={contest.id: _result(contest, counts) for contest in contests},
        public_counter=next(counts),
    )


def packed_bytes(manifest: TrustedManifest, branch: str) -> int:
    """Length of the packed counts of a branch."""
    return (_bits(manifest, branch) + 7) // 8


def plaintext_bytes(manifest: TrustedManifest, branch: str) -> int:
    """Length of what is sealed: prefix, counts, blind, the terminal's and the device's signature."""
    return PREFIX_BYTES + packed_bytes(manifest, branch) + BLIND_BYTES + 2 * SIGNATURE_BYTES


def ciphertext_bytes(manifest: TrustedManifest, branch: str) -> int:
    """Length of the ciphertext of every sealed tally of a branch."""
    return plaintext_bytes(manifest, branch) + TAG_BYTES


def _bits(manifest: TrustedManifest, branch: str) -> int:
    return _fields(manifest.contests_of(branch)) * manifest.style_of(branch).count_bits


def _padding(manifest: TrustedManifest, branch: str) -> int:
    return -_bits(manifest, branch) % 8


def _fields(contests: Sequence[Contest]) -> int:
    return sum(len(contest.candidates) + contest.blank + len(_COLUMNS) for contest in contests) + 1


def _counts(tally: Tally, contests: Sequence[Contest]) -> list[int]:
    """Every count, in the order in which they are packed."""
    counts: list[int] = []
    for contest in contests:
        result = tally.contests[contest.id]
        counts += [result.votes[candidate.code] for candidate in contest.candidates]
        if result.blank is not None:
            counts.append(result.blank)
        counts += (result.valid, result.invalid, result.ballots)
    counts.append(tally.public_counter)
    return counts


def _places(contests: Sequence[Contest]) -> list[str]:
    """What each of ``_counts`` is called."""
    places: list[str] = []
    for contest in contests:
        names = [f"code {candidate.code!r}" for candidate in contest.candidates]
        names += ["'blank'"] * contest.blank + [repr(column) for column in _COLUMNS]
        places += [f"{name} of contest {contest.id!r}" for name in names]
    return [*places, "the public counter"]


def _split(bits: int, fields: int, width: int) -> Iterator[int]:
    mask = (1 << width) - 1
    return (bits >> width * place & mask for place in reversed(range(fields)))


def _result(contest: Contest, counts: Iterator[int]) -> ContestResult:
    return ContestResult(
        votes={candidate.code: next(counts) for candidate in contest.candidates},
        blank=next(counts) if contest.blank else None,
        valid=next(counts),
        invalid=next(counts),
        ballots=next(counts),
    )
