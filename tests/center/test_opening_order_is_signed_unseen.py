"""Commissioners look before they sign: an order that would not hold is told from one that would, with its units."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from center.intake.admission import SPOOL
from center.opening.logged import verify_log
from center.opening.orders import problems_of
from crypto.acts import read_draft, sign_act, to_draft
from tests.center.command import Ran, center
from tests.center.evening import TOO_EARLY_S, Evening, trustees_election
from tests.crypto.election_fixture import Election, make_election, seed_of


@pytest.fixture(scope="module")
def election() -> Election:
    return trustees_election(2)


@pytest.fixture
def evening(tmp_path: Path, election: Election) -> Evening:
    evening = Evening(tmp_path, election)
    evening.day("branch-1")
    return evening


def check(evening: Evening, path: Path | None = None) -> Ran:
    return center("order", "check", path or evening.folder / "order.json", "--config", evening.config)


def test_draft_is_what_the_log_gives(evening: Evening) -> None:
    kit = evening.devices["branch-2"]
    evening.center.take((kit, kit.tally()), (kit, kit.tally(entropy="again")))
    ran = evening.draft()
    assert ran.code == 1
    for words in (
        "opening order 1 of election councils-7 round 1, over 4 leaves",
        "units: 2 expected, 1 counted, 1 set aside, 0 absent",
        "set-aside: branch-2 terminal-2-1 (several-of-one-device): 2 sealed tallies, all of device device-2",
        "it opens 1 envelopes",
    ):
        assert words in ran.out
    ran = check(evening)
    assert (ran.code, "would hold" in ran.out, "set-aside: branch-2" in ran.out) == (0, True, True)
    signed = evening.folder / "signed"
    act = read_draft((evening.folder / "order.json").read_bytes())
    signed.write_bytes(sign_act(act, [evening.election.commissioners["commissioner-executive"]]))
    assert check(evening, signed).code == 0
    # Far from the centre, by what it published.
    evening.witness(1)
    evening.publish()
    given = ("order", "check", signed, "--publication", evening.public)
    assert center(*given, *evening.trust()).code == 0
    assert center(*given).code == 78


def test_order_ends_before_the_second_of_two_envelopes(evening: Evening) -> None:
    """Who chooses where an order ends must not choose between envelopes unseen. An order that lags still holds."""
    kit = evening.devices["branch-2"]
    evening.center.take((kit, kit.tally()))
    assert evening.draft().code == 0
    evening.center.take((kit, kit.tally(entropy="again")))
    alarm = (
        "leaf 3 is another sealed tally of branch-2 terminal-2-1: the order ends at 3 leaves, and opens leaf 2 as if "
        "it were the only one"
    )
    ran = check(evening)
    assert (ran.code, f"alarm: {alarm}" in ran.out) == (1, True)
    order = read_draft((evening.folder / "order.json").read_bytes())
    evening.center.take((SPOOL, sign_act(order, list(evening.election.commissioners.values()))))
    evening.witness(1)
    evening.publish()
    ran = evening.trustee("check")
    assert (ran.code, f"alarm: {alarm}; ask the commissioners" in ran.out) == (0, True)
    ran = evening.audit()
    assert (ran.code, alarm in ran.out) == (1, True)
    # What came after the order was logged is no reproach to anybody.
    evening.center.take((evening.devices["branch-1"], evening.devices["branch-1"].tally(entropy="again")))
    evening.witness(1)
    evening.publish()
    assert "branch-1" not in evening.trustee("check").out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": 2, "prev": "11" * 32}, "the next is number 1"),
        ({"counted": 2}, "it says 2 counted, the log gives 1"),
        ({"set_aside": 1}, "it says 1 set aside, the log gives 0"),
        ({"absent": 0}, "it says 0 absent, the log gives 1"),
        ({"listing_sha256": "00" * 32}, "its listing has SHA-256 0000"),
        ({"round": 2}, "another election, round or manifest"),
        ({"manifest_sha256": "00" * 32}, "another election, round or manifest"),
    ],
)
def test_draft_was_changed(evening: Evening, changes: dict[str, Any], words: str) -> None:
    evening.draft()
    path = evening.folder / "order.json"
    path.write_bytes(to_draft(structs.replace(read_draft(path.read_bytes()), **changes)))
    ran = check(evening)
    assert (ran.code, "do not sign it" in ran.err, words in ran.err) == (65, True, True), ran.err


def test_draft_is_of_another_log_or_overtaken(evening: Evening, election: Election) -> None:
    evening.draft()
    order = read_draft((evening.folder / "order.json").read_bytes())
    kit = evening.devices["branch-2"]
    assert order.type == "opening-order"
    other = verify_log(election.loaded, [kit.account(), kit.tally()])
    assert "the root of this log is" in problems_of(order, other)[0]
    assert problems_of(order, verify_log(election.loaded, [kit.account()]))
    evening.order()
    ran = check(evening)
    assert (ran.code, "the next is number 2" in ran.err) == (65, True)


def test_file_is_no_order(evening: Evening) -> None:
    path = evening.folder / "other"
    path.write_bytes(evening.commission.adjudication())
    assert "no opening order but a adjudication" in check(evening, path).err
    for data in (b"", b"{}", b"\xff"):
        path.write_bytes(data)
        assert check(evening, path).code == 65
    assert check(evening, evening.folder / "nowhere").code == 65


def test_nothing_is_logged(tmp_path: Path, election: Election) -> None:
    ran = Evening(tmp_path, election).draft()
    assert (ran.code, "nothing is logged yet" in ran.err) == (77, True)


def test_order_is_drafted_before_the_opening_time(tmp_path: Path) -> None:
    evening = Evening(tmp_path, make_election(1, opening="trustees"))
    evening.day("branch-1")
    ran = evening.draft()
    assert "submit the order after it" in ran.out


def test_list_hides_an_order(evening: Evening) -> None:
    ran = center("order", "list", "--config", evening.config)
    assert (ran.code, ran.out) == (0, "no order is logged\n")
    evening.order()
    assert not evening.commission.hand_in(evening.commission.order()).refused
    ran = center("order", "list", "--config", evening.config)
    assert ran.code == 1
    first, second = ran.out.splitlines()
    assert first.startswith("order 1  leaf 2  over 2 leaves  opens 1  counted 1, set aside 0, absent 1")
    assert second.startswith("order 2  leaf 3  VOID: what it says of the units is not what the log gives")


def test_witness_vouches_again_after_the_time_and_is_not_heard(evening: Evening) -> None:
    """The same checkpoint, cosigned early, then late by a file: the later time is published."""
    evening.order()
    evening.witness(1, time_s=TOO_EARLY_S)
    evening.publish()
    assert evening.answer(1).code == 77
    newest = evening.center.ledger.newest_checkpoint()
    assert newest is not None
    key, line, shown = (evening.folder / name for name in ("w1.key", "line", "shown"))
    key.write_bytes(seed_of("witness-1"))
    key.chmod(0o600)
    state = ("--state-dir", evening.folder / "state")
    grown = center("log", "consistency", *state, "--from", newest.size, "--to", newest.size).out
    # The first time it remembers the checkpoint, the second time it says only that it is still the newest.
    for text in (newest.note, grown):
        shown.write_text(text, encoding="utf-8")
        ran = center(
            *("witness", "cosign", shown, "--name", "witness-1.example", "--key", key, "--out", line),
            *("--state-dir", evening.folder / "memory", "--log", evening.election.log.vkey),
        )
        assert ran.code == 0, ran.err
    evening.publish("--cosignature", line)
    assert evening.answer(1).code == 0
    # It stays published, whatever the ledger says.
    before = (evening.public / "checkpoint").read_bytes()
    evening.publish()
    assert (evening.public / "checkpoint").read_bytes() == before
