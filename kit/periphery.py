"""The drivers that the configuration names. A library that few branches need is loaded only where its device is."""

from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drivers.fibre.errors import OidMapError
from drivers.fibre.oid_map import parse_oid_map
from drivers.fibre.settings import Community, FibreSettings, OntSettings
from drivers.modem.at.driver import AtModem
from drivers.modem.at.settings import AtSettings
from drivers.ports import (
    Fibre,
    FibreLost,
    Modem,
    ModemEvent,
    ModemLost,
    TerminalLost,
    Ups,
    UpsEvent,
    UpsLost,
)
from drivers.terminal.driver import SerialTerminal
from drivers.ups.driver import SerialUps
from drivers.ups.protocols import PROTOCOLS
from kit.config import Config
from kit.effects import SendSms, UseSim
from kit.events import FibreHeard, ModemHeard, TerminalHeard, UpsHeard
from kit.held import hold
from kit.log import Log
from kit.ports import Ports, Post
from kit.tables.devices import (
    AtModemLine,
    ConfigError,
    FibreTable,
    ManagedModemLine,
    ModemLine,
    NutTable,
    OntTable,
    TerminalLine,
    UpsLine,
    secret,
)
from kit.tables.uplinks import Uplink

if TYPE_CHECKING:
    from kit.routes import RoutesPart

TERMINAL_BAUD: Final = 115_200  # bits per second
UPS_BAUD: Final = 2_400  # bits per second


class Periphery:
    """All drivers of a kit; what they hear is posted. Raises ConfigError where a table or a secret cannot be used."""

    def __init__(self, config: Config, ports: Ports, post: Post, log: Log) -> None:
        self._ports, self._post, self._log = ports, post, log
        self.terminals: Final = {line.id: self._terminal(line) for line in config.terminals}
        self.routes: Final = self._routes(config.uplinks)
        self.modems: Final = {line.name: self._modem(line) for line in config.modems}
        self.ups: Final = self._ups(config.ups or config.nut)
        self.fibre: Final = None if config.fibre is None else self._fibre(config.fibre)

    def parts(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What is to run, by name; none of it ever ends by itself, and a driver that fails begins anew."""
        parts = [
            self._part(f"terminal {name}", terminal.run, partial(self._terminal_lost, name))
            for name, terminal in self.terminals.items()
        ]
        parts += [
            self._part(f"modem {name}", modem.run, partial(self._modem_lost, name))
            for name, modem in self.modems.items()
        ]
        if self.ups is not None:
            parts.append(self._part("ups", self.ups.run, lambda why: self._post(UpsHeard(UpsLost(why)))))
        if self.fibre is not None:
            parts.append(
                self._part("fibre", self.fibre.run, lambda why: self._post(FibreHeard(FibreLost(why))))
            )
        if self.routes is not None:
            parts.append(self.routes.part())
        return parts

    def send_sms(self, effect: SendSms) -> None:
        """Give a part of a message to its modem."""
        self.modems[effect.modem].send_sms(effect.token, effect.number, effect.user_data)

    def use_sim(self, effect: UseSim) -> None:
        """Have a modem change over to another of its SIMs."""
        self.modems[effect.modem].use_sim(effect.slot)

    def _part(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], lost: Callable[[str], None]
    ) -> tuple[str, Coroutine[Any, Any, None]]:
        return name, hold(name, run, lost, self._log)

    def _terminal_lost(self, terminal: str, why: str) -> None:
        self._post(TerminalHeard(terminal, TerminalLost(why)))

    def _modem_lost(self, modem: str, why: str) -> None:
        self._post(ModemHeard(modem, ModemLost(why)))

    @property
    def _now(self) -> Callable[[], int]:
        return self._ports.clock.monotonic_ms

    def _terminal(self, line: TerminalLine) -> SerialTerminal:
        return SerialTerminal(
            self._ports.open_stream(line.port, TERMINAL_BAUD),
            now=self._now,
            emit=lambda event: self._post(TerminalHeard(line.id, event)),
            terminal_id=line.id,
            session=int.from_bytes(self._ports.entropy(4), "little"),
            status_interval_ms=line.status_interval_ms,
        )

    def _ups(self, table: UpsLine | NutTable | None) -> Ups | None:
        def emit(event: UpsEvent) -> None:
            self._post(UpsHeard(event))

        match table:
            case UpsLine():
                stream = self._ports.open_stream(table.port, UPS_BAUD)
                return SerialUps(stream, self._now, emit, table.poll_interval_ms, PROTOCOLS[table.kind])
            case NutTable():
                return _nut(table, self._now, emit)
            case None:
                return None

    def _modem(self, line: ModemLine) -> Modem:
        def emit(event: ModemEvent) -> None:
            if self.routes is not None:
                self.routes.hear_modem(line.name, event)
            self._post(ModemHeard(line.name, event))

        try:
            match line:
                case AtModemLine():
                    stream = self._ports.open_stream(line.port, line.baudrate)
                    return AtModem(stream, self._now, emit, _at_settings(line))
                case ManagedModemLine():
                    return _managed(line, self._now, emit)
        except ValueError as error:
            raise ConfigError(f"modem {line.name}: {error}") from error

    def _routes(self, uplinks: tuple[Uplink, ...]) -> "RoutesPart | None":
        if all(uplink.interface is None for uplink in uplinks):
            return None
        from kit.routes import RoutesPart  # noqa: PLC0415 - pyroute2

        return RoutesPart(uplinks, self._ports, self._post, self._log)

    def _fibre(self, table: FibreTable) -> Fibre:
        from drivers.fibre.driver import FibreLine  # noqa: PLC0415 - pyroute2 and pysnmp

        ont = None if table.ont is None else _ont(table.ont)
        settings = FibreSettings(table.interface, ont, poll_interval_ms=table.poll_interval_ms)
        return FibreLine(settings, self._now, lambda event: self._post(FibreHeard(event)))


def _nut(table: NutTable, now: Callable[[], int], emit: Callable[[UpsEvent], None]) -> Ups:
    from drivers.ups.nut.driver import NutUps  # noqa: PLC0415 - ssl
    from drivers.ups.nut.target import (  # noqa: PLC0415
        NutTarget,
        NutTrust,
        TrustAnyone,
        TrustCa,
        TrustFingerprint,
    )

    tls: list[NutTrust] = []
    if table.ca_file is not None:
        tls.append(TrustCa(Path(table.ca_file), table.server_name))
    if table.fingerprint_sha256 is not None:
        tls.append(TrustFingerprint(bytes.fromhex(table.fingerprint_sha256.replace(":", ""))))
    if table.tls_unverified:
        tls.append(TrustAnyone())
    if len(tls) > 1:
        raise ConfigError("[nut]: of ca_file, fingerprint_sha256 and tls_unverified only one can be")
    try:
        target = NutTarget(
            table.host,
            table.ups,
            tls[0] if tls else None,
            username=table.username,
            password=None if table.password_file is None else secret(Path(table.password_file)),
            port=table.port,
        )
    except ValueError as error:
        raise ConfigError(f"[nut]: {error}") from error
    return NutUps(target, now, emit, table.poll_interval_ms)


def _at_settings(line: AtModemLine) -> AtSettings:
    return AtSettings(
        poll_interval_ms=line.poll_interval_ms,
        pin=_pin(line.pin_file),
        other_pins=tuple(_pin(path) for path in line.other_pin_files),
        apn=line.apn,
        other_apns=line.other_apns,
        sim_slots=line.sim_slots,
        sim_switch=line.sim_switch,
        sms_centre=line.sms_centre,
    )


def _managed(line: ManagedModemLine, now: Callable[[], int], emit: Callable[[ModemEvent], None]) -> Modem:
    from drivers.modem.manager.driver import ManagerModem  # noqa: PLC0415 - dbus-fast
    from drivers.modem.manager.settings import ManagerSettings  # noqa: PLC0415
    from drivers.modem.manager.state import ModemMatch  # noqa: PLC0415

    settings = ManagerSettings(
        poll_interval_ms=line.poll_interval_ms,
        pin=_pin(line.pin_file),
        other_pins=tuple(_pin(path) for path in line.other_pin_files),
    )
    match = ModemMatch(imei=line.imei, device=line.device)
    return ManagerModem(line.bus_address, match, now, emit, settings)


def _pin(path: str | None) -> str | None:
    return None if path is None else secret(Path(path))


def _ont(table: OntTable) -> OntSettings:
    try:
        oids = parse_oid_map(table.oids)
    except OidMapError as error:
        raise ConfigError(f"[fibre.ont] oids: {error}") from error
    community = Community() if table.community_file is None else Community(secret(Path(table.community_file)))
    return OntSettings(table.host, oids, table.port, community, poll_interval_ms=table.poll_interval_ms)
