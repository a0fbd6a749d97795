"""A 4G modem without input or output: AT commands of V.250, 3GPP TS 27.007 and TS 27.005, and a network around it."""

from simulators.devices.modem.factory import make_modem
from simulators.devices.modem.model import ModemModel
from simulators.devices.modem.sms_network import SimulatedNetwork

__all__ = ["ModemModel", "SimulatedNetwork", "make_modem"]
