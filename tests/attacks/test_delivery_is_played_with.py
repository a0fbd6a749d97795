"""Envelopes come twice, changed, too late, out of an earlier time; and clocks are moved."""

from dataclasses import replace
from typing import Final

import pytest
from msgspec import structs

from center.intake.admission import SPOOL
from center.intake.spool import envelope_in
from crypto.carrier import to_compact
from crypto.errors import EncodingError, ManifestError, SealError, SignatureInvalidError, StatementError
from crypto.manifest import load
from crypto.receipt import verify as verify_receipt
from crypto.submissions import check_submission
from crypto.wire import topic_envelope
from drivers.ports import TerminalRefused
from kit.facts import IncidentRecorded, OrderAccepted, TallyTaken
from tests.attacks.catalogue import attack
from tests.attacks.hostile_sealer import changed, header, honest, sealed_by
from tests.attacks.stage import ELECTION, Scene
from tests.center.branch import Device, receipts
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import RESULTS, Election
from tests.kit.harness import CLOSE_MS, MORNING_MS, TALLY_MS, Branch
from tests.kit.staff import order, standing_in, work_until

HOUR_MS: Final = 3_600_000


# --- twice, and changed --------------------------------------------------------------------------------------------


@attack("duplicate delivery")
def test_envelope_comes_again_and_again(scene: Scene) -> None:
    """Hedged over two uplinks, re-sent, brought by a courier: one leaf, one receipt, counted once."""
    data = scene.device.tally()
    first = scene.center.take((scene.device, data), (scene.device, data))
    assert (len(first.admitted), first.duplicates) == (1, 1)
    size = scene.center.log.size
    for topic in (scene.device.topic, SPOOL):
        again = scene.center.take((topic, data))
        assert (again.admitted, again.duplicates, scene.center.log.size) == ((), 1, size)
    (reply,) = receipts(scene.center.take((scene.device, data)))
    log, policy = scene.election.loaded.log_verifier, scene.election.manifest.witness_policy
    assert verify_receipt(reply.payload.decode(), data, log=log, policy=policy).index == size - 1
    stolen = scene.center.take((scene.other, data))  # the same bytes on another branch's topic
    assert (len(stolen.refused), scene.center.log.size) == (1, size)
    scene.admits(scene.other.tally(entropy="second"), scene.other)
    assert scene.center.log.size == size + 1


@attack("same seq, new content")
def test_number_is_used_for_two_envelopes(scene: Scene) -> None:
    """Both are authentic: both are logged and receipted, and flagged; none takes the place of the other."""
    first = scene.device.tally()
    scene.admits(first)
    other_results = RESULTS | {
        "mayor:1": structs.replace(RESULTS["mayor:1"], votes={"02": 391, "2": 404}),
    }
    second = scene.device.tally(results=other_results, entropy="second", seq=1, prev=None)
    outcome = scene.center.take((scene.device, second))
    (admitted,) = outcome.admitted
    assert {"clash", "seq-reused"} <= set(admitted.flags)
    assert [entry.data for entry in scene.center.ledger.entries()] == [first, second]
    assert len(receipts(outcome)) == 1


@attack("gap")
def test_envelope_before_was_held_back(scene: Scene) -> None:
    """The account is kept from the centre; the tally comes, is logged at once, and shows that something is missing."""
    held_back, tally = scene.device.account(), scene.device.tally()
    (admitted,) = scene.center.take((scene.device, tally)).admitted
    assert admitted.flags == ("gap",)
    forged = changed(scene.other.tally(entropy="second"), scene.other, seq=5, prev="ab" * 32)
    scene.refuses(forged, SealError, "does not show", scene.other)
    scene.admits(held_back)  # it fills the gap, and fits the chain
    skipping = Device(scene.election, "branch-3")
    skipping.account()
    wrong_chain = skipping.tally(prev="00" * 32)
    (flagged,) = scene.center.take((skipping, wrong_chain)).admitted
    assert flagged.flags == ("gap",)
    skipping.seq, skipping.prev = 0, None
    assert "prev-mismatch" in scene.center.take((skipping, skipping.account())).admitted[0].flags


@attack("USB and MQTT copies that differ")
def test_copy_on_the_stick_is_another(scene: Scene) -> None:
    data = scene.device.tally()
    scene.admits(data)
    manifest = scene.election.loaded
    compact = to_compact(data, manifest)
    same = envelope_in(compact, manifest)
    assert same == data == envelope_in(data, manifest)
    assert scene.center.take((SPOOL, same)).duplicates == 1
    size = scene.center.log.size
    refused = 0
    for damaged in list(every_bit_flipped(compact))[:: len(compact) // 4 | 1]:
        try:
            brought = envelope_in(damaged, manifest)
        except (StatementError, SealError, SignatureInvalidError, ManifestError, EncodingError):
            refused += 1
            continue
        outcome = scene.center.take((SPOOL, brought))
        assert (outcome.admitted, len(outcome.refused)) == ((), 1)
        refused += 1
    assert refused > 20
    assert scene.center.log.size == size
    resealed = scene.device.tally(entropy="second", seq=1, prev=None)  # by who holds the device's key
    (admitted,) = scene.center.take((SPOOL, resealed)).admitted
    assert {"clash", "seq-reused"} <= set(admitted.flags)
    assert [entry.data for entry in scene.center.ledger.entries()] == [data, resealed]


# --- out of an earlier time ----------------------------------------------------------------------------------------


def newer() -> Election:
    """The second version of the manifest."""
    data = ELECTION.sign_unchecked(structs.replace(ELECTION.manifest, version=2))
    loaded = load(data, trusted=ELECTION.trusted, threshold=2, not_older_than=1)
    return replace(ELECTION, manifest=loaded.manifest, manifest_bytes=data, loaded=loaded)


@attack("old manifest")
def test_manifest_of_last_week(tmp_path: object) -> None:
    with pytest.raises(ManifestError, match="version 1 is older than version 2, which was seen here"):
        load(ELECTION.manifest_bytes, trusted=ELECTION.trusted, threshold=2, not_older_than=2)
    load(newer().manifest_bytes, trusted=ELECTION.trusted, threshold=2, not_older_than=2)
    scene = Scene(f"{tmp_path}/ledger.db", newer())
    outdated = Device(ELECTION, "branch-1").tally()
    check_submission(outdated, ELECTION.loaded)  # it was good last week
    scene.refuses(outdated, StatementError, "states manifest_sha256")
    scene.admits(scene.device.tally())
    scene.center.close()


@attack("envelope of an earlier election")
def test_envelope_of_the_last_election_is_sent_again(scene: Scene) -> None:
    """The same branch, device, keys and candidates; every signature good; four years old."""
    before = replace(
        ELECTION,
        loaded=load(
            ELECTION.sign_unchecked(structs.replace(ELECTION.manifest, election="councils-6")),
            trusted=ELECTION.trusted,
            threshold=2,
        ),
    )
    data, inside = honest(scene.device)
    old = sealed_by(
        scene.device,
        structs.replace(header(data), election="councils-6", manifest_sha256=before.loaded.sha256),
        inside,
    )
    check_submission(old, before.loaded)  # it was good then
    scene.refuses(old, StatementError, "states election 'councils-6'")
    topic = topic_envelope("councils-6", "branch-1")
    outcome = scene.center.take((topic, old), (topic, data))
    assert (outcome.admitted, len(outcome.refused)) == ((), 2)
    relabelled = changed(old, scene.device, election="councils-7", manifest_sha256=ELECTION.loaded.sha256)
    scene.refuses(relabelled, SealError, "does not show that the sealer knows")
    scene.admits(data)


# --- clocks --------------------------------------------------------------------------------------------------------


def alarms(branch: Branch) -> list[str]:
    """What the officials are shown, and the journal keeps."""
    shown = [incident["code"] for incident in branch.station.status(branch.now)["incidents"]]
    assert shown == [fact.code for fact in branch.facts(IncidentRecorded)]
    return shown


@attack("clock set forward")
def test_clock_is_set_forward_to_close_early_or_to_see_a_tally_early() -> None:
    """A running kit reckons from its boot. After a restart the terminal's own clock still says too early."""
    branch = standing_in("open")
    branch.wall_offset += 12 * HOUR_MS
    answer = order(branch, "close")
    assert not answer.get("accepted")
    assert "not before" in answer["error"]
    branch.wall_offset -= 12 * HOUR_MS
    branch.advance_to_wall(CLOSE_MS)
    for line in branch.lines.values():
        line.model.cast_all()
    assert order(branch, "close").get("accepted")

    branch = standing_in("zeroed")
    branch.wall_offset += 12 * HOUR_MS
    branch.boot()  # nothing but the journal knows better: the kit believes its clock, and says so to everybody
    branch.settle()
    assert alarms(branch) == ["clock-ahead-or-long-off"]
    assert alarms(standing_in("zeroed")) == []

    branch = work_until(Branch(), "accounted")
    true_offset = branch.wall_offset
    line = branch.lines["terminal-1-1"]
    carry_out = line.carry_out
    refusals: list[object] = []

    def by_its_own_clock(_: int) -> object:
        answer = carry_out(branch.now + true_offset)
        refusals.extend([answer] if isinstance(answer, TerminalRefused) else [])
        return answer

    line.carry_out = by_its_own_clock  # type: ignore[method-assign,assignment]
    branch.wall_offset += 12 * HOUR_MS
    branch.boot()
    branch.advance(30_000)
    assert branch.now + true_offset < TALLY_MS
    assert {refusal.reason for refusal in refusals if isinstance(refusal, TerminalRefused)} == {"too-early"}
    assert not branch.facts(TallyTaken)
    branch.advance(TALLY_MS - (branch.now + true_offset) + 60_000)
    assert branch.facts(TallyTaken)
    assert branch.phase == "delivered"


@attack("clock set back")
def test_clock_is_set_back_to_do_the_morning_again() -> None:
    """Neither a running kit nor one that restarts takes back a step, accepts an old order, or seals anew."""
    branch = standing_in("sending")
    sealed = [fact.envelope for fact in branch.envelopes()]
    taken = len(branch.facts(OrderAccepted))
    branch.wall_offset = MORNING_MS - branch.now
    for restart in (False, True):
        if restart:
            assert alarms(branch) == []
            branch.boot()
            branch.settle()
            assert alarms(branch) == ["clock-went-back"]
        for kind, serial in (("open", 2), ("zero", 1), ("open", None)):
            answer = order(branch, kind, serial)
            assert not answer.get("accepted"), (restart, kind, answer)
        assert branch.phase == "sending"
    assert len(branch.facts(OrderAccepted)) == taken
    assert [fact.envelope for fact in branch.envelopes()] == sealed
    branch.center_answers = True
    work_until(branch, "delivered")
