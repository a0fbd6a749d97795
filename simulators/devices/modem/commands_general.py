"""Commands of V.250 and general ones of TS 27.007: who the modem is, how it answers, whether it is on."""

import time
from typing import Final

from simulators.devices.modem.answers import OK, Answer, CmeError, Later, PlainError, info
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.charset import CHARSETS
from simulators.devices.modem.device import FULL, Device
from simulators.devices.modem.settings import Settings
from simulators.devices.modem.tables import Handler, numbers, remembered

_REGISTER_MAX: Final = 127  # of an S register that holds a character
_FUNCTIONALITY_MS: Final = 300  # to switch the radio
_ANY: Final = frozenset({"Q", "V", "E", "X"})


def _identity(text: str) -> Handler:
    def handler(device: Device, command: AtCommand, _now_ms: int) -> Answer:
        if command.kind == "test":
            return OK
        if command.kind not in ("execute", "read"):
            raise CmeError(50)
        return info(text.format(device.identity))

    return handler


def _serial_number(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CGSN: (0,1)")
    if command.kind == "set" and command.text != "0":
        return info(f'+CGSN: "{device.identity.imei}"')
    return info(device.identity.imei)


def _information(device: Device, _command: AtCommand, _now_ms: int) -> Answer:
    identity = device.identity
    return info(identity.manufacturer, identity.model, f"Revision: {identity.revision}")


def _reset_settings(device: Device, _command: AtCommand, _now_ms: int) -> Answer:
    contexts = device.settings.contexts
    device.settings = Settings(contexts=contexts)
    return OK


def _echo_and_codes(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    value = int(command.text or "0")
    settings = device.settings
    if command.name == "X":
        if value > 4:  # noqa: PLR2004 - V.250 6.2.7
            raise PlainError
        settings.extended_codes = value
        return OK
    if value > 1:
        raise PlainError
    if command.name == "E":
        settings.echo = bool(value)
    elif command.name == "V":
        settings.verbose = bool(value)
    else:
        settings.quiet = bool(value)
    return OK


def _accepted(_device: Device, _command: AtCommand, _now_ms: int) -> Answer:
    return OK


def _register(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    number, _, value = command.text.partition(",")
    registers = device.settings.registers
    if int(number) not in registers:
        raise PlainError
    if command.kind == "read":
        return info(f"{registers[int(number)]:03d}")
    if len(value) > 3 or int(value) > _REGISTER_MAX:  # noqa: PLR2004 - digits
        raise PlainError
    registers[int(number)] = int(value)
    return OK


def _errors(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CMEE: (0-2)")
    if command.kind == "read":
        return info(f"+CMEE: {device.settings.cmee}")
    (device.settings.cmee,) = numbers(command, range(3))
    return OK


def _character_set(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info(f"+CSCS: ({','.join(f'{chr(34)}{name}{chr(34)}' for name in CHARSETS)})")
    if command.kind == "read":
        return info(f'+CSCS: "{device.settings.charset}"')
    values = command.values()
    if len(values) != 1 or values[0] not in CHARSETS:
        raise CmeError(50)
    device.settings.charset = values[0]
    return OK


def _functionality(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CFUN: (0,1,4),(0,1)")
    if command.kind == "read":
        return info(f"+CFUN: {device.functionality}")
    values = command.values()
    texts = [value or "" for value in values]
    if command.kind != "set" or texts[:1] not in (["0"], ["1"], ["4"]) or texts[1:] not in ([], ["0"], ["1"]):
        raise CmeError(50)
    if texts[1:] == ["1"]:
        device.reboot_wanted = True
        return OK
    wanted = int(texts[0])

    def switch(now_ms: int) -> Answer:
        if wanted == FULL and device.functionality == 0 and device.sim is not None:
            device.sim.power_up()
        device.functionality = wanted
        device.settle(now_ms)
        return OK

    return switch(_now_ms) if wanted == device.functionality else Later(_FUNCTIONALITY_MS, switch)


def _clock(device: Device, command: AtCommand, now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    if command.kind == "set":
        return OK  # the network sets the clock again
    moment = time.gmtime(device.network.unix(now_ms))
    return info(time.strftime('+CCLK: "%y/%m/%d,%H:%M:%S+00"', moment))


def _capabilities(_device: Device, command: AtCommand, _now_ms: int) -> Answer:
    return OK if command.kind == "test" else info("+GCAP: +CGSM")


def _activity(_device: Device, command: AtCommand, _now_ms: int) -> Answer:
    return info("+CPAS: (0,3,4)") if command.kind == "test" else info("+CPAS: 0")


def _battery(_device: Device, command: AtCommand, _now_ms: int) -> Answer:
    return info("+CBC: (0-2),(0-100)") if command.kind == "test" else info("+CBC: 0,100,3900")


GENERAL: Final[dict[str, Handler]] = {
    "I": _information,
    "Z": _reset_settings,
    "&F": _reset_settings,
    **dict.fromkeys(_ANY, _echo_and_codes),
    **dict.fromkeys(("&C", "&D", "&K", "&S", "&W", "L", "M", "P", "T"), _accepted),
    "S": _register,
    "+GMI": _identity("{0.manufacturer}"),
    "+CGMI": _identity("{0.manufacturer}"),
    "+GMM": _identity("{0.model}"),
    "+CGMM": _identity("{0.model}"),
    "+GMR": _identity("{0.revision}"),
    "+CGMR": _identity("{0.revision}"),
    "+GSN": _identity("{0.imei}"),
    "+CGSN": _serial_number,
    "+GCAP": _capabilities,
    "+CMEE": _errors,
    "+CSCS": _character_set,
    "+CFUN": _functionality,
    "+CCLK": _clock,
    "+CPAS": _activity,
    "+CBC": _battery,
    "+IPR": remembered("+IPR", "0", "(0),(9600,115200)"),
    "+IFC": remembered("+IFC", "2,2", "(0-2),(0-2)"),
    "+ICF": remembered("+ICF", "3,3", "(3),(3)"),
    "+CRC": remembered("+CRC", "0", "(0,1)"),
    "+CTZR": remembered("+CTZR", "0", "(0,1)"),
    "+CTZU": remembered("+CTZU", "0", "(0,1)"),
}
