"""What the configuration says of devices: one table each. Secrets stand in files of their own, never in this one."""

import stat
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from crypto.wire import Id
from drivers.modem.at.settings import SIM_SLOTS_MAX, SimSwitch
from drivers.ups.protocols import SerialProtocolName
from kit.tapes import PrinterHabits

Milliseconds = Annotated[int, Meta(ge=50, le=3_600_000)]
UpsMilliseconds = Annotated[int, Meta(ge=50, le=60_000)]
"""A UPS that is asked less often than once a minute would be taken for fine for minutes after it died."""
Host = Annotated[str, Meta(min_length=1, max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65535)]
DevicePath = Annotated[str, Meta(min_length=1, max_length=4096)]
SECRET_MAX: Final = 256  # characters


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, key and what to do."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of the file: strict."""


class TerminalLine(Section, frozen=True):
    """A voting terminal on a serial line."""

    id: Id
    port: str
    status_interval_ms: Milliseconds = 10_000


class UpsLine(Section, frozen=True):
    """A UPS on a serial line. ``kind``: the protocol it speaks, or ``auto`` to try both."""

    port: DevicePath
    kind: SerialProtocolName = "megatec"
    poll_interval_ms: UpsMilliseconds = 5_000


class NutTable(Section, frozen=True):
    """A UPS behind upsd of Network UPS Tools. Without ``username``: look on, and order nothing.

    TLS: ``ca_file`` (PEM) or ``fingerprint_sha256`` says whom to trust; ``tls_unverified`` encrypts and trusts anyone;
    none of them: in the clear, for upsd on this machine.
    """

    host: Host
    ups: Annotated[str, Meta(min_length=1, max_length=64)]
    port: Port = 3493
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    server_name: str | None = None
    """What the certificate must name, where that is not ``host``."""
    fingerprint_sha256: Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}:?){32}$")] | None = None
    tls_unverified: bool = False
    poll_interval_ms: UpsMilliseconds = 5_000


class AtModemLine(Section, frozen=True, tag_field="kind", tag="at"):
    """A 4G modem on a serial line that speaks AT commands (3GPP TS 27.007)."""

    name: Id
    port: DevicePath
    baudrate: Literal[9600, 19200, 38400, 57600, 115200] = 115_200
    pin_file: str | None = None
    """A file with the PIN of the SIM in slot 1: 4 to 8 digits, readable by its owner alone."""
    other_pin_files: Annotated[tuple[str, ...], Meta(max_length=SIM_SLOTS_MAX - 1)] = ()
    """Those of the SIMs in slots 2 and up."""
    apn: str | None = None
    """Of the SIM in slot 1, and of all that ``other_apns`` does not name; None leaves the data to others."""
    other_apns: Annotated[tuple[str, ...], Meta(max_length=SIM_SLOTS_MAX - 1)] = ()
    """Those of the SIMs in slots 2 and up."""
    sim_slots: Annotated[int, Meta(ge=1, le=SIM_SLOTS_MAX)] = 1
    sim_switch: SimSwitch = "none"
    """By which commands it changes over to another SIM: ``drivers.modem.at.settings``."""
    change_sim: bool = True
    """Whether the kit changes over by itself where the SIM in use gives nothing for long."""
    sms_centre: str | None = None
    poll_interval_ms: Milliseconds = 10_000


class ManagedModemLine(Section, frozen=True, tag_field="kind", tag="modemmanager"):
    """A 4G modem that ModemManager holds, asked over D-Bus."""

    name: Id
    imei: Annotated[str, Meta(pattern=r"^[0-9]{15}$")] | None = None
    """Which modem: by its IMEI. Neither this nor ``device``: the only one that there is."""
    device: str | None = None
    """Which modem: by the physical device, as ``mmcli -m any`` shows it under System."""
    pin_file: str | None = None
    other_pin_files: Annotated[tuple[str, ...], Meta(max_length=SIM_SLOTS_MAX - 1)] = ()
    poll_interval_ms: Milliseconds = 10_000
    bus_address: str | None = None
    """Another D-Bus than the system's."""


ModemLine = AtModemLine | ManagedModemLine


class OntTable(Section, frozen=True):
    """The fibre's ONT, asked by SNMP version 2c. ``oids``: see ``drivers.fibre.oid_map``."""

    host: Host
    oids: dict[str, Any]
    port: Port = 161
    community_file: str | None = None
    """A file with the community; None: ``public``."""
    poll_interval_ms: Milliseconds = 10_000


class FibreTable(Section, frozen=True):
    """The fibre line: the network interface towards its box, and the box."""

    interface: Annotated[str, Meta(min_length=1, max_length=127)]
    poll_interval_ms: Milliseconds = 5_000
    ont: OntTable | None = None


class PrinterTable(Section, frozen=True):
    """A receipt printer that speaks ESC/POS: at ``port`` (serial, usb), or at ``host`` (network)."""

    kind: Literal["serial", "usb", "network"]
    port: DevicePath | None = None
    """``/dev/serial/by-path/...``, or ``/dev/usb/lp0``."""
    host: Host | None = None
    tcp_port: Port = 9100
    baudrate: Literal[9600, 19200, 38400, 57600, 115200] = 19_200
    width_dots: Literal[384, 576] = 576
    """58 or 80 mm paper at 203 dots an inch."""
    font: str | None = None
    """A TrueType font; None: DejaVu Sans, where the system keeps it."""
    answers: bool = True
    """False for printers that never send a byte: tapes then count as printed unconfirmed."""
    poll_interval_ms: Milliseconds = 10_000
    tape_patience_s: Annotated[int, Meta(ge=0, le=3_600)] = 120
    """How long the delivery of a tally waits for its tape."""

    @property
    def habits(self) -> PrinterHabits:
        """What the core must know of it."""
        return PrinterHabits(self.answers, 1000 * self.tape_patience_s)


T = TypeVar("T")


def in_folder(table: T, folder: Path) -> T:
    """The same table; files that its keys ``..._file`` name relatively, and its tables' keys, are in ``folder``."""
    if not isinstance(table, Section):
        return table
    changed = {name: _in_folder(name, value, folder) for name, value in msgspec.structs.asdict(table).items()}
    return msgspec.structs.replace(table, **changed)


def _in_folder(name: str, value: Any, folder: Path) -> Any:
    if name.endswith("_file") and value is not None:
        return str(folder / value)
    if name.endswith("_files"):
        return tuple(str(folder / path) for path in value)
    return in_folder(value, folder)


def secret(path: Path) -> str:
    """The one line of a secret's file.

    Raises:
        ConfigError: it cannot be read, others than its owner can reach it, or it is empty or too long.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path}: others than its owner can reach this secret; do: chmod 600 {path}")
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); write the secret there, in one line") from error
    if not 1 <= len(text) <= SECRET_MAX or "\n" in text:
        raise ConfigError(f"{path}: one line of 1 to {SECRET_MAX} characters is needed")
    return text
