"""The serial protocols by the names that a configuration uses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from drivers.ups.megatec import MEGATEC
from drivers.ups.protocol import SerialProtocol
from drivers.ups.voltronic import VOLTRONIC_QS

SerialProtocolName = Literal["megatec", "voltronic-qs", "auto"]

PROTOCOLS: Final[Mapping[SerialProtocolName, tuple[SerialProtocol, ...]]] = MappingProxyType(
    {"megatec": (MEGATEC,), "voltronic-qs": (VOLTRONIC_QS,), "auto": (VOLTRONIC_QS, MEGATEC)}
)
"""``auto`` tries one after the other, a poll each. QS goes first: Megatec UPSes echo it, and lose no time over it."""
