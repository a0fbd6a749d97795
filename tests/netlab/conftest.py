"""One laboratory for all tests of a worker: it takes seconds to build, and each test leaves it as it found it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.netlab.branch import Branch, Report
from tests.netlab.lab import DISH, FIBRE, MOBILE, Lab, laboratory

PACE = """
[failover]
echo_ms = 1500
backoff_base_ms = 300
backoff_max_ms = 1000
"""
"""Outside the critical window a little less patient than a branch is, or tests would wait most of the time."""

TOOK: Final = "seconds from seal to receipt"


@pytest.fixture(scope="package")
def whole_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder: Path = tmp_path_factory.mktemp("lab")
    with laboratory(folder, *[(FIBRE, MOBILE)] * 4, (FIBRE, MOBILE, DISH), (FIBRE, MOBILE)) as lab:
        # The second one never has a kit, those after it where a test starts one.
        branch = lab.branches[0]
        # The card is meant, whatever it is called.
        branch.start(keys={FIBRE: {"interface": {"mac": branch.cable(FIBRE).mac}}}, more=PACE)
        yield lab


@pytest.fixture
def lab(whole_lab: Lab, record_property: Callable[[str, object], None]) -> Iterator[Lab]:
    """With all links in order at first; afterwards nothing may be lost, nothing counted twice."""
    branch = whole_lab.branches[0]
    until_well(branch)
    since = branch.mark()
    yield whole_lab
    record_property(TOOK, _took_s(branch.reports[since:]))
    for link in branch.links.values():
        link.heal()
    until_well(branch)
    sealed = [report["seq"] for report in branch.reports if report["what"] == "sealed"]
    receipts = {report["seq"]: report["index"] for report in branch.reports if report["what"] == "receipt"}
    leaves = [leaf for leaf in whole_lab.leaves() if leaf[0] == branch.name]
    assert sorted(receipts) == sealed, "a tally without a receipt"
    assert len(set(leaves)) == len(leaves) == len(sealed), "the centre counted a tally twice, or not at all"
    assert len(set(receipts.values())) == len(sealed), "two receipts for one leaf of the log"
    assert [report for report in branch.reports if report["what"] == "refused"] == []


@pytest.fixture
def branch(lab: Lab) -> Branch:
    """The branch of the laboratory."""
    return lab.branches[0]


def until_well(branch: Branch) -> None:
    """Until every uplink works, and answers a probe."""
    for name in branch.links:
        branch.until_answers(name)


def _took_s(reports: Sequence[Report]) -> list[float]:
    """Of each tally that was sealed meanwhile."""
    asked = {report["seq"]: report["asked"] for report in reports if report["what"] == "sealed"}
    return [
        round(report["t"] - asked[report["seq"]], 3)
        for report in reports
        if report["what"] == "receipt" and report["seq"] in asked
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Fault by fault, how long each tally was on its way. Measured beside other tests: bench/failover.py is calmer."""
    lines = [
        f"{report.nodeid.partition('::')[2]}: {', '.join(f'{each:.3f}' for each in took)} s"
        for report in terminalreporter.getreports("")  # what ended well, after its call
        for name, took in report.user_properties
        if name == TOOK and took and report.when == "teardown"
    ]
    if lines:
        terminalreporter.section(f"network laboratory: {TOOK}")
        for line in sorted(lines):
            terminalreporter.line(line)
