"""A small election from fixed seeds: every key, the signed manifest, and signed reports and orders to go with it.

    from tests.crypto.election_fixture import make_election

The same arguments always give the same bytes. Keys are derived from their owners' names: good for tests alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from crypto import codec, envelope, hpke
from crypto.edwards import base_multiple, polynomial_at, scalar_from_wide, to_x25519
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest, load
from crypto.notes import Cosigner, NoteSigner
from crypto.statements import (
    BallotAccount,
    BallotStyle,
    BranchEntry,
    Candidate,
    Contest,
    ContestResult,
    ElectionKey,
    Endpoint,
    EnrolledKey,
    Escrow,
    JournalCheckpoint,
    LogIdentity,
    Manifest,
    Official,
    OpeningKind,
    Order,
    OrderKind,
    Schedule,
    Statement,
    Submission,
    Tally,
    Trustee,
    TrusteeBoard,
    WitnessPolicy,
    ZeroReport,
)
from crypto.trustees import TrusteeShare
from crypto.wire import TYPE_BALLOT_ACCOUNT, TYPE_MANIFEST, TYPE_ORDER, TYPE_TALLY, TYPE_ZERO_REPORT

ELECTION = "councils-7"
COUNCIL = "council_party_list:1"
MAYOR = "mayor:1"
BODIES = ("executive", "supervision")
LOG_NAME = "log.example/councils-7"

CONTESTS = (
    Contest(
        id=COUNCIL,
        title="شورای اسلامی شهر",
        candidates=(
            Candidate(code="2", name="European Georgia"),
            Candidate(code="5", name="United National Movement"),
            Candidate(code="41", name="Georgian Dream"),
        ),
    ),
    Contest(
        id=MAYOR,
        title="شهردار",
        candidates=(
            Candidate(code="02", name="نامزد دوم"),
            Candidate(code="2", name="نامزد دیگر"),
        ),
        blank=True,
    ),
)

SCHEDULE = Schedule(
    open_not_before="2027-06-18T03:30:00.000Z",
    close_not_before="2027-06-18T14:30:00.000Z",
    tally_not_before="2027-06-18T14:30:00.000Z",
    opening_not_before="2027-06-18T16:30:00.000Z",
)

RESULTS = {
    COUNCIL: ContestResult(votes={"2": 120, "5": 200, "41": 480}, valid=800, invalid=14, ballots=814),
    MAYOR: ContestResult(votes={"02": 390, "2": 405}, blank=10, valid=805, invalid=5, ballots=810),
}
"""Results that add up; the public counter that goes with them is ``PUBLIC_COUNTER``."""

PUBLIC_COUNTER = 814

VOTERS_SIGNED_IN = {COUNCIL: 814, MAYOR: 810}


def seed_of(owner: str) -> bytes:
    """32 bytes that are the same in every run."""
    return sha256(f"test seed of {owner}".encode()).digest()


def key_of(owner: str) -> SigningKey:
    """The Ed25519 key of an owner such as ``terminal-1-1``, ``device-1``, ``official-1-executive`` or ``log``."""
    return SigningKey.from_seed(seed_of(owner))


@dataclass(frozen=True)
class Election:
    """Everything that any party of the election holds. Branches are ``branch-1``, ``branch-2`` and so on.

    The first terminal of branch 1 is ``terminal-1-1``, its device ``device-1``, its officials
    ``official-1-executive`` and ``official-1-supervision``.
    """

    manifest: Manifest
    manifest_bytes: bytes
    trusted: Mapping[str, bytes]
    """Key id to public key of the three manifest keys."""
    threshold: int
    loaded: TrustedManifest
    manifest_keys: tuple[SigningKey, ...]
    terminals: Mapping[str, SigningKey]
    devices: Mapping[str, SigningKey]
    officials: Mapping[str, SigningKey]
    election_private_key: bytes
    log: NoteSigner
    commissioners: Mapping[str, SigningKey]
    """``commissioner-executive`` and ``commissioner-supervision``."""
    shares: tuple[TrusteeShare, ...]
    """Those of the trustees, dealt from the private key; empty but with ``opening="trustees"``."""
    witnesses: tuple[SigningKey, ...]
    """``witness-1`` and so on: only with ``opening="trustees"``, where one of two is enough."""

    def sign_unchecked(self, manifest: Manifest) -> bytes:
        """Sign any manifest with two of the three manifest keys, however much it contradicts itself."""
        return envelope.sign(TYPE_MANIFEST, codec.to_bytes(manifest), self.manifest_keys[:2]).to_bytes()

    def officials_of(self, branch: str) -> tuple[str, ...]:
        """Ids of the officials of a branch, one of each body."""
        return self.loaded.branch(branch).officials

    def order(
        self,
        branch: str,
        kind: OrderKind,
        serial: int = 1,
        *,
        signers: Sequence[str] | None = None,
        voters_signed_in: Mapping[str, int] | None = None,
        **parts: Any,
    ) -> bytes:
        """A signed order; by default of both officials, and for ``account`` with ``VOTERS_SIGNED_IN``.

        ``parts``: what other kinds say besides: ``schedule``, ``terminal``, ``standby``, ``reason``.
        """
        if voters_signed_in is None:
            voters_signed_in = VOTERS_SIGNED_IN if kind == "account" else {}
        order = Order(
            election=ELECTION,
            round=1,
            manifest_sha256=self.loaded.sha256,
            branch=branch,
            kind=kind,
            serial=serial,
            voters_signed_in=dict(voters_signed_in),
            **parts,
        )
        keys = [self.officials[signer] for signer in signers or self.officials_of(branch)]
        return envelope.sign(TYPE_ORDER, codec.to_bytes(order), keys).to_bytes()

    def zero_report(self, branch: str, terminal: str | None = None) -> ZeroReport:
        """A zero report as it should be."""
        results = {
            contest.id: ContestResult(
                votes=dict.fromkeys((candidate.code for candidate in contest.candidates), 0),
                blank=0 if contest.blank else None,
                valid=0,
                invalid=0,
                ballots=0,
            )
            for contest in self.loaded.contests_of(branch)
        }
        return ZeroReport(**self._head(branch, terminal), contests=results, public_counter=0)

    def account(self, branch: str, terminal: str | None = None, *, close_no: int = 1) -> BallotAccount:
        """The ballot account that goes with ``RESULTS``."""
        return BallotAccount(
            **self._head(branch, terminal),
            close_no=close_no,
            ballots={contest: result.ballots for contest, result in RESULTS.items()},
            public_counter=PUBLIC_COUNTER,
        )

    def tally(
        self,
        branch: str,
        terminal: str | None = None,
        *,
        close_no: int = 1,
        results: Mapping[str, ContestResult] = RESULTS,
        public_counter: int = PUBLIC_COUNTER,
    ) -> Tally:
        """A tally, by default with ``RESULTS``."""
        return Tally(
            **self._head(branch, terminal),
            close_no=close_no,
            contests=dict(results),
            public_counter=public_counter,
        )

    def signed_by_terminal(self, report: ZeroReport | BallotAccount | Tally) -> envelope.Envelope:
        """The DSSE envelope of the terminal that the report names."""
        return self.signed(report, self.terminals[report.terminal])

    def signed(self, report: Statement, key: SigningKey) -> envelope.Envelope:
        """The DSSE envelope of a report under any key."""
        types: dict[type[Statement], str] = {
            ZeroReport: TYPE_ZERO_REPORT,
            BallotAccount: TYPE_BALLOT_ACCOUNT,
            Tally: TYPE_TALLY,
        }
        return envelope.sign(types[type(report)], codec.to_bytes(report), [key])

    def submission(
        self,
        branch: str,
        terminal: str | None = None,
        *,
        close_no: int = 1,
        seq: int = 1,
        prev: str | None = None,
    ) -> Submission:
        """The fields that every envelope of the branch's device begins with."""
        entry = self.loaded.branch(branch)
        return Submission(
            election=ELECTION,
            round=1,
            branch=branch,
            device=entry.device,
            terminal=terminal or entry.terminals[0],
            close_no=close_no,
            seq=seq,
            prev=prev,
            manifest_sha256=self.loaded.sha256,
            journal=JournalCheckpoint(size=7, root="ab" * 32),
            supersedes=None,
            cause="first",
        )

    def _head(self, branch: str, terminal: str | None) -> dict[str, Any]:
        return {
            "election": ELECTION,
            "round": 1,
            "branch": branch,
            "terminal": terminal or self.loaded.branch(branch).terminals[0],
            "manifest_sha256": self.loaded.sha256,
            "definition_sha256": self.loaded.definition_sha256(branch),
        }


def make_election(
    branches: int = 2,
    *,
    terminals_per_branch: int = 1,
    count_bits: int = 16,
    schedule: Schedule = SCHEDULE,
    endpoints: Sequence[Endpoint] = (Endpoint(host="127.0.0.1", port=1883),),
    contests: Sequence[Contest] = CONTESTS,
    witness_policy: WitnessPolicy | None = None,
    version: int = 1,
    opening: OpeningKind = "single-key",
    standbys: int = 0,
) -> Election:
    """The election: one ballot style ``style-1`` with all contests, signed by two of three manifest keys.

    With ``opening="trustees"`` two of three trustees open, and one of two witnesses is asked for. ``standbys``: how
    many standby devices (``standby-device-1-1``) and terminals (``standby-terminal-1-1``) each branch has.
    """
    people = _people(branches, terminals_per_branch, standbys)
    manifest_keys = tuple(key_of(f"manifest-{n}") for n in (1, 2, 3))
    trusted = {key.key_id: key.public for key in manifest_keys}
    log = NoteSigner(LOG_NAME, key_of("log"))
    election_private_key = seed_of("election key")
    election_key, shares = _election_key(election_private_key, opening)
    witnesses = tuple(key_of(f"witness-{n}") for n in (1, 2)) if opening == "trustees" else ()
    if witness_policy is None:
        vkeys = tuple(Cosigner(f"witness-{n}.example", key).vkey for n, key in enumerate(witnesses, 1))
        witness_policy = WitnessPolicy(m=1 if vkeys else 0, witnesses=vkeys)
    manifest = Manifest(
        version=version,
        election=ELECTION,
        round=1,
        issued_at="2027-06-01T00:00:00Z",
        contests=tuple(contests),
        ballot_styles=(
            BallotStyle(
                id="style-1", contests=tuple(contest.id for contest in contests), count_bits=count_bits
            ),
        ),
        branches=people.branches,
        terminals=_enrol(people.terminals),
        devices=_enrol(people.devices),
        officials=_of_bodies(people.officials),
        commissioners=_of_bodies(people.commissioners),
        election_key=election_key,
        log=LogIdentity(vkey=log.vkey),
        witness_policy=witness_policy,
        endpoints=tuple(endpoints),
        schedule=schedule,
    )
    # Not sign_manifest: its own tests stand on this helper too, and load checks the manifest right after.
    manifest_bytes = envelope.sign(TYPE_MANIFEST, codec.to_bytes(manifest), manifest_keys[:2]).to_bytes()
    return Election(
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        trusted=trusted,
        threshold=2,
        loaded=load(manifest_bytes, trusted=trusted, threshold=2),
        manifest_keys=manifest_keys,
        terminals=people.terminals,
        devices=people.devices,
        officials=people.officials,
        election_private_key=election_private_key,
        log=log,
        commissioners=people.commissioners,
        shares=shares,
        witnesses=witnesses,
    )


@dataclass(frozen=True)
class _People:
    """Who and what is enrolled, and where it belongs."""

    branches: tuple[BranchEntry, ...]
    terminals: dict[str, SigningKey]
    devices: dict[str, SigningKey]
    officials: dict[str, SigningKey]
    commissioners: dict[str, SigningKey]


def _people(branches: int, terminals_per_branch: int, standbys: int) -> _People:
    numbers = range(1, branches + 1)
    terminals = {n: [f"terminal-{n}-{t}" for t in range(1, terminals_per_branch + 1)] for n in numbers}
    spares = {n: [f"{n}-{t}" for t in range(1, standbys + 1)] for n in numbers}
    all_spares = [one for ids in spares.values() for one in ids]

    def keys(*owners: str) -> dict[str, SigningKey]:
        return {owner: key_of(owner) for owner in owners}

    return _People(
        branches=tuple(_branch(n, terminals[n], spares[n]) for n in numbers),
        terminals=keys(
            *(one for ids in terminals.values() for one in ids),
            *(f"standby-terminal-{one}" for one in all_spares),
        ),
        devices=keys(*(f"device-{n}" for n in numbers), *(f"standby-device-{one}" for one in all_spares)),
        officials=keys(*(f"official-{n}-{body}" for n in numbers for body in BODIES)),
        commissioners=keys(*(f"commissioner-{body}" for body in BODIES)),
    )


def _of_bodies(officials: Mapping[str, SigningKey]) -> tuple[Official, ...]:
    return tuple(
        Official(id=one, body=one.rpartition("-")[2], public_key=codec.b64(key.public))
        for one, key in officials.items()
    )


def _election_key(private_key: bytes, opening: OpeningKind) -> tuple[ElectionKey, tuple[TrusteeShare, ...]]:
    """Trustees' shares are dealt here by one hand: good for tests alone."""
    kid, public = "election-key-1", codec.b64(hpke.x25519_public(private_key))
    if opening == "slip39":
        escrow = Escrow(threshold=2, shares=3)
        return ElectionKey(kid=kid, public_key=public, opening=opening, escrow=escrow), ()
    if opening == "single-key":
        return ElectionKey(kid=kid, public_key=public, opening=opening), ()
    coefficients = [scalar_from_wide(seed_of(f"coefficient {n}") * 2) for n in (0, 1)]
    shares = tuple(TrusteeShare(n, polynomial_at(coefficients, n)) for n in (1, 2, 3))
    board = TrusteeBoard(
        threshold=2,
        group_key=codec.b64(base_multiple(coefficients[0])),
        trustees=tuple(
            Trustee(id=f"trustee-{n}", body=body, verification_share=codec.b64(base_multiple(share.secret)))
            for n, share, body in zip((1, 2, 3), shares, (*BODIES, "judiciary"), strict=True)
        ),
    )
    public = codec.b64(to_x25519(base_multiple(coefficients[0])))
    return ElectionKey(kid=kid, public_key=public, opening=opening, board=board), shares


def _branch(number: int, terminals: Sequence[str], spares: Sequence[str]) -> BranchEntry:
    return BranchEntry(
        id=f"branch-{number}",
        name=f"شعبه {number}",
        style="style-1",
        device=f"device-{number}",
        terminals=tuple(terminals),
        officials=tuple(f"official-{number}-{body}" for body in BODIES),
        standby_devices=tuple(f"standby-device-{one}" for one in spares),
        standby_terminals=tuple(f"standby-terminal-{one}" for one in spares),
    )


def _enrol(keys: Mapping[str, SigningKey]) -> tuple[EnrolledKey, ...]:
    return tuple(EnrolledKey(id=one, public_key=codec.b64(key.public)) for one, key in keys.items())
