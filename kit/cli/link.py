"""kitctl link: how the uplinks are, why one of them is preferred, and which one is to be."""

import argparse
import json
import re
import sys
from typing import Any, Final, NoReturn

from kit import exit_codes
from kit.cli.arguments import Parser, default_socket, language, program
from kit.cli.client import NoDaemonError, ask
from kit.cli.failing import fail
from kit.cli.link_words import LinkWords
from kit.cli.words import Words, printable

EXAMPLES: Final = """examples:
  kitctl link list                   all uplinks, the preferred one marked
  kitctl link show 4g                one of them: health, what its probes may still cost, its last trouble
  kitctl link test 4g                send one probe now and wait for its echo
  kitctl link history                the switches of the preferred uplink, each with its reason
  kitctl link use 4g --for 10m       prefer this one for ten minutes, wherever it works (s, m or h; 12h at most)
  kitctl link use auto               let the kit choose again
  kitctl link sim m1 2               have modem m1 change over to the SIM in its slot 2 (--anyway: even where its uplink
                                     is the only one that works)

A restart of kitd forgets what was chosen by hand: no test of a technician who left outlives it. Nothing chosen silences
the other uplinks: what is sealed goes out on every healthy one.

exit codes: 0 all is well, 1 something to look at (list: not all uplinks work; show: this one is on its way or suspect),
2 something is wrong (list: none works; show: it is down or has no path; test: no echo), 64 usage, 69 kitd does
not answer
"""
SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
FOR_MAX_S: Final = 12 * 3600
FOR_DEFAULT: Final = "10m"


def main(arguments: list[str]) -> NoReturn:
    """``kitctl link ...``: parse, run, leave with an exit code."""
    given = _parser().parse_args(arguments)
    say = LinkWords(given.lang)
    try:
        answer = ask(given.socket, _request(given))
    except NoDaemonError as error:
        sys.exit(fail(f"{Words(given.lang)('no daemon')} ({error})", exit_codes.UNAVAILABLE))
    if not answer["ok"]:
        sys.exit(fail(str(answer["error"]), int(answer.get("code", exit_codes.UNAVAILABLE))))
    if given.command in ("test", "use", "sim"):
        sys.exit(_done(given, answer, say))
    sys.exit(_shown(given, answer["status"]["links"], say))


def duration_s(text: str) -> int:
    """Seconds of ``90s``, ``10m`` or ``2h``; raises ArgumentTypeError for less than 1 s and more than 12 h."""
    match = re.fullmatch(r"([0-9]{1,5})([smh])", text)
    seconds = int(match[1]) * SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= FOR_MAX_S:
        raise argparse.ArgumentTypeError(f"{text!r}: give such as 90s, 10m or 2h, 12h at most")
    return seconds


def _parser() -> Parser:
    parser = program("kitctl link", __doc__, EXAMPLES)
    common = Parser(add_help=False)
    common.add_argument("--socket", default=default_socket(), metavar="PATH", help="control socket of kitd")
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", parents=[common], help="all uplinks")
    show = commands.add_parser("show", parents=[common], help="one uplink")
    show.add_argument("uplink", metavar="NAME", help="as the configuration names it")
    test = commands.add_parser("test", parents=[common], help="probe one uplink now")
    test.add_argument("uplink", metavar="NAME", help="as the configuration names it")
    commands.add_parser("history", parents=[common], help="switches of the preferred uplink, with reasons")
    sim = commands.add_parser("sim", parents=[common], help="have a modem change over to another of its SIMs")
    sim.add_argument("modem", metavar="MODEM", help="as [[modems]] names it")
    sim.add_argument("slot", type=int, metavar="SLOT", help="from 1")
    sim.add_argument("--anyway", action="store_true", help="even if that ends the only session there is")
    use = commands.add_parser("use", parents=[common], help="prefer one uplink for a while")
    use.add_argument("uplink", metavar="NAME|auto", help="auto: the kit chooses")
    use.add_argument(
        "--for",
        dest="for_s",
        type=duration_s,
        default=duration_s(FOR_DEFAULT),
        metavar="TIME",
        help=f"how long, such as 90s, 10m or 2h ({FOR_DEFAULT} if not given)",
    )
    return parser


def _request(given: argparse.Namespace) -> dict[str, Any]:
    match given.command:
        case "test":
            return {"op": "link-test", "uplink": given.uplink}
        case "sim":
            return {"op": "link-sim", "modem": given.modem, "slot": given.slot, "anyway": given.anyway}
        case "use" if given.uplink == "auto":
            return {"op": "link-use", "uplink": None}
        case "use":
            return {"op": "link-use", "uplink": given.uplink, "for_s": given.for_s}
        case _:
            return {"op": "status"}


def _done(given: argparse.Namespace, answer: dict[str, Any], say: LinkWords) -> int:
    failed = given.command == "test" and not answer["echoed"]
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif given.command == "test":
        print(say("silent" if failed else "echoed", **answer))
    elif given.command == "sim":
        print(printable(say.sims("changed" if answer["changed"] else "already", **answer)))
    else:
        answer["preferred"] = answer["preferred"] or say("nothing")
        print(say("auto" if answer["pinned"] is None else "used", for_s=given.for_s, **answer))
    return exit_codes.CRITICAL if failed else exit_codes.OK


def _shown(given: argparse.Namespace, links: dict[str, Any], say: LinkWords) -> int:
    value: Any
    if given.command == "show":
        named = {link["name"]: link for link in links["uplinks"]}
        if given.uplink not in named:
            return fail(say("no such", name=given.uplink, names=", ".join(named)), exit_codes.USAGE)
        value = named[given.uplink]
        lines, code = say.shown(value, links), _health_of(value)
    elif given.command == "list":
        value = {key: links[key] for key in links if key not in ("history", "unwritten")}
        lines, code = say.listed(links), _health(links["uplinks"])
    else:
        value = {key: links[key] for key in ("history", "unwritten")}
        lines, code = say.told(links), exit_codes.OK
    print(json.dumps(value, ensure_ascii=False) if given.json else "\n".join(lines))
    return code


def _health_of(link: dict[str, Any]) -> int:
    if link["usable"]:
        return exit_codes.OK
    return exit_codes.CRITICAL if link["state"] in ("down", "pathless") else exit_codes.WARNING


def _health(uplinks: list[dict[str, Any]]) -> int:
    usable = [link["usable"] for link in uplinks]
    if all(usable):
        return exit_codes.OK
    return exit_codes.WARNING if any(usable) else exit_codes.CRITICAL
