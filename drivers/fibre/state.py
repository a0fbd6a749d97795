"""What is known of a fibre line, from two sources that fail apart: the kernel tells of the link, the ONT of the light.

Sans-I/O. Every look at the link gives a reading, with the light as told last; what the kernel tells between looks
gives one only if carrier or presence changed. An answer of the ONT, or its silence, gives one if it changes loss of
signal or the fault: power wanders, and is told with the next look. Light older than ``stale_ms`` is not told.
"""

from typing import Final

from drivers.fibre.ports import LinkState
from drivers.ports import FibreEvent, FibreLost, FibreReading, OpticalReading


class LineState:
    """The last word of both sources. ``now`` is monotonic, in milliseconds.

    Args:
        interface: its name, told in every reading.
        stale_ms: light older than this counts as silence; None: no ONT is configured.
    """

    def __init__(self, interface: str, stale_ms: int | None) -> None:
        self._interface: Final = interface
        self._stale_ms: Final = stale_ms
        self._asked = False
        self._lost = False
        self._link: LinkState | None = None
        self._optical: OpticalReading | None = None
        self._fault: str | None = None if stale_ms is None else "the ONT was not asked yet"
        self._optical_at: int | None = None

    def handle_look(self, link: LinkState | None, now: int) -> tuple[FibreEvent, ...]:
        """The kernel was asked."""
        self._know(link)
        return (self._reading(now),)

    def handle_news(self, link: LinkState | None, now: int) -> tuple[FibreEvent, ...]:
        """The kernel told of the interface by itself."""
        changed = not self._asked or self._lost or _shape(link) != _shape(self._link)
        self._know(link)
        return (self._reading(now),) if changed else ()

    def handle_kernel_silent(self, reason: str) -> tuple[FibreEvent, ...]:
        """Told once, until the kernel answers again."""
        if self._lost:
            return ()
        self._lost = True
        return (FibreLost(reason),)

    def handle_optics(
        self, optical: OpticalReading | None, fault: str | None, now: int
    ) -> tuple[FibreEvent, ...]:
        """The ONT answered, or (``optical`` None) did not, or said nothing of use."""
        before = (self._optical is None, self._optical and self._optical.los, self._fault)
        self._optical, self._fault, self._optical_at = optical, fault, now
        changed = before != (optical is None, optical and optical.los, fault)
        return (self._reading(now),) if changed and self._asked and not self._lost else ()

    def _know(self, link: LinkState | None) -> None:
        self._asked, self._lost, self._link = True, False, link

    def _reading(self, now: int) -> FibreReading:
        optical, fault = self._optical, self._fault
        age_ms = None if self._optical_at is None else now - self._optical_at
        if self._stale_ms is not None and age_ms is not None and age_ms > self._stale_ms:
            optical, fault = None, f"nothing was heard of the ONT for {age_ms} ms"
        link = self._link
        return FibreReading(
            interface=self._interface,
            present=link is not None,
            carrier=link is not None and link.carrier,
            counters=None if link is None else link.counters,
            optical=optical,
            optical_fault=fault,
        )


def _shape(link: LinkState | None) -> bool | None:
    return None if link is None else link.carrier
