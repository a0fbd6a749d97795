"""Messages: refused, waiting, reported late or twice, stored while nobody listened, given directly, in any store."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modem_far_end import Bench
from sms_far_end import deliver, read_submit, report

from crypto import sms
from drivers.modem.at.outbox import PATIENCE_MS, QUEUE_MAX, REPORTS_MAX, Outbox
from drivers.modem.sms.pdu import StatusReport
from drivers.ports import ModemReading, ModemReset, SmsFailed, SmsReceived, SmsReported, SmsSubmitted

FAR = "+989121234567"
PART = b"\x05\x00\x03\x01\x01\x01part"


def up() -> Bench:
    bench = Bench()
    bench.up()
    bench.advance(200)
    return bench


def length(pdu: str) -> int:
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=600), st.integers(1, 50))
def test_carrier_goes_out_part_by_part(carrier: bytes, piece: int) -> None:
    bench = Bench(piece=piece)
    bench.up()
    bench.advance(200)
    parts = sms.split(carrier, reference=5)
    for token, part in enumerate(parts):
        bench.send(token, FAR, part)
    bench.advance(1_000)
    assert bench.of(SmsSubmitted) == [SmsSubmitted(token, 7 + token) for token in range(len(parts))]
    read = [read_submit(pdu) for _, pdu in bench.modem.submitted]
    assert sms.join(data for one in read if isinstance(data := one["data"], bytes)) == carrier
    assert all(said == length(pdu) for said, pdu in bench.modem.submitted)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        ("+CMS ERROR: 1", True),
        ("+CMS ERROR: 21", False),
        ("+CMS ERROR: 28", True),
        ("+CMS ERROR: 38", False),
        ("+CMS ERROR: 42", False),
        ("+CMS ERROR: 50", True),
        ("+CMS ERROR: 304", True),
        ("+CMS ERROR: 331", False),
        ("+CMS ERROR: Network timeout", False),
        ("+CMS ERROR: Invalid PDU mode parameter", True),
        ("+CMS ERROR: 500", False),
        ("+CME ERROR: 14", False),
        ("ERROR", False),
    ],
)
def test_refusal_says_whether_trying_again_can_help(error: str, final: bool) -> None:
    bench = up()
    bench.modem.submit_error = error
    bench.send(4, FAR, PART)
    bench.advance(100)
    assert bench.of(SmsFailed) == [SmsFailed(4, f"the message was refused: {error}", final=final)]


def test_refusal_before_the_prompt() -> None:
    bench = up()
    bench.modem.answers["AT+CMGS"] = []
    bench.modem.answers["AT+CMGS=19"] = ["+CMS ERROR: 304"]
    bench.send(4, FAR, PART[:5])
    bench.advance(100)
    (failed,) = bench.of(SmsFailed)
    assert isinstance(failed, SmsFailed)
    assert failed.final


def test_answer_without_a_reference_is_no_success() -> None:
    bench = up()
    bench.modem.submit_error = "OK"
    bench.send(4, FAR, PART)
    bench.advance(100)
    assert bench.of(SmsSubmitted) == []
    assert len(bench.of(SmsFailed)) == 1


def test_message_waits_for_the_network_and_not_for_ever() -> None:
    bench = up()
    bench.modem.set_registration(2)
    bench.says("+CREG: 2", "+CGREG: 2", "+CEREG: 2")
    bench.advance(5_000)
    bench.send(1, FAR, PART)
    bench.advance(20_000)
    assert bench.modem.submitted == []
    bench.modem.set_registration(1)
    bench.advance(11_000)
    assert bench.of(SmsSubmitted) == [SmsSubmitted(1, 7)]
    bench.modem.set_registration(2)
    bench.says("+CREG: 2", "+CGREG: 2", "+CEREG: 2")
    bench.advance(2_000)
    bench.send(2, FAR, PART)
    bench.advance(PATIENCE_MS)
    (failed,) = bench.of(SmsFailed)
    assert isinstance(failed, SmsFailed)
    assert (failed.token, failed.final) == (2, False)
    assert "searching" in failed.reason


def test_message_without_a_line_fails_in_time() -> None:
    bench = Bench()
    bench.down()
    bench.send(3, FAR, PART)
    bench.advance(PATIENCE_MS)
    assert bench.of(SmsFailed) == [SmsFailed(3, "not sent within 60 s: unplugged", final=False)]


def test_long_queue_is_not_given_up_while_it_moves() -> None:
    bench = up()
    slow = bench.modem.feed

    def feed(data: bytes) -> bytes:
        if data.endswith(b"\x1a"):
            bench.now += 3_000
        return slow(data)

    bench.modem.feed = feed  # type: ignore[method-assign]
    for token in range(100):
        bench.send(token, FAR, PART)
    bench.events.clear()
    bench.advance(400_000)
    assert len(bench.of(SmsSubmitted)) == 100
    assert bench.of(SmsFailed) == []
    assert len(bench.of(ModemReading)) >= 20, "looks are not put off until the queue is empty"


def test_queue_is_bounded() -> None:
    bench = Bench()
    bench.down()
    for token in range(QUEUE_MAX + 3):
        bench.send(token, FAR, PART)
    failed = bench.of(SmsFailed)
    assert [event.token for event in failed if isinstance(event, SmsFailed)] == [
        QUEUE_MAX + n for n in range(3)
    ]


@pytest.mark.parametrize(("number", "data"), [("12", PART), ("+98 912", PART), (FAR, b""), (FAR, bytes(141))])
def test_message_that_cannot_be(number: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Bench().dialogue.send_sms(1, number, data, 0)


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("recipient", [FAR, "09121234567", "989121234567"])
def test_report_finds_its_message(recipient: str, direct: bool) -> None:
    bench = up()
    bench.send(1, FAR, PART)
    bench.advance(100)
    for status, outcome in ((0x30, "trying"), (0x00, "delivered")):
        pdu = report(7, recipient, status)
        if direct:
            bench.says(f"+CDS: {length(pdu)}", pdu)
        else:
            bench.modem.stores["ME"][5] = (0, pdu)
            bench.says('+CDSI: "ME",5')
        bench.advance(100)
        assert bench.events[-1] == SmsReported(1, outcome, status)  # type: ignore[arg-type]
    count = len(bench.events)
    pdu = report(7, recipient, 0x00)
    bench.says(f"+CDS: {length(pdu)}", pdu)
    assert len(bench.events) == count
    assert bench.modem.stores["ME"] == {}


def test_report_for_somebody_else() -> None:
    bench = up()
    bench.send(1, FAR, PART)
    bench.advance(100)
    for pdu in (report(8, FAR, 0), report(7, "+989127654321", 0), report(7, "", 0)):
        bench.says(f"+CDS: {length(pdu)}", pdu)
    bench.advance(100)
    assert bench.of(SmsReported) == []


def test_reports_awaited_are_bounded() -> None:
    outbox = Outbox(1440)
    outbox.put(1, FAR, PART, 0)
    message = outbox.take()
    for reference in range(3 * REPORTS_MAX):
        outbox.await_report(reference % 256, message)
    assert len(outbox._awaited) <= REPORTS_MAX
    assert outbox.report(StatusReport(3, FAR, 0)) == SmsReported(1, "delivered", 0)


def test_what_arrived_while_nobody_listened_is_read_and_deleted() -> None:
    bench = Bench()
    bench.modem.stores = {
        "SM": {
            1: (0, deliver(FAR, PART)),
            4: (1, deliver("+98912", PART, header=False)),
            5: (2, "0001000391"),
        },
        "ME": {
            2: (0, deliver("1234", "متن".encode("utf-16-be"), dcs=8, header=False)),
            9: (0, deliver(FAR, PART * 3)),
        },
    }
    bench.up()
    bench.advance(200)
    assert bench.of(SmsReceived) == [
        SmsReceived(FAR, PART),
        SmsReceived("+98912", PART),
        SmsReceived(FAR, PART * 3),
    ]
    # What lies there to be sent is somebody else's.
    assert bench.modem.stores == {"SM": {5: (2, "0001000391")}, "ME": {}}
    assert bench.dialogue.foreign_messages == 1


def test_indication_that_was_lost_is_made_up_for() -> None:
    bench = up()
    bench.modem.stores["SM"][1] = (0, deliver(FAR, PART))
    bench.advance(6 * 60_000)
    assert bench.of(SmsReceived) == [SmsReceived(FAR, PART)]


@pytest.mark.parametrize("service", [0, 1])
def test_message_given_directly_is_acknowledged_where_that_is_wanted(service: int) -> None:
    bench = Bench()
    bench.modem.answers["AT+CSMS?"] = [f"+CSMS: {service},1,1,1", "OK"]
    bench.modem.answers["AT+CNMA"] = ["OK"]
    bench.up()
    bench.advance(200)
    pdu = deliver(FAR, PART, centre="+989110500500")
    bench.says(f"+CMT: ,{length(pdu)}", pdu)
    bench.advance(100)
    assert bench.of(SmsReceived) == [SmsReceived(FAR, PART)]
    assert bench.modem.heard.count("AT+CNMA") == service


@pytest.mark.parametrize(
    "lines",
    [
        ["+CMT: ,22", "00"],
        ["+CMT: ,22", "not hexadecimal at all"],
        ["+CMT: ", "0011"],
        ["+CMT: ,99999999999", "00"],
        ["+CDS: 25", "FF" * 26],
        ["+CMTI: SM,1", '+CMTI: "SM",x', "+CDSI: "],
        ["+CMT: ,5"] * 50,
    ],
)
def test_message_that_is_spoilt_does_no_harm(lines: list[str]) -> None:
    bench = up()
    bench.says(*lines)
    bench.advance(60_000)
    assert bench.of(SmsReceived) == []
    assert bench.of(ModemReset) == []
    pdu = deliver(FAR, PART)
    bench.says(f"+CMT: ,{length(pdu)}", pdu)
    assert bench.of(SmsReceived) == [SmsReceived(FAR, PART)]


def test_sim_that_is_busy_is_asked_for_its_messages_again() -> None:
    bench = Bench()
    bench.modem.stores["SM"][1] = (0, deliver(FAR, PART))
    bench.modem.answers["AT+CNMI=2,1,0,2,0"] = ["+CMS ERROR: 314"]
    bench.up()
    bench.advance(15_000)
    bench.modem.answers["AT+CNMI=2,1,0,2,0"] = ["OK"]
    bench.advance(10_000)
    assert bench.of(SmsReceived) == [SmsReceived(FAR, PART)]


def test_modem_without_indications_is_read_all_the_same() -> None:
    bench = Bench()
    del bench.modem.answers["AT+CNMI=2,1,0,2,0"]
    bench.modem.stores["SM"][1] = (0, deliver(FAR, PART))
    bench.up()
    bench.advance(60_000)
    assert bench.of(SmsReceived) == [SmsReceived(FAR, PART)]


def test_modem_that_cannot_store_reports_gives_them_directly() -> None:
    bench = Bench()
    del bench.modem.answers["AT+CNMI=2,1,0,2,0"]
    bench.modem.answers["AT+CNMI=2,1,0,1,0"] = ["OK"]
    bench.up()
    bench.advance(200)
    assert "AT+CNMI=2,1,0,1,0" in bench.modem.heard
    assert "AT+CNMI=1,1,0,1,0" not in bench.modem.heard
