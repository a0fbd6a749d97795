"""``kit-ceremony plan`` and ``enrol``: what is agreed on before keys are made, and who asked to be enrolled."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from center.ceremony import enrolment, papers
from center.ceremony.enrolment import Register
from center.ceremony.errors import PlanError
from center.ceremony.papers import Enrolment
from center.ceremony.plan import Plan, read_source
from center.ceremony.summary import plan_lines
from center.cli import ceremony_desk as desks
from center.cli.ceremony_desk import Desk
from center.cli.command import OK, WARNING, Commands
from center.errors import ConfigError
from crypto import codec

SHOWN_MAX: Final = 40  # fingerprints or missing holders of machines printed one by one

_EXAMPLES: Final = """examples:
  kit-ceremony plan new --out ceremony                     asks for everything; writes plan.toml and empty tables
  kit-ceremony plan new --out ceremony --election demo-1405 --round 1 --threshold 3 \\
      --trustee judge-1:judiciary --trustee clerk-1:parliament ... --manifest-threshold 2 \\
      --manifest-key board-1:electoral-board --manifest-key notary-1:notaries ...
  kit-ceremony plan check ceremony/plan.toml --out stick   refuses what would be refused later; writes plan.json

Everybody compares the fingerprint of plan.json before making a key. What stands in plan.toml: docs/ceremony.md
"""
_ENROL_EXAMPLES: Final = """examples:
  kit-ceremony enrol --plan plan.json stick/enrol-*.json --out ceremony
  kit-ceremony enrol --plan plan.json requests/              all enrol-*.json in a folder

All requests are given each time; run it again when more arrive. Each person hears their fingerprint read aloud.
exit codes: 0 all seats of the plan are taken, 1 some are not yet
"""
_BRANCH_TABLE: Final = "id,name,style,device,terminals,officials,standby_devices,standby_terminals\n"
_TABLES: Final = {
    "contests.csv": "contest,title,blank,code,name\n",
    "branches.csv": _BRANCH_TABLE,
    "officials.csv": "id,body\n",
}


def add(commands: Commands) -> None:
    """Add the commands to the parser of ``kit-ceremony``."""
    plan = commands.add_parser(
        "plan",
        help="agree on people, numbers and the ballot",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = plan.add_subparsers(dest="kind", required=True, metavar="WHAT")
    new = kinds.add_parser("new", help="write a plan.toml to be filled in; asks for what no option says")
    for option, meta in (("--election", "ID"), ("--round", "N"), ("--kid", "ID"), ("--log", "NAME")):
        new.add_argument(option, metavar=meta)
    new.add_argument("--opening", choices=["trustees", "slip39"], default="trustees")
    new.add_argument("--threshold", metavar="K", help="how many trustees open")
    new.add_argument("--manifest-threshold", metavar="M", help="how many manifest keys sign")
    for option in ("--trustee", "--manifest-key", "--commissioner"):
        new.add_argument(option, action="append", metavar="ID:BODY", help="once for each")
    new.add_argument(
        "--witness", action="append", metavar="NAME", help="once for each; one of them is enough"
    )
    desks.add_out(new)
    new.set_defaults(run=_new)
    check = kinds.add_parser(
        "check", help="check a plan.toml and write the plan.json that is used from then on"
    )
    check.add_argument("source", type=Path, metavar="PLAN.TOML")
    desks.add_out(check)
    check.set_defaults(run=_check)
    show = kinds.add_parser("show", help="what a plan.json says, and its fingerprint")
    show.add_argument("source", type=Path, metavar="PLAN.JSON")
    show.set_defaults(run=_show)
    desks.show_examples(kinds, _EXAMPLES)
    enrol = commands.add_parser(
        "enrol",
        help="coordinator: verify requests to be enrolled, and list them",
        epilog=_ENROL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    desks.add_plan(enrol)
    enrol.add_argument("files", type=Path, nargs="+", metavar="FILE|DIR", help="enrol-*.json")
    desks.add_out(enrol)
    enrol.set_defaults(run=_enrol)


def _new(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    election = _answer(desk, arguments.election, "id of the election (for instance demo-1405)")
    number = _answer(desk, arguments.round, "number of the round (1, 2, ...)")
    witnesses = ", ".join(f'"{one}"' for one in arguments.witness or ())
    lines = [
        f'election = "{election}"',
        f"round = {number}",
        f'kid = "{arguments.kid or f"{election}-r{number}"}"    # name of the election key: one for each round',
        f'opening = "{arguments.opening}"',
        f'log = "{arguments.log or f"log.example/{election}"}"    # name of the log, or its whole verifier key',
        '# version = 2    # of a newer manifest of this round; supersedes = "the fingerprint of the one before"',
        'contests = "contests.csv"',
        'branches = "branches.csv"',
        'officials = "officials.csv"',
        'endpoints = [{ host = "broker.example", port = 8883 }]',
        f"commissioners = [{_members(desk, arguments.commissioner, 'commissioners, as id:body id:body')}]",
        "",
        "[trustees]    # any threshold of them open; no body may have as many",
        f"threshold = {_answer(desk, arguments.threshold, 'how many trustees open together')}",
        f"members = [{_members(desk, arguments.trustee, 'trustees, as id:body id:body')}]",
        "",
        "[manifest_keys]    # any threshold of them sign the manifest; other people than the trustees",
        f"threshold = {_answer(desk, arguments.manifest_threshold, 'how many manifest keys sign')}",
        f"members = [{_members(desk, arguments.manifest_key, 'holders of manifest keys, as id:body id:body')}]",
        "",
        "[witnesses]    # m of them vouch for the log",
        f"m = {1 if arguments.witness else 0}",
        f"names = [{witnesses}]",
        "",
        "[schedule]    # the earliest times, in UTC",
        'open_not_before = "2027-01-01T04:30:00Z"',
        'close_not_before = "2027-01-01T14:30:00Z"',
        'tally_not_before = "2027-01-01T14:30:00Z"',
        'opening_not_before = "2027-01-01T16:30:00Z"',
        "",
        "[[ballot_styles]]    # which contests a terminal counts; count_bits: bits of every count in a sealed tally",
        'id = "style-1"',
        'contests = ["contest-1"]',
        "count_bits = 16",
        "",
    ]
    desks.write_public(arguments.out / "plan.toml", "\n".join(lines).encode())
    for name, heading in _TABLES.items():
        desks.write_public(arguments.out / name, heading.encode())
    print("next: fill in the tables and the schedule, then run kit-ceremony plan check")
    return OK


def _answer(desk: Desk, given: str | None, question: str) -> str:
    if given is None:
        if desk.ask is None:
            raise ConfigError(f"not said: {question}. Give it as an option; see kit-ceremony plan new --help")
        given = desk.ask(f"{question}: ").strip()
    if not given or not given.isascii() or set(given) & set('"\\\n'):
        raise PlanError(f"{question}: {given!r} is no answer that can stand in a plan")
    return given


def _members(desk: Desk, given: list[str] | None, question: str) -> str:
    pairs = [one.partition(":") for one in given or _answer(desk, None, question).split()]
    for one, colon, body in pairs:
        if not (one and colon and body) or set(one + body) & set('"\\'):
            raise PlanError(f"{question}: {one + colon + body!r} is no id:body, such as judge-1:judiciary")
    return ", ".join(f'{{ id = "{one}", body = "{body}" }}' for one, _, body in pairs)


def _check(arguments: argparse.Namespace) -> int:
    plan = read_source(arguments.source, desks.read)
    desks.check_plan(plan)
    desks.write_public(arguments.out / "plan.json", papers.to_bytes(plan))
    _tell(plan)
    print("next: give plan.json to everybody who takes part; each makes a key with kit-ceremony key new")
    return OK


def _show(arguments: argparse.Namespace) -> int:
    plan = desks.read_paper(arguments.source, Plan)
    desks.check_plan(plan)
    _tell(plan)
    return OK


def _tell(plan: Plan) -> None:
    desks.tell(plan_lines(plan))
    print(f"fingerprint of the plan: {papers.groups(papers.sha256_of(plan))}")


def _enrol(arguments: argparse.Namespace) -> int:
    plan = desks.read_paper(arguments.plan, Plan)
    desks.check_plan(plan)
    requests = desks.read_papers(arguments.files, Enrolment, "enrol-*.json")
    register = enrolment.register(plan, desks.watched(requests))
    # The list grows with every run, so it takes the place of its elder.
    desks.write_again(arguments.out / "enrolments.json", papers.to_bytes(register.list))
    desks.tell(_lines(register))
    if register.missing:
        print(f"{len(register.missing)} are not enrolled yet:")
        print("\n".join(_short([f"  {role} {one}" for role, one in register.missing])))
        return WARNING
    print("all keys of the plan are enrolled")
    print("next: kit-ceremony dkg session (or escrow new), then kit-ceremony manifest build")
    return OK


def _lines(register: Register) -> list[str]:
    """One line for each person, and for machines as long as there are not too many."""
    enrolments: Iterable[Enrolment] = register.list.enrolments
    said = [
        (one, f"  {one.role} {one.id}: {papers.fingerprint(codec.unb64(one.public_key))}")
        for one in enrolments
    ]
    heads = [
        line for one, line in said if one.role in ("trustee", "manifest", "commissioner", "log", "witness")
    ]
    others = [line for one, line in said if one.role in ("official", "device", "terminal")]
    return ["enrolled; read the fingerprints aloud, each to its owner:", *heads, *_short(others)]


def _short(lines: list[str]) -> list[str]:
    if len(lines) <= SHOWN_MAX:
        return lines
    return [*lines[:SHOWN_MAX], f"  and {len(lines) - SHOWN_MAX} more"]
