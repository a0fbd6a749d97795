"""``kit-ceremony rehearse``: a whole ceremony with generated people, each at a table (a folder) of their own."""

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from center.ceremony import papers
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.plan import Plan, people, read_source, seats
from center.cli import ceremony_desk as desks
from center.cli.ceremony_desk import Desk
from center.cli.command import OK, WARNING, Commands, natural
from center.errors import ConfigError, OutputError
from center.files import write_whole
from crypto import codec
from crypto.statements import Schedule

RAW: Final = ("device", "terminal", "log", "witness")  # machines' keys: a technician makes them
BRANCHES_MAX: Final = 100
PEOPLE_MAX: Final = 500  # each makes a key under a passphrase

_BODIES: Final = ("executive", "judiciary", "parliament", "observers", "party-a", "party-b", "party-c")
_TABLE: Final = "coordinator"
_TECHNICIAN: Final = "technician"
_WORDS_FILE: Final = "passphrase.txt"
_SCHEDULE: Final = Schedule(
    open_not_before="2027-06-18T03:30:00Z",
    close_not_before="2027-06-18T14:30:00Z",
    tally_not_before="2027-06-18T14:30:00Z",
    opening_not_before="2027-06-18T16:30:00Z",
)
_EXAMPLES: Final = """examples:
  kit-ceremony rehearse /tmp/rehearsal                                    3 of 5 trustees, 2 branches
  kit-ceremony rehearse /tmp/rehearsal --trustees 7 --threshold 4 --manifest-keys 5 --manifest-threshold 3
  kit-ceremony rehearse /tmp/rehearsal --opening slip39
  kit-ceremony rehearse /tmp/rehearsal --plan plan.toml     the plan of a real election, with keys of nobody

Every person gets a folder, which stands for their machine; files are copied between them as sticks would be carried.
Passphrases lie beside the keys, and keys cost little to guess: nothing of it may serve a real election.
"""

_CodeRunner = Callable[[Sequence[str], Desk], int]


@dataclass(slots=True)
class Stage:
    """Runs commands at tables and carries files between them."""

    folder: Path
    desk: Desk
    run: _CodeRunner
    cost: str
    carried: int = field(default=0)

    def at(self, table: str, *command: str, accept: Sequence[int] = (OK,)) -> None:
        """Run one command at a table, shown as it would be typed there; raises CeremonyRefusedError."""
        print(f"\n[{table}]$ kit-ceremony {shlex.join(command)}", flush=True)
        code = self.run(command, self.desk)
        if code not in accept:
            raise CeremonyRefusedError(f"the rehearsal ended at {table!r}: exit code {code}; see above")

    def place(self, table: str, name: str = "") -> str:
        """The path of a file at a table."""
        return str(self.folder / desks.file_name(table) / name)

    def carry(self, name: str, origin: str, goals: Iterable[str]) -> None:
        """Copy a file to other tables; raises OutputError."""
        for goal in goals:
            print(f"[carry] {name}: {origin} -> {goal}")
            try:
                Path(self.place(goal)).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.place(origin, name), self.place(goal, name))
            except OSError as error:
                raise OutputError(f"{name} cannot be carried from {origin} to {goal}: {error}") from error
            self.carried += 1

    def person(self, table: str) -> list[str]:
        """The option with this person's passphrase."""
        return ["--passphrase-file", self.place(table, _WORDS_FILE)]


def add(commands: Commands) -> None:
    """Add the command to the parser of ``kit-ceremony``."""
    parser = commands.add_parser(
        "rehearse",
        help="a whole ceremony with generated people",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="is made; must not exist, or be empty")
    parser.add_argument(
        "--plan", type=Path, metavar="PLAN.TOML", help="with this plan; else with generated numbers"
    )
    parser.add_argument("--trustees", type=natural, default=5, metavar="N", help="default 5")
    parser.add_argument("--threshold", type=natural, default=3, metavar="K", help="default 3")
    parser.add_argument("--manifest-keys", type=natural, default=3, metavar="N", help="default 3")
    parser.add_argument("--manifest-threshold", type=natural, default=2, metavar="M", help="default 2")
    parser.add_argument("--branches", type=natural, default=2, metavar="N", help="default 2")
    parser.add_argument("--election", default="rehearsal", metavar="ID")
    parser.add_argument("--round", type=natural, default=1, metavar="N")
    parser.add_argument("--opening", choices=["trustees", "slip39"], default="trustees")
    parser.add_argument("--kdf-cost", choices=["low", "normal"], default="low", help="default low")
    parser.set_defaults(run=_rehearse)


def _rehearse(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: is not empty: a rehearsal begins in a new folder")
    stage = Stage(folder, arguments.desk, arguments.run_ceremony, arguments.kdf_cost)
    plan = _write_plan(stage, arguments)
    _make_keys(stage, plan)
    if plan.opening == "trustees":
        _generate_key(stage, plan)
    else:
        stage.at(
            _TABLE, "escrow", "new", "--plan", stage.place(_TABLE, "plan.json"), "--out", stage.place(_TABLE)
        )
    _sign_manifest(stage, plan)
    if plan.opening == "trustees":
        _drill(stage, plan)
    manifest = stage.place(_TABLE, "manifest.dsse.json")
    print(f"\nREHEARSED: {stage.carried} files were carried; the manifest is {manifest}")
    print("NOT FOR A REAL ELECTION: passphrases lie beside the keys", file=sys.stderr)
    return OK


def _write_plan(stage: Stage, arguments: argparse.Namespace) -> Plan:
    source = Path(stage.place(_TABLE, "plan.toml"))
    if arguments.plan is not None:
        plan = read_source(arguments.plan, desks.read)
        if sum(1 for _ in people(plan)) > PEOPLE_MAX:
            raise ConfigError(
                f"{arguments.plan}: more than {PEOPLE_MAX} people: rehearse with fewer branches"
            )
        desks.check_plan(plan)
        desks.write_public(source.with_suffix(".json"), papers.to_bytes(plan))
        return plan
    written = "\n".join(f"{key} = {_toml(value)}" for key, value in _generated(arguments).items())
    desks.write_public(source, written.encode())
    stage.at(_TABLE, "plan", "check", str(source), "--out", stage.place(_TABLE))
    return desks.read_paper(source.with_suffix(".json"), Plan)


def _generated(arguments: argparse.Namespace) -> dict[str, Any]:
    """A plan with as many people and branches as were asked for."""
    if not 1 <= arguments.branches <= BRANCHES_MAX:
        raise ConfigError(f"--branches: 1 to {BRANCHES_MAX} in a rehearsal")
    numbers = range(1, arguments.branches + 1)
    contest = {
        "id": "contest-1",
        "title": "contest 1",
        "candidates": [{"code": str(n), "name": f"candidate {n}"} for n in (1, 2, 3)],
        "blank": True,
    }
    return {
        "type": "ceremony-plan",
        "election": arguments.election,
        "round": arguments.round,
        "kid": f"{arguments.election}-r{arguments.round}",
        "opening": arguments.opening,
        "trustees": _quorum("trustee", arguments.trustees, arguments.threshold),
        "manifest_keys": _quorum("definer", arguments.manifest_keys, arguments.manifest_threshold),
        "commissioners": _quorum("commissioner", 2, 1)["members"],
        "officials": [{"id": f"official-{n}-{body}", "body": body} for n in numbers for body in _BODIES[:2]],
        "log": f"log.example/{arguments.election}",
        "witnesses": {"m": 1, "names": ["witness-1.example", "witness-2.example"]},
        "endpoints": [{"host": "127.0.0.1", "port": 1883}],
        "schedule": msgspec.to_builtins(_SCHEDULE),
        "contests": [contest],
        "ballot_styles": [{"id": "style-1", "contests": ["contest-1"], "count_bits": 16}],
        "branches": [
            {
                "id": f"branch-{n}",
                "name": f"branch {n}",
                "style": "style-1",
                "device": f"device-{n}",
                "terminals": [f"terminal-{n}"],
                "officials": [f"official-{n}-{body}" for body in _BODIES[:2]],
            }
            for n in numbers
        ],
    }


def _quorum(name: str, number: int, threshold: int) -> dict[str, Any]:
    members = [{"id": f"{name}-{n + 1}", "body": _BODIES[n % len(_BODIES)]} for n in range(number)]
    return {"threshold": threshold, "members": members}


def _toml(value: object) -> str:
    """A value as inline TOML: what JSON has in common with it, and tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def _make_keys(stage: Stage, plan: Plan) -> None:
    wanted = list(seats(plan))
    stage.carry("plan.json", _TABLE, [_TECHNICIAN])
    for role in RAW:
        ids = [one for kind, one in wanted if kind == role]
        if ids:
            _make_key(stage, _TECHNICIAN, role, ids, ["--raw"])
    for role, one in wanted:
        if role not in RAW:
            stage.carry("plan.json", _TABLE, [one])
            words = codec.b64(stage.desk.entropy(18)).encode() + b"\n"
            write_whole(Path(stage.place(one, _WORDS_FILE)), words)
            _make_key(stage, one, role, [one], ["--kdf-cost", stage.cost, *stage.person(one)])
    stage.at(
        _TABLE,
        *(
            "enrol",
            "--plan",
            stage.place(_TABLE, "plan.json"),
            stage.place(_TABLE),
            "--out",
            stage.place(_TABLE),
        ),
    )


def _make_key(stage: Stage, table: str, role: str, ids: Sequence[str], secrecy: Sequence[str]) -> None:
    named = [part for one in ids for part in ("--id", one)]
    where = ["--plan", stage.place(table, "plan.json"), "--out", stage.place(table)]
    stage.at(table, "key", "new", "--role", role, *named, *where, *secrecy)
    for one in ids:
        stage.carry(f"enrol-{role}-{desks.file_name(one)}.json", table, [_TABLE])


def _generate_key(stage: Stage, plan: Plan) -> None:
    trustees = [one.id for one in plan.trustees.members]
    out = ["--out", stage.place(_TABLE)]
    session = ["--session", stage.place(_TABLE, "dkg-session.json")]
    stage.at(_TABLE, "dkg", "session", *_agreed(stage, _TABLE), *out)
    stage.carry("dkg-session.json", _TABLE, trustees)
    for one in trustees:
        stage.at(one, "dkg", "round1", *_own(stage, one), "--yes")
        stage.carry(f"round1-{desks.file_name(one)}.json", one, [_TABLE])
    stage.at(_TABLE, "dkg", "relay", *session, stage.place(_TABLE), *out)
    stage.carry("dkg-messages.json", _TABLE, trustees)
    for one in trustees:
        stage.at(one, "dkg", "round2", *_own(stage, one), *_seen(stage, one), "--yes")
        stage.carry(f"round2-{desks.file_name(one)}.json", one, [_TABLE])
    messages = ["--messages", stage.place(_TABLE, "dkg-messages.json")]
    stage.at(_TABLE, "dkg", "certify", *session, *messages, stage.place(_TABLE), *out)
    stage.carry("dkg-certificate.json", _TABLE, trustees)
    for one in trustees:
        certificate = ["--certificate", stage.place(one, "dkg-certificate.json"), "--kdf-cost", stage.cost]
        stage.at(one, "dkg", "finish", *_own(stage, one), *_seen(stage, one), *certificate)
        stage.carry(f"confirm-{desks.file_name(one)}.json", one, [_TABLE])


def _sign_manifest(stage: Stage, plan: Plan) -> None:
    out = ["--out", stage.place(_TABLE)]
    stage.at(_TABLE, "manifest", "build", *_agreed(stage, _TABLE), *_key(stage, _TABLE, plan), *out)
    signers = [one.id for one in plan.manifest_keys.members][: plan.manifest_keys.threshold]
    for name in ("manifest.json", "enrolments.json", *_key_papers(plan)):
        stage.carry(name, _TABLE, signers)
    signed = [f"manifest-{desks.file_name(one)}.dsse.json" for one in signers]
    for one, name in zip(signers, signed, strict=True):
        own = [
            "--key",
            stage.place(one, f"manifest-{desks.file_name(one)}.key"),
            *stage.person(one),
            "--yes",
            "--out",
            stage.place(one),
        ]
        drafted = stage.place(one, "manifest.json")
        stage.at(one, "manifest", "check", drafted, *_agreed(stage, one), *_key(stage, one, plan))
        stage.at(one, "manifest", "sign", drafted, *own)
        stage.carry(name, one, [_TABLE])
    stage.at(_TABLE, "manifest", "merge", *(stage.place(_TABLE, name) for name in signed), *out)
    stage.at(_TABLE, "manifest", "verify", *_trust(stage, _TABLE))


def _drill(stage: Stage, plan: Plan) -> None:
    trustees = [one.id for one in plan.trustees.members]
    for name in ("manifest.dsse.json", "enrolments.json"):
        stage.carry(name, _TABLE, trustees)
    for one in trustees:
        share = ["--share", stage.place(one, f"share-{desks.file_name(one)}.json"), *stage.person(one)]
        stage.at(one, "share", "check", *_trust(stage, one), *share, accept=(OK, WARNING))
    stage.at(_TABLE, "drill", "new", *_trust(stage, _TABLE), "--out", stage.place(_TABLE))
    answering = trustees[-plan.trustees.threshold :]
    stage.carry("drill.json", _TABLE, answering)
    for one in answering:
        share = ["--share", stage.place(one, f"share-{desks.file_name(one)}.json"), *stage.person(one)]
        challenge = ["--challenge", stage.place(one, "drill.json"), "--out", stage.place(one)]
        stage.at(one, "drill", "answer", *_trust(stage, one), *challenge, *share)
        stage.carry(f"drill-{desks.file_name(one)}.json", one, [_TABLE])
    answers = [stage.place(_TABLE, f"drill-{desks.file_name(one)}.json") for one in answering]
    challenge = ["--challenge", stage.place(_TABLE, "drill.json")]
    stage.at(_TABLE, "drill", "open", *_trust(stage, _TABLE), *challenge, *answers)


def _key_papers(plan: Plan) -> list[str]:
    """What shows where the election key comes from."""
    if plan.opening == "slip39":
        return ["escrow.json"]
    return [
        "dkg-certificate.json",
        *(f"confirm-{desks.file_name(one.id)}.json" for one in plan.trustees.members),
    ]


def _key(stage: Stage, table: str, plan: Plan) -> list[str]:
    files = [stage.place(table, name) for name in _key_papers(plan)]
    if plan.opening == "slip39":
        return ["--escrow", *files]
    return ["--certificate", files[0], "--confirmations", *files[1:]]


def _agreed(stage: Stage, table: str) -> list[str]:
    return ["--plan", stage.place(table, "plan.json"), "--enrolments", stage.place(table, "enrolments.json")]


def _trust(stage: Stage, table: str) -> list[str]:
    return ["--manifest", stage.place(table, "manifest.dsse.json"), *_agreed(stage, table)]


def _own(stage: Stage, one: str) -> list[str]:
    return [
        *("--session", stage.place(one, "dkg-session.json")),
        *(
            "--key",
            stage.place(one, f"trustee-{desks.file_name(one)}.key"),
            *stage.person(one),
            "--out",
            stage.place(one),
        ),
    ]


def _seen(stage: Stage, one: str) -> list[str]:
    return [
        *("--messages", stage.place(one, "dkg-messages.json")),
        *("--sent", stage.place(one, f"round1-{desks.file_name(one)}.json")),
    ]
