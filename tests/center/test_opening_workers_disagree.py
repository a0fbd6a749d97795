"""Several processes give what one gives, in the same order; one that dies is told, and nothing is left out."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from center.cli.workers import PARTS_MIN, Workers
from center.errors import WorkersLostError
from center.opening import spread
from center.opening.logged import verify_log
from center.opening.opening import count, orders_to_follow, read_log
from center.opening.threshold import AnswersFile, open_by_answers
from center.opening.trustee_answers import read_answers
from crypto.manifest import TrustedManifest
from tests.center.branch import Device
from tests.center.evening import Evening, trustees_election
from tests.center.manifests import go_on_under, moved_to_another_port, newer


def die(manifest: TrustedManifest, part: Sequence[int]) -> int:
    assert manifest.sha256
    os._exit(len(part))


def where(manifest: TrustedManifest, part: int) -> tuple[int, int]:
    assert manifest.sha256
    return part, os.getpid()


def test_results_depend_on_how_many_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evening = Evening(tmp_path, trustees_election(9))
    evening.day(*(f"branch-{number}" for number in range(1, 10)))
    go_on_under(evening, newer(evening.election, moved_to_another_port))
    evening.order()
    evening.witness(1)
    evening.publish()
    for number in (1, 2):
        assert evening.answer(number).code == 0
    files = [AnswersFile(str(n), read_answers(evening.answers(n).read_bytes())) for n in (1, 2)]
    head, log = read_log(evening.center.ledger, evening.election.loaded)
    orders = orders_to_follow(log)
    combined = open_by_answers(files, orders.valid, log)
    alone = count(log, head, combined, orders=orders, answered=combined.trustees).to_json()
    monkeypatch.setattr(spread, "CHUNK", 1)
    with Workers(2) as two:
        data = [entry.data for entry in evening.center.ledger.entries()]
        assert verify_log(evening.election.loaded, [*data, b"junk"], spread=two).leaves[:-1] == log.leaves
        combined = open_by_answers(files, orders.valid, log, spread=two)
        assert count(log, head, combined, orders=orders, answered=combined.trustees).to_json() == alone
        seen = list(two(where, range(40), evening.election.loaded))
    assert [part for part, _ in seen] == list(range(40))
    assert os.getpid() not in {pid for _, pid in seen}


def test_worker_dies() -> None:
    election = trustees_election(1)
    with Workers(2) as two, pytest.raises(WorkersLostError, match="start again"):
        list(two(die, [[0]] * PARTS_MIN, election.loaded))


def test_little_work_starts_processes() -> None:
    election = trustees_election(1)
    data = Device(election, "branch-1").tally()
    with Workers(2) as two:
        log = verify_log(election.loaded, [data], spread=two)
        assert log.leaves == verify_log(election.loaded, [data]).leaves
        assert two._pool is None
