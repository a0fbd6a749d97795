"""Commands of the SIM (TS 27.007 8): PIN, facility locks, identities, elementary files, and which SIM is in use."""

from typing import Final

from simulators.devices.modem.answers import OK, Answer, CmeError, Later, info
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.charset import to_terminal
from simulators.devices.modem.device import Device
from simulators.devices.modem.sim_card import SimCard
from simulators.devices.modem.tables import Handler, any_sim, number, numbers, open_sim, text_value

_PIN_MS: Final = 200  # that the card takes to verify a code
_PIN_DIGITS: Final = range(4, 9)
_INTERNATIONAL: Final = 145
_EF_ICCID, _EF_IMSI, _EF_AD, _EF_SPN = 0x2FE2, 0x6F07, 0x6FAD, 0x6F46
_SECOND_CODE_TRIES: Final = {
    "0020008100": 3,
    "002C008100": 10,
}  # PIN2 guards nothing here, and is never tried
_READ_BINARY, _READ_RECORD, _GET_RESPONSE = 176, 178, 192


def _pin(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    sim = any_sim(device)
    if command.kind == "read":
        return info(f"+CPIN: {sim.lock}")
    codes = [_code(device, value) for value in command.values()]
    if command.kind != "set" or len(codes) not in (1, 2):
        raise CmeError(50)
    if sim.lock == "READY":
        raise CmeError(3)
    if sim.lock == "SIM PUK" and len(codes) == 1:
        raise CmeError(12)

    def verify(now_ms: int) -> Answer:
        accepted = sim.unblock(codes[0], codes[1]) if len(codes) > 1 else sim.verify(codes[0])
        if not accepted:
            raise CmeError(12 if sim.lock == "SIM PUK" and len(codes) == 1 else 16)
        device.unsolicited("+CPIN: READY")
        device.settle(now_ms)
        return OK

    return Later(_PIN_MS, verify)


def _tries(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    sim = any_sim(device)
    kinds = {"SIM PIN": (sim.pin_tries, 3), "SIM PUK": (sim.puk_tries, 10)}
    wanted = (command.values() or [None])[0]
    lines = [
        f"+CPINR: {name}, {left}, {most}" for name, (left, most) in kinds.items() if wanted in (None, name)
    ]
    return info(*lines)


def _lock(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info('+CLCK: ("SC","PN")')
    values = command.values()
    if command.kind != "set" or len(values) < 2:  # noqa: PLR2004 - <fac>, <mode>
        raise CmeError(50)
    facility, mode = text_value(device, values[0]), number(values[1])
    if facility == "PN" and mode == 2:  # noqa: PLR2004 - query
        return info("+CLCK: 0")
    if facility != "SC":
        raise CmeError(4)
    if mode == 2:  # noqa: PLR2004 - query
        return info(f"+CLCK: {int(any_sim(device).pin_wanted)}")
    sim = open_sim(device)
    pin = _code(device, values[2] if len(values) > 2 else None)  # noqa: PLR2004 - <passwd>

    def switch(_now_ms: int) -> Answer:
        _verify(sim, pin)
        sim.pin_wanted = mode == 1
        return OK

    return Later(_PIN_MS, switch)


def _password(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info('+CPWD: ("SC",8)')
    values = command.values()
    if command.kind != "set" or len(values) != 3 or text_value(device, values[0]) != "SC":  # noqa: PLR2004 - <fac>, old, new
        raise CmeError(50)
    sim = open_sim(device)
    old, new = _code(device, values[1]), _code(device, values[2])

    def change(_now_ms: int) -> Answer:
        _verify(sim, old)
        sim.pin = new
        return OK

    return Later(_PIN_MS, change)


def _subscriber(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    return OK if command.kind == "test" else info(open_sim(device).imsi)


def _card(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    return OK if command.kind == "test" else info(f"{command.name}: {any_sim(device).iccid}")


def _own_number(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    charset = device.settings.charset
    digits = to_terminal(open_sim(device).number, charset)
    return info(f'+CNUM: "{to_terminal("Line 1", charset)}","{digits}",{_INTERNATIONAL}')


def _file(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    """+CRSM: the few elementary files (TS 31.102 4.2) that connection managers read."""
    if command.kind == "test":
        return OK
    values = command.values()
    if command.kind != "set" or not values:
        raise CmeError(50)
    order = number(values[0])
    sim = any_sim(device) if len(values) > 1 and number(values[1]) == _EF_ICCID else open_sim(device)
    content = _contents(device, sim).get(number(values[1]) if len(values) > 1 else 0)
    if content is None or order not in (_READ_BINARY, _GET_RESPONSE):
        return info("+CRSM: 106,130")  # file not found (TS 102 221 10.2.1.5)
    if order == _GET_RESPONSE:
        header = bytes([0, 0]) + len(content).to_bytes(2, "big") + bytes(11)
        return info(f'+CRSM: 144,0,"{header.hex().upper()}"')
    size = number(values[4], 0) if len(values) > 4 else 0  # noqa: PLR2004 - <P3>
    return info(f'+CRSM: 144,0,"{content[: size or len(content)].hex().upper()}"')


def _card_command(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    """+CSIM: VERIFY and UNBLOCK without a code, by which tries are counted (TS 102 221 11.1.9 and 11.1.13)."""
    if command.kind == "test":
        return OK
    values = command.values()
    if command.kind != "set" or len(values) != 2:  # noqa: PLR2004 - <length>, <command>
        raise CmeError(50)
    sim = any_sim(device)
    tries = {"0020000100": sim.pin_tries, "002C000100": sim.puk_tries, **_SECOND_CODE_TRIES}
    left = tries.get((values[1] or "").upper())
    return info('+CSIM: 4,"6D00"' if left is None else f'+CSIM: 4,"63C{left:X}"')


def _contents(device: Device, sim: SimCard) -> dict[int, bytes]:
    imsi = "9" + sim.imsi  # an odd number of digits (TS 31.102 4.2.2)
    name = device.network.home[0].encode("ascii", "replace")[:16]
    return {
        _EF_ICCID: _swapped(sim.iccid),
        _EF_IMSI: bytes([8]) + _swapped(imsi),
        _EF_AD: bytes([0, 0, 0, 2]),  # two digits of MNC
        _EF_SPN: bytes([1]) + name + b"\xff" * (16 - len(name)),
    }


def _swapped(digits: str) -> bytes:
    padded = digits + "f" * (len(digits) % 2)
    return bytes.fromhex("".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2)))


def _slot(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info(f"+CSUS: (0-{len(device.sims) - 1})" if len(device.sims) > 1 else "+CSUS: (0)")
    if command.kind == "read":
        return info(f"+CSUS: {device.slot}")
    (slot,) = numbers(command, range(len(device.sims)))

    def change(now_ms: int) -> Answer:
        if slot != device.slot:
            device.select_sim(slot, now_ms)
            device.unsolicited(f"+CPIN: {device.sim.lock if device.sim else 'NOT INSERTED'}")
        return OK

    return Later(_PIN_MS, change)


def _verify(sim: SimCard, pin: str) -> None:
    if not sim.verify(pin):
        raise CmeError(12 if sim.lock == "SIM PUK" else 16)


def _code(device: Device, value: str | None) -> str:
    text = text_value(device, value)
    if not (text.isascii() and text.isdigit()) or len(text) not in _PIN_DIGITS:
        raise CmeError(16)
    return text


SIM: Final[dict[str, Handler]] = {
    "+CPIN": _pin,
    "+CPINR": _tries,
    "+CLCK": _lock,
    "+CPWD": _password,
    "+CIMI": _subscriber,
    "+CCID": _card,
    "+ICCID": _card,
    "+CNUM": _own_number,
    "+CRSM": _file,
    "+CSIM": _card_command,
    "+CSUS": _slot,
}
