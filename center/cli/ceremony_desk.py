"""Where a participant of the ceremony sits: keyboard, folder, entropy, clock. Commands reach the world through this."""

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from center.ceremony import papers, plan_rules, signing
from center.ceremony.enrolment import Register, register
from center.ceremony.errors import CeremonyRefusedError, PaperMissingError, PassphraseRefusedError
from center.ceremony.papers import Enrolment, EnrolmentList, P
from center.ceremony.plan import Plan, seats
from center.cli.command import Commands, progress_of
from center.edges import wall_ms
from center.errors import ConfigError, OutputError
from center.files import PRIVATE_MODE, PUBLIC_MODE, UnreadableError, read_whole, sync_folder, write_whole
from crypto import codec, key_file
from crypto.errors import EvidenceError
from crypto.identity import check_public
from crypto.key_file import HeldKey, Role
from crypto.manifest import TrustedManifest
from crypto.passphrase import REHEARSAL_COST, Argon2Cost

SEATS_QUICK: Final = 20_000  # keys of a plan that is checked without a word
EXPECTED_MIN: Final = 8  # hexadecimal digits of a fingerprint that --expect compares

_PASSPHRASE_FILE_MAX: Final = 2048  # bytes
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_COSTS: Final = {"normal": Argon2Cost(), "low": REHEARSAL_COST}


@dataclass(frozen=True, slots=True)
class Desk:
    """``ask`` shows a line and returns an answer; ``ask_secret`` so without echo. Both None where nobody sits."""

    entropy: Callable[[int], bytes] = os.urandom
    wall_ms: Callable[[], int] = wall_ms
    ask: Callable[[str], str] | None = None
    ask_secret: Callable[[str], str] | None = None


def real_desk() -> Desk:
    """The desk of this process: it asks when its input is a terminal."""
    return Desk(ask=input, ask_secret=getpass.getpass) if sys.stdin.isatty() else Desk()


# --- files -----------------------------------------------------------------------------------------------------


def read(path: Path, max_bytes: int = papers.PAPER_MAX) -> bytes:
    """Read a file that was carried here; raises PaperMissingError."""
    try:
        data = read_whole(path.resolve(), max_bytes)
    except UnreadableError as error:
        raise PaperMissingError(f"{path}: {error}: take the right file") from error
    if data is None:
        raise PaperMissingError(f"{path}: there is no such file: is the right stick in, and the name right?")
    return data


def read_paper(path: Path, type_: type[P]) -> P:
    """Read a paper; raises PaperMissingError or CeremonyRefusedError."""
    return papers.parse(read(path), type_, str(path))


def read_papers(paths: list[Path], type_: type[P], pattern: str) -> list[tuple[str, P]]:
    """Read papers from files, and from folders those files whose names fit ``pattern``; each with its name."""
    files = [file for path in paths for file in (sorted(path.glob(pattern)) if path.is_dir() else [path])]
    if not files:
        raise PaperMissingError(f"{paths[0]}: holds no {pattern}: is the right stick in?")
    return [(str(file), read_paper(file, type_)) for file in files]


def write_public(path: Path, data: bytes) -> None:
    """Write a file that everybody may see, never in the place of another; raises OutputError."""
    _write_new(path, data, PUBLIC_MODE)
    print(f"wrote {path}  (public)")


def write_secret(path: Path, data: bytes) -> None:
    """Write a file for its owner alone, never in the place of another; raises OutputError."""
    _write_new(path, data, PRIVATE_MODE)
    print(f"wrote {path}  (SECRET: it stays with you)")


def write_again(path: Path, data: bytes) -> None:
    """Write a public file in the place of an older one; raises OutputError."""
    _make_folder(path.parent)
    write_whole(path, data, mode=PUBLIC_MODE)
    sync_folder(path.parent)
    print(f"wrote {path}  (public)")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error}): choose another place") from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    _make_folder(path.parent)
    try:
        there = read_whole(path.resolve(), len(data))
    except UnreadableError as error:  # longer, or no file at all
        there = str(error).encode()
    if there not in (None, data):
        raise OutputError(
            f"{path}: there is already another file of this name, and nothing is overwritten: carry that one on, or "
            "take it away first if everybody agrees that it counts for nothing"
        )
    write_whole(path, data, mode=mode)
    sync_folder(path.parent)


def file_name(holder: str) -> str:
    """An id as it can stand in the name of a file."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", holder)


# --- options that several commands have ------------------------------------------------------------------------


def show_examples(kinds: Commands, examples: str) -> None:
    """Every step of a command ends its help with the examples of the command."""
    for step in kinds.choices.values():
        step.epilog = examples
        step.formatter_class = argparse.RawDescriptionHelpFormatter


def add_out(parser: argparse.ArgumentParser) -> None:
    """The folder that results are written to."""
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where to write; default: this folder"
    )


def add_plan(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The agreed plan."""
    parser.add_argument(
        "--plan", type=Path, required=required, metavar="FILE", help="plan.json, from plan check"
    )


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """The passphrase, where it does not come from the keyboard."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="its first line is the passphrase; default: asked for",
    )


def add_cost(parser: argparse.ArgumentParser) -> None:
    """How hard guessing is made."""
    parser.add_argument(
        "--kdf-cost",
        choices=sorted(_COSTS),
        default="normal",
        help="low: quick and weak, for rehearsals; the file says so for ever. Default: normal, a second and 256 MiB",
    )


def add_agreement(parser: argparse.ArgumentParser) -> None:
    """How a script says that people have compared a fingerprint."""
    parser.add_argument(
        "--expect", metavar="DIGITS", help=f"fingerprint that was agreed on, {EXPECTED_MIN} digits or more"
    )
    parser.add_argument("--yes", action="store_true", help="it has been compared; do not ask")


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Whose signatures make a manifest."""
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="the signed manifest")
    add_plan(parser, required=False)
    parser.add_argument(
        "--enrolments", type=Path, metavar="FILE", help="with --plan: who holds manifest keys"
    )
    parser.add_argument(
        "--manifest-key",
        dest="keys",
        action="append",
        default=[],
        metavar="KEY",
        help="instead: base64 of a manifest key; once for each",
    )
    parser.add_argument(
        "--threshold", type=int, metavar="K", help="with --manifest-key: how many must have signed"
    )


def cost_of(arguments: argparse.Namespace) -> Argon2Cost:
    """The cost that was chosen."""
    return _COSTS[arguments.kdf_cost]


def is_weak(operations: int, memory_kib: int) -> bool:
    """Whether a file costs its guesser less than it should."""
    usual = Argon2Cost()
    return operations < usual.operations or memory_kib < usual.memory_kib


# --- what people say -------------------------------------------------------------------------------------------


def tell(lines: Iterable[str]) -> None:
    """Show lines with others' words in them, which must not steer the terminal or turn what people compare around.

    Joiners stay: Persian is written with them.
    """
    for line in lines:
        print("".join(c if c.isprintable() or c in _JOINERS else ascii(c)[1:-1] for c in line))


def passphrase(arguments: argparse.Namespace, what: str, *, new_min: int | None = None) -> str:
    """Return a passphrase from its file or the keyboard; ``new_min``: it is a new one, of so many characters.

    Raises PassphraseRefusedError, or ConfigError where there is nobody to ask.
    """
    desk: Desk = arguments.desk
    if arguments.passphrase_file is not None:
        try:
            text = read(arguments.passphrase_file, _PASSPHRASE_FILE_MAX).decode("utf-8")
        except UnicodeDecodeError as error:
            raise PassphraseRefusedError(f"{arguments.passphrase_file}: no UTF-8 text") from error
        return text.split("\n", 1)[0].removesuffix("\r")
    if desk.ask_secret is None:
        raise ConfigError("nobody can be asked for the passphrase: give --passphrase-file")
    if new_min is None:
        return desk.ask_secret(f"passphrase of {what}: ")
    first = desk.ask_secret(f"new passphrase for {what} (at least {new_min} characters): ")
    if desk.ask_secret("the same once more: ") != first:
        raise PassphraseRefusedError("the two differ: nothing was written; begin again")
    return first


def agree(arguments: argparse.Namespace, what: str, sha256: str) -> None:
    """Have the people agree on a fingerprint that was just shown.

    Raises CeremonyRefusedError when they do not, or ConfigError where nobody can be asked.
    """
    desk: Desk = arguments.desk
    if arguments.expect is not None:
        expected = "".join(arguments.expect.split()).lower()
        if len(expected) < EXPECTED_MIN or not re.fullmatch("[0-9a-f]+", expected):
            raise ConfigError(f"--expect: give at least {EXPECTED_MIN} hexadecimal digits")
        if not sha256.startswith(expected):
            raise CeremonyRefusedError(
                f"{what} is {papers.groups(sha256)}, not {papers.groups(expected, 64)}: you hold another file than the "
                "others. Stop, and find out why"
            )
    elif not arguments.yes:
        if desk.ask is None:
            raise ConfigError(
                f"nobody can be asked whether {what} is the same for all: give --expect or --yes"
            )
        if desk.ask(f"Is {what} the same at every table? Type yes: ").strip().lower() != "yes":
            raise CeremonyRefusedError(f"{what} was not confirmed: nothing was written")


def held_key(arguments: argparse.Namespace, role: Role) -> HeldKey:
    """Open the key file of ``--key``; raises as ``key_file.open_key`` does."""
    data = read(arguments.key, key_file.KEY_FILE_MAX)
    try:
        header = key_file.read_header(data)
        if header.role != role:
            raise CeremonyRefusedError(
                f"{arguments.key}: is the key of {header.role} {header.id!r}; that of a {role} is needed here"
            )
    except EvidenceError as error:
        raise CeremonyRefusedError(f"{arguments.key}: {error}") from error
    if is_weak(header.operations, header.memory_kib):
        print(f"NOTE: {arguments.key} is protected for rehearsals only (low cost)", file=sys.stderr)
    return key_file.open_key(data, passphrase(arguments, f"{role} {header.id}"), role=role)


def check_plan(plan: Plan) -> None:
    """Check a plan against its rules, saying so first where that takes long; raises PlanError."""
    wanted = len(seats(plan))
    if wanted > SEATS_QUICK:
        print(f"checking a plan with {wanted} keys: about {wanted // 5_000 + 1} seconds", file=sys.stderr)
    plan_rules.check(plan)


def plan_and_register(arguments: argparse.Namespace, *roles: Role) -> tuple[Plan, Register]:
    """Read ``--plan`` and ``--enrolments``, verified anew: those of ``roles``, or all; raises CeremonyRefusedError."""
    plan = read_paper(arguments.plan, Plan)
    where = str(arguments.enrolments)
    written = read_paper(arguments.enrolments, EnrolmentList)
    if (written.election, written.round) != (plan.election, plan.round):
        raise CeremonyRefusedError(
            f"{where}: is of election {written.election!r} round {written.round}, the plan of {plan.election!r} round "
            f"{plan.round}: take the right file"
        )
    needed = [(where, one) for one in written.enrolments if not roles or one.role in roles]
    return plan, register(plan, watched(needed))


def watched(requests: list[tuple[str, Enrolment]]) -> Iterator[tuple[str, Enrolment]]:
    """The requests, with a line of progress while they are verified: a country has tens of thousands."""
    show = progress_of("requests verified")
    for done, one in enumerate(requests, 1):
        yield one
        if show is not None:
            show(done, len(requests))


def manifest_keys(register: Register) -> dict[str, bytes]:
    """Ids of the holders of manifest keys to public keys."""
    return {one: public for (role, one), public in register.keys.items() if role == "manifest"}


def trusted_manifest(arguments: argparse.Namespace) -> TrustedManifest:
    """Verify ``--manifest`` by the keys that were named; raises CeremonyRefusedError or ConfigError."""
    if arguments.plan is not None and arguments.enrolments is not None:
        plan, enrolled = plan_and_register(arguments, "manifest")
        keys, threshold = manifest_keys(enrolled), plan.manifest_keys.threshold
    elif arguments.keys:
        keys = {text: _key(text) for text in arguments.keys}
        threshold = len(keys) // 2 + 1 if arguments.threshold is None else arguments.threshold
    else:
        raise ConfigError(
            "whose signatures count? Give --plan and --enrolments, or --manifest-key for each key"
        )
    if not 1 <= threshold <= len(keys):
        raise ConfigError(f"{threshold} of {len(keys)} manifest keys: give a threshold of 1 to {len(keys)}")
    return signing.verify(read(arguments.manifest), keys, threshold)


def _key(text: str) -> bytes:
    try:
        public = codec.unb64(text)
        check_public(public)
    except EvidenceError as error:
        raise ConfigError(f"--manifest-key {text}: {error}") from error
    return public
