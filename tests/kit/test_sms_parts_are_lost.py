"""SMS from a kit to the centre, over real drivers and simulated modems: lost, doubled, late, forged, cut off."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from crypto import sms, sms_missing
from kit.cli.words import Words, render
from kit.facts import IncidentRecorded, ReceiptStored, RungReached
from simulators.virtual.loop import VirtualLoop
from tests.kit.harness import ONE_TERMINAL
from tests.kit.sms_bench import NUMBERS, PLAN, Bench, packed_ack


@pytest.fixture
def bench() -> Iterator[Bench]:
    with VirtualLoop(seed=5) as loop:
        yield Bench(loop)


def test_no_link_works_and_nobody_hears_of_the_tally(bench: Bench) -> None:
    bench.run(55)
    assert not bench.sent
    bench.gateway.answers = True
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    assert sorted(bench.gateway.whole) == sorted(bench.envelopes().values())
    for seq in (1, 2):
        parts = [(fact.part, fact.of) for fact in bench.taken(seq)]
        assert parts == [(part, parts[0][1]) for part in range(1, parts[0][1] + 1)]
    bench.run(600)
    assert len(bench.sent) == len(bench.taken()), "it went on after the acknowledgement"
    assert [(fact.seq, fact.grade, fact.delivered, fact.uplink) for fact in bench.facts(ReceiptStored)] == [
        (2, "acknowledged", False, "sms"),
        (1, "acknowledged", False, "sms"),
    ]
    assert set(bench.station.outbox.items) == {1, 2}, "only a witnessed receipt frees the outbox"


def test_rung_is_reached_without_a_word(bench: Bench) -> None:
    bench.run(62)
    reached = bench.facts(RungReached)
    assert [(fact.seq, fact.rung) for fact in reached] == [(1, "sms"), (2, "sms")]
    assert reached[1].reason.startswith("no acknowledgement for 1 min")
    assert "fibre: " in reached[0].reason
    assert reached[0].reason.endswith("sending by SMS over modem a")
    bench.run(600)
    assert [(fact.seq, fact.rung) for fact in bench.facts(RungReached)[2:]] == [
        (1, "courier"),
        (2, "courier"),
    ]


def test_part_is_lost_and_nobody_says_so(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.run(60)
    bench.network.lose = 2
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    again = [fact for fact in bench.taken() if bench.taken().count(fact) >= 1]
    numbers = [(fact.seq, fact.reference, fact.part) for fact in again]
    assert len(numbers) - len(set(numbers)) == 2, "more or less than the lost parts went again"


def test_parts_are_doubled_and_reordered(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.network.double, bench.network.reorder = 2, 3
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    assert len(bench.sent) == len({(one.user_data, one.modem) for one in bench.sent})


def test_centre_asks_for_what_is_missing(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.gateway.swallow = lambda part: part.number == 2 and bench.now() < swallow_until
    swallow_until = bench.now() + 100_000
    bench.run(100)
    assert not bench.gateway.whole
    before = len(bench.sent)
    part = bench.gateway.parts[0][1]
    for _ in range(3):  # the second and third are within a minute
        bench.gateway.ask_for(NUMBERS["a"], part, [2])
    bench.run(10)
    assert [sms.parse(one.user_data).number for one in bench.sent[before:]] == [2]
    assert len(bench.gateway.whole) == 1


def test_request_for_parts_is_forged_replayed_or_of_another_message() -> None:
    """Sent under the gateway's own number: the number proves nothing, and what costs a message is the signature."""
    with VirtualLoop(seed=5) as loop:
        _asks_falsely(Bench(loop, replace(PLAN, patience_ms=3_600_000)))


def _asks_falsely(bench: Bench) -> None:
    bench.gateway.swallow = lambda part: part.number == 2
    bench.run(100)
    reference = bench.gateway.parts[0][1].reference
    part, other = (
        next(part for _, part in bench.gateway.parts if (part.reference == reference) is same)
        for same in (True, False)
    )
    genuine = bench.gateway.request(part, [2])
    before = len(bench.sent)
    bent = bytearray(genuine)
    bent[-1] ^= 1
    moved = bytearray(genuine)
    moved[9] = other.reference
    stolen = sms_missing.make(
        sms_missing.MissingParts(other.reference, other.total, (2,), sms_missing.hash_of([b"never seen"])),
        ONE_TERMINAL.log,
        at_s=bench.now() // 1000,
    )
    for data in (bytes.fromhex("a22a0640"), bytes(bent), bytes(moved), stolen):
        bench.gateway.send(NUMBERS["a"], data)
    bench.run(30)
    assert len(bench.sent) == before
    bench.stranger.send(NUMBERS["a"], genuine)
    bench.run(15)
    assert len(bench.sent) == before + 1, "what the log signed was not followed, for it came from a number"
    for _ in range(3):
        bench.run(20)
        bench.stranger.send(NUMBERS["a"], genuine)
    bench.restart()
    bench.stranger.send(NUMBERS["a"], genuine)
    bench.run(12)
    assert len(bench.sent) == before + 1, "it was followed again"


def test_whole_message_is_lost_on_the_centres_side(bench: Bench) -> None:
    """Every part was delivered, and nothing came of it: a repetition under that reference would be no news there."""
    bench.run(150)
    assert len(bench.gateway.whole) == 2
    bench.gateway.answers = True
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    assert len({part.reference for _, part in bench.gateway.parts}) == 4
    assert len(bench.gateway.whole) == 4


def test_kit_restarts_in_the_middle(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.run_until(lambda: len(bench.taken()) == 2)
    bench.restart()
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    taken = [(fact.seq, fact.reference, fact.part) for fact in bench.taken()]
    assert len(taken) == len(set(taken))
    assert len({reference for _, reference, _ in taken}) == 2
    on_air = [one for one in bench.network.sent if one["from"] == NUMBERS["a"]]
    assert len(on_air) <= len(taken) + 1, "more than the one part that was under way went out again"


def test_modem_dies_in_the_middle(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.run_until(lambda: len(bench.taken()) == 2)
    bench.ports["a"].unplug()
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2, 300)
    assert {fact.modem for fact in bench.taken()[2:]} == {"b"}
    assert {sender for sender, _ in bench.gateway.parts} == {NUMBERS["a"], NUMBERS["b"]}


def test_sim_has_no_credit(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.run(50)
    bench.network.refuse, bench.network.refuse_code = 1, 29  # facility rejected
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2, 120)
    assert {fact.modem for fact in bench.taken()} == {"b"}
    (incident,) = bench.facts(IncidentRecorded)
    assert incident.code == "sms-refused"
    assert incident.detail.startswith(f"modem a, to {NUMBERS['centre']}: the message was refused: ")


def test_network_is_out_of_order_for_a_while(bench: Bench) -> None:
    bench.gateway.answers = True
    bench.network.refuse, bench.network.refuse_code = 6, 38
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    assert {fact.modem for fact in bench.taken()} <= {"a", "b"}


def test_acknowledgement_is_forged_or_of_another_envelope(bench: Bench) -> None:
    bench.run(100)
    data = bytearray(packed_ack(bench.envelopes()[2]))
    data[-1] ^= 1
    bench.gateway.send(NUMBERS["a"], bytes(data))
    bench.gateway.send(NUMBERS["a"], packed_ack(b"an envelope of another branch"))
    bench.gateway.send(NUMBERS["a"], b"\xa1 too short")
    bench.gateway.send(NUMBERS["a"], b"\x77 of no kind")
    bench.run(30)
    assert not bench.facts(ReceiptStored)
    assert [fact.code for fact in bench.facts(IncidentRecorded)] == ["receipt-refused"]
    assert sum(bench.station.ladder.inbox.dropped.values()) == 2
    assert bench.station.devices.messages("a") == 4
    before = len(bench.sent)
    bench.run(300)
    assert len(bench.sent) > before, "a forgery stopped the escalation"


def test_acknowledgement_comes_from_a_number_that_nobody_knows(bench: Bench) -> None:
    """The log's signature counts, and the sender's number proves nothing."""
    bench.run(100)
    bench.stranger.send(NUMBERS["b"], packed_ack(bench.envelopes()[2]))
    bench.run(15)
    (stored,) = bench.facts(ReceiptStored)
    assert (stored.seq, stored.grade, stored.delivered) == (2, "acknowledged", False)
    assert set(bench.station.ladder.escalation.climbs) == {1}


@pytest.mark.parametrize("hours", [-24 * 365, 24 * 365])
def test_clock_jumps_while_the_kit_is_off(bench: Bench, hours: int) -> None:
    bench.gateway.answers = True
    bench.run(30)
    bench.wall_ms_offset += hours * 3_600_000
    bench.restart()
    bench.run(62)
    assert {fact.rung for fact in bench.facts(RungReached)} >= {"sms"}
    bench.wall_ms_offset -= 2 * hours * 3_600_000
    bench.restart()
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)


def said(bench: Bench, language: str = "en") -> str:
    return render(bench.station.status(bench.now()), Words(language))


def test_screen_does_not_say_that_the_centre_has_it(bench: Bench) -> None:
    """The acknowledgement ends the climb, and with it every line of the ladder: staff would be left with "waiting"."""
    bench.gateway.answers = True
    bench.run(65)
    assert "SMS of all envelopes within the hour: " in said(bench)
    bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2)
    assert (
        "tally #2: acknowledged by the centre (by SMS); its receipt comes over a data link; nothing to do"
        in said(bench)
    )
    assert "مرکز دریافت آن را تأیید کرده است (با پیامک)" in said(bench, "fa")
    assert "within the hour" not in said(bench)


def test_screen_does_not_say_that_no_more_goes() -> None:
    with VirtualLoop(seed=5) as loop:
        bench = Bench(loop, replace(PLAN, max_per_envelope=6))
        bench.run(600)
        assert "no more SMS goes for it: the limit of 6 is used up ([sms] max_per_envelope)" in said(bench)
        assert "again in" not in said(bench)
        assert "سقف 6 پیامک پر شده است" in said(bench, "fa")
