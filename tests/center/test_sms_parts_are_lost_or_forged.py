"""The desk of the SMS gateway: parts lost, doubled, disordered, of many senders, forged; floods; its own death."""

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from center.errors import SpoolError
from center.sms import parts as parts_module
from center.sms.desk import ASK_AFTER_MS
from center.sms.envelopes import ANSWER_PAUSE_MS
from center.sms.parts import KEEP_MS, PARTS_HELD_MAX, SENDER_OPEN_MAX
from center.sms.port import Outcome
from center.sms.records import Kind, OrderRecord, Record
from center.sms.sending import NUMBER_HOUR_MAX, REQUESTS_HOUR_MAX, STRANGERS_QUEUE_MAX, TRIES_MAX
from crypto import acknowledgement, sms, sms_missing
from crypto.codec import sha256_hex
from tests.center.sms_world import World, is_answer, parts_of, tally_of
from tests.crypto.election_fixture import Election, make_election

ONE, TWO = "+98912000001", "+98912000002"


@cache
def election() -> Election:
    return make_election(2)


@cache
def envelope(branch: str = "branch-1") -> bytes:
    return tally_of(election(), branch)


@cache
def parts(branch: str = "branch-1") -> tuple[bytes, ...]:
    return parts_of(election(), envelope(branch))


def forged(part: bytes, fill: int = 0xEE) -> bytes:
    return part[: sms.HEADER_OCTETS] + bytes([fill]) * (len(part) - sms.HEADER_OCTETS)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_order_with_repetitions_and_deaths_gives_one_answer_each(data: st.DataObject) -> None:
    """Two branches under one reference, from two numbers, interleaved; the gateway is killed now and then."""
    sent = [(number, part) for number, who in ((ONE, "branch-1"), (TWO, "branch-2")) for part in parts(who)]
    again = data.draw(st.lists(st.sampled_from(sent), max_size=8))
    order = data.draw(st.permutations(sent + again))
    deaths = data.draw(st.sets(st.integers(0, len(order)), max_size=3))
    world = World(election())
    for at, (number, part) in enumerate(order):
        if at in deaths:
            world.start()
        world.arrive(number, part)
    for number, who in ((ONE, "branch-1"), (TWO, "branch-2")):
        assert world.answers(number)
        assert all(is_answer(content, envelope(who), election()) for content in world.answers(number))
    if not deaths:
        assert len(world.network) == 2
    assert world.memory.count("envelope") == 0


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_missing_parts_are_asked_for_and_complete_the_message(seed: int) -> None:
    chance = random.Random(seed)
    lost = set(chance.sample(range(1, len(parts()) + 1), chance.randint(1, len(parts()) - 1)))
    world = World(election())
    world.arrive(ONE, *(part for part in parts() if part[5] not in lost))
    world.later(ASK_AFTER_MS - 1_000)
    assert world.network == []
    world.later(1_000)
    ((number, asked),) = world.network
    request = world.request(asked)
    assert (number, request.reference, set(request.missing)) == (ONE, 7, lost)
    assert request.received == sms_missing.hash_of(part for part in parts() if part[5] not in lost)
    world.arrive(ONE, *(part for part in parts() if part[5] in request.missing))
    assert is_answer(world.answers(ONE)[-1], envelope(), election())
    assert world.memory.files.keys() == {key for key in world.memory.files if key[0] == "numbers"}


def test_missing_parts_are_asked_for_a_few_times_only() -> None:
    world = World(election())
    world.arrive(ONE, parts()[0])
    at: list[int] = []
    while world.now < KEEP_MS:
        world.later(60_000)
        at += [world.now] * (len(world.network) - len(at))
    assert [round(ms / ASK_AFTER_MS) for ms in at] == [1, 3, 7]
    world.later(60_000)
    assert (world.desk.parts_held, world.memory.count("part"), world.desk.tally.given_up) == (0, 0, 1)


def test_forged_parts_do_not_stop_the_honest_message() -> None:
    """Somebody writes in the honest number's name: a forged part under each number comes first, and others later."""
    world = World(election())
    world.arrive(ONE, *(forged(part) for part in parts()))
    assert world.network == []
    for part in parts():
        world.arrive(ONE, forged(part, 0xAA), part)
    assert [is_answer(content, envelope(), election()) for content in world.answers(ONE)] == [True]
    assert world.memory.count("part") == 0


def test_forger_who_disagrees_about_how_many_parts_there_are_is_another_message() -> None:
    world = World(election())
    wrong = bytearray(parts()[0])
    wrong[4] += 1
    for part in parts():
        world.arrive(ONE, bytes(wrong), part)
    assert len(world.answers(ONE)) == 1


def test_flood_of_first_parts_pushes_out_a_message_that_is_nearly_whole() -> None:
    """Under the branch's own number: what has fewer parts gives way first, so each costs the forger several."""
    world = World(election())
    world.arrive(ONE, *parts()[:2])
    for reference in range(100, 100 + 3 * SENDER_OPEN_MAX):
        world.arrive(ONE, parts("branch-2")[0][:3] + bytes([reference]) + parts("branch-2")[0][4:])
    world.arrive(ONE, *parts()[2:])
    assert is_answer(world.answers(ONE)[-1], envelope(), election())


def test_flood_of_variants_costs_a_repetition_and_no_more() -> None:
    world = World(election())
    for part in parts()[:-1]:
        world.arrive(ONE, part)
    world.arrive(ONE, *(forged(parts()[0], fill) for fill in range(5)))  # the honest first part is out
    world.arrive(ONE, parts()[-1])
    assert world.answers(ONE) == []
    world.arrive(ONE, *parts())  # the flood is over
    assert len(world.answers(ONE)) == 1


def test_what_comes_again_is_answered_again_but_not_at_once() -> None:
    world = World(election())
    world.arrive(ONE, *parts())
    world.arrive(ONE, *parts())  # the network doubles it
    world.arrive(ONE, *parts_of(election(), envelope(), reference=8))
    assert (len(world.answers(ONE)), world.desk.parts_held) == (1, 0)
    world.later(ANSWER_PAUSE_MS)
    world.arrive(ONE, parts()[0])  # the branch did not get the answer
    assert len(world.answers(ONE)) == 2
    world.later(ANSWER_PAUSE_MS)
    world.arrive(TWO, *parts_of(election(), envelope(), reference=9))  # ... and has another SIM
    assert len(world.answers(TWO)) == 1
    assert (world.desk.tally.whole, world.desk.tally.again) == (1, 2)
    assert len(set(world.answers(ONE) + world.answers(TWO))) == 1


def test_centerd_is_away_and_the_gateway_dies_meanwhile() -> None:
    world = World(election())
    world.centerd_runs = False
    world.arrive(ONE, *parts())
    assert (world.memory.count("envelope"), world.memory.count("part"), world.network) == (1, 0, [])
    world.later(60_000)
    assert 2 <= len(world.submitted) <= 5
    assert "wait for centerd" in world.desk.unfinished
    world.start()
    world.centerd_runs = True
    world.later(20_000)
    assert len(world.answers(ONE)) == 1
    assert world.desk.unfinished == ""


def test_acknowledgement_that_the_log_did_not_sign_is_no_answer() -> None:
    world = World(election())
    world.centerd_runs = False
    world.arrive(ONE, *parts())
    other = make_election(1)
    notes = [
        acknowledgement.make(envelope("branch-2"), election().log),
        acknowledgement.make(envelope(), election().log).replace("envelope ", "envelope\u00a0"),
        acknowledgement.make(envelope(), election().log)[:-10] + "AAAAAAAA=\n",
        acknowledgement.make(envelope(), other.log).replace(other.log.name, "other"),
        "c2sp.org/tlog-proof@v1\n",
        "",
    ]
    for note in notes:
        world.desk.heard(note, now_ms=world.now)
        world.settle()
    assert world.network == []
    world.desk.refused(sha256_hex(envelope()), "no such branch")
    world.settle()
    assert any("no such branch" in words for words in world.said)
    world.centerd_runs = True
    world.later(60_000)
    assert len(world.answers(ONE)) == 1


@given(st.lists(st.tuples(st.sampled_from([ONE, TWO, "Bank"]), st.binary(max_size=150)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_garbage_is_left_alone(messages: list[tuple[str, bytes]]) -> None:
    world = World(election())
    for sender, data in messages:
        world.arrive(sender, data)
    world.arrive(ONE, *parts())
    assert len(world.answers(ONE)) == 1


def test_flood_from_one_number_stays_bounded_and_hurts_nobody_else() -> None:
    world = World(election())
    world.arrive(TWO, *parts()[:-1])
    for reference in range(256):
        world.arrive(ONE, *(sms.split(bytes([reference]) * 1_000, reference=reference)[:-1]))
    assert world.desk.parts_held <= SENDER_OPEN_MAX * 7 + len(parts())
    assert world.memory.count("part") == world.desk.parts_held
    world.arrive(TWO, parts()[-1])
    assert len(world.answers(TWO)) == 1


def test_flood_from_many_numbers_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PARTS_HELD_MAX * sms.USER_DATA_MAX < 1_000_000
    monkeypatch.setattr(parts_module, "PARTS_HELD_MAX", 60)
    world = World(election())
    for at in range(40):
        world.arrive(f"+9890000{at:04d}", *sms.split(bytes([at]) * 500, reference=at)[:3])
        assert world.desk.parts_held <= 60
        assert world.memory.count("part") == world.desk.parts_held
    world.arrive(TWO, *parts())
    assert len(world.answers(TWO)) == 1


def test_strangers_cannot_make_us_send_without_end() -> None:
    world = World(election())
    for at in range(REQUESTS_HOUR_MAX + 40):
        world.arrive(f"+9890000{at:04d}", sms.split(bytes(300), reference=1)[0])
    world.later(ASK_AFTER_MS + 2_000)
    assert len(world.network) == REQUESTS_HOUR_MAX
    world.network.clear()
    for reference in range(NUMBER_HOUR_MAX + 10):
        world.arrive(ONE, sms.split(bytes(300), reference=reference)[0])
        world.later(ASK_AFTER_MS)
    assert len(world.answers(ONE)) <= NUMBER_HOUR_MAX * 2  # in more than an hour


def test_disk_is_full_and_the_part_is_not_taken() -> None:
    world = World(election())
    world.arrive(ONE, *parts()[:-1])
    world.memory.full = True
    with pytest.raises(SpoolError):
        world.arrive(ONE, parts()[-1])
    assert (world.submitted, world.network) == ([], [])
    world.memory.full = False
    world.arrive(ONE, parts()[-1])  # smsd's file is still there
    assert len(world.answers(ONE)) == 1


@pytest.mark.parametrize("kind", ["envelope", "numbers"])
def test_disk_is_full_when_the_message_is_whole(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(election())
    keep = world.memory.keep

    def full(found: Kind, name: str, record: Record) -> None:
        if found == kind:
            raise SpoolError("no space left on device")
        keep(found, name, record)

    with monkeypatch.context() as disk:
        disk.setattr(world.memory, "keep", full)
        with pytest.raises(SpoolError):
            world.arrive(ONE, *parts())
    world.arrive(ONE, parts()[-1])  # smsd's file is still there
    world.later(1_000)
    assert len(world.answers(ONE)) == 1
    assert world.desk.unfinished == ""


def test_envelope_that_was_caught_uses_up_the_answers_of_its_branch() -> None:
    world = World(election())
    world.arrive(ONE, *parts())
    for _ in range(NUMBER_HOUR_MAX + 5):
        world.later(ANSWER_PAUSE_MS)
        world.arrive(ONE, parts()[0])
        world.later(1_000)
    world.network.clear()
    other = envelope("branch-2")
    world.arrive(ONE, *parts_of(election(), other, reference=8))
    assert [is_answer(one, other, election()) for one in world.answers(ONE)] == [True]


def test_answer_that_the_network_refuses_is_sent_again_and_given_up_in_the_end() -> None:
    world = World(election())
    world.outcome = Outcome(0, sent=False, reason="network out of order")
    world.arrive(ONE, *parts())
    world.later(20_000)
    world.outcome = Outcome(0, sent=True)
    world.later(60_000)
    assert len(world.answers(ONE)) == 1
    world.outcome = Outcome(0, sent=False, reason="no such number", final=True)
    world.arrive(TWO, *parts_of(election(), envelope("branch-2")))
    assert (world.desk.tally.answers_failed, world.desk.unfinished) == (1, "")
    assert TRIES_MAX > 1


def test_letters_for_a_number_get_no_answer_and_leave_nothing() -> None:
    world = World(election())
    world.arrive("Bank", *parts())
    assert (len(world.submitted), world.network, world.desk.unfinished) == (1, [], "")


def test_request_for_parts_of_a_command_makes_the_gateway_send() -> None:
    """No branch asks for such parts; who does is a stranger, under a branch's number."""
    world = World(election())
    order = OrderRecord(packed=bytes([0xC5]) + bytes(300), numbers=(ONE, TWO))
    world.desk.order("one", order, now_ms=world.now)
    world.settle()
    assert [number for number, _ in world.network] == [ONE] * 3 + [TWO] * 3
    assert sms.join(data for number, data in world.network if number == TWO) == order.packed
    assert [done.words for done in world.orders] == [""]
    reference = world.network[0][1][3]
    wanted = sms_missing.MissingParts(reference, 3, (2,), sms_missing.hash_of([b"whatever"]))
    for data in (bytes([0xA2, reference, 3, 0x40]), sms_missing.make(wanted, election().log, at_s=1)):
        world.arrive(ONE, *sms.split(data, reference=1))
    assert len(world.network) == 6


def test_nobody_signs_requests_and_parts_come_again_by_themselves() -> None:
    """centerd is away: nothing is asked for, nothing is spent; what the branch sends again completes its envelope."""
    world = World(election())
    world.centerd_runs = False
    world.arrive(ONE, *parts()[1:])
    world.later(10 * 60_000)
    assert world.network == []
    assert 10 * 60 // 15 - 15 <= len(world.wishes) <= 10 * 60 // 15
    assert sum("centerd signs no request" in words for words in world.said) == 1
    world.arrive(ONE, parts()[0])
    assert world.desk.tally.whole == 1
    wishes = len(world.wishes)
    world.centerd_runs = True
    world.later(10 * 60_000)
    assert is_answer(world.answers(ONE)[-1], envelope(), election())
    assert len(world.wishes) == wishes, "it asks for what it has"


def test_centerd_is_silent_and_nobody_is_told() -> None:
    world = World(election())
    world.centerd_runs = False
    world.arrive(ONE, *parts())
    world.later(59_000)
    silent = "centerd acknowledges nothing: 1 envelopes wait for it; is it running?"
    assert silent not in world.said
    world.later(10 * 60_000)
    assert world.said.count(silent) == 1


def test_replayer_keeps_the_branch_from_its_answer() -> None:
    """He has caught one part, and sends it every half minute: each number has a pause of its own."""
    world = World(election())
    world.arrive(TWO, *parts())
    for _ in range(8):
        world.later(30_000)
        world.arrive(TWO, parts()[0])
    assert world.answers(ONE) == []
    world.arrive(ONE, *parts())
    assert [is_answer(content, envelope(), election()) for content in world.answers(ONE)] == [True]
    world.arrive(ONE, *parts())
    world.later(ANSWER_PAUSE_MS - 1_000)
    world.arrive(ONE, *parts())
    assert len(world.answers(ONE)) == 1
    assert len(world.answers(TWO)) == 5


def test_reference_comes_round_again_and_nothing_is_asked_for() -> None:
    """A branch with many terminals: its ninth envelope has the reference of its first, whole an hour before."""
    world = World(election())
    world.arrive(ONE, *parts())
    world.later(60 * 60_000)
    before = len(world.network)
    world.arrive(ONE, *parts("branch-2")[1:], parts()[0])
    world.later(ASK_AFTER_MS)
    assert len(world.network) == before + 2, (
        "the repetition is answered again, and the missing part is asked for"
    )
    asked = world.request(world.network[-1][1])
    assert asked.missing == (1,)
    world.arrive(ONE, parts("branch-2")[0])
    assert is_answer(world.answers(ONE)[-1], envelope("branch-2"), election())


def test_request_that_comes_late_or_is_forged_is_not_sent() -> None:
    world = World(election())
    world.centerd_runs = False
    world.arrive(ONE, *parts()[1:])
    world.later(ASK_AFTER_MS)
    (wish,) = world.wishes
    signed = world.sign(wish)
    for wrong in (
        b"",
        wish,
        signed[:-1] + bytes([signed[-1] ^ 1]),
        sms_missing.make(sms_missing.MissingParts(7, 9, (1,), "0" * 64), election().log, at_s=1),
    ):
        world.desk.signed(wrong, now_ms=world.now)
        world.settle()
    assert world.network == []
    world.desk.signed(signed, now_ms=world.now)
    world.settle()
    world.desk.signed(signed, now_ms=world.now)
    world.settle()
    assert len(world.network) == 1
    world.arrive(ONE, parts()[0])
    world.desk.signed(signed, now_ms=world.now)
    world.settle()
    assert len(world.network) == 1


def test_forged_part_makes_every_request_worthless() -> None:
    """The hash over the parts that came is wrong with a forged one among them: the next request tries another."""
    world = World(election())
    world.arrive(ONE, *parts()[1:], forged(parts()[1]))
    world.later(4 * ASK_AFTER_MS)
    asked = [world.request(data).received for _, data in world.network]
    assert sms_missing.hash_of(parts()[1:]) in asked
    assert len(asked) == 2


def test_repetitions_from_many_numbers_stand_before_the_first_answers() -> None:
    """Who caught envelopes sends them from ever more numbers; a modem takes ten answers a minute."""
    world = World(election())
    sendings = world.desk._sendings
    for at in range(10_000):
        sendings.put("answer", f"+98{at:09d}", b"", about="", now_ms=0)
    assert len(sendings) == STRANGERS_QUEUE_MAX
    assert sendings.put("answer", ONE, b"", about="first", now_ms=0, free=True) is not None
    assert sendings.due(now_ms=0)[0].about == "first"


def test_numbers_of_a_branch_are_learned_from_verified_envelopes_alone() -> None:
    world = World(election())
    world.arrive(TWO, *(forged(part) for part in parts()))
    assert world.desk.numbers_of("branch-1") == ()
    world.arrive(ONE, *parts())
    world.start()
    assert world.desk.numbers_of("branch-1") == (ONE,)
