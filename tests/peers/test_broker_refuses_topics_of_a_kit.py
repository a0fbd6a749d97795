"""A broker that lets a kit in and not read what it must: that uplink is none, and says what is refused."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from crypto.wire import topic_command, topic_receipt
from failover.events import UplinkConnected, UplinkLost
from kit.events import ReceiptHeard
from kit.uplinks.gateway import Gateway
from tests.crypto.election_fixture import ELECTION
from tests.peers import require_program
from tests.peers.kit_edge import KitEdge, until
from tests.peers.mosquitto import HOST, Mosquitto

pytestmark = pytest.mark.peer("mosquitto")
BRANCH = "branch-1"
WHERE = ("/usr/lib/*/mosquitto_dynamic_security.so", "/usr/lib/mosquitto_dynamic_security.so")


def plugin() -> Path:
    """mosquitto's dynamic security: the one of its ways that answers a forbidden SUBSCRIBE with 0x80."""
    found = [path for pattern in WHERE for path in Path("/").glob(pattern.lstrip("/"))]
    return found[0] if found else Path(require_program("mosquitto_dynamic_security.so"))


def rights(*forbidden: str) -> dict[str, Any]:
    """Everybody may do all but subscribe to these."""
    acls = [
        {"acltype": kind, "topic": "#", "allow": True, "priority": 0}
        for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
    ]
    acls += [
        {"acltype": "subscribeLiteral", "topic": topic, "allow": False, "priority": 9} for topic in forbidden
    ]
    return {
        "defaultACLAccess": dict.fromkeys(
            ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), True
        ),
        "clients": [],
        "groups": [{"groupname": "anybody", "clients": [], "roles": [{"rolename": "kit"}]}],
        "roles": [{"rolename": "kit", "acls": acls}],
        "anonymousGroup": "anybody",
    }


@asynccontextmanager
async def broker_with(folder: Path, *forbidden: str) -> AsyncIterator[Mosquitto]:
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - of a test
    file = folder / "rights.json"
    file.write_text(json.dumps(rights(*forbidden)), encoding="utf-8")
    one = Mosquitto(folder, f"plugin {plugin()}", f"plugin_opt_config_file {file}")
    await one.start()
    try:
        yield one
    finally:
        one.kill()


@pytest.mark.parametrize("dialled", [False, True])
async def test_uplink_that_hears_no_receipts_counts_and_says_nothing(
    tmp_path: Path, *, dialled: bool
) -> None:
    topic = topic_receipt(ELECTION, BRANCH)
    async with broker_with(tmp_path, topic) as broker:
        gateway = Gateway(HOST, broker.port, addresses=(HOST,) if dialled else ())
        async with KitEdge(broker.port, gateway=gateway) as kit:
            lost = await kit.outcome()
            assert isinstance(lost, UplinkLost)
            assert f"the broker refuses the subscription to {topic}" in lost.reason
            assert f"give client {kit.uplinks.client_id('fibre')} the right to read it" in lost.reason
            assert kit.heard(UplinkConnected) == []
            await until(
                lambda: f"Client {kit.uplinks.client_id('fibre')} closed its connection" in broker.said()
            )


async def test_uplink_that_hears_no_echo_counts(tmp_path: Path) -> None:
    async with (
        broker_with(tmp_path, f"kit/v1/{ELECTION}/{BRANCH}/probe/fibre") as broker,
        KitEdge(broker.port) as kit,
    ):
        lost = await kit.outcome()
        assert isinstance(lost, UplinkLost)
        assert "/probe/fibre: give client" in lost.reason


@pytest.mark.parametrize("dialled", [False, True])
async def test_uplink_is_given_up_though_only_commands_are_refused(tmp_path: Path, *, dialled: bool) -> None:
    topic = topic_command(ELECTION, BRANCH)
    async with broker_with(tmp_path, topic) as broker:
        gateway = Gateway(HOST, broker.port, addresses=(HOST,) if dialled else ())
        async with KitEdge(broker.port, gateway=gateway) as kit, aiomqtt.Client(HOST, broker.port) as center:
            assert await kit.outcome() == UplinkConnected("fibre")
            assert topic in kit.notices()["rights"]
            await kit.probe()
            await center.publish(topic_receipt(ELECTION, BRANCH), b"a receipt")
            await until(lambda: kit.heard(ReceiptHeard) == [ReceiptHeard("fibre", "a receipt")])


async def test_other_uplinks_are_held_up_by_one_without_rights(tmp_path: Path) -> None:
    topic = topic_receipt(ELECTION, BRANCH)
    async with (
        broker_with(tmp_path / "a", topic) as deaf,
        broker_with(tmp_path / "b") as good,
        KitEdge(good.port, uplinks=("fibre", "4g")) as kit,
    ):
        kit.uplinks._gateways["fibre"] = Gateway(HOST, deaf.port)
        kit.uplinks.connect("fibre", 2_000)
        await kit.connect("4g")
        await kit.probe("4g")
        await until(lambda: kit.stands("fibre") is False)
        await kit.probe("4g")
        assert kit.stands("4g") is True


async def test_rights_that_were_given_are_still_missed(tmp_path: Path) -> None:
    async with (
        broker_with(tmp_path / "a", topic_command(ELECTION, BRANCH)) as broker,
        broker_with(tmp_path / "b") as good,
        KitEdge(broker.port) as kit,
    ):
        await kit.connect()
        assert "rights" in kit.notices()
        kit.uplinks._gateways["fibre"] = Gateway(HOST, good.port)
        await kit.connect()
        assert kit.notices() == {}
