"""Modems by ModemManager, which most branch boxes run: it holds the modem's ports, we ask it over D-Bus."""

from drivers.modem.manager.driver import ManagerModem
from drivers.modem.manager.settings import ManagerSettings
from drivers.modem.manager.state import ModemMatch

__all__ = ["ManagerModem", "ManagerSettings", "ModemMatch"]
