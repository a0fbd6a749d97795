"""An ONT that never stops sending: decoding SNMP is slow, and the kit's processor is not the ONT's to spend."""

from drivers.fibre.snmp import DATAGRAMS_MAX, _Ears


def test_every_datagram_of_a_flood_is_decoded() -> None:
    decoded = 0

    def decode(*_: object) -> None:
        nonlocal decoded
        decoded += 1
        raise TypeError("malformed")

    ears = _Ears()
    ears.register_callback(decode)
    for _ in range(20 * DATAGRAMS_MAX):
        ears._callback_function(ears, ("192.0.2.1", 161), b"\x30\x03\x02\x01\x01")
    assert 1 <= decoded <= 2 * DATAGRAMS_MAX, "a second may have begun meanwhile"
