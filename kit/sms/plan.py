"""What the SMS rung works with: whom to send to, over what, how patiently, and what it may cost."""

from dataclasses import dataclass
from typing import Final

NUMBERS_MAX: Final = 4  # gateways of the centre


@dataclass(frozen=True, slots=True)
class SmsPlan:
    """From the configuration. ``numbers`` (1 to ``NUMBERS_MAX``) and ``modems`` (1 or more), preferred ones first."""

    numbers: tuple[str, ...]
    modems: tuple[str, ...]
    patience_ms: int
    max_per_hour: int
    max_per_envelope: int
    whole: frozenset[str] = frozenset()
    """Modems that send whole messages only, never single parts: those behind ModemManager."""
