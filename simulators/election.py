"""A whole simulated election out of real results: keys, people, signed manifest, and the files that programs read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crypto import envelope, manifest, rfc3339
from crypto.codec import b64, to_bytes
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest
from crypto.notes import Cosigner, NoteSigner
from crypto.statements import (
    BallotStyle,
    BranchEntry,
    Candidate,
    Contest,
    ElectionKey,
    Endpoint,
    EnrolledKey,
    LogIdentity,
    Manifest,
    Official,
    Order,
    OrderKind,
    Schedule,
    WitnessPolicy,
)
from crypto.wire import TYPE_ORDER
from simulators.results import Results, Station
from simulators.trustees import Board, hold_ceremony

ELECTION_ID: Final = "georgia-councils-2017"
LOG_NAME: Final = "log.example/georgia-councils-2017"
BODIES: Final = ("executive", "supervision")
MANIFEST_THRESHOLD: Final = 2  # of three keys
WITNESS_NAMES: Final = ("university.example", "observers.example", "press.example")
WITNESSES_ASKED: Final = 2  # of the three
COUNT_BITS: Final = (
    13  # to 8,191: the largest count of a station is 1,550, and three contests of 40 fit five SMS
)
Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Times:
    """The schedule, each in milliseconds since 1970-01-01 UTC."""

    open_ms: int
    close_ms: int
    tally_ms: int
    opening_ms: int

    def schedule(self) -> Schedule:
        """As the manifest says it."""
        return Schedule(
            open_not_before=rfc3339.to_text(self.open_ms),
            close_not_before=rfc3339.to_text(self.close_ms),
            tally_not_before=rfc3339.to_text(self.tally_ms),
            opening_not_before=rfc3339.to_text(self.opening_ms),
        )


@dataclass(frozen=True, slots=True)
class Election:
    """Everything that all parties together hold. Station ``1/17`` is branch ``1-17``, with ``terminal-1-17``.

    Where spares are enrolled, the branch has ``kit-1-17-spare`` and ``terminal-1-17-spare`` besides.
    """

    manifest_bytes: bytes
    trusted: TrustedManifest
    manifest_keys: tuple[SigningKey, ...]
    devices: Mapping[str, SigningKey]
    terminals: Mapping[str, SigningKey]
    officials: Mapping[str, SigningKey]
    commissioners: Mapping[str, SigningKey]
    board: Board
    witnesses: Mapping[str, SigningKey]
    log_key: SigningKey

    def orders(
        self,
        branch: str,
        kind: OrderKind,
        serial: int,
        voters: Mapping[str, int] | None = None,
        **details: Any,
    ) -> list[bytes]:
        """The same order, signed by each official of the branch apart, as they hand it in.

        ``details``: further fields of crypto.statements.Order, such as ``device`` and ``reason``.
        """
        info = self.trusted.manifest
        order = Order(
            election=info.election,
            round=info.round,
            manifest_sha256=self.trusted.sha256,
            branch=branch,
            kind=kind,
            serial=serial,
            voters_signed_in=dict(voters or {}),
            **details,
        )
        payload = to_bytes(order)
        return [
            envelope.sign(TYPE_ORDER, payload, [self.officials[official]]).to_bytes()
            for official in self.trusted.branch(branch).officials
        ]

    def cosigners(self) -> tuple[Cosigner, ...]:
        """The witnesses, as the manifest names them."""
        return tuple(Cosigner(name, key) for name, key in self.witnesses.items())

    def write(self, folder: Path, entropy: Entropy) -> None:
        """Write what programs read: the manifest, everybody's keys, and the trustees' share files."""
        keys = folder / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.dsse.json").write_bytes(self.manifest_bytes)
        for name, seed in {
            **{name: key.seed for name, key in {**self.devices, **self.commissioners}.items()},
            **{name.partition(".")[0]: key.seed for name, key in self.witnesses.items()},
            "log": self.log_key.seed,
        }.items():
            _write_secret(keys / f"{name}.key", seed)
        info = self.trusted.manifest
        for number, trustee in enumerate(self.board.statement.trustees, 1):
            data = self.board.share_file(
                number, election=info.election, round_number=info.round, entropy=entropy
            )
            _write_secret(keys / f"{trustee.id}.share.json", data)


def _write_secret(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def terminal_of(branch: str, number: int = 1) -> str:
    """A terminal of a simulated branch, from 1; most have only one."""
    return f"terminal-{branch}" if number == 1 else f"terminal-{branch}-{number}"


def device_of(branch: str) -> str:
    """The kit that a simulated branch begins its day with."""
    return f"kit-{branch}"


def spare_of(name: str) -> str:
    """The enrolled standby of a kit or terminal, where the election has spares."""
    return f"{name}-spare"


def commission(
    results: Results,
    stations: Sequence[Station],
    times: Times,
    entropy: Entropy,
    endpoint: Endpoint,
    *,
    spares: bool = False,
    terminals_per_branch: int = 1,
) -> Election:
    """Make all keys, enrol everyone, sign with two of three manifest keys. ``spares``: of each kit and terminal."""

    def new_key() -> SigningKey:
        return SigningKey.from_seed(entropy(32))

    manifest_keys = tuple(new_key() for _ in range(3))
    branches = [station.branch_id for station in stations]
    devices = {device_of(branch): new_key() for branch in branches}
    numbers = range(1, terminals_per_branch + 1)
    terminals = {terminal_of(name, number): new_key() for name in branches for number in numbers}
    if spares:
        devices |= {spare_of(name): new_key() for name in devices}
        terminals |= {spare_of(name): new_key() for name in terminals}
    officials = {f"{body}-{branch}": new_key() for branch in branches for body in BODIES}
    commissioners = {f"commissioner-{body}": new_key() for body in BODIES}
    board = hold_ceremony(f"{ELECTION_ID}, round 1, {entropy(16).hex()}", entropy)
    witnesses = {name: new_key() for name in WITNESS_NAMES}
    log_key = new_key()
    document = Manifest(
        version=1,
        election=ELECTION_ID,
        round=1,
        issued_at=rfc3339.to_text(times.open_ms - 1),
        contests=_contests(results, stations),
        ballot_styles=_styles(stations),
        branches=tuple(_branch(station, numbers, spares=spares) for station in stations),
        terminals=_enrol(terminals),
        devices=_enrol(devices),
        officials=_people(officials, body_at=0),
        commissioners=_people(commissioners, body_at=1),
        election_key=ElectionKey(
            kid="round-1",
            public_key=b64(board.keys.x25519_public),
            opening="trustees",
            board=board.statement,
        ),
        log=LogIdentity(vkey=NoteSigner(LOG_NAME, log_key).vkey),
        witness_policy=WitnessPolicy(
            m=WITNESSES_ASKED, witnesses=tuple(Cosigner(name, key).vkey for name, key in witnesses.items())
        ),
        endpoints=(endpoint,),
        schedule=times.schedule(),
    )
    data = manifest.sign_manifest(document, manifest_keys[:MANIFEST_THRESHOLD])
    trusted = manifest.load(
        data, trusted={key.key_id: key.public for key in manifest_keys}, threshold=MANIFEST_THRESHOLD
    )
    return Election(
        manifest_bytes=data,
        trusted=trusted,
        manifest_keys=manifest_keys,
        devices=devices,
        terminals=terminals,
        officials=officials,
        commissioners=commissioners,
        board=board,
        witnesses=witnesses,
        log_key=log_key,
    )


def _enrol(keys: Mapping[str, SigningKey]) -> tuple[EnrolledKey, ...]:
    return tuple(EnrolledKey(id=name, public_key=b64(key.public)) for name, key in keys.items())


def _people(keys: Mapping[str, SigningKey], *, body_at: int) -> tuple[Official, ...]:
    """``body_at``: which part of a name, before the first hyphen (0) or after it (1), is the person's body."""
    return tuple(
        Official(id=name, body=name.split("-", 1)[body_at], public_key=b64(key.public))
        for name, key in keys.items()
    )


def _contests(results: Results, stations: Sequence[Station]) -> tuple[Contest, ...]:
    """Those that stand at the selected stations, each once, in order of appearance."""
    ids = dict.fromkeys(contest for station in stations for contest in station.contests)
    return tuple(
        Contest(
            id=contest,
            title=contest.replace("_", " "),
            candidates=tuple(
                Candidate(code=candidate.code, name=candidate.name)
                for candidate in results.contests[contest].candidates
            ),
        )
        for contest in ids
    )


def _style_id(station: Station) -> str:
    """Stations with the same contests share a ballot style, which is named after them (at most 64 characters)."""
    return ".".join(contest.split(":")[1] for contest in station.contests)


def _styles(stations: Sequence[Station]) -> tuple[BallotStyle, ...]:
    styles = {_style_id(station): tuple(station.contests) for station in stations}
    return tuple(
        BallotStyle(id=style, contests=contests, count_bits=COUNT_BITS) for style, contests in styles.items()
    )


def _branch(station: Station, numbers: Iterable[int], *, spares: bool) -> BranchEntry:
    branch = station.branch_id
    device, terminals = device_of(branch), tuple(terminal_of(branch, number) for number in numbers)
    return BranchEntry(
        id=branch,
        name=f"Station {station.district_id}/{station.precinct_id}",
        style=_style_id(station),
        device=device,
        terminals=terminals,
        standby_devices=(spare_of(device),) if spares else (),
        standby_terminals=tuple(map(spare_of, terminals)) if spares else (),
        officials=tuple(f"{body}-{branch}" for body in BODIES),
    )
