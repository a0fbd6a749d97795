"""What only several tables of a configuration together show to be a mistake: it would be found out on polling day."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kit.tables.all_devices import DeviceTables
from kit.tables.battery import BatteryTable
from kit.tables.devices import AtModemLine, ConfigError, ManagedModemLine, NutTable, PrinterTable

_NO_LINE: Final = "/dev/null"  # stands for a line that is not there yet
_HERE: Final = ("localhost", "ip6-localhost", "::1")
_NO_HOST: Final = frozenset("@/\\ \t\r\n\0")


def check_devices(config: DeviceTables) -> None:
    """Raise ConfigError for devices that get into each other's way, and for keys that would mean nothing."""
    _check_lines(config)
    _check_managed([line for line in config.modems if isinstance(line, ManagedModemLine)])
    for where, host in _hosts(config):
        _check_host(where, host)
    for line in config.modems:
        if isinstance(line, AtModemLine):
            _check_slots(line)
    if config.nut is not None:
        _check_nut(config.nut)
    if config.printer is not None:
        _check_printer(config.printer)
    if config.battery != BatteryTable() and config.ups is None and config.nut is None:
        raise ConfigError("[battery] is the battery of a UPS: say where that is, by [ups] or [nut]")


def _check_lines(config: DeviceTables) -> None:
    """One line, one device; names that lead to the same device are the same line."""
    lines = [(f"terminal {line.id}", line.port) for line in config.terminals]
    lines += [(f"modem {line.name}", line.port) for line in config.modems if isinstance(line, AtModemLine)]
    lines += [("[ups]", config.ups.port)] if config.ups is not None else []
    if config.printer is not None and config.printer.port is not None:
        lines.append(("[printer]", config.printer.port))
    taken: dict[str, str] = {}
    for who, port in lines:
        if "\0" in port or not port:
            raise ConfigError(f"{who}: port {port!r} is no name of a line")
        path = str(Path(port).resolve())
        if path != _NO_LINE and path in taken:
            raise ConfigError(
                f"{who} and {taken[path]} are both at {port}: each device has a line of its own"
            )
        taken[path] = who


def _check_managed(lines: list[ManagedModemLine]) -> None:
    for at, line in enumerate(lines):
        for other in lines[:at]:
            differ = (line.imei and other.imei and line.imei != other.imei) or (
                line.device and other.device and line.device != other.device
            )
            if not differ:
                raise ConfigError(
                    f"modems {other.name} and {line.name} may be the same modem of ModemManager: "
                    "give each its imei (mmcli -L, mmcli -m N)"
                )


def _hosts(config: DeviceTables) -> Iterator[tuple[str, str]]:
    if config.nut is not None:
        yield "[nut]", config.nut.host
        if config.nut.server_name is not None:
            yield "[nut] server_name", config.nut.server_name
    if config.fibre is not None and config.fibre.ont is not None:
        yield "[fibre.ont]", config.fibre.ont.host
    if config.printer is not None and config.printer.host is not None:
        yield "[printer]", config.printer.host


def _check_host(where: str, host: str) -> None:
    try:
        sound = bool(host.encode("idna")) and not _NO_HOST.intersection(host) and not host.startswith(".")
    except UnicodeError:
        sound = False
    if not sound:
        raise ConfigError(
            f"{where}: {host!r} is neither a name nor an address of a machine; its port has a key of its own"
        )


def _check_slots(line: AtModemLine) -> None:
    if line.other_apns and (line.apn is None or len(line.other_apns) >= line.sim_slots):
        raise ConfigError(
            f"modem {line.name}: other_apns are of the SIMs in slots 2 and up, beside apn of slot 1, and sim_slots is "
            f"{line.sim_slots}"
        )
    if len(line.other_pin_files) >= line.sim_slots and line.other_pin_files:
        raise ConfigError(
            f"modem {line.name}: other_pin_files are of the SIMs in slots 2 and up, and sim_slots is {line.sim_slots}"
        )
    if line.sim_slots == 1 and line.sim_switch != "none":
        raise ConfigError(f"modem {line.name}: sim_switch changes over between SIMs, and sim_slots is 1")


def _check_nut(nut: NutTable) -> None:
    if nut.server_name is not None and nut.ca_file is None:
        raise ConfigError(
            "[nut] server_name is looked for in a certificate that ca_file vouches for: ca_file is missing"
        )
    if nut.ca_file is not None and not Path(nut.ca_file).is_file():
        raise ConfigError(
            f"[nut] ca_file {nut.ca_file}: there is no such file; copy the CA's certificate there, as PEM"
        )
    in_the_clear = nut.ca_file is None and nut.fingerprint_sha256 is None and not nut.tls_unverified
    if in_the_clear and nut.password_file is not None and not _is_here(nut.host):
        raise ConfigError(
            f"[nut]: the password would cross the network to {nut.host} in the clear: set ca_file, fingerprint_sha256, "
            "or at least tls_unverified = true"
        )


def _is_here(host: str) -> bool:
    return host in _HERE or host.startswith("127.")


def _check_printer(table: PrinterTable) -> None:
    if table.kind == "network" and table.port is not None:
        raise ConfigError(
            '[printer]: kind = "network" has host and tcp_port; port is a device of this machine'
        )
    if table.kind != "network" and table.host is not None:
        raise ConfigError(f'[printer]: kind = "{table.kind}" has port; host is of kind = "network"')
