"""What the configuration says of uplinks: where the centre's broker is, over which interface, whom to trust there."""

from ipaddress import ip_address
from typing import Annotated, Final, Literal

from msgspec import Meta

from crypto.wire import Id
from drivers.modem.at.settings import SIM_SLOTS_MAX
from drivers.tls_settings import TlsSettings, complaint
from failover.budget import BUDGET_DEFAULT, MEGABYTE
from kit.tables.devices import ConfigError, Host, Port, Section

UplinkKind = Literal["fibre", "4g", "wifi", "satellite", "ethernet"]
Address = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:.]{2,45}$")]
"""An IPv4 or IPv6 address in its usual text form."""
Megabytes = Annotated[int, Meta(ge=5, le=100_000)]
MSS_DEFAULT: Final = (
    1_200  # bytes: fits the least MTU of IPv6 (1280, RFC 8200 §5) with room for a tunnel's headers
)


class UplinkInterface(Section, frozen=True):
    """Which network interface carries an uplink: by exactly one of the first four keys.

    The kernel numbers and names interfaces anew as it pleases; these say which one is meant.
    """

    name: Annotated[str, Meta(min_length=1, max_length=127)] | None = None
    """Its name, or an alternative name that it has (ip-link(8), altname)."""
    mac: Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$")] | None = None
    """Its hardware address, the permanent one where it has one."""
    device: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """Where it is plugged in: the end of its device's path in sysfs, such as ``usb1/1-1/1-1.4/1-1.4:1.0``."""
    modem: Id | None = None
    """The interface that this one of [[modems]] names, where ModemManager holds it."""
    gateway: Annotated[str, Meta(pattern=r"^(auto|none|[0-9A-Fa-f:.]{2,45})$")] = "auto"
    """The next hop. ``auto``: that of the default route that something else (DHCP) gave this interface. ``none``: the
    interface needs none, as those of most modems."""
    table: Annotated[int, Meta(ge=256, le=2**31 - 1)] | None = None
    """Number of its routing table; None: 7101 and up, in the order of the uplinks. The priorities of its rules are 7101
    and up (by interface) and 7201 and up (by source address), whatever its number."""


class UplinkTls(TlsSettings, frozen=True):
    """TLS on the way to the broker. It hides who talks to the centre; the evidence does not rest on it."""


class Uplink(Section, frozen=True):
    """One way to the centre."""

    name: Id
    kind: UplinkKind
    host: Host
    port: Port
    addresses: Annotated[tuple[Address, ...], Meta(max_length=8)] = ()
    """Addresses of ``host``, tried where the DNS gives none, or only such as do not work."""
    dns: Annotated[tuple[Address, ...], Meta(max_length=4)] = ()
    """The uplink's own DNS servers, asked over its own interface; none: the system's resolver is asked."""
    interface: UplinkInterface | None = None
    """None: sessions leave as the machine's routes say, as they do in a demo."""
    tls: UplinkTls | None = None
    portal_check: Annotated[str, Meta(pattern=r"^http://[^\s]{1,200}$")] | None = None
    """Asked when no session can be made: it answers 204 and nothing else, unless a captive portal answers for it."""
    line: Annotated[str, Meta(pattern=r"^(fibre|modem:[A-Za-z0-9][A-Za-z0-9._:-]{0,63})$")] | None = None
    """The device whose word on the line counts for this uplink: ``fibre``, or ``modem:`` and a name of [[modems]]."""
    mss: Annotated[int, Meta(ge=500, le=9_000)] = MSS_DEFAULT
    """Most bytes of a TCP segment, both ways (tcp(7), TCP_MAXSEG): so paths that swallow larger packets do no harm."""
    data_budget_mb: Megabytes = BUDGET_DEFAULT // MEGABYTE
    """Megabytes that may go over the air in a month, both ways; of each SIM where a modem carries the uplink. Where
    they run short, probes and attempts get rarer outside the critical window."""
    other_data_budgets_mb: Annotated[tuple[Megabytes, ...], Meta(max_length=SIM_SLOTS_MAX - 1)] = ()
    """Those of the SIMs in slots 2 and up, where they differ."""
    narrow: bool = False
    """The way back carries no whole proof: the centre is to answer with an acknowledgement."""


def check_uplinks(
    uplinks: tuple[Uplink, ...],
    modems: frozenset[str],
    *,
    has_fibre: bool,
    at_modems: frozenset[str] = frozenset(),
) -> None:
    """Raise ConfigError for what no single key shows. ``at_modems``: those of ``modems`` with ``kind = "at"``."""
    tables: dict[int, str] = {}
    for place, uplink in enumerate(uplinks):
        table = None if uplink.interface is None else table_of(uplink.interface, place)
        if uplink.interface is not None:
            _check_interface(uplink.name, uplink.interface, modems)
            if uplink.interface.modem in at_modems:
                raise ConfigError(
                    f"uplink {uplink.name}: no AT command tells the network interface of modem "
                    f"{uplink.interface.modem}: give name, mac or device"
                )
        if table is not None and tables.setdefault(table, uplink.name) != uplink.name:
            raise ConfigError(f"uplinks {tables[table]} and {uplink.name} share routing table {table}")
        _check_addresses(uplink)
        if len(uplinks) > 1:
            _check_name(uplink)
        wrong = "" if uplink.tls is None else complaint(uplink.tls)
        if wrong:
            raise ConfigError(f"uplink {uplink.name}: [uplinks.tls] {wrong}")
        if uplink.line == "fibre" and not has_fibre:
            raise ConfigError(f'uplink {uplink.name}: line = "fibre", and there is no [fibre]')
        if uplink.line is not None and uplink.line.startswith("modem:"):
            _check_modem(uplink.name, uplink.line.removeprefix("modem:"), modems)


def table_of(interface: UplinkInterface, place: int) -> int:
    """The routing table of the uplink at this place (from 0) of the configuration."""
    return interface.table or 7_101 + place


def _check_interface(uplink: str, interface: UplinkInterface, modems: frozenset[str]) -> None:
    ways = [way for way in ("name", "mac", "device", "modem") if getattr(interface, way) is not None]
    if len(ways) != 1:
        raise ConfigError(
            f"uplink {uplink}: [uplinks.interface] must say which interface by one of name, mac, device and modem; it "
            f"has {', '.join(ways) or 'none of them'}"
        )
    if interface.gateway not in ("auto", "none"):
        try:
            ip_address(interface.gateway)
        except ValueError as error:
            raise ConfigError(
                f"uplink {uplink}: gateway: {error}; write auto, none or its address"
            ) from error
    if interface.modem is not None:
        _check_modem(uplink, interface.modem, modems)


def _check_addresses(uplink: Uplink) -> None:
    for key, texts in (("addresses", uplink.addresses), ("dns", uplink.dns)):
        for text in texts:
            try:
                ip_address(text)
            except ValueError as error:
                raise ConfigError(
                    f"uplink {uplink.name}: {key} has {text!r}, which is no IPv4 or IPv6 address"
                ) from error


def _check_name(uplink: Uplink) -> None:
    """The system's resolver asks over whichever interface it likes: where that one is dead, it keeps no promise."""
    if uplink.interface is None or uplink.addresses or uplink.dns:
        return
    try:
        ip_address(uplink.host)
    except ValueError as error:
        raise ConfigError(
            f"uplink {uplink.name}: only the system's resolver knows {uplink.host}, and may ask for it over another "
            "uplink, that is dead: give addresses, dns (asked over this uplink's interface) or both"
        ) from error


def _check_modem(uplink: str, modem: str, modems: frozenset[str]) -> None:
    if modem not in modems:
        raise ConfigError(
            f"uplink {uplink}: there is no modem {modem!r}; [[modems]] has {', '.join(sorted(modems)) or 'none'}"
        )
