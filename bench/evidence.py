"""Sealing, checking and opening, against bare libraries in the same run; every rival says what it does.

python bench/evidence.py [--quick]
"""

import argparse
import gc
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import _tree  # noqa: F401 - before any package of the tree
import msgspec
import nacl.bindings as sodium
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from nacl.signing import SigningKey, VerifyKey

from crypto import codec, envelope
from crypto.envelope import Envelope
from crypto.identity import SigningKey as DeviceKey
from crypto.manifest import TrustedManifest
from crypto.packing import plaintext_bytes
from crypto.seal import open_tally_with_answer, seal_tally
from crypto.statements import (
    Candidate,
    ElectionKey,
    Endpoint,
    JournalCheckpoint,
    Manifest,
    SealedTally,
    Submission,
    Tally,
)
from crypto.statements import ContestResult as Result
from crypto.submissions import check_submission
from crypto.trustees import (
    OpeningContext,
    PartialOpening,
    TrusteeKeys,
    TrusteeShare,
    combine,
    partial_opening,
    verify_partial,
)
from crypto.wire import TYPE_TALLY
from simulators.election import Times, commission, terminal_of
from simulators.results import KEY_COLUMNS, ResultContest, Results, Station, StationContest
from simulators.trustees import THRESHOLD, hold_ceremony

CONTESTS: Final = 3
CANDIDATES: Final = 40  # in each
VOTES: Final = 20  # for each
RATIO_MIN: Final = 0.6  # of the bare libraries' speed
TURNS: Final = 500  # ours and the rivals' by turns, so that a busy machine slows all of them
OPERATIONS: Final = 4  # in one turn: less than a scheduler's slice

ENVELOPES: Final = 10_000
ENVELOPES_QUICK: Final = 500
OPENING_MAX_S: Final = 60.0  # seconds for all envelopes, on ``WORKERS`` cores
WORKERS: Final = 2
CHUNK: Final = 25  # envelopes handed to a worker at a time
ORDER: Final = "0a" * 32


@dataclass(frozen=True)
class World:
    """A branch that counts three contests of 40 candidates, under a key of two of three trustees."""

    manifest: TrustedManifest
    keys: TrusteeKeys
    shares: tuple[TrusteeShare, ...]
    device: DeviceKey
    tally: Envelope

    def submission(self, seq: int) -> Submission:
        """The outer fields of envelope ``seq``."""
        info, branch = self.manifest.manifest, self.manifest.manifest.branches[0]
        return Submission(
            election=info.election,
            round=info.round,
            branch=branch.id,
            device=branch.device,
            terminal=branch.terminals[0],
            close_no=1,
            seq=seq,
            prev="5e" * 32,
            manifest_sha256=self.manifest.sha256,
            journal=JournalCheckpoint(size=1000, root="ab" * 32),
            supersedes=None,
            cause="first",
        )

    def seal(self, seq: int) -> bytes:
        """Seal the tally, as a kit does."""
        return seal_tally(
            self.submission(seq),
            tally_envelope=self.tally,
            blind=os.urandom(32),
            device_key=self.device,
            manifest=self.manifest,
            ephemeral=os.urandom(32),
        )


def make_world() -> World:
    """Like a simulated election; the manifest is believed unsigned here, for only sealing and opening are measured."""
    codes = [str(code) for code in range(1, CANDIDATES + 1)]
    candidates = tuple(Candidate(code=code, name=f"Candidate {code}") for code in codes)
    stems = {f"{stem}:1": stem for stem in list(KEY_COLUMNS)[:CONTESTS]}
    valid = VOTES * CANDIDATES
    counted = {
        name: StationContest(stem, dict.fromkeys(codes, VOTES), valid, 7, valid + 7, 2 * valid)
        for name, stem in stems.items()
    }
    station = Station("1", "1", counted)
    contests = {name: ResultContest(name, stem, candidates) for name, stem in stems.items()}
    results = Results(Path(), (station,), contests)
    endpoint = Endpoint(host="127.0.0.1", port=1883)
    election = commission(results, [station], Times(0, 1, 1, 2), os.urandom, endpoint)
    board = hold_ceremony(os.urandom(16).hex(), os.urandom)
    key = ElectionKey(
        kid="trustees-1",
        public_key=codec.b64(board.keys.x25519_public),
        opening="trustees",
        board=board.statement,
    )
    document = msgspec.structs.replace(election.trusted.manifest, election_key=key)
    manifest = TrustedManifest(document, codec.sha256_hex(codec.to_bytes(document)))
    terminal = terminal_of(station.branch_id)
    tally = Tally(
        election=document.election,
        round=document.round,
        branch=station.branch_id,
        terminal=terminal,
        manifest_sha256=manifest.sha256,
        definition_sha256=manifest.definition_sha256(station.branch_id),
        close_no=1,
        contests={
            name: Result(votes=dict(one.votes), valid=one.valid, invalid=one.invalid, ballots=one.ballots)
            for name, one in counted.items()
        },
        public_counter=valid + 7,
    )
    signed = envelope.sign(TYPE_TALLY, codec.to_bytes(tally), [election.terminals[terminal]])
    device = election.devices[document.branches[0].device]
    return World(manifest, board.keys, board.shares, device, signed)


class Rivals:
    """PyNaCl and the HPKE of ``cryptography`` alone, on bytes as long as ours: no JSON, no packing, no rules."""

    def __init__(self, world: World) -> None:
        branch = world.manifest.manifest.branches[0]
        outer = Envelope.from_bytes(world.seal(1))
        self._key, self._terminal = SigningKey(os.urandom(32)), SigningKey(os.urandom(32))
        self._outer = envelope.pae(outer.payload_type, outer.payload)
        self._outer_signature = self._key.sign(self._outer).signature
        self._report = envelope.pae(world.tally.payload_type, world.tally.payload)
        self._report_signature = self._terminal.sign(self._report).signature
        self._commitment = os.urandom(400)
        self._plaintext = os.urandom(plaintext_bytes(world.manifest, branch.id))
        self._suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
        self._public = X25519PublicKey.from_public_bytes(world.manifest.election_public_key)
        self._scalar = sodium.crypto_core_ed25519_scalar_reduce(os.urandom(64))
        self._challenge = os.urandom(16) + bytes(16)
        self._point = sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalar)

    def seal(self) -> None:
        """Verify the terminal's signature, HPKE seal, two signatures, a Schnorr proof (two base multiples)."""
        self._terminal.verify_key.verify(self._report, self._report_signature)
        self.seal_narrow()
        sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalar)
        sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalar)
        product = sodium.crypto_core_ed25519_scalar_mul(self._challenge, self._scalar)
        sodium.crypto_core_ed25519_scalar_add(product, self._scalar)

    def seal_narrow(self) -> None:
        """HPKE seal and two signatures, nothing checked and nothing proven."""
        self._key.sign(self._commitment)
        self._suite.encrypt(self._plaintext, self._public, self._plaintext[:32])
        self._key.sign(self._outer)

    def verify(self) -> None:
        """Verify a signature and a Schnorr proof (a base multiple, a multiple of a checked point, a subtraction)."""
        self.verify_narrow()
        left = sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalar)
        right = sodium.crypto_scalarmult_ed25519_noclamp(self._challenge, self._point)
        sodium.crypto_core_ed25519_sub(left, right)

    def verify_narrow(self) -> None:
        """Verify one signature."""
        VerifyKey(bytes(self._key.verify_key)).verify(self._outer, self._outer_signature)


def by_turns(acts: Sequence[Callable[[], object]]) -> list[list[float]]:
    """Seconds that one operation of each took, in every turn."""
    for act in acts:
        act()
    taken: list[list[float]] = [[] for _ in acts]
    for _ in range(TURNS):
        for act, seconds in zip(acts, taken, strict=True):
            began = time.perf_counter()
            for _ in range(OPERATIONS):
                act()
            seconds.append((time.perf_counter() - began) / OPERATIONS)
    return taken


def compare(
    what: str, ours: Callable[[], object], rival: Callable[[], object], narrow: Callable[[], object]
) -> None:
    """Print operations a second, and how near ours comes to each rival: the best turn of each, as timeit advises."""
    gc.collect()
    mine, same, less = map(min, by_turns([ours, rival, narrow]))
    print(f"{what}: {1 / mine:.0f} a second")
    for name, act, theirs in (("the same operations", rival, same), ("fewer operations", narrow, less)):
        ratio = theirs / mine
        goal = (
            f"at least {RATIO_MIN:g}  {'ok' if ratio >= RATIO_MIN else 'NO'}" if act is rival else "no goal"
        )
        print(f"  bare libraries, {name:<20} {1 / theirs:>6.0f} a second  ratio {ratio:.2f}  {goal}")
        print(f"    {act.__doc__}")


@dataclass(frozen=True)
class _Worker:
    """What a worker process holds."""

    manifest: TrustedManifest
    keys: TrusteeKeys
    shares: tuple[TrusteeShare, ...]


_here: list[_Worker] = []


def start_worker(document: bytes, keys: TrusteeKeys, shares: tuple[TrusteeShare, ...]) -> None:
    """Give a worker process what it needs, once."""
    manifest = TrustedManifest(codec.from_bytes(document, Manifest), codec.sha256_hex(document))
    _here.append(_Worker(manifest, keys, shares))


def context_of(sha256: str) -> OpeningContext:
    """What an answer for this envelope is bound to."""
    info = _here[0].manifest.manifest
    return OpeningContext(info.election, info.round, ORDER, sha256)


def checked(data: bytes) -> tuple[SealedTally, bytes, OpeningContext]:
    """The tally of an envelope that everybody checks first, its encapsulated key, and its context."""
    submission = check_submission(data, _here[0].manifest)
    if not isinstance(submission.statement, SealedTally):
        raise TypeError(f"a {type(submission.statement).__name__} among sealed tallies")
    return submission.statement, codec.unb64(submission.statement.enc), context_of(submission.sha256)


def answer(work: tuple[int, Sequence[bytes]]) -> list[bytes]:
    """One trustee: check each envelope, then answer for it."""
    trustee, envelopes = work
    share = _here[0].shares[trustee - 1]
    return [partial_opening(share, enc, context).to_bytes() for _, enc, context in map(checked, envelopes)]


def open_all(work: Sequence[tuple[bytes, Sequence[bytes]]]) -> int:
    """Anyone: check envelopes and *all* answers, combine, open, check what is inside; returns the votes."""
    here, votes = _here[0], 0
    for data, answers in work:
        sealed, enc, context = checked(data)
        partials = [
            verify_partial(PartialOpening.from_bytes(one), enc, context, here.keys) for one in answers
        ]
        opened = open_tally_with_answer(sealed, combine(partials, here.keys.threshold, enc), here.manifest)
        votes += sum(result.valid for result in opened.tally.contests.values())
    return votes


def opening(world: World, number: int) -> None:
    """Answers of three trustees for so many envelopes, and the opening from them; one branch stands for all."""
    print(f"sealing {number} envelopes for the opening", file=sys.stderr)
    envelopes = [world.seal(seq) for seq in range(1, number + 1)]
    chunks = [envelopes[at : at + CHUNK] for at in range(0, number, CHUNK)]
    trustees = range(1, len(world.shares) + 1)
    given = codec.to_bytes(world.manifest.manifest), world.keys, world.shares
    with ProcessPoolExecutor(WORKERS, initializer=start_worker, initargs=given) as pool:
        list(pool.map(answer, [(1, [])] * WORKERS))  # the workers are there
        took = []
        answers: dict[int, list[bytes]] = {}
        for trustee in trustees:
            print(f"trustee {trustee} answers", file=sys.stderr)
            began = time.perf_counter()
            parts = pool.map(answer, [(trustee, chunk) for chunk in chunks])
            answers[trustee] = [one for part in parts for one in part]
            took.append(time.perf_counter() - began)
        print("opening", file=sys.stderr)
        rows = list(zip(envelopes, zip(*answers.values(), strict=True), strict=True))
        began = time.perf_counter()
        votes = sum(pool.map(open_all, [rows[at : at + CHUNK] for at in range(0, number, CHUNK)]))
        centre = time.perf_counter() - began
    if votes != number * CONTESTS * CANDIDATES * VOTES:
        raise ValueError(f"{votes} votes were opened: something else than was sealed")
    scale = ENVELOPES / number
    note = f" (measured with {number}, times {scale:g})" if number != ENVELOPES else ""
    total = scale * (sum(took) + centre)
    print(f"{ENVELOPES} envelopes x {len(trustees)} trustees, {THRESHOLD} needed, {WORKERS} processes{note}")
    print(f"  a trustee checks the envelopes and answers        {scale * median(took):>7.1f} s")
    print(f"  anyone checks envelopes, all answers, and opens   {scale * centre:>7.1f} s")
    verdict = "ok" if total <= OPENING_MAX_S else "NO"
    print(
        f"  everything, one after the other                   {total:>7.1f} s  at most {OPENING_MAX_S:g}  {verdict}"
    )
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = scale * (children.ru_utime + children.ru_stime)
    print(
        f"  processor time of all this: {cpu:.1f} s; were nobody else here, {cpu / WORKERS:.1f} s on {WORKERS} cores"
    )


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help=f"open {ENVELOPES_QUICK} envelopes only, and say so"
    )
    arguments = parser.parse_args()
    world = make_world()
    rivals = Rivals(world)
    data = world.seal(1)
    print(f"a tally of {CONTESTS} contests x {CANDIDATES} candidates, {len(data)} bytes of DSSE JSON")
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load average {load:.1f} before this began: what else runs slows the opening"
    )
    compare("seal and sign", lambda: world.seal(1), rivals.seal, rivals.seal_narrow)
    compare("verify", lambda: check_submission(data, world.manifest), rivals.verify, rivals.verify_narrow)
    opening(world, ENVELOPES_QUICK if arguments.quick else ENVELOPES)


if __name__ == "__main__":
    main()
