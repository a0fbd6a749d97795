"""kitctl media: sealed envelopes and receipts onto removable media, written, synced, read back and compared."""

import json
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn

from kit import exit_codes
from kit.cli.arguments import default_socket, language, program
from kit.cli.client import NoDaemonError, ask
from kit.cli.failing import fail
from kit.cli.medium import MediumError, put, stem
from kit.cli.order_words import phrase
from kit.cli.words import Words

EXAMPLES: Final = """examples:
  kitctl order sign release-media --key mine.key    two officials first: each release covers what is sealed then
  kitctl media export /media/courier                envelopes, receipts and an index
  center submit /media/courier/*.dsse.json          at the centre, when the courier is there

exit codes: 0 written and compared, 64 usage, 65 the medium gives other bytes back, 69 kitd does not answer, 73 cannot
be written, 77 nothing is released
"""
ENVELOPE_SUFFIX: Final = ".dsse.json"


def main(arguments: list[str]) -> NoReturn:
    """``kitctl media export DIR``: parse, run, leave with an exit code."""
    parser = program("kitctl media", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    export = commands.add_parser("export", help="write what is released to a folder")
    export.add_argument("folder", type=Path, metavar="DIR", help="an existing folder, on the medium")
    export.add_argument("--socket", type=Path, default=default_socket(), metavar="PATH", help="of kitd")
    export.add_argument("--lang", choices=("fa", "en"), default=language(), help="language of the text")
    given = parser.parse_args(arguments)
    try:
        status = ask(given.socket, {"op": "status"})["status"]
        answer = ask(given.socket, {"op": "media"})
        if not answer["ok"]:
            code = fail(str(answer["error"]), int(answer.get("code", exit_codes.UNAVAILABLE)))
        else:
            files = _files(status, answer["media"])
            for name, data in files.items():
                put(given.folder / name, data, replace=not name.endswith(ENVELOPE_SUFFIX))
            print(phrase("exported", given.lang, files=len(files), folder=given.folder))
            code = exit_codes.OK
    except NoDaemonError as error:
        code = fail(f"{Words(given.lang)('no daemon')} ({error})", exit_codes.UNAVAILABLE)
    except MediumError as error:
        code = fail(str(error), exit_codes.DATA)
    except OSError as error:
        code = fail(f"{error}; is the medium mounted and writable?", exit_codes.CANNOT_CREATE)
    sys.exit(code)


def _files(status: dict[str, Any], media: dict[str, Any]) -> dict[str, bytes]:
    """By name; the index comes last, so that a medium that has one has everything."""
    name_of_kit = stem(status["branch"], status["device"])
    files: dict[str, bytes] = {}
    entries = []
    for item in media["envelopes"]:
        name = f"{name_of_kit}-{item['seq']}{ENVELOPE_SUFFIX}"
        files[name] = b64decode(item["envelope"])
        entries.append({"file": name, **{key: item[key] for key in ("kind", "terminal", "close_no", "seq")}})
    for item in media["receipts"]:
        kind = "acknowledgement" if item["grade"] == "acknowledged" else "tlog-proof"
        name = f"{name_of_kit}-{item['seq']}.{kind}"
        files[name] = item["receipt"].encode()
        entries.append({"file": name, "kind": "receipt", "grade": item["grade"], "seq": item["seq"]})
    for entry in entries:
        entry["sha256"] = sha256(files[entry["file"]]).hexdigest()
    index = {
        "type": "media-index",
        "election": status["election"],
        "round": status["round"],
        "branch": status["branch"],
        "device": status["device"],
        "released_by_order": media["released_by_order"],
        "replaced": media["replaced"],
        "files": entries,
    }
    files[f"{name_of_kit}-index.json"] = (
        json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    )
    return files
