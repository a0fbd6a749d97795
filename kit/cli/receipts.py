"""kitctl receipt: what the branch holds in hand, to show, to check without anybody's help, and to compare."""

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from crypto import canonical, receipt
from crypto.codec import b64, unb64
from crypto.consistency import CONSISTENCY_MAX
from crypto.errors import EncodingError
from crypto.wire import ENVELOPE_MAX, RECEIPT_MAX
from kit import exit_codes
from kit.cli import journal_sources as sources
from kit.cli import receipt_checks
from kit.cli import receipt_codes as codes
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.client import ask
from kit.cli.failing import fail
from kit.cli.new_file import write_new
from kit.cli.outcome import outcome
from kit.cli.receipt_words import ReceiptWords
from kit.cli.trust import trust_options
from kit.facts import EnvelopeSealed, ReceiptStored
from kit.journal.journal import FACT_MAX, JournalError

EXAMPLES: Final = """examples:
  kitctl receipt list                                            what was sealed, and how far it has come
  kitctl receipt show 2                                          the receipt of envelope 2
  kitctl receipt export 2 --out tally.receipt                    as a file, for the candidates' agents
  kitctl receipt export 2 --envelope tally.dsse.json --qr tally.png     its envelope, and a code to photograph
  kitctl receipt export 2 --terminal                             the code on this terminal
  kitctl receipt check tally.receipt --envelope tally.dsse.json --config kitd.toml     anywhere, without a network
  kitctl receipt compare ours theirs --log "$(cat log.vkey)"     did the centre show us the same log?
  kitctl receipt join photo-1.txt photo-2.txt --out tally.receipt       what came off several codes
  kitctl receipt bring tally.receipt                             hand the kit a receipt that came by courier or SMS

exit codes: 0 delivered, checked, consistent, 1 not delivered yet or undetermined, 2 a fork: the centre showed two logs,
64 usage, 65 not a receipt, or one of something else, 69 no such receipt or no kitd, 73 cannot write, 78 configuration
"""
COMPARED_MAX: Final = max(CONSISTENCY_MAX, ENVELOPE_MAX)  # bytes of one file to compare


class NoReceiptError(sources.SourceError):
    """What was asked for is not there; the message says what is."""


def main(arguments: list[str]) -> NoReturn:
    """``kitctl receipt ...``: parse, run, leave with an exit code."""
    given = _parser().parse_args(arguments)
    commands = {
        "list": _list,
        "show": _show,
        "export": _export,
        "check": receipt_checks.check,
        "compare": receipt_checks.compare,
        "join": receipt_checks.join,
        "bring": _bring,
    }
    sys.exit(outcome(commands[given.command], given))


def _parser() -> Parser:
    parser = program("kitctl receipt", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    said = Parser(add_help=False)
    said.add_argument("--json", action="store_true", help="print JSON")
    said.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    asked = Parser(add_help=False)
    asked.add_argument(
        "--socket", type=Path, default=default_socket(), metavar="PATH", help="control socket of kitd"
    )
    kit = Parser(add_help=False, parents=[asked])
    kit.add_argument("--state-dir", type=Path, metavar="DIR", help="of a stopped kit, instead of asking kitd")
    trust = trust_options()
    number = Parser(add_help=False)
    number.add_argument("number", type=int, metavar="N", help="number of the envelope, as list shows it")
    commands.add_parser("list", parents=[kit, said], help="every envelope, and its best receipt")
    commands.add_parser("show", parents=[number, kit, said], help="one receipt, and what it says")
    export = commands.add_parser(
        "export", parents=[number, kit, said], help="as a file, a picture, a drawing"
    )
    export.add_argument("--out", type=Path, metavar="FILE", help="the receipt, as a new file")
    export.add_argument(
        "--envelope", type=Path, metavar="FILE", help="the envelope that it is for, as a new file"
    )
    export.add_argument(
        "--qr", type=Path, metavar="FILE", help="a new .png or .svg; several codes are numbered"
    )
    export.add_argument("--terminal", action="store_true", help="draw the code here")
    check = commands.add_parser("check", parents=[trust, said], help="check one, without a network")
    check.add_argument("file", type=Path, metavar="FILE", help="the receipt, as text or packed")
    check.add_argument(
        "--envelope", type=Path, required=True, metavar="FILE", help="the envelope that was sent"
    )
    compare = commands.add_parser(
        "compare", parents=[trust, said], help="has the centre shown one log to all?"
    )
    compare.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="receipts, checkpoints, consistency proofs, and envelopes of the receipts",
    )
    compare.add_argument("--log", metavar="VKEY", help="the log's verifier key, instead of a manifest")
    join = commands.add_parser("join", help="put together what came off several codes")
    join.add_argument("files", nargs="+", type=Path, metavar="PART", help="the text of one code each")
    join.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new file")
    bring = commands.add_parser("bring", parents=[asked, said], help="hand the kit a receipt")
    bring.add_argument("file", type=Path, metavar="FILE", help="the receipt, as text or packed")
    return parser


# --- what the kit holds ---


@dataclass(slots=True)
class Held:
    """One envelope of the journal, and its best receipt."""

    sealed: EnvelopeSealed
    best: ReceiptStored | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """What it is, as plain JSON."""
        best = self.best
        return {
            "seq": self.sealed.seq,
            "kind": self.sealed.kind,
            "terminal": self.sealed.terminal,
            "envelope_sha256": self.sealed.sha256,
            "grade": None if best is None else best.grade,
            "delivered": best is not None and best.delivered,
            "index": None if best is None else best.index,
            "uplink": None if best is None else best.uplink,
            "at": None if best is None else best.at,
        }


def _held(given: argparse.Namespace) -> dict[int, Held]:
    bodies = (
        sources.from_daemon(given.socket)
        if given.state_dir is None
        else sources.from_folder(given.state_dir)[0]
    )
    held: dict[int, Held] = {}
    for body in bodies:
        try:
            fact = msgspec.convert(_of_interest(body), type=EnvelopeSealed | ReceiptStored | None)
        except (msgspec.ValidationError, EncodingError) as error:
            raise JournalError(f"a fact cannot be read ({error}): look with kitctl journal verify") from error
        if isinstance(fact, EnvelopeSealed):
            held[fact.seq] = Held(fact)
        elif fact is not None and fact.seq in held:
            best = held[fact.seq].best
            if best is None or _rank(fact) > _rank(best):
                held[fact.seq].best = fact
    return held


def _of_interest(body: bytes) -> Any:
    value = canonical.decode(body, max_bytes=FACT_MAX)
    tags = ("envelope-sealed", "receipt-stored")
    return value if isinstance(value, dict) and value.get("fact") in tags else None


def _rank(fact: ReceiptStored) -> int:
    return receipt.GRADES.index(fact.grade)


def _one(given: argparse.Namespace) -> tuple[Held, ReceiptStored]:
    held = _held(given)
    if given.number not in held:
        numbers = ", ".join(map(str, held)) or "none"
        raise NoReceiptError(f"there is no envelope {given.number}; those that there are: {numbers}")
    one = held[given.number]
    if one.best is None:
        raise NoReceiptError(f"envelope {given.number} has no receipt yet: see kitctl status")
    return one, one.best


def _list(given: argparse.Namespace) -> int:
    say, held = ReceiptWords(given.lang), _held(given)
    if given.json:
        print(json.dumps([one.plain for one in held.values()]))
    for one in [] if given.json else held.values():
        line = f"#{one.sealed.seq} {say(one.sealed.kind)} {one.sealed.terminal}: "
        best = one.best
        line += say("none") if best is None else say(best.grade)
        if best is not None:
            leaf = "" if best.index is None else f"{say('leaf')} {best.index}, "
            line += f" ({leaf}{say('uplink')} {best.uplink}, {best.at})"
        print(line)
    if not held and not given.json:
        print(say("nothing sealed"))
    delivered = held and all(one.best is not None and one.best.delivered for one in held.values())
    return exit_codes.OK if delivered else exit_codes.WARNING


def _show(given: argparse.Namespace) -> int:
    say, (one, best) = ReceiptWords(given.lang), _one(given)
    if given.json:
        print(json.dumps(one.plain | {"receipt": best.receipt}))
    else:
        print(f"#{one.sealed.seq} {say(one.sealed.kind)} {one.sealed.terminal}: {say(best.grade)}")
        print(say("delivered" if best.delivered else "waiting"))
        print(f"{say('envelope')} {one.sealed.sha256}\n")
        print(best.receipt, end="")
    return exit_codes.OK if best.delivered else exit_codes.WARNING


def _export(given: argparse.Namespace) -> int:
    say, (one, best) = ReceiptWords(given.lang), _one(given)
    text = best.receipt.encode()
    if not (given.out or given.envelope or given.qr or given.terminal):
        return fail("say how: --out, --envelope, --qr or --terminal", exit_codes.USAGE)
    files = [] if given.out is None else [(given.out, text)]
    if given.envelope is not None:
        files.append((given.envelope, unb64(one.sealed.envelope)))
    files += [] if given.qr is None else codes.pictures(text, given.qr)
    for path, data in files:
        write_new(path, data)
        print(f"{say('written')}: {path}")
    if given.terminal:
        _draw(text, say)
    return exit_codes.OK


def _draw(text: bytes, say: ReceiptWords) -> None:
    """One code after the other; a person at a terminal says when the next may come."""
    watched = sys.stdout.isatty()
    drawings = codes.drawings(text, shutil.get_terminal_size().columns, colours=watched)
    for number, drawing in enumerate(drawings, 1):
        print(drawing)
        print(say("photograph") + (f" ({say('part')} {number}/{len(drawings)})" if len(drawings) > 1 else ""))
        if number < len(drawings) and watched and sys.stdin.isatty():
            input(say("next"))
    if len(drawings) > 1:
        print(say("join"))


def _bring(given: argparse.Namespace) -> int:
    say, data = ReceiptWords(given.lang), sources.limited(given.file, RECEIPT_MAX)
    answer = ask(given.socket, {"op": "receipt", "envelope": b64(data)})
    if given.json:
        print(json.dumps(answer))
    if not answer.get("ok"):
        return fail(f"{given.file}: {answer.get('error')}", int(answer.get("code", exit_codes.UNAVAILABLE)))
    if not given.json:
        grade = answer["grade"]
        print(
            say("brought for nothing")
            if grade is None
            else f"#{answer['seq']} {say(grade)}; {say('brought')}"
        )
    return exit_codes.OK
