"""Messages between simulated modems: TPDUs, delivery reports, loss, doubles, order, full memories, acknowledgement."""

from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.modem import SimulatedNetwork, tpdu
from simulators.devices.modem.charset import GSM_ALPHABET, pack_septets, unpack_septets
from simulators.devices.modem.sim_card import SIM_SLOTS
from tests.simulators.modem_asker import ModemAsker

PLAIN = "0001000B919909000002F2000402CAFE"  # to +99900000202, octets CA FE
REPORTED = "0021000B919909000002F2000402CAFE"
ELSEWHERE = "0021000B919909000050F5000402CAFE"


def pair(**how: int) -> tuple[ModemAsker, ModemAsker]:
    network = SimulatedNetwork()
    a = ModemAsker(number="+99900000101", network=network, **how)
    b = ModemAsker(number="+99900000202", network=network, **how)
    for modem in (a, b):
        modem.registered().ask("ATE0;+CNMI=2,1,0,2,0")
    return a, b


def stored(modem: ModemAsker) -> list[str]:
    return [line for line in modem.ask("AT+CMGL=4") if line.startswith("07")]


@given(st.text(GSM_ALPHABET.replace("\x1b", ""), max_size=160))
def test_septets_come_back(text: str) -> None:
    assert unpack_septets(pack_septets(text), len(text)) == text


def test_the_example_of_every_manual() -> None:
    assert pack_septets("hellohello").hex().upper() == "E8329BFD4697D9EC37"
    assert tpdu.timestamp(0).hex() == "07101000000000"


@given(st.binary(max_size=200))
def test_noise_is_no_message_or_one_within_bounds(data: bytes) -> None:
    try:
        _, content = tpdu.split_service_centre(data)
        submit = tpdu.parse_submit(content)
    except tpdu.TpduError:
        return
    assert len(submit.user_data) <= tpdu.USER_DATA_MAX
    tpdu.text_of(submit)


def test_a_message_arrives_as_it_was_and_its_delivery_is_reported() -> None:
    a, b = pair()
    assert a.send_sms(REPORTED) == ["+CMGS: 0", "OK"]
    b.now_ms = a.now_ms
    assert b.wait(10) == b'\r\n+CMTI: "SM",1\r\n'
    (message,) = stored(b)
    assert message.startswith("07919909000000F1040B919909000001F10004")
    assert message.endswith("02CAFE")
    assert a.wait(2000) == b'\r\n+CDSI: "SM",1\r\n'


def test_the_report_follows_the_delivery_and_names_its_message() -> None:
    a, b = pair()
    b.obey("network lost")
    b.wait(10)
    assert a.send_sms(REPORTED, 10_000) == ["+CMGS: 0", "OK"]
    b.now_ms = a.now_ms
    b.obey("network back")
    assert b'+CMTI: "SM",1' in b.wait(5000)
    assert a.wait(8000) == b'\r\n+CDSI: "SM",1\r\n'
    (report,) = stored(a)
    assert report.startswith("07919909000000F106000B919909000002F2")
    assert report.endswith("00")


def test_references_count_up_and_start_anew() -> None:
    a, _ = pair()
    a.model.device.reference = 255
    assert a.send_sms(PLAIN)[0] == "+CMGS: 255"
    assert a.send_sms(PLAIN)[0] == "+CMGS: 0"


def test_numbers_elsewhere_take_every_message() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CNMI=2,1,0,1,0")
    said = modem.send_sms(ELSEWHERE, 5000)
    assert said[:3] == ["+CMGS: 0", "OK", "+CDS: 25"]
    assert said[3].startswith("07919909000000F106000B919909000050F5")


def test_a_lost_message_is_lost_and_nobody_says_so() -> None:
    a, b = pair()
    a.obey("sms lost 1")
    assert a.send_sms(REPORTED, 20_000) == ["+CMGS: 0", "OK"]
    assert a.send_sms(REPORTED, 0) == []
    a.wait(20_000)
    b.wait(45_000)
    assert len(stored(b)) == 1


def test_a_doubled_message_comes_twice_and_a_reordered_one_late() -> None:
    a, b = pair()
    a.obey("sms doubled 1")
    a.send_sms(PLAIN)
    b.wait(5000)
    assert len(stored(b)) == 2
    b.ask("AT+CMGD=1,4")
    a.obey("sms delay 5000")
    a.obey("sms reordered 1")
    a.send_sms(PLAIN, 1300)
    a.send_sms(PLAIN.replace("CAFE", "BEEF"), 1300)
    b.wait(30_000)
    assert [message[-4:] for message in stored(b)] == ["BEEF", "CAFE"]


def test_a_refused_message_is_an_error_and_the_next_one_goes() -> None:
    modem = ModemAsker().registered()
    modem.obey("sms refused 1 38")
    assert modem.send_sms(PLAIN) == ["+CMS ERROR: 38"]
    assert modem.send_sms(PLAIN) == ["+CMGS: 0", "OK"]


def test_what_is_no_message_is_refused() -> None:
    modem = ModemAsker().registered()
    for typed in (b"zz\x1a", b"0001\x1a", PLAIN[:-2].encode() + b"\x1a", b"\x1a"):
        modem.ask("AT+CMGS=15")
        assert modem.type(typed).endswith(b"+CMS ERROR: 304\r\n")
    modem.ask("AT+CMGS=15")
    assert modem.type(b"0001\x1b").endswith(b"OK\r\n")
    modem.obey("network lost")
    assert modem.send_sms(PLAIN) == ["+CMS ERROR: 331"]
    assert modem.model.device.network.sent == []


def test_a_full_memory_keeps_messages_waiting_until_one_is_deleted() -> None:
    a, b = pair()
    b.obey("sms +99900000555 one")
    b.obey("storage full")
    assert (
        b.ask("AT+CPMS?")[-2]
        == f'+CPMS: "SM",{SIM_SLOTS},{SIM_SLOTS},"SM",{SIM_SLOTS},{SIM_SLOTS},"SM",20,20'
    )
    a.send_sms(REPORTED, 2500)
    b.wait(5000)
    assert len(stored(b)) == 1
    a.wait(5000)
    assert stored(a)[0].endswith("21")  # still trying
    b.ask("AT+CMGD=1")
    b.wait(20_000)
    assert stored(b)[0].endswith("02CAFE")
    a.wait(20_000)
    assert stored(a)[1].endswith("00")


def test_reading_marks_as_read_and_deleting_by_state_spares_the_rest() -> None:
    modem = ModemAsker().registered()
    for text in ("one", "two"):
        modem.obey(f"sms +99900000555 {text}")
    modem.wait(10)
    assert modem.ask("AT+CMGR=1")[0].startswith("+CMGR: 0,,")
    assert modem.ask("AT+CMGR=1")[0].startswith("+CMGR: 1,,")
    assert modem.ask("AT+CMGD=0,1")[-1] == "OK"
    assert modem.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert len(stored(modem)) == 1


def test_messages_on_the_card_survive_a_reboot_and_go_with_the_card() -> None:
    modem = ModemAsker(sims=2).registered()
    modem.obey("sms +99900000555 udh 050003010101 CAFE")
    modem.wait(10)
    modem.obey("reboot")
    modem.wait(8000)
    (message,) = stored(modem)
    assert message[16:18] == "44"  # a header, and no more to come
    assert message.endswith("08050003010101CAFE")
    modem.obey("sim 2")
    modem.wait(5000)
    assert stored(modem) == []


def test_a_stored_message_is_sent_from_its_slot() -> None:
    modem = ModemAsker().registered()
    modem.ask(f"AT+CMGW={len(PLAIN) // 2 - 1}")
    assert b"+CMGW: 1" in modem.type(PLAIN.encode() + b"\x1a")
    assert modem.ask("AT+CMSS=1", 3000) == ["+CMSS: 0", "OK"]
    assert modem.model.device.network.sent[0]["user_data"] == "cafe"


def test_a_message_straight_to_the_terminal_waits_for_its_acknowledgement() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CSMS=1;+CNMI=2,2,0,1,0")
    modem.obey("sms +99900000555 01")
    modem.obey("sms +99900000555 02")
    assert modem.wait(100).count(b"+CMT: ,") == 1
    assert [line[-2:] for line in modem.ask("AT+CNMA") if line.startswith("07")] == ["02"]
    modem.wait(20_000)  # nobody acknowledges the second one: it is stored, and routing ends
    assert modem.ask("AT+CNMI?") == ["+CNMI: 2,0,0,0,0", "OK"]
    assert [message[-2:] for message in stored(modem)] == ["02"]
    assert modem.ask("AT+CNMA") == ["+CMS ERROR: 340"]
