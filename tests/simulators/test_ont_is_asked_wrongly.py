import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices import snmp_wire as wire
from simulators.devices.ont import (
    ABSURD,
    ANSWERS_MAX,
    BOOT_MS,
    LOS_OID,
    RX_POWER_OID,
    OntModel,
    make_ont,
)
from simulators.devices.snmp_agent import REPETITIONS_MAX, SnmpAgent
from simulators.devices.snmp_wire import (
    DATAGRAM_MAX,
    END_OF_MIB_VIEW,
    GET,
    GET_BULK,
    GET_NEXT,
    INTEGER,
    RESPONSE,
    SET,
    Message,
    Value,
    WireError,
    decode,
    encode,
    oid,
)
from simulators.stand.model import CommandError

UPTIME = oid("1.3.6.1.2.1.1.3.0")
# A GET of sysUpTime.0 under "public", written by hand from X.690 and RFC 3416.
BY_HAND = bytes.fromhex(
    "3026 020101 04067075626c6963 a019 02012a 020100 020100 300e 300c 06082b06010201010300 0500"
)
ASKED_BY_HAND = Message(b"public", GET, 42, 0, 0, ((UPTIME, wire.ABSENT),))

oids = st.builds(
    lambda top, second, rest: (top, second, *rest),
    st.integers(0, 2),
    st.integers(0, 39),
    st.lists(st.integers(0, 2**32 - 1), max_size=20),
)
values = st.one_of(
    st.builds(Value, st.just(INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Value, st.just(wire.COUNTER64), st.integers(0, 2**64 - 1)),
    st.builds(Value, st.just(wire.OCTETS), st.binary(max_size=300)),
    st.builds(Value, st.just(wire.OBJECT_ID), oids),
    st.just(wire.ABSENT),
    st.just(Value(END_OF_MIB_VIEW)),
)
numbers = st.integers(-(2**31), 2**31 - 1)
messages = st.builds(
    Message,
    st.binary(max_size=40),
    st.sampled_from([GET, GET_NEXT, RESPONSE, SET, GET_BULK]),
    numbers,
    numbers,
    numbers,
    st.lists(st.tuples(oids, values), max_size=12).map(tuple),
)


def ask(ont: OntModel, pdu: int, *names: str, first: int = 0, second: int = 0, now_ms: int = 0) -> Message:
    bindings = tuple((oid(name), wire.ABSENT) for name in names)
    return decode(ont.feed(encode(Message(b"public", pdu, 7, first, second, bindings)), now_ms))


def value(ont: OntModel, name: str, now_ms: int = 0) -> wire.Content:
    return ask(ont, GET, name, now_ms=now_ms).bindings[0][1].content


def test_a_message_written_by_hand_is_read_and_written_alike() -> None:
    assert decode(BY_HAND) == ASKED_BY_HAND
    assert encode(ASKED_BY_HAND) == BY_HAND


@given(messages)
def test_messages_come_back_as_they_went(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages, st.data())
def test_a_message_that_is_cut_off_or_runs_on_is_refused(message: Message, data: st.DataObject) -> None:
    datagram = encode(message)
    cut = data.draw(st.integers(0, len(datagram) - 1))
    for broken in (datagram[:cut], datagram + b"\x00"):
        with pytest.raises(WireError):
            decode(broken)


@given(st.binary(max_size=200), st.data())
def test_noise_is_refused_or_answered_never_worse(noise: bytes, data: st.DataObject) -> None:
    ont = make_ont(now_ms=0)
    at = data.draw(st.integers(0, len(BY_HAND)))
    for datagram in (noise, BY_HAND[:at] + noise[:4] + BY_HAND[at + 4 :]):
        assert len(ont.feed(datagram, 1)) <= DATAGRAM_MAX


def test_another_version_gets_no_answer() -> None:
    assert make_ont(now_ms=0).feed(BY_HAND.replace(b"\x02\x01\x01", b"\x02\x01\x00", 1), 1) == b""


def test_a_response_gets_no_answer() -> None:
    assert make_ont(now_ms=0).feed(encode(Message(b"public", RESPONSE, 1, 0, 0, ())), 1) == b""


def test_the_wrong_community_gets_no_answer_and_is_counted() -> None:
    ont = make_ont(now_ms=0, community="branch")
    assert ont.feed(BY_HAND, 1) == b""
    assert ont.state(1)["refused"] == 1


def test_an_answer_that_would_not_fit_says_so() -> None:
    agent = SnmpAgent("public")
    rows = {oid("1.3.6.1.2.1.1.1.0"): Value(wire.OCTETS, bytes(DATAGRAM_MAX))}
    asked = encode(Message(b"public", GET, 1, 0, 0, tuple((name, wire.ABSENT) for name in rows)))
    answer = decode(agent.answer(asked, rows))
    assert (answer.first, answer.bindings) == (1, ())  # tooBig, RFC 3416 section 4.2.1


def test_bulk_beyond_all_measure_is_what_fits() -> None:
    ont = make_ont(now_ms=0)
    answer = ask(ont, GET_BULK, "1.3", second=2**31 - 1)
    assert 1 < len(answer.bindings) <= REPETITIONS_MAX
    assert answer.bindings[-1][1].tag == END_OF_MIB_VIEW
    wide = ask(ont, GET_BULK, *["1.3"] * 20, first=3, second=100)
    assert len(encode(wide)) <= DATAGRAM_MAX
    assert ask(ont, GET_BULK, "1.3", first=-1, second=-1).bindings == ()


def test_beyond_the_last_row_there_is_no_more() -> None:
    answer = ask(make_ont(now_ms=0), GET_NEXT, LOS_OID)
    assert answer.bindings == ((oid(LOS_OID), Value(END_OF_MIB_VIEW)),)


def test_slow_answers_keep_their_order_and_do_not_pile_up() -> None:
    ont = make_ont(now_ms=0)
    ont.command(["slow", "500", "ms"], 0)
    assert ont.feed(BY_HAND, 0) == b""
    ont.command(["slow", "0"], 0)
    for _ in range(2 * ANSWERS_MAX):
        assert ont.feed(BY_HAND, 100) == b""
    assert ont.wake_at() == 500
    assert ont.tick(499) == b""
    assert sum(bool(ont.tick(500)) for _ in range(3 * ANSWERS_MAX)) == ANSWERS_MAX
    assert ont.wake_at() is None
    assert ont.feed(BY_HAND, 501)


def test_a_reboot_forgets_the_time_and_what_it_was_about_to_say() -> None:
    ont = make_ont(now_ms=0)
    assert value(ont, "1.3.6.1.2.1.1.3.0", 60_000) == 6_000
    ont.command(["slow", "100"], 60_000)
    ont.feed(BY_HAND, 60_000)
    ont.command(["reboot"], 60_050)
    assert ont.tick(60_100) == b""
    assert ont.feed(BY_HAND, 60_050 + BOOT_MS - 1) == b""
    ont.command(["slow", "0"], 60_050 + BOOT_MS)
    assert value(ont, "1.3.6.1.2.1.1.3.0", 61_050 + BOOT_MS) == 100


def test_light_is_what_the_script_says() -> None:
    ont = make_ont(now_ms=0)
    for words, rx, los in (
        (("rx", "-27.5"), -27_500, 2),
        (("los", "on"), -27_500, 1),
        (("los", "off"), -27_500, 2),
        (("fibre", "cut"), -40_000, 1),
        (("fibre", "back"), -27_500, 2),
        (("rx", "absurd"), ABSURD, 2),
    ):
        ont.command(words, 0)
        assert (value(ont, RX_POWER_OID), value(ont, LOS_OID)) == (rx, los)


@pytest.mark.parametrize(
    "words", ["", "fibre", "fibre bent", "rx", "rx much", "rx nan", "rx 99", "slow -1", "los"]
)
def test_a_script_that_is_not_understood_is_told_what_is(words: str) -> None:
    with pytest.raises(CommandError):
        make_ont(now_ms=0).command(words.split(), 0)
