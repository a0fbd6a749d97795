"""The firmware of a 4G modem and what it runs on: bytes and time in, bytes out."""

from typing import Final

from simulators.devices.modem.answers import Answer, PlainError
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.commands_general import GENERAL
from simulators.devices.modem.commands_network import NETWORK
from simulators.devices.modem.commands_packet import PACKET
from simulators.devices.modem.commands_sim import SIM
from simulators.devices.modem.commands_sms import SMS
from simulators.devices.modem.device import Device, Identity
from simulators.devices.modem.engine import AtEngine
from simulators.devices.modem.radio import REGISTRATION_MS
from simulators.devices.modem.sim_card import SimCard
from simulators.devices.modem.sms_network import SimulatedNetwork

BOOT_MS: Final = 3000  # from power to RDY
STORM_EVERY_MS: Final = 50
_HANDLERS: Final = {**GENERAL, **SIM, **NETWORK, **PACKET, **SMS}


class ModemHardware:
    """One modem. It is on at ``now_ms`` and looks for its network; a reboot takes ``boot_ms``."""

    def __init__(
        self,
        identity: Identity,
        sims: list[SimCard | None],
        network: SimulatedNetwork,
        *,
        now_ms: int = 0,
        boot_ms: int = BOOT_MS,
        registration_ms: int = REGISTRATION_MS,
    ) -> None:
        self.device: Final = Device(identity, sims, network, self._emit, self._carrier_lost)
        self.engine: Final = AtEngine(self._run, self._hung_up, lambda: self.device.settings)
        self.engine.interrupt = self._interrupt
        self.boot_ms = boot_ms
        self.hung = False
        self.storm_until_ms = 0
        self._storm_next_ms: int | None = None
        self._booted_ms: int | None = None
        self._now_ms = now_ms
        self.device.radio.registration_ms = registration_ms
        self.device.settle(now_ms)

    @property
    def booting(self) -> bool:
        """Whether it is starting."""
        return self._booted_ms is not None

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the line; nothing is heard while the modem starts or hangs."""
        self.advance(now_ms)
        if self.hung or self.booting:
            return self.engine.take()
        self.engine.feed(data, now_ms)
        if self.device.reboot_wanted:
            sent = self.engine.take()
            self.reboot(now_ms)
            return sent
        return self.engine.take()

    def tick(self, now_ms: int) -> bytes:
        """Act on every deadline up to ``now_ms``; return what the modem sends."""
        self.advance(now_ms)
        if self.device.reboot_wanted:
            sent = self.engine.take()
            self.reboot(now_ms)
            return sent
        return self.engine.take()

    def wake_at(self) -> int | None:
        """The next deadline."""
        if self.engine.has_output:
            return self._now_ms
        if self.hung:
            return None
        if self._booted_ms is not None:
            return self._booted_ms
        due = (self.engine.due_at(), self.device.due_at(self._now_ms), self._storm_next_ms)
        return min((moment for moment in due if moment is not None), default=None)

    def reboot(self, now_ms: int) -> None:
        """Lose everything but what is on the SIMs and in the memories, and start anew."""
        self.hung = self.device.reboot_wanted = False
        self.engine.restart()
        self.device.shut_down(now_ms)
        self.engine.restart()
        self._booted_ms = now_ms + self.boot_ms
        self.storm_until_ms, self._storm_next_ms = 0, None

    def storm(self, now_ms: int, lasting_ms: int) -> None:
        """Send unasked lines for a while, in the middle of answers too."""
        self.storm_until_ms, self._storm_next_ms = now_ms + lasting_ms, now_ms

    def advance(self, now_ms: int) -> None:
        """Let everything happen that is due by ``now_ms``."""
        self._now_ms = max(self._now_ms, now_ms)
        if self.hung:
            return
        if self._booted_ms is not None:
            if now_ms < self._booted_ms:
                return
            self._booted_ms = None
            self.device.power_up(now_ms)
        self.device.settle(now_ms)
        self.device.receive(now_ms)
        self.engine.tick(now_ms)
        while self._storm_next_ms is not None and now_ms >= self._storm_next_ms:
            self._emit(self._gust())
            following = self._storm_next_ms + STORM_EVERY_MS
            self._storm_next_ms = following if following < self.storm_until_ms else None

    def _run(self, command: AtCommand, now_ms: int) -> Answer:
        handler = _HANDLERS.get(command.name)
        if handler is None:
            raise PlainError
        return handler(self.device, command, now_ms)

    def _emit(self, line: str) -> None:
        self.engine.unsolicited(line)

    def _carrier_lost(self) -> None:
        self.engine.carrier_lost()

    def _hung_up(self, _now_ms: int) -> None:
        self.device.hang_up()

    def _interrupt(self) -> str | None:
        return self._gust() if self._now_ms < self.storm_until_ms else None

    def _gust(self) -> str:
        return f'+QIND: "csq",{self.device.radio.csq()}'
