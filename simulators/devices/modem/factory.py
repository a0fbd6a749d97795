"""Makes a modem out of a few words, as ``kit-sim modem`` gets them."""

from typing import Final

from simulators.devices.modem.device import Identity
from simulators.devices.modem.hardware import BOOT_MS
from simulators.devices.modem.model import ModemModel
from simulators.devices.modem.radio import REGISTRATION_MS
from simulators.devices.modem.sim_card import SimCard
from simulators.devices.modem.sms_network import SimulatedNetwork

IMEI: Final = "001010000000018"  # of the range for tests (TAC 00101000)
NUMBER: Final = "+99900000101"
SIMS_MAX: Final = 4
_IMSI_DIGITS: Final = 10  # after MCC 001 and MNC 01, which are for tests


def make_modem(
    *,
    imei: str = IMEI,
    number: str = NUMBER,
    sims: int = 1,
    pin: str | None = None,
    network: SimulatedNetwork | None = None,
    now_ms: int = 0,
    boot_ms: int = BOOT_MS,
    registration_ms: int = REGISTRATION_MS,
    epoch_s: int = 1_800_000_000,
) -> ModemModel:
    """A modem that is on and looks for its network.

    Args:
        imei: 15 digits.
        number: of the SIM in slot 1, ``+`` and 3 to 15 digits; the other slots have the numbers after it.
        sims: how many slots there are, each with a SIM: 1 to 4.
        pin: what every SIM asks for at power-up, 4 to 8 digits; None for SIMs that ask for nothing.
        network: shared by modems that send each other messages; None for one of its own.
        now_ms: monotonic milliseconds.
        boot_ms: from power to RDY.
        registration_ms: from a visible network to registration.
        epoch_s: Unix time where the monotonic clock is 0, where ``network`` is None.

    Raises:
        ValueError: something is out of range.
    """
    if not _digits(imei, 15, 15):
        raise ValueError(f"IMEI {imei!r}: 15 digits are needed")
    if not number.startswith("+") or not _digits(number[1:], 3, 15):
        raise ValueError(f"number {number!r}: + and 3 to 15 digits are needed")
    if not 1 <= sims <= SIMS_MAX:
        raise ValueError(f"{sims} SIMs: 1 to {SIMS_MAX} are possible")
    if pin is not None and not _digits(pin, 4, 8):
        raise ValueError(f"PIN {pin!r}: 4 to 8 digits are needed")
    cards: list[SimCard | None] = [_card(int(number[1:]) + slot, pin) for slot in range(sims)]
    return ModemModel(
        Identity(imei),
        cards,
        network or SimulatedNetwork(epoch_s=epoch_s),
        now_ms=now_ms,
        boot_ms=boot_ms,
        registration_ms=registration_ms,
    )


def _card(number: int, pin: str | None) -> SimCard:
    subscriber = f"{number % 10**_IMSI_DIGITS:0{_IMSI_DIGITS}d}"
    card = SimCard(number=f"+{number}", imsi=f"00101{subscriber}", iccid=f"8999901{subscriber}12")
    if pin is not None:
        card.pin, card.pin_wanted, card.open = pin, True, False
    return card


def _digits(text: str, least: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and least <= len(text) <= most
