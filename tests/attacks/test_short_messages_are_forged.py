"""Somebody writes SMS under numbers that are not his, and repeats what he caught."""

from typing import Final

from crypto import acknowledgement, sms, sms_missing
from crypto.codec import sha256_hex
from crypto.notes import NoteSigner
from kit.sms.plan import SmsPlan
from tests.attacks.catalogue import attack
from tests.center.sms_world import World, is_answer, parts_of, tally_of
from tests.crypto.election_fixture import key_of, make_election
from tests.world.sms_air import GATEWAYS, Air, Kit, Weather

BRANCH: Final = "+98912000001"
FORGER: Final = "+98912000666"


def forged(part: bytes, at: int) -> bytes:
    """The same place of the same message, one bit of it changed."""
    changed = bytearray(part)
    changed[sms.HEADER_OCTETS + at] ^= 1
    return bytes(changed)


@attack("SMS parts forged under a branch's number")
def test_forged_parts_come_before_between_and_after_the_honest_ones() -> None:
    """The signature of the whole says which were right: the branch has its answer with its last honest part."""
    election = make_election(1)
    envelope = tally_of(election)
    parts = parts_of(election, envelope)
    attacked, quiet = World(election), World(election)
    for number, part in enumerate(parts):
        attacked.arrive(
            BRANCH, forged(part, 0), part, *([forged(part, 1)] if number < len(parts) - 1 else [])
        )
        quiet.arrive(BRANCH, part)
    for world in (attacked, quiet):
        assert [is_answer(content, envelope, election) for content in world.answers(BRANCH)] == [True]
        assert [sha256_hex(one.envelope) for one in world.submitted] == [sha256_hex(envelope)]


@attack("SMS replayed from another number")
def test_envelope_that_was_caught_is_sent_from_another_number() -> None:
    """He is told what everybody may know, that the log has it; the branch is answered as if he were not there."""
    election = make_election(1)
    envelope = tally_of(election)
    parts = parts_of(election, envelope)
    world = World(election)
    world.arrive(FORGER, *parts)
    assert len(world.answers(FORGER)) == 1
    world.later(60_000)
    world.arrive(BRANCH, *parts)
    assert [is_answer(content, envelope, election) for content in world.answers(BRANCH)] == [True]
    assert world.desk.tally.whole == 1


@attack("acknowledgement by another log")
def test_broker_brings_acknowledgements_that_the_log_did_not_sign() -> None:
    """Whoever has the broker can make the gateway send nothing: it verifies before it spends a message."""
    election = make_election(2)
    envelope = tally_of(election)
    world = World(election)
    world.centerd_runs = False
    world.arrive(BRANCH, *parts_of(election, envelope))
    true = acknowledgement.make(envelope, election.log)
    text, _, signature = true.rpartition(" ")
    for note in (
        acknowledgement.make(tally_of(election, "branch-2"), election.log),
        true.replace(election.log.name, "log.example/other"),
        f"{text} {signature[:8]}{signature[8:].swapcase()}",
        text,
    ):
        world.desk.heard(note, now_ms=world.now)
        world.settle()
    assert world.network == []
    world.desk.heard(true, now_ms=world.now)
    world.settle()
    assert len(world.answers(BRANCH)) == 1


@attack("request for SMS parts forged or replayed")
def test_somebody_asks_for_parts_under_the_gateways_number_until_the_limit_is_used_up() -> None:
    """Not one message goes out for it, and none for what the log signed once and is heard again; the log's own is."""
    election = make_election(1)
    air = Air(election, 1, Weather())
    air.deliver = lambda *_: None  # type: ignore[method-assign]  # the centre hears nothing
    patient = SmsPlan(GATEWAYS, ("a", "b"), patience_ms=10**9, max_per_hour=500, max_per_envelope=1_000)
    kit = Kit(air, "branch-1", (BRANCH, FORGER), tally_of(election), patient)
    air.kits.append(kit)
    air.run(60_000)
    sent = kit.sent
    parts = [data for _, _, data in air.overheard]
    first = sms.parse(parts[0])
    came = sms_missing.hash_of(parts[1:])
    wanted = sms_missing.MissingParts(first.reference, first.total, (1,), came)
    thief = NoteSigner(election.log.name, key_of("somebody else"))
    for at_s in range(500):
        kit.arrive(
            GATEWAYS[0], sms.split(sms_missing.make(wanted, thief, at_s=at_s), reference=at_s % 256)[0]
        )
        air.run(61_000, step_ms=61_000)
    assert kit.sent == sent
    genuine = sms_missing.make(wanted, election.log, at_s=1_000)
    for at in range(500):
        kit.arrive(FORGER, sms.split(genuine, reference=at % 256)[0])
        air.run(61_000, step_ms=61_000)
    assert kit.sent == sent + 1
