"""User data of binary SMS, part after part, from whoever: an event, or nothing; what is held stays bounded."""

from typing import Final

from crypto import sms
from drivers.ports import SmsReceived
from kit.events import CommandHeard, ModemHeard, ReceiptHeard, SmsPartsAsked, Tick
from kit.sms.inbox import SmsInbox
from tests.crypto.election_fixture import make_election

NUMBER: Final = "+99900000201"
SEEDS = (
    *sms.split(b"\xa1" + bytes(100), reference=7),
    *sms.split(bytes.fromhex("a22a0644"), reference=8),
    b"\xff".join(sms.split(b"\xc5" + bytes(300), reference=9)),
)
_MANIFEST: Final = make_election(1).loaded


def one_input(data: bytes) -> None:
    """Messages, with FF between them."""
    counted: list[str] = []
    inbox = SmsInbox(_MANIFEST, counted.append)
    messages = data.split(b"\xff")
    for at, message in enumerate(messages):
        sender = NUMBER if at % 2 else "+99900000301"
        event = inbox.translate(ModemHeard("a", SmsReceived(sender, message)), at)
        assert isinstance(event, Tick | ReceiptHeard | CommandHeard | SmsPartsAsked)
    assert len(counted) == len(messages)
    assert inbox._reassembler.parts_held <= sms.PARTS_HELD_MAX
