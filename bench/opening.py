"""A whole opening night at the centre and the trustees: every leaf verified, every answer proven, every tally opened.

python bench/opening.py [--quick | --branches 10000]
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

import _tree  # noqa: F401 - before any package of the tree

from center.cli.workers import Workers
from center.opening.logged import verify_log
from center.opening.opening import count, orders_to_follow
from center.opening.orders import draft
from center.opening.threshold import AnswersFile, open_by_answers
from center.opening.trustee_answers import answer
from center.opening.types import LogHead
from crypto.acts import sign_act
from tests.center.branch import Device
from tests.crypto.election_fixture import Election, make_election

BRANCHES: Final = 10_000
BRANCHES_QUICK: Final = 1_000
TRUSTEES: Final = 3
LIMIT_S: Final = 60.0  # for the trustees' answers and the opening together, on two cores

R = TypeVar("R")


def main() -> None:
    """Measure each step once; seconds on the wall, for two cores work at a time where they can."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--branches", type=int, default=BRANCHES)
    parser.add_argument("--quick", action="store_true", help=f"{BRANCHES_QUICK} branches only")
    arguments = parser.parse_args()
    branches = BRANCHES_QUICK if arguments.quick else arguments.branches
    print(f"{branches} branches, {TRUSTEES} trustees, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    election = make_election(branches, opening="trustees")
    leaves = timed(
        "seal and sign (not counted)", lambda: [sealed(election, n) for n in range(1, branches + 1)]
    )[0]
    order, _ = timed(
        "draft the order (not counted)", lambda: draft(verify_log(election.loaded, leaves), branches)
    )
    leaves.append(sign_act(order[0], list(election.commissioners.values())))
    board = election.manifest.election_key.board
    total = 0.0
    with Workers() as spread:
        log, seconds = timed(
            "verify all leaves, once for each machine",
            lambda: verify_log(election.loaded, leaves, spread=spread),
        )
        orders, listing = timed("list all units", lambda: orders_to_follow(log))
        total += seconds + listing
        files = []
        for share in election.shares:
            made, seconds = timed(
                f"answers of trustee {share.trustee}",
                lambda share=share: answer(share, board, orders.valid[0], log),
            )
            files.append(AnswersFile(made.trustee, made))
            total += seconds
        opened, seconds = timed(
            "check, combine, open", lambda: open_by_answers(files, orders.valid, log, spread=spread)
        )
        total += seconds
    head = LogHead(size=len(leaves), root="", checkpoint=None)
    result, seconds = timed(
        "sum", lambda: count(log, head, opened, orders=orders, answered=opened.trustees).to_json()
    )
    total += seconds
    print(f"{len(result)} bytes of result; in all {total:.1f} s, for {LIMIT_S:.0f} s ({BRANCHES} branches)")


def sealed(election: Election, number: int) -> bytes:
    """The envelope of one branch."""
    return Device(election, f"branch-{number}").tally()


def timed(what: str, work: Callable[[], R]) -> tuple[R, float]:
    """Do it, and say how long it took."""
    start = time.perf_counter()
    done = work()
    seconds = time.perf_counter() - start
    print(f"{what:<45} {seconds:8.2f} s", flush=True)
    return done, seconds


if __name__ == "__main__":
    main()
