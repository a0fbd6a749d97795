"""What is known of a modem so far, and the reading that it comes to."""

from typing import Final

from drivers.modem.at.answers import Measured, RegistrationLine
from drivers.modem.signal import graded
from drivers.ports import ModemIdentity, ModemReading, Registration, SimState, Technology

_BEST: Final[tuple[Registration, ...]] = (
    "home",
    "roaming",
    "searching",
    "denied",
    "not-registered",
    "emergency-only",
    "unknown",
)
_NEWEST: Final = ("+C5GREG", "+CEREG", "+CGREG", "+CREG")


class Knowledge:
    """Mutable; each script writes down what it learned."""

    def __init__(self, sim_slots: int) -> None:
        self.identity = ModemIdentity("", "", "", "")
        self.sim: SimState = "unknown"
        self.slot = 1
        self.tries_left: int | None = None
        self.operator_code: str | None = None
        self.operator_name: str | None = None
        self.operator_technology: Technology | None = None
        self.measured = Measured()
        self.bearer_up = False
        self.domains: dict[str, RegistrationLine] = {}
        self._slots: Final = sim_slots

    @property
    def registration(self) -> Registration:
        """The best that any domain tells."""
        states = [line.state for line in self.domains.values()]
        return min(states, key=_BEST.index, default="unknown")

    @property
    def registered(self) -> bool:
        """Whether a network serves it."""
        return self.registration in ("home", "roaming")

    def forget_radio(self) -> None:
        """Everything that only a working radio tells."""
        self.domains.clear()
        self.operator_code = self.operator_name = self.operator_technology = None
        self.measured = Measured()
        self.bearer_up = False

    def reading(self) -> ModemReading:
        """All of it at once."""
        measured = self.measured
        return ModemReading(
            identity=self.identity,
            sim=self.sim,
            sim_slot=self.slot,
            sim_slots=self._slots,
            pin_tries_left=self.tries_left,
            operator_code=self.operator_code if self.registered else None,
            operator_name=self.operator_name if self.registered else None,
            registration=self.registration,
            technology=self._technology() if self.registered else None,
            signal=graded(measured.rssi_dbm, measured.rsrp_dbm, measured.rsrq_db, measured.sinr_db),
            bearer_up=self.bearer_up,
        )

    def _technology(self) -> Technology | None:
        for domain in _NEWEST:
            line = self.domains.get(domain)
            if line is not None and line.state in ("home", "roaming") and line.technology is not None:
                return line.technology
        return self.operator_technology
