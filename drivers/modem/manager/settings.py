"""What is set for one modem in ModemManager's hands."""

import re
from dataclasses import dataclass, field
from typing import Final

INTERVAL_MIN_MS: Final = 100
_PIN: Final = re.compile(r"[0-9]{4,8}")


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Settings of one modem.

    Args:
        poll_interval_ms: pause between two looks where no signal of ModemManager's brings one about, at least 100.
        pin: of the SIM in slot 1, four to eight digits; None where it has none or people enter it.
        other_pins: of the SIMs in slots 2 and up.
        enable: whether to enable the modem when ModemManager leaves it disabled, as it does where no
            NetworkManager runs.
        measure_every_s: how often ModemManager is to measure the radio, 1 to 3600 s. Somebody else's shorter
            interval is left as it is.
        pulse_ms: pause between two questions that only the modem itself can answer, at least 100.

    Raises:
        ValueError: one of them is out of range.
    """

    poll_interval_ms: int = 10_000
    pin: str | None = field(default=None, repr=False)
    other_pins: tuple[str | None, ...] = field(default=(), repr=False)
    enable: bool = True
    measure_every_s: int = 10
    pulse_ms: int = 10_000

    def __post_init__(self) -> None:
        shortest = min(self.poll_interval_ms, self.pulse_ms)
        if shortest < INTERVAL_MIN_MS:
            raise ValueError(f"an interval of {shortest} ms: at least {INTERVAL_MIN_MS} are needed")
        if any(pin is not None and not _PIN.fullmatch(pin) for pin in (self.pin, *self.other_pins)):
            raise ValueError("the PIN of a SIM has four to eight digits (its value is not shown here)")
        if not 1 <= self.measure_every_s <= 3600:  # noqa: PLR2004 - said in the docstring
            raise ValueError(f"radio measured every {self.measure_every_s} s: 1 to 3600 are possible")

    def pin_of(self, slot: int) -> str | None:
        """The PIN of the SIM in a slot, from 1."""
        pins = (self.pin, *self.other_pins)
        return pins[slot - 1] if 1 <= slot <= len(pins) else None
