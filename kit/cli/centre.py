"""kitctl command, manifest and messages: what the centre asks of the kit, and how to bring it by hand."""

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

from crypto.codec import b64, unb64
from crypto.errors import EncodingError
from crypto.wire import MANIFEST_MAX
from kit import exit_codes
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.centre_words import CentreWords, centre_lines
from kit.cli.client import NoDaemonError, ask
from kit.cli.failing import fail
from kit.cli.words import Words, printable
from kit.manifests.parts import PART_MAX

EXAMPLES: Final = """examples:
  kitctl messages                          what the centre wrote to this branch
  kitctl messages --json                   the same for machines
  kitctl command bring call.note           hand in a command that came by courier, as text or packed
  echo 'xQAHAGp...' | kitctl command bring -     the same in base64, as read off an SMS
  kitctl manifest bring manifest-2.dsse.json     hand in a newer manifest, before the polls begin

A command and a manifest are checked like one that came over the network; bring them as often as you like.
exit codes: 0 followed, known or shown, 1 not for this branch, or expired, 64 usage, 65 refused, 69 kitd does not answer
"""
COMMAND_FILE_MAX: Final = 64 * 1024  # bytes of a file or of standard input


def main(words: list[str]) -> NoReturn:
    """``kitctl command ...``, ``kitctl manifest ...``, ``kitctl messages``."""
    common = Parser(add_help=False)
    common.add_argument(
        "--socket", type=Path, default=default_socket(), metavar="PATH", help="control socket of kitd"
    )
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    parser = program("kitctl", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    commands.add_parser("messages", parents=[common], help="what the centre wrote")
    for what, words_ in (
        ("command", "a signed command: a note, packed, or base64 of that; - for standard input"),
        ("manifest", "a signed manifest that is newer than the present one"),
    ):
        actions = commands.add_parser(what, help=words_).add_subparsers(
            dest="action", required=True, metavar="ACTION"
        )
        bring = actions.add_parser("bring", parents=[common], help=words_)
        bring.add_argument("file", metavar="FILE", help=words_)
    given = parser.parse_args(words)
    try:
        sys.exit({"messages": _messages, "command": _command, "manifest": _manifest}[given.what](given))
    except NoDaemonError as error:
        sys.exit(fail(f"{Words(given.lang)('no daemon')} ({error})", exit_codes.UNAVAILABLE))
    except OSError as error:
        sys.exit(fail(f"{given.file}: {error}", exit_codes.USAGE))


def _messages(given: argparse.Namespace) -> int:
    say = CentreWords(given.lang)
    answer = ask(given.socket, {"op": "status"})
    if not answer["ok"]:
        return _refused(answer)
    centre: dict[str, Any] = answer["status"]["centre"]
    if given.json:
        print(json.dumps(centre, ensure_ascii=False))
        return exit_codes.OK
    lines = centre_lines(centre, say)
    print("\n".join(map(printable, lines)) if lines else say("no message"))
    return exit_codes.OK


def _command(given: argparse.Namespace) -> int:
    data = _read(given.file, COMMAND_FILE_MAX)
    with contextlib.suppress(UnicodeDecodeError, EncodingError):  # it may be a note, or packed
        data = unb64("".join(data.decode("ascii").split()))
    answer = ask(given.socket, {"op": "command", "envelope": b64(data)})
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    if not answer["ok"]:
        return _refused(answer)
    heard = answer["command"]
    if not given.json:
        say = CentreWords(given.lang)
        print(printable(f"{say(heard['kind'])} {heard['number']}: {say(heard['state'])}"))
        if heard["detail"]:
            print(printable(f"  {heard['detail']}"))
    return exit_codes.OK if heard["state"] in ("followed", "known") else exit_codes.WARNING


def _manifest(given: argparse.Namespace) -> int:
    data = _read(given.file, MANIFEST_MAX)
    answer: dict[str, Any] = {"ok": False, "error": f"{given.file}: empty", "code": exit_codes.DATA}
    for offset in range(0, len(data), PART_MAX):
        part = b64(data[offset : offset + PART_MAX])
        answer = ask(given.socket, {"op": "manifest", "envelope": part, "offset": offset, "total": len(data)})
        if not answer["ok"]:
            break
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    if not answer["ok"]:
        return _refused(answer)
    if not given.json:
        print(f"{CentreWords(given.lang)('manifest adopted')}: {answer['manifest']}")
    return exit_codes.OK


def _refused(answer: dict[str, Any]) -> int:
    return fail(printable(str(answer["error"])), int(answer.get("code", exit_codes.UNAVAILABLE)))


def _read(name: str, most: int) -> bytes:
    """A file, or standard input; raises OSError."""
    if name == "-":
        data = sys.stdin.buffer.read(most + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(most + 1)
    if len(data) > most:
        sys.exit(fail(f"{name}: longer than {most} bytes: not the right file", exit_codes.DATA))
    return data
