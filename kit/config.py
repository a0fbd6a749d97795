"""The configuration of kitd: one TOML file, checked to the last key before anything starts."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from crypto.wire import B64, Id
from failover.machine import Timing
from kit.tables.all_devices import DeviceTables
from kit.tables.battery import BatteryTable
from kit.tables.device_checks import check_devices
from kit.tables.devices import (
    AtModemLine,
    ConfigError,
    FibreTable,
    ManagedModemLine,
    NutTable,
    OntTable,
    PrinterTable,
    Section,
    TerminalLine,
    UpsLine,
    in_folder,
)
from kit.tables.escalation import EscalationTable, PhaseClock, ladder_clocks
from kit.tables.near_miss import explain
from kit.tables.sms import SmsTable
from kit.tables.toml_file import read_toml
from kit.tables.uplinks import Uplink, UplinkInterface, UplinkTls, check_uplinks

__all__ = ["Config", "ConfigError", "TerminalLine", "Trust", "Uplink", "UpsLine", "load"]


class Trust(Section, frozen=True):
    """Who may sign manifests: ``threshold`` of these Ed25519 public keys (base64)."""

    threshold: Annotated[int, Meta(ge=1, le=16)]
    manifest_keys: Annotated[tuple[B64, ...], Meta(min_length=1, max_length=16)]


class Config(DeviceTables, frozen=True, kw_only=True):
    """The whole file. Relative paths are relative to the file's folder; ``uplinks`` are in order of preference."""

    branch: Id
    state_dir: str
    manifest: str
    device_key: str
    control_socket: str
    trust: Trust
    uplinks: Annotated[tuple[Uplink, ...], Meta(min_length=1, max_length=8)]
    device: Id | None = None
    """Which of the branch's enrolled devices this is. None: the branch's own; else one of its standbys."""
    poll: Literal["first", "re-vote"] = "first"
    """``re-vote`` for a standby kit that runs a poll which was ordered again: its envelopes say so."""
    rehearsal: bool = False
    """Whether an election key that one person holds is put up with: for rehearsals and tests alone."""
    failover: Timing = Timing()
    escalation: EscalationTable = EscalationTable()
    sms: SmsTable | None = None
    """None: the rung of SMS is left out."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


_TABLES: Final[dict[str, tuple[type, ...]]] = {
    "trust": (Trust,),
    "terminals": (TerminalLine,),
    "uplinks.interface": (UplinkInterface,),
    "uplinks.tls": (UplinkTls,),
    "uplinks": (Uplink,),
    "ups": (UpsLine,),
    "battery": (BatteryTable,),
    "nut": (NutTable,),
    "modems": (AtModemLine, ManagedModemLine),
    "fibre.ont": (OntTable,),
    "fibre": (FibreTable,),
    "printer": (PrinterTable,),
    "failover": (Timing,),
    "escalation.": (PhaseClock,),
    "escalation": (EscalationTable,),
    "sms": (SmsTable,),
}
"""By how the name of a table begins: what it may be."""


def load(path: Path) -> Config:
    """Read and check a configuration.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or has a wrong, missing or unknown key.
    """
    raw = read_toml(path, "check the path and its permissions")
    try:
        config = msgspec.convert(raw, Config, strict=True)
        _no_unknown_timing(raw)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {explain(str(error), _TABLES, Config)}") from error
    for what, names in (
        ("uplinks", [uplink.name for uplink in config.uplinks]),
        ("terminals", [terminal.id for terminal in config.terminals]),
        ("modems", [modem.name for modem in config.modems]),
    ):
        if len(set(names)) != len(names):
            raise ConfigError(f"{path}: two {what} have the same name: {', '.join(names)}")
    if config.ups is not None and config.nut is not None:
        raise ConfigError(f"{path}: [ups] and [nut] both say where the UPS is: keep one of them")
    try:
        config.battery.ratings()
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    folder = path.resolve().parent
    config = msgspec.structs.replace(
        config,
        state_dir=str(folder / config.state_dir),
        manifest=str(folder / config.manifest),
        device_key=str(folder / config.device_key),
        control_socket=str(folder / config.control_socket),
        uplinks=tuple(in_folder(uplink, folder) for uplink in config.uplinks),
        modems=tuple(in_folder(modem, folder) for modem in config.modems),
        fibre=in_folder(config.fibre, folder),
        nut=in_folder(config.nut, folder),
        escalation=in_folder(config.escalation, folder),
    )
    try:
        check_devices(config)
        modems = frozenset(modem.name for modem in config.modems)
        at_modems = frozenset(modem.name for modem in config.modems if isinstance(modem, AtModemLine))
        check_uplinks(config.uplinks, modems, has_fibre=config.fibre is not None, at_modems=at_modems)
        ladder_clocks(config.escalation, has_sms=config.sms is not None)
        if config.sms is not None:
            config.sms.plan(config.modems)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


def _no_unknown_timing(raw: dict[str, Any]) -> None:
    """Timing is failover's own dataclass, and msgspec lets unknown keys of dataclasses pass."""
    known = {field.name for field in dataclasses.fields(Timing)}
    for key in raw.get("failover", {}):
        if key not in known:
            raise msgspec.ValidationError(f"Object contains unknown field `{key}` - at `$.failover`")
