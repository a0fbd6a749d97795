"""The broker loses, doubles, delays, drops and dies, and each fault is seen by real aiomqtt clients."""

import asyncio

import aiomqtt
import pytest

from simulators.virtual.connection import SERVER_BUFFER_MAX
from simulators.virtual.mqtt_broker import QUEUE_MAX, WINDOW_MAX, BrokerFaults
from tests.simulators.net_world import World, client, collect, persistent, world


def listening(w: World, got: list[bytes], *, qos: int = 1) -> None:
    w.link("center", latency_s=(0.001, 0.002))
    w.link("kit", latency_s=(0.01, 0.02))
    w.loop.spawn("center", collect("center", "t/#", got, qos=qos))
    w.loop.run_for(2)


def publish(w: World, payloads: list[bytes], *, qos: int = 1, seconds: float = 60) -> int:
    """How many publishes were acknowledged."""
    done: list[bytes] = []

    async def kit() -> None:
        async with client("kit", max_inflight_messages=100) as connected:
            for payload in payloads:
                try:
                    await connected.publish("t/1", payload, qos=qos, timeout=2)
                    done.append(payload)
                except aiomqtt.MqttError:
                    continue

    w.run(w.loop.spawn("kit", kit()))
    w.loop.run_for(seconds)
    return len(done)


def test_lost_puback_leaves_the_message_delivered() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        w.broker.faults = BrokerFaults(lose_puback=0.5)
        sent = [b"%d" % n for n in range(40)]
        acknowledged = publish(w, sent)
        assert 5 < acknowledged < 35
        assert got == sent
        assert w.broker.statistics["lose_puback"] == 40 - acknowledged


def test_duplicates_arrive_twice() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        w.broker.faults = BrokerFaults(duplicate=0.5)
        sent = [b"%d" % n for n in range(40)]
        publish(w, sent)
        assert set(got) == set(sent)
        assert len(got) == 40 + w.broker.statistics["duplicate"] > 45


def test_delayed_deliveries_are_overtaken_and_none_is_lost() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        w.broker.faults = BrokerFaults(delay=0.5, delay_s=(0.1, 10.0))
        sent = [b"%02d" % n for n in range(40)]
        publish(w, sent)
        assert got != sent
        assert sorted(got) == sent


def test_qos_0_is_dropped_and_qos_1_is_not() -> None:
    for qos in (0, 1):
        with world() as w:
            got: list[bytes] = []
            listening(w, got)
            w.broker.faults = BrokerFaults(drop_qos0=0.5)
            publish(w, [b"%d" % n for n in range(40)], qos=qos)
            assert (len(got) == 40) is (qos == 1)
            assert len(got) > 5


def test_crash_forgets_what_it_had_acknowledged() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        w.broker.faults = BrokerFaults(delay=1.0, delay_s=(10.0, 20.0))
        assert publish(w, [b"gone"], seconds=1) == 1
        w.broker.crash(restart_after_s=30)
        w.loop.run_for(100)
        assert got == []
        assert w.broker.running
        assert w.broker.clients() == []


def test_crash_and_restart_are_survived_by_who_tries_again() -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)

        async def stubborn() -> None:
            while True:
                try:
                    await collect("again", "t/#", got)
                except aiomqtt.MqttError:
                    await asyncio.sleep(1)

        w.link("again")
        w.loop.spawn("again", stubborn())
        sent = [b"%d" % n for n in range(30)]
        task = w.loop.spawn("kit", persistent("kit", "t/1", sent))
        w.loop.run_for(10)
        w.broker.crash()
        w.loop.run_for(20)
        assert not task.done()
        w.broker.restart()
        connects = w.run(task)
        assert isinstance(connects, int)
        assert connects == 2
        w.loop.run_for(5)
        assert {b"0", b"29"} <= set(got) <= set(sent)


def test_crash_behind_a_black_hole_is_learnt_after_it_heals() -> None:
    with world() as w:
        link = w.link("kit")
        lost_at: list[float] = []

        async def kit() -> None:
            try:
                async with client("kit", keepalive=3_600) as connected:
                    async for _ in connected.messages:
                        pass
            except aiomqtt.MqttError:
                lost_at.append(w.loop.time())

        w.loop.spawn("kit", kit())
        w.loop.run_for(5)
        link.blackhole()
        w.broker.crash(restart_after_s=1)
        w.loop.run_for(300)
        assert lost_at == []
        link.up()
        w.loop.run_for(70)
        assert len(lost_at) == 1


def test_second_client_with_the_same_id_throws_the_first_out() -> None:
    with world() as w:
        w.link("a")
        w.link("b")
        out: list[float] = []

        async def first() -> None:
            with pytest.raises(aiomqtt.MqttError):
                await collect("same", "t", [])
            out.append(w.loop.time())

        async def second() -> None:
            async with client("same"):
                await asyncio.sleep(10)

        w.loop.spawn("a", first())
        w.loop.run_for(5)
        w.loop.spawn("b", second())
        w.loop.run_for(5)
        assert len(out) == 1
        assert w.broker.clients() == ["same"]


@pytest.mark.parametrize("polite", [True, False])
def test_will_is_published_unless_the_client_says_goodbye(polite: bool) -> None:
    with world() as w:
        got: list[bytes] = []
        listening(w, got)
        will = aiomqtt.Will("t/will", b"gone", qos=1)

        async def kit() -> None:
            async with client("kit", will=will, keepalive=10):
                await asyncio.sleep(3 if polite else 1_000)

        w.loop.spawn("kit", kit())
        w.loop.run_for(5)
        w.loop.kill("kit")
        w.loop.run_for(20)
        assert got == ([] if polite else [b"gone"])


def test_unsubscribed_and_foreign_topics_stay_away() -> None:
    with world() as w:
        w.link("kit")

        async def kit() -> list[str]:
            async with client("kit") as connected:
                await connected.subscribe("a/+/c", qos=0)
                await connected.subscribe("b/#", qos=1)
                for topic in ("a/1/c", "a/1/2/c", "b", "b/1/2", "c"):
                    await connected.publish(topic, b"", qos=1)
                await connected.unsubscribe("b/#")
                await connected.publish("b/3", b"", qos=1)
                await connected.publish("a/2/c", b"", qos=1)
                return [str((await anext(connected.messages)).topic) for _ in range(4)]

        assert w.run(w.loop.spawn("kit", kit())) == ["a/1/c", "b", "b/1/2", "a/2/c"]


def test_retained_message_meets_who_comes_later() -> None:
    with world() as w:
        got: list[bytes] = []
        w.link("kit")

        async def kit(payload: bytes) -> None:
            async with client("kit") as connected:
                await connected.publish("t/kept", payload, qos=1, retain=True)

        w.run(w.loop.spawn("kit", kit(b"old")))
        w.run(w.loop.spawn("kit", kit(b"new")))
        w.link("center")
        w.loop.spawn("center", collect("center", "t/#", got))
        w.loop.run_for(5)
        assert got == [b"new"]
        w.run(w.loop.spawn("kit", kit(b"")))
        assert w.broker.retained("#") == []


def test_persistent_session_keeps_what_its_client_missed_or_did_not_acknowledge() -> None:
    with world() as w:
        listening(w, [])
        got: list[bytes] = []

        async def visit(seconds: float, *, acknowledge: bool) -> None:
            async with client("keeper", clean_session=False) as connected:
                connected._client.manual_ack_set(True)
                await connected.subscribe("t/#", qos=1)
                async with asyncio.timeout(seconds):
                    async for message in connected.messages:
                        got.append(bytes(message.payload))
                        if acknowledge:
                            connected._client.ack(message.mid, 1)

        w.link("keeper")
        w.loop.spawn("keeper", visit(1_000, acknowledge=False))
        w.loop.run_for(2)
        publish(w, [b"%d" % n for n in range(WINDOW_MAX + 5)], seconds=2)
        assert len(got) == WINDOW_MAX
        w.network.links["keeper-link"].reset()
        w.loop.run_for(2)
        publish(w, [b"missed"], seconds=2)
        w.loop.spawn("keeper", visit(1_000, acknowledge=True))
        w.loop.run_for(5)
        expected = [b"%d" % n for n in range(WINDOW_MAX + 5)] + [b"missed"]
        assert got[WINDOW_MAX:] == expected


def test_subscriber_that_does_not_read_is_thrown_out_before_the_broker_drowns() -> None:
    with world() as w:
        w.link("kit")
        link = w.link("sleepy")

        async def sleepy() -> None:
            async with client("sleepy", keepalive=60_000) as connected:
                await connected.subscribe("t", qos=0)
                link.blackhole()
                await asyncio.sleep(10_000)

        async def kit() -> None:
            async with client("kit") as connected:
                for _ in range(2 * SERVER_BUFFER_MAX // 200_000):
                    await connected.publish("t", bytes(200_000), qos=1)

        w.loop.spawn("sleepy", sleepy())
        w.loop.run_for(5)
        assert w.broker.clients() == ["sleepy"]
        w.run(w.loop.spawn("kit", kit()))
        assert "sleepy" not in w.broker.clients()
        assert w.broker.statistics["lost"] == 1


def test_session_whose_client_stays_away_keeps_no_more_than_its_queue() -> None:
    with world() as w:
        listening(w, [])
        w.link("keeper")

        async def visit() -> int:
            async with client("keeper", clean_session=False) as connected:
                await connected.subscribe("t/#", qos=1)
                await asyncio.sleep(600)
                return len(connected.messages)

        task = w.loop.spawn("keeper", visit())
        w.loop.run_for(2)
        w.network.links["keeper-link"].reset()
        w.loop.run_for(2)
        w.loop.kill("keeper")
        publish(w, [b""] * (QUEUE_MAX + 50))
        assert w.broker.statistics["queue-full"] == 50
        assert not task.done()
        assert w.run(w.loop.spawn("keeper", visit())) == QUEUE_MAX
