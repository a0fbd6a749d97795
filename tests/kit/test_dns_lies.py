"""The DNS of an uplink is silent, wrong, poisoned or slow: what is pinned, or worked before, must do."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from failover.events import ProbeEchoed, UplinkConnected, UplinkLost
from kit.events import UplinkNoticed
from kit.tables.uplinks import UplinkTls
from kit.uplinks import resolver
from kit.uplinks.errors import NameUnknownError
from kit.uplinks.gateway import Gateway
from kit.uplinks.names import Names
from simulators.loopback.broker import MqttBroker
from tests.center.site import free_port
from tests.kit.dns_server import DnsServer, Mood, dns_server
from tests.kit.uplink_bench import Uplink
from tests.peers.certificates import Authority, Issued

NAME = "broker.example"
SERVER = "127.0.0.53"
RIGHT = "127.0.0.1"
REFUSING, SILENT, FOREIGN = "127.0.0.66", "127.0.0.67", "127.0.0.68"
CRITICAL_MS = 500


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """Connections there get no answer: the queue of a listener that accepts nothing is full."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((address, port))
        try:
            yield
        finally:
            for one in waiting:
                one.close()


class Front:
    """Something before the broker that passes on what it gets: with TLS, or late."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, **how: Any) -> None:
        self._server = await asyncio.start_server(self._serve, **how)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports of TLS close in the next turns

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection(RIGHT, self._broker_port)
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        except asyncio.CancelledError:
            pass
        finally:
            for each in (writer, back):
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ssl.SSLError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()


@asynccontextmanager
async def front(issued: Issued, broker_port: int, address: str, port: int) -> AsyncIterator[None]:
    """TLS with this certificate before the broker."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate_file, issued.key_file)
    made = Front(broker_port)
    await made.start(host=address, port=port, ssl=context)
    try:
        yield
    finally:
        await made.close()


@asynccontextmanager
async def server(
    monkeypatch: pytest.MonkeyPatch, *says: str, mood: Mood = "answers"
) -> AsyncIterator[DnsServer]:
    async with dns_server({NAME: says}, mood) as (made, port):
        monkeypatch.setattr(resolver, "PORT", port)
        monkeypatch.setattr(resolver, "TRIES_S", (0.1, 0.2))
        yield made


@asynccontextmanager
async def uplink(port: int, **more: object) -> AsyncIterator[Uplink]:
    """An uplink whose broker has a name, and whose DNS server is ours."""
    made = Uplink(port)
    made.start_with(Gateway(NAME, port, dns=(SERVER,), **more))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.mqtt.close()


async def outcome(up: Uplink, deadline_ms: int = 2_000, number: int = 1) -> UplinkConnected | UplinkLost:
    up.connect(deadline_ms)
    made = await up.until(UplinkConnected, UplinkLost, count=number)
    assert isinstance(made, UplinkConnected | UplinkLost)
    return made


def notices(up: Uplink) -> dict[str, str]:
    return {
        event.about: event.words for event in up.events if isinstance(event, UplinkNoticed) and event.words
    }


# --- it says the truth --------------------------------------------------------------------------------


async def test_name_is_not_found(monkeypatch: pytest.MonkeyPatch, broker: MqttBroker) -> None:
    async with server(monkeypatch, RIGHT) as dns, uplink(broker.port) as up:
        assert isinstance(await outcome(up, CRITICAL_MS), UplinkConnected)
        await up.echoes(1)
        assert dns.asked >= 1
        assert notices(up) == {}


async def test_first_datagrams_are_lost(monkeypatch: pytest.MonkeyPatch, broker: MqttBroker) -> None:
    async with server(monkeypatch, RIGHT) as dns, uplink(broker.port) as up:
        dns.drop = 2  # one for each family
        assert isinstance(await outcome(up), UplinkConnected)


async def test_answer_does_not_fit_a_datagram(monkeypatch: pytest.MonkeyPatch, broker: MqttBroker) -> None:
    async with server(monkeypatch, RIGHT, mood="truncates"), uplink(broker.port) as up:
        assert isinstance(await outcome(up), UplinkConnected)


async def test_answer_is_forgotten_when_the_dns_dies(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker
) -> None:
    monkeypatch.setattr("kit.uplinks.names.KEEP_S", (0, 0))
    async with uplink(broker.port) as up:
        async with server(monkeypatch, RIGHT):
            assert isinstance(await outcome(up), UplinkConnected)
        for number in (2, 3):
            up.mqtt.disconnect("fibre", "again")
            assert isinstance(await outcome(up, CRITICAL_MS, number), UplinkConnected)


async def test_every_session_asks_again(monkeypatch: pytest.MonkeyPatch, broker: MqttBroker) -> None:
    async with server(monkeypatch, RIGHT) as dns, uplink(broker.port) as up:
        for number in (1, 2, 3):
            await outcome(up, number=number)
            up.mqtt.disconnect("fibre", "again")
        assert dns.asked <= 3  # one question for each family, and one that was repeated


# --- it says nothing, or nonsense ---------------------------------------------------------------------


@pytest.mark.parametrize("mood", ["silent", "refuses", "garbage", "foreign"])
async def test_dns_fails_and_the_pinned_address_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker, mood: Mood
) -> None:
    async with server(monkeypatch, RIGHT, mood=mood), uplink(broker.port, addresses=(RIGHT,)) as up:
        assert isinstance(await outcome(up, CRITICAL_MS), UplinkConnected)
        await up.echoes(1)


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("silent", f"{SERVER} does not answer"),
        ("refuses", f"{SERVER} says REFUSED"),
        ("foreign", "does not answer"),
    ],
)
async def test_reason_does_not_say_that_the_dns_failed(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker, mood: Mood, words: str
) -> None:
    async with server(monkeypatch, RIGHT, mood=mood), uplink(broker.port) as up:
        lost = await outcome(up, 3_000)
        assert isinstance(lost, UplinkLost)
        assert "no session: " in lost.reason
        assert words in lost.reason


async def test_dns_server_is_not_there(monkeypatch: pytest.MonkeyPatch, broker: MqttBroker) -> None:
    async with server(monkeypatch):
        pass
    async with uplink(broker.port) as up:
        lost = await outcome(up, 3_000)
        assert isinstance(lost, UplinkLost)
        assert f"{SERVER} cannot be asked" in lost.reason


async def test_name_has_no_address(monkeypatch: pytest.MonkeyPatch, broker: MqttBroker) -> None:
    async with server(monkeypatch), uplink(broker.port) as up:
        lost = await outcome(up, 3_000)
        assert isinstance(lost, UplinkLost)
        assert f"no address for {NAME}" in lost.reason


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "..", "\u2603" * 80])
async def test_name_can_be_none(name: str) -> None:
    with pytest.raises(NameUnknownError):
        await resolver.ask(SERVER, name, socket.AF_INET, None)


# --- it lies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("liar", [REFUSING, SILENT])
@pytest.mark.parametrize("deadline_ms", [CRITICAL_MS, 5_000])
async def test_poisoned_dns_keeps_the_uplink_from_the_pinned_address(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker, liar: str, deadline_ms: int
) -> None:
    with silent(SILENT, broker.port):
        async with server(monkeypatch, liar), uplink(broker.port, addresses=(RIGHT,)) as up:
            started = time.monotonic()
            assert isinstance(await outcome(up, deadline_ms), UplinkConnected)
            assert time.monotonic() - started < 0.45
            await up.echoes(1)


@pytest.mark.parametrize("liar", ["right", "foreign"])
async def test_dns_lies_to_an_uplink_with_tls(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker, tmp_path: Path, liar: str
) -> None:
    """There the DNS comes first: who lies cannot show the key."""
    authority = Authority(tmp_path)
    mine = authority.issue(NAME)
    port = free_port()
    foreign = authority.issue(NAME)
    says = RIGHT if liar == "right" else FOREIGN
    tls = UplinkTls(pins=(mine.pin,))
    async with (
        front(mine, broker.port, RIGHT, port),
        front(foreign, broker.port, FOREIGN, port),
        server(monkeypatch, says),
        uplink(port, tls=tls, addresses=(RIGHT,)) as up,
    ):
        assert isinstance(await outcome(up, CRITICAL_MS), UplinkConnected)
        await up.echoes(1)
        if liar == "right":
            assert notices(up) == {}
        else:
            assert notices(up)["dns"].startswith(f"the DNS gives {FOREIGN} (its key is none of those pinned")
            assert notices(up)["dns"].endswith(f"the pinned {RIGHT} is used")


@pytest.mark.parametrize("liar", [REFUSING, SILENT])
async def test_liar_among_honest_answers_is_tried_again_and_again(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker, liar: str
) -> None:
    with silent(SILENT, broker.port):
        async with server(monkeypatch, liar, RIGHT), uplink(broker.port) as up:
            assert isinstance(await outcome(up), UplinkConnected)
            names = up.mqtt._diallers["fibre"].names
            assert names.known()[0] == RIGHT


async def test_reason_does_not_say_who_refused_and_who_was_silent(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker
) -> None:
    with silent(SILENT, broker.port):
        async with server(monkeypatch, REFUSING), uplink(broker.port, addresses=(SILENT,)) as up:
            lost = await outcome(up, CRITICAL_MS)
            assert isinstance(lost, UplinkLost)
            assert f"{REFUSING}: connection refused" in lost.reason
            assert f"{SILENT}: does not answer" in lost.reason
            assert f"DNS gives {REFUSING}, which is not pinned" in lost.reason


async def test_dropped_while_dialling_and_heard_of_later(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker
) -> None:
    with silent(SILENT, broker.port):
        async with server(monkeypatch, SILENT), uplink(broker.port) as up:
            up.connect(CRITICAL_MS)
            await asyncio.sleep(0.1)
            up.mqtt.disconnect("fibre", "gave up")
            await asyncio.sleep(0)
            await asyncio.sleep(CRITICAL_MS / 1000)
            assert [event for event in up.events if not isinstance(event, ProbeEchoed)] == []


# --- the path loses packets ---------------------------------------------------------------------------


async def test_lost_syn_costs_the_critical_window_a_second(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker
) -> None:
    """The kernel repeats it after a whole second, and the connect has half of one."""
    port = free_port()
    listener = socket.create_server((RIGHT, port), backlog=0)
    waiting = [socket.socket() for _ in range(2)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex((RIGHT, port))

    late = Front(broker.port)
    async with server(monkeypatch, RIGHT), uplink(port) as up:
        up.connect(CRITICAL_MS)
        await asyncio.sleep(0.1)
        await late.start(sock=listener, backlog=8)
        assert isinstance(await up.until(UplinkConnected, UplinkLost), UplinkConnected)
        await up.echoes(1)
    await late.close()
    for one in waiting:
        one.close()


# --- the order ----------------------------------------------------------------------------------------


def test_address_that_failed_is_tried_first_again() -> None:
    names = Names("192.0.2.1", pinned=("192.0.2.2", "192.0.2.3"))
    assert names.known() == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    names.failed("192.0.2.1")
    assert names.next((), None) == "192.0.2.2"
    names.worked("192.0.2.3")
    names.failed("192.0.2.2")
    assert names.known() == ["192.0.2.3", "192.0.2.1", "192.0.2.2"]
    assert names.sure
    names.failed("192.0.2.3")  # all failed: each is still tried
    assert names.known() == ["192.0.2.3", "192.0.2.1", "192.0.2.2"]
    assert not names.sure


async def test_address_that_worked_is_forgotten_when_the_dns_begins_to_lie(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker
) -> None:
    monkeypatch.setattr("kit.uplinks.names.KEEP_S", (0, 0))
    async with server(monkeypatch, RIGHT) as dns, uplink(broker.port) as up:
        assert isinstance(await outcome(up), UplinkConnected)
        names = up.mqtt._diallers["fibre"].names
        names.failed(RIGHT)
        dns.says = {NAME: (REFUSING,)}
        up.mqtt.disconnect("fibre", "again")
        assert isinstance(await outcome(up, number=2), UplinkConnected)
        assert set(names.known()) == {RIGHT, REFUSING}


async def test_silence_of_the_path_is_blamed_on_the_address(
    monkeypatch: pytest.MonkeyPatch, broker: MqttBroker
) -> None:
    with silent(SILENT, broker.port):
        async with server(monkeypatch, SILENT), uplink(broker.port) as up:
            assert isinstance(await outcome(up, CRITICAL_MS), UplinkLost)
            names = up.mqtt._diallers["fibre"].names
            assert names._failed == set()
