"""The opening: never early, never by another key, never twice, never silently without a unit."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from center.errors import OpeningError, TooEarlyError
from center.log.checkpoints import Checkpoint
from center.log.entries import Entry
from center.opening.opening import open_election
from center.opening.types import Opening
from crypto import codec, enc_proof, envelope, merkle, rfc3339
from crypto.act_statements import Adjudication, ScheduleChange
from crypto.acts import AnyAct, sign_act
from crypto.codec import sha256_hex
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.notes import NoteSigner
from crypto.statements import ContestResult, SealedTally
from crypto.submissions import seal_info
from crypto.wire import TYPE_SEALED_TALLY
from tests.center.branch import WALL_MS, Device, two_branches
from tests.crypto.election_fixture import (
    COUNCIL,
    ELECTION,
    MAYOR,
    PUBLIC_COUNTER,
    RESULTS,
    SCHEDULE,
    VOTERS_SIGNED_IN,
    Election,
    key_of,
    make_election,
)


@dataclass(frozen=True)
class Leaves:
    """A log in memory: opening needs no database."""

    election: Election
    envelopes: tuple[tuple[str, bytes], ...]
    signer: NoteSigner

    @classmethod
    def of(cls, election: Election, *envelopes: tuple[Device, bytes]) -> "Leaves":
        return cls(election, tuple((device.branch, data) for device, data in envelopes), election.log)

    def newest_checkpoint(self) -> Checkpoint | None:
        if not self.envelopes:
            return None
        root = merkle.root([merkle.leaf_hash(data) for _, data in self.envelopes])
        text = SignedCheckpoint(self.signer.name, len(self.envelopes), root).text()
        return Checkpoint(len(self.envelopes), self.signer.sign(text))

    def entries(self, size: int | None = None) -> Iterator[Entry]:
        for leaf, (branch, data) in enumerate(self.envelopes[:size]):
            yield Entry(leaf, sha256_hex(data), branch, "unit", "type", "at", (), data)


def opened(log: Leaves) -> Opening:
    election = log.election
    return open_election(log, election.loaded, election.election_private_key, wall_ms=WALL_MS)


def codes(opening: Opening) -> list[tuple[str, str, str]]:
    return [(finding.grade, finding.code, finding.branch) for finding in opening.findings]


def changed(contest: str, **numbers: Any) -> dict[str, ContestResult]:
    return {**RESULTS, contest: msgspec.structs.replace(RESULTS[contest], **numbers)}


def whole_day(election: Election, *branches: str) -> list[tuple[Device, bytes]]:
    devices = [Device(election, branch) for branch in branches]
    return [(device, make()) for device in devices for make in (device.account, device.tally)]


def test_everything_arrived_and_agrees() -> None:
    election, _, _ = two_branches()
    opening = opened(Leaves.of(election, *whole_day(election, "branch-1", "branch-2")))
    assert not opening.findings
    assert [unit.status for unit in opening.units] == ["counted", "counted"]
    for unit in opening.units:
        assert unit.public_counter == PUBLIC_COUNTER
        assert msgspec.to_builtins(unit.contests) == msgspec.to_builtins(RESULTS)
    assert opening.contests[COUNCIL].votes == {"2": 240, "5": 400, "41": 960}
    assert opening.contests[MAYOR].votes == {"02": 780, "2": 810}
    assert opening.contests[COUNCIL].blank is None
    assert opening.contests[MAYOR].blank == 20
    assert [
        opening.contests[MAYOR].valid,
        opening.contests[MAYOR].invalid,
        opening.contests[MAYOR].ballots,
    ] == [
        1610,
        10,
        1620,
    ]


def test_json_says_single_key_and_names_its_checkpoint_and_is_repeatable() -> None:
    election, _, _ = two_branches()
    log = Leaves.of(election, *whole_day(election, "branch-1"))
    data = opened(log).to_json()
    assert data == opened(log).to_json()
    facts = json.loads(data)
    assert facts["opening"] == "single-key"
    newest = log.newest_checkpoint()
    assert newest is not None
    assert facts["log"]["checkpoint"] == newest.note
    assert facts["log"]["size"] == 2


def test_one_millisecond_early_is_too_early() -> None:
    election, _, _ = two_branches()
    log = Leaves.of(election)
    not_before = rfc3339.to_ms(SCHEDULE.opening_not_before)
    with pytest.raises(TooEarlyError, match="wait until then"):
        open_election(log, election.loaded, election.election_private_key, wall_ms=not_before - 1)
    open_election(log, election.loaded, election.election_private_key, wall_ms=not_before)


@pytest.mark.parametrize("key", [b"\1" * 32, b"short", b""])
def test_another_key_opens_nothing(key: bytes) -> None:
    election, _, _ = two_branches()
    with pytest.raises(OpeningError, match="key"):
        open_election(Leaves.of(election), election.loaded, key, wall_ms=WALL_MS)


def test_every_unit_of_an_empty_log_is_absent_with_a_reason() -> None:
    election = make_election(2, terminals_per_branch=2)
    opening = opened(Leaves.of(election))
    assert [(unit.status, unit.reason) for unit in opening.units] == [
        ("absent", "nothing arrived from it")
    ] * 4
    assert opening.log.size == 0
    assert opening.log.checkpoint is None
    assert opening.contests[COUNCIL].votes == {"2": 0, "5": 0, "41": 0}


def test_account_without_tally_is_absent_and_its_numbers_are_still_compared() -> None:
    election, one, _ = two_branches()
    voters = {**VOTERS_SIGNED_IN, COUNCIL: 900}
    opening = opened(Leaves.of(election, (one, one.account(voters=voters))))
    assert opening.units[0].reason == "its ballot account arrived, its tally did not"
    (finding,) = opening.findings
    assert (finding.code, finding.contest, finding.numbers) == (
        "signed-in-differs",
        COUNCIL,
        {"ballots": 814, "signed_in": 900},
    )


def test_two_different_tallies_of_one_terminal_count_neither_and_show_neither() -> None:
    election, one, two = two_branches()
    results = changed(COUNCIL, votes={"2": 121, "5": 200, "41": 479})
    log = Leaves.of(
        election,
        (one, one.account()),
        (one, one.tally()),
        (one, one.tally(results=results)),
        (two, two.account()),
        (two, two.tally()),
    )
    opening = opened(log)
    assert [unit.status for unit in opening.units] == ["set-aside", "counted"]
    assert len(opening.units[0].envelopes) == 2
    assert opening.contests[COUNCIL].votes == {"2": 120, "5": 200, "41": 480}
    assert ("alarm", "clash", "branch-1") in codes(opening)
    # Two counts a few voters apart would tell what those few voted.
    assert opening.units[0].contests == {}
    assert opening.units[0].public_counter is None
    assert not any(finding.numbers.keys() - {"tallies"} for finding in opening.findings)


def test_tallies_of_two_closes_of_one_terminal_are_a_clash_too() -> None:
    election, one, _ = two_branches()
    opening = opened(Leaves.of(election, (one, one.tally()), (one, one.tally(close_no=2))))
    assert opening.units[0].status == "set-aside"
    assert opening.units[0].close_no is None
    assert opening.contests[COUNCIL].ballots == 0


def test_same_tally_sealed_twice_counts_once() -> None:
    election, one, _ = two_branches()
    log = Leaves.of(election, (one, one.account()), (one, one.tally()), (one, one.tally(entropy="again")))
    opening = opened(log)
    assert opening.units[0].status == "counted"
    assert opening.contests[COUNCIL].ballots == RESULTS[COUNCIL].ballots
    assert codes(opening) == [("note", "same-tally-again", "branch-1")]


def sealed_under_another_header(device: Device) -> bytes:
    """Authentic outside, but the ciphertext was sealed under another header: it cannot open."""
    donor = device.tally(entropy="donor", ephemeral=b"\7" * 32, seq=77, prev="77" * 32)
    sealed = codec.from_bytes(envelope.Envelope.from_bytes(donor).payload, SealedTally)
    moved = msgspec.structs.replace(sealed, seq=1, prev=None)
    # The kit knows its own ephemeral key, so the proof that goes with it is no hindrance.
    proof = enc_proof.prove(
        b"\7" * 32,
        enc=codec.unb64(moved.enc),
        info=seal_info(moved),
        ciphertext=codec.unb64(moved.ciphertext),
    )
    moved = msgspec.structs.replace(moved, enc_proof=codec.b64(proof))
    return envelope.sign(TYPE_SEALED_TALLY, codec.to_bytes(moved), [device.key]).to_bytes()


def test_tally_that_does_not_open_is_set_aside_with_an_alarm() -> None:
    election, one, _ = two_branches()
    data = sealed_under_another_header(one)
    opening = opened(Leaves.of(election, (one, data)))
    assert opening.units[0].status == "set-aside"
    assert str(opening.units[0].reason).startswith("no tally of it opens: the ciphertext does not open")
    (finding,) = opening.findings
    assert (finding.code, finding.envelope_sha256) == ("tally-does-not-open", sha256_hex(data))


def test_broken_twin_does_not_keep_a_good_tally_from_counting() -> None:
    election, one, _ = two_branches()
    broken = sealed_under_another_header(one)
    good = Device(election, "branch-1")
    log = Leaves.of(election, (good, good.account()), (one, broken), (good, good.tally()))
    opening = opened(log)
    assert opening.units[0].status == "counted"
    assert ("alarm", "tally-does-not-open", "branch-1") in codes(opening)


def test_missing_account_is_a_note() -> None:
    election, one, _ = two_branches()
    opening = opened(Leaves.of(election, (one, one.tally())))
    assert opening.units[0].status == "counted"
    assert codes(opening) == [("note", "account-missing", "branch-1")]


@pytest.mark.parametrize(
    ("results", "counter", "voters", "expected"),
    [
        (
            RESULTS,
            PUBLIC_COUNTER + 1,
            {},
            {"public-counter-differs": {"public_counter": 815, "ballots_max": 814}},
        ),
        (
            changed(MAYOR, blank=11),
            PUBLIC_COUNTER,
            {},
            {"candidates-do-not-add-up": {"votes": 795, "blank": 11, "valid": 805}},
        ),
        (
            changed(COUNCIL, invalid=13),
            PUBLIC_COUNTER,
            {},
            {"valid-and-invalid-do-not-add-up": {"valid": 800, "invalid": 13, "ballots": 814}},
        ),
        (
            RESULTS,
            PUBLIC_COUNTER,
            {MAYOR: 800},
            {"more-counted-than-signed-in": {"ballots": 810, "signed_in": 800}},
        ),
        (
            changed(MAYOR, ballots=809, invalid=4),
            PUBLIC_COUNTER,
            {MAYOR: 809},
            {"account-differs-from-tally": {"ballots": 809, "account_ballots": 810}},
        ),
    ],
)
def test_numbers_that_disagree_are_counted_as_they_are_and_shown(
    results: Mapping[str, ContestResult],
    counter: int,
    voters: dict[str, int],
    expected: dict[str, dict[str, int]],
) -> None:
    election, one, _ = two_branches()
    account = one.account(voters={**VOTERS_SIGNED_IN, **voters})
    opening = opened(
        Leaves.of(election, (one, account), (one, one.tally(results=results, public_counter=counter)))
    )
    assert opening.units[0].status == "counted"
    assert opening.contests[MAYOR].ballots == results[MAYOR].ballots
    found = {finding.code: finding.numbers for finding in opening.findings}
    for code, numbers in expected.items():
        assert found[code] == numbers


def test_counter_of_the_account_differs_from_that_of_the_tally() -> None:
    election, one, _ = two_branches()
    opening = opened(Leaves.of(election, (one, one.account()), (one, one.tally(public_counter=800))))
    found = {finding.code: finding.numbers for finding in opening.findings}
    assert found["account-differs-from-tally"] == {
        "public_counter": 800,
        "ballots_max": 814,
        "account_public_counter": 814,
    }


def test_account_of_another_close_is_not_compared() -> None:
    election, one, _ = two_branches()
    log = Leaves.of(
        election, (one, one.account()), (one, one.account(close_no=2)), (one, one.tally(close_no=2))
    )
    opening = opened(log)
    assert opening.units[0].close_no == 2
    assert not opening.findings


def test_terminals_of_one_branch_share_its_poll_book() -> None:
    election = make_election(1, terminals_per_branch=2)
    device = Device(election, "branch-1")
    voters = {contest: 2 * number for contest, number in VOTERS_SIGNED_IN.items()}

    def day(voters: dict[str, int]) -> Opening:
        device.seq, device.prev = 0, None
        made: list[bytes] = []
        for terminal in ("terminal-1-1", "terminal-1-2"):
            made += [device.account(terminal, voters=voters), device.tally(terminal)]
        return opened(Leaves.of(election, *[(device, data) for data in made]))

    assert not day(voters).findings
    (finding,) = day({**voters, MAYOR: 1619}).findings
    assert (finding.grade, finding.code, finding.terminal) == ("alarm", "more-counted-than-signed-in", None)
    assert finding.numbers == {"ballots": 1620, "signed_in": 1619}
    (finding,) = day({**voters, MAYOR: 1621}).findings
    assert (finding.grade, finding.code) == ("note", "signed-in-differs")


def test_poll_book_of_the_kit_that_is_gone_is_held_against_the_count() -> None:
    """The standby kit numbers its envelopes from 1: what it says of the poll book is the later word all the same."""
    election = make_election(1, terminals_per_branch=2, standbys=1)
    gone, standby = Device(election, "branch-1"), Device(election, "branch-1", "standby-device-1-1")
    right = {contest: 2 * number for contest, number in VOTERS_SIGNED_IN.items()}
    early = dict.fromkeys(right, 1)
    gone.seq = 6
    sent = [
        (gone, gone.account("terminal-1-1", voters=early)),
        (gone, gone.account("terminal-1-2", voters=early)),
    ]
    for terminal in ("terminal-1-1", "terminal-1-2"):
        sent += [(standby, standby.account(terminal, voters=right)), (standby, standby.tally(terminal))]
    codes = {finding.code for finding in opened(Leaves.of(election, *sent)).findings}
    assert "gap" in codes
    assert "more-counted-than-signed-in" not in codes


def test_gaps_and_broken_chains_are_found_whatever_the_order_of_arrival() -> None:
    election, one, two = two_branches()
    account, tally = one.account(), one.tally()
    assert not opened(Leaves.of(election, (one, tally), (one, account))).findings
    lost, kept = two.account(), two.tally()
    assert lost
    opening = opened(Leaves.of(election, (one, account), (one, tally), (two, kept)))
    gap = next(finding for finding in opening.findings if finding.code == "gap")
    assert (gap.branch, gap.numbers) == ("branch-2", {"first_missing": 1, "last_missing": 1})
    three = Device(election, "branch-2")
    chain = (
        (three, three.account()),
        (three, three.tally(prev="00" * 32)),
        (three, three.account(seq=2, close_no=2)),
    )
    found = [finding.code for finding in opened(Leaves.of(election, *chain)).findings]
    assert found.count("prev-mismatch") == 1
    assert found.count("seq-reused") == 1


def test_log_of_another_key_or_with_other_leaves_is_not_opened() -> None:
    election, _, _ = two_branches()
    log = Leaves.of(election, *whole_day(election, "branch-1"))
    forged = replace(log, signer=NoteSigner(election.log.name, key_of("somebody else")))
    with pytest.raises(OpeningError, match="does not verify"):
        opened(forged)

    class Swapped(Leaves):
        def entries(self, size: int | None = None) -> Iterator[Entry]:
            yield from sorted(super().entries(size), key=lambda entry: -entry.leaf)

    with pytest.raises(OpeningError, match="untouched copy"):
        opened(Swapped(election, log.envelopes, log.signer))


def test_logged_envelope_that_is_not_authentic_is_an_alarm_and_counts_nothing() -> None:
    election, one, _ = two_branches()
    foreign = Device(make_election(2, version=2), "branch-1")
    data = foreign.tally()
    opening = opened(Leaves.of(election, (one, data)))
    assert opening.units[0].status == "absent"
    (finding,) = opening.findings
    assert (finding.grade, finding.code, finding.envelope_sha256) == (
        "alarm",
        "not-authentic",
        sha256_hex(data),
    )


@given(order=st.permutations(range(6)))
def test_no_order_of_arrival_changes_sums_or_units(order: list[int]) -> None:
    election, one, two = two_branches()
    day = [
        (one, one.account()),
        (one, one.tally()),
        (one, one.tally(entropy="again")),
        (two, two.account()),
        (two, two.tally()),
        (two, two.tally(results=changed(MAYOR, blank=9, valid=804, invalid=6))),
    ]
    straight = opened(Leaves.of(election, *day))
    mixed = opened(Leaves.of(election, *[day[n] for n in order]))
    assert mixed.contests == straight.contests
    assert (
        [unit.status for unit in mixed.units]
        == [unit.status for unit in straight.units]
        == [
            "counted",
            "set-aside",
        ]
    )
    assert sorted(codes(mixed)) == sorted(codes(straight))


def test_progress_ends_at_the_total() -> None:
    election, _, _ = two_branches()
    log = Leaves.of(election, *whole_day(election, "branch-1", "branch-2"))
    seen: list[tuple[int, int]] = []
    open_election(
        log,
        election.loaded,
        election.election_private_key,
        wall_ms=WALL_MS,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


# --- a rehearsal's single key, and the acts of the centre -----------------------------------------------------------


def act(election: Election, statement: AnyAct) -> bytes:
    return sign_act(statement, list(election.commissioners.values()))


def adjudicated(election: Election, **fields: Any) -> bytes:
    named: dict[str, Any] = {
        "election": ELECTION,
        "round": 1,
        "manifest_sha256": election.loaded.sha256,
        "number": 1,
        "prev": None,
        "branch": "branch-1",
        "terminal": "terminal-1-1",
        "decision": "set-aside",
        "envelope_sha256": None,
        "cause": "two-kits",
        "reason": "as the poll book says",
    }
    return act(election, Adjudication(**(named | fields)))


def test_clash_stays_one_although_commissioners_settled_it() -> None:
    election, one, two = two_branches()
    first, second = one.tally(), one.tally(results=changed(MAYOR, blank=9, valid=804, invalid=6), close_no=2)
    settled = adjudicated(election, decision="count", envelope_sha256=sha256_hex(second))
    log = Leaves.of(election, (one, first), (one, second), (one, settled), (two, two.tally()))
    opening = opened(log)
    unit = opening.units[0]
    assert (unit.status, unit.close_no, unit.code) == ("counted", 2, "adjudicated")
    assert [one.envelope_sha256 for one in unit.disclosures] == [sha256_hex(second)]
    assert opening.contests[MAYOR].blank == 19
    assert (opening.orders, opening.plan_b, unit.order) == ((), False, None)
    aside = opened(Leaves.of(election, (two, two.account()), (two, first), (two, adjudicated(election))))
    assert (aside.units[0].status, aside.units[0].reason) == (
        "set-aside",
        "adjudication 1, two-kits: as the poll book says",
    )


def test_tally_of_a_standby_terminal_is_passed_over() -> None:
    election = make_election(1, standbys=1)
    one = Device(election, "branch-1")
    opening = opened(Leaves.of(election, (one, one.tally("standby-terminal-1-1"))))
    assert [(unit.terminal, unit.status) for unit in opening.units] == [
        ("terminal-1-1", "absent"),
        ("standby-terminal-1-1", "counted"),
    ]
    assert opening.contests[COUNCIL].ballots == 814


def test_two_kits_of_one_branch_are_taken_for_one_that_repeats_itself() -> None:
    """Each kit counts its own envelopes: sequence numbers of two are no clash."""
    election = make_election(1, standbys=1)
    one, standby = Device(election, "branch-1"), Device(election, "branch-1", "standby-device-1-1")
    opening = opened(
        Leaves.of(election, (one, one.account()), (standby, standby.account()), (standby, standby.tally()))
    )
    assert not opening.findings


def test_encapsulated_key_that_was_used_twice_raises_no_alarm() -> None:
    election, one, two = two_branches()
    ephemeral = b"\5" * 32
    log = Leaves.of(election, (one, one.tally(ephemeral=ephemeral)), (two, two.tally(ephemeral=ephemeral)))
    found = [one.code for one in opened(log).findings if one.grade == "alarm"]
    assert found == ["enc-reused", "enc-reused"]


def test_poll_was_extended_and_the_opening_does_not_wait() -> None:
    election, one, _ = two_branches()
    later = msgspec.structs.replace(SCHEDULE, opening_not_before="2028-01-01T00:00:00.000Z")
    head: dict[str, Any] = {"election": ELECTION, "round": 1, "manifest_sha256": election.loaded.sha256}
    change = ScheduleChange(**head, number=1, prev=None, branch="branch-2", schedule=later, reason="a flood")
    log = Leaves.of(election, (one, one.tally()), (one, act(election, change)))
    with pytest.raises(TooEarlyError, match="2028-01-01"):
        opened(log)
    after = rfc3339.to_ms("2028-01-01T00:00:00.000Z")
    assert open_election(log, election.loaded, election.election_private_key, wall_ms=after).units
