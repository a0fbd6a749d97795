"""Octets of short messages: what we send is what a centre reads; what comes in any form never does harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_far_end import deliver, read_submit, report

from drivers.modem.errors import PduError
from drivers.modem.sms.pdu import (
    PDU_MAX,
    VALIDITY_MAX,
    VALIDITY_MIN,
    Deliver,
    StatusReport,
    decode_received,
    encode_submit,
    report_outcome,
)

NUMBER = st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True)
USER_DATA = st.binary(min_size=1, max_size=140)


@given(NUMBER, USER_DATA)
def test_centre_reads_something_else_than_was_sent(number: str, user_data: bytes) -> None:
    submit = encode_submit(number, user_data)
    read = read_submit(submit.pdu.hex())
    assert submit.length == len(submit.pdu) - 1
    assert read == {
        "number": number,
        "pid": 0,
        "dcs": 4,
        "validity": 167,
        "data": user_data,
        "header": True,
        "report": True,
    }


@given(NUMBER, USER_DATA, st.sampled_from(["", "+98910", "+989110500500"]))
def test_binary_message_arrives_changed(number: str, user_data: bytes, centre: str) -> None:
    got = decode_received(bytes.fromhex(deliver(number, user_data, centre=centre)))
    assert got == Deliver(number, "8-bit", has_header=True, user_data=user_data, text=None)


@given(st.integers(0, 255), NUMBER, st.integers(0, 255))
def test_report_speaks_of_another_message(reference: int, recipient: str, status: int) -> None:
    got = decode_received(bytes.fromhex(report(reference, recipient, status)))
    assert got == StatusReport(reference, recipient, status)


def test_published_text_message() -> None:
    # An SMS-DELIVER that many tutorials on PDU mode read out.
    got = decode_received(
        bytes.fromhex("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
    )
    assert isinstance(got, Deliver)
    assert (got.sender, got.coding, got.text) == ("+31641600986", "7-bit", "How are you?")


def test_texts_of_others_are_read_and_never_fail() -> None:
    persian = "سلام".encode("utf-16-be")
    got = decode_received(bytes.fromhex(deliver("+98912", persian, dcs=0x08, header=False)))
    assert isinstance(got, Deliver)
    assert got.text == persian.decode("utf-16-be")
    # 7-bit with a header of six octets (48 bits) and a fill bit: the text begins at the eighth septet.
    bits = int.from_bytes(bytes.fromhex("050003010201"), "little") | ord("a") << 49 | ord("b") << 56
    with_header = "0044039121F30000" + "52112250030021" + "09" + bits.to_bytes(8, "little").hex()
    got = decode_received(bytes.fromhex(with_header))
    assert isinstance(got, Deliver)
    assert got.text == "ab"


@pytest.mark.parametrize(
    "dcs", [0x00, 0x10, 0x20, 0x0C, 0x40, 0x80, 0xC0, 0xD8, 0xE0, 0xF0, 0xF4, 0x18, 0xFF]
)
def test_coding_that_is_rare(dcs: int) -> None:
    decode_received(bytes.fromhex(deliver("123", bytes(14), dcs=dcs)))


def test_sender_that_is_a_word() -> None:
    # "ALERT" in septets: 8 semi-octets hold 5 letters.
    name = int("".join(f"{ord(letter):07b}" for letter in reversed("ALERT")), 2).to_bytes(5, "little")
    got = decode_received(bytes.fromhex("00040AD0" + name.hex() + "0004" + "52112250030021" + "0161"))
    assert isinstance(got, Deliver)
    assert got.sender == "ALERT"


@given(st.binary(max_size=PDU_MAX + 4))
def test_any_octets_give_a_message_or_the_one_error(octets: bytes) -> None:
    try:
        got = decode_received(octets)
    except PduError:
        return
    assert isinstance(got, Deliver | StatusReport)


@given(USER_DATA, st.data())
def test_message_that_is_cut_off(user_data: bytes, data: st.DataObject) -> None:
    octets = bytes.fromhex(deliver("+989121234567", user_data))
    with pytest.raises(PduError):
        decode_received(octets[: data.draw(st.integers(0, len(octets) - 1))])


@pytest.mark.parametrize(
    "number", ["", "+", "12", "+1234567890123456", "0912 123", "++98912", "٠٩١٢", "a" * 400]
)
def test_number_that_is_none(number: str) -> None:
    with pytest.raises(ValueError, match="write it as"):
        encode_submit(number, b"x")


@pytest.mark.parametrize("size", [0, 141])
def test_user_data_of_a_size_that_no_message_has(size: int) -> None:
    with pytest.raises(ValueError, match="1 to 140"):
        encode_submit("+98912", bytes(size))


@pytest.mark.parametrize(
    ("minutes", "octet"),
    [
        (5, 0),
        (60, 11),
        (720, 143),
        (750, 144),
        (1440, 167),
        (2880, 168),
        (43200, 196),
        (50400, 197),
        (635040, 255),
    ],
)
def test_validity_in_steps(minutes: int, octet: int) -> None:
    assert read_submit(encode_submit("123", b"x", minutes).pdu.hex())["validity"] == octet


@given(st.integers(VALIDITY_MIN, VALIDITY_MAX))
def test_validity_is_never_longer_than_wanted(minutes: int) -> None:
    octet = read_submit(encode_submit("123", b"x", minutes).pdu.hex())["validity"]
    assert isinstance(octet, int)
    if octet <= 143:
        meant = (octet + 1) * 5
    elif octet <= 167:
        meant = 720 + (octet - 143) * 30
    elif octet <= 196:
        meant = (octet - 166) * 1440
    else:
        meant = (octet - 192) * 10080
    assert minutes / 2 < meant <= minutes


@pytest.mark.parametrize("minutes", [4, VALIDITY_MAX + 1])
def test_validity_out_of_range(minutes: int) -> None:
    with pytest.raises(ValueError, match="are possible"):
        encode_submit("123", b"x", minutes)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, "delivered") for status in (0x00, 0x01, 0x1F)),
        *((status, "trying") for status in (0x20, 0x3F)),
        *((status, "failed") for status in (0x40, 0x60, 0x80, 0xFF)),
    ],
)
def test_outcome_by_the_standards_groups(status: int, outcome: str) -> None:
    assert report_outcome(status) == outcome
