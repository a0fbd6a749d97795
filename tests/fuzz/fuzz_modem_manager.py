"""What comes by ModemManager: parts to gather, bodies to cut, and properties of a version that nobody knows yet."""

from typing import Final

from drivers.modem.manager.messages import (
    GATHERED_MAX,
    PARTS_MAX,
    USER_DATA_MAX,
    Gatherer,
    Outgoing,
    cut,
)
from drivers.modem.manager.state import MODEM, MODEM_3GPP, SIGNAL, Found, may_enter_pin, reading, trouble

_NUMBER: Final = "+99900000042"
_STEP: Final = 7  # octets of a record


def one_input(data: bytes) -> None:
    """One input: as parts that are handed over, as a body that arrived, and as numbers in properties."""
    gatherer, tokens = Gatherer(), 0
    for at in range(0, len(data), USER_DATA_MAX):
        part = data[at : at + USER_DATA_MAX]
        for message in gatherer.add(at, _NUMBER, part, at):
            tokens += len(message.tokens)
            if isinstance(message, Outgoing):
                assert USER_DATA_MAX < len(message.body) <= len(data)
    held = len(range(0, len(data), USER_DATA_MAX)) - tokens
    assert 0 <= held <= GATHERED_MAX * PARTS_MAX
    assert sum(len(late.tokens) for late in gatherer.expire(1 << 40)) == held
    parts = cut(data, data[0] if data else 0)
    assert all(len(part) <= USER_DATA_MAX for part in parts)
    for at in range(0, len(data) - _STEP + 1, _STEP):
        _read(data[at : at + _STEP])


def _read(octets: bytes) -> None:
    state, reason, lock, tries, registration, quality, level = octets
    modem = {
        "State": state - 128,
        "StateFailedReason": reason,
        "UnlockRequired": lock,
        "UnlockRetries": {lock: tries},
        "AccessTechnologies": registration << (quality % 24),
        "SignalQuality": [quality, True],
        "PrimarySimSlot": level,
        "SimSlots": ["/"] * reason,
    }
    lte = {"rsrp": -float(level), "rsrq": float(quality) - 128.0, "snr": 10.0**quality}
    found = Found("/0", {MODEM: modem, MODEM_3GPP: {"RegistrationState": registration}, SIGNAL: {"Lte": lte}})
    seen = reading(found)
    assert seen.sim_slots >= 1
    assert not may_enter_pin(modem) or tries > 1
    assert trouble(found) is None or modem["State"] == -1
