"""Links fail under real aiomqtt clients: cut, reset, black-holed, flapping, too slow, or leading nowhere."""

import asyncio
import contextvars
import gc
import time
from typing import Any

import aiomqtt
import paho.mqtt.client
import pytest

from simulators.virtual.connection import SEND_BUFFER_MAX
from simulators.virtual.errors import SimulationError
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.net import Network, install
from tests.simulators.net_world import HOST, PORT, World, client, collect, persistent, world


def listening(w: World, got: list[bytes]) -> None:
    """A centre that hears everything on topic t."""
    w.link("center", latency_s=(0.001, 0.002))
    w.loop.spawn("center", collect("center", "t", got))
    w.loop.run_for(2)


def test_bytes_arrive_in_order_and_in_time() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        w.link("kit", latency_s=(0.1, 2.0))
        seen: list[tuple[float, str, str, bytes]] = []
        w.network.tap(lambda *piece: seen.append(piece))
        sent = [b"%d" % n for n in range(100)]

        async def kit() -> None:
            async with client("kit") as connected:
                await asyncio.gather(
                    *(connected.publish("t", payload, qos=1, timeout=60) for payload in sent)
                )

        began = w.loop.time()
        w.run(w.loop.spawn("kit", kit()))
        w.loop.run_for(1)
        assert got == sent
        assert 5.0 < w.loop.time() - began < 60.0
        assert {(link, way) for _, link, way, _ in seen} == {
            (f"{node}-link", way) for node in ("kit", "center") for way in ("up", "down")
        }
        assert any(b"\x00\x01t" in data for _, link, way, data in seen if (link, way) == ("kit-link", "up"))
        assert w.loop.complaints == []


def test_black_hole_holds_bytes_and_lets_them_go_when_it_heals() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        link = w.link("kit")
        acknowledged: list[float] = []

        async def kit() -> None:
            async with client("kit", keepalive=600) as connected:
                link.blackhole()
                await connected.publish("t", b"late", qos=1, timeout=300)
                acknowledged.append(w.loop.time())

        task = w.loop.spawn("kit", kit())
        w.loop.run_for(200)
        assert (got, acknowledged, task.done()) == ([], [], False)
        healed = w.loop.time()
        link.up()
        w.loop.run_for(70)
        assert got == [b"late"]
        assert 0.0 < acknowledged[0] - healed < 65.0
        assert task.done()


def test_black_hole_swallows_what_its_sender_gave_up_on() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        link = w.link("kit")

        async def talk() -> None:
            async with client("kit", keepalive=10) as connected:
                link.blackhole()
                with pytest.raises(aiomqtt.MqttError, match="timed out"):
                    await connected.publish("t", b"lost", qos=1, timeout=2)
                await anext(connected.messages)

        async def kit() -> float:
            began = w.loop.time()
            with pytest.raises(aiomqtt.MqttError):
                await talk()
            return w.loop.time() - began

        noticed_s = w.run(w.loop.spawn("kit", kit()))
        assert isinstance(noticed_s, float)
        assert 10 < noticed_s < 40, "keepalive is what notices a black hole"
        link.up()
        w.loop.run_for(100)
        assert got == []
        assert w.broker.clients() == ["center"]


def test_connecting_into_a_black_hole_times_out() -> None:
    with world() as w:
        w.link("kit").blackhole()

        async def kit() -> float:
            began = w.loop.time()
            with pytest.raises(aiomqtt.MqttError, match="no answer"):
                async with client("kit"):
                    pass
            return w.loop.time() - began

        assert w.run(w.loop.spawn("kit", kit())) == pytest.approx(5.0, abs=0.1)


def test_reset_is_noticed_at_once_and_everything_is_acknowledged_in_the_end() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        link = w.link("kit")
        sent = [b"%d" % n for n in range(60)]
        task = w.loop.spawn("kit", persistent("kit", "t", sent, retry_s=0.1))
        for _ in range(4):
            w.loop.run_for(13)  # publish() waits out its 10 s
            link.reset()
        connects = w.run(task)
        assert connects == 5
        assert sorted(set(got)) == sorted(sent)


def test_link_that_is_down_refuses_and_its_standing_connections_break() -> None:
    with world() as w:
        link = w.link("kit")

        async def kit() -> list[str]:
            said = []
            for _ in range(2):
                try:
                    async with client("kit") as connected:
                        w.loop.call_later(1, link.down)
                        async for _ in connected.messages:
                            pass
                except aiomqtt.MqttError as error:
                    said.append(str(error))
            return said

        said = w.run(w.loop.spawn("kit", kit()))
        assert isinstance(said, list)
        assert "Disconnected" in said[0]
        assert "refused" in said[1]
        assert w.broker.clients() == []


@pytest.mark.parametrize("fault", ["down", "blackhole"])
def test_flapping_link_delivers_in_the_end(fault: str) -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        link = w.link("kit")
        link.flap(up_s=(5, 60), out_s=(5, 60), fault=fault)  # type: ignore[arg-type]
        sent = [b"%d" % n for n in range(100)]
        connects = w.run(w.loop.spawn("kit", persistent("kit", "t", sent)))
        assert isinstance(connects, int)
        assert connects > 1
        link.up()
        w.loop.run_for(100)
        assert set(got) == set(sent)
        assert link.state == "up"


def test_full_send_buffer_makes_the_client_wait() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        link = w.link("kit")
        w.broker.packet_max = 4 * SEND_BUFFER_MAX
        big = bytes(3 * SEND_BUFFER_MAX)
        under_way: list[int] = []

        async def kit() -> None:
            async with client("kit", keepalive=600) as connected:
                link.blackhole()
                w.loop.call_later(5, lambda: under_way.append(link.connections()[0].up.size))
                w.loop.call_later(10, link.up)
                await connected.publish("t", big, qos=1, timeout=100)

        w.run(w.loop.spawn("kit", kit()))
        w.loop.run_for(2)
        assert under_way == [SEND_BUFFER_MAX]
        assert got == [big]


@pytest.mark.parametrize(("state", "arrives"), [("up", True), ("blackhole", False)])
def test_power_cut_leaves_what_was_on_the_wire_and_takes_what_was_not(state: str, arrives: bool) -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        link = w.link("kit", latency_s=(0.5, 0.5))

        def pull_the_plug(_: float, __: str, way: str, data: bytes) -> None:
            if way == "up" and b"last words" in data and w.loop.alive("kit"):
                w.loop.call_soon(w.loop.kill, "kit", context=contextvars.Context())

        async def kit() -> None:
            async with client("kit", keepalive=20) as connected:
                getattr(link, state)()
                await connected.publish("t", b"last words")
                await asyncio.sleep(100)

        w.network.tap(pull_the_plug)
        w.loop.spawn("kit", kit())
        w.loop.run_for(5)
        assert not w.loop.alive("kit")
        link.up()
        w.loop.run_for(3)
        assert got == ([b"last words"] if arrives else [])
        assert w.broker.clients() == ["center", "kit"], "nobody tells the broker"
        w.loop.run_for(40)
        assert w.broker.clients() == ["center"], "its keepalive does"


def test_dead_process_on_a_living_machine_is_noticed_at_once() -> None:
    with world() as w:
        w.link("kit")

        async def kit() -> None:
            async with client("kit"):
                await asyncio.sleep(100)

        w.loop.spawn("kit", kit())
        w.loop.run_for(5)
        assert w.broker.clients() == ["kit"]
        w.loop.kill("kit")
        w.network.hang_up("kit")
        assert w.broker.clients() == []


def test_new_life_takes_its_old_session_over_and_old_packets_are_reset() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        w.link("kit")
        heard: list[bytes] = []
        w.loop.spawn("kit", collect("kit", "down", heard))
        w.loop.run_for(5)
        w.loop.kill("kit")
        w.loop.spawn("kit", collect("kit", "down", heard))
        w.loop.run_for(5)
        assert w.broker.statistics["take-over"] == 1
        w.link("other")
        w.run(w.loop.spawn("other", persistent("other", "down", [b"hello"])))
        assert heard == [b"hello"]


def test_each_node_and_source_address_has_its_own_way() -> None:
    with world() as w:
        w.network.add_link("fibre", host=HOST, port=PORT, node="kit", source="10.0.0.1")
        w.network.add_link("sim-a", host=HOST, port=PORT, node="kit", source="10.0.0.2")
        w.network.add_link("any", host=HOST, port=PORT)
        ways: list[str] = []
        w.network.tap(
            lambda _, link, way, data: ways.append(link) if way == "up" and data[0] == 0x10 else None
        )

        async def connect(source: str) -> None:
            async with client(f"c{source}", bind_address=source):
                pass

        for node, source in (("kit", "10.0.0.1"), ("kit", "10.0.0.2"), ("kit", ""), ("other", "10.0.0.1")):
            w.run(w.loop.spawn(node, connect(source)))
        assert ways == ["fibre", "sim-a", "any", "any"]
        with pytest.raises(ValueError, match="there already"):
            w.network.add_link("any-2", host=HOST, port=PORT)


def test_way_that_leads_nowhere_ends_the_run() -> None:
    async def kit() -> None:
        try:
            async with client("kit"):
                pass
        except Exception:  # noqa: BLE001, S110 - even a product that swallows everything
            pass
        await asyncio.sleep(100)

    with (
        world() as w,
        pytest.raises(SimulationError, match=r"no link leads from kit .* to broker\.example:1883"),
    ):
        w.run(w.loop.spawn("kit", kit()))


def test_world_leaves_paho_as_it_was() -> None:
    module: Any = paho.mqtt.client
    names = ("_create_socket_connection", "_ssl_wrap_socket")
    before = [module.time_func, *(getattr(module.Client, name) for name in names)]
    assert before[0] is time.monotonic

    def fail_inside() -> None:
        with VirtualLoop() as loop, install(loop, Network(loop)):
            assert module.time_func() == loop.time()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert [module.time_func, *(getattr(module.Client, name) for name in names)] == before


def test_clients_cut_off_in_every_state_are_buried_without_a_word() -> None:
    with world() as w:
        for n in range(30):
            link = w.link(f"kit-{n}")
            w.loop.spawn(f"kit-{n}", persistent(f"kit-{n}", "t", [b"x"] * 100))
            w.loop.call_later(0.1 * n, [link.up, link.down, link.blackhole][n % 3])
            w.loop.call_later(0.2 * n, w.loop.kill, f"kit-{n}")
        w.loop.run_for(4)
        for n in range(0, 30, 2):
            w.loop.spawn(f"kit-{n}", persistent(f"kit-{n}", "t", [b"x"] * 100))
        w.loop.run_for(3)
        assert w.loop.complaints == []
    gc.collect()
