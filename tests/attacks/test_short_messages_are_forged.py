"""Somebody writes SMS under numbers that are not his, and repeats what he caught."""

from typing import Final

from crypto import acknowledgement, sms
from crypto.codec import sha256_hex
from tests.attacks.catalogue import attack
from tests.center.sms_world import World, is_answer, parts_of, tally_of
from tests.crypto.election_fixture import make_election

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
