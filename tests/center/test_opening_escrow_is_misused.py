"""Plan B: only where the manifest says so, by enough shares, for what was ordered, and never without saying so."""

import json
from pathlib import Path

import pytest

from center.errors import NoOrderError, OpeningError
from center.opening import slip39
from center.opening.opening import open_election
from center.publication import layout as publication
from crypto import canonical
from crypto.acts import read_draft, sign_act
from tests.center.branch import WALL_MS
from tests.center.command import Ran, center
from tests.center.evening import Evening, cosign
from tests.center.publication import PAST
from tests.crypto.election_fixture import COUNCIL, Election, key_of, make_election, seed_of

SHARES = (
    (
        "cylinder result academic acid aquatic spider sympathy style cinema afraid organize listen adapt "
        "peasant bundle peanut both club explain forget blimp speak snake royal dwarf declare wits smear "
        "black stick tadpole recover income"
    ),
    (
        "cylinder result academic agency adjust rebuild dryer human dynamic eclipse voter bulge calcium "
        "domestic spray column manual alpha learn package switch ultimate recover shelter leaves nail "
        "family downtown hormone survive depict keyboard change"
    ),
    (
        "cylinder result academic always adapt much alcohol prune ancient emphasis epidemic rival nylon "
        "fake olympic segment debris testify sidewalk snapshot move cricket acne rhyme fangs welcome "
        "rescue eraser upstairs bedroom deadline meaning density"
    ),
)
"""Of the election key of the fixture, two of three; made once, with another seed they would have other words."""


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=PAST, opening="slip39", standbys=1)


@pytest.fixture(scope="module")
def words(election: Election) -> list[str]:
    return slip39.split(election.election_private_key, 2, 3)


class PlanB(Evening):
    def shares(self, *words: str) -> list[object]:
        options: list[object] = []
        for number, one in enumerate(words):
            path = self.folder / f"share-{number}.txt"
            path.write_text(f"# election councils-7\n{one}\n", encoding="utf-8")
            options += ["--share", path]
        return options

    def open_with(self, *words: str, options: tuple[object, ...] = ()) -> Ran:
        given = ("open", "--config", self.config, "--escrow", "slip39", *self.shares(*words))
        return center(*given, "--out", self.result, *options)


@pytest.fixture
def office(tmp_path: Path, election: Election) -> PlanB:
    office = PlanB(tmp_path, election)
    office.day("branch-1")
    return office


def test_plan_b_does_not_say_that_it_is_one(office: PlanB, words: list[str]) -> None:
    office.day("branch-2")
    office.order()
    office.publish()
    ran = office.open_with(*words[:2])
    assert ran.code == 0, ran.err
    assert "PLAN B" in ran.err
    assert "PLAN B" in ran.out
    facts = json.loads(office.result.read_bytes())
    assert (facts["opening"], facts["plan_b"], facts["orders"][0]["trustees"]) == ("slip39", True, [])
    assert facts["contests"][COUNCIL]["votes"] == {"2": 240, "5": 400, "41": 960}
    once = office.result.read_bytes()
    assert office.open_with(words[2], words[0]).code == 0
    assert office.result.read_bytes() == once
    office.publish("--opening", office.result)
    totals = publication.decode_totals((office.public / "totals.json").read_bytes())
    assert (totals.opening, totals.plan_b) == ("slip39", True)
    ran = office.audit()
    assert ran.code == 0, ran.out
    assert "PLAN B" in ran.out
    assert "plan B (SLIP-39): what the envelopes decrypt to cannot be recomputed" in ran.out
    assert "opening orders 1" in ran.out


def test_nothing_was_ordered(office: PlanB, words: list[str], election: Election) -> None:
    ran = office.open_with(*words[:2])
    assert (ran.code, "no opening order that holds is logged" in ran.err) == (77, True)
    assert not office.result.exists()
    with pytest.raises(NoOrderError):
        open_election(office.center.ledger, election.loaded, election.election_private_key, wall_ms=WALL_MS)


def test_what_was_not_ordered_is_opened(office: PlanB, words: list[str]) -> None:
    office.order()
    office.day("branch-2")
    assert office.open_with(*words[:2]).code == 1
    facts = json.loads(office.result.read_bytes())
    assert [unit["status"] for unit in facts["units"]] == ["counted", "absent"]
    assert [finding["code"] for finding in facts["findings"]] == ["in-no-order-yet"]


def test_set_aside_unit_is_shown(office: PlanB, words: list[str]) -> None:
    kit = office.devices["branch-1"]
    office.center.take((kit, kit.tally(entropy="again")))
    office.order()
    assert office.open_with(*words[:2]).code == 2
    (unit, _) = json.loads(office.result.read_bytes())["units"]
    assert (unit["status"], unit["code"], unit["contests"]) == ("set-aside", "several-of-one-device", {})
    office.publish("--opening", office.result)
    assert office.audit().code == 2
    # Whoever gives another reason is found out, although nothing of the unit is disclosed.
    path = office.public / "opening" / "4.json"
    facts = json.loads(path.read_bytes())
    facts["units"][0]["envelopes"] = []
    path.write_bytes(canonical.encode(facts))
    assert office.audit().code == 65


@pytest.mark.parametrize("case", ["one", "one twice", "other key", "wrong word", "no words", "another split"])
def test_shares_that_do_not_restore_the_key(
    office: PlanB, words: list[str], case: str, election: Election
) -> None:
    office.order()
    given = {
        "one": words[:1],
        "one twice": [words[0], words[0]],
        "other key": slip39.split(seed_of("another key"), 2, 3)[:2],
        "wrong word": [words[0], words[1].rsplit(" ", 1)[0] + " academic"],
        "no words": [words[0], "these are no words of a share"],
        "another split": [words[0], slip39.split(election.election_private_key, 2, 3)[0]],
    }[case]
    ran = office.open_with(*given)
    assert ran.code == 65, ran.err
    assert not office.result.exists()
    assert election.election_private_key.hex() not in ran.err


def test_plan_b_where_the_manifest_says_otherwise(tmp_path: Path, words: list[str]) -> None:
    for kind, how in (("trustees", "answers of trustees"), ("single-key", "the key itself")):
        folder = tmp_path / kind
        folder.mkdir()
        office = PlanB(folder, make_election(2, schedule=PAST, opening=kind))  # type: ignore[arg-type]
        office.day("branch-1")
        ran = office.open_with(*words[:2])
        assert (ran.code, f"is opened by {how}" in ran.err) == (65, True)


def test_other_ways_where_the_manifest_says_plan_b(office: PlanB) -> None:
    office.order()
    (office.folder / "none.json").write_bytes(b"{}")
    ran = center("open", "--config", office.config, "--key", office.folder / "election.key")
    assert (ran.code, "SLIP-39 shares (--escrow slip39 --share)" in ran.err) == (65, True)
    ran = office.open_by(office.folder / "none.json")
    assert (ran.code, "SLIP-39" in ran.err) == (65, True)
    ran = office.trustee("check")
    assert ran.code in {65, 69}


def test_command_is_used_wrongly(office: PlanB, words: list[str]) -> None:
    assert center("open", "--config", office.config).code == 78
    assert center("open", "--config", office.config, "--escrow", "slip39").code == 78
    shares = office.shares(*words[:2])
    key = office.folder / "election.key"
    assert center("open", "--config", office.config, "--key", key, *shares).code == 78
    assert center("open", "--config", office.config, "--key", key, "--escrow", "slip39", *shares).code == 64
    assert center("open", "--config", office.config, "--escrow", "slip39", "--share", "nowhere").code == 65
    assert center("open", "--config", office.config, "--key", key, "--answers", key).code == 78


def test_witnesses_are_named_and_saw_nothing(tmp_path: Path, words: list[str]) -> None:
    trustees = make_election(1, opening="trustees")
    policy = trustees.manifest.witness_policy
    election = make_election(2, schedule=PAST, opening="slip39", witness_policy=policy)
    office = PlanB(tmp_path, election)
    office.day("branch-1")
    office.order()
    ran = office.open_with(*words[:2])
    assert (ran.code, "witnesses have to vouch" in ran.err) == (77, True)
    newest = office.center.ledger.newest_checkpoint()
    assert newest is not None
    for time_s, code in ((1_500_000_000, 77), (1_900_000_000, 1)):
        vkey, line = cosign(trustees, newest.note, 1, time_s)
        number = 1 if code == 77 else 2
        vkey, line = cosign(trustees, newest.note, number, time_s)
        office.center.ledger.add_cosignature(newest.size, vkey, line, at="2030-03-17T17:46:40Z")
        ran = office.open_with(*words[:2])
        assert ran.code == code, ran.err


def test_order_is_signed_by_somebody_else(office: PlanB, words: list[str]) -> None:
    office.draft()
    act = read_draft((office.folder / "order.json").read_bytes())
    forged = sign_act(act, [key_of("nobody"), key_of("nobody else")])
    assert office.commission.hand_in(forged).refused
    assert office.open_with(*words[:2]).code == 77


def test_trustees_election_is_opened_with_a_whole_key(tmp_path: Path) -> None:
    election = make_election(1, schedule=PAST, opening="trustees")
    office = Evening(tmp_path, election)
    with pytest.raises(OpeningError, match="answers of trustees"):
        open_election(office.center.ledger, election.loaded, bytes(32), wall_ms=WALL_MS)


def test_shares_that_were_made_long_ago_restore_something_else(election: Election) -> None:
    for pair in (SHARES[:2], SHARES[1:], SHARES[::2], SHARES):
        restored = slip39.restore(pair, election.loaded.election_public_key)
        assert restored == election.election_private_key
