"""What a modem in ModemManager's hands needs to work: its PIN, to be enabled, to be measured, and resets."""

import contextlib
from collections.abc import Callable
from typing import Final

from drivers.modem.manager import state
from drivers.modem.manager.bus import ManagerBus, ManagerRefusedError, ManagerSilentError
from drivers.modem.manager.settings import ManagerSettings
from drivers.modem.manager.state import MODEM, PROFILES, SIGNAL, SIM, Found
from drivers.ports import ModemEvent, ModemReset

ENABLE_TIMEOUT_MS: Final = 120_000  # dozens of AT commands, each of which may take its seconds
PAUSE_MS: Final = 30_000  # milliseconds from one attempt to enable, or to have measured, to the next
PIN_TIMEOUT_MS: Final = 30_000
RESET_TIMEOUT_MS: Final = 60_000
PULSE_TIMEOUT_MS: Final = 20_000
MISSED_MAX: Final = 3  # such questions in a row without an answer: the modem is mute
CLIMB_MS: Final = 60_000  # milliseconds from one rung of the ladder to the next, while the modem is mute
WELL_MS: Final = (
    5 * 60_000
)  # a modem that answers for so long after a reset begins at the foot of the ladder again
_POWER_LOW: Final = 2  # MMModemPowerState: radio off
_SILENCE: Final = (".Error.Serial.", ".Core.Timeout", ".DBus.Error.NoReply")  # in names of errors
_ASKED_IN: Final = (*range(state.STATE_ENABLED, state.STATE_REGISTERED + 1), state.STATE_CONNECTED)
_NO_PORT: Final = ".Core.Connected"


class Care:
    """Looks after one modem. ``emit`` hears of resets.

    ModemManager goes on showing what it knew last while a modem is mute: until ten of its commands in a row have had
    no answer. So it is asked, every ``pulse_ms``, for what only the modem itself can answer (the list of profiles).
    """

    def __init__(
        self, settings: ManagerSettings, now: Callable[[], int], emit: Callable[[ModemEvent], None]
    ) -> None:
        self._mute: str | None = None
        self._port_gone: str | None = None
        self._settings: Final = settings
        self._now: Final = now
        self._emit: Final = emit
        self._refused_pins: Final[set[int]] = set()  # slots whose PIN the SIM did not take
        self._enabled_at: int | None = None
        self._pulse_at = 0
        self._missed = 0
        self._excuse = ""
        self._can_reset = True
        self._measured_at: int | None = None
        self._climbed_at: int | None = None

    @property
    def trouble(self) -> str | None:
        """Why the modem counts as lost although ModemManager shows it; None where it does not."""
        return self._port_gone or self._mute

    def forget_modem(self) -> None:
        """The modem is gone: whichever comes back needs everything anew, but a PIN that was refused stays refused."""
        self._mute = self._port_gone = None
        self._enabled_at = self._measured_at = None
        self._missed = 0

    async def tend(self, bus: ManagerBus, found: Found) -> None:
        """Do what the modem needs now. Raises BusGoneError; what ModemManager refuses shows in the readings."""
        for need in (self._enter_pin, self._enable, self._measure, self._feel_pulse):
            with contextlib.suppress(ManagerRefusedError, ManagerSilentError):
                await need(bus, found)
        now = self._now()
        if self._mute is not None and (self._climbed_at is None or now - self._climbed_at >= CLIMB_MS):
            await self.climb(bus, found, self._mute)

    def wake_at(self) -> int:
        """When the modem is to be looked after next, if no news comes."""
        return self._pulse_at

    async def climb(self, bus: ManagerBus, found: Found, reason: str) -> None:
        """Reset the modem: radio off and on first, the whole modem after that, where its plugin can do it.

        Raises BusGoneError.
        """
        now = self._now()
        well = self._climbed_at is not None and self._mute is None and now - self._climbed_at >= WELL_MS
        is_foot = self._climbed_at is None or well or not self._can_reset
        self._climbed_at = now
        with contextlib.suppress(ManagerSilentError):
            if not is_foot:
                self._emit(ModemReset("full-reset", reason))
                try:
                    await bus.call(found.path, MODEM, "Reset", timeout_ms=RESET_TIMEOUT_MS)
                except ManagerRefusedError as error:  # ModemManager's generic plugin knows no way
                    self._can_reset = False
                    reason = f"{reason}; ModemManager does not reset all of this modem: {error}"
                else:
                    return
            self._emit(ModemReset("radio-off-on", reason))
            with contextlib.suppress(ManagerRefusedError):
                await self._radio_off_on(bus, found)

    async def use_sim(self, bus: ManagerBus, found: Found, slot: int) -> None:
        """Change over to a slot. Raises BusGoneError; a refusal shows in the readings, which stay as they are."""
        try:
            await bus.call(found.path, MODEM, "SetPrimarySimSlot", "u", (slot,), RESET_TIMEOUT_MS)
        except (ManagerRefusedError, ManagerSilentError):
            return

    async def _enter_pin(self, bus: ManagerBus, found: Found) -> None:
        """Once per slot: a PIN that was refused is wrong, and is not tried again before the next start."""
        if not state.may_enter_pin(found.modem):
            return
        slot = int(found.modem.get("PrimarySimSlot") or 1)
        pin, sim = self._settings.pin_of(slot), found.modem.get("Sim")
        if pin is None or sim in (None, "/") or slot in self._refused_pins:
            return
        self._refused_pins.add(slot)
        await bus.call(str(sim), SIM, "SendPin", "s", (pin,), PIN_TIMEOUT_MS)
        self._refused_pins.discard(slot)

    async def _enable(self, bus: ManagerBus, found: Found) -> None:
        now = self._now()
        if not self._settings.enable or found.modem.get("State") != state.STATE_DISABLED:
            return
        if self._enabled_at is None or now - self._enabled_at >= PAUSE_MS:
            self._enabled_at = now
            try:
                await bus.call(found.path, MODEM, "Enable", "b", (True,), ENABLE_TIMEOUT_MS)
            except ManagerRefusedError as error:
                if _is_silence(error, found):
                    self._port_gone = f"ModemManager cannot use the modem's port: {error}"
                raise
            self._port_gone = None

    async def _measure(self, bus: ManagerBus, found: Found) -> None:
        """Have the radio measured, where the modem can and nobody does it as often already."""
        now, signal = self._now(), found.interfaces.get(SIGNAL)
        if signal is None or 0 < signal.get("Rate", 0) <= self._settings.measure_every_s:
            return
        if self._measured_at is None or now - self._measured_at >= PAUSE_MS:
            self._measured_at = now
            await bus.call(found.path, SIGNAL, "Setup", "u", (self._settings.measure_every_s,))

    async def _feel_pulse(self, bus: ManagerBus, found: Found) -> None:
        """Ask for what only the modem can answer; a refusal is an answer."""
        now = self._now()
        if now < self._pulse_at:
            return
        self._pulse_at = now + self._settings.pulse_ms
        # While ModemManager dials or hangs up, its other questions wait for that: no silence of the modem's.
        if PROFILES not in found.interfaces or found.modem.get("State") not in _ASKED_IN:
            return
        try:
            await bus.call(found.path, PROFILES, "List", timeout_ms=PULSE_TIMEOUT_MS)
        except ManagerSilentError as error:
            self._excuse = str(error)
            self._missed += 1
        except ManagerRefusedError as error:
            self._excuse = str(error)
            self._missed = self._missed + 1 if _is_silence(error, found) else 0
        else:
            self._missed = 0
        if self._missed >= MISSED_MAX:
            self._mute = f"the modem left {MISSED_MAX} questions of ModemManager's unanswered: {self._excuse}"
        elif self._missed == 0:
            self._mute = None

    async def _radio_off_on(self, bus: ManagerBus, found: Found) -> None:
        await bus.call(found.path, MODEM, "Enable", "b", (False,), ENABLE_TIMEOUT_MS)
        try:
            await bus.call(found.path, MODEM, "SetPowerState", "u", (_POWER_LOW,), RESET_TIMEOUT_MS)
        finally:
            await bus.call(found.path, MODEM, "Enable", "b", (True,), ENABLE_TIMEOUT_MS)


def _is_silence(error: ManagerRefusedError, found: Found) -> bool:
    """Whether a refusal comes of a modem that does not answer, or whose port is gone.

    While data runs over the only port there is none for commands, which is no silence; the same error in any other
    state means that the port cannot be opened.
    """
    busy = found.modem.get("State", 0) > state.STATE_REGISTERED
    return any(part in error.name for part in _SILENCE) or (error.name.endswith(_NO_PORT) and not busy)
