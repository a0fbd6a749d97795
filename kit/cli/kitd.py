"""kitd: the daemon of a polling branch."""

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from crypto.errors import EvidenceError
from kit import exit_codes
from kit.cli.arguments import program
from kit.config import Config, ConfigError, load
from kit.daemon import ManifestAdoptedError, build, load_key, load_manifest
from kit.edges import InUseError, StateLock, real_ports
from kit.journal.journal import JournalError, JournalUnavailableError
from kit.log import Log, setup
from kit.periphery import Periphery
from kit.printing import check_printing
from kit.station import ForeignJournalError

THREADS_MAX: Final = 64
"""Uplinks that say nothing of how they connect do it in threads, where a dead name server holds each for half a minute,
and eight uplinks try again and again meanwhile. asyncio's own share is six threads on two cores, for all uplinks."""
EXAMPLES = """examples:
  kitd --config /etc/branch-kit/kitd.toml                  run (systemd does this)
  kitd --config /etc/branch-kit/kitd.toml --check-config   check file, manifest and key, then leave

exit codes: 0 stopped cleanly, or to be started again under a newer manifest, 64 usage, 65 damaged, foreign or older
journal, 70 bug (restart it: it replays), 73 state directory in use, not writable or full, 78 configuration
"""


def main() -> None:
    """Entry point."""
    parser = program("kitd", __doc__, EXAMPLES)
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the TOML configuration")
    parser.add_argument(
        "--check-config", action="store_true", help="check everything that can be checked, and leave"
    )
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
        if arguments.check_config:
            manifest = load_manifest(config)
            load_key(config, manifest)
            check_printing(config, manifest)
            Periphery(
                config, real_ports(), lambda _: None, setup(config.log_level)
            )  # secrets, OIDs, settings
            print(f"{arguments.config}: good for branch {config.branch}, manifest {manifest.sha256[:16]}")
            sys.exit(exit_codes.OK)
    except ConfigError as error:
        print(f"kitd: {error}", file=sys.stderr)
        sys.exit(exit_codes.CONFIG)
    log = setup(config.log_level)
    sys.exit(_run(config, log))


def _run(config: Config, log: Log) -> int:
    try:
        state_dir = Path(config.state_dir)
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = StateLock(state_dir)
    except (InUseError, OSError) as error:
        log.error("not started", error=str(error))
        return exit_codes.CANNOT_CREATE
    try:
        asyncio.run(_serve(config, log))
    except ManifestAdoptedError:
        return exit_codes.OK  # the supervisor starts it again, under the newer manifest
    except ConfigError as error:
        log.error("not started", error=str(error))
        return exit_codes.CONFIG
    except JournalUnavailableError as error:
        log.error("journal unavailable", error=str(error))
        return exit_codes.CANNOT_CREATE
    except (JournalError, ForeignJournalError, EvidenceError) as error:
        log.error("journal refused", error=str(error))
        return exit_codes.DATA
    except Exception as error:
        log.exception("bug", error=repr(error))
        return exit_codes.BUG
    finally:
        lock.close()
    return exit_codes.OK


async def _serve(config: Config, log: Log) -> None:
    daemon = build(config, real_ports(), log)
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in one
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="connecting"))
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await daemon.run()
    except asyncio.CancelledError:
        if not stopping:
            raise
