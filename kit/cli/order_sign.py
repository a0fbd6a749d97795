"""kitctl order sign: an official writes an order for the branch as it stands now, signs it and hands it in."""

import argparse
import sys
from base64 import b64encode
from getpass import getpass
from pathlib import Path
from typing import Any, Final, NoReturn, get_args

import msgspec

from crypto import codec
from crypto.errors import EvidenceError
from crypto.orders import check_parts
from crypto.statements import Order, OrderKind, Schedule
from crypto.wire import TYPE_ORDER
from kit import exit_codes
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.client import NoDaemonError, ask
from kit.cli.failing import fail
from kit.cli.new_file import write_new
from kit.cli.official import KeyFileSigner, OfficialSigner
from kit.cli.order_words import answer_in_words, order_in_words, phrase
from kit.cli.words import Words

EXAMPLES: Final = """examples:
  kitctl order sign open --key mine.key
  kitctl order sign account --key mine.key --voters president:1=814 council:1=810
  kitctl order sign extend --key mine.key --schedule close=2027-06-18T18:30:00Z tally=2027-06-18T18:30:00Z
  kitctl order sign replace-terminal --key mine.key --terminal t-7 --standby t-7-spare --reason "its screen is broken"
  kitctl order sign reissue --key mine.key --reason "the kit burnt"      on the standby kit that takes over
  kitctl order sign close --key mine.key --out close.dsse                sign only; hand it in later

Both officials give the same words and numbers: what they sign must be the same to the last byte.

exit codes: 0 taken, 64 usage, 65 no good key file, PIN or order, 69 kitd does not answer, 73 --out cannot be written,
77 the order is forbidden now
"""
_SUFFIX: Final = "_not_before"
PIN_MAX: Final = 1024  # characters read from standard input


class _UsageError(Exception):
    """What was typed makes no order; the message says what to type."""


def main(arguments: list[str]) -> NoReturn:
    """``kitctl order sign ...``: parse, run, leave with an exit code."""
    given = _parser().parse_args(arguments)
    try:
        code = _run(given)
    except NoDaemonError as error:
        code = fail(f"{Words(given.lang)('no daemon')} ({error})", exit_codes.UNAVAILABLE)
    except _UsageError as error:
        code = fail(str(error), exit_codes.USAGE)
    except (EvidenceError, EOFError) as error:
        code = fail(str(error) or "no PIN was given", exit_codes.DATA)
    sys.exit(code)


def _parser() -> Parser:
    parser = program("kitctl order sign", __doc__, EXAMPLES)
    parser.add_argument(
        "kind", choices=get_args(OrderKind), metavar="KIND", help=", ".join(get_args(OrderKind))
    )
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the official's key file")
    parser.add_argument(
        "--voters",
        nargs="+",
        default=[],
        metavar="CONTEST=N",
        help="account: voters who signed the poll book",
    )
    parser.add_argument(
        "--schedule",
        nargs="+",
        default=[],
        metavar="NAME=TIME",
        help="extend: open, close, tally, opening; what is not named stays",
    )
    parser.add_argument("--terminal", metavar="ID", help="replace-terminal: the one that is out of order")
    parser.add_argument("--standby", metavar="ID", help="replace-terminal: what takes its place, if anything")
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why: reopen, replace-terminal, reissue need it"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the signed order instead of handing it in"
    )
    parser.add_argument("--pin-stdin", action="store_true", help="read the PIN from standard input")
    parser.add_argument("--socket", type=Path, default=default_socket(), metavar="PATH", help="of kitd")
    parser.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    return parser


def _run(given: argparse.Namespace) -> int:
    status = ask(given.socket, {"op": "status"})["status"]
    order = _order(given, status)
    check_parts(order)
    payload = codec.to_bytes(order)
    codec.from_bytes(payload, Order)  # what nobody could read, nobody signs
    print(order_in_words(order, given.lang), file=sys.stderr)
    signer = _signer(given, status)
    data = signer.sign(TYPE_ORDER, payload).to_bytes()
    if given.out is not None:
        return _write(given, data, signer.official)
    answer = ask(given.socket, {"op": "order", "envelope": b64encode(data).decode()})
    if not answer["ok"]:
        return fail(str(answer["error"]), int(answer.get("code", exit_codes.UNAVAILABLE)))
    print(answer_in_words(answer, given.lang))
    return exit_codes.OK


def _signer(given: argparse.Namespace, status: dict[str, Any]) -> OfficialSigner:
    def pin(official: str) -> str:
        if given.pin_stdin:
            return sys.stdin.readline(PIN_MAX).rstrip("\n")
        return getpass(phrase("pin", given.lang, official=official))

    try:
        return KeyFileSigner.unlock(given.key, pin, election=status["election"], round_number=status["round"])
    except OSError as error:
        raise _UsageError(f"{given.key}: {error}") from error


def _order(given: argparse.Namespace, status: dict[str, Any]) -> Order:
    standby = given.standby
    if given.kind == "reissue" and standby is None:
        standby = status["standby"]
    return Order(
        election=status["election"],
        round=status["round"],
        manifest_sha256=status["manifest_sha256"],
        branch=status["branch"],
        device=status["standby"],
        kind=given.kind,
        serial=status["next_order"],
        voters_signed_in=_voters(given.voters, status["contests"]),
        schedule=_schedule(given.schedule, status["schedule"]),
        terminal=given.terminal,
        standby=standby,
        reason=given.reason,
    )


def _voters(pairs: list[str], contests: list[str]) -> dict[str, int]:
    voters: dict[str, int] = {}
    for contest, number in _pairs(pairs):
        if contest not in contests:
            raise _UsageError(f"--voters {contest}: the branch counts {', '.join(contests)}")
        if not (number.isascii() and number.isdigit()):
            raise _UsageError(f"--voters {contest}={number}: give a whole number")
        voters[contest] = int(number)
    return voters


def _schedule(pairs: list[str], present: dict[str, str]) -> Schedule | None:
    if not pairs:
        return None
    times = dict(present)
    for name, time in _pairs(pairs):
        field = name if name.endswith(_SUFFIX) else name + _SUFFIX
        if field not in present:
            names = ", ".join(one.removesuffix(_SUFFIX) for one in present)
            raise _UsageError(f"--schedule {name}: the times are called {names}")
        times[field] = time
    try:
        return msgspec.convert(times, Schedule)
    except msgspec.ValidationError as error:
        raise _UsageError(f"--schedule: {error}; write times in UTC like 2027-06-18T18:30:00Z") from error


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, separator, value in (text.partition("=") for text in texts) if separator]
    if len(pairs) != len(texts) or len({name for name, _ in pairs}) != len(pairs):
        raise _UsageError("write NAME=VALUE, each name once")
    return pairs


def _write(given: argparse.Namespace, data: bytes, official: str) -> int:
    try:
        write_new(given.out, data)
    except OSError as error:
        return fail(f"{given.out}: cannot be written ({error})", exit_codes.CANNOT_CREATE)
    print(phrase("written", given.lang, path=given.out, official=official))
    return exit_codes.OK
