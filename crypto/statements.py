"""Every signed type. A statement is what a signature covers: canonical RFC 8785 JSON of one of these structs.

``crypto/codec.py`` turns them into bytes and back; unknown, missing or mistyped fields are refused there. Field
order is of no account (the canonical encoding sorts keys).
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from crypto.wire import B64, Code, Count, Id, Rfc3339, Sha256

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Digits = Annotated[int, Meta(ge=1, le=2**31)]


class Statement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts of statements: frozen, strict. ``kw_only`` is not inherited (msgspec): each class states it."""


# --- the manifest: root of trust -------------------------------------------------------------------------------


class Candidate(Statement, frozen=True, kw_only=True):
    """One line of a contest. The name is Unicode NFC and stands only here."""

    code: Code
    name: Name


class Contest(Statement, frozen=True, kw_only=True):
    """One question put to voters; ``candidates`` is in ballot order, which is also the order of packed counts."""

    id: Id
    title: Name
    candidates: Annotated[tuple[Candidate, ...], Meta(min_length=1, max_length=4096)]
    blank: bool = False
    """Whether blank ballots are counted as a column of their own. Never derived where the law has none."""


class BallotStyle(Statement, frozen=True, kw_only=True):
    """What one terminal counts. ``count_bits`` is the fixed width of every packed count of this style."""

    id: Id
    contests: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=16)]
    count_bits: Annotated[int, Meta(ge=8, le=24)]


class BranchEntry(Statement, frozen=True, kw_only=True):
    """One polling branch: who and what belongs to it."""

    id: Id
    name: Name
    style: Id
    device: Id
    terminals: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=8)]
    officials: Annotated[tuple[Id, ...], Meta(min_length=2, max_length=64)]
    standby_devices: Annotated[tuple[Id, ...], Meta(max_length=7)] = ()
    """Enrolled kits that may take over the branch. Nothing is expected of them."""
    standby_terminals: Annotated[tuple[Id, ...], Meta(max_length=7)] = ()
    """Enrolled terminals that may take the place of one of ``terminals``; with these at most 8."""

    @property
    def all_devices(self) -> tuple[Id, ...]:
        """The branch's device, then its standbys: positions in it are on the wire of the compact carrier."""
        return (self.device, *self.standby_devices)

    @property
    def all_terminals(self) -> tuple[Id, ...]:
        """The branch's terminals, then its standbys: positions in it are on the wire of the compact carrier."""
        return (*self.terminals, *self.standby_terminals)


class EnrolledKey(Statement, frozen=True, kw_only=True):
    """An Ed25519 key of a terminal or device."""

    id: Id
    public_key: B64


class Official(Statement, frozen=True, kw_only=True):
    """An Ed25519 key of an official, with the body that the official stands for (``executive``, ``supervision``).

    Officials serve a branch; commissioners serve the centre.
    """

    id: Id
    body: Id
    public_key: B64


class Trustee(Statement, frozen=True, kw_only=True):
    """One holder of a share of the election key: trustee ``i`` of the ceremony is at ``i - 1``."""

    id: Id
    body: Id
    verification_share: B64
    """A point of edwards25519 (32 bytes): the public side of the share."""


class TrusteeBoard(Statement, frozen=True, kw_only=True):
    """Who opens together: any ``threshold`` of the trustees (crypto.trustees says what makes sense)."""

    threshold: Annotated[int, Meta(ge=2, le=255)]
    group_key: B64
    """A point of edwards25519 (32 bytes), whose u-coordinate is the election key."""
    trustees: Annotated[tuple[Trustee, ...], Meta(min_length=3, max_length=255)]


class Escrow(Statement, frozen=True, kw_only=True):
    """Plan B: an ordinary key, made on one machine, in ``shares`` SLIP-39 shares of which ``threshold`` restore it."""

    threshold: Annotated[int, Meta(ge=2, le=16)]
    shares: Annotated[int, Meta(ge=3, le=16)]


OpeningKind = Literal["trustees", "slip39", "single-key"]
"""How the private key is held.

``trustees``: nowhere; ``threshold`` of n trustees answer for each envelope. ``slip39``: in shares that restore it on
one machine, whose operator could then open alone. ``single-key``: in one file, for rehearsals and tests.
"""


class ElectionKey(Statement, frozen=True, kw_only=True):
    """The key that tallies are sealed to (X25519, RFC 9180 suite 0020-0001-0003)."""

    kid: Id
    public_key: B64
    opening: OpeningKind
    board: TrusteeBoard | None = None
    """Only with ``trustees``."""
    escrow: Escrow | None = None
    """Only with ``slip39``."""


class WitnessPolicy(Statement, frozen=True, kw_only=True):
    """``m`` of the witnesses' vkeys must have cosigned before a receipt counts as delivered. 0 of 0: none."""

    m: Annotated[int, Meta(ge=0, le=64)]
    witnesses: tuple[str, ...]


class LogIdentity(Statement, frozen=True, kw_only=True):
    """The log whose checkpoints are believed: C2SP verifier key ``name+hash+base64``."""

    vkey: Annotated[str, Meta(max_length=300)]


class Endpoint(Statement, frozen=True, kw_only=True):
    """A broker of the centre, pinned. Port 1-65535."""

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65535)]


class Schedule(Statement, frozen=True, kw_only=True):
    """The earliest times of acts. A signed schedule can only move them later."""

    open_not_before: Rfc3339
    close_not_before: Rfc3339
    tally_not_before: Rfc3339
    opening_not_before: Rfc3339


class Manifest(Statement, frozen=True, kw_only=True):
    """The root of trust: everything that a branch believes about others comes from here."""

    type: Literal["manifest"] = "manifest"
    version: Digits
    election: Id
    round: Digits
    issued_at: Rfc3339
    contests: tuple[Contest, ...]
    ballot_styles: tuple[BallotStyle, ...]
    branches: tuple[BranchEntry, ...]
    terminals: tuple[EnrolledKey, ...]
    devices: tuple[EnrolledKey, ...]
    officials: tuple[Official, ...]
    commissioners: tuple[Official, ...] = ()
    """Who sign the acts of the centre (crypto.act_statements): two of different bodies for each."""
    election_key: ElectionKey
    log: LogIdentity
    witness_policy: WitnessPolicy
    endpoints: tuple[Endpoint, ...]
    schedule: Schedule
    supersedes: Sha256 | UnsetType = UNSET
    """The fingerprint of the manifest before it, where a centre may go by both (crypto.manifest_chain).

    Left out where there is none, so that there is one encoding still, and a first manifest does not speak of it.
    """


# --- orders of officials ---------------------------------------------------------------------------------------

OrderKind = Literal[
    "zero",
    "open",
    "suspend",
    "resume",
    "close",
    "account",
    "archive",
    "reopen",  # from closed, before any account or tally: the poll goes on
    "extend",  # the schedule moves later
    "replace-terminal",  # a terminal is out of order for good: a standby takes its place
    "reissue",  # this kit, a standby, may ask terminals again for what they gave to a kit that is gone
    "release-media",  # sealed evidence may be written to removable media
]

DUAL_CONTROL: frozenset[str] = frozenset(
    {
        "zero",
        "open",
        "close",
        "account",
        "reopen",
        "extend",
        "replace-terminal",
        "reissue",
        "release-media",
    }
)
"""Orders that need two officials of different bodies over the same bytes; the others need one."""


class Order(Statement, frozen=True, kw_only=True):
    """One act ordered at one kit. ``serial`` is the number of orders that it accepted before plus one: no replay."""

    type: Literal["order"] = "order"
    election: Id
    round: Digits
    manifest_sha256: Sha256
    """Of the manifest that the kit runs under: an order of a rehearsal, with the same keys, is none for the day."""
    branch: Id
    device: Id | None = None
    """The kit that is to follow it, where that is a standby; None: the branch's own. Each kit counts its own orders."""
    kind: OrderKind
    serial: Digits
    voters_signed_in: dict[Id, Count] = {}
    """Only in ``account``: for each contest, the voters who signed the poll book."""
    schedule: Schedule | None = None
    """Only in ``extend``: the whole schedule as it is to be."""
    terminal: Id | None = None
    """Only in ``replace-terminal``: the one that is out of order."""
    standby: Id | None = None
    """In ``replace-terminal`` the terminal that takes its place, if any; in ``reissue`` the device that asks again."""
    reason: Annotated[str, Meta(max_length=200)] = ""
    """Why, in the officials' words: required in ``reopen``, ``replace-terminal`` and ``reissue``."""


# --- what a terminal signs -------------------------------------------------------------------------------------


class ContestResult(Statement, frozen=True, kw_only=True):
    """One contest as the terminal counted it. The numbers are evidence: they need not add up."""

    votes: dict[Annotated[str, Meta(min_length=1, max_length=16)], Count]
    """By code. Which codes there are, the manifest says (``reports.check_results``): a pattern for each would take four
    times as long as all other reading of a tally.
    """
    blank: Count | None = None
    """None where the contest has no blank column."""
    valid: Count
    invalid: Count
    ballots: Count


class TerminalStatement(Statement, frozen=True, kw_only=True):
    """What all statements of a terminal begin with. ``definition_sha256`` is of the ballot definition it counts by."""

    election: Id
    round: Digits
    branch: Id
    terminal: Id
    manifest_sha256: Sha256
    definition_sha256: Sha256


class ZeroReport(TerminalStatement, frozen=True, kw_only=True):
    """Before opening: every count is zero."""

    type: Literal["zero-report"] = "zero-report"
    contests: dict[Id, ContestResult]
    public_counter: Count


class BallotAccount(TerminalStatement, frozen=True, kw_only=True):
    """After close, before the tally: how many ballots were cast, and nothing about for whom."""

    type: Literal["ballot-account"] = "ballot-account"
    close_no: Digits
    ballots: dict[Id, Count]
    public_counter: Count


class Tally(TerminalStatement, frozen=True, kw_only=True):
    """The count of one counting unit (election, round, branch, terminal, close_no)."""

    type: Literal["tally"] = "tally"
    close_no: Digits
    contests: dict[Id, ContestResult]
    public_counter: Count


# --- what the kit signs ----------------------------------------------------------------------------------------


class Finding(Statement, frozen=True, kw_only=True):
    """One thing that reconciliation noticed: never fixed, never a reason to lose a tally."""

    grade: Literal["note", "alarm"]
    code: Literal[
        "signed-in-differs",  # voters signed in are more than the ballots counted
        "more-counted-than-signed-in",
        "candidates-do-not-add-up",  # votes + blank differ from valid
        "valid-and-invalid-do-not-add-up",  # valid + invalid differ from ballots
        "public-counter-differs",  # the counter is not the greatest number of ballots of any contest
        "account-differs-from-tally",
    ]
    contest: Id | None
    """None where the finding is about the whole unit."""


class JournalCheckpoint(Statement, frozen=True, kw_only=True):
    """Size and RFC 6962 root of the device's journal when the envelope was sealed."""

    size: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    root: Sha256


Cause = Literal["first", "replacement-kit", "reissued", "re-vote"]
"""Why there is this envelope. Positions are on the wire of the compact carrier: append, never reorder.

``replacement-kit``: a standby device took over during the day. ``reissued``: a standby device asked the terminal again,
after the first kit was lost. ``re-vote``: the terminal was opened anew, for a poll that was ordered again.
"""


class Submission(Statement, frozen=True, kw_only=True):
    """What every envelope of a device begins with. ``seq`` counts from 1; ``prev`` is the hash of the one before."""

    election: Id
    round: Digits
    branch: Id
    device: Id
    terminal: Id
    close_no: Digits
    seq: Digits
    prev: Sha256 | None
    manifest_sha256: Sha256
    journal: JournalCheckpoint
    supersedes: Sha256 | None
    """The envelope that this one is meant to take the place of, where the device knows of one."""
    cause: Cause


class AccountSubmission(Submission, frozen=True, kw_only=True):
    """The ballot account on its way to the centre, with what the officials signed for."""

    type: Literal["account-submission"] = "account-submission"
    account: B64
    """The terminal's DSSE envelope, verbatim."""
    voters_signed_in: dict[Id, Count]
    findings: tuple[Finding, ...]


class TallyCommitment(Statement, frozen=True, kw_only=True):
    """What the kit signs inside the seal: binds the terminal's tally to a blind. Its hash is ``inner_sha256``."""

    type: Literal["tally-commitment"] = "tally-commitment"
    blind: B64
    device: Id
    tally_sha256: Sha256
    terminal_signature: B64


class SealedHeader(Submission, frozen=True, kw_only=True):
    """The outer header of a sealed tally. Its canonical hash is the HPKE ``info``: the seal opens under it alone."""

    type: Literal["sealed-tally"] = "sealed-tally"
    kid: Id
    inner_sha256: Sha256


class SealedTally(SealedHeader, frozen=True, kw_only=True):
    """Header plus HPKE encapsulated key, the proof that the sealer knows its private key, and ciphertext."""

    enc: B64
    enc_proof: B64
    """48 bytes (crypto.enc_proof): without it nobody believes the envelope, and no trustee answers for it."""
    ciphertext: B64
