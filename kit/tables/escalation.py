"""What the configuration says of the ladder's clock: ``[escalation]``, and the table that the kits of a country share.

Four layers, each over the one before: what is built in, the table's ``[defaults]``, its ``[counties.NAME]`` for this
kit's county, and what stands in kitd.toml itself.
"""

import difflib
import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from crypto import rfc3339
from crypto.errors import StatementError
from crypto.wire import Id
from failover.ladder import DAY_MS, RungClock
from kit.tables.devices import ConfigError, Section
from kit.tables.near_miss import explain
from kit.tables.toml_file import read_toml

Seconds = Annotated[int, Meta(ge=10, le=86_400)]
Kind = Literal["account", "tally"]
KINDS: Final[tuple[Kind, ...]] = ("account", "tally")
COUNTIES_MAX: Final = 2_000  # counties of one table
_MINUTE_MS: Final = 60_000


class PhaseClock(Section, frozen=True):
    """The clock of one kind of envelope, in seconds since it was sealed. What is left out, the layer below says."""

    sms_after_s: Seconds | None = None
    courier_after_s: Seconds | None = None
    courier_by: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    """When couriers must be at work, however short the wait was, since the collection car leaves at a time.

    ``22:30`` by the clock on the wall (see ``utc_offset``), the first after the sealing; or a moment,
    ``2027-06-18T19:00:00Z``.
    """


class CountyClock(Section, frozen=True):
    """Both clocks of a county: of ballot accounts, and of sealed tallies."""

    account: PhaseClock = PhaseClock()
    tally: PhaseClock = PhaseClock()


class EscalationFile(Section, frozen=True):
    """The table that is the same on every kit."""

    utc_offset: Annotated[str, Meta(pattern=r"^[+-][01][0-9]:[0-5][0-9]$")] = "+00:00"
    """How far clocks on the wall are ahead of UTC where the polls are."""
    defaults: CountyClock = CountyClock()
    counties: Annotated[dict[Id, CountyClock], Meta(max_length=COUNTIES_MAX)] = msgspec.field(
        default_factory=dict
    )


class EscalationTable(Section, frozen=True):
    """``[escalation]`` in kitd.toml: which county this kit is in, and what is otherwise here than in the table."""

    county: Id | None = None
    table_file: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    utc_offset: Annotated[str, Meta(pattern=r"^[+-][01][0-9]:[0-5][0-9]$")] | None = None
    account: PhaseClock = PhaseClock()
    tally: PhaseClock = PhaseClock()


BUILT_IN: Final = CountyClock(
    account=PhaseClock(sms_after_s=600, courier_after_s=5_400),
    tally=PhaseClock(sms_after_s=300, courier_after_s=2_700),
)
_TABLES: Final[dict[str, tuple[type, ...]]] = {
    "defaults.": (PhaseClock,),
    "defaults": (CountyClock,),
    "counties.account": (PhaseClock,),
    "counties.tally": (PhaseClock,),
    "counties": (CountyClock,),
}


def ladder_clocks(table: EscalationTable, *, has_sms: bool) -> dict[Kind, RungClock]:
    """The clock of each kind of envelope.

    Args:
        table: its ``table_file`` is read here.
        has_sms: whether there is a modem and a gateway's number.

    Raises:
        ConfigError: the table cannot be read or used, the county is not in it, or the rungs come in the wrong order.
    """
    shared = EscalationFile() if table.table_file is None else read_table(Path(table.table_file))
    layers = [BUILT_IN, shared.defaults]
    if table.county is not None:
        layers.append(_county(table.county, shared, table.table_file))
    layers.append(CountyClock(account=table.account, tally=table.tally))
    offset_ms = _offset_ms(table.utc_offset or shared.utc_offset)
    where = "[escalation]" if table.table_file is None else f"[escalation] with {table.table_file}"
    return {
        kind: _clock(f"{where}: {kind}", [getattr(layer, kind) for layer in layers], offset_ms, has_sms)
        for kind in KINDS
    }


def read_table(path: Path) -> EscalationFile:
    """Read and check the whole shared table, every county of it; raises ConfigError."""
    raw = read_toml(path, "[escalation] table_file names it")
    try:
        shared = msgspec.convert(raw, EscalationFile, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {explain(str(error), _TABLES, EscalationFile)}") from error
    offset_ms = _offset_ms(shared.utc_offset)
    for county, clock in {"defaults": CountyClock(), **shared.counties}.items():
        for kind in KINDS:
            layers = [getattr(layer, kind) for layer in (BUILT_IN, shared.defaults, clock)]
            _clock(f"{path}: {county}: {kind}", layers, offset_ms, has_sms=True)
    return shared


def _county(county: str, shared: EscalationFile, path: str | None) -> CountyClock:
    if path is None:
        raise ConfigError(
            f"[escalation] county = {county!r}: there is no table_file that could say what is special there"
        )
    if county not in shared.counties:
        near = difflib.get_close_matches(county, shared.counties, 1)
        hint = f"did you mean {near[0]!r}?" if near else "add it there, if only as an empty table"
        raise ConfigError(f"[escalation] county {county!r} is not in {path}; {hint}")
    return shared.counties[county]


def _clock(where: str, layers: list[PhaseClock], offset_ms: int, has_sms: bool) -> RungClock:
    merged = _merged(layers)
    sms_after_s, courier_after_s = merged.sms_after_s, merged.courier_after_s
    assert sms_after_s is not None and courier_after_s is not None  # noqa: S101, PT018 - built in
    if courier_after_s < sms_after_s:
        raise ConfigError(
            f"{where}: courier_after_s {courier_after_s} is less than sms_after_s {sms_after_s}: an SMS is tried "
            f"before somebody is sent on the road"
        )
    by = merged.courier_by
    daily_ms = None if by is None else _daily_ms(by, offset_ms)
    return RungClock(
        sms_after_ms=sms_after_s * 1000 if has_sms else None,
        courier_after_ms=courier_after_s * 1000,
        courier_by_ms=None if by is None or daily_ms is not None else _moment_ms(where, by),
        courier_daily_ms=daily_ms,
    )


def _merged(layers: list[PhaseClock]) -> PhaseClock:
    """Each key as the last layer says that has it."""
    merged = layers[0]
    for layer in layers[1:]:
        said = {name: value for name, value in msgspec.structs.asdict(layer).items() if value is not None}
        merged = msgspec.structs.replace(merged, **said)
    return merged


def _daily_ms(text: str, offset_ms: int) -> int | None:
    match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if match is None:
        return None
    return ((60 * int(match.group(1)) + int(match.group(2))) * _MINUTE_MS - offset_ms) % DAY_MS


def _moment_ms(where: str, text: str) -> int:
    try:
        return rfc3339.to_ms(text)
    except StatementError as error:
        raise ConfigError(
            f"{where}: courier_by {text!r} is neither a time of the day (22:30) nor a moment (2027-06-18T19:00:00Z)"
        ) from error


def _offset_ms(text: str) -> int:
    minutes = 60 * int(text[1:3]) + int(text[4:6])
    return (-minutes if text[0] == "-" else minutes) * _MINUTE_MS
