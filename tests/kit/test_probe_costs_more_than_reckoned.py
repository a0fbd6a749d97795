"""What one probe really puts on the line, against what the data budget reckons for it."""

from collections import Counter

from crypto.wire import topic_probe
from failover.budget import probe_bytes
from failover.events import UplinkConnected
from failover.timing import Timing
from kit.uplinks import session
from simulators.loopback.broker import MqttBroker
from simulators.loopback.relay import Relay
from tests.kit.uplink_bench import BRANCH, ELECTION, Uplink

PACKETS, HEADERS = 4, 40 + 32  # of IPv6, and of TCP with timestamps: probe, its ACK, echo, its ACK
RECORDS, RECORD = 2, 5 + 1 + 16  # of TLS 1.3: header, type, tag


async def test_probe_costs_more_than_the_budget_reckons(broker: MqttBroker) -> None:
    heard: Counter[str] = Counter()
    made = Uplink(broker.port)
    await made.relay.close()
    made.relay = Relay("127.0.0.1", broker.port, tap=lambda way, data: heard.update({way: len(data)}))
    await made.start()
    try:
        made.connect()
        await made.until(UplinkConnected)
        for nonce in (1, 2**62):
            heard.clear()
            await made.echoes(nonce)
            on_the_line = heard.total() + PACKETS * HEADERS + RECORDS * RECORD
            reckoned = probe_bytes(len(topic_probe(ELECTION, BRANCH, "fibre")))
            assert heard.total() > 2 * len(topic_probe(ELECTION, BRANCH, "fibre"))
            assert reckoned - 60 < on_the_line <= reckoned
    finally:
        await made.mqtt.close()
        await made.relay.close()


def test_session_that_is_probed_sends_pings_as_well() -> None:
    assert Timing().probe_ms < 1000 * session.KEEPALIVE_S
