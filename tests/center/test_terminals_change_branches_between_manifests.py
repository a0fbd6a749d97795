"""Kits, terminals and officials change branches from one manifest to the next, and everybody seals under both."""

import itertools
import tempfile
from typing import Final

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from center.log.ledger_audit import audit_ledger
from center.log.ledger_manifest import check_manifest
from center.opening.listing import make_listing
from center.opening.logged import verify_log
from crypto.errors import EvidenceError
from crypto.statements import Manifest
from tests.center.branch import Center, Device
from tests.center.manifests import newer
from tests.crypto.election_fixture import Election, make_election

BRANCHES: Final = 3
OLD: Final = make_election(BRANCHES, standbys=1)
WHAT: Final = ("device", "terminals", "standby_devices", "standby_terminals", "officials")
FOLDER: Final = tempfile.TemporaryDirectory()
NUMBERS: Final = itertools.count()

Moves = list[tuple[str, list[int]]]
"""What goes to other branches, and for each branch whose it gets."""


def tallies(election: Election) -> list[tuple[Device, bytes]]:
    """One from every kit, standby kits too."""
    devices = [
        Device(election, branch.id, device)
        for branch in election.manifest.branches
        for device in (branch.device, *branch.standby_devices)
    ]
    return [(device, device.tally()) for device in devices]


UNDER_OLD: Final = tallies(OLD)


@settings(max_examples=25, deadline=None)
@given(
    moves=st.lists(st.tuples(st.sampled_from(WHAT), st.permutations(range(BRANCHES))), max_size=2),
    order=st.permutations(range(2 * len(UNDER_OLD))),
)
def test_a_terminal_is_counted_for_two_branches_or_a_logged_tally_for_none(
    moves: Moves, order: list[int]
) -> None:
    def moved(manifest: Manifest) -> Manifest:
        branches = manifest.branches
        for what, whose in moves:
            taken = [getattr(branches[one], what) for one in whose]
            pairs = zip(branches, taken, strict=True)
            branches = tuple(structs.replace(branch, **{what: one}) for branch, one in pairs)
        return structs.replace(manifest, branches=branches)

    try:
        new = newer(OLD, moved)
    except EvidenceError:
        assume(False)
    there = Center(new, f"{FOLDER.name}/{next(NUMBERS)}.db")
    both = [*UNDER_OLD, *tallies(new)]
    there.take(*(both[index] for index in order))
    log = verify_log(new.loaded, [entry.data for entry in there.ledger.entries()])
    assert list(log.bad()) == []
    listing = make_listing(log, len(log.leaves))
    terminals = [unit.terminal for unit in listing.units]
    assert len(set(terminals)) == len(terminals)
    listed = sorted(sha256 for unit in listing.units for sha256 in unit.envelopes)
    assert listed == sorted(sha256 for _, sha256, _ in log.tallies())
    check_manifest(there.ledger, new.loaded)
    assert audit_ledger(there.ledger, new.loaded).faults == []
    there.close()
