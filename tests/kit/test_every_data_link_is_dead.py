"""kitd, its modem, a mobile network, center sms with a modem of its own, a broker and centerd: SMS is all there is."""

import asyncio
from pathlib import Path
from typing import Any, Final

from kit.facts import ReceiptStored, RungReached, SmsPartTaken
from simulators.devices.modem import SimulatedNetwork
from tests.center.site import Site
from tests.center.sms_gateway import SmsGateway, admitted
from tests.crypto.election_fixture import make_election
from tests.kit.harness import SCHEDULE, Branch
from tests.kit.real_kit import RealKit, real_kit
from tests.kit.staff import work_until
from tests.peers.modem_on_pty import ModemOnPty

GATEWAY: Final = "+99900000900"
BRANCH: Final = "+99900000101"
TABLES: Final = """
[[modems]]
kind = "at"
name = "sim-a"
port = "{line}"
poll_interval_ms = 500

[sms]
numbers = ["{gateway}"]

[escalation.account]
sms_after_s = 10

[escalation.tally]
sms_after_s = 10
"""


def modem(folder: Path, network: SimulatedNetwork, number: str) -> ModemOnPty:
    folder.mkdir()
    return ModemOnPty(folder, network=network, number=number, boot_ms=100, registration_ms=50)


def cut_off() -> Branch:
    """A branch that sealed everything, and whose uplinks went down before it did."""
    branch = work_until(Branch(make_election(2, schedule=SCHEDULE)), "closed")
    for name in branch.links:
        branch.set_link(name, "refused")
    return work_until(branch, "sealed")


async def test_tally_and_account_go_by_sms_and_are_acknowledged(tmp_path: Path) -> None:
    network, branch = SimulatedNetwork(), cut_off()
    network.forward_ms = 20
    network.lose, network.double, network.reorder = 1, 2, 1
    ours, theirs = modem(tmp_path / "kit", network, BRANCH), modem(tmp_path / "gateway", network, GATEWAY)
    site = Site(tmp_path, branch.election)
    gateway = SmsGateway(site, "--modem", theirs.line)
    site.start_broker()
    await asyncio.to_thread(site.start_centerd)
    gateway.start()
    try:
        async with real_kit(branch, tables=TABLES.format(line=ours.line, gateway=GATEWAY)) as kit:
            await _acknowledged(kit, 2)
            assert await kit.end() == 0
            facts = kit.facts()
        assert {fact.grade for fact in facts if isinstance(fact, ReceiptStored)} == {"acknowledged"}
        assert {fact.rung for fact in facts if isinstance(fact, RungReached)} == {"sms"}
        taken = [(fact.seq, fact.part) for fact in facts if isinstance(fact, SmsPartTaken)]
        assert len(taken) == len(set(taken)) + 1, "the centre asked for the one that was lost"
        assert admitted(site) == 2
    finally:
        gateway.close()
        ours.stop()
        theirs.stop()
        site.close()


async def _acknowledged(kit: RealKit, count: int) -> dict[str, Any]:
    async with asyncio.timeout(90):
        while True:
            status: dict[str, Any] = (await kit.ask({"op": "status"}))["status"]
            if len(status["outbox"]["receipts"]) == count:
                return status
            await asyncio.sleep(0.2)
