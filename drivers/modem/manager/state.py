"""What ModemManager shows of a modem, read as the kit sees modems: property dictionaries in, readings out.

The numbers are those of ModemManager's D-Bus interface, version 1.20 ("Flags and Enumerations" in its reference
manual); unknown ones, of a later version, read as unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from drivers.modem.signal import graded
from drivers.ports import ModemIdentity, ModemReading, Registration, Signal, SimState, Technology

SERVICE: Final = "org.freedesktop.ModemManager1"
MODEM: Final = f"{SERVICE}.Modem"
MODEM_3GPP: Final = f"{MODEM}.Modem3gpp"
SIGNAL: Final = f"{MODEM}.Signal"
MESSAGING: Final = f"{MODEM}.Messaging"
PROFILES: Final = f"{MODEM_3GPP}.ProfileManager"
SIM: Final = f"{SERVICE}.Sim"
SMS: Final = f"{SERVICE}.Sms"
BEARER: Final = f"{SERVICE}.Bearer"

Properties = Mapping[str, Any]
Interfaces = Mapping[str, Properties]

SLOTS_MAX: Final = 8  # SIM slots that are counted
TEXT_MAX: Final = 120  # characters of a name that a modem or a network tells
DB_MAX: Final = 200.0  # dB and dBm: what is further from zero stands for "not known"

# MMModemState
STATE_FAILED: Final = -1
STATE_DISABLED: Final = 3
STATE_ENABLED: Final = 6
STATE_REGISTERED: Final = 8
STATE_CONNECTED: Final = 11

# MMModemStateFailedReason
_FAILED_SIM_MISSING: Final = 2
_FAILED_SIM_ERROR: Final = 3
_FAILED_NO_PROFILES: Final = 5  # an eSIM without a profile is as good as no SIM
_FAILED_WORDS: Final[Mapping[int, str]] = {
    _FAILED_SIM_MISSING: "no SIM",
    _FAILED_SIM_ERROR: "the SIM does not work",
    4: "ModemManager does not find out what it can do",
    _FAILED_NO_PROFILES: "the eSIM has no profile",
}

# MMModemLock
_LOCK_UNKNOWN: Final = 0
_LOCK_NONE: Final = 1
LOCK_SIM_PIN: Final = 2
_LOCK_SIM_PIN2: Final = 3
LOCK_SIM_PUK: Final = 4
_LOCK_SIM_PUK2: Final = 5
_OPEN_LOCKS: Final = (_LOCK_NONE, _LOCK_SIM_PIN2, _LOCK_SIM_PUK2)  # PIN2 guards nothing that the kit needs

_PORT_NET: Final = 2  # MMModemPortType

# MMModem3gppRegistrationState; "SMS only" and "CSFB not preferred" are registered all the same
_REGISTRATIONS: Final[Mapping[int, Registration]] = {
    0: "not-registered",
    1: "home",
    2: "searching",
    3: "denied",
    5: "roaming",
    6: "home",
    7: "roaming",
    8: "emergency-only",
    9: "home",
    10: "roaming",
    11: "emergency-only",
}

# MMModemAccessTechnology, bits
_NR_BITS: Final = 1 << 15
_LTE_BITS: Final = (1 << 14) | (1 << 16) | (1 << 17)
_UMTS_BITS: Final = 0b11111 << 5
_GSM_BITS: Final = 0b1111 << 1
_TECHNOLOGIES: Final[Sequence[tuple[int, Technology]]] = (
    (_NR_BITS, "nr"),
    (_LTE_BITS, "lte"),
    (_UMTS_BITS, "umts"),
    (_GSM_BITS, "gsm"),
)


@dataclass(frozen=True, slots=True)
class ModemMatch:
    """Which of ModemManager's modems is meant; all that is given must fit, and without anything the only modem does.

    Attributes:
        imei: 15 digits, as the modem tells it. The surest, for it survives another USB socket.
        device: the property Device, a path below /sys, as ``mmcli -m any`` shows it.
        index: the number at the end of the object's path. It counts up whenever a modem comes back: for trials only.
    """

    imei: str | None = None
    device: str | None = None
    index: int | None = None

    def __str__(self) -> str:
        """Say it in words, for events."""
        wanted = (("IMEI", self.imei), ("device", self.device), ("index", self.index))
        return " and ".join(f"{name} {value}" for name, value in wanted if value is not None) or "any modem"

    def fits(self, path: str, interfaces: Interfaces) -> bool:
        """Whether the modem at this object path is meant."""
        modem = interfaces[MODEM]
        return (
            (self.imei is None or self.imei == _imei(interfaces))
            and (self.device is None or self.device == modem.get("Device"))
            and (self.index is None or path.rpartition("/")[2] == str(self.index))
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A modem with what hangs on it: its SIM's and bearers' properties, where they are there."""

    path: str
    interfaces: Interfaces
    bearers: tuple[Properties, ...] = ()
    sim: Properties = field(default_factory=dict)

    @property
    def modem(self) -> Properties:
        """Properties of the interface that every modem has."""
        return self.interfaces[MODEM]


def find(objects: Mapping[str, Interfaces], match: ModemMatch) -> Found | str:
    """Returns the modem that is meant, or a sentence on why there is none."""
    modems = {path: interfaces for path, interfaces in objects.items() if MODEM in interfaces}
    fitting = [path for path, interfaces in modems.items() if match.fits(path, interfaces)]
    if len(fitting) > 1 and match.imei is not None:
        # One modem twice: it was unplugged and ModemManager has not noticed, or it just comes back.
        fitting = [max(fitting, key=lambda path: int(modems[path][MODEM].get("State", 0)))]
    if len(fitting) > 1:
        return f"{len(fitting)} modems fit {match}: name one by its IMEI"
    if not fitting:
        there = f"{len(modems)} others" if modems else "none"
        return f"ModemManager shows no modem that fits {match}, and {there} besides: see mmcli -L"
    return Found(fitting[0], modems[fitting[0]])


def trouble(found: Found) -> str | None:
    """Why a modem that is there cannot be used; a missing or dead SIM is none, for the reading tells it."""
    modem = found.modem
    if modem.get("State") != STATE_FAILED:
        return None
    reason = modem.get("StateFailedReason", 0)
    if reason in (_FAILED_SIM_MISSING, _FAILED_SIM_ERROR, _FAILED_NO_PROFILES):
        return None
    return f"ModemManager gave the modem up: {_FAILED_WORDS.get(reason, 'it does not say why')}"


def reading(found: Found) -> ModemReading:
    """What is known of the modem now."""
    modem = found.modem
    of_network = found.interfaces.get(MODEM_3GPP, {})
    registration = _REGISTRATIONS.get(of_network.get("RegistrationState", -1), "unknown")
    is_registered = registration in (
        "home",
        "roaming",
    )  # the operator's name outlives its network for a moment
    slot = int(modem.get("PrimarySimSlot") or 1)
    bearer = next((bearer for bearer in found.bearers if bearer.get("Connected")), None)
    return ModemReading(
        identity=ModemIdentity(
            manufacturer=_text(modem.get("Manufacturer")),
            model=_text(modem.get("Model")),
            revision=_text(modem.get("Revision")),
            imei=_imei(found.interfaces),
        ),
        sim=sim_state(modem),
        sim_slot=slot,
        sim_slots=min(SLOTS_MAX, max(1, slot, len(modem.get("SimSlots") or ()))),
        pin_tries_left=tries_left(modem, LOCK_SIM_PIN),
        operator_code=(_text(of_network.get("OperatorCode")) or None) if is_registered else None,
        operator_name=(_text(of_network.get("OperatorName")) or None) if is_registered else None,
        registration=registration,
        technology=_technology(modem.get("AccessTechnologies", 0)),
        signal=_signal(found),
        bearer_up=bearer is not None,
        interface=None if bearer is None else _interface(modem, bearer),
    )


def sim_state(modem: Properties) -> SimState:
    """The state of the SIM in use."""
    if modem.get("State") == STATE_FAILED:
        reason = modem.get("StateFailedReason")
        if reason in (_FAILED_SIM_MISSING, _FAILED_NO_PROFILES):
            return "absent"
        return "failure" if reason == _FAILED_SIM_ERROR else "unknown"
    lock = modem.get("UnlockRequired", _LOCK_UNKNOWN)
    if lock == _LOCK_UNKNOWN:
        return "unknown"
    if lock in _OPEN_LOCKS:
        return "ready"
    # The others are locks of the device to a SIM, a network or a provider: it does not work with this card.
    return {LOCK_SIM_PIN: "pin-required", LOCK_SIM_PUK: "puk-required"}.get(lock, "failure")  # type: ignore[return-value]


def tries_left(modem: Properties, lock: int) -> int | None:
    """How many more tries the SIM permits for a lock (``LOCK_*``), where it says so."""
    tries = (modem.get("UnlockRetries") or {}).get(lock)
    return tries if isinstance(tries, int) and 0 <= tries < 100 else None  # noqa: PLR2004 - 999 stands for unknown


def may_enter_pin(modem: Properties) -> bool:
    """Whether a PIN is wanted and more than one try is known to be left: the last one is for people."""
    tries = tries_left(modem, LOCK_SIM_PIN)
    return sim_state(modem) == "pin-required" and tries is not None and tries > 1


def _imei(interfaces: Interfaces) -> str:
    imei = interfaces.get(MODEM_3GPP, {}).get("Imei") or interfaces[MODEM].get("EquipmentIdentifier") or ""
    return imei if len(imei) == 15 and imei.isascii() and imei.isdigit() else ""  # noqa: PLR2004 - TS 23.003 6.2.1


def _text(value: object) -> str:
    return str(value or "")[:TEXT_MAX].strip()


def _technology(bits: int) -> Technology | None:
    return next((technology for mask, technology in _TECHNOLOGIES if bits & mask), None)


def _interface(modem: Properties, bearer: Properties) -> str | None:
    """The bearer's interface, where it is one of the operating system: PPP runs over a port that is none."""
    name = bearer.get("Interface")
    ports = modem.get("Ports") or ()
    return name if any(list(port) == [name, _PORT_NET] for port in ports) else None


def _signal(found: Found) -> Signal:
    """What is measured by the best technology that is measured at all; else the grade of the quality in percent."""
    extended = found.interfaces.get(SIGNAL, {})
    for technology in ("Nr5g", "Lte", "Umts", "Gsm"):
        values = {name: _db(value) for name, value in (extended.get(technology) or {}).items()}
        measured = graded(values.get("rssi"), values.get("rsrp"), values.get("rsrq"), values.get("snr"))
        if measured.grade != "none":
            return measured
    quality, _recent = found.modem.get("SignalQuality") or (0, False)
    # ModemManager maps -113 to -51 dBm to 0 to 100 %, and a modem that measures otherwise in its own way:
    # good for a grade, no measurement.
    return replace(graded(-113.0 + 0.62 * min(100, quality), None, None, None), rssi_dbm=None)


def _db(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and -DB_MAX < value < DB_MAX else None
