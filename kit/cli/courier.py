"""kitctl courier: sealed envelopes on removable media, or as QR codes on the screen, in files, on the tape."""

import argparse
import contextlib
import json
import shutil
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any, Final, NoReturn

from crypto.errors import EvidenceError
from crypto.tape_code import CODE_CHARS_MAX
from kit import exit_codes
from kit.cli import courier_codes as codes
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.client import NoDaemonError, ask
from kit.cli.courier_words import CourierWords
from kit.cli.failing import fail
from kit.cli.medium import MediumError, put, stem
from kit.cli.words import Words, printable
from kit.courier import texts_of

EXAMPLES: Final = """examples:
  kitctl order sign release-media --key mine.key     two officials first: each release covers what is sealed then
  kitctl courier export /media/courier               everything released that is not delivered, and a signed list of it
  kitctl courier show                                the same as QR codes on this terminal, to be photographed
  kitctl courier show 2                              envelope 2 alone
  kitctl courier pictures /media/courier --format svg     the codes as files
  kitctl courier print                               the codes on the kit's printer
  center import /media/courier                       at the centre: folders, files and photographs, in any order

exit codes: 0 done, and nothing is left out (or nothing waits for a courier), 1 done, and something that is not released
was left out, 64 usage, 65 the medium gives other bytes back, 69 kitd does not answer or has no printer, 73 cannot be
written: take another medium, the kit keeps everything, 77 nothing is released
"""


class NoSuchEnvelopeError(Exception):
    """An envelope was named that is not among those for the courier."""


def main(arguments: list[str]) -> NoReturn:
    """``kitctl courier ...``: parse, run, leave with an exit code."""
    given = _parser().parse_args(arguments)
    say = CourierWords(given.lang)
    try:
        code = _print(given, say) if given.command == "print" else _packed(given, say)
    except NoDaemonError as error:
        code = fail(f"{Words(given.lang)('no daemon')} ({error})", exit_codes.UNAVAILABLE)
    except (MediumError, EvidenceError) as error:
        code = fail(str(error), exit_codes.DATA)
    except NoSuchEnvelopeError as error:
        code = fail(str(error), exit_codes.USAGE)
    except OSError as error:
        code = fail(say("medium", error=error), exit_codes.CANNOT_CREATE)
    sys.exit(code)


def _parser() -> Parser:
    parser = program("kitctl courier", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = Parser(add_help=False)
    common.add_argument("--socket", type=Path, default=default_socket(), metavar="PATH", help="of kitd")
    common.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    common.add_argument("--json", action="store_true", help="print JSON: what was done")
    folder = Parser(add_help=False)
    folder.add_argument("folder", type=Path, metavar="DIR", help="an existing folder, on the medium")
    numbers = Parser(add_help=False)
    numbers.add_argument(
        "numbers",
        nargs="*",
        type=int,
        metavar="N",
        help="of envelopes, as kitctl receipt list shows; else all",
    )
    commands.add_parser("export", parents=[folder, common], help="write a signed bundle to a folder")
    commands.add_parser("show", parents=[numbers, common], help="as QR codes on this terminal")
    pictures = commands.add_parser("pictures", parents=[folder, numbers, common], help="as QR codes in files")
    pictures.add_argument("--format", choices=("png", "svg"), default="png", help="of the files; default png")
    commands.add_parser("print", parents=[numbers, common], help="as QR codes on the kit's printer")
    return parser


def _print(given: argparse.Namespace, say: CourierWords) -> int:
    answer = ask(given.socket, {"op": "courier", "print": given.numbers})
    if not answer["ok"]:
        return _refused(answer)
    print(json.dumps(answer) if given.json else say("printing", seqs=_listed(answer["printing"])))
    return exit_codes.OK


def _packed(given: argparse.Namespace, say: CourierWords) -> int:
    answer = ask(given.socket, {"op": "courier"})
    if not answer["ok"]:
        return _refused(answer)
    packed = answer["courier"]
    items, done = _chosen(packed, getattr(given, "numbers", [])), []
    if items:
        done = {"export": _export, "show": _show, "pictures": _pictures}[given.command](
            given, say, packed, items
        )
    if given.json:
        print(
            json.dumps(
                {
                    "envelopes": [item["seq"] for item in items],
                    "codes" if given.command == "show" else "files": done,
                    "left_out": packed["unreleased"],
                }
            )
        )
    elif not items and not packed["unreleased"]:
        print(say("nothing"))
    if packed["unreleased"]:
        print(say("unreleased", seqs=_listed(packed["unreleased"])), file=sys.stderr)
        return exit_codes.WARNING
    return exit_codes.OK


def _refused(answer: dict[str, Any]) -> int:
    return fail(str(answer["error"]), int(answer.get("code", exit_codes.UNAVAILABLE)))


def _chosen(packed: dict[str, Any], numbers: list[int]) -> list[dict[str, Any]]:
    by_number = {item["seq"]: item for item in packed["envelopes"]}
    for number in numbers:
        if number not in by_number:
            raise NoSuchEnvelopeError(
                f"envelope {number} is not released, or delivered already; those for the courier: "
                f"{_listed(list(by_number)) or 'none'}"
            )
    return [by_number[number] for number in numbers or by_number]


def _listed(seqs: list[int]) -> str:
    return ", ".join(map(str, seqs))


def _export(
    given: argparse.Namespace, say: CourierWords, packed: dict[str, Any], items: list[dict[str, Any]]
) -> list[str]:
    """Envelopes as JSON and as compact carriers; the signed list comes last: where it is, everything is."""
    name_of_kit = stem(packed["branch"], packed["device"])
    files: dict[str, bytes] = {}
    for item in items:
        files[f"{name_of_kit}-{item['seq']}.dsse.json"] = b64decode(item["envelope"])
        if item["compact"] is not None:
            files[f"{name_of_kit}-{item['seq']}.compact"] = b64decode(item["compact"])
    files[f"{name_of_kit}-bundle.json"] = b64decode(packed["bundle"])
    for name, data in files.items():
        put(given.folder / name, data, replace=name.endswith("-bundle.json"))
    if not given.json:
        for item in items:
            print(
                printable(say("carries", seq=item["seq"], kind=say(item["kind"]), terminal=item["terminal"]))
            )
        print(say("written", files=len(files), folder=given.folder))
    return list(files)


def _pictures(
    given: argparse.Namespace, say: CourierWords, packed: dict[str, Any], items: list[dict[str, Any]]
) -> list[str]:
    name_of_kit = stem(packed["branch"], packed["device"])
    files: dict[str, bytes] = {}
    for item in items:
        texts = texts_of(item, CODE_CHARS_MAX)
        for number, text in enumerate(texts, 1):
            name = f"{name_of_kit}-{item['seq']}-code-{number}-of-{len(texts)}.{given.format}"
            files[name] = codes.picture(text, given.format)
    for name, data in files.items():
        put(given.folder / name, data, replace=True)
    if not given.json:
        print(say("written", files=len(files), folder=given.folder))
    return list(files)


def _show(
    given: argparse.Namespace, say: CourierWords, _: dict[str, Any], items: list[dict[str, Any]]
) -> list[str]:
    """One code after the other; a person at a terminal says when the next may come."""
    if given.json:
        return [text for item in items for text in texts_of(item)]
    watched = sys.stdout.isatty()
    size = shutil.get_terminal_size()
    chars = codes.chars_fitting(size.columns, size.lines)
    pages = [
        (item, number, text, len(texts))
        for item in items
        for texts in [texts_of(item, chars)]
        for number, text in enumerate(texts, 1)
    ]
    for at, (item, number, text, count) in enumerate(pages, 1):
        print(codes.drawing(text, colours=watched))
        facts = {"seq": item["seq"], "kind": say(item["kind"]), "terminal": item["terminal"]}
        what = say("part", number=number, count=count, **facts)
        print(printable(f"{what}; {say('photograph')}"))
        if at < len(pages) and watched and sys.stdin.isatty():
            with contextlib.suppress(EOFError):
                input(say("next"))
    print(say("order"))
    return []
