"""Octets of short messages, of any kind: a message, or the one error."""

import contextlib

from drivers.modem.errors import PduError
from drivers.modem.sms.pdu import PDU_MAX, USER_DATA_MAX, Deliver, decode_received, encode_submit


def one_input(data: bytes) -> None:
    """Read the octets as a message that came; send the rest of them as one that goes."""
    with contextlib.suppress(PduError):
        message = decode_received(data[: PDU_MAX + 8])
        if isinstance(message, Deliver):
            assert len(message.user_data) <= USER_DATA_MAX
            assert len(message.text or "") <= 2 * USER_DATA_MAX
            assert len(message.sender) <= 64
        else:
            assert 0 <= message.status <= 255
    user_data = data[:USER_DATA_MAX]
    if user_data:
        submit = encode_submit(
            "+" + "".join(str(octet % 10) for octet in user_data[:12]).ljust(3, "0"), user_data
        )
        assert submit.pdu.endswith(bytes([len(user_data)]) + user_data)
        assert submit.length == len(submit.pdu) - 1
