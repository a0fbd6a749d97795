"""smstools' ``smsd`` on our simulated modem: from ``outgoing`` to ``sent``, from the air to ``incoming``."""

from typing import Final

import pytest

from simulators.devices.modem import make_modem
from tests.peers.modem_on_pty import now_ms
from tests.peers.smsd import running

pytestmark = pytest.mark.peer("smsd")

ELSEWHERE: Final = "99900000555"


async def test_a_text_is_sent_and_its_delivery_reported() -> None:
    async with running() as smsd:
        smsd.put("text", f"To: {ELSEWHERE}\n\npolls are open\n".encode())
        await smsd.until(lambda: any("Message_id" in one for one in smsd.files("sent")))
        sent = smsd.modem.model.device.network.sent
        assert [(one["to"], str(one["text"]).strip(), one["report"]) for one in sent] == [
            (f"+{ELSEWHERE}", "polls are open", True)
        ]
        await smsd.until(lambda: any("SMS STATUS REPORT" in one for one in smsd.files("incoming")))
        (report,) = smsd.files("incoming")
        assert "Status: 0,Ok" in report
        assert smsd.files("failed") == []


async def test_octets_with_a_header_arrive_at_the_other_modem_as_they_were() -> None:
    octets, header = bytes(range(256))[:120], "05 00 03 2A 02 01"
    async with running() as smsd:
        head = f"To: {ELSEWHERE}\nAlphabet: binary\nUDH: true\nUDH-DATA: {header}\n\n"
        other = make_modem(
            number=f"+{ELSEWHERE}",
            network=smsd.modem.model.device.network,
            now_ms=now_ms(),
            registration_ms=1,
        )
        smsd.put("octets", head.encode() + octets)
        arrived: list[bytes] = []

        def looked() -> bool:
            other.tick(now_ms())
            arrived[:] = [message.pdu for _, message in other.device.memory("SM").messages()]
            return bool(arrived)

        await smsd.until(looked)
        assert arrived[0].endswith(bytes.fromhex(header) + octets)
        await smsd.until(lambda: any("SMS STATUS REPORT" in one for one in smsd.files("incoming")))


async def test_what_another_modem_sends_lands_in_incoming() -> None:
    async with running() as smsd:
        other = make_modem(
            number=f"+{ELSEWHERE}",
            network=smsd.modem.model.device.network,
            now_ms=now_ms(),
            registration_ms=1,
        )
        other.tick(now_ms() + 5)
        pdu = "0001000B919909000001F1000004D4F29C0E"  # "Test"
        other.feed(f"AT+CMGS={len(pdu) // 2 - 1}\r{pdu}\x1a".encode(), now_ms())

        def landed() -> bool:
            other.tick(now_ms())
            return any("Test" in one for one in smsd.files("incoming"))

        await smsd.until(landed)
        (message,) = smsd.files("incoming")
        assert f"From: {ELSEWHERE}" in message
        await smsd.until(lambda: smsd.modem.model.device.memory("SM").used == 0)  # smsd made room


async def test_a_message_that_the_network_refuses_once_is_sent_again() -> None:
    async with running() as smsd:
        smsd.modem.obey("sms refused 1 38")
        smsd.put("text", f"To: {ELSEWHERE}\n\nagain\n".encode())
        await smsd.until(lambda: len(smsd.files("sent")) == 1)
        network = smsd.modem.model.device.network
        assert (network.refuse, len(network.sent)) == (0, 1)


async def test_a_modem_that_falls_silent_and_starts_anew_loses_no_message() -> None:
    async with running(pin="1234") as smsd:
        smsd.modem.obey("mute")
        smsd.put("text", f"To: {ELSEWHERE}\n\nthrough thick and thin\n".encode())
        await smsd.until(lambda: "timeout occurred. 3" in smsd.log())
        assert smsd.files("sent") == []
        smsd.modem.obey("reboot")
        smsd.modem.obey("heard")
        await smsd.until(lambda: len(smsd.files("sent")) == 1)
        assert [str(one["text"]).strip() for one in smsd.modem.model.device.network.sent] == [
            "through thick and thin"
        ]


async def test_lines_that_nobody_asked_for_lose_no_message() -> None:
    async with running() as smsd:
        smsd.modem.obey("urc storm")
        smsd.put("text", f"To: {ELSEWHERE}\n\nin a storm\n".encode())
        await smsd.until(lambda: len(smsd.files("sent")) == 1)
