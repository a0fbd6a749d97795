"""``center sms``: the gateway between branches' short messages and centerd, by a modem or by smsd's spool."""

import argparse
import asyncio
import csv
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from center.broker_door import open_door
from center.cli.command import OK, QUEUED, WARNING, Commands, natural
from center.config import Config, address_of, load_config, load_manifest
from center.dialling import Dialler
from center.edges import LOCK_NAME, lock_state_dir, state_dir_in_use, wall_ms
from center.errors import AlreadyRunningError, ConfigError, LedgerError, SmsError, SpoolError
from center.files import UnreadableError, read_whole
from center.sms.folder import Folder
from center.sms.gateway import Gateway, OpenMessages
from center.sms.records import NUMBERS_MAX, NumbersRecord, OrderRecord
from center.state_folders import give_to_owner
from crypto import command, command_packing
from crypto.codec import sha256_hex
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest

FOLDER: Final = "sms"  # in centerd's state directory, unless told otherwise
CLIENT_ID: Final = "center-sms"
ASK_AFTER_S: Final = 180
WAIT_S: Final = 60
POLL_S: Final = 0.2
NUMBERS_FILE_MAX: Final = 16 * 1024 * 1024  # bytes
PIN_MAX: Final = 64  # bytes of the file
BAUDRATE: Final = 115200

_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}")

_EXAMPLES: Final = """examples:
  center sms --config centerd.toml --spool /var/spool/sms             serve, by smsd
  center sms --config centerd.toml --modem /dev/ttyUSB2               serve, by a modem that nobody else uses
  center sms --config centerd.toml --modem /dev/ttyUSB2 --pin-file /etc/branch-kit/sim.pin
  center sms --config centerd.toml --send pace.note --to +989121234567      a signed command, by the gateway that runs
  center sms --config centerd.toml --send call.note                   to the branch that it is for
  center sms --config centerd.toml --send pace.note --to b-0017 --numbers numbers.csv
  center sms --config centerd.toml --send pace.note --to b-0017 --spool /var/spool/sms    ... by this call itself

Serves until it is told to end (SIGTERM, Ctrl-C). What it had is in its folder: killed at any time, it goes on there.
--to (as often as you like) names a number, or a branch: its numbers are those of --numbers (lines "branch,number"), or
else those from where its last verified envelopes came.
smsd needs "internal_combine_binary = no" in smsd.conf: docs/sms.md.
exit codes: 0 ended with nothing left to do, 1 ended while something waits (it goes on at the next start), 65 the
command does not verify, 69 the command could not be sent, 73 the folder or the spool cannot be used, or another
gateway uses it, 75 queued: the gateway sends it when it runs, 78 configuration
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    parser = commands.add_parser(
        "sms",
        help="take envelopes and send acknowledgements and commands by SMS",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--modem", metavar="LINE", help="serial line of a modem, such as /dev/ttyUSB2")
    way.add_argument("--spool", type=Path, metavar="DIR", help="smsd's folder, such as /var/spool/sms")
    parser.add_argument("--pin-file", type=Path, metavar="FILE", help="holds the PIN of the modem's SIM")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="the gateway's own; default: sms in centerd's state_dir"
    )
    parser.add_argument(
        "--client-id",
        metavar="ID",
        help=f"at the broker; default {CLIENT_ID}- and a hash of machine and folder",
    )
    parser.add_argument(
        "--ask-after",
        type=natural,
        default=ASK_AFTER_S,
        metavar="SECONDS",
        help=f"after the last part, until missing ones are asked for; default {ASK_AFTER_S}",
    )
    parser.add_argument("--send", type=Path, metavar="COMMAND", help="a signed command, as a note or packed")
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="NUMBER|BRANCH",
        help="whom to send it; default: the branch that it is for",
    )
    parser.add_argument("--numbers", type=Path, metavar="CSV", help='lines "branch,number"')
    parser.add_argument(
        "--wait", type=natural, default=WAIT_S, metavar="SECONDS", help=f"with --send; default {WAIT_S}"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    folder = Folder(arguments.folder or Path(config.state_dir) / FOLDER)
    folder.prepare()
    if arguments.send is not None:
        return _send(arguments, config, manifest, folder)
    if arguments.modem is None and arguments.spool is None:
        raise ConfigError("name a way for short messages: --modem /dev/ttyUSB2 or --spool /var/spool/sms")
    return _serve(arguments, config, manifest, folder, lambda: False)


def _serve(
    arguments: argparse.Namespace,
    config: Config,
    manifest: TrustedManifest,
    folder: Folder,
    is_done: Callable[[], bool],
) -> int:
    release = _lock(folder)
    try:
        return asyncio.run(_serve_locked(arguments, config, manifest, folder, is_done))
    finally:
        release()


async def _serve_locked(
    arguments: argparse.Namespace,
    config: Config,
    manifest: TrustedManifest,
    folder: Folder,
    is_done: Callable[[], bool],
) -> int:
    table, where = (
        (config.broker, "broker") if config.sms.broker is None else (config.sms.broker, "sms.broker")
    )
    gateway = Gateway(
        manifest,
        folder,
        address_of(table, config, manifest),
        arguments.client_id or _client_id(folder),
        _way(arguments),
        tell=_tell,
        ask_after_ms=max(1, arguments.ask_after) * 1_000,
        reference=wall_ms() // 1000 % 256,
        keep=config.keep.done,
        wall_ms=wall_ms,
        door=open_door(table, where),
        dial=Dialler(wall_ms),
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, gateway.stop)
    watching = asyncio.create_task(_stop_when(is_done, gateway))
    _tell(f"serving election {manifest.manifest.election} from {folder.root}")
    try:
        await gateway.run()
    finally:
        watching.cancel()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)
    unfinished = gateway.desk.unfinished
    _tell(f"ended: {gateway.desk.tally.words()}")
    if unfinished:
        _tell(f"goes on at the next start: {unfinished}")
    return WARNING if unfinished else OK


async def _stop_when(is_done: Callable[[], bool], gateway: Gateway) -> None:
    while not is_done():  # noqa: ASYNC110 - it waits for a file
        await asyncio.sleep(POLL_S)
    gateway.stop()


def _way(arguments: argparse.Namespace) -> OpenMessages:
    if arguments.spool is not None:
        from center.sms.smsd import SmsdSpool, check_spool  # noqa: PLC0415 - the other way needs other things

        session = f"{wall_ms():x}"
        check_spool(arguments.spool)
        return lambda arrived, settled, say: SmsdSpool(
            arguments.spool, arrived, settled, say, session=session
        )
    from center.sms.modem import ModemMessages  # noqa: PLC0415 - pyserial
    from drivers.modem.at.settings import AtSettings  # noqa: PLC0415
    from drivers.uart import uart  # noqa: PLC0415

    try:
        settings = AtSettings(pin=_pin(arguments.pin_file))
    except ValueError as error:
        raise ConfigError(f"{arguments.pin_file}: {error}") from error
    open_stream = uart(arguments.modem, BAUDRATE)
    now = lambda: int(asyncio.get_running_loop().time() * 1000)  # noqa: E731
    return lambda arrived, settled, say: ModemMessages(open_stream, now, arrived, settled, say, settings)


def _send(arguments: argparse.Namespace, config: Config, manifest: TrustedManifest, folder: Folder) -> int:
    packed, branch = _packed(arguments.send, manifest)
    wanted = arguments.to or ([] if branch is None else [branch])
    branches = {one.id for one in manifest.manifest.branches}
    found = (_numbers_of(to, branch, branches, arguments, folder) for to in wanted)
    numbers = tuple(dict.fromkeys(number for numbers in found for number in numbers))
    if not numbers:
        raise ConfigError("it is for all branches: name to whom it goes: --to +989121234567, or --to BRANCH")
    name = f"{wall_ms():013d}-{sha256_hex(packed)[:16]}"
    folder.keep("order", name, OrderRecord(packed=packed, numbers=numbers))
    deadline = time.monotonic() + arguments.wait

    def is_done() -> bool:
        return folder.settled_order(name) is not None or time.monotonic() >= deadline

    try:
        if arguments.modem is not None or arguments.spool is not None:
            _serve(arguments, config, manifest, folder, is_done)
    except AlreadyRunningError:
        pass  # that one sends it
    while not is_done() and state_dir_in_use(folder.root):
        time.sleep(POLL_S)
    words = folder.settled_order(name)
    if words is None:
        when = "has it, and goes on" if state_dir_in_use(folder.root) else "sends it when it runs"
        _tell(f"queued for {', '.join(numbers)}: the gateway {when}")
        return QUEUED
    if words:
        raise SmsError(f"{arguments.send}: not sent to all: {words}")
    _tell(f"sent to {', '.join(numbers)}")
    return OK


def _numbers_of(
    to: str, branch: str | None, branches: set[str], arguments: argparse.Namespace, folder: Folder
) -> tuple[str, ...]:
    """What ``--to`` means for a command that is for ``branch``, or for all; raises ConfigError."""
    if to in branches:
        if branch not in (None, to):
            raise ConfigError(
                f"it is for branch {branch}: {to} would not follow it; give one for that branch"
            )
        return _numbers(to, arguments, folder)
    if not _NUMBER.fullmatch(to):
        raise ConfigError(f"--to {to}: neither a branch of the manifest nor a number, + and 3 to 15 digits")
    return (to,)


def _packed(path: Path, manifest: TrustedManifest) -> tuple[bytes, str | None]:
    """The command, verified and packed, and the branch that it is for; raises EvidenceError or ConfigError."""
    data = _read(path, 4 * command.COMMAND_MAX)
    note = command_packing.note_of(data, manifest)
    one = command.check(note, manifest)
    if one.expires_s * 1000 <= wall_ms():
        raise ProofError(
            f"{path}: {one.kind} {one.number} expired at {one.expires_at}: no branch follows it any more"
        )
    return command_packing.pack(note, manifest), one.branch


def _numbers(to: str, arguments: argparse.Namespace, folder: Folder) -> tuple[str, ...]:
    """Those of a branch; raises ConfigError where none is known."""
    known = _numbers_in(arguments.numbers).get(to) if arguments.numbers is not None else None
    if known is None:
        known = [
            number
            for _, record in folder.load("numbers")
            if isinstance(record, NumbersRecord) and record.branch == to
            for number in record.numbers
        ]
    if not known:
        raise ConfigError(
            f"no number of branch {to!r} is known: nothing came from it yet; write it into the file of --numbers"
        )
    return tuple(known[:NUMBERS_MAX])


def _numbers_in(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines = _read(path, NUMBERS_FILE_MAX).decode("utf-8-sig", "replace").splitlines()
    for at, row in enumerate(csv.reader(lines), 1):
        if not row or row[0].startswith("#") or row == ["branch", "number"]:
            continue
        if len(row) != 2 or not _NUMBER.fullmatch(row[1].strip()):  # noqa: PLR2004 - branch and number
            raise ConfigError(f'{path}: line {at}: write "branch,number", the number as + and digits')
        found.setdefault(row[0].strip(), []).append(row[1].strip())
    return found


def _pin(path: Path | None) -> str | None:
    return None if path is None else _read(path, PIN_MAX).decode("ascii", "replace").strip()


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        data = read_whole(path.resolve(), max_bytes)
    except UnreadableError as error:
        raise ConfigError(f"{path}: {error}") from error
    if data is None:
        raise ConfigError(f"{path}: there is no such file: check the path")
    return data


def _client_id(folder: Folder) -> str:
    """Another one for each gateway: a broker ends the session of whoever else comes under the same."""
    return f"{CLIENT_ID}-{sha256_hex(f'{socket.gethostname()} {folder.root.resolve()}'.encode())[:8]}"


def _lock(folder: Folder) -> Callable[[], None]:
    try:
        release = lock_state_dir(folder.root)
        give_to_owner(folder.root / LOCK_NAME, like=folder.root)
    except AlreadyRunningError as error:
        raise AlreadyRunningError(
            f"{folder.root}: another gateway is running on it: stop that one first"
        ) from error
    except LedgerError as error:
        raise SpoolError(str(error)) from error
    return release


def _tell(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stdout, flush=True)
