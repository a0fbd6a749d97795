"""Messages on their way in: what lies in the modem's stores, and what is to be acknowledged. Bounded."""

from typing import Final

STORED_MAX: Final = 64  # messages named one by one; beyond that the stores are read whole
ACKNOWLEDGE_MAX: Final = 16  # messages to acknowledge
SWEEP_PAUSE_MS: Final = 5_000  # at least, however often the modem speaks of its stores
SWEEP_MS: Final = 5 * 60_000  # from one look into the stores to the next: a URC may be lost


class Inbox:
    """What to fetch. ``acknowledging``: +CSMS=1 is in force, so that messages given directly need AT+CNMA."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, int], None] = {}
        self.sweep_at: int | None = None
        self.swept_at = 0
        self.acknowledging = False
        self.unacknowledged = 0
        self.store = ""
        """The one that AT+CMGR and AT+CMGD speak of; empty where it is not known."""
        self.stores: tuple[str, ...] = ()
        self.foreign = 0
        """Messages that were no 8-bit data or no message at all."""

    def note_stored(self, store: str, index: int, now: int) -> None:
        """A message lies there."""
        if len(self.stored) < STORED_MAX:
            self.stored[store, index] = None
        else:
            self.note_sweep(now)

    def note_sweep(self, now: int) -> None:
        """The stores are to be read whole, soon."""
        self.sweep_at = now if self.sweep_at is None else min(now, self.sweep_at)

    def note_direct(self) -> None:
        """A message was given directly."""
        if self.acknowledging:
            self.unacknowledged = min(self.unacknowledged + 1, ACKNOWLEDGE_MAX)
