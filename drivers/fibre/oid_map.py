"""Which object of an ONT's MIB says what, and how its values read. Sans-I/O.

No standard MIB carries the light of an ONT: every maker has a branch and a scale of its own, so the map is
configuration. As TOML, under whatever table the kit keeps it::

    rx_power_dbm = {oid = "1.3.6.1.4.1.32473.1.1.1.0", scale = 0.001}
    tx_power_dbm = {oid = "1.3.6.1.4.1.32473.1.1.2.0", scale = 0.001}
    los = {oid = "1.3.6.1.4.1.32473.1.1.3.0", true_values = [1], false_values = [2]}

A power is ``value * scale + offset`` in ``unit``, "dbm" (default) or "mw". Values may be integers, a number as text
("-21.5 dBm"), or net-snmp's opaque float. What devices say when they have nothing to say ("N/A", 2147483647, powers
outside POWER_MIN_DBM to POWER_MAX_DBM) is None with a fault, never a number.
"""

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from drivers.fibre.errors import OidMapError
from drivers.ports import OpticalReading

POWER_MIN_DBM: Final = -60.0  # receivers give up near -35; devices tell -40 for darkness
POWER_MAX_DBM: Final = 20.0  # a sender that burns; G.984.2 ends at +7
TEXT_MAX: Final = 64  # bytes of a value as text; longer is no number
OID_ARCS_MAX: Final = 128  # RFC 2578 section 3.5
FAULT_MAX: Final = 300  # characters of what is said about one answer
_SENTINELS: Final = frozenset((2**31 - 1, -(2**31), 2**32 - 1))
_NUMBER: Final = re.compile(r"\s*([+-]?\d{1,9}(?:[.,]\d{1,9})?)\s*(?:dBm|dbm|mW|mw)?\s*\Z", re.ASCII)
_OPAQUE_FLOAT: Final = b"\x9f\x78\x04"  # the tag and length that net-snmp puts before an IEEE 754 float

SnmpValue = int | bytes | None
"""What an agent said about an OID. None: it knows of no such object."""


@dataclass(frozen=True, slots=True)
class PowerObject:
    """An object that tells a power: ``value * scale + offset``, in dBm or milliwatts."""

    oid: str
    scale: float = 1.0
    offset: float = 0.0
    unit: Literal["dbm", "mw"] = "dbm"


@dataclass(frozen=True, slots=True)
class FlagObject:
    """An object that tells yes or no. ``false_values`` empty: whatever is not true is false."""

    oid: str
    true_values: tuple[int | str, ...]
    false_values: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class OidMap:
    """Where an ONT's light is told. What is None is not asked for."""

    rx_power_dbm: PowerObject | None = None
    tx_power_dbm: PowerObject | None = None
    los: FlagObject | None = None

    @property
    def oids(self) -> tuple[str, ...]:
        """What to ask for, without a leading dot."""
        return tuple(obj.oid for obj in (self.rx_power_dbm, self.tx_power_dbm, self.los) if obj is not None)


def mikrotik(index: int) -> OidMap:
    """An optical module, so also an ONT on a stick, in a RouterOS device: mtxrOpticalTable of MIKROTIK-MIB.

    ``index``: the row, as ``snmpwalk`` of 1.3.6.1.4.1.14988.1.1.19.1.1.2 (mtxrOpticalName) shows it.
    """
    table = "1.3.6.1.4.1.14988.1.1.19.1.1"
    return OidMap(
        rx_power_dbm=PowerObject(f"{table}.10.{index}", scale=0.001),
        tx_power_dbm=PowerObject(f"{table}.9.{index}", scale=0.001),
        los=FlagObject(f"{table}.3.{index}", true_values=(1,), false_values=(0, 2)),
    )


def parse_oid_map(table: Mapping[str, Any]) -> OidMap:
    """The map in a table of configuration: the keys of the module's example, or ``{mikrotik = INDEX}`` alone.

    Raises:
        OidMapError: an unknown key, a missing or malformed OID, a scale that is no number, or nothing to ask for.
    """
    if set(table) == {"mikrotik"}:
        index = table["mikrotik"]
        if type(index) is not int or not 1 <= index < 2**31:
            raise OidMapError(f"mikrotik = {index!r}: the row of mtxrOpticalTable is needed, 1 or more")
        return mikrotik(index)
    _refuse_unknown("the OID map", table, ("rx_power_dbm", "tx_power_dbm", "los"))
    if not table:
        raise OidMapError("the OID map names nothing: rx_power_dbm, tx_power_dbm or los is needed")
    return OidMap(
        rx_power_dbm=_power("rx_power_dbm", table),
        tx_power_dbm=_power("tx_power_dbm", table),
        los=_flag("los", table),
    )


def read_optics(oid_map: OidMap, values: Mapping[str, SnmpValue]) -> tuple[OpticalReading | None, str | None]:
    """What an answer says, and what is wrong with it (at most FAULT_MAX characters; None where nothing is).

    The reading is None where not one object told anything.
    """
    faults: list[str] = []

    def told(name: str, obj: Any, read: Callable[[Any, SnmpValue], Any]) -> Any:
        if obj is None:
            return None
        try:
            return read(obj, values.get(obj.oid))
        except _UnreadableError as wrong:
            faults.append(f"{name} ({obj.oid}): {wrong}")
            return None

    reading = OpticalReading(
        rx_power_dbm=told("rx_power_dbm", oid_map.rx_power_dbm, _read_power),
        tx_power_dbm=told("tx_power_dbm", oid_map.tx_power_dbm, _read_power),
        los=told("los", oid_map.los, _read_flag),
    )
    fault = "; ".join(faults)[:FAULT_MAX] or None
    return (None if reading == OpticalReading(None, None, None) else reading), fault


class _UnreadableError(Exception):
    """A value that is not what its object is said to tell."""


def _read_power(obj: PowerObject, value: SnmpValue) -> float:
    """In dBm; raises _UnreadableError."""
    raw = _number(value)
    power = raw * obj.scale + obj.offset
    if obj.unit == "mw":
        if power <= 0:
            raise _UnreadableError(f"{power:g} mW is no light")
        power = 10 * math.log10(power)
    if not POWER_MIN_DBM <= power <= POWER_MAX_DBM:
        raise _UnreadableError(f"{raw:g} is no power from {POWER_MIN_DBM:g} to {POWER_MAX_DBM:g} dBm")
    return round(power, 3)


def _number(value: SnmpValue) -> float:
    """Raises _UnreadableError."""
    if value is None:
        raise _UnreadableError("the ONT has no such object")
    if isinstance(value, int):
        if value in _SENTINELS or abs(value) >= 2**63:
            raise _UnreadableError(f"{value} stands for no value")
        return float(value)
    if value.startswith(_OPAQUE_FLOAT) and len(value) == len(_OPAQUE_FLOAT) + 4:
        number: float = struct.unpack(">f", value[len(_OPAQUE_FLOAT) :])[0]
        if not math.isfinite(number):
            raise _UnreadableError("a float that is no number")
        return number
    match = _NUMBER.match(value.decode("ascii", errors="replace")) if len(value) <= TEXT_MAX else None
    if match is None:
        raise _UnreadableError(f"{_shown(value)} is no number")
    return float(match[1].replace(",", "."))


def _read_flag(obj: FlagObject, value: SnmpValue) -> bool:
    """Raises _UnreadableError."""
    if value is None:
        raise _UnreadableError("the ONT has no such object")
    plain = value if isinstance(value, int) else _text(value)
    if plain in obj.true_values:
        return True
    if obj.false_values and plain not in obj.false_values:
        raise _UnreadableError(f"{_shown(value)} is neither yes nor no")
    return False


def _text(value: bytes) -> str:
    return value[:TEXT_MAX].decode("ascii", errors="replace").strip()


def _shown(value: int | bytes) -> str:
    return str(value) if isinstance(value, int) else ascii(_text(value))


def _power(name: str, table: Mapping[str, Any]) -> PowerObject | None:
    if name not in table:
        return None
    entry = _entry(name, table[name], ("oid", "scale", "offset", "unit"))
    unit = entry.get("unit", "dbm")
    if unit not in ("dbm", "mw"):
        raise OidMapError(f'{name}: unit = {unit!r}: "dbm" or "mw" is needed')
    scale, offset = _finite(name, "scale", entry, 1.0), _finite(name, "offset", entry, 0.0)
    if scale == 0:
        raise OidMapError(f"{name}: scale = 0 makes every value the same")
    return PowerObject(entry["oid"], scale, offset, unit)


def _flag(name: str, table: Mapping[str, Any]) -> FlagObject | None:
    if name not in table:
        return None
    entry = _entry(name, table[name], ("oid", "true_values", "false_values"))
    yes, no = _plain(name, "true_values", entry), _plain(name, "false_values", entry)
    if not yes or set(yes) & set(no):
        raise OidMapError(f"{name}: true_values is needed, and nothing in it may be in false_values too")
    return FlagObject(entry["oid"], yes, no)


def _entry(name: str, entry: Any, keys: Sequence[str]) -> dict[str, Any]:
    """An object's table, its OID checked and without a leading dot."""
    if not isinstance(entry, Mapping):
        raise OidMapError(f'{name}: a table is needed, as in {{oid = "1.3.6.1.4.1.32473.1.1.1.0", ...}}')
    _refuse_unknown(name, entry, keys)
    oid = entry.get("oid")
    arcs = oid.removeprefix(".").split(".") if isinstance(oid, str) else []
    if not 2 <= len(arcs) <= OID_ARCS_MAX or not all(_is_arc(arc) for arc in arcs):  # noqa: PLR2004 - an OID's least
        raise OidMapError(
            f"{name}: oid = {oid!r}: numbers with dots between are needed, the instance (.0) included"
        )
    return {**entry, "oid": ".".join(str(int(arc)) for arc in arcs)}


def _is_arc(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < 2**32  # noqa: PLR2004 - digits


def _finite(name: str, key: str, entry: Mapping[str, Any], default: float) -> float:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 <= value <= 1e9:  # noqa: PLR2004
        raise OidMapError(f"{name}: {key} = {value!r}: a number from -1e9 to 1e9 is needed")
    return float(value)


def _plain(name: str, key: str, entry: Mapping[str, Any]) -> tuple[int | str, ...]:
    values = entry.get(key, ())
    if not isinstance(values, list | tuple) or not all(type(value) in (int, str) for value in values):
        raise OidMapError(f"{name}: {key} = {values!r}: a list of integers and texts is needed")
    return tuple(values)


def _refuse_unknown(where: str, table: Mapping[str, Any], keys: Sequence[str]) -> None:
    unknown = sorted(map(str, set(table) - set(keys)))
    if unknown:
        raise OidMapError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(keys)}")
