"""What the log holds of each terminal: its accounts and its opened tallies, sorted out but not judged."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from center.intake.admission import Link
from center.opening.logged import BadLeaf, EnvelopeLeaf, Leaf
from center.opening.types import OpeningFinding
from crypto import codec
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import manifest_of_submission
from crypto.reports import check_report
from crypto.seal import OpenedTally
from crypto.statements import AccountSubmission, BallotAccount, SealedTally

Opener = Callable[[SealedTally, str], OpenedTally]
"""Opens a sealed tally, given with the SHA-256 of its envelope; raises EvidenceError when it does not open."""


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """An authentic ballot account, at index ``leaf``. ``content`` is the terminal's envelope, byte for byte."""

    leaf: int
    account: BallotAccount
    content: str
    voters_signed_in: dict[str, int]


@dataclass(frozen=True, slots=True)
class SeenTally:
    """An authentic sealed tally: opened, or ``fault`` says why it does not open."""

    sha256: str
    close_no: int
    opened: OpenedTally | None
    fault: str | None


@dataclass(slots=True)
class TerminalEvidence:
    """All that came from one terminal, in the order of the log."""

    accounts: list[SeenAccount] = field(default_factory=list)
    tallies: list[SeenTally] = field(default_factory=list)


class Evidence:
    """All that came from everybody."""

    def __init__(self, manifest: TrustedManifest, opener: Opener) -> None:
        self._manifest = manifest
        self._opener = opener
        self._terminals: dict[tuple[str, str], TerminalEvidence] = {}
        self._chains: dict[tuple[str, str], dict[int, list[Link]]] = {}
        self._findings: list[OpeningFinding] = []

    def collect(self, leaves: Iterable[Leaf]) -> None:
        """Take every leaf and open its tally. What is not authentic becomes a finding; acts are not evidence."""
        for leaf in leaves:
            if isinstance(leaf, EnvelopeLeaf):
                self._take(leaf)
            elif isinstance(leaf, BadLeaf):
                self._findings.append(_alarm("not-authentic", "", envelope_sha256=leaf.sha256))

    def of(self, branch: str, terminal: str) -> TerminalEvidence:
        """What came from one terminal; empty when nothing did."""
        return self._terminals.get((branch, terminal), TerminalEvidence())

    def findings(self) -> list[OpeningFinding]:
        """What is odd about single entries, and about the devices' chains of envelopes."""
        chains = [
            finding
            for (branch, _), chain in self._chains.items()
            for finding in _chain_findings(branch, chain)
        ]
        return [*self._findings, *chains]

    def _take(self, leaf: EnvelopeLeaf) -> None:
        statement = leaf.statement
        chain = self._chains.setdefault((statement.branch, statement.device), {})
        chain.setdefault(statement.seq, []).append(Link(leaf.sha256, statement.prev))
        place = self._terminals.setdefault((statement.branch, statement.terminal), TerminalEvidence())
        if isinstance(statement, AccountSubmission):
            place.accounts.append(self._account(statement, leaf.index))
        else:
            place.tallies.append(self._tally(statement, leaf.sha256))

    def _account(self, statement: AccountSubmission, leaf: int) -> SeenAccount:
        account = check_report(
            codec.unb64(statement.account),
            manifest_of_submission(self._manifest, statement),
            branch=statement.branch,
            terminal=statement.terminal,
            kind="account",
        )
        return SeenAccount(leaf, account, statement.account, statement.voters_signed_in)

    def _tally(self, statement: SealedTally, sha256: str) -> SeenTally:
        try:
            opened = self._opener(statement, sha256)
        except EvidenceError as error:
            return SeenTally(sha256, statement.close_no, None, str(error))
        return SeenTally(sha256, statement.close_no, opened, None)


def _chain_findings(branch: str, chain: dict[int, list[Link]]) -> list[OpeningFinding]:
    """Whether a device's envelopes number themselves without gaps and name each other's hashes."""
    findings = []
    before = 0
    for seq in sorted(chain):
        if seq != before + 1:
            findings.append(_alarm("gap", branch, first_missing=before + 1, last_missing=seq - 1))
        if len(chain[seq]) > 1:
            findings.append(_alarm("seq-reused", branch, seq=seq))
        hashes = [None] if seq == 1 else [link.sha256 for link in chain.get(seq - 1, ())]
        # Where the neighbour is missing there is a gap, and nothing to compare with.
        if hashes and any(link.prev not in hashes for link in chain[seq]):
            findings.append(_alarm("prev-mismatch", branch, seq=seq))
        before = seq
    return findings


def _alarm(code: str, branch: str, *, envelope_sha256: str | None = None, **numbers: int) -> OpeningFinding:
    return OpeningFinding(
        grade="alarm",
        code=code,
        branch=branch,
        terminal=None,
        contest=None,
        numbers=numbers,
        envelope_sha256=envelope_sha256,
    )
