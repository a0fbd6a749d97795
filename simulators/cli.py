"""kit-sim: polling days with real processes, whole worlds in virtual time, and single devices on a stand."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any, Final

from kit import exit_codes
from kit.cli.arguments import program
from simulators.stand.command import add_devices

SAMPLE: Final = Path(__file__).parent / "sample" / "georgia-2017"
INTERRUPTED: Final = 130  # as shells have it
VOTING_MAX: Final = 86_400  # seconds
EXAMPLES: Final = """examples:
  kit-sim demo                                    five branches, live view, verdict in words
  kit-sim demo --branches 12 --data DIR --seed 7  twelve stations drawn from a whole data set
  kit-sim day --branches 5 --seed 7 --json        the same for machines: JSON lines, the report last
  kit-sim world --seed 7 --days 3 --json          the same daemon in virtual time, with seeded faults
  kit-sim world --links-only --seeds 200          only links break, until one of each branch lives: how long then?
  kit-sim ups --link /tmp/ups --control /tmp/ups.sock
                                                  a UPS on a pseudo-terminal, for any program
  kit-sim ctl /tmp/ups.sock mains off             tell it what happens to it

exit codes: 0 every check held, 1 a check failed, 64 usage, 65 input data, 69 a program did not start or a branch did
not get on, 73 the folder to keep cannot be used, 130 interrupted
"""
WORLD_EXAMPLES: Final = """examples:
  kit-sim world --seed 7 --days 3                  three whole days, anything breaks, then everything heals
  kit-sim world --links-only --seeds 200 --json    200 short days, only links break, then one of each branch lives
  kit-sim world --links-only --seed 55 --verbose   one of them again, with the kits' logs

exit codes: 0 everything held, 1 something did not, 64 usage, 65 input data
"""


def main() -> None:
    """Entry point."""
    parser = program("kit-sim", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("demo", "a polling day to look at"),
        ("day", "a polling day with real processes, for scripts"),
    ):
        day = commands.add_parser(name, help=text)
        day.add_argument("--branches", type=int, default=5, metavar="N", help="1 to 64 branches (default 5)")
        day.add_argument(
            "--data", type=Path, default=SAMPLE, metavar="DIR", help="results to cast (default: sample)"
        )
        day.add_argument(
            "--seed", type=int, default=2, metavar="S", help="which stations, and who is hit by what"
        )
        day.add_argument(
            "--voting", type=_voting, default=8.0, metavar="SECONDS", help="how long the polls are open"
        )
        day.add_argument(
            "--keep", type=Path, metavar="DIR", help="keep everything: journals, logs, manifest, ledger"
        )
        day.add_argument("--json", action="store_true", help="only JSON on standard output, the report last")
        day.set_defaults(run=_day)
    _add_world(commands)
    add_devices(commands)
    arguments = parser.parse_args()
    sys.exit(arguments.run(arguments))


def _add_world(commands: Any) -> None:
    world = commands.add_parser(
        "world",
        help="the same daemon in virtual time, with seeded faults",
        epilog=WORLD_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    world.add_argument("--seed", type=int, default=1, metavar="S", help="everything follows from it")
    world.add_argument("--days", type=_count, metavar="N", help="polling days, one after another (default 1)")
    world.add_argument("--branches", type=_count, default=3, metavar="N", help="branches (default 3)")
    world.add_argument(
        "--data", type=Path, default=SAMPLE, metavar="DIR", help="results to cast (default: sample)"
    )
    world.add_argument("--calm", action="store_true", help="no faults")
    world.add_argument(
        "--links-only",
        action="store_true",
        help="short days on which nothing but links breaks, thick around sealing, until one rung of each branch lives",
    )
    world.add_argument(
        "--seeds",
        type=_count,
        metavar="N",
        help="with --links-only: as many days, from --seed on, each of a seed of its own (default 1)",
    )
    world.add_argument(
        "--verbose", action="store_true", help="the kits' logs on standard error, in virtual time"
    )
    world.add_argument("--json", action="store_true", help="only JSON on standard output, the report last")
    world.set_defaults(run=_world)


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is too few: choose 1 or more")
    return value


def _voting(text: str) -> float:
    if not 0 <= (value := float(text)) <= VOTING_MAX:
        raise argparse.ArgumentTypeError(f"the polls cannot be open for {text} s: choose 0 to {VOTING_MAX}")
    return value


def _day(arguments: argparse.Namespace) -> int:
    # Imported here, so that --help and usage errors answer at once.
    from simulators.day.run import BRANCHES_MAX, Options  # noqa: PLC0415

    if not 1 <= arguments.branches <= BRANCHES_MAX:
        print(
            f"kit-sim: {arguments.branches} branches: real processes are for 1 to {BRANCHES_MAX}; "
            "for more, use kit-sim world --branches N",
            file=sys.stderr,
        )
        return exit_codes.USAGE
    options = Options(
        arguments.data, arguments.branches, arguments.seed, round(arguments.voting * 1000), arguments.keep
    )
    watcher, console = _watcher(arguments)
    expected = _expected()
    try:
        report = asyncio.run(_until_told(options, watcher))
    except tuple(expected) as error:
        watcher.close()
        print("\n".join([f"kit-sim: {error}", *getattr(error, "__notes__", ())]), file=sys.stderr)
        return expected[type(error)]
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("kit-sim: interrupted; everything that was started has been stopped", file=sys.stderr)
        return INTERRUPTED
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False), flush=True)
    else:
        from simulators.day.words import print_verdict  # noqa: PLC0415

        print_verdict(report, console)
    return exit_codes.OK if report["verdict"] == "ok" else exit_codes.WARNING


async def _until_told(options: Any, watcher: Any) -> dict[str, Any]:
    """A day that SIGTERM and SIGHUP end as Ctrl-C does: with nothing left running."""
    from simulators.day.run import run_day  # noqa: PLC0415

    day = asyncio.ensure_future(run_day(options, watcher))
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, day.cancel)
    return await day


def _expected() -> dict[type[Exception], int]:
    """What may go wrong in a day without a bug, and the exit code for it."""
    from simulators.day.process import ProgramError  # noqa: PLC0415
    from simulators.day.workspace import WorkspaceError  # noqa: PLC0415
    from simulators.loopback.broker import BrokerError  # noqa: PLC0415
    from simulators.officials import ImpatientError  # noqa: PLC0415
    from simulators.results import DataError  # noqa: PLC0415

    return {
        DataError: exit_codes.DATA,
        WorkspaceError: exit_codes.CANNOT_CREATE,
        BrokerError: exit_codes.UNAVAILABLE,
        ProgramError: exit_codes.UNAVAILABLE,
        ImpatientError: exit_codes.UNAVAILABLE,
    }


def _watcher(arguments: argparse.Namespace) -> tuple[Any, Any]:
    from rich.console import Console  # noqa: PLC0415

    from simulators.day.live import LiveView  # noqa: PLC0415
    from simulators.day.progress import JsonLines, PlainLog  # noqa: PLC0415

    console = Console(highlight=False)
    if arguments.json:
        return JsonLines(), console
    if console.is_terminal:
        return LiveView(console, arguments.branches), console
    return PlainLog(), console


def _world(arguments: argparse.Namespace) -> int:
    if arguments.links_only and (arguments.days or arguments.calm):
        print("kit-sim: --links-only has short days of its own: say how many by --seeds", file=sys.stderr)
        return exit_codes.USAGE
    if arguments.seeds and not arguments.links_only:
        print("kit-sim: --seeds goes with --links-only: say how many whole days by --days", file=sys.stderr)
        return exit_codes.USAGE
    arguments.days, arguments.seeds = arguments.days or 1, arguments.seeds or 1
    if arguments.links_only:
        from simulators.world.rungs.command import run_links_only  # noqa: PLC0415

        return run_links_only(arguments)
    from simulators.world.command import run_worlds  # noqa: PLC0415

    return run_worlds(arguments)


if __name__ == "__main__":
    main()
