"""Commands of registration, operators and signal (TS 27.007 7 and 8)."""

from typing import Final

from simulators.devices.modem.answers import OK, Answer, CmeError, Later, info
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.charset import to_terminal
from simulators.devices.modem.device import FULL, Device
from simulators.devices.modem.radio import LTE
from simulators.devices.modem.tables import Handler, number, numbers, open_sim, remembered, text_value

_SEARCH_MS: Final = 2500  # to look for networks
_REGISTERED_MS: Final = 200  # to answer where the modem is registered already
_DEREGISTER, _FORMAT_ONLY = 2, 3
_INDICATORS: Final = '("service",(0,1)),("signal",(0-5)),("roam",(0,1)),("smsfull",(0,1))'


def _registration(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    name, reports = command.name, device.settings.reports
    if command.kind == "test":
        return info(f"{name}: (0-2)")
    if command.kind == "read":
        return info(f"{name}: {reports[name]},{device.registration(reports[name])}")
    (reports[name],) = numbers(command, range(3)) if command.kind == "set" else [0]
    return OK


def _operator(device: Device, command: AtCommand, now_ms: int) -> Answer:
    if command.kind == "test":
        open_sim(device)
        return Later(_SEARCH_MS, lambda _: info(f"+COPS: {_networks(device)},,(0-4),(0-2)"))
    if command.kind == "read":
        return info(_operator_now(device))
    values = command.values()
    mode = number(values[0] if values else None)
    form = number(values[1], device.settings.operator_format) if len(values) > 1 else None
    if mode not in range(5) or (form is not None and form not in range(3)):
        raise CmeError(50)
    if form is not None:
        device.settings.operator_format = form
    if mode == _FORMAT_ONLY:
        return OK
    open_sim(device)
    device.radio.detached = mode == _DEREGISTER
    device.settle(now_ms)
    if mode == _DEREGISTER:
        return OK
    chosen = text_value(device, values[2]) if len(values) > 2 else None  # noqa: PLR2004 - <oper>
    known = (None, *device.operator)

    def settled(_now_ms: int) -> Answer:
        if chosen not in known and mode == 1:
            raise CmeError(30)
        return OK

    return Later(_REGISTERED_MS if device.radio.registered else device.radio.registration_ms + 1, settled)


def _operator_now(device: Device) -> str:
    mode = 2 if device.radio.detached else 0
    if not device.radio.registered:
        return f"+COPS: {mode}"
    form = device.settings.operator_format
    return f"+COPS: {mode},{form},{_quoted(device, _operator_names(device)[form])},{LTE}"


def _networks(device: Device) -> str:
    if not device.radio.audible:
        return ""
    stat = 3 if device.radio.denied else 2 if device.radio.registered else 1
    names = ",".join(_quoted(device, name) for name in _operator_names(device))
    return f"({stat},{names},{LTE})"


def _operator_names(device: Device) -> tuple[str, str, str]:
    name, code = device.operator
    return name, name[:8], code


def _quoted(device: Device, text: str) -> str:
    return f'"{to_terminal(text, device.settings.charset)}"'


def _signal(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.name == "+CSQ":
        allowed, values = "(0-31,99),(99)", device.radio.csq()
        silent = "99,99"
    else:
        allowed, values = "(99),(99),(255),(255),(0-34,255),(0-97,255)", device.radio.cesq()
        silent = "99,99,255,255,255,255"
    if command.kind == "test":
        return info(f"{command.name}: {allowed}")
    return info(f"{command.name}: {values if device.functionality == FULL else silent}")


def _vendor_signal(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    """+QCSQ, as in the manual of Quectel EC2x: RSSI, RSRP, SINR in 1/5 dB above -20, RSRQ."""
    if command.kind == "test":
        return info('+QCSQ: "NOSERVICE","LTE"')
    radio = device.radio
    if not radio.audible or device.functionality != FULL:
        return info('+QCSQ: "NOSERVICE"')
    sinr = round((radio.sinr_db + 20) * 5)
    return info(f'+QCSQ: "LTE",{radio.rssi_dbm},{radio.rsrp_dbm},{sinr},{round(radio.rsrq_db)}')


def _indicators(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info(f"+CIND: {_INDICATORS}")
    radio = device.radio
    full = device.memory(device.settings.memories[2])
    bars = radio.bars if device.usable else 0
    roaming = int(radio.stat == 5)  # noqa: PLR2004 - registered, roaming
    return info(f"+CIND: {int(radio.registered)},{bars},{roaming},{int(full.used >= full.size)}")


def _indicator_reports(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CMER: (0-3),(0),(0),(0,1),(0)")
    if command.kind == "read":
        return info(f"+CMER: 3,0,0,{int(device.settings.indicator_reports)},0")
    values = command.values()
    device.settings.indicator_reports = (
        len(values) > 3 and number(values[0]) > 0 and number(values[3], 0) > 0  # noqa: PLR2004 - <mode>, <ind>
    )
    return OK


NETWORK: Final[dict[str, Handler]] = {
    **dict.fromkeys(("+CREG", "+CGREG", "+CEREG"), _registration),
    "+COPS": _operator,
    "+CSQ": _signal,
    "+CESQ": _signal,
    "+QCSQ": _vendor_signal,
    "+CIND": _indicators,
    "+CMER": _indicator_reports,
    "+WS46": remembered("+WS46", "28", "(28)"),
}
