"""A terminal signs counts that cannot be, or that do not add up: refused, or recorded and never mended."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from crypto import canonical, seal
from crypto.codec import b64, unb64
from crypto.errors import EvidenceError, StatementError
from crypto.reports import check_report
from crypto.statements import SealedTally
from crypto.submissions import check_submission
from crypto.wire import TYPE_ACCOUNT_SUBMISSION, TYPE_BALLOT_ACCOUNT, TYPE_TALLY
from drivers.ports import TerminalDone, TerminalEvent
from kit.facts import IncidentRecorded, TallyTaken
from tests.attacks.catalogue import attack
from tests.attacks.stage import Scene, payload_of, signed
from tests.crypto.election_fixture import COUNCIL
from tests.kit.harness import TALLY_MS, TRUTH, Branch
from tests.kit.staff import work_until

Tally = dict[str, Any]
TERMINAL = "terminal-1-1"


def kit_refuses(change: Callable[[Tally], object], reason: str) -> None:
    """A kit whose terminal signs a tally that is changed so takes none of it; the officials are told."""
    branch = work_until(Branch(), "accounted")
    key = branch.election.terminals[TERMINAL]
    reports: list[bytes] = []

    def alter(_: str, event: TerminalEvent) -> TerminalEvent:
        if not isinstance(event, TerminalDone) or event.action != "tally" or event.report is None:
            return event
        tally = json.loads(payload_of(event.report))
        change(tally)
        reports.append(signed(canonical.encode(tally), TYPE_TALLY, key))
        return TerminalDone("tally", event.close_no, reports[-1])

    branch.alter = alter
    branch.advance_to_wall(TALLY_MS + 30_000)
    assert branch.phase == "accounted"
    assert not branch.facts(TallyTaken)
    assert {fact.code for fact in branch.facts(IncidentRecorded)} == {"bad-report"}
    with pytest.raises(EvidenceError, match=reason):
        check_report(reports[0], branch.election.loaded, branch=branch.name, terminal=TERMINAL, kind="tally")


def centre_refuses(scene: Scene, change: Callable[[Tally], object], reason: str) -> None:
    """A ballot account that is changed so, signed by terminal and device alike."""
    data = scene.device.account()
    outer = json.loads(payload_of(data))
    account = json.loads(payload_of(unb64(outer["account"])))
    change(account)
    key = scene.election.terminals[TERMINAL]
    report = signed(canonical.encode(account), TYPE_BALLOT_ACCOUNT, key)
    outer["account"] = b64(report)
    changed = signed(canonical.encode(outer), TYPE_ACCOUNT_SUBMISSION, scene.device.key)
    scene.refuses(changed, StatementError, reason)
    scene.admits(data)


def test_control_terminal_that_tells_the_truth_is_refused() -> None:
    branch = work_until(Branch(), "delivered")
    assert branch.facts(TallyTaken)
    assert not branch.facts(IncidentRecorded)


@attack("negative count")
def test_votes_below_nothing_take_votes_from_somebody(scene: Scene) -> None:
    """-1201 for one and 2402 more for the other adds up."""

    def move(tally: Tally) -> None:
        votes = tally["contests"][COUNCIL]["votes"]
        votes["5"] += 2 * votes["2"]
        votes["2"] = -votes["2"]

    kit_refuses(move, ">= 0")
    centre_refuses(scene, lambda account: account["ballots"].update({COUNCIL: -1}), ">= 0")


@attack("unknown candidate")
def test_votes_for_nobody_on_the_ballot(scene: Scene) -> None:
    def add(tally: Tally) -> None:
        tally["contests"][COUNCIL]["votes"]["77"] = 1

    kit_refuses(add, "has an undefined code '77'")
    centre_refuses(
        scene,
        lambda account: account["ballots"].update({"president:1": 1}),
        "has an undefined contest 'president:1'",
    )


@attack("sum differs from total")
def test_counts_that_do_not_add_up_pass_for_sound() -> None:
    """Evidence is not refused and not mended: the tally goes out as it was signed, with an alarm beside it."""
    honest = work_until(Branch(), "delivered")
    assert honest.station.day.state.findings == []
    branch = work_until(Branch(dishonest=["candidates-do-not-add-up"]), "delivered")
    (finding,) = branch.station.day.state.findings
    assert (finding.grade, finding.code, finding.contest) == ("alarm", "candidates-do-not-add-up", COUNCIL)
    shown = branch.station.status(branch.now)["findings"]
    assert [one["code"] for one in shown] == ["candidates-do-not-add-up"]
    statement = check_submission(unb64(branch.envelopes()[-1].envelope), branch.election.loaded).statement
    assert isinstance(statement, SealedTally)
    opened = seal.open_tally(statement, branch.election.election_private_key, branch.election.loaded)
    assert sum(opened.tally.contests[COUNCIL].votes.values()) == TRUTH[COUNCIL].valid + 1
