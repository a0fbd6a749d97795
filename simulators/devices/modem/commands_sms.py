"""Commands of short messages in PDU mode (3GPP TS 27.005)."""

from dataclasses import replace
from typing import Final

from simulators.devices.modem import tpdu
from simulators.devices.modem.answers import OK, Answer, CmeError, CmsError, Later, Reply, info
from simulators.devices.modem.at_syntax import AtCommand
from simulators.devices.modem.charset import to_terminal
from simulators.devices.modem.device import Device
from simulators.devices.modem.message_store import MessageStore, StoredMessage
from simulators.devices.modem.tables import Handler, number, numbers, remembered, text_value

_MEMORIES: Final = ("SM", "ME")
_ALL: Final = 4
_UNSENT, _SENT = 2, 3
_REFERENCES: Final = 256
_TPDU_MAX: Final = 164  # octets (TS 23.040 9.2.2.2, all fields at their longest)
_NO_SERVICE_MS: Final = 500
_CNMI_RANGES: Final = (range(4), range(3), range(4), range(3), range(2))


def _format(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CMGF: (0)")
    if command.kind == "read":
        return info("+CMGF: 0")
    try:
        numbers(command, range(1))
    except CmeError:
        raise CmsError(305) from None
    device.settings.text_mode = False
    return OK


def _memories(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    names = ",".join(f'"{name}"' for name in _MEMORIES)
    if command.kind == "test":
        return info(f"+CPMS: ({names}),({names}),({names})")
    _open_sim(device)
    chosen = device.settings.memories
    if command.kind == "read":
        return info("+CPMS: " + ",".join(f'"{name}",{_fill(device.memory(name))}' for name in chosen))
    values = [text_value(device, value).upper() for value in command.values()]
    if not 1 <= len(values) <= len(chosen) or any(value not in _MEMORIES for value in values):
        raise CmsError(302)
    chosen[: len(values)] = values
    return info("+CPMS: " + ",".join(_fill(device.memory(name)) for name in chosen))


def _fill(memory: MessageStore) -> str:
    return f"{memory.used},{memory.size}"


def _service(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CSMS: (0,1)")
    if command.kind == "read":
        return info(f"+CSMS: {device.settings.sms_service},1,1,0")
    (device.settings.sms_service,) = numbers(command, range(2))
    return info("+CSMS: 1,1,0")


def _routing(device: Device, command: AtCommand, now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CNMI: (0-3),(0-2),(0-3),(0-2),(0,1)")
    now = device.settings.cnmi
    if command.kind == "read":
        return info("+CNMI: " + ",".join(map(str, now)))
    values = command.values() if command.kind == "set" else ["0"] * 5
    if len(values) > len(_CNMI_RANGES):
        raise CmsError(302)
    chosen = list(now)
    for at, (value, fits) in enumerate(zip(values, _CNMI_RANGES, strict=False)):
        chosen[at] = number(value, now[at])
        if chosen[at] not in fits:
            raise CmsError(302)
    device.settings.cnmi = (chosen[0], chosen[1], chosen[2], chosen[3], chosen[4])
    device.receive(now_ms)
    return OK


def _centre(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    _open_sim(device)
    if command.kind == "read":
        number_now = device.settings.plain.get("+CSCA", device.network.centre)
        kind = 145 if number_now.startswith("+") else 129
        return info(f'+CSCA: "{to_terminal(number_now, device.settings.charset)}",{kind}')
    text = text_value(device, (command.values() or [None])[0])
    if not text.removeprefix("+").isdigit() or len(text) > 21:  # noqa: PLR2004 - + and 20 digits
        raise CmsError(330)
    device.settings.plain["+CSCA"] = text
    return OK


def _more(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CMMS: (0-2)")
    if command.kind == "read":
        return info(f"+CMMS: {device.settings.more_to_send}")
    (device.settings.more_to_send,) = numbers(command, range(3))
    return OK


def _send(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    length = _length(command)
    _open_sim(device)

    def typed(text: bytes, _now_ms: int) -> Answer:
        return _submit(device, _message(text, length), "+CMGS")

    return Reply(prompt=typed)


def _submit(device: Device, pdu: bytes, name: str) -> Answer:
    try:
        _, content = tpdu.split_service_centre(pdu)
        message = tpdu.parse_submit(content)
    except tpdu.TpduError:
        raise CmsError(304) from None

    def submitted(now_ms: int) -> Answer:
        sim = device.sim
        if sim is None or not device.radio.registered:
            raise CmsError(331)
        refused = device.network.submit(sim.number, replace(message, reference=device.reference), now_ms)
        if refused is not None:
            raise CmsError(refused)
        reference = device.reference
        device.reference = (reference + 1) % _REFERENCES
        return info(f"{name}: {reference}")

    return Later(device.send_ms if device.radio.registered else _NO_SERVICE_MS, submitted)


def _list(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CMGL: (0-4)")
    _open_sim(device)
    wanted = number((command.values() or ["0"])[0])
    if wanted > _ALL:
        raise CmsError(304)
    lines = []
    for index, message in _read_memory(device).messages():
        if wanted in (_ALL, message.status):
            lines.append(f"+CMGL: {index},{_shown(message)}")
            _mark_read(message)
    return info(*lines)


def _read(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    _open_sim(device)
    message = _read_memory(device).get(_index(device, command))
    if message is None:
        raise CmsError(321)
    line = f"+CMGR: {_shown(message)}"
    _mark_read(message)
    return info(line)


def _shown(message: StoredMessage) -> str:
    size = len(message.pdu) - 1 - message.pdu[0]
    return f"{message.status},,{size}\r\n{message.pdu.hex().upper()}"


def _mark_read(message: StoredMessage) -> None:
    if message.status == 0:
        message.status = 1


def _delete(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    memory = _read_memory(device)
    if command.kind == "test":
        used = ",".join(str(index) for index, _ in memory.messages())
        return info(f"+CMGD: ({used}),(0-4)")
    _open_sim(device)
    values = command.values()
    flag = number(values[1], 0) if len(values) > 1 else 0
    if flag > _ALL:
        raise CmsError(302)
    if flag == 0:
        memory.delete(_index(device, command))
        return OK
    doomed = {1: (1,), 2: (1, _SENT), 3: (1, _SENT, _UNSENT), 4: (0, 1, _SENT, _UNSENT)}[flag]
    for index, message in memory.messages():
        if message.status in doomed:
            memory.delete(index)
    return OK


def _write(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    length = _length(command)
    values = command.values()
    status = number(values[1], _UNSENT) if len(values) > 1 else _UNSENT
    _open_sim(device)

    def typed(text: bytes, _now_ms: int) -> Answer:
        pdu = _message(text, length)
        kept = StoredMessage(1 if status == 1 else 0 if status == 0 else 3 if status == _SENT else 2, pdu)
        index = device.memory(device.settings.memories[1]).add(kept)
        if index is None:
            raise CmsError(322)
        return info(f"+CMGW: {index}")

    return Reply(prompt=typed)


def _send_stored(device: Device, command: AtCommand, _now_ms: int) -> Answer:
    if command.kind == "test":
        return OK
    _open_sim(device)
    message = device.memory(device.settings.memories[1]).get(_index(device, command))
    if message is None:
        raise CmsError(321)
    return _submit(device, message.pdu, "+CMSS")


def _acknowledge(device: Device, command: AtCommand, now_ms: int) -> Answer:
    if command.kind == "test":
        return info("+CNMA: (0-2)")
    if device.acknowledge_by is None:
        raise CmsError(340)
    how = number((command.values() or ["0"])[0])
    device.acknowledged(now_ms, accepted=how <= 1)
    return OK


def _open_sim(device: Device) -> None:
    if device.functionality == 0:
        raise CmsError(302)
    if device.sim is None:
        raise CmsError(310)
    if device.sim.lock != "READY":
        raise CmsError(311 if device.sim.lock == "SIM PIN" else 316)


def _read_memory(device: Device) -> MessageStore:
    return device.memory(device.settings.memories[0])


def _index(device: Device, command: AtCommand) -> int:
    values = command.values()
    if not values or values[0] is None or not values[0].isdigit():
        raise CmsError(321)
    index = int(values[0])
    if not 1 <= index <= _read_memory(device).size:
        raise CmsError(321)
    return index


def _length(command: AtCommand) -> int:
    values = command.values()
    if command.kind != "set" or not values or values[0] is None or not values[0].isdigit():
        raise CmsError(304)
    return int(values[0])


def _message(text: bytes, length: int) -> bytes:
    """The PDU that was typed in hexadecimal; ``length`` counts its octets without the service centre's address."""
    try:
        pdu = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise CmsError(304) from None
    if not pdu or len(pdu) - 1 - pdu[0] != length or length > _TPDU_MAX:
        raise CmsError(304)
    return pdu


SMS: Final[dict[str, Handler]] = {
    "+CMGF": _format,
    "+CPMS": _memories,
    "+CSMS": _service,
    "+CNMI": _routing,
    "+CSCA": _centre,
    "+CMMS": _more,
    "+CMGS": _send,
    "+CMSS": _send_stored,
    "+CMGL": _list,
    "+CMGR": _read,
    "+CMGD": _delete,
    "+CMGW": _write,
    "+CNMA": _acknowledge,
    "+CSMP": remembered("+CSMP", "17,167,0,0", "(0-255),(0-255),(0-255),(0-255)"),
    "+CSDH": remembered("+CSDH", "0", "(0,1)"),
    "+CGSMS": remembered("+CGSMS", "1", "(0-3)"),
}
