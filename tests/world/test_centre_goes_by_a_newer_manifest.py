"""A whole day under the older manifest, at a centre under the newer one: every count arrives, whatever fails."""

import dataclasses

from msgspec import structs

from crypto import manifest
from crypto.manifest_chain import linked
from simulators.election import MANIFEST_THRESHOLD, Election
from simulators.world.day import WorldDay
from tests.world.short_day import HOURS, said_against, sample


def newer(election: Election) -> Election:
    """The election with a manifest that supersedes the branches', and changes nothing that concerns them."""
    old = election.trusted
    document = structs.replace(
        old.manifest, version=2, issued_at="2027-06-18T03:00:00Z", endpoints=(), supersedes=old.sha256
    )
    data = manifest.sign_manifest(document, election.manifest_keys[:MANIFEST_THRESHOLD])
    keys = {key.key_id: key.public for key in election.manifest_keys}
    trusted = manifest.load(data, trusted=keys, threshold=MANIFEST_THRESHOLD)
    return dataclasses.replace(election, manifest_bytes=data, trusted=linked(trusted, [old]))


def test_branches_that_heard_nothing_are_not_counted() -> None:
    results, stations = sample(1, 11)
    day = WorldDay(results, stations, "newer/11", faults=True, hours=HOURS)
    day.centre._election = newer(day.election)
    outcome = day.run()
    assert said_against(outcome) == []
    assert outcome.report["verdict"] != "failed"
