"""Commands of packet data (TS 27.007 10) and of dialling it (ATD): contexts are kept, data itself goes nowhere."""

import re
from typing import Final

from simulators.devices.modem.answers import OK, Answer, CmeError, Later, PlainError, Reply, info
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.device import Device
from simulators.devices.modem.settings import CONTEXT_IDS, Context
from simulators.devices.modem.tables import Handler, number, open_sim, remembered, text_value

_ACTIVATE_MS: Final = 400
_DIAL_MS: Final = 600
_NO_ANSWER_MS: Final = 1000  # until a call that nobody serves ends
_APN_MAX: Final = 100  # characters (TS 23.003 9.1)
_KINDS: Final = ("IP", "IPV6", "IPV4V6", "PPP")
_PACKET_CALL: Final = re.compile(r"[TP]?\*99(?:\*\*\*(\d))?#", re.IGNORECASE)


def _attached(device: Device, command: AtCommand, now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CGATT: (0,1)")
    attached = device.radio.registered
    if command.kind == "read":
        return info(f"+CGATT: {int(attached)}")
    wanted = number((command.values() or [None])[0])
    if wanted not in (0, 1):
        raise CmeError(50)
    open_sim(device)
    device.radio.detached = wanted == 0
    device.settle(now_ms)

    def settled(_now_ms: int) -> Answer:
        if wanted == 1 and not device.radio.registered:
            raise CmeError(30)
        return OK

    return Later(1 if device.radio.registered or wanted == 0 else device.radio.registration_ms + 1, settled)


def _define(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    contexts = device.settings.contexts
    if command.kind == "test":
        first, last = CONTEXT_IDS[0], CONTEXT_IDS[-1]
        return info(*(f'+CGDCONT: ({first}-{last}),"{kind}",,,(0),(0)' for kind in _KINDS[:3]))
    if command.kind == "read":
        return info(
            *(f'+CGDCONT: {cid},"{one.kind}","{one.apn}","",0,0' for cid, one in sorted(contexts.items()))
        )
    values = command.values()
    cid = _context_id(values[0] if values else None)
    if len(values) == 1:
        contexts.pop(cid, None)
        return OK
    kind = (values[1] or "IP").upper()
    apn = text_value(device, values[2]) if len(values) > 2 and values[2] else ""  # noqa: PLR2004 - <APN>
    if kind not in _KINDS or len(apn) > _APN_MAX:
        raise CmeError(50)
    if cid in contexts and contexts[cid].active:
        raise CmeError(3)
    contexts[cid] = Context(kind, apn)
    return OK


def _activate(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    contexts = device.settings.contexts
    if command.kind == "test":
        return info("+CGACT: (0,1)")
    if command.kind == "read":
        return info(*(f"+CGACT: {cid},{int(one.active)}" for cid, one in sorted(contexts.items())))
    values = command.values()
    wanted = number(values[0] if values else None)
    cids = [_context_id(value) for value in values[1:]] or sorted(contexts)
    if wanted not in (0, 1) or any(cid not in contexts for cid in cids):
        raise CmeError(50)

    def activate(_now_ms: int) -> Answer:
        if wanted == 1 and not device.radio.registered:
            raise CmeError(30)
        for cid in cids:
            if cid in contexts:
                contexts[cid].active = wanted == 1
        return OK

    return Later(_ACTIVATE_MS, activate)


def _addresses(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    contexts = device.settings.contexts
    active = [cid for cid, one in sorted(contexts.items()) if one.active]
    if command.kind == "test":
        return info(f"+CGPADDR: ({','.join(map(str, active))})")
    cids = [_context_id(value) for value in command.values()] or sorted(contexts)
    lines = []
    for cid in cids:
        if cid in contexts:
            address = contexts[cid].address(cid) if contexts[cid].active else "0.0.0.0"  # noqa: S104 - none yet
            lines.append(f'+CGPADDR: {cid},"{address}"')
    return info(*lines)


def _dynamic(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    contexts = device.settings.contexts
    active = [cid for cid, one in sorted(contexts.items()) if one.active]
    if command.kind == "test":
        return info(f"+CGCONTRDP: ({','.join(map(str, active))})")
    wanted = [_context_id(value) for value in command.values()[:1]] or active
    return info(
        *(
            f'+CGCONTRDP: {cid},5,"{contexts[cid].apn}","{contexts[cid].address(cid)}.255.255.255.0",'
            f'"198.51.100.1","198.51.100.2","198.51.100.3"'
            for cid in wanted
            if cid in active
        )
    )


def _data(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info('+CGDATA: ("PPP")')
    values = command.values()
    if values and (values[0] or "PPP").upper() != "PPP":
        raise CmeError(50)
    return _call(device, _context_id(values[1]) if len(values) > 1 else CONTEXT_IDS[0])


def _dial(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    packet = _PACKET_CALL.fullmatch(command.text.rstrip(";"))
    if packet is None:
        return Later(_NO_ANSWER_MS, lambda _: Reply(code="NO CARRIER"))
    return _call(device, int(packet[1] or CONTEXT_IDS[0]))


def _call(device: Device, cid: int) -> Answer:
    if cid not in device.settings.contexts:
        raise PlainError

    def answered(_now_ms: int) -> Answer:
        if not device.radio.registered or cid not in device.settings.contexts:
            return Reply(code="NO CARRIER")
        device.settings.contexts[cid].active = True
        device.data_context = cid
        return Reply(code="CONNECT")

    return Later(_DIAL_MS if device.radio.registered else _NO_ANSWER_MS, answered)


def _hang_up(device: Device, _command: AtCommand, _now_ms: int) -> Answer:
    device.hang_up()
    return OK


def _online_again(device: Device, _command: AtCommand, _now_ms: int) -> Answer:
    return Reply(code="NO CARRIER" if device.data_context is None else "CONNECT")


def _context_id(value: str | None) -> int:
    cid = number(value)
    if cid not in CONTEXT_IDS:
        raise CmeError(50)
    return cid


PACKET: Final[dict[str, Handler]] = {
    "+CGATT": _attached,
    "+CGDCONT": _define,
    "+CGACT": _activate,
    "+CGPADDR": _addresses,
    "+CGCONTRDP": _dynamic,
    "+CGDATA": _data,
    "+CGEREP": remembered("+CGEREP", "0,0", "(0-2),(0,1)"),
    "+CGAUTH": remembered("+CGAUTH", "1,0", "(1-8),(0-2),64,64"),
    "D": _dial,
    "H": _hang_up,
    "O": _online_again,
}
