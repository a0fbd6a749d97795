"""Malformed SNMP over a real UDP port: pysnmp and what is around it."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from drivers.fibre.errors import OntSilentError
from drivers.fibre.oid_map import FlagObject, OidMap, PowerObject, read_optics
from drivers.fibre.settings import OntSettings
from drivers.fibre.snmp import SnmpOnt
from simulators.devices import snmp_wire as wire
from simulators.devices.ont import LOS_OID, RX_POWER_OID, TX_POWER_OID, make_ont

MAP: Final = OidMap(
    PowerObject(RX_POWER_OID, 0.001), PowerObject(TX_POWER_OID, 0.001), FlagObject(LOS_OID, (1,))
)
QUESTIONS: Final = 60
SPOILT: Final = 30  # spoilt answers before each sound one

Answers = Callable[[bytes], list[bytes]]


class FarEnd(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for answer in self._answers(data):
            self._transport.sendto(answer, addr)


async def ask(answers: Answers, questions: int, timeout_ms: int = 5_000) -> tuple[int, list[str]]:
    """How many answers could be read, and what was said of the others; nothing may reach the loop's last resort."""
    loop = asyncio.get_running_loop()
    astray: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: astray.append(context))
    transport, _ = await loop.create_datagram_endpoint(lambda: FarEnd(answers), local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    ont = SnmpOnt(OntSettings("127.0.0.1", MAP, port, timeout_ms=timeout_ms, retries=0))
    read, faults = 0, []
    try:
        for _ in range(questions):
            try:
                read_optics(MAP, await ont.get(MAP.oids))
                read += 1
            except OntSilentError as silent:
                faults.append(str(silent))
    finally:
        ont.close()
        transport.close()
    assert astray == []
    return read, faults


def spoil(datagram: bytes, chance: random.Random) -> bytes:
    spoilt = bytearray(datagram)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at, kind = chance.randrange(len(spoilt)), chance.random()
        if kind < 0.6:
            spoilt[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind < 0.8 and len(spoilt) > 8:
            del spoilt[at : at + chance.randrange(1, 5)]
        else:
            spoilt[at:at] = chance.randbytes(chance.randrange(1, 5))
    return bytes(spoilt)


@pytest.mark.parametrize("seed", [1, 2])
async def test_spoilt_answers_are_noise_before_the_sound_one(seed: int) -> None:
    chance, ont = random.Random(seed), make_ont(now_ms=0)

    def answers(asked: bytes) -> list[bytes]:
        sound = ont.feed(asked, time.monotonic_ns() // 1_000_000)
        return [*(spoil(sound, chance) for _ in range(SPOILT)), sound]

    read, faults = await ask(answers, QUESTIONS)
    assert read > QUESTIONS // 2, faults


async def test_an_error_about_a_variable_that_was_not_asked_for_is_a_fault() -> None:
    def answers(asked: bytes) -> list[bytes]:
        message = wire.decode(asked)
        refusal = wire.Message(message.community, wire.RESPONSE, message.request_id, 5, 99, message.bindings)
        return [wire.encode(refusal)]

    _, faults = await ask(answers, 1)
    assert "refuses with genErr" in faults[0]


async def test_an_answer_to_something_else_names_none_of_what_was_asked() -> None:
    def answers(asked: bytes) -> list[bytes]:
        message = wire.decode(asked)
        other = ((wire.oid("1.3.6.1.2.1.1.3.0"), wire.Value(wire.TIME_TICKS, 5)),)
        return [wire.encode(wire.Message(message.community, wire.RESPONSE, message.request_id, 0, 0, other))]

    assert await ask(answers, 1) == (1, [])
    assert read_optics(MAP, dict.fromkeys(MAP.oids))[0] is None


async def test_a_name_that_no_host_can_have_is_silence() -> None:
    for host in ("a..b", "x" * 80, "ont.invalid"):
        with pytest.raises(OntSilentError):
            await SnmpOnt(OntSettings(host, MAP)).get(MAP.oids)
