"""One laboratory for all tests of a worker: it takes seconds to build, and each test leaves it as it found it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netlab.branch import Branch
from tests.netlab.lab import DISH, FIBRE, MOBILE, Lab, laboratory

PACE = """
[failover]
echo_ms = 1500
backoff_base_ms = 300
backoff_max_ms = 1000
"""
"""Outside the critical window a little less patient than a branch is, or tests would wait most of the time."""


@pytest.fixture(scope="package")
def whole_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder: Path = tmp_path_factory.mktemp("lab")
    with laboratory(folder, *[(FIBRE, MOBILE)] * 4, (FIBRE, MOBILE, DISH)) as lab:
        # The second one never has a kit, those after it where a test starts one.
        branch = lab.branches[0]
        # The card is meant, whatever it is called.
        branch.start(keys={FIBRE: {"interface": {"mac": branch.cable(FIBRE).mac}}}, more=PACE)
        yield lab


@pytest.fixture
def lab(whole_lab: Lab) -> Iterator[Lab]:
    """With all links in order at first; afterwards nothing may be lost, nothing counted twice."""
    branch = whole_lab.branches[0]
    until_well(branch)
    yield whole_lab
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
