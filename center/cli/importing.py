"""``center import``: what couriers bring and telephones send: folders, files, photographs of codes, in any order."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from center.cli.command import DATA, OK, QUEUED, Commands
from center.cli.handing_in import Handed, add_options, open_spool, wait_for, write_receipts
from center.config import ledger_path, load_config, load_manifest
from center.edges import wall_ms
from center.errors import LedgerMissingError
from center.files import UnreadableError, read_whole
from center.intake.brought import Brought
from center.log.ledger import Ledger

if TYPE_CHECKING:
    from center.cli.photographs import CodeReader

FILES_MAX: Final = 4_096  # looked at in one call
FILE_MAX: Final = 32 * 1024 * 1024  # bytes of one file, photographs too

_EXAMPLES: Final = """examples:
  center import /media/courier --config centerd.toml            a stick: envelopes, carriers, photographs, bundles
  center import photo-*.jpg --config centerd.toml               photographs of a screen or a tape, in any order
  center import codes.txt --config centerd.toml                 what another reader of QR codes read, one text a line
  center import /media/courier --config centerd.toml --receipts /media/courier     receipts for the way back

The same may be imported as often as you like: what is held already is said to be held, and counts once. Parts of an
envelope may come in different calls: those that wait for others are kept, and what is missing is named.
PNG and JPEG are read by zbarimg or zxing-cpp, whichever is installed.
exit codes: 0 all logged (or held already), 65 something was refused, unreadable or missing, 69 no reader of codes is
installed, 73 the spool cannot be used, 75 queued: centerd takes it when it runs, 78 configuration
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    parser = commands.add_parser(
        "import",
        help="take what couriers and telephones bring",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE|DIR|IMAGE", help="in any order")
    add_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object for each outcome instead of words"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    state_dir = Path(config.state_dir)
    spool = open_spool(state_dir)
    brought = Brought(manifest)
    _sort(arguments.paths, brought)
    kept = spool.kept_parts()
    brought.recall(kept)
    incomplete = brought.close()
    if sorted(brought.left_over()) != sorted(kept):
        spool.keep_parts(brought.left_over())
    handed = [
        Handed(one.words, spool.bring(one.checked.data, wall_ms=wall_ms(), index=index), None)
        for index, one in enumerate(brought.envelopes.values())
    ]
    in_use = wait_for(spool, state_dir, handed, arguments.wait)
    if arguments.receipts is not None:
        write_receipts(arguments.receipts, handed, str(ledger_path(config)), manifest)
    absent = _absent(brought, str(ledger_path(config)))
    told = _Telling(as_json=arguments.json)
    for one, sha256 in zip(handed, brought.envelopes, strict=True):
        told.envelope(one, sha256, in_use=in_use)
    told.problems("refused", [f"{source}: {why}" for source, why in brought.refused])
    told.problems("incomplete", incomplete)
    told.problems("missing", absent)
    for source in brought.ignored:
        told.say("left-alone", f"{source}: no envelope, no code, no bundle: left alone")
    if brought.forgotten():
        told.say("waiting", f"of {brought.forgotten()} envelopes of earlier imports parts are still missing")
    if not (handed or brought.refused or incomplete or absent):
        told.problems("empty", ["nothing here is an envelope, a code of one, or a bundle"])
    if told.wrong or any(one.state == "refused" for one in handed):
        return DATA
    return OK if all(one.verdict is not None for one in handed) else QUEUED


def _sort(paths: list[Path], brought: Brought) -> None:
    """Look at every file; a stick that is pulled out meanwhile makes single files unreadable, and no more."""
    reader: CodeReader | None = None
    for number, path in enumerate(_files(paths, brought)):
        if number >= FILES_MAX:
            brought.refused.append(
                (str(path), f"more than {FILES_MAX} files: import a part of them at a time")
            )
            return
        try:
            data = read_whole(path, FILE_MAX)
        except UnreadableError as error:
            brought.refused.append((str(path), str(error)))
            continue
        if data is None:
            brought.refused.append((str(path), "there is no such file: check the path"))
            continue
        reader = _look(path, data, brought, reader)


def _look(path: Path, data: bytes, brought: Brought, reader: "CodeReader | None") -> "CodeReader | None":
    from center.cli import photographs  # noqa: PLC0415 - Pillow; the other commands need none

    if photographs.is_foreign_picture(data):
        brought.refused.append(
            (str(path), "a picture, but neither PNG nor JPEG: convert it, or export it as one")
        )
    elif not photographs.is_photograph(data):
        brought.file(str(path), data)
    else:
        reader = reader or photographs.CodeReader()
        try:
            brought.codes(str(path), reader.read(data))
        except photographs.PhotographError as error:
            brought.refused.append((str(path), str(error)))
    return reader


def _files(paths: list[Path], brought: Brought) -> Iterator[Path]:
    """Files as they were named, and all ordinary ones within folders; links within folders are not followed."""
    for path in paths:
        named = path.resolve()
        if not named.is_dir():
            yield named
            continue
        for folder, folders, names in os.walk(
            named, onerror=lambda error: brought.refused.append((str(error.filename), str(error.strerror)))
        ):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                inside = Path(folder, name)
                if name.startswith("."):
                    continue  # drafts that were cut off, and what telephones and desktops leave behind
                if inside.is_symlink():
                    brought.refused.append((str(inside), "is a link: copy the file itself"))
                else:
                    yield inside


def _absent(brought: Brought, path: str) -> list[str]:
    """What a bundle lists, and neither the courier nor the log has."""
    absent = brought.absent()
    if not absent:
        return []
    try:
        ledger = Ledger.open_to_read(path)
    except LedgerMissingError:
        held = set()
    else:
        try:
            held = {item.sha256 for _, item in absent if ledger.leaf_of(item.sha256) is not None}
        finally:
            ledger.close()
    return [
        f"{item.kind} of {item.terminal}, branch {bundle.branch}, envelope {item.seq} of {bundle.device}: the bundle "
        f"lists it, and neither the courier nor the log has it: ask the branch for it"
        for bundle, item in absent
        if item.sha256 not in held
    ]


class _Telling:
    """What becomes of everything, in words or as JSON lines; ``wrong``: something asks for people."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.wrong = False

    def envelope(self, one: Handed, sha256: str, *, in_use: bool) -> None:
        """What became of one envelope."""
        result = None if one.verdict is None else one.verdict.result
        leaf = None if result is None else result.leaf
        words = f"{one.what}: {one.words(in_use=in_use)}"
        self.say(one.state, words, leaf=leaf, envelope_sha256=sha256, problem=one.state == "refused")

    def problems(self, state: str, texts: list[str]) -> None:
        """What did not become an envelope."""
        for text in texts:
            self.wrong = True
            self.say(state, text, problem=True)

    def say(self, state: str, words: str, *, problem: bool = False, **facts: object) -> None:
        """One outcome; names of files of strangers move no cursor."""
        words = "".join(char if char.isprintable() else "?" for char in words)
        if self._as_json:
            print(json.dumps({"state": state, "words": words, **facts}, ensure_ascii=False))
        else:
            print(words, file=sys.stderr if problem else sys.stdout)
