"""``kit-ceremony key``: make a key, and the request to be enrolled with it."""

import argparse
import sys
from pathlib import Path
from typing import Final, get_args

from center.ceremony import papers
from center.ceremony.enrolment import request
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.plan import Plan, seats
from center.cli import ceremony_desk as desks
from center.cli.ceremony_desk import Desk
from center.cli.command import OK, WARNING, Commands, natural
from center.errors import ConfigError
from crypto import codec, key_file
from crypto.edwards import WIDE_BYTES, scalar_from_wide
from crypto.errors import EvidenceError
from crypto.identity import SEED_BYTES
from crypto.key_file import HeldKey, KeyOwner, Role
from crypto.passphrase import NONCE_BYTES, SALT_BYTES

RAW_ROLES: Final = frozenset({"device", "terminal", "log", "witness"})  # programs that start by themselves
KNOWN_MAX: Final = 400  # characters of the plan's ids in a refusal

_EXAMPLES: Final = """examples:
  kit-ceremony key new --plan plan.json --role trustee --id judge-1
  kit-ceremony key new --plan plan.json --role official --id b-17-executive --out stick
  kit-ceremony key new --plan plan.json --role device --id kit-17 --raw      32 raw bytes: for machines that start alone
  kit-ceremony key show trustee-judge-1.key                                  whose it is, and its fingerprint

The .key file is the secret: it stays with its owner. enrol-*.json goes to the coordinator.
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``kit-ceremony``."""
    key = commands.add_parser(
        "key",
        help="make a key, and the request to be enrolled with it",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = key.add_subparsers(dest="kind", required=True, metavar="WHAT")
    new = kinds.add_parser("new", help="make a key")
    desks.add_plan(new, required=False)
    new.add_argument("--election", metavar="ID", help="without --plan: the election")
    new.add_argument("--round", type=natural, metavar="N", help="without --plan: its round")
    new.add_argument("--body", metavar="ID", help="without --plan: whom the person stands for")
    new.add_argument("--role", required=True, choices=get_args(Role))
    new.add_argument(
        "--id", required=True, action="append", help="whose key; of devices and such also several"
    )
    new.add_argument("--raw", action="store_true", help="no passphrase: 32 raw bytes, mode 600")
    desks.add_passphrase(new)
    desks.add_cost(new)
    desks.add_out(new)
    new.set_defaults(run=_new)
    show = kinds.add_parser("show", help="whose key a file holds; needs no passphrase")
    show.add_argument("file", type=Path, metavar="FILE")
    show.set_defaults(run=_show)
    desks.show_examples(kinds, _EXAMPLES)


def _new(arguments: argparse.Namespace) -> int:
    role: Role = arguments.role
    if arguments.raw and role not in RAW_ROLES:
        raise ConfigError(
            f"--raw: the key of a {role} belongs under a passphrase; only machines' keys go raw"
        )
    if len(arguments.id) > 1 and role not in RAW_ROLES:
        raise ConfigError(f"each {role} makes a key of their own: give one --id")
    owners = _owners(arguments, role)
    passphrase = ""
    if not arguments.raw:
        what = f"{role} {arguments.id[0]}"
        passphrase = desks.passphrase(arguments, what, new_min=key_file.passphrase_min(role))
    for owner, body in owners:
        _make(arguments, owner, body, passphrase)
    print(
        f"next: carry enrol-{role}-*.json to the coordinator, in person, and read the fingerprint aloud there"
    )
    return OK


def _owners(arguments: argparse.Namespace, role: Role) -> list[tuple[KeyOwner, str | None]]:
    """Whose keys are to be made, each with the body that the person stands for."""
    if arguments.plan is None:
        if arguments.election is None or not arguments.round:
            raise ConfigError("for which election and round? Give --plan, or --election and --round")
        election, number = arguments.election, arguments.round
        return [(KeyOwner(election, number, role, one), arguments.body) for one in arguments.id]
    plan = desks.read_paper(arguments.plan, Plan)
    wanted = seats(plan)
    for one in arguments.id:
        if (role, one) not in wanted:
            known = ", ".join(name for kind, name in wanted if kind == role) or "none"
            raise CeremonyRefusedError(f"the plan knows no {role} {one!r}, but these: {known[:KNOWN_MAX]}")
    return [(KeyOwner(plan.election, plan.round, role, one), wanted[role, one]) for one in arguments.id]


def _make(arguments: argparse.Namespace, owner: KeyOwner, body: str | None, passphrase: str) -> None:
    desk: Desk = arguments.desk
    secret = (
        scalar_from_wide(desk.entropy(WIDE_BYTES)) if owner.role == "trustee" else desk.entropy(SEED_BYTES)
    )
    key = HeldKey(owner, secret)
    paper = papers.to_bytes(request(key, body))
    name = f"{owner.role}-{desks.file_name(owner.id)}"
    if arguments.raw:
        desks.write_secret(arguments.out / f"{name}.seed", secret)
    else:
        cost = desks.cost_of(arguments)
        salt, nonce = desk.entropy(SALT_BYTES), desk.entropy(NONCE_BYTES)
        data = key_file.seal_key(key, passphrase, salt=salt, nonce=nonce, cost=cost)
        if key_file.open_key(data, passphrase) != key:
            raise CeremonyRefusedError(
                "the key file does not open again: this machine is at fault; take another"
            )
        desks.write_secret(arguments.out / f"{name}.key", data)
        if desks.is_weak(cost.operations, cost.memory_kib):
            print("NOTE: low cost: this key file is good for rehearsals only", file=sys.stderr)
    desks.write_public(arguments.out / f"enrol-{name}.json", paper)
    print(f"key of {owner.role} {owner.id}, fingerprint: {papers.fingerprint(key.public)}")


def _show(arguments: argparse.Namespace) -> int:
    try:
        header = key_file.read_header(desks.read(arguments.file, key_file.KEY_FILE_MAX))
    except EvidenceError as error:
        raise CeremonyRefusedError(f"{arguments.file}: {error}") from error
    print(f"{header.role} {header.id}, election {header.election} round {header.round}")
    print(f"fingerprint: {papers.fingerprint(codec.unb64(header.public_key))}")
    print(f"public key (base64): {header.public_key}")
    if desks.is_weak(header.operations, header.memory_kib):
        print("NOTE: low cost: good for rehearsals only")
        return WARNING
    return OK
