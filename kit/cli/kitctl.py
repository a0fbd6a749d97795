"""kitctl: what the technician asks the kit, over its Unix socket. Imports little, so that it answers at once."""

import argparse
import importlib
import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from crypto.wire import ENVELOPE_MAX
from kit import exit_codes
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.client import NoDaemonError, ask
from kit.cli.ladder_words import must_be_carried
from kit.cli.order_words import answer_in_words
from kit.cli.tape_words import look_at_printer
from kit.cli.words import Words, printable, render

EXAMPLES: Final = """examples:
  kitctl status                      how the branch is doing (Persian where the locale is fa_IR)
  kitctl status --json               the same for machines
  kitctl status --lang en            in English
  kitctl readiness                   run the check list of the morning
  kitctl order sign --help           write, sign and hand in an official's order
  kitctl order open-executive.dsse   hand in one official's signed order
  kitctl schedule change.dsse.json   hand in a schedule change of the centre
  kitctl courier --help              what is not delivered, on removable media or as QR codes
  kitctl media --help                write released evidence to removable media
  kitctl journal --help              verify, export and prove the signed journal
  kitctl receipt --help              show, export, check and compare receipts
  kitctl link --help                 the uplinks: how they are, why one is preferred, test and choose
  kitctl tape --help                 read a tally tape's codes back
  kitctl messages                    what the centre wrote to this branch
  kitctl command bring call.note     hand in a command of the centre; kitctl manifest bring: a newer manifest

exit codes: 0 all is well, 1 something to look at, 2 something is wrong (also: refused readiness is 69, a forbidden
order 77, unreadable order 65), 64 usage, 69 kitd does not answer
"""
_APART: Final = {
    ("journal",): "kit.cli.journal",
    ("receipt",): "kit.cli.receipts",
    ("media",): "kit.cli.media",
    ("courier",): "kit.cli.courier",
    ("link",): "kit.cli.link",
    ("tape",): "kit.cli.tape",
    ("command",): "kit.cli.centre",
    ("manifest",): "kit.cli.centre",
    ("messages",): "kit.cli.centre",
    ("order", "sign"): "kit.cli.order_sign",
}
"""What imports much more than the others need, by the words that it begins with."""


def main() -> None:
    """Entry point."""
    parser = program("kitctl", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = Parser(add_help=False)
    common.add_argument(
        "--socket", type=Path, default=default_socket(), metavar="PATH", help="control socket of kitd"
    )
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    commands.add_parser("status", parents=[common], help="how the branch is doing")
    commands.add_parser("readiness", parents=[common], help="run the readiness check list")
    order = commands.add_parser(
        "order", parents=[common], help="hand in a signed order; order sign: make one"
    )
    order.add_argument("file", type=Path, help="DSSE envelope with one official's signature")
    schedule = commands.add_parser(
        "schedule", parents=[common], help="hand in a schedule change of the centre"
    )
    schedule.add_argument("file", type=Path, help="DSSE envelope that two commissioners signed")
    commands.add_parser("courier", add_help=False, help="what is not delivered, on media or as QR codes")
    commands.add_parser("media", add_help=False, help="write released evidence to removable media")
    commands.add_parser("journal", add_help=False, help="verify, export and prove the signed journal")
    commands.add_parser("receipt", add_help=False, help="show, export, check and compare receipts")
    commands.add_parser("link", add_help=False, help="the uplinks: health, reasons, tests, choice by hand")
    commands.add_parser("messages", add_help=False, help="what the centre wrote to this branch")
    commands.add_parser("command", add_help=False, help="hand in a command of the centre")
    commands.add_parser("manifest", add_help=False, help="hand in a newer manifest")
    commands.add_parser("tape", add_help=False, help="read a tally tape's codes back")
    for words, module in _APART.items():
        if tuple(sys.argv[1 : 1 + len(words)]) == words:
            # One module serves three words: it is told which.
            given = 1 if module == "kit.cli.centre" else 1 + len(words)
            importlib.import_module(module).main(sys.argv[given:])
    arguments = parser.parse_args()
    sys.exit(_run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    say = Words(arguments.lang)
    request: dict[str, Any] = {"op": arguments.command}
    try:
        if arguments.command in ("order", "schedule"):
            request["envelope"] = b64encode(_read(arguments.file)).decode()
        answer = ask(arguments.socket, request)
    except NoDaemonError as error:
        print(f"kitctl: {say('no daemon')} ({error})", file=sys.stderr)
        return exit_codes.UNAVAILABLE
    except OSError as error:
        print(f"kitctl: {arguments.file}: {error}", file=sys.stderr)
        return exit_codes.USAGE
    if arguments.json:
        print(json.dumps(answer.get("status", answer), ensure_ascii=False))
    elif "status" in answer:
        print(render(answer["status"], say))
    else:
        _print_answer(answer, arguments.lang)
    if not answer["ok"]:
        return int(answer.get("code", exit_codes.UNAVAILABLE))
    return _health(answer["status"]) if "status" in answer else exit_codes.OK


def _read(path: Path) -> bytes:
    """An order; what no order can be is refused here, where the file's name is known."""
    with path.open("rb") as file:
        data = file.read(ENVELOPE_MAX + 1)
    if len(data) > ENVELOPE_MAX:
        print(f"kitctl: {path}: larger than any order or act ({ENVELOPE_MAX} bytes)", file=sys.stderr)
        sys.exit(exit_codes.DATA)
    return data


def _print_answer(answer: dict[str, Any], lang: str) -> None:
    for item in answer.get("items", []):
        print(printable(f"{'ok ' if item['ok'] else 'NO '} {item['name']}: {item['detail']}"))
    if not answer["ok"]:
        print(printable(f"kitctl: {answer['error']}"), file=sys.stderr)
    elif "accepted" in answer or "followed" in answer:
        print(answer_in_words(answer, lang))


def _health(status: dict[str, Any]) -> int:
    """0, 1 or 2 as monitoring plugins do."""
    power, uplinks = status["power"], status["uplinks"]
    if power["state"] == "low" or (uplinks["critical"] and not uplinks["usable"]):
        return exit_codes.CRITICAL
    look_at = (
        any(t["part"] == "active" and not t["connected"] for t in status["terminals"]),
        any(t.get("cover_open") or t.get("tampered") for t in status["terminals"]),
        any(finding["grade"] == "alarm" for finding in status["findings"]),
        power["ups"] and (power["state"] != "mains" or power.get("ups_lies")),
        look_at_printer(status.get("printer")),
        must_be_carried(status.get("ladder")),
        not uplinks["usable"],
        bool(status.get("journal_segments_flagged")),
        any(status.get("centre", {}).get("clock", {}).values()),
        bool(status.get("centre", {}).get("manifest_announced")),
        any(state != "ok" for state in _device_states(status.get("devices", {}))),
    )
    return exit_codes.WARNING if any(look_at) else exit_codes.OK


def _device_states(devices: dict[str, Any]) -> list[str]:
    fibre = [devices["fibre"]] if devices.get("fibre") else []
    return [device["state"] for device in (*devices.get("modems", ()), *fibre)]


if __name__ == "__main__":
    main()
