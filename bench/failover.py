"""How soon a sealed tally is receipted when its uplink dies at that moment, beside what a branch would run otherwise.

python bench/failover.py [--json] [--runs N] [--rivals N] [--quick]

In the network laboratory of tests/netlab (root; namespaces, nftables, mosquitto), all in one run and interleaved:
seconds from the order to seal to the verified receipt with (a) no fault, (a1) no fault and the surviving uplink alone,
(b) the active uplink swallowing everything from that moment on, (c) the active uplink coming and going, (d) 30 % of its
packets lost each way; against (e) aiomqtt with its defaults behind the rule of mwan3, in namespaces in parallel, struck
as in (b). Beside them, standing kits: how soon they leave a dead uplink outside the critical window, and what their
probes cost. docs/failover.md says more.
"""

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import _tree  # noqa: F401 - before any package of the tree
import pytest
from failover_runs.deliveries import KINDS
from failover_runs.everything import measure

from kit.cli.arguments import Parser

RUNS: Final = 130  # of (a), (a1) and (b) each
RIVALS: Final = 8  # branches of (e) in parallel
EX_UNAVAILABLE: Final = 69  # sysexits(3): no root, or a program is missing
EX_TERMINATED: Final = 128 + signal.SIGTERM


def _some(text: str) -> int:
    """Of nothing every goal would be met."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: give 1 or more")
    return number


def main() -> None:
    """Measure everything; exit code 1 where a goal is missed, 64 usage, 69 where there can be no laboratory."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--runs", type=_some, default=RUNS, metavar="N", help="of (a), (a1) and (b) each")
    parser.add_argument(
        "--rivals", type=_some, default=RIVALS, metavar="N", help="branches of (e) in parallel"
    )
    parser.add_argument("--quick", action="store_true", help="deliveries of (a) to (d) alone")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EX_TERMINATED))  # the laboratory is undone then, too
    try:
        with tempfile.TemporaryDirectory(prefix="branch-kit-bench-") as folder:
            outcome = measure(Path(folder), arguments.runs, arguments.rivals, quick=arguments.quick)
    except (
        pytest.skip.Exception,
        pytest.fail.Exception,
    ) as missing:  # what a test of the laboratory would do
        print(f"bench/failover.py: {missing}", file=sys.stderr)
        sys.exit(EX_UNAVAILABLE)
    goals, summary = outcome.goals(), outcome.summary()
    for goal in goals:
        print(goal.as_json() if arguments.json else goal.line())
    if arguments.json:
        print(json.dumps(summary))
    else:
        for kind in KINDS:
            p50, p99, runs = (summary[key][kind] for key in ("p50_s", "p99_s", "runs"))
            print(f"({kind:<2}) p50 {p50} s, p99 {p99} s, {runs} runs")
    sys.exit(any(goal.ratio > 1 for goal in goals))


if __name__ == "__main__":
    main()
