"""``kit-sim world --links-only``: many short days on which nothing but links breaks."""

import argparse
import gc
import json
import sys
import time
from collections import Counter
from hashlib import blake2b
from typing import Any, Final

from kit import exit_codes
from simulators.results import DataError, load_results, select
from simulators.world.quiet import hush
from simulators.world.rungs.bounds import DELIVERED_MAX_S, RECEIPTED_MAX_S
from simulators.world.rungs.day import LinksDay, LinksOutcome, links_election
from simulators.world.rungs.watch import NOTICE_MAX_S

STATIONS_SEED: Final = 1  # the same stations on all days: they share one election, and links are what matters


class Tally:
    """What all days of a run come to."""

    def __init__(self) -> None:
        self.failed: list[int] = []
        self.envelopes = 0
        self.faults: Counter[str] = Counter()
        self.virtual_s = 0.0
        self.receipted: tuple[float, int | None] = (0.0, None)
        """The longest wait after a rung began to live, seconds, and its seed."""
        self.delivered: tuple[float, int | None] = (0.0, None)
        self.noticed: dict[str, dict[str, float]] = {
            pace: {"times": 0, "worst_s": 0.0, "allowed_s": allowed_s}
            for pace, allowed_s in NOTICE_MAX_S.items()
        }
        self._traces = blake2b(digest_size=16)

    def add(self, seed: int, outcome: LinksOutcome) -> None:
        """One more day."""
        if outcome.broken:
            self.failed.append(seed)
        self._traces.update(outcome.trace.encode())
        self.virtual_s += outcome.virtual_s
        self.faults.update(outcome.faults)
        self.envelopes += outcome.envelopes
        worst = max(outcome.waits.receipted_s, default=0.0)
        self.receipted = max(self.receipted, (worst, seed), key=lambda wait: wait[0])
        worst = max(outcome.waits.delivered_s, default=0.0)
        self.delivered = max(self.delivered, (worst, seed), key=lambda wait: wait[0])
        for pace, noticed in self.noticed.items():
            noticed["times"] += outcome.noticed[pace]
            noticed["worst_s"] = max(noticed["worst_s"], outcome.notice_worst_s[pace])

    def summary(self, real_s: float) -> dict[str, Any]:
        """For machines."""
        return {
            "verdict": "failed" if self.failed else "ok",
            "failed_seeds": self.failed,
            "envelopes": self.envelopes,
            "receipted_worst_s": self.receipted[0],
            "receipted_worst_seed": self.receipted[1],
            "receipted_allowed_s": RECEIPTED_MAX_S,
            "delivered_worst_s": self.delivered[0],
            "delivered_worst_seed": self.delivered[1],
            "delivered_allowed_s": DELIVERED_MAX_S,
            "noticed": self.noticed,
            "faults": dict(sorted(self.faults.items())),
            "trace": self._traces.hexdigest(),
            "virtual_seconds": round(self.virtual_s),
            "seconds": round(real_s, 2),
        }


def run_links_only(arguments: argparse.Namespace) -> int:
    """Run, print, return the exit code: 0 every day held, 1 one did not, 65 the input files cannot be used."""
    hush()
    try:
        results = load_results(arguments.data)
        stations = select(results, arguments.branches, STATIONS_SEED)
    except DataError as error:
        sys.stderr.write(f"kit-sim: {error}\n")
        return exit_codes.DATA
    election = links_election(results, stations)
    began, tally = time.perf_counter(), Tally()
    gc.freeze()  # for good: what all days share is not looked through again after each of them
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        outcome = LinksDay(results, stations, str(seed), election, verbose=arguments.verbose).run()
        tally.add(seed, outcome)
        _print_day(arguments, seed, outcome)
    summary = tally.summary(time.perf_counter() - began)
    summary = {"seed": arguments.seed, "seeds": arguments.seeds, "branches": arguments.branches, **summary}
    _print_summary(arguments, summary)
    return exit_codes.WARNING if tally.failed else exit_codes.OK


def _print_day(arguments: argparse.Namespace, seed: int, outcome: LinksOutcome) -> None:
    if arguments.json:
        day = {
            "seed": seed,
            "verdict": "failed" if outcome.broken else "ok",
            "broken": outcome.broken,
            "envelopes": outcome.envelopes,
            "receipted_s": outcome.waits.receipted_s,
            "delivered_s": outcome.waits.delivered_s,
            "faults": outcome.faults,
            "trace": outcome.trace,
        }
        _line(json.dumps(day))
        return
    for sentence in outcome.broken:
        _line(f"seed {seed}: BROKEN {sentence}")
    if sys.stderr.isatty():
        sys.stderr.write(f"\rseed {seed} {'failed' if outcome.broken else 'ok'} ")
        sys.stderr.flush()


def _print_summary(arguments: argparse.Namespace, summary: dict[str, Any]) -> None:
    if arguments.json:
        _line(json.dumps(summary))
        return
    if sys.stderr.isatty():
        sys.stderr.write("\r")
    last = summary["seed"] + summary["seeds"] - 1
    _line(
        f"seeds {summary['seed']} to {last}: {summary['envelopes']} envelopes of {summary['branches']} branches a day"
    )
    for what in ("receipted", "delivered"):
        _line(
            f"worst time after a rung lived until {what}: {summary[f'{what}_worst_s']:.1f} s "
            f"(seed {summary[f'{what}_worst_seed']}; {summary[f'{what}_allowed_s']:.1f} s are allowed)"
        )
    for pace, noticed in summary["noticed"].items():
        _line(
            f"silent uplinks noticed, {pace}: {noticed['times']}, the slowest within {noticed['worst_s']:.2f} s "
            f"({noticed['allowed_s']:.0f} s are allowed)"
        )
    _line("struck by: " + ", ".join(f"{times} x {name}" for name, times in summary["faults"].items()))
    hours = summary["virtual_seconds"] / 3_600
    _line(f"{hours:.1f} h of virtual time in {summary['seconds']} s; trace {summary['trace']}")
    _line(f"verdict: {summary['verdict']}" + "".join(f", seed {seed}" for seed in summary["failed_seeds"]))


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
