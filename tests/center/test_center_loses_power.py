"""Power cuts in the middle of commits, bad disks, full disks: a receipt once issued verifies for ever."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, pairwise
from random import Random

import pytest

from center.errors import LedgerCorruptError, LedgerError
from center.log.checkpoints import Checkpoint
from crypto import merkle, receipt
from crypto.codec import sha256_hex
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.notes import verify_note
from simulators.virtual.disk import PowerCutError, SimDisk
from simulators.virtual.platter import CutMode
from tests.center.branch import Center, Device, receipts
from tests.crypto.election_fixture import Election, make_election

LEDGER = "ledger.db"
LIVES = 6


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2)


@pytest.fixture(scope="module")
def envelopes(election: Election) -> list[tuple[Device, bytes]]:
    """Plenty of authentic envelopes: more closes than any day has."""
    devices = [Device(election, "branch-1"), Device(election, "branch-2")]
    return [(devices[n % 2], devices[n % 2].account(close_no=1 + n // 2)) for n in range(60)]


def live(
    center: Center,
    supply: Iterator[int],
    envelopes: list[tuple[Device, bytes]],
    rng: Random,
    issued: list[str],
) -> None:
    """Take batches until the end of the world; ``issued`` gets every receipt that got out."""
    for _ in range(100):
        batch = [envelopes[next(supply) % len(envelopes)] for _ in range(rng.randint(1, 4))]
        issued += [reply.payload.decode() for reply in receipts(center.take(*batch))]


def check_promises(center: Center, issued: list[str], envelopes: list[tuple[Device, bytes]]) -> None:
    """Every receipt ever issued verifies, its envelope is there, and the log has only grown."""
    manifest = center.election.loaded
    policy = manifest.manifest.witness_policy
    by_hash = {sha256_hex(data): data for _, data in envelopes}
    tree = merkle.Tree([merkle.leaf_hash(entry.data) for entry in center.ledger.entries()])
    for text in issued:
        data = by_hash[receipt.envelope_sha256_of(text)]
        found = receipt.verify(text, data, log=manifest.log_verifier, policy=policy)
        assert center.ledger.leaf_of(sha256_hex(data)) == found.index
        proof = tree.consistency(found.size)
        merkle.verify_consistency(found.size, tree.size, proof, found.root, tree.root())


@pytest.mark.parametrize("mode", ["drop", "prefix", "subset", "torn"])
@pytest.mark.parametrize("seed", range(5))
def test_power_cut_mid_batch_breaks_no_promise(
    election: Election, envelopes: list[tuple[Device, bytes]], mode: CutMode, seed: int
) -> None:
    disk = SimDisk(seed=seed)
    rng, supply = Random(seed), count()
    issued: list[str] = []

    def one_life() -> None:
        center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
        live(center, supply, envelopes, rng, issued)

    for _ in range(LIVES):
        disk.power_on()
        disk.cut_after(rng.randint(1, 120), mode)
        with pytest.raises(PowerCutError):
            one_life()
    disk.power_on()
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    assert issued
    check_promises(center, issued, envelopes)
    center.close()
    disk.close()


def test_failing_sync_ends_the_centre_before_anything_is_promised(
    election: Election, envelopes: list[tuple[Device, bytes]]
) -> None:
    disk = SimDisk(seed=1)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    issued = [r.payload.decode() for r in receipts(center.take(*envelopes[:3]))]
    disk.faults = replace(disk.faults, sync_eio=1.0)
    with pytest.raises(LedgerError, match=LEDGER):
        center.take(*envelopes[3:6])
    # Memory has not run ahead of the disk.
    assert center.log.size == 3
    center.close()
    disk.cut("drop")
    disk.power_on()
    disk.faults = replace(disk.faults, sync_eio=0.0)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    assert len(center.take(*envelopes[3:6]).admitted) == 3
    check_promises(center, issued, envelopes)
    center.close()
    disk.close()


def test_full_disk_is_named_and_loses_nothing(
    election: Election, envelopes: list[tuple[Device, bytes]]
) -> None:
    disk = SimDisk(seed=2)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    issued = [r.payload.decode() for r in receipts(center.take(*envelopes[:3]))]
    disk.fill(spare=2_000)
    with pytest.raises(LedgerError, match="disk is full"):
        center.take(*envelopes[3:10])
    assert center.log.size == 3
    disk.faults = replace(disk.faults, capacity=None)
    assert len(center.take(*envelopes[3:10]).admitted) == 7
    check_promises(center, issued, envelopes)
    center.close()
    disk.close()


def test_bit_rot_in_a_logged_envelope_stops_the_centre_at_start(
    election: Election, envelopes: list[tuple[Device, bytes]]
) -> None:
    disk = SimDisk(seed=3)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    center.take(*envelopes[:3])
    center.close()
    image = disk.content(LEDGER)
    assert image is not None
    # SQLite moves cells about and leaves stale copies behind: damage them all.
    for found in re.finditer(b'"payload":"', image):
        disk.damage(LEDGER, found.end() + 30, b"!")
    with pytest.raises(LedgerCorruptError, match="not what was logged"):
        Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    disk.close()


def test_checkpoint_that_covers_other_leaves_stops_the_centre_at_start(election: Election) -> None:
    disk = SimDisk(seed=4)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    device = Device(election, "branch-1")
    center.take((device, device.account()))
    forged = election.log.sign(SignedCheckpoint(election.log.name, 2, b"\0" * 32).text())
    center.ledger.append([], [], Checkpoint(2, forged), first_leaf=1, at="2027-06-18T18:00:00.000Z")
    center.close()
    with pytest.raises(LedgerCorruptError, match="does not cover"):
        Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    disk.close()


def test_checkpoint_by_another_key_stops_the_centre_at_start(election: Election) -> None:
    disk = SimDisk(seed=5)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    center.ledger.append(
        [], [], Checkpoint(0, "forged\n\n— x AAAAAAAA\n"), first_leaf=0, at="2027-06-18T18:00:00.000Z"
    )
    center.close()
    with pytest.raises(LedgerCorruptError, match="log_key"):
        Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    disk.close()


def test_every_checkpoint_ever_signed_is_consistent_with_the_next(
    election: Election, envelopes: list[tuple[Device, bytes]]
) -> None:
    disk = SimDisk(seed=6)
    center = Center(election, LEDGER, vfs=disk.vfs_name, exclusive=True)
    heads = []
    for start in range(0, 20, 3):
        center.take(*envelopes[start : start + 3])
        newest = center.log.newest
        assert newest is not None
        heads.append(SignedCheckpoint.parse(verify_note(newest.note, [election.loaded.log_verifier])))
    tree = merkle.Tree([merkle.leaf_hash(entry.data) for entry in center.ledger.entries()])
    for old, new in pairwise(heads):
        proof = tree.consistency(old.size, new.size)
        merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)
    center.close()
    disk.close()
