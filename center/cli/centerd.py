"""``centerd``: the receiving centre as a service."""

import argparse
import asyncio
import itertools
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import structlog

from center import log_setup
from center.cli.command import BUG, OK, Parser, fail
from center.config import Setup, load_config, load_setup
from center.daemon import CenterDaemon
from center.edges import real_ports
from center.errors import CenterError
from crypto.manifest_chain import withdrawals

_EXAMPLES: Final = """examples:
  centerd --config /etc/branch-kit/centerd.toml                  run (systemd does this)
  centerd --config /etc/branch-kit/centerd.toml --check-config   check file, manifest and log key, then leave

exit codes: 0 stopped cleanly, 64 usage, 65 damaged or foreign ledger, 70 bug, 73 state directory in use, not
writable or full, 78 configuration
"""

SHOWN_MAX: Final = 50  # branches that are named; kit-ceremony names all


def main_centerd(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``centerd``; ends the process with the exit code."""
    sys.exit(_centerd(argv))


def _centerd(argv: Sequence[str] | None) -> int:
    parser = Parser(
        "centerd",
        description="The receiving centre: verify, log durably, answer with receipts.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the TOML configuration")
    parser.add_argument("--check-config", action="store_true", help="check everything that can be, and leave")
    arguments = parser.parse_args(argv)
    try:
        setup = load_setup(load_config(arguments.config))
    except CenterError as error:
        return fail("centerd", error)
    if arguments.check_config:
        print(
            f"{arguments.config}: good for election {setup.manifest.manifest.election}, "
            f"manifest {setup.manifest.sha256} and {len(setup.manifest.earlier)} before it, log {setup.signer.vkey}"
        )
        _tell_withdrawals(setup)
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


def _tell_withdrawals(setup: Setup) -> None:
    """Name what branches under an earlier manifest would be refused for, while there is time to sign another one."""
    withdrawn = withdrawals(setup.manifest)
    for one in itertools.islice(withdrawn, SHOWN_MAX):
        print(f"refused under {one}")
    more = sum(1 for _ in withdrawn)
    if more:
        print(f"and {more} more: kit-ceremony manifest verify --earlier tells all")


async def _serve(setup: Setup) -> None:
    daemon = CenterDaemon(setup, real_ports())
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, daemon.stop)
    await daemon.run()
