"""What the choice of SIMs works with: which modems hold several, and which uplinks hang on them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimPlan:
    """One modem, from the configuration."""

    slots: int
    """How many SIMs it holds, as far as the configuration says; 1 or more."""
    uplinks: tuple[str, ...] = ()
    """Those that its SIM carries."""
    changes: bool = True
    """Whether the kit changes over by itself; a technician may anyway."""
    cannot: str = ""
    """Why nobody here can have it change over, in words; empty where it can."""
