"""A centre under a newer manifest, and branches that opened under the one before: what they counted is counted."""

import contextlib
import itertools
import json
import tempfile
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from center.errors import ConfigError, TooEarlyError
from center.intake.admission import SPOOL
from center.intake.brought import Brought
from center.log.ledger_audit import audit_ledger
from center.log.ledger_manifest import check_manifest
from center.opening.logged import verify_log
from center.opening.opening import open_election
from center.opening.orders import draft, orders_of, problems_of
from crypto import acknowledgement, receipt, rfc3339
from crypto.acts import sign_act
from crypto.carrier import from_compact, to_compact
from crypto.codec import sha256_hex
from crypto.courier_bundle import BundledEnvelope, CourierBundle, check_bundle, sign_bundle
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.statements import BranchEntry, Manifest, Official
from crypto.submissions import check_submission
from crypto.wire import NARROW
from tests.center.branch import WALL_MS, Center, Device, receipts
from tests.center.commission import Commission
from tests.center.manifests import (
    Change,
    moved_to_another_port,
    newer,
    signed,
    unchanged,
    with_a_candidate_less,
    with_other_key,
    without_branch,
)
from tests.center.sms_world import World, is_answer, parts_of
from tests.crypto.election_fixture import RESULTS, Election, key_of, make_election

OLD: Final = make_election(2, standbys=1)
NEW: Final = newer(OLD, moved_to_another_port)


FOLDER: Final = tempfile.TemporaryDirectory()
NUMBERS: Final = itertools.count()


def centre(election: Election) -> Center:
    return Center(election, f"{FOLDER.name}/{next(NUMBERS)}.db")


def sealed(election: Election, branch: str = "branch-1", device: str | None = None) -> tuple[Device, bytes]:
    made = Device(election, branch, device)
    return made, made.tally()


def test_it_had_heard_nothing_of_it_and_its_tally_waits_for_people() -> None:
    there = centre(NEW)
    unaware, aware = Device(OLD, "branch-1"), Device(NEW, "branch-2")
    outcome = there.take(
        *((device, data) for device in (unaware, aware) for data in (device.account(), device.tally()))
    )
    assert (len(outcome.admitted), outcome.refused) == (4, ())
    assert [one.flags for one in outcome.admitted] == [()] * 4
    opened = open_election(there.ledger, NEW.loaded, NEW.election_private_key, wall_ms=WALL_MS)
    assert [unit.status for unit in opened.units] == ["counted", "counted"]
    assert opened.contests["mayor:1"].votes["2"] == 2 * RESULTS["mayor:1"].votes["2"]
    assert opened.findings == ()
    assert opened.manifest_sha256 == NEW.loaded.sha256
    assert audit_ledger(there.ledger, NEW.loaded).faults == []


def test_the_kit_that_sealed_under_the_older_one_would_not_believe_its_receipt() -> None:
    device, data = sealed(OLD)
    answered = receipts(centre(NEW).take((device, data)))
    found = receipt.verify(
        answered[0].payload.decode(), data, log=OLD.loaded.log_verifier, policy=OLD.manifest.witness_policy
    )
    assert (found.grade, found.index) == ("included", 0)
    narrow = receipts(centre(NEW).take((device.topic + NARROW, data)))[0].payload.decode()
    acknowledgement.verify(narrow, data, log=OLD.loaded.log_verifier)


def test_a_compact_carrier_says_which_manifest_to_take() -> None:
    for election in (OLD, NEW):
        device, data = sealed(election)
        account = device.account()
        for one in (data, account):
            packed = to_compact(one, TrustedManifest(election.manifest, election.loaded.sha256))
            assert from_compact(packed, NEW.loaded) == one
            assert to_compact(one, NEW.loaded) == packed
    stranger = signed(OLD, structs.replace(OLD.manifest, version=7))
    _, data = sealed(stranger)
    with pytest.raises(EvidenceError, match="load the manifest of its round"):
        from_compact(to_compact(data, stranger.loaded), NEW.loaded)


def test_sms_of_a_branch_under_the_older_one_get_no_answer() -> None:
    sender, data = "+98912000001", sealed(OLD)[1]
    world = World(NEW)
    world.arrive(sender, *parts_of(OLD, data))
    assert is_answer(world.answers(sender)[0], data, OLD)
    gone_over = World(OLD)
    gone_over.centerd_runs = False
    gone_over.arrive(sender, *parts_of(OLD, data))
    assert gone_over.answers(sender) == []
    gone_over.election, gone_over.centerd_runs = NEW, True
    gone_over.start()
    gone_over.later(60_000)
    assert is_answer(gone_over.answers(sender)[0], data, OLD)


def test_a_courier_brings_a_list_that_was_signed_under_the_older_one() -> None:
    device, data = sealed(OLD)
    bundle = CourierBundle(
        election=OLD.manifest.election,
        round=1,
        branch="branch-1",
        device=device.id,
        manifest_sha256=OLD.loaded.sha256,
        released_by_order=1,
        envelopes=(
            BundledEnvelope(
                seq=1, kind="tally", terminal="terminal-1-1", close_no=1, sha256=sha256_hex(data)
            ),
        ),
    )
    signed_bundle = sign_bundle(bundle, device.key)
    brought = Brought(NEW.loaded)
    brought.file("bundle.dsse.json", signed_bundle)
    brought.file("tally.compact", to_compact(data, OLD.loaded))
    assert (len(brought.bundles), len(brought.envelopes), brought.refused) == (1, 1, [])
    with pytest.raises(EvidenceError, match=r"key of device 'device-1' was withdrawn"):
        check_bundle(signed_bundle, newer(OLD, with_other_key("devices", "device-1")).loaded)


SEALED: Final = sealed(OLD)[1]


def without_official(manifest: Manifest) -> Manifest:
    """One official of branch 1 makes room for another one of the same body."""
    gone, other = "official-1-executive", structs.replace(manifest.officials[0], id="official-1-new")
    other = structs.replace(
        other, public_key=with_other_key("officials", gone)(manifest).officials[0].public_key
    )
    first, *rest = manifest.branches
    officials = (other.id, *(one for one in first.officials if one != gone))
    return structs.replace(
        manifest,
        officials=(other, *manifest.officials),
        branches=(structs.replace(first, officials=officials), *rest),
    )


REFUSED: Final[list[tuple[str, Change, str]]] = [
    ("device", with_other_key("devices", "device-1"), "the key of device 'device-1' was withdrawn"),
    ("terminal", with_other_key("terminals", "terminal-1-1"), "terminal 'terminal-1-1' of branch 'branch-1'"),
    (
        "official's key",
        with_other_key("officials", "official-1-executive"),
        "official 'official-1-executive'",
    ),
    ("official", without_official, "official 'official-1-executive' of branch 'branch-1' is withdrawn"),
    ("ballot", with_a_candidate_less, "ballot of branch 'branch-1' (style, contests, candidates) is another"),
    ("branch", without_branch("branch-1"), "in version 2 there is no branch 'branch-1'"),
]


@pytest.mark.parametrize(("change", "words"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_the_newer_one_withdrew_would_still_speak(change: Change, words: str) -> None:
    new = newer(OLD, change)
    there = centre(new)
    for device, data in (sealed(OLD), sealed(OLD, "branch-2")):
        is_touched = device.branch == "branch-1" or "ballot" in words
        outcome = there.take((device, data), (SPOOL, data))
        assert len(outcome.refused) == (2 if is_touched else 0), outcome.refused
        for refused in outcome.refused:
            assert words.partition("branch 'branch-1'")[0] in refused.reason
            assert "version 2" in refused.reason
        told = [
            json.loads(one.payload)["reason"] for one in outcome.replies if one.topic.endswith("/refusal")
        ]
        assert told == [one.reason for one in outcome.refused if one.topic != SPOOL]


def test_a_refusal_says_what_differs_and_who_decides() -> None:
    device, data = sealed(OLD)
    outcome = centre(newer(OLD, with_other_key("terminals", "terminal-1-1"))).take((device, data))
    assert outcome.refused[0].reason == (
        "made under manifest version 1, and in version 2 terminal 'terminal-1-1' of branch 'branch-1' is withdrawn or "
        "has another key: nothing of it is taken. Keep it; whoever signs manifests decides, by one that supersedes "
        "version 2 and lets it stand"
    )


def test_a_refused_tally_is_taken_once_a_third_manifest_lets_it_stand() -> None:
    withdrawn = newer(OLD, with_other_key("terminals", "terminal-1-1"))
    again = newer(withdrawn, lambda manifest: structs.replace(manifest, terminals=OLD.manifest.terminals))
    device, data = sealed(OLD)
    assert centre(withdrawn).take((device, data)).refused
    assert len(centre(again).take((device, data)).admitted) == 1


def test_nothing_is_taken_from_outside_the_chain() -> None:
    stranger = signed(OLD, structs.replace(OLD.manifest, version=2))
    outcome = centre(NEW).take(sealed(stranger))
    assert "states manifest_sha256" in outcome.refused[0].reason
    newest = TrustedManifest(NEW.manifest, NEW.loaded.sha256)
    device, data = sealed(OLD)
    with_none_before = centre(NEW)
    with_none_before.intake._manifest = newest
    assert with_none_before.take((device, data)).refused


def test_a_branch_seals_under_one_and_its_standby_under_the_other_and_both_count() -> None:
    there = centre(NEW)
    device, first = sealed(OLD)
    standby, second = sealed(NEW, device="standby-device-1-1")
    outcome = there.take((device, first), (standby, second))
    assert [one.flags for one in outcome.admitted] == [(), ("clash",)]
    opened = open_election(there.ledger, NEW.loaded, NEW.election_private_key, wall_ms=WALL_MS)
    assert [unit.status for unit in opened.units] == ["set-aside", "absent"]


def test_one_device_uses_a_number_under_each_manifest() -> None:
    there = centre(NEW)
    outcome = there.take(sealed(OLD), sealed(NEW))
    assert outcome.admitted[1].flags == ("clash", "seq-reused")


def with_more_people(manifest: Manifest) -> Manifest:
    """Branch 1 has one official and one standby kit more."""
    public = with_other_key("officials", "official-1-executive")(manifest).officials[0].public_key
    more = Official(id="official-1-third", body="executive", public_key=public)
    first, *rest = manifest.branches
    grown: BranchEntry = structs.replace(first, officials=(*first.officials, more.id))
    return structs.replace(manifest, officials=(*manifest.officials, more), branches=(grown, *rest))


def with_standbys_in_front(manifest: Manifest) -> Manifest:
    """The standby kit of branch 1 is its kit now."""
    first, *rest = manifest.branches
    swapped = structs.replace(first, device=first.standby_devices[0], standby_devices=(first.device,))
    return structs.replace(manifest, branches=(*rest, swapped))


CHANGES: Final[dict[str, tuple[Change, bool]]] = {
    "nothing": (unchanged, True),
    "port": (moved_to_another_port, True),
    "more people": (with_more_people, True),
    "standby in front": (with_standbys_in_front, True),
    "schedule": (
        lambda it: structs.replace(
            it, schedule=structs.replace(it.schedule, opening_not_before="2027-06-18T17:30:00Z")
        ),
        True,
    ),
    "device of branch 2": (with_other_key("devices", "device-2"), True),
    "standby device": (with_other_key("devices", "standby-device-1-1"), True),
    "branch 2": (without_branch("branch-2"), True),
    "device": (with_other_key("devices", "device-1"), False),
    "terminal": (with_other_key("terminals", "terminal-1-1"), False),
    "official": (with_other_key("officials", "official-1-supervision"), False),
    "ballot": (with_a_candidate_less, False),
    "title": (
        lambda it: structs.replace(
            it, contests=(structs.replace(it.contests[0], title="Council"), *it.contests[1:])
        ),
        False,
    ),
}


@given(drawn=st.lists(st.sampled_from(sorted(CHANGES)), unique=True, max_size=4), versions=st.integers(2, 4))
def test_it_is_admitted_exactly_where_nothing_that_concerns_it_was_withdrawn(
    drawn: list[str], versions: int
) -> None:
    def all_of_them(manifest: Manifest) -> Manifest:
        for one in drawn:
            manifest = CHANGES[one][0](manifest)
        return manifest

    new = newer(OLD, all_of_them)
    while new.manifest.version < versions:
        new = newer(new, moved_to_another_port)
    stands = all(CHANGES[one][1] for one in drawn)
    with contextlib.nullcontext() if stands else pytest.raises(EvidenceError, match=r"withdrawn|another one"):
        assert check_submission(SEALED, new.loaded).data == SEALED


def test_a_centre_would_go_on_under_a_manifest_that_silences_what_it_receipted() -> None:
    there = centre(OLD)
    there.take(sealed(OLD))
    check_manifest(there.ledger, OLD.loaded)
    check_manifest(there.ledger, NEW.loaded)
    there.take(sealed(OLD, "branch-2"))
    for _, change, _ in REFUSED:
        with pytest.raises(ConfigError, match=r"leaf 0 of the ledger would no longer count: .*adjudication"):
            check_manifest(there.ledger, newer(OLD, change).loaded)
    with pytest.raises(ConfigError, match="add its file to earlier_manifests"):
        check_manifest(there.ledger, TrustedManifest(NEW.manifest, NEW.loaded.sha256))


def test_a_mixed_ledger_loses_the_older_manifest_again() -> None:
    there = centre(NEW)
    there.take(sealed(NEW, "branch-2"), sealed(OLD))
    check_manifest(there.ledger, NEW.loaded)
    with pytest.raises(ConfigError, match=r"\(leaf 1\)"):
        check_manifest(there.ledger, TrustedManifest(NEW.manifest, NEW.loaded.sha256))


def test_acts_of_before_are_forgotten_or_those_who_were_withdrawn_still_act() -> None:
    there = centre(NEW)
    device, data = sealed(OLD)
    there.take((device, data))
    commission = Commission(there)
    under_old: dict[str, Any] = {"manifest_sha256": OLD.loaded.sha256}
    acts = [
        commission.change(**under_old),
        commission.adjudication(decision="count", envelope=data, **under_old),
    ]
    assert len(there.take(*((SPOOL, act) for act in acts)).acts) == 2
    outcome = there.take((SPOOL, commission.order(**under_old)))
    assert "the opening order number 1 was made under manifest version 1" in outcome.refused[0].reason
    assert there.take((SPOOL, commission.order())).acts
    assert audit_ledger(there.ledger, NEW.loaded).faults == []
    check_manifest(there.ledger, NEW.loaded)
    withdrawn = newer(OLD, with_other_key("commissioners", "commissioner-executive"))
    with pytest.raises(ConfigError, match="the key of commissioner 'commissioner-executive' was withdrawn"):
        check_manifest(there.ledger, withdrawn.loaded)
    refused = centre(withdrawn).take((SPOOL, acts[0])).refused
    assert "commissioner 'commissioner-executive' was withdrawn" in refused[0].reason


def test_a_newer_manifest_would_take_back_an_opening_that_was_ordered() -> None:
    there = centre(OLD)
    there.take(sealed(OLD))
    assert there.take((SPOOL, Commission(there).order())).acts
    with pytest.raises(ConfigError, match=r"leaf 1 of the ledger .* the opening order number 1"):
        check_manifest(there.ledger, NEW.loaded)


@pytest.mark.parametrize("way", ["forwards", "and withdrawing a commissioner", "back"])
def test_an_opening_is_decided_anew_under_another_manifest_once_its_result_is_known(way: str) -> None:
    """By a log that keeps no rules, and commissioners who know the result."""
    withdrawn = newer(OLD, with_other_key("commissioners", "commissioner-executive"))
    was, now = {"forwards": (OLD, NEW), "back": (NEW, OLD)}.get(way, (OLD, withdrawn))
    keys = OLD.commissioners
    if now is withdrawn:
        keys = keys | {"commissioner-executive": key_of("commissioner-executive, enrolled anew")}
    leaves = [sealed(OLD)[1], sealed(OLD, "branch-2")[1]]
    first, _ = draft(verify_log(was.loaded, leaves), 2)
    leaves.append(sign_act(first, list(OLD.commissioners.values())))
    assert orders_of(verify_log(was.loaded, leaves)).numbered(1) is not None
    log = verify_log(now.loaded, leaves)
    again, _ = draft(log, 3)
    assert "leaf 2 is an opening order under another manifest" in problems_of(again, log)[0]
    orders = orders_of(verify_log(now.loaded, [*leaves, sign_act(again, list(keys.values()))]))
    assert orders.valid == ()
    assert [one.flaw for one in orders.void] == ["sequence"]


def test_it_is_opened_before_the_older_manifest_allows_it() -> None:
    def earlier_opening(manifest: Manifest) -> Manifest:
        times = structs.replace(manifest.schedule, opening_not_before=manifest.schedule.tally_not_before)
        return structs.replace(manifest, schedule=times)

    there = centre(newer(OLD, earlier_opening))
    there.take(sealed(OLD))
    at_four = rfc3339.to_ms("2027-06-18T16:00:00Z")
    with pytest.raises(TooEarlyError, match="before 2027-06-18T16:30"):
        open_election(there.ledger, there.election.loaded, OLD.election_private_key, wall_ms=at_four)


def test_a_key_that_is_new_cannot_speak_under_the_older_manifest() -> None:
    new = newer(OLD, with_other_key("devices", "device-1"))
    thief = Device(OLD, "branch-1")
    thief.key = key_of("device-1, enrolled anew")
    with pytest.raises(EvidenceError):
        thief.tally()  # nobody seals under a manifest that does not know his key
    assert centre(new).take((thief, thief.account())).refused
