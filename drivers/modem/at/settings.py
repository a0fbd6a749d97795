"""What is set for one modem on a serial line."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

SIM_SLOTS_MAX: Final = 4
_PIN: Final = re.compile(r"[0-9]{4,8}")
_APN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,98}[A-Za-z0-9])?")
_CENTRE: Final = re.compile(r"\+?[0-9]{3,15}")

SimSwitch = Literal["none", "csus", "quectel-qdsim", "quectel-quimslot", "simcom-smsimcfg"]


@dataclass(frozen=True, slots=True)
class SlotCommands:
    """How a maker changes over between slots. ``first``: its number of slot 1. ``radio_off``: only while it is off."""

    ask: str
    choose: str
    prefix: str
    first: int
    radio_off: bool


SLOT_COMMANDS: Final[dict[SimSwitch, SlotCommands]] = {
    # TS 27.007 8.66: refused while a SIM is active; how slots are numbered is up to the maker, 0 is usual.
    "csus": SlotCommands("AT+CSUS?", "AT+CSUS={slot}", "+CSUS", 0, radio_off=True),
    # Quectel "Dual SIM Single Standby" application notes.
    "quectel-qdsim": SlotCommands("AT+QDSIM?", "AT+QDSIM={slot}", "+QDSIM", 0, radio_off=False),
    "quectel-quimslot": SlotCommands("AT+QUIMSLOT?", "AT+QUIMSLOT={slot}", "+QUIMSLOT", 1, radio_off=True),
    # SIMCom SIM7070 series AT command manual.
    "simcom-smsimcfg": SlotCommands("AT+SMSIMCFG?", "AT+SMSIMCFG=1,{slot}", "+SMSIMCFG", 1, radio_off=False),
}


@dataclass(frozen=True, slots=True)
class AtSettings:
    """Settings of one modem.

    Args:
        poll_interval_ms: pause between two looks, at least 100.
        pin: of the SIM in slot 1, four to eight digits; None where it has none or people enter it.
        other_pins: of the SIMs in slots 2 and up.
        apn: access point name of the network's bearer, which is then kept active; None leaves bearers alone.
        other_apns: of the SIMs in slots 2 and up; one that stands not here has the same as the first.
        context_id: of that bearer, 1 to 15.
        sim_slots: how many SIMs the modem holds, 1 to SIM_SLOTS_MAX.
        sim_switch: by which commands it changes over.
        sms_centre: ``+`` and digits; None takes the one that the SIM knows.
        sms_validity_minutes: how long the network tries to deliver.
        registration_patience_ms: how long no network is borne before the radio is reset.

    Raises:
        ValueError: one of them is out of range.
    """

    poll_interval_ms: int = 10_000
    pin: str | None = field(default=None, repr=False)
    other_pins: tuple[str | None, ...] = field(default=(), repr=False)
    apn: str | None = None
    other_apns: tuple[str, ...] = ()
    context_id: int = 1
    sim_slots: int = 1
    sim_switch: SimSwitch = "none"
    sms_centre: str | None = None
    sms_validity_minutes: int = 24 * 60
    registration_patience_ms: int = 300_000

    def __post_init__(self) -> None:
        if self.poll_interval_ms < 100:  # noqa: PLR2004 - said in the docstring
            raise ValueError(f"poll interval of {self.poll_interval_ms} ms: at least 100 are needed")
        if any(pin is not None and not _PIN.fullmatch(pin) for pin in (self.pin, *self.other_pins)):
            raise ValueError("the PIN of a SIM has four to eight digits (its value is not shown here)")
        for apn in (*(() if self.apn is None else (self.apn,)), *self.other_apns):
            if not _APN.fullmatch(apn):
                raise ValueError(f"APN {apn!r}: letters, digits, dots and hyphens are known, 100 at most")
        if self.sms_centre is not None and not _CENTRE.fullmatch(self.sms_centre):
            raise ValueError(f"service centre {self.sms_centre!r}: write it as + and 3 to 15 digits")
        if not 1 <= self.sim_slots <= SIM_SLOTS_MAX or not 1 <= self.context_id <= 15:  # noqa: PLR2004
            raise ValueError(
                f"{self.sim_slots} SIM slots, context {self.context_id}: 1 to {SIM_SLOTS_MAX}, and 1 to 15"
            )
        if self.sim_slots > 1 and self.sim_switch == "none":
            raise ValueError(f"{self.sim_slots} SIM slots and no way to change over: set sim_switch")

    def apn_of(self, slot: int) -> str | None:
        """The APN of the SIM in a slot, from 1; None where bearers are left alone."""
        known = self.apn is not None and slot - 2 in range(len(self.other_apns))
        return self.other_apns[slot - 2] if known else self.apn

    def pin_of(self, slot: int) -> str | None:
        """The PIN of the SIM in a slot, from 1."""
        pins = (self.pin, *self.other_pins)
        return pins[slot - 1] if slot <= len(pins) else None
