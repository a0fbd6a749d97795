"""``kit-sim world``: days in virtual time, one after another, from one seed."""

import argparse
import json
import sys
import time
from hashlib import blake2b
from typing import Any

from kit import exit_codes
from simulators.results import DataError, load_results, select
from simulators.world.day import Outcome, WorldDay
from simulators.world.quiet import hush


def run_worlds(arguments: argparse.Namespace) -> int:
    """Run, print, return the exit code: 0 every check held, 1 one did not, 65 the input files cannot be used."""
    hush()
    try:
        results = load_results(arguments.data)
        days = [
            select(results, arguments.branches, arguments.seed * 1_000 + day) for day in range(arguments.days)
        ]
    except DataError as error:
        sys.stderr.write(f"kit-sim: {error}\n")
        return exit_codes.DATA
    began, traces, virtual_s, failed = time.perf_counter(), blake2b(digest_size=16), 0.0, 0
    faults: dict[str, int] = {}
    for number, stations in enumerate(days):
        seed = f"{arguments.seed}/{number}"
        day = WorldDay(results, stations, seed, faults=not arguments.calm, verbose=arguments.verbose)
        outcome = day.run()
        traces.update(outcome.trace.encode())
        virtual_s += outcome.virtual_s
        failed += outcome.report["verdict"] != "ok"
        for name, times in outcome.faults.items():
            faults[name] = faults.get(name, 0) + times
        _print_day(arguments, number, outcome)
    real_s = time.perf_counter() - began
    summary: dict[str, Any] = {
        "verdict": "failed" if failed else "ok",
        "seed": arguments.seed,
        "days": arguments.days,
        "branches": arguments.branches,
        "failed_days": failed,
        "trace": traces.hexdigest(),
        "faults": dict(sorted(faults.items())),
        "virtual_seconds": round(virtual_s),
        "seconds": round(real_s, 2),
        "speed": round(virtual_s / real_s),
    }
    _print_summary(arguments, summary)
    return exit_codes.WARNING if failed else exit_codes.OK


def _print_day(arguments: argparse.Namespace, number: int, outcome: Outcome) -> None:
    report = outcome.report
    if arguments.json:
        day = {
            "day": number,
            "trace": outcome.trace,
            "faults": outcome.faults,
            "lives": outcome.lives,
            **report,
        }
        _line(json.dumps(day, ensure_ascii=False))
        return
    counts = ", ".join(f"{report[name]} {name}" for name in ("sealed", "received", "verified", "opened"))
    struck = sum(outcome.faults.values())
    _line(f"day {number}: {report['verdict']}; {counts}; {struck} faults; trace {outcome.trace[:16]}")
    for sentence in report["broken"]:
        _line(f"  BROKEN {sentence}")
    for check, held in report["checks"].items():
        if not held:
            _line(f"  BROKEN {check}")


def _print_summary(arguments: argparse.Namespace, summary: dict[str, Any]) -> None:
    if arguments.json:
        _line(json.dumps(summary))
        return
    struck = ", ".join(f"{times} x {name}" for name, times in summary["faults"].items()) or "nothing"
    _line(f"struck by: {struck}")
    hours = summary["virtual_seconds"] / 3600
    _line(f"{hours:.0f} h of virtual time in {summary['seconds']} s: {summary['speed']} x real time")
    _line(f"trace {summary['trace']} (the same on every run of seed {summary['seed']})")
    _line(f"verdict: {summary['verdict']}")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
