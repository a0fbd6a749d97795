"""A mobile modem, as the kit sees it. Names are those of 3GPP TS 27.007 and TS 23.040.

Data itself is a network interface that the operating system holds; the modem's port tells how good the radio is, and
carries SMS.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

SimState = Literal["ready", "pin-required", "puk-required", "absent", "failure", "unknown"]

Registration = Literal[
    "home", "roaming", "searching", "denied", "not-registered", "emergency-only", "unknown"
]
"""The state of +CEREG, +CGREG and +CREG that is best, in that order."""

Technology = Literal["gsm", "umts", "lte", "nr"]

SignalGrade = Literal["good", "fair", "poor", "none"]


@dataclass(frozen=True, slots=True)
class ModemIdentity:
    """What the modem says of itself. ``imei``: 15 digits, or empty where it does not tell."""

    manufacturer: str
    model: str
    revision: str
    imei: str


@dataclass(frozen=True, slots=True)
class Signal:
    """How the radio is received. What the modem does not measure is None. ``grade`` sums it up for people."""

    rssi_dbm: float | None
    rsrp_dbm: float | None
    rsrq_db: float | None
    sinr_db: float | None
    grade: SignalGrade


@dataclass(frozen=True, slots=True)
class ModemReading:
    """One look at the modem.

    ``sim_slot`` counts from 1. ``operator_code`` is MCC and MNC (five or six digits). ``pin_tries_left``: what the SIM
    says, where it says it. ``bearer_up``: a PDP context (or EPS bearer) is active; ``interface``: the network interface
    of its data, where the modem's manager knows it.
    """

    identity: ModemIdentity
    sim: SimState
    sim_slot: int
    sim_slots: int
    pin_tries_left: int | None
    operator_code: str | None
    operator_name: str | None
    registration: Registration
    technology: Technology | None
    signal: Signal
    bearer_up: bool
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class ModemLost:
    """No believable answer for a while, and how far the ladder of resets has been climbed meanwhile."""

    reason: str


@dataclass(frozen=True, slots=True)
class ModemReset:
    """The driver resets the modem, gently first: ``rung`` names the step."""

    rung: Literal["echo-and-abort", "radio-off-on", "full-reset", "power-cycle"]
    reason: str


@dataclass(frozen=True, slots=True)
class SmsSubmitted:
    """The network took the message. ``token``: of ``send_sms``. ``reference``: TP-MR, which a delivery report names."""

    token: int
    reference: int


@dataclass(frozen=True, slots=True)
class SmsFailed:
    """The message was not taken. ``final``: trying again as it is cannot help (bad number, no rights).

    ``may_have_gone``: the modem fell silent after it had been handed over, so that the network may bill it.
    """

    token: int
    reason: str
    final: bool
    may_have_gone: bool = False


@dataclass(frozen=True, slots=True)
class SmsReported:
    """A delivery report (SMS-STATUS-REPORT): whether the message reached the recipient's telephone."""

    token: int
    outcome: Literal["delivered", "trying", "failed"]
    status: int
    """TP-Status, 0 to 255 (TS 23.040 9.2.3.15)."""


@dataclass(frozen=True, slots=True)
class SmsReceived:
    """An 8-bit message arrived.

    ``sender``: as the network says, which proves nothing. ``user_data``: at most 140 octets, header (TP-UDH)
    included, as ``crypto.sms`` splits and joins it.
    """

    sender: str
    user_data: bytes


ModemEvent = ModemReading | ModemLost | ModemReset | SmsSubmitted | SmsFailed | SmsReported | SmsReceived


class Modem(Protocol):
    """A mobile modem, as the kit sees it."""

    async def run(self) -> None:
        """Watch and serve until cancelled; never returns by itself."""

    def send_sms(self, token: int, number: str, user_data: bytes) -> None:
        """Queue one binary message: 8-bit data, header (TP-UDHI) included, with a delivery report asked for.

        SmsSubmitted or SmsFailed follows under the same ``token``; SmsReported may follow later.

        Args:
            token: names the message in events; the caller's own number.
            number: ``+`` and 3 to 15 digits (ITU-T E.164), or 3 to 15 digits.
            user_data: 1 to 140 octets.

        Raises:
            ValueError: number or size is out of range.
        """

    def use_sim(self, slot: int) -> None:
        """Change over to the SIM in ``slot`` (from 1), where there are several; readings tell what became of it."""

    def reset(self) -> None:
        """Climb the ladder of resets by one rung now; ModemReset follows."""
