"""What can be wrong with what a modem says. None of these leaves the drivers."""

from drivers.errors import DeviceFrameError


class AtAnswerError(DeviceFrameError):
    """A line that is not the answer that the standard lays down."""


class PduError(DeviceFrameError):
    """Octets that are not an SMS as TS 23.040 lays it down, or one of a kind that is not received."""


class ModemSilentError(DeviceFrameError):
    """A command had no final result in time."""


class ModemRebootedError(DeviceFrameError):
    """The modem started anew: all that it was told before is forgotten."""
