"""kitctl journal: the device's signed journal, verified, exported and proven; from the daemon, a folder, or a file."""

import argparse
import json
import sys
from getpass import getpass
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from crypto import key_file
from crypto.codec import b64, from_bytes, unb64
from crypto.envelope import Envelope
from crypto.errors import ProofError
from crypto.journal_note import JournalKey, JournalNote, add_official, check_certificate, name_of
from crypto.notes import text_of
from crypto.wire import ENVELOPE_MAX
from kit import config as configs
from kit import exit_codes
from kit.cli import journal_sources as sources
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.client import ask
from kit.cli.failing import fail
from kit.cli.journal_words import render, render_proof, words
from kit.cli.new_file import write_new
from kit.cli.outcome import outcome
from kit.cli.trust import trust_options, trusted_manifest
from kit.facts import CheckpointSigned, JournalKeyCertified
from kit.journal import proof as journal_proof
from kit.journal import report as journal_report
from kit.journal.journal import FACT_MAX, JournalError, read_fact
from kit.journal.report import Report

EXAMPLES: Final = """examples:
  kitctl journal verify --config /etc/branch-kit/kitd.toml            ask the running kit, and look at everything again
  kitctl journal verify --config kitd.toml --state-dir /mnt/state     the disk of a stopped kit
  kitctl journal verify --file branch-7.journal --manifest manifest.dsse.json --manifest-key KEY1 --manifest-key KEY2
  kitctl journal verify --config kitd.toml --file branch-7.journal --anchors public     against the published leaves
  kitctl journal export branch-7.journal                              one fact a line, for anybody's tools
  kitctl journal prove 17 --out fact-17                               fact-17.json and fact-17.tlog-proof
  kitctl journal check fact-17 --config kitd.toml                     what that proves
  kitctl journal certificate 2 --out segment-2.dsse                   the key that a flagged segment began with
  kitctl journal sign segment-2.dsse --key mine.key --out signed.dsse --config kitd.toml     one official, then another
  kitctl journal endorse both.dsse                                    hand it in, signed by two officials

exit codes: 0 all that is there holds, 1 so it does, with remarks (unsigned facts at the end, a lost key that two
officials vouch for), 2 a key was lost and nobody vouches for what follows, 64 usage, 65 facts, keys, anchors or
receipts contradict each other, 69 no journal there or no kitd, 73 a file cannot be written, 78 no good configuration
"""
_VERDICTS: Final = {
    "good": exit_codes.OK,
    "remarks": exit_codes.WARNING,
    "flagged": exit_codes.CRITICAL,
    "faults": exit_codes.DATA,
}


def main(arguments: list[str]) -> NoReturn:
    """``kitctl journal ...``: parse, run, leave with an exit code."""
    given = _parser().parse_args(arguments)
    commands = {
        "verify": _verify,
        "export": _export,
        "prove": _prove,
        "check": _check,
        "certificate": _certificate,
        "sign": _sign,
        "endorse": _endorse,
    }
    sys.exit(outcome(commands[given.command], given))


def _parser() -> Parser:
    parser = program("kitctl journal", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    source = Parser(add_help=False)
    where = source.add_mutually_exclusive_group()
    where.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="of a stopped kit, or a copy of its disk"
    )
    where.add_argument("--file", type=Path, metavar="EXPORT", help="what kitctl journal export wrote")
    source.add_argument("--socket", type=Path, metavar="PATH", help="control socket of kitd")
    trust = trust_options()
    spoken = Parser(add_help=False)
    spoken.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    said = Parser(add_help=False, parents=[spoken])
    said.add_argument("--json", action="store_true", help="print JSON")
    anchors = Parser(add_help=False)
    anchors.add_argument("--anchors", type=Path, metavar="DIR", help="the folder that center publish wrote")
    commands.add_parser("verify", parents=[source, trust, anchors, said], help="look at everything again")
    export = commands.add_parser("export", parents=[source, spoken], help="write all facts to a file")
    export.add_argument("out", type=Path, metavar="FILE", help="the new file")
    prove = commands.add_parser("prove", parents=[source], help="prove one fact under a signed checkpoint")
    prove.add_argument("number", type=int, metavar="N", help="number of the fact, from 1")
    prove.add_argument(
        "--out", type=Path, required=True, metavar="NAME", help="writes NAME.json and NAME.tlog-proof"
    )
    prove.add_argument(
        "--size", type=int, metavar="S", help="under the checkpoint over S facts; default: the newest"
    )
    check = commands.add_parser("check", parents=[trust, anchors, said], help="check such a proof")
    check.add_argument("proof", type=Path, metavar="NAME", help="reads NAME.json and NAME.tlog-proof")
    certificate = commands.add_parser(
        "certificate", parents=[source], help="write the certificate of a segment"
    )
    certificate.add_argument("segment", type=int, metavar="SEGMENT", help="its number")
    certificate.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new file")
    sign = commands.add_parser("sign", parents=[trust], help="add an official's signature to a certificate")
    sign.add_argument("certificate", type=Path, metavar="FILE", help="DSSE envelope")
    sign.add_argument(
        "--key", type=Path, required=True, metavar="KEY", help="the official's key file; its PIN is asked for"
    )
    sign.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new file")
    endorse = commands.add_parser(
        "endorse", parents=[said], help="hand in a certificate with officials' signatures"
    )
    endorse.add_argument("certificate", type=Path, metavar="FILE", help="DSSE envelope")
    endorse.add_argument("--socket", type=Path, metavar="PATH", help="control socket of kitd")
    return parser


# --- commands ---


def _verify(given: argparse.Namespace) -> int:
    trusted = trusted_manifest(given)
    bodies, seeds = _bodies(given)
    leaves = None if given.anchors is None else sources.published_leaves(given.anchors)
    report = journal_report.verify(bodies, trusted, leaves=leaves, seeds=seeds)
    if given.json:
        print(json.dumps(_plain(report), ensure_ascii=False))
    else:
        print(render(report, given.lang))
    return _VERDICTS[report.verdict]


def _export(given: argparse.Namespace) -> int:
    bodies, _ = _bodies(given)
    write_new(given.out, sources.to_export(bodies))
    print(words(given.lang)["exported"].format(out=given.out, facts=len(bodies)), file=sys.stderr)
    return exit_codes.OK


def _prove(given: argparse.Namespace) -> int:
    bodies, _ = _bodies(given)
    signed = [fact.note for body in bodies if isinstance(fact := read_fact(body), CheckpointSigned)]
    notes = {note: JournalNote.parse(text_of(note)).checkpoint.size for note in signed}
    fitting = [note for note, size in notes.items() if given.size in (None, size)]
    if not fitting:
        sizes = ", ".join(str(size) for size in list(notes.values())[-10:]) or "none"
        raise JournalError(
            f"no checkpoint is over {given.size or 'any'} facts; the last ones are over: {sizes}"
        )
    proof = journal_proof.make(bodies, given.number, fitting[-1])
    fact_file, proof_file = _proof_files(given.out)
    write_new(fact_file, bodies[given.number - 1])
    write_new(proof_file, proof.encode())
    print(f"{fact_file}\n{proof_file}")
    return exit_codes.OK


def _check(given: argparse.Namespace) -> int:
    trusted = trusted_manifest(given)
    fact_file, proof_file = _proof_files(given.proof)
    body, proof = sources.limited(fact_file, FACT_MAX), sources.limited(proof_file, journal_proof.PROOF_MAX)
    try:
        text = proof.decode()
    except UnicodeDecodeError as error:
        raise ProofError(f"{proof_file}: no text: {error}") from error
    proven = journal_proof.check(text, body, trusted)
    anchored = None
    if given.anchors is not None:
        leaves = sources.published_leaves(given.anchors)
        anchored = journal_report.anchored_by(leaves, proven.name, proven.note.checkpoint, trusted)
    checkpoint = proven.note.checkpoint
    shown: dict[str, Any] = {
        "origin": checkpoint.origin,
        "fact": proven.number,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "epoch": proven.note.epoch,
        "anchored_by_leaf": anchored,
    }
    print(
        json.dumps(shown) if given.json else render_proof(shown, given.lang, asked=given.anchors is not None)
    )
    return exit_codes.OK if anchored is not None or given.anchors is None else exit_codes.WARNING


def _certificate(given: argparse.Namespace) -> int:
    bodies, _ = _bodies(given)
    for body in bodies:
        fact = read_fact(body)
        if isinstance(fact, JournalKeyCertified):
            data = unb64(fact.certificate)
            if from_bytes(Envelope.from_bytes(data).payload, JournalKey).segment == given.segment:
                write_new(given.out, data)
                return exit_codes.OK
    raise JournalError(f"this journal has no segment {given.segment}")


def _sign(given: argparse.Namespace) -> int:
    trusted = trusted_manifest(given)
    data = sources.limited(given.certificate, ENVELOPE_MAX)
    key = from_bytes(Envelope.from_bytes(data).payload, JournalKey)
    name = name_of(key.election, key.round, key.branch, key.device, trusted)
    check_certificate(data, name, trusted)
    held = key_file.open_key(
        sources.limited(given.key, key_file.KEY_FILE_MAX),
        getpass(f"PIN of {given.key}: "),
        role="official",
        election=name.election,
        round_number=name.round,
    )
    write_new(given.out, add_official(data, held.signing, name, trusted))
    return exit_codes.OK


def _endorse(given: argparse.Namespace) -> int:
    data = sources.limited(given.certificate, ENVELOPE_MAX)
    answer = ask(_socket(given), {"op": "endorse", "envelope": b64(data)})
    if not answer.get("ok"):
        return fail(str(answer.get("error")), int(answer.get("code", exit_codes.UNAVAILABLE)))
    print(words(given.lang)["endorsed"].format(segment=answer["segment"]))
    return exit_codes.OK


# --- what they share ---


def _bodies(given: argparse.Namespace) -> tuple[list[bytes], dict[int, bytes] | None]:
    """The facts, and the seeds where a folder was named."""
    if given.file is not None:
        return sources.from_export(given.file), None
    if given.state_dir is not None:
        return sources.from_folder(given.state_dir)
    return sources.from_daemon(_socket(given)), None


def _socket(given: argparse.Namespace) -> Path:
    if given.socket is not None:
        return Path(given.socket)
    config = getattr(given, "config", None)
    return default_socket() if config is None else Path(configs.load(config).control_socket)


def _plain(report: Report) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(report)
    for segment in plain["segments"]:
        del segment["payload"]
    plain["name"] = None if report.name is None else report.name.origin
    return {"verdict": report.verdict, **plain}


def _proof_files(name: Path) -> tuple[Path, Path]:
    return name.with_name(name.name + ".json"), name.with_name(name.name + ".tlog-proof")
