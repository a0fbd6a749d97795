"""The modem behind its command line: identity, SIMs, radio, memories, and what it sends unasked."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulators.devices.modem import tpdu
from simulators.devices.modem.message_store import MessageStore, StoredMessage
from simulators.devices.modem.radio import LTE, Radio
from simulators.devices.modem.settings import Settings
from simulators.devices.modem.sim_card import SimCard
from simulators.devices.modem.sms_network import SimulatedNetwork

PHONE_SLOTS: Final = 50  # messages that fit in the modem itself
PAGING_MS: Final = 200  # how often a modem looks for messages where others can send it some
ACKNOWLEDGE_MS: Final = 15_000  # to wait for +CNMA; then routing of messages ends
FULL: Final = 1  # +CFUN
_DELIVER_DIRECTLY: Final = 2
_INDICATE: Final = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What the modem says of itself."""

    imei: str
    manufacturer: str = "SIMULATED"
    model: str = "LTE-1"
    revision: str = "LTE1R01A01"


class Device:
    """One modem. ``sims``: a card or None for every slot. ``emit``: sends a line unasked.

    ``carrier_lost``: ends data mode.
    """

    def __init__(
        self,
        identity: Identity,
        sims: list[SimCard | None],
        network: SimulatedNetwork,
        emit: Callable[[str], None],
        carrier_lost: Callable[[], None],
    ) -> None:
        self.identity: Final = identity
        self.sims: Final = sims
        self.network: Final = network
        self.radio: Final = Radio()
        self.settings = Settings()
        self.functionality = FULL
        self.slot = 0
        self.sim_seated = True
        self.phone_messages: Final = MessageStore(PHONE_SLOTS)
        self.reference = 0
        self.send_ms = 1200
        self.reboot_wanted = False
        self.acknowledge_by: int | None = None
        self.data_context: int | None = None
        self._unacknowledged: Final[deque[StoredMessage]] = deque(maxlen=1)
        self._emit: Final = emit
        self.carrier_lost: Final = carrier_lost
        self._told: tuple[int, int] = (0, 0)
        for sim in sims:
            if sim is not None:
                network.join(sim.number)

    @property
    def sim(self) -> SimCard | None:
        """The card in use, where one is there."""
        return self.sims[self.slot] if self.sim_seated else None

    @property
    def operator(self) -> tuple[str, str]:
        """Name and code of the operator whose network is heard."""
        return self.network.visited if self.radio.roaming else self.network.home

    @property
    def usable(self) -> bool:
        """Whether the radio is on and the SIM open."""
        return self.functionality == FULL and self.sim is not None and self.sim.lock == "READY"

    @property
    def _reachable(self) -> bool:
        return self.radio.registered and self.acknowledge_by is None

    def memories(self) -> list[MessageStore]:
        """All memories for messages."""
        return [self.phone_messages, *(sim.messages for sim in self.sims if sim is not None)]

    def shut_down(self, now_ms: int) -> None:
        """Power goes: what was set is forgotten."""
        self.settings = Settings()
        self.data_context = self.acknowledge_by = None
        self._unacknowledged.clear()
        self.radio.settle(now_ms, usable=False)

    def power_up(self, now_ms: int) -> None:
        """Everything that a reboot puts back."""
        self.settings = Settings()
        self.functionality = FULL
        self.radio.stat, self.radio.detached = 0, False
        self.acknowledge_by = None
        self._told = (0, 0)
        for sim in self.sims:
            if sim is not None:
                sim.power_up()
        self._emit("RDY")
        self._emit("+CFUN: 1")
        self._emit(f"+CPIN: {self.sim.lock if self.sim else 'NOT INSERTED'}")
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """Act on what changed around the radio, and tell whoever asked to be told."""
        self.radio.service = "served" if self.sim is None else self.sim.service
        self.radio.settle(now_ms, usable=self.usable)
        if not self.radio.registered:
            self._drop_contexts()
        stat, bars = self.radio.stat, self.radio.bars if self.usable else 0
        stat_told, bars_told = self._told
        self._told = (stat, bars)
        if stat != stat_told:
            for name, level in self.settings.reports.items():
                if level > 0:
                    self._emit(f"{name}: {self.registration(level)}")
            if self.settings.indicator_reports:
                self._emit(f"+CIEV: 1,{int(self.radio.registered)}")
        if bars != bars_told and self.settings.indicator_reports:
            self._emit(f"+CIEV: 2,{bars}")

    def _drop_contexts(self) -> None:
        for cid, context in self.settings.contexts.items():
            if context.active and not self.settings.plain.get("+CGEREP", "0").startswith("0"):
                self._emit(f"+CGEV: NW PDN DEACT {cid}")
            context.active = False
        if self.data_context is not None:
            self.data_context = None
            self.carrier_lost()

    def hang_up(self) -> None:
        """The terminal ends the call."""
        if self.data_context in self.settings.contexts:
            self.settings.contexts[self.data_context].active = False
        self.data_context = None

    def registration(self, level: int) -> str:
        """Values of +CREG and its like, without the level."""
        if level < 2 or not self.radio.registered:  # noqa: PLR2004 - level 2 tells the place
            return str(self.radio.stat)
        return f'{self.radio.stat},"{self.radio.area:04X}","{self.radio.cell:08X}",{LTE}'

    def select_sim(self, slot: int, now_ms: int) -> None:
        """Change over to the card in ``slot`` (from 0)."""
        self.slot = slot
        if self.sim is not None:
            self.sim.power_up()
        self.radio.settle(now_ms, usable=False)
        self.settle(now_ms)

    def memory(self, name: str) -> MessageStore:
        """A memory by its name; the SIM's is the modem's own while there is no SIM."""
        if name == "SM" and self.sim is not None:
            return self.sim.messages
        return self.phone_messages

    def unsolicited(self, line: str) -> None:
        """Send a line unasked."""
        self._emit(line)

    def receive(self, now_ms: int) -> None:
        """Take what the network has for this number, where it can be reached."""
        if self.acknowledge_by is not None and now_ms >= self.acknowledge_by:
            self.acknowledged(now_ms, accepted=False)
        if self._reachable and self.sim is not None:
            self.network.hand_over(
                self.sim.number, now_ms, lambda pdu, report: self._take(pdu, now_ms, report)
            )

    def acknowledged(self, now_ms: int, *, accepted: bool) -> None:
        """+CNMA came, or did not: then the message is stored and no more are routed (TS 27.005 3.4.4)."""
        self.acknowledge_by = None
        if not accepted and self._unacknowledged:
            mode, _, broadcast, _, buffer = self.settings.cnmi
            self.settings.cnmi = (mode, 0, broadcast, 0, buffer)
            self._store(self._unacknowledged.popleft())
        self._unacknowledged.clear()
        self.receive(now_ms)

    def due_at(self, now_ms: int) -> int | None:
        """When something happens by itself."""
        due = [self.radio.due_at(), self.acknowledge_by]
        if self._reachable and self.sim is not None:
            due.append(self.network.due_at(self.sim.number))
            if self.network.shared:
                due.append(now_ms + PAGING_MS)
        return min((moment for moment in due if moment is not None), default=None)

    def _take(self, content: bytes, now_ms: int, report: bool) -> bool:
        if self.acknowledge_by is not None:
            return False  # one at a time
        stored = StoredMessage(0, tpdu.service_centre(self.network.centre) + content)
        _, deliver, _, reports, _ = self.settings.cnmi
        route = reports if report else deliver
        if report and route == 0:
            return True  # reports are not routed, and nobody keeps them
        directly = 1 if report else _DELIVER_DIRECTLY
        if route != directly:
            return self._store(stored, report=report)
        size = len(content)
        self._emit(f"{f'+CDS: {size}' if report else f'+CMT: ,{size}'}\r\n{stored.pdu.hex().upper()}")
        if self.settings.sms_service == 1:
            self._unacknowledged.append(stored)
            self.acknowledge_by = now_ms + ACKNOWLEDGE_MS
        return True

    def _store(self, message: StoredMessage, *, report: bool = False) -> bool:
        name = self.settings.memories[2]
        index = self.memory(name).add(message)
        if index is None:
            return False
        _, deliver, _, reports, _ = self.settings.cnmi
        if report and reports == 2:  # noqa: PLR2004 - TS 27.005 3.4.1: stored, and indicated
            self._emit(f'+CDSI: "{name}",{index}')
        elif not report and deliver == _INDICATE:
            self._emit(f'+CMTI: "{name}",{index}')
        return True
