"""``center act``: draft, sign and read the acts of the centre."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from center.cli.command import OK, WARNING, Commands, natural, progress_of
from center.cli.commissioner import add_key, commissioner_key
from center.cli.trust import add_trust, trusted_manifest
from center.config import ledger_path, load_config, load_manifest
from center.errors import ActError
from center.files import PUBLIC_MODE, UnreadableError, read_whole, write_whole
from center.intake.act_admission import ActKind, fit
from center.intake.acts_text import act_lines, signature_lines
from center.intake.admission import BatchPast
from center.intake.schedules import in_force
from center.log.ledger import Ledger
from center.opening.opening import read_log
from center.opening.orders import orders_of
from crypto import rfc3339
from crypto.act_statements import Adjudication, ScheduleChange
from crypto.acts import (
    AnyAct,
    add_signature,
    check_unsigned,
    read_act,
    read_draft,
    sign_act,
    signers_of,
    to_draft,
)
from crypto.codec import sha256_hex
from crypto.manifest import TrustedManifest
from crypto.statements import Official, Schedule
from crypto.wire import ENVELOPE_MAX

MINUTES_MAX: Final = 7 * 24 * 60  # minutes that --by may move a schedule
_MINUTE_MS: Final = 60_000
_MOVED: Final = ("close_not_before", "tally_not_before", "opening_not_before")
_DECISIONS: Final = ("count", "set-aside", "absent")
_CAUSES: Final = (
    "replacement-kit",
    "two-kits",
    "terminal-destroyed",
    "kit-destroyed",
    "re-vote",
    "merged-branch",
    "not-used",
    "disputed",
)

_EXAMPLES: Final = """examples:
  center act draft adjudicate --config centerd.toml --branch 12-7 --terminal T12-7-1 --decision count \\
      --envelope SHA256 --cause two-kits --reason "minutes of the branch, page 4" --out clash.act
  center act draft schedule --config centerd.toml --all --by 120 --reason "queues at the doors" --out later.act
  center act sign later.act --key executive.key --config centerd.toml --out later.1
  center act sign later.1 --key supervision.key --config centerd.toml --out later.signed
  center act show later.signed --config centerd.toml
  center submit later.signed --config centerd.toml

Two commissioners of different bodies sign each act. sign and show need no network: take the manifest along, and say
--manifest FILE --manifest-key KEY instead of --config. Opening orders are drafted by center order draft.
exit codes: 0 done, 1 shown, and not completely signed yet, 65 not an act, or one that does not fit, or not your key
to sign it with, 69 no ledger, 73 cannot write, 78 configuration
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    act = commands.add_parser(
        "act",
        help="draft, sign and read schedule changes, adjudications and orders",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = act.add_subparsers(dest="kind", required=True, metavar="WHAT")
    drafts = kinds.add_parser("draft", help="write an act that nobody signed yet").add_subparsers(
        dest="draft", required=True, metavar="ACT"
    )
    _add_adjudicate(drafts)
    _add_schedule(drafts)
    sign = kinds.add_parser("sign", help="show what is decided, and sign it as one commissioner")
    sign.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write the signed act")
    sign.add_argument("--yes", action="store_true", help="do not ask before signing")
    sign.set_defaults(run=_sign)
    show = kinds.add_parser("show", help="what an act decides, and who signed it")
    show.set_defaults(run=_show)
    for kind in (sign, show):
        kind.add_argument("file", type=Path, metavar="FILE", help="a draft, or an act that others signed")
        add_trust(kind)
    add_key(sign)


def _add_adjudicate(drafts: Commands) -> None:
    adjudicate = drafts.add_parser("adjudicate", help="what becomes of one terminal's evidence")
    adjudicate.add_argument("--terminal", required=True, metavar="T", help="a terminal of the branch")
    adjudicate.add_argument("--branch", required=True, metavar="B", help="the branch")
    adjudicate.add_argument("--decision", required=True, choices=_DECISIONS)
    adjudicate.add_argument("--envelope", metavar="SHA256", help="with count: the sealed tally that counts")
    adjudicate.add_argument("--cause", required=True, choices=_CAUSES)
    _add_draft_options(adjudicate)
    adjudicate.set_defaults(run=_draft_adjudication)


def _add_schedule(drafts: Commands) -> None:
    schedule = drafts.add_parser("schedule", help="the schedule of one branch, or of all, moves later")
    whom = schedule.add_mutually_exclusive_group(required=True)
    whom.add_argument("--branch", metavar="B", help="one branch")
    whom.add_argument("--all", action="store_true", help="all branches")
    schedule.add_argument(
        "--by", type=natural, metavar="MINUTES", help="move close, count and opening of tallies by this much"
    )
    for name in Schedule.__struct_fields__:
        schedule.add_argument(
            f"--{name.replace('_', '-')}", metavar="TIME", help="UTC, such as 2027-06-18T16:30:00.000Z"
        )
    schedule.add_argument(
        "--under",
        type=natural,
        metavar="VERSION",
        help="for branches that opened under an earlier manifest (earlier_manifests); default: the newest",
    )
    _add_draft_options(schedule)
    schedule.set_defaults(run=_draft_schedule)


def _add_draft_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why, up to 300 characters")
    parser.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write the draft")


def _draft_adjudication(arguments: argparse.Namespace) -> int:
    def make(head: dict[str, Any], _: list[ScheduleChange], __: TrustedManifest) -> Adjudication:
        return Adjudication(
            **head,
            branch=arguments.branch,
            terminal=arguments.terminal,
            decision=arguments.decision,
            envelope_sha256=arguments.envelope and arguments.envelope.lower(),
            cause=arguments.cause,
            reason=arguments.reason,
        )

    return _draft(arguments, "adjudication", make)


def _draft_schedule(arguments: argparse.Namespace) -> int:
    def make(
        head: dict[str, Any], changes: list[ScheduleChange], manifest: TrustedManifest
    ) -> ScheduleChange:
        branch = None if arguments.all else arguments.branch
        followed = [one for one in changes if one.manifest_sha256 == manifest.sha256]
        before = in_force(manifest.manifest.schedule, followed, branch)
        return ScheduleChange(
            **head, branch=branch, schedule=_moved(before, arguments), reason=arguments.reason
        )

    return _draft(arguments, "schedule-change", make)


def _moved(before: Schedule, arguments: argparse.Namespace) -> Schedule:
    times = {name: getattr(arguments, name) for name in Schedule.__struct_fields__}
    times = {name: time for name, time in times.items() if time is not None}
    if arguments.by is not None:
        if arguments.by > MINUTES_MAX:
            raise ActError(f"--by {arguments.by}: at most {MINUTES_MAX} minutes; for more give the times")
        for name in _MOVED:
            later = rfc3339.to_ms(getattr(before, name)) + arguments.by * _MINUTE_MS
            times.setdefault(name, rfc3339.to_text(later))
    if not times:
        raise ActError("which time moves? Give --by MINUTES, or a time such as --close-not-before")
    return structs.replace(before, **times)


def _draft(arguments: argparse.Namespace, kind: ActKind, make: "_Make") -> int:
    """Draft the next act of a kind from the log as it is now, refuse what the centre would refuse, and write it."""
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    under = _under(arguments, manifest)
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    try:
        last = ledger.last_act(kind)
        head = {
            "election": manifest.manifest.election,
            "round": manifest.manifest.round,
            "manifest_sha256": under.sha256,
            "number": 1 if last is None else last.number + 1,
            "prev": None if last is None else last.sha256,
        }
        changes = [read_act(entry.data) for entry in ledger.acts("schedule-change")]
        act = make(head, [one for one in changes if isinstance(one, ScheduleChange)], under)
        draft = to_draft(act)
        check_unsigned(act, manifest)
        fit(act, manifest, BatchPast(ledger))
        if isinstance(act, Adjudication):
            _check_not_opened(act, ledger, manifest)
    finally:
        ledger.close()
    write_whole(arguments.out, draft, mode=PUBLIC_MODE)
    print("\n".join([*act_lines(act, manifest), *signature_lines((), "")]))
    print(f"{arguments.out}: drafted; sign it with center act sign")
    return OK


def _under(arguments: argparse.Namespace, manifest: TrustedManifest) -> TrustedManifest:
    """The manifest that an act is made under, which is that of the kits which are to follow it."""
    version = vars(arguments).get("under")
    for one in (manifest, *manifest.earlier):
        if version in (None, one.manifest.version):
            return one
    known = ", ".join(str(one.manifest.version) for one in (manifest, *manifest.earlier))
    raise ActError(f"--under {version}: the configuration names no such manifest; it goes by {known}")


def _check_not_opened(act: Adjudication, ledger: Ledger, manifest: TrustedManifest) -> None:
    """Spare commissioners an act that would change nothing, because its unit is opened."""
    if ledger.last_act("opening-order") is None:
        return
    log = read_log(ledger, manifest, progress=progress_of("leaves read"))[1]
    before = orders_of(log).opened(len(log.leaves)).get((act.branch, act.terminal))
    if before is not None and before.unit.envelope_sha256 != act.envelope_sha256:
        raise ActError(
            f"{act.branch} {act.terminal}: order {before.number} opened envelope {before.unit.envelope_sha256}, and "
            "what was opened stays: an adjudication can change nothing about this unit any more"
        )


_Make = Callable[[dict[str, Any], list[ScheduleChange], TrustedManifest], AnyAct]
"""Makes an act of what every act begins with, and the schedule changes so far."""


def _sign(arguments: argparse.Namespace) -> int:
    manifest = trusted_manifest(arguments)
    data = _read(arguments.file)
    act, signed = _parse(data, manifest)
    print("\n".join(act_lines(act, manifest)), flush=True)
    if sys.stdin.isatty() and not arguments.yes and input("Sign this? Type yes: ").strip().lower() != "yes":
        raise ActError("not confirmed: nothing was signed")
    key = commissioner_key(arguments, manifest)
    if key.key_id not in manifest.commissioners:
        raise ActError(f"{arguments.key}: is not the key of a commissioner: take the right key file")
    out = add_signature(data, key, manifest) if signed else sign_act(act, [key])
    write_whole(arguments.out, out, mode=PUBLIC_MODE)
    print("\n".join(signature_lines(signers_of(out, manifest), sha256_hex(out))))
    return OK


def _show(arguments: argparse.Namespace) -> int:
    manifest = trusted_manifest(arguments)
    data = _read(arguments.file)
    act, signed = _parse(data, manifest)
    print("\n".join([*act_lines(act, manifest), *signature_lines(signed, sha256_hex(data))]))
    return OK if len({one.body for one in signed}) > 1 else WARNING


def _parse(data: bytes, manifest: TrustedManifest) -> tuple[AnyAct, tuple[Official, ...]]:
    """An act and who signed it, from a draft or an envelope; raises EvidenceError for one nobody should sign."""
    signed: tuple[Official, ...]
    # A signed act is an envelope; a draft is the bare statement, which has no such field.
    if b'"payloadType":' in data:
        act, signed = read_act(data), signers_of(data, manifest)
    else:
        act, signed = read_draft(data), ()
    check_unsigned(act, manifest)
    return act, signed


def _read(path: Path) -> bytes:
    try:
        data = read_whole(path.resolve(), ENVELOPE_MAX)
    except UnreadableError as error:
        raise ActError(f"{path}: {error}: take the right file") from error
    if data is None:
        raise ActError(f"{path}: there is no such file: check the path")
    return data
