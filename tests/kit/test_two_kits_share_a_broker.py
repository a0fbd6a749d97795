"""Two kits of one branch are two clients; and the centre's schedule changes reach both."""

import asyncio

from crypto import wire
from failover.events import ProbeEchoed, UplinkConnected, UplinkLost
from kit.events import ScheduleHeard
from simulators.loopback.broker import MqttBroker
from tests.kit.uplink_bench import BRANCH, ELECTION, center, uplink

STANDBY = "standby-device-1-1"


async def test_one_kit_throws_the_other_off_the_broker(broker: MqttBroker) -> None:
    async with uplink(broker) as first, uplink(broker, STANDBY) as second:
        first.connect()
        await first.until(UplinkConnected)
        second.connect()
        await second.until(UplinkConnected)
        await asyncio.sleep(0.1)
        await first.echoes(1)
        await second.echoes(1)
        assert not [event for event in (*first.events, *second.events) if isinstance(event, UplinkLost)]


async def test_echo_of_one_kit_makes_the_others_uplink_look_alive(broker: MqttBroker) -> None:
    """Nonces count from 1 in both: an echo that both heard would vouch for a dead way."""
    async with uplink(broker) as first, uplink(broker, STANDBY) as second:
        for one in (first, second):
            one.connect()
            await one.until(UplinkConnected)
        await first.echoes(7)
        await second.echoes(8)
        assert ProbeEchoed("fibre", 8) not in first.events
        assert ProbeEchoed("fibre", 7) not in second.events


async def test_schedule_change_does_not_reach_a_branch(broker: MqttBroker) -> None:
    async with uplink(broker) as up, center(broker) as hub:
        up.connect()
        await up.until(UplinkConnected)
        await hub.publish(wire.topic_schedule(ELECTION), b"an act")
        assert await up.until(ScheduleHeard) == ScheduleHeard(b"an act")


async def test_schedule_change_is_larger_than_any_act(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        session = up.mqtt._sessions["fibre"]
        up.mqtt.heard(session, wire.topic_schedule(ELECTION), b"x" * (wire.ENVELOPE_MAX + 1))
        up.mqtt.heard(session, wire.topic_schedule("another-election"), b"x")
        await up.echoes(2)
        assert not [event for event in up.events if isinstance(event, ScheduleHeard)]
        assert wire.branch_of_topic(wire.topic_schedule(ELECTION)) != BRANCH
