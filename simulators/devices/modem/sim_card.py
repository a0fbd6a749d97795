"""A SIM: who the subscriber is, the codes that open it, and a small memory for messages."""

from dataclasses import dataclass, field
from typing import Final, Literal

from simulators.devices.modem.message_store import MessageStore

PIN_TRIES: Final = 3
PUK_TRIES: Final = 10
SIM_SLOTS: Final = 20  # messages that fit on a SIM

Lock = Literal["READY", "SIM PIN", "SIM PUK"]
Service = Literal["served", "barred", "unheard"]
"""What this SIM's operator does: serves it, refuses it, or has no network here."""


@dataclass(slots=True)
class SimCard:
    """A SIM. ``pin`` is asked for at power-up while ``pin_wanted``. ``number``: with ``+``, international."""

    number: str
    imsi: str
    iccid: str
    pin: str = "1234"
    puk: str = "12345678"
    pin_wanted: bool = False
    open: bool = True
    pin_tries: int = PIN_TRIES
    puk_tries: int = PUK_TRIES
    service: Service = "served"
    messages: MessageStore = field(default_factory=lambda: MessageStore(SIM_SLOTS))

    @property
    def lock(self) -> Lock:
        """What +CPIN tells."""
        if self.pin_tries == 0:
            return "SIM PUK"
        return "READY" if self.open else "SIM PIN"

    def power_up(self) -> None:
        """The card is reset: it wants its PIN again."""
        self.open = not self.pin_wanted and self.pin_tries > 0

    def verify(self, pin: str) -> bool:
        """Try a PIN: a wrong one costs a try."""
        if self.pin_tries == 0:
            return False
        if pin != self.pin:
            self.pin_tries -= 1
            self.open = self.open and self.pin_tries > 0
            return False
        self.pin_tries = PIN_TRIES
        self.open = True
        return True

    def unblock(self, puk: str, pin: str) -> bool:
        """Set a new PIN by the PUK."""
        if self.puk_tries == 0 or puk != self.puk:
            self.puk_tries = max(0, self.puk_tries - 1)
            return False
        self.pin = pin
        self.pin_tries, self.puk_tries = PIN_TRIES, PUK_TRIES
        self.open = True
        return True
