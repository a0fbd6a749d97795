"""A 4G modem as a stand drives it: its hardware, and a script that makes its life hard."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulators.devices.modem.hardware import ModemHardware
from simulators.devices.modem.script import COMMANDS, Script
from simulators.devices.modem.state import state_of


class ModemModel(ModemHardware):
    """One modem, a ``DeviceModel``."""

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """Do what a script says; raises CommandError."""
        self.advance(now_ms)
        return Script(self).run(words, now_ms)

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """What is true of the modem, its SIM and its network; what is due by now has happened."""
        del now_ms
        return state_of(self)

    @property
    def commands(self) -> Mapping[str, str]:
        """What a script can say."""
        return COMMANDS
