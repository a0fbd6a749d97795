"""kit-sim: polling days with real processes, and whole worlds in virtual time."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

SAMPLE: Final = Path(__file__).parent / "sample" / "georgia-2017"
OK, WARNING, DATA, UNAVAILABLE, BUG, USAGE = 0, 1, 65, 69, 70, 64
EXAMPLES: Final = """examples:
  kit-sim demo                                    five branches, live view, verdict in words
  kit-sim demo --branches 12 --data DIR --seed 7  twelve stations drawn from a whole data set
  kit-sim day --branches 5 --seed 7 --json        the same for machines: JSON lines, the report last
  kit-sim world --seed 7 --days 3 --json          the same daemon in virtual time, with seeded faults

exit codes: 0 every check held, 1 a check failed, 64 usage, 65 input data, 69 a program did not start
"""


class _Parser(argparse.ArgumentParser):
    """Argparse with the project's exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main() -> None:
    """Entry point."""
    parser = _Parser(
        "kit-sim", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
            "--seed", type=int, default=1, metavar="S", help="which stations, and who is hit by what"
        )
        day.add_argument(
            "--voting", type=float, default=8.0, metavar="SECONDS", help="how long the polls are open"
        )
        day.add_argument(
            "--keep", type=Path, metavar="DIR", help="keep everything: journals, logs, manifest, ledger"
        )
        day.add_argument("--json", action="store_true", help="only JSON on standard output, the report last")
    _add_world(commands)
    arguments = parser.parse_args()
    sys.exit(_world(arguments) if arguments.command == "world" else _day(arguments))


def _add_world(commands: Any) -> None:
    world = commands.add_parser("world", help="the same daemon in virtual time, with seeded faults")
    world.add_argument("--seed", type=int, default=1, metavar="S", help="everything follows from it")
    world.add_argument("--days", type=int, default=1, metavar="N", help="polling days, one after another")
    world.add_argument("--branches", type=int, default=3, metavar="N", help="branches (default 3)")
    world.add_argument(
        "--data", type=Path, default=SAMPLE, metavar="DIR", help="results to cast (default: sample)"
    )
    world.add_argument("--calm", action="store_true", help="no faults")
    world.add_argument(
        "--verbose", action="store_true", help="the kits' logs on standard error, in virtual time"
    )
    world.add_argument("--json", action="store_true", help="only JSON on standard output, the report last")


def _day(arguments: argparse.Namespace) -> int:
    # Imported here, so that --help and usage errors answer at once.
    from simulators.day.process import ProgramError  # noqa: PLC0415
    from simulators.day.run import BRANCHES_MAX, Options, run_day  # noqa: PLC0415
    from simulators.officials import ImpatientError  # noqa: PLC0415
    from simulators.results import DataError  # noqa: PLC0415

    if not 1 <= arguments.branches <= BRANCHES_MAX:
        print(
            f"kit-sim: {arguments.branches} branches: real processes are for 1 to {BRANCHES_MAX}; "
            "for more, use kit-sim world --branches N",
            file=sys.stderr,
        )
        return USAGE
    options = Options(
        arguments.data, arguments.branches, arguments.seed, round(arguments.voting * 1000), arguments.keep
    )
    watcher, console = _watcher(arguments)
    try:
        report = asyncio.run(run_day(options, watcher))
    except DataError as error:
        watcher.close()
        print(f"kit-sim: {error}", file=sys.stderr)
        return DATA
    except (ProgramError, ImpatientError) as error:
        print(f"kit-sim: {error}", file=sys.stderr)
        return UNAVAILABLE
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False), flush=True)
    else:
        from simulators.day.words import print_verdict  # noqa: PLC0415

        print_verdict(report, console)
    return OK if report["verdict"] == "ok" else WARNING


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
    from simulators.world.command import run_worlds  # noqa: PLC0415

    return run_worlds(arguments)


if __name__ == "__main__":
    main()
