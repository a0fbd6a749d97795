"""Addresses and pins of an uplink that can be none are refused when kitd starts, not on the evening."""

import pytest

from kit.tables.devices import ConfigError
from kit.tables.uplinks import Uplink, UplinkTls, check_uplinks


def check(**keys: object) -> None:
    uplink = Uplink(name="fibre", kind="fibre", host="broker.example", port=8883, **keys)  # type: ignore[arg-type]
    check_uplinks((uplink,), frozenset(), has_fibre=False)


@pytest.mark.parametrize("key", ["addresses", "dns"])
@pytest.mark.parametrize("text", ["1.2.3", "256.1.1.1", "::::", "10.0.0.1.", "fe80:::1"])
def test_address_can_be_none(key: str, text: str) -> None:
    check(**{key: ("192.0.2.1", "2001:db8::1")})
    with pytest.raises(ConfigError, match=f"uplink fibre: {key} has .*no IPv4 or IPv6 address"):
        check(**{key: ("192.0.2.1", text)})


@pytest.mark.parametrize(
    "pin", ["", "A" * 43, "A" * 44 + "=", "pin-sha256", "A" * 40 + "====", "\u0661" * 44]
)
def test_pin_can_be_none(pin: str) -> None:
    check(tls=UplinkTls(pins=("A" * 43 + "=",)))
    with pytest.raises(ConfigError, match=r"pins has .*SHA-256"):
        check(tls=UplinkTls(pins=(pin,)))
