"""Makes the drivers that the configuration names. Each library is loaded only where its device is there."""

from collections.abc import Callable
from pathlib import Path

from drivers.fibre.errors import OidMapError
from drivers.fibre.oid_map import parse_oid_map
from drivers.fibre.settings import Community, FibreSettings, OntSettings
from drivers.ports import Fibre, FibreEvent
from kit.device_config import ConfigError, FibreTable, OntTable, secret

Now = Callable[[], int]


def make_fibre(table: FibreTable, now: Now, emit: Callable[[FibreEvent], None]) -> Fibre:
    """The fibre line; raises ConfigError."""
    from drivers.fibre.driver import FibreLine  # noqa: PLC0415 - pyroute2 and pysnmp

    ont = None if table.ont is None else _ont(table.ont)
    return FibreLine(FibreSettings(table.interface, ont, poll_interval_ms=table.poll_interval_ms), now, emit)


def _ont(table: OntTable) -> OntSettings:
    try:
        oids = parse_oid_map(table.oids)
    except OidMapError as error:
        raise ConfigError(f"[fibre.ont] oids: {error}") from error
    community = Community() if table.community_file is None else Community(secret(Path(table.community_file)))
    return OntSettings(table.host, oids, table.port, community, poll_interval_ms=table.poll_interval_ms)
