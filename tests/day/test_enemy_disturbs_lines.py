"""Bytes spoilt on both serial lines, and bursts of garbage all day long: the day must not notice."""

import pytest

from tests.day.hostile_day import BRANCHES, Evidence

pytestmark = pytest.mark.day


def test_noise_that_never_was(evidence: Evidence) -> None:
    """Every line of every branch had garbage on it, and changed bytes."""
    assert len(evidence.garbage) == 2 * BRANCHES
    assert len(evidence.spoilt) == 2 * BRANCHES
    assert all(evidence.spoilt.values())


def test_garbage_became_a_number(evidence: Evidence) -> None:
    assert evidence.report["verdict"] == "ok"
    assert evidence.report["mismatched"] == 0
    assert evidence.report["checks"]["the totals equal the input files' column sums"]
