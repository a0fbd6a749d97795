"""The listing: what becomes of each unit follows from the leaves alone, with a reason that nobody has to guess."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from center.errors import NoOrderError
from center.opening.listing import ListedUnit, Listing, make_listing, read_listing
from center.opening.logged import verify_log
from center.opening.opening import orders_to_follow
from center.opening.orders import draft, orders_of
from crypto.acts import sign_act
from crypto.codec import sha256_hex
from crypto.errors import EvidenceError, ProofError
from tests.center.branch import Device
from tests.center.evening import Evening, trustees_election
from tests.crypto.election_fixture import Election, make_election

EPHEMERAL = b"\5" * 32


@pytest.fixture(scope="module")
def election() -> Election:
    return trustees_election(2)


@pytest.fixture
def evening(tmp_path: Path, election: Election) -> Evening:
    """Only for its devices and its commission: what a log may hold beyond what a centre admits, is added by hand."""
    return Evening(tmp_path, election)


def listing(election: Election, leaves: Sequence[bytes], size: int | None = None) -> Listing:
    log = verify_log(election.loaded, leaves)
    return make_listing(log, len(leaves) if size is None else size)


def unit(made: Listing, terminal: str = "terminal-1-1") -> ListedUnit:
    return next(one for one in made.units if one.terminal == terminal)


def said(made: Listing, terminal: str = "terminal-1-1") -> tuple[str, str]:
    one = unit(made, terminal)
    return one.status, one.code


def findings(made: Listing) -> list[tuple[str, int]]:
    return [(one.code, one.leaf) for one in made.findings]


def test_one_tally_is_counted_and_the_rest_is_absent(election: Election, evening: Evening) -> None:
    kit, other = evening.devices["branch-1"], evening.devices["branch-2"]
    leaves = [kit.account(), kit.tally(), other.account()]
    made = listing(election, leaves)
    one, two = made.units
    assert (one.status, one.code, one.leaf, one.envelope_sha256) == (
        "counted",
        "only-one",
        1,
        sha256_hex(leaves[1]),
    )
    assert (two.status, two.code) == ("absent", "account-only")
    assert two.reason == "its ballot account arrived, its sealed tally did not"
    assert said(listing(election, leaves[:1]), "terminal-2-1") == ("absent", "nothing-arrived")
    assert not made.findings
    assert read_listing(made.to_bytes()) == made
    assert (made.count("counted"), made.count("absent"), made.count("set-aside")) == (1, 1, 0)


def test_prefix_is_the_same_whatever_came_later(election: Election, evening: Evening) -> None:
    kit = evening.devices["branch-1"]
    leaves = [
        kit.account(),
        kit.tally(),
        kit.tally(entropy="again", ephemeral=EPHEMERAL),
        b"{}",
        kit.account(),
    ]
    for size in range(1, len(leaves) + 1):
        whole = listing(election, leaves, size).to_bytes()
        assert whole == listing(election, leaves[:size]).to_bytes()
    with pytest.raises(ProofError):
        listing(election, leaves, 6)


@pytest.mark.parametrize(
    ("second", "code", "words"),
    [
        ({"close_no": 2}, "several-closes", "of closes 1, 2 (by device-1)"),
        ({"entropy": "again"}, "several-of-one-device", "all of device device-1"),
        ({"standby": True}, "several-devices", "of devices device-1, standby-device-1-1"),
    ],
)
def test_several_tallies_of_one_terminal(
    election: Election, evening: Evening, second: dict[str, Any], code: str, words: str
) -> None:
    kit = evening.devices["branch-1"]
    other = evening.standby(1) if second.pop("standby", False) else kit
    leaves = [kit.tally(), other.tally(**second)]
    found = unit(listing(election, leaves))
    assert (found.status, found.code, found.envelope_sha256, found.leaf) == ("set-aside", code, None, None)
    assert words in found.reason
    assert "no adjudication says which counts" in found.reason
    assert found.envelopes == tuple(map(sha256_hex, leaves))


def test_log_holds_one_tally_twice(election: Election, evening: Evening) -> None:
    """The centre alone must not be able to have a unit set aside, by logging what it has once more."""
    kit = evening.devices["branch-1"]
    tally = kit.tally()
    leaves = [kit.account(), tally, tally]
    found = unit(listing(election, leaves))
    assert (found.status, found.code, found.leaf) == ("counted", "only-one", 1)
    assert found.envelopes == (sha256_hex(tally),)
    assert unit(listing(election, leaves, 2)) == found
    # Evidence that is looked at leaf by leaf still shows it.
    act = evening.commission.adjudication(decision="count", envelope=tally)
    assert unit(listing(election, [*leaves, act])).leaf == 1


def test_standby_terminal_is_expected_before_anything_came(election: Election, evening: Evening) -> None:
    standby = "standby-terminal-1-1"
    kit = evening.devices["branch-1"]
    assert [one.terminal for one in listing(election, [kit.tally()]).units] == [
        "terminal-1-1",
        "terminal-2-1",
    ]
    made = listing(election, [kit.tally(), kit.account(standby)])
    assert said(made, standby) == ("absent", "account-only")
    act = evening.commission.adjudication(terminal=standby, decision="absent", cause="not-used")
    assert said(listing(election, [kit.tally(), act]), standby) == ("absent", "adjudicated")


# --- encapsulated keys ---------------------------------------------------------------------------------------------


def test_encapsulated_key_is_used_twice(election: Election, evening: Evening) -> None:
    one, two = evening.devices["branch-1"], evening.devices["branch-2"]
    leaves = [one.tally(ephemeral=EPHEMERAL), two.tally(ephemeral=EPHEMERAL)]
    made = listing(election, leaves)
    for terminal, other in (("terminal-1-1", leaves[1]), ("terminal-2-1", leaves[0])):
        found = unit(made, terminal)
        assert (found.status, found.code) == ("set-aside", "enc-reused")
        assert sha256_hex(other) in found.reason
    assert findings(made) == [("enc-reused", 0), ("enc-reused", 1)]
    assert made.findings[0].branch == "branch-1"
    # Before the second came, nothing could be seen.
    assert said(listing(election, leaves, 1)) == ("counted", "only-one")


def test_encapsulated_key_is_a_multiple_of_anothers(election: Election, evening: Evening) -> None:
    """Its sealer knew both keys, or there would be no proof with it: a broken source of randomness."""
    one, two = evening.devices["branch-1"], evening.devices["branch-2"]
    clamped = (int.from_bytes(EPHEMERAL, "little") & ~7 & (2**255 - 1)) | 2**254
    order = 2**252 + 27742317777372353535851937790883648493
    twice = next(
        number.to_bytes(32, "little")
        for sign in (1, -1)
        for number in [(sign * 2 * clamped * pow(8, -1, order)) % order * 8 + k * 8 * order for k in range(8)]
        if number >> 254 == 1
    )
    leaves = [one.tally(ephemeral=clamped.to_bytes(32, "little")), two.tally(ephemeral=twice)]
    made = listing(election, leaves)
    assert findings(made) == [("enc-related", 0), ("enc-related", 1)]
    assert said(made, "terminal-2-1") == ("set-aside", "enc-related")
    assert "made from one another (multiples 2 and 1" in unit(made).reason


def test_reused_key_is_settled_by_an_adjudication(election: Election, evening: Evening) -> None:
    one, two = evening.devices["branch-1"], evening.devices["branch-2"]
    leaves = [one.tally(ephemeral=EPHEMERAL), two.tally(ephemeral=EPHEMERAL)]
    leaves.append(evening.commission.adjudication("branch-1", "count", leaves[0]))
    made = listing(election, leaves)
    assert said(made) == ("counted", "adjudicated")
    assert said(made, "terminal-2-1") == ("set-aside", "enc-reused")
    assert len(made.findings) == 2, "it stays an alarm"


# --- adjudications -------------------------------------------------------------------------------------------------


def acts(evening: Evening, *acts_: dict[str, Any]) -> list[bytes]:
    """A chain of adjudications, whatever is in the log."""
    made: list[bytes] = []
    for number, fields in enumerate(acts_, 1):
        chain = {"number": number, "prev": sha256_hex(made[-1]) if made else None}
        made.append(evening.commission.adjudication(**(chain | fields)))
    return made


def test_last_adjudication_stands_and_only_within_the_prefix(election: Election, evening: Evening) -> None:
    kit = evening.devices["branch-1"]
    one, two = kit.tally(), kit.tally(entropy="again")
    chain = acts(
        evening,
        {"decision": "count", "envelope": one},
        {"decision": "count", "envelope": two},
        {"decision": "set-aside"},
        {"decision": "absent"},
    )
    leaves = [one, two, *chain]
    seen = [unit(listing(election, leaves, size)) for size in range(2, 7)]
    assert [(found.status, found.envelope_sha256) for found in seen] == [
        ("set-aside", None),
        ("counted", sha256_hex(one)),
        ("counted", sha256_hex(two)),
        ("set-aside", None),
        ("set-aside", None),
    ]
    assert [found.adjudication for found in seen] == [None, *map(sha256_hex, chain)]
    assert seen[-1].code == "adjudicated-absent-but-arrived"
    assert "adjudication 1, disputed: two counts, and the poll book" in seen[1].reason


def test_set_aside_where_nothing_came_is_absent(election: Election, evening: Evening) -> None:
    found = unit(listing(election, acts(evening, {"decision": "set-aside"})))
    assert (found.status, found.code) == ("absent", "adjudicated")


def test_adjudication_names_what_was_not_logged_before_it(election: Election, evening: Evening) -> None:
    kit, other = evening.devices["branch-1"], evening.devices["branch-2"]
    one, two, foreign = kit.tally(), kit.tally(entropy="again"), other.tally()
    account = kit.account()
    for named in (two, foreign, account, b"nothing"):
        chain = acts(evening, {"decision": "count", "envelope": named})
        made = listing(election, [one, account, foreign, *chain, two])
        assert said(made) == ("set-aside", "several-of-one-device")
        assert findings(made) == [("adjudication-void", 3)]
        assert "no sealed tally of it that was logged before" in made.findings[0].detail
    # A void one does not undo the one before it.
    chain = acts(evening, {"decision": "count", "envelope": one}, {"decision": "count", "envelope": foreign})
    assert unit(listing(election, [one, two, *chain])).envelope_sha256 == sha256_hex(one)


def test_adjudication_out_of_its_chain(election: Election, evening: Evening) -> None:
    kit = evening.devices["branch-1"]
    one, two = kit.tally(), kit.tally(entropy="again")
    (first,) = acts(evening, {"decision": "count", "envelope": one})
    for fields in (
        {"number": 1, "prev": None},
        {"number": 3, "prev": sha256_hex(first)},
        {"number": 2, "prev": "44" * 32},
    ):
        stray = evening.commission.adjudication("branch-1", "count", two, **fields)
        made = listing(election, [one, two, first, stray])
        assert unit(made).envelope_sha256 == sha256_hex(one)
        assert findings(made) == [("act-out-of-sequence", 3)]
    good = evening.commission.adjudication("branch-1", "count", two, number=2, prev=sha256_hex(first))
    assert unit(listing(election, [one, two, first, good])).envelope_sha256 == sha256_hex(two)


def test_act_of_one_commissioner_settles_something(election: Election, evening: Evening) -> None:
    kit = evening.devices["branch-1"]
    one, two = kit.tally(), kit.tally(entropy="again")
    evening.commission.signers = ("commissioner-executive",)
    act = evening.commission.adjudication("branch-1", "count", one)
    made = listing(election, [one, two, act])
    assert said(made) == ("set-aside", "several-of-one-device")
    assert findings(made) == [("not-authentic", 2)]


def test_leaf_that_is_not_authentic_is_counted(election: Election) -> None:
    foreign = Device(make_election(2, version=2), "branch-1").tally()
    made = listing(election, [foreign, b"junk"])
    assert said(made) == ("absent", "nothing-arrived")
    assert findings(made) == [("not-authentic", 0), ("not-authentic", 1)]


# --- orders before it ----------------------------------------------------------------------------------------------


def ordered(election: Election, leaves: list[bytes]) -> list[bytes]:
    """The leaves with the next order behind them."""
    order, _ = draft(verify_log(election.loaded, leaves), len(leaves))
    return [*leaves, sign_act(order, list(election.commissioners.values()))]


def test_opened_unit_gets_another_envelope(election: Election, evening: Evening) -> None:
    kit = evening.devices["branch-1"]
    leaves = ordered(election, [kit.tally()])
    leaves = ordered(election, [*leaves, kit.tally(entropy="again")])
    first, second = orders_of(verify_log(election.loaded, leaves)).valid
    assert len(first.listing.newly_counted()) == 1
    found = unit(second.listing)
    assert (found.status, found.code, found.opened_by) == ("counted", "opened", 1)
    assert found.envelope_sha256 == sha256_hex(leaves[0])
    assert second.listing.newly_counted() == ()
    leaves += acts(evening, {"decision": "count", "envelope": leaves[2]})
    leaves = ordered(election, leaves)
    third = orders_of(verify_log(election.loaded, leaves)).valid[-1]
    assert unit(third.listing).envelope_sha256 == sha256_hex(leaves[0])
    assert findings(third.listing) == [("adjudication-void", 4)]
    assert "order 1 opened envelope" in third.listing.findings[0].detail


def test_void_order_opens_something(election: Election, evening: Evening) -> None:
    """It keeps its number, so that the next one can follow it, and locks nothing."""
    kit = evening.devices["branch-1"]
    one, two = kit.tally(), kit.tally(entropy="again")
    wrong = evening.commission.order(
        1, log=draft(verify_log(election.loaded, [one]), 1)[0].log, number=1, prev=None
    )
    leaves = ordered(election, [one, wrong, two])
    orders = orders_of(verify_log(election.loaded, leaves))
    assert [(order.number, order.flaw) for order in orders.void] == [(1, "listing")]
    assert [order.number for order in orders.valid] == [2]
    assert said(orders.valid[0].listing) == ("set-aside", "several-of-one-device")
    with pytest.raises(NoOrderError, match=r"order 1 \(leaf 1\) holds nothing"):
        orders_to_follow(verify_log(election.loaded, leaves[:2]))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]"])
def test_listing_that_is_none(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        read_listing(data)
