"""The power goes at every moment of a whole day at which something became durable, or was about to."""

from typing import Literal

import pytest

from crypto import receipt, seal
from crypto.codec import sha256_hex, unb64
from crypto.reports import check_report
from crypto.statements import AccountSubmission, SealedTally
from crypto.submissions import check_submission
from kit.facts import BootRecorded, ReceiptStored, TallyTaken
from tests.kit.harness import ONE_TERMINAL, TALLY_MS, TRUTH, TWO_TERMINALS, Branch, PowerCut
from tests.kit.staff import work_until

ELECTIONS = {"one terminal": ONE_TERMINAL, "two terminals": TWO_TERMINALS}


MOMENTS = {"one terminal": 24, "two terminals": 33}
"""How often a day makes something durable."""
CUTS = [
    (terminals, when, number)
    for terminals, moments in MOMENTS.items()
    for when in ("before", "after")
    for number in range(1, moments + 1)
]


@pytest.mark.parametrize("terminals", ELECTIONS)
def test_day_has_moments_at_which_nobody_pulled_the_plug(terminals: str) -> None:
    branch = work_until(Branch(ELECTIONS[terminals]), "delivered")
    assert branch.journal.appends == MOMENTS[terminals]
    assert branch.lives == 1


def assert_day_is_whole(branch: Branch) -> None:
    """One account and one tally for each terminal, chained, opened to the truth, and receipted."""
    manifest = branch.election.loaded
    envelopes = branch.envelopes()
    assert sorted((fact.kind, fact.terminal) for fact in envelopes) == sorted(
        (kind, terminal) for terminal in branch.lines for kind in ("account", "tally")
    )
    previous = None
    for number, fact in enumerate(envelopes, 1):
        data = unb64(fact.envelope)
        statement = check_submission(data, manifest).statement
        assert (fact.seq, statement.seq, statement.prev) == (number, number, previous)
        previous = sha256_hex(data)
        if isinstance(statement, SealedTally):
            opened = seal.open_tally(statement, branch.election.election_private_key, manifest)
            counted = {contest: dict(result.votes) for contest, result in opened.tally.contests.items()}
            assert counted == {contest: dict(truth.votes) for contest, truth in TRUTH.items()}
        else:
            assert isinstance(statement, AccountSubmission)
            account = unb64(statement.account)
            check_report(account, manifest, branch=branch.name, terminal=fact.terminal, kind="account")
    stored = {fact.seq: fact for fact in branch.facts(ReceiptStored)}
    assert sorted(stored) == [fact.seq for fact in envelopes]
    for fact in envelopes:
        log, policy = manifest.log_verifier, manifest.manifest.witness_policy
        verified = receipt.verify(stored[fact.seq].receipt, unb64(fact.envelope), log=log, policy=policy)
        assert receipt.delivered(verified, policy)


def assert_sent_is_what_was_sealed(branch: Branch) -> None:
    by_seq = {fact.seq: unb64(fact.envelope) for fact in branch.envelopes()}
    for sent in branch.published:
        assert sent.data == by_seq[sent.seq], "other bytes were sent under this number"
    assert len(branch.center.taken) == len(by_seq)


@pytest.mark.parametrize(("terminals", "when", "number"), CUTS)
def test_power_goes_around_a_fact(terminals: str, when: Literal["before", "after"], number: int) -> None:
    branch = work_until(Branch(ELECTIONS[terminals], cut=(when, number)), "delivered")
    assert branch.lives == 2, "the power was to go once"
    after = {fact.seq: fact for fact in branch.envelopes()}
    for fact in branch.sealed_at_boot:
        assert after[fact.seq] == fact, "what was sealed before the cut was sealed anew"
    assert_day_is_whole(branch)
    assert_sent_is_what_was_sealed(branch)


def test_power_goes_again_and_again() -> None:
    """Each life makes one thing durable beside its own birth and the uplink that it found, and dies of it."""
    branch = Branch(TWO_TERMINALS)
    branch.appends_per_life = 3
    branch.boot()
    work_until(branch, "delivered")
    assert branch.lives > 20
    assert_day_is_whole(branch)
    assert_sent_is_what_was_sealed(branch)


def test_terminal_is_gone_when_the_kit_comes_back() -> None:
    """The plaintext is lost with the RAM; the terminal gives the same bytes again, whenever it returns."""
    branch = work_until(Branch(), "accounted")
    branch.advance_to_wall(TALLY_MS - 1)
    branch.journal.cut = ("after", branch.journal.appends + 2)  # TallyTaken, and into the phase
    with pytest.raises(PowerCut):
        branch.advance(10)
    branch.lines["terminal-1-1"].connected = False
    branch.boot()
    branch.advance(600_000)
    assert branch.phase == "tallied"
    assert not [fact for fact in branch.envelopes() if fact.kind == "tally"]
    branch.plug("terminal-1-1")
    work_until(branch, "delivered")
    assert_day_is_whole(branch)
    assert len(branch.facts(TallyTaken)) == 1, "what was durable was recorded twice"


def test_every_life_is_recorded() -> None:
    branch = work_until(Branch(cut=("after", 9)), "delivered")
    assert [fact.boot_id for fact in branch.facts(BootRecorded)] == ["boot-1", "boot-2"]
