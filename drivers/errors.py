"""What can be wrong with what a device says. None of these leaves the drivers."""

from typing import Literal

FrameFault = Literal["cobs", "length", "crc", "version"]
"""The check that a piece of the line failed."""


class DeviceFrameError(Exception):
    """Base: bytes that are not what the device's protocol says."""


class FrameError(DeviceFrameError):
    """Bytes between two delimiters that are not a frame; ``fault`` names the check that failed."""

    def __init__(self, fault: FrameFault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


class AnswerError(DeviceFrameError):
    """A sound frame whose payload is not the answer that the protocol lays down."""


class UpsLineError(DeviceFrameError):
    """A line from the UPS that is not a Q1 answer."""


class UpsRefusedError(DeviceFrameError):
    """The UPS echoed the command: it does not know it."""


class NutLineError(DeviceFrameError):
    """A line from upsd that is not words as NUT writes them."""


class NutStatusError(DeviceFrameError):
    """Variables of upsd that say neither that the UPS is on line nor that it is on battery."""
