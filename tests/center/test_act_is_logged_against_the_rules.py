"""Acts in a publication: strangers verify them like envelopes, and notice one that the centre should have refused."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from center.intake.act_admission import EVERYTHING, AdmittedAct
from center.publication.layout import leaf_name
from crypto.act_statements import LogPosition
from crypto.acts import read_act
from crypto.codec import sha256_hex
from tests.center.branch import Device
from tests.center.commission import Commission
from tests.center.publication import PAST, Office
from tests.crypto.election_fixture import make_election


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, make_election(2, schedule=PAST, standbys=1))
    office.day("branch-1", "branch-2")
    yield office
    office.center.close()


@pytest.fixture
def commission(office: Office) -> Commission:
    return Commission(office.center)


def log_regardless(office: Office, data: bytes) -> int:
    """As a centre that does not keep its own rules; returns the leaf."""
    act = read_act(data)
    admitted = AdmittedAct(sha256_hex(data), act.type, 1_000 + act.number, EVERYTHING, act, data)
    office.center.log.append([admitted], [], at="2027-06-19T00:00:00.000Z")
    return office.center.log.size - 1


def faults(office: Office) -> str:
    assert office.publish().code == 0
    ran = office.audit()
    return ran.out if ran.code == 65 else ""


def test_acts_are_published_and_audited(office: Office, commission: Commission) -> None:
    tally = list(office.center.ledger.entries())[1].data
    commission.hand_in(commission.adjudication("branch-1", "count", tally), commission.change())
    assert office.publish().code == 0
    older = office.folder / "older"
    shutil.copytree(office.public, older)
    commission.hand_in(commission.order())
    standby = Device(office.election, "branch-1", "standby-device-1-1")
    office.center.take((standby, standby.account(cause="replacement-kit")))
    assert office.publish().code == 0
    entries = list(office.center.ledger.entries())
    for entry in entries:
        assert (office.public / leaf_name(entry.leaf)).read_bytes() == entry.data
    ran = office.audit("--previous", older)
    assert ran.code == 0, ran.out
    assert "envelopes 5, acts of the centre 3" in ran.out
    assert "receipts 5" in ran.out, "nobody waits for the receipt of an act"


def test_act_out_of_its_chain_is_noticed(office: Office, commission: Commission) -> None:
    leaf = log_regardless(office, commission.change(number=3, prev="ab" * 32))
    found = faults(office)
    assert leaf_name(leaf) in found
    assert "is number 3, but 1 is the next" in found


def test_two_acts_of_one_number_are_noticed(office: Office, commission: Commission) -> None:
    first, fork = commission.change(), commission.change(reason="the other number 1")
    log_regardless(office, first)
    office.center.log.append(
        [AdmittedAct(sha256_hex(fork), "schedule-change", 2_000, EVERYTHING, read_act(fork), fork)],
        [],
        at="2027-06-19T00:00:00.000Z",
    )
    found = faults(office)
    assert "is number 1, but 2 is the next" in found
    assert found.count("should have refused") == 1, "one fault is told once"


def test_adjudication_of_what_was_logged_later_is_noticed(office: Office, commission: Commission) -> None:
    later = Device(office.election, "branch-1", "standby-device-1-1").tally()
    log_regardless(office, commission.adjudication("branch-1", "count", later))
    office.center.take((office.devices["branch-1"], later))
    assert "no sealed tally of this hash is logged" in faults(office)


def test_order_of_another_log_is_noticed(office: Office, commission: Commission) -> None:
    log_regardless(office, commission.order(log=LogPosition(size=2, root="ab" * 32)))
    assert "this order is of another log" in faults(office)


def test_order_that_covers_itself_is_noticed(office: Office, commission: Commission) -> None:
    """Its root cannot be known before it is logged; a size beyond its place is enough to refuse it."""
    log_regardless(office, commission.order(log=LogPosition(size=5, root="ab" * 32)))
    assert "fewer are logged" in faults(office)


def test_act_of_one_body_is_noticed(office: Office) -> None:
    alone = Commission(office.center, ["commissioner-executive"])
    log_regardless(office, alone.change())
    published = office.publish()
    assert published.code == 65, "this centre does not publish what it cannot defend"
    assert "another body" in published.err


def test_published_act_is_exchanged_for_another(office: Office, commission: Commission) -> None:
    commission.hand_in(commission.change())
    assert office.publish().code == 0
    leaf = office.public / leaf_name(4)
    leaf.chmod(0o644)
    leaf.write_bytes(commission.change(number=1, prev=None, reason="a later hour"))
    ran = office.audit()
    assert ran.code == 65
    assert "checkpoint" in ran.out
