"""``center log audit|compare|bring``: look at the log again, compare what it told people, take witnesses' lines in."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from center.audit.record import printable
from center.cli.command import CRITICAL, DATA, OK, WARNING, progress_of
from center.config import ledger_path, load_config, load_manifest
from center.edges import wall_ms
from center.errors import ConfigError, ProvingError
from center.files import UnreadableError, read_whole
from center.log.ledger import Ledger
from center.log.ledger_audit import LedgerAudit, audit_ledger
from center.log.ledger_file import LedgerIdentity
from center.witness.cosignatures import bring
from crypto import rfc3339
from crypto.comparison import Comparison, compare
from crypto.consistency import CONSISTENCY_MAX
from crypto.errors import ProofError
from crypto.notes import NOTE_MAX, NoteVerifier
from crypto.wire import ENVELOPE_MAX

SHOWN_MAX: Final = 50  # faults told in words; --json tells all of them

_CODES: Final = {"fork": CRITICAL, "undetermined": WARNING, "consistent": OK}


def add(kinds: Any) -> None:
    """Add the commands to the parser of ``center log``."""
    audit = kinds.add_parser("audit", help="work out everything that the ledger says from its leaves again")
    audit.set_defaults(run=_audit)
    brought = kinds.add_parser("bring", help="take in what center witness cosign wrote; branches are told")
    brought.add_argument("files", nargs="+", type=Path, metavar="FILE", help="signature lines of witnesses")
    brought.set_defaults(run=_bring)
    for kind in (audit, brought):
        kind.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    compared = kinds.add_parser(
        "compare", help="did the log tell everybody the same? for anyone, without a ledger"
    )
    compared.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="receipts, checkpoints, consistency proofs, and envelopes of the receipts",
    )
    compared.add_argument("--log", required=True, metavar="VKEY", help="the log's verifier key")
    compared.set_defaults(run=_compare)
    for kind in (audit, compared):
        kind.add_argument("--json", action="store_true", help="one JSON object instead of words")


def _audit(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    try:
        found = audit_ledger(ledger, manifest, progress=progress_of("leaves"))
    finally:
        ledger.close()
    if arguments.json:
        print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False))
    else:
        print("\n".join(map(printable, _audit_lines(found))))
    if found.faults:
        return DATA
    return WARNING if found.remarks else OK


def _audit_lines(found: LedgerAudit) -> Iterator[str]:
    yield (
        "FAULTS: the ledger contradicts itself: keep it, and find out why"
        if found.faults
        else "all of it agrees"
    )
    yield (
        f"checked: {found.leaves} leaves, {found.checkpoints} checkpoints, {found.cosignatures} cosignatures; "
        f"enough witnesses vouch for {found.witnessed_size} leaves"
    )
    if found.flags:
        yield "flags: " + ", ".join(f"{flag} {times}" for flag, times in sorted(found.flags.items()))
    for title, lines in (("fault", found.faults), ("remark", found.remarks)):
        yield from (f"{title}: {line}" for line in lines[:SHOWN_MAX])
        if len(lines) > SHOWN_MAX:
            yield f"and {len(lines) - SHOWN_MAX} more: --json tells all"
    yield "NOT checked, for it cannot be from here: whether others were shown another log, and what never arrived"


def _compare(arguments: argparse.Namespace) -> int:
    try:
        log = NoteVerifier(arguments.log)
    except ProofError as error:
        raise ConfigError(f"--log: {error}") from error
    files = [(str(path), _read(path, max(CONSISTENCY_MAX, ENVELOPE_MAX))) for path in arguments.files]
    found = compare(files, log)
    if arguments.json:
        print(json.dumps(found.plain()))
    else:
        print("\n".join(map(printable, _compared_lines(found))))
    return _CODES[found.verdict]


def _compared_lines(found: Comparison) -> Iterator[str]:
    if found.forks:
        yield "FORK: these files prove that the log showed two histories. Keep them, and show them to everybody."
    for fork in found.forks:
        one, other = fork.files
        yield f"of the leaves {fork.low} to {fork.high - 1}, these two tell differently: {one} and {other}"
    if found.verdict == "consistent":
        yield "consistent: all of it is of one log"
    if found.verdict == "undetermined":
        yield "undetermined: nothing here contradicts, and something is missing"
    for gap in found.gaps:
        yield f"missing: center log consistency --from {gap.old} --to {gap.new}"
    for name in found.unproven:
        yield f"{name}: its proof does not hold; ask for it again. If the centre has none, that is a fork"
    for name in found.silent:
        yield f"{name}: an acknowledgement; it says nothing about how the log stood"
    yield "heads: " + (", ".join(str(head.size) for head in found.heads) or "none")


def _bring(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    election = manifest.manifest
    lines = [_read(path, NOTE_MAX).decode("utf-8", "replace") for path in arguments.files]
    path = str(ledger_path(config))
    Ledger.open_to_read(path).close()  # it must be there already: nothing is to be made here
    identity = LedgerIdentity(election.election, election.round, manifest.log_verifier.name)
    ledger = Ledger.open(path, identity)
    try:
        for text in lines:
            size, names = bring(ledger, text, election.witness_policy, at=rfc3339.to_text(wall_ms()))
            print(f"{', '.join(names)} on the checkpoint over {size} leaves: taken in")
    finally:
        ledger.close()
    return OK


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        data = read_whole(path.resolve(), max_bytes)
    except UnreadableError as error:
        raise ProvingError(f"{path}: {error}") from error
    if data is None:
        raise ProvingError(f"{path}: there is no such file: check the path")
    return data
