"""What tables of commands are made of."""

from collections.abc import Callable, Container
from typing import Final

from simulators.devices.modem.answers import OK, Answer, CmeError, info
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.charset import from_terminal
from simulators.devices.modem.device import Device
from simulators.devices.modem.sim_card import SimCard

Handler = Callable[[Device, AtCommand, int], Answer]
"""Answers one command; the last argument is the time. Raises CmeError, CmsError or PlainError."""

_UCS2_MIN: Final = 8  # hexadecimal digits: shorter texts are taken as they are, as PINs must be
REMEMBERED_MAX: Final = 64  # characters of a setting that changes nothing


def numbers(command: AtCommand, *allowed: Container[int]) -> list[int]:
    """The values of a set command, each in its range; those left out at the end are not in the list.

    Raises:
        CmeError: 50, for anything else.
    """
    values = command.values()
    if command.kind != "set" or not 1 <= len(values) <= len(allowed):
        raise CmeError(50)
    found = []
    for value, fits in zip(values, allowed, strict=False):
        if value is None or not (value.isascii() and value.isdigit()) or int(value) not in fits:
            raise CmeError(50)
        found.append(int(value))
    return found


def number(text: str | None, default: int | None = None) -> int:
    """One value; ``default`` where it was left out. Raises CmeError 50."""
    if text is None and default is not None:
        return default
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:  # noqa: PLR2004 - fits 32 bits
        raise CmeError(50)
    return int(text)


def remembered(name: str, default: str, allowed: str) -> Handler:
    """A setting that is told again as it was set, and changes nothing."""

    def handler(device: Device, command: AtCommand, _now_ms: int) -> Answer:
        plain = device.settings.plain
        if command.kind == "test":
            return info(f"{name}: {allowed}")
        if command.kind == "read":
            return info(f"{name}: {plain.get(name, default)}")
        if len(command.text) > REMEMBERED_MAX:
            raise CmeError(50)
        plain[name] = command.text or default
        return OK

    return handler


def text_value(device: Device, value: str | None) -> str:
    """A text from the terminal: plain, as most send short ones, or under the character set. Raises CmeError 50."""
    if value is None:
        raise CmeError(50)
    if device.settings.charset == "UCS2" and len(value) >= _UCS2_MIN and value.startswith("00"):
        try:
            return from_terminal(value, "UCS2")
        except ValueError:
            return value
    return value


def open_sim(device: Device) -> SimCard:
    """The card in use; raises CmeError where it is missing, locked or switched off."""
    sim = any_sim(device)
    if sim.lock == "SIM PUK":
        raise CmeError(12)
    if sim.lock == "SIM PIN":
        raise CmeError(11)
    return sim


def any_sim(device: Device) -> SimCard:
    """The card in use, locked or not; raises CmeError."""
    if device.functionality == 0:
        raise CmeError(3)
    if device.sim is None:
        raise CmeError(10)
    return device.sim
