"""``center command``: what the centre asks of branches, given its number and signature by centerd."""

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from center.cli.command import DATA, OK, QUEUED, Commands, natural
from center.commands.request import CommandRequest, command_of
from center.commands.store import CommandStore
from center.config import load_config, load_manifest, load_manifest_bytes
from center.edges import state_dir_in_use, wall_ms
from center.errors import ConfigError, SpoolError
from center.files import PUBLIC_MODE, UnreadableError, read_whole, sync_folder, write_whole
from crypto import codec, command, command_packing
from crypto.command import Command, CommandKind
from crypto.errors import EvidenceError
from crypto.sms import PART_OCTETS
from crypto.wire import MANIFEST_MAX, MQTT_PAYLOAD_MAX

_EXAMPLES: Final = """examples:
  center command pace 30s --to all --for 20m --config centerd.toml    branches wait 30 s between two tries to deliver
  center command clock --config centerd.toml                              branches compare their clocks with ours
  center command message "Bring the ballot boxes." --to branch-7 --for 4h --config centerd.toml
  center command manifest manifest-2.dsse.json --config centerd.toml      a newer manifest, announced and repeated
  center command message ... --out call.note --packed call.command        for a courier; for center sms or any modem
  center command list --config centerd.toml                               what was given, and what holds still

centerd alone has the log's key: it gives the number and the signature within a second, and repeats the command every
30 s until it expires. What a command can do is little: docs/commands.md. To be run by whom centerd runs as.
exit codes: 0 given, 65 refused, 73 cannot write, 75 queued: centerd takes it when it runs, 78 configuration
"""
_WAIT_S: Final = 10
_POLL_S: Final = 0.1
_DURATION: Final = re.compile(r"([1-9][0-9]{0,6})(ms|s|m|h)")
_UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_KINDS: Final[dict[str, CommandKind]] = {
    "pace": "pacing",
    "clock": "clock",
    "message": "message",
    "manifest": "manifest",
}
_LIFETIMES_S: Final = {"pace": 20 * 60, "clock": 2 * 60, "message": 4 * 3600, "manifest": 24 * 3600}


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    parser = commands.add_parser(
        "command",
        help="ask branches to pace, to look at their clocks, to read a message, to take a newer manifest",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    pace = _kind(kinds, "pace", "wait between two tries to deliver, so that not all come at once")
    pace.add_argument("pause", type=_milliseconds, metavar="PAUSE", help="1s to 5m; nobody is ever silenced")
    _kind(kinds, "clock", "compare clocks: branches say where theirs is wrong, and move nothing")
    message = _kind(kinds, "message", "one line of text for the staff of branches")
    message.add_argument("text", metavar="TEXT", help=f"at most {command.TEXT_MAX} characters")
    manifest = _kind(kinds, "manifest", "a newer manifest, for branches where polls have not begun")
    manifest.add_argument("file", type=Path, metavar="FILE", help="the signed manifest")
    listing = kinds.add_parser("list", help="what was given, and what holds still")
    listing.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    listing.add_argument("--json", action="store_true", help="one JSON object for each instead of words")
    listing.set_defaults(run=_list)


def _kind(kinds: Commands, name: str, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name,
        help=words,
        description=words,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    most = command.PACING_LIFETIME_MAX_S if name == "pace" else command.LIFETIME_MAX_S
    parser.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    parser.add_argument("--to", default="all", metavar="BRANCH", help="one branch, or all (default)")
    parser.add_argument(
        "--for",
        dest="for_ms",
        type=_milliseconds,
        default=_LIFETIMES_S[name] * 1000,
        metavar="TIME",
        help=f"how long it holds: s, m or h; default {_short(_LIFETIMES_S[name])}, at most {_short(most)}",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the signed note, for a courier")
    parser.add_argument("--packed", type=Path, metavar="FILE", help="write it packed, for SMS")
    parser.add_argument(
        "--wait", type=natural, default=_WAIT_S, metavar="SECONDS", help=f"for centerd; default {_WAIT_S}"
    )
    parser.add_argument(
        "--above", type=natural, default=0, metavar="N", help="number it above N: after counters were lost"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
    parser.set_defaults(run=_give)
    return parser


def _give(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    fields: dict[str, Any] = {}
    try:
        if arguments.kind == "pace":
            fields["pause_ms"] = arguments.pause
        elif arguments.kind == "message":
            fields["text"] = arguments.text
        elif arguments.kind == "manifest":
            fields = _manifest_fields(arguments)
        request = CommandRequest(
            kind=_KINDS[arguments.kind],
            branch=None if arguments.to == "all" else arguments.to,
            for_s=arguments.for_ms // 1000,
            above=arguments.above,
            **fields,
        )
        command_of(request, manifest, number=command.NUMBER_MAX, issued_s=wall_ms() // 1000)
    except (EvidenceError, UnreadableError) as error:
        print(f"center command: refused: {error}", file=sys.stderr)
        return DATA
    state_dir = Path(config.state_dir)
    if not state_dir.is_dir():
        raise SpoolError(f"{state_dir}: there is no such state directory: start centerd once, it makes it")
    store = CommandStore(state_dir)
    store.prepare()
    name = store.ask(request, wall_ms=wall_ms())
    in_use = _wait(store, state_dir, name, arguments.wait)
    note, refusal = store.note(name), store.refusal(name)
    if refusal is not None:
        print(f"center command: refused: {refusal}", file=sys.stderr)
        return DATA
    if note is None:
        why = "has not taken it yet" if in_use else "is not running: it will be taken when it starts"
        print(f"queued: centerd {why} (center command list)")
        return QUEUED
    one = command.check(note, manifest)
    packed = command_packing.pack(note, manifest)
    _write(arguments.out, note.encode())
    _write(arguments.packed, packed)
    _tell(one, packed, as_json=arguments.json)
    return OK


def _manifest_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """What announces a manifest; raises EvidenceError for one that no branch would take."""
    data = read_whole(arguments.file.resolve(), MANIFEST_MAX)
    if data is None:
        raise EvidenceError(f"{arguments.file}: there is no such file: check the path")
    config = load_config(arguments.config)
    try:
        new = load_manifest_bytes(msgspec.structs.replace(config, manifest=str(arguments.file.resolve())))[1]
    except ConfigError as error:
        raise EvidenceError(str(error)) from error
    fields: dict[str, Any] = {"manifest_version": new.manifest.version, "manifest_sha256": new.sha256}
    if len(data) <= MQTT_PAYLOAD_MAX:
        return {**fields, "manifest": codec.b64(data)}
    print(
        f"{arguments.file}: {len(data)} bytes, more than the {MQTT_PAYLOAD_MAX} that a message carries: it is "
        "announced, and has to be brought to each branch as a file (kitctl manifest bring)",
        file=sys.stderr,
    )
    return fields


def _list(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest, store = load_manifest(config), CommandStore(Path(config.state_dir))
    if not store.folder.is_dir():
        print("no command was ever given here")
        return OK
    now_s = wall_ms() // 1000
    for name in store.given():
        try:
            one = command.check(store.note(name) or "", manifest)
        except EvidenceError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        if arguments.json:
            print(json.dumps(_facts(one) | {"holds": one.expires_s > now_s}, ensure_ascii=False))
        else:
            state = f"holds until {one.expires_at}" if one.expires_s > now_s else "expired"
            print(f"{one.issued_at} {_words(one)}: {state}")
    for name in store.asked():
        print(f"{name}: waits for centerd")
    return OK


def _tell(one: Command, packed: bytes, *, as_json: bool) -> None:
    parts = -(-len(packed) // PART_OCTETS)
    if as_json:
        print(json.dumps(_facts(one) | {"sms_parts": parts}, ensure_ascii=False))
        return
    print(f"{_words(one)}: given, and repeated until {one.expires_at}; as SMS {parts} message(s)")


def _facts(one: Command) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "number": one.number,
        "branch": one.branch,
        "issued_at": one.issued_at,
        "expires_at": one.expires_at,
        "pause_ms": one.pause_ms,
        "text": one.text,
        "manifest_version": one.manifest_version,
        "manifest_sha256": one.manifest_sha256,
    }


def _words(one: Command) -> str:
    own = ""
    if one.pause_ms is not None:
        own = f", pause {one.pause_ms / 1000:g} s"
    elif one.text is not None:
        own = f', "{one.text}"'
    elif one.manifest_version is not None:
        own = f", version {one.manifest_version}"
    return f"{one.kind} {one.number} to {one.branch or 'all'}{own}"


def _wait(store: CommandStore, state_dir: Path, name: str, wait_s: int) -> bool:
    """Until centerd decided, the time is over or there is nobody to wait for; whether centerd runs."""
    deadline = time.monotonic() + wait_s
    while True:
        in_use = state_dir_in_use(state_dir)
        decided = store.note(name) is not None or store.refusal(name) is not None
        if decided or not in_use or time.monotonic() >= deadline:
            return in_use
        time.sleep(_POLL_S)


def _write(path: Path | None, data: bytes) -> None:
    if path is not None:
        write_whole(path, data, mode=PUBLIC_MODE)
        sync_folder(path.resolve().parent)


def _milliseconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration like 500ms, 30s, 20m or 4h")
    return int(match[1]) * _UNITS_MS[match[2]]


def _short(seconds: int) -> str:
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}m"
