"""What an uplink is to have, and the numbers by which everyone knows what is ours."""

from dataclasses import dataclass
from typing import Final, Literal

PROTOCOL: Final = 171
"""Who made a route or rule (rtnetlink(7), rtm_protocol and FRA_PROTOCOL): this number is nobody's else."""
METRIC: Final = 100  # of our routes
METRIC_WORST: Final = 2**32 - 1  # of the route that says: no other way
PRIORITY_INTERFACE: Final = (
    7_101  # of the rule by interface of the first uplink; before the main table's 32766
)
PRIORITY_SOURCE: Final = 7_201  # of the rules by source address: after all those by interface
UPLINKS_MAX: Final = 8  # uplinks of one kit
ROUTES_MAX: Final = 64  # copied routes of an uplink and family
ADDRESSES_MAX: Final = 16  # addresses of an uplink and family that get rules

How = Literal["name", "mac", "device", "modem"]


@dataclass(frozen=True, slots=True)
class UplinkSpec:
    """One uplink of the configuration. ``place``: its place there, from 0; it gives the rules their priorities."""

    uplink: str
    how: How
    value: str
    gateway: str
    table: int
    place: int
