"""Whoever can publish on the broker can send what he likes: nothing of it reaches the log, and the day goes on."""

import json
from pathlib import Path

import pytest

from tests.day.hostile_day import BRANCHES, FLIPS, REPLAYS, Evidence
from tests.day.real_day import entries_in, facts_in

pytestmark = pytest.mark.day


def test_day_under_attack_does_not_end_well(evidence: Evidence) -> None:
    assert evidence.report["verdict"] == "ok", evidence.report["checks"]
    assert evidence.report["opened"] == BRANCHES
    assert evidence.false_receipts == []


def test_forgery_is_not_refused_or_the_branch_not_named(hostile_folder: Path, evidence: Evidence) -> None:
    refused = evidence.refused()
    assert len(evidence.forged) > FLIPS
    log = [json.loads(line) for line in (hostile_folder / "day" / "centerd.log").read_text().splitlines()]
    logged = {line["envelope_sha256"]: line for line in log if line["event"] == "envelope-refused"}
    for sha256, (branch, how) in evidence.forged.items():
        assert refused[sha256][0] == branch, how
        assert refused[sha256][1], how
        assert (logged[sha256]["branch"], logged[sha256]["reason"]) == refused[sha256], how
        assert logged[sha256]["level"] == "warning"


def test_wrong_topic_is_not_explained(evidence: Evidence) -> None:
    ((branch, reason),) = [
        evidence.refused()[sha256] for sha256, (_, how) in evidence.forged.items() if "another branch" in how
    ]
    assert branch != evidence.victim
    assert evidence.victim in reason


def test_forgery_is_in_the_log(hostile_folder: Path, evidence: Evidence) -> None:
    logged = [entry.sha256 for entry in entries_in(hostile_folder / "day")]
    genuine = evidence.replayed
    assert not (set(evidence.forged) - {genuine}) & set(logged)
    assert logged.count(genuine) == 1
    assert len(logged) == 2 * BRANCHES + 1  # an account and a tally each, and the order to open


def test_replay_is_not_answered_with_its_receipt(evidence: Evidence) -> None:
    """A kit whose receipt got lost sends the same bytes again: so whoever does gets it."""
    assert evidence.answered == REPLAYS


def test_flood_of_refusals_fills_the_journal(hostile_folder: Path, evidence: Evidence) -> None:
    facts = facts_in(hostile_folder / "day", evidence.victim)
    incidents = [fact for fact in facts if getattr(fact, "code", "") == "envelope-refused"]
    assert 0 < len(incidents) < FLIPS / 2
