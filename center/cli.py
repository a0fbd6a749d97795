"""The centre's programs: ``centerd`` receives, ``center`` shows and opens."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

import structlog

from center import log_setup
from center.config import Setup, ledger_path, load_config, load_manifest, load_setup, read_key
from center.daemon import CenterDaemon
from center.edges import real_ports, wall_ms
from center.errors import CenterError, LedgerMissingError, OutputError
from center.ledger import LEDGER_NAME, Ledger
from center.opening import open_election
from center.opening_types import Opening
from center.summary import SINGLE_KEY, opening_lines, status_facts, status_lines

OK: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3
USAGE: Final = 64
BUG: Final = 70
PROGRESS_STEP: Final = 50  # envelopes between two updates of the progress line

_CENTERD_EXAMPLES: Final = """examples:
  centerd --config /etc/branch-kit/centerd.toml                  run (systemd does this)
  centerd --config /etc/branch-kit/centerd.toml --check-config   check file, manifest and log key, then leave

exit codes: 0 stopped cleanly, 64 usage, 65 damaged or foreign ledger, 70 bug, 73 state directory in use, not
writable or full, 78 configuration
"""

_CENTER_EXAMPLES: Final = """examples:
  center status --state-dir /var/lib/centerd          how much was received, verified, flagged, rejected
  center open --config centerd.toml --key election.key --out result.json
  center open --config centerd.toml --key election.key --json | sha256sum

exit codes of status: 0 all well, 1 something flagged or rejected, 3 no ledger
exit codes of open: 0 all counted and nothing odd, 1 units absent or notes, 2 units set aside or alarms
exit codes of both: 64 usage, 65 damaged ledger or wrong key, 69 no ledger, 73 cannot write, 77 too early,
78 configuration
"""


class _Parser(argparse.ArgumentParser):
    """Argparse with the project's exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main_centerd(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``centerd``; ends the process with the exit code."""
    sys.exit(_centerd(argv))


def main_center(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``center``; ends the process with the exit code."""
    sys.exit(_center(argv))


def _centerd(argv: Sequence[str] | None) -> int:
    parser = _Parser(
        "centerd",
        description="The receiving centre: verify, log durably, answer with receipts.",
        epilog=_CENTERD_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the TOML configuration")
    parser.add_argument("--check-config", action="store_true", help="check everything that can be, and leave")
    arguments = parser.parse_args(argv)
    try:
        setup = load_setup(load_config(arguments.config))
    except CenterError as error:
        return _fail("centerd", error)
    if arguments.check_config:
        print(
            f"{arguments.config}: good for election {setup.manifest.manifest.election}, "
            f"manifest {setup.manifest.sha256}, log {setup.signer.vkey}"
        )
        return OK
    log_setup.configure()
    log = structlog.get_logger("centerd")
    try:
        asyncio.run(_serve(setup))
    except CenterError as error:
        log.critical("stopped", error=str(error), exit_code=error.exit_code)
        return error.exit_code
    except Exception:
        log.critical("bug", exc_info=True, advice="restart: whatever was not durable comes again")
        return BUG
    return OK


def _center(argv: Sequence[str] | None) -> int:
    parser = _Parser(
        "center",
        description="What the centre holds, and its opening.",
        epilog=_CENTER_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="how much was received, verified, flagged, rejected")
    status.add_argument(
        "--state-dir", required=True, type=Path, metavar="D", help="centerd's state directory"
    )
    status.add_argument("--json", action="store_true", help="one JSON object instead of words")
    status.set_defaults(run=_status)
    opening = commands.add_parser("open", help="open all sealed tallies and sum them", description=SINGLE_KEY)
    opening.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    opening.add_argument("--key", required=True, type=Path, metavar="FILE", help="the election's private key")
    opening.add_argument("--json", action="store_true", help="canonical JSON on stdout instead of words")
    opening.add_argument("--out", type=Path, metavar="FILE", help="also write the canonical JSON to FILE")
    opening.set_defaults(run=_open)
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except CenterError as error:
        return _fail("center", error)


async def _serve(setup: Setup) -> None:
    daemon = CenterDaemon(setup, real_ports())
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, daemon.stop)
    await daemon.run()


def _status(arguments: argparse.Namespace) -> int:
    try:
        ledger = Ledger.open_to_read(str(arguments.state_dir / LEDGER_NAME))
    except LedgerMissingError as error:
        print(f"center: {error}", file=sys.stderr)
        return UNKNOWN
    try:
        facts = status_facts(ledger.identity, ledger.counts(), ledger.newest_checkpoint())
    finally:
        ledger.close()
    if arguments.json:
        print(json.dumps(facts))
    else:
        print("\n".join(status_lines(facts)))
    return WARNING if facts["flagged"] or facts["rejected"] else OK


def _open(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    private_key = read_key(arguments.key)
    print(SINGLE_KEY, file=sys.stderr)
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    try:
        progress = _show_progress if sys.stderr.isatty() else None
        opening = open_election(ledger, manifest, private_key, wall_ms=wall_ms(), progress=progress)
    finally:
        ledger.close()
    if arguments.out is not None:
        _write(arguments.out, opening.to_json())
    if arguments.json:
        sys.stdout.buffer.write(opening.to_json() + b"\n")
        sys.stdout.buffer.flush()
    else:
        print("\n".join(opening_lines(opening, manifest)))
    return _opening_code(opening)


def _opening_code(opening: Opening) -> int:
    alarms = any(finding.grade == "alarm" for finding in opening.findings)
    if alarms or opening.count("set-aside"):
        return CRITICAL
    return WARNING if opening.findings or opening.count("absent") else OK


def _show_progress(done: int, total: int) -> None:
    if done % PROGRESS_STEP == 0 or done == total:
        end = "\n" if done == total else ""
        print(f"\ropened {done} of {total} envelopes", end=end, file=sys.stderr, flush=True)


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or none."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}): choose another place") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise OutputError(f"{path}: cannot be written ({error.strerror}): choose another place") from error


def _fail(program: str, error: CenterError) -> int:
    print(f"{program}: {error}", file=sys.stderr)
    return error.exit_code
