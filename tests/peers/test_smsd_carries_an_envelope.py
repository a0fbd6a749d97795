"""``center sms`` on smsd's spool, with centerd behind it: parts of a branch in, the log's acknowledgement out.

A branch's modem (ours) and smsd's (simulated, held by the real daemon) share one simulated network.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from crypto import command, command_packing, sms, sms_missing
from crypto.command import Command
from drivers.ports import SmsReceived
from simulators.devices.modem import SimulatedNetwork
from tests.center.site import Site, program
from tests.center.sms_gateway import SmsGateway, admitted, just_now
from tests.center.sms_world import parts_of, tally_of
from tests.crypto.election_fixture import ELECTION, Election, make_election
from tests.peers.kit_modem import KitModem, kit_modem
from tests.peers.patience import until
from tests.peers.smsd import Smsd, running

pytestmark = pytest.mark.peer("smsd")

GATEWAY: Final = "+99900000900"
BRANCH: Final = "+99900000101"
STRANGER: Final = "+99900000666"
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "sms.md"


@dataclass(frozen=True)
class Scene:
    """A branch, a stranger, smsd and the gateway on its spool, centerd."""

    election: Election
    network: SimulatedNetwork
    branch: KitModem
    stranger: KitModem
    smsd: Smsd
    site: Site
    gateway: SmsGateway

    def words(self) -> str:
        return f"{self.gateway.said()[-2_000:]}\n{self.smsd.log()[-1_000:]}"


def smsd_conf() -> str:
    """The one that people are told to use."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition("```conf\n")
    return rest.partition("```")[0]


@contextlib.asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    network, election = SimulatedNetwork(), make_election(2)
    network.forward_ms = 50
    site = Site(folder, election)
    async with (
        kit_modem(folder / "branch", network=network, number=BRANCH) as branch,
        kit_modem(folder / "stranger", network=network, number=STRANGER) as stranger,
        running(conf=smsd_conf(), network=network, number=GATEWAY) as smsd,
    ):
        gateway = SmsGateway(site, "--spool", smsd.folder)
        try:
            site.start_broker()
            await asyncio.to_thread(site.start_centerd)
            gateway.start()
            yield Scene(election, network, branch, stranger, smsd, site, gateway)
        finally:
            gateway.close()
            site.close()


async def test_parts_lost_doubled_disordered_and_a_strangers_among_them(tmp_path: Path) -> None:
    """The gateway is killed with half of the parts, and commanded to send one when all is over."""
    async with scene(tmp_path) as now:
        envelope = tally_of(now.election)
        parts = parts_of(now.election, envelope)
        half = len(parts) // 2
        await now.stranger.send(GATEWAY, b"\x00\x01\r\n\r\n", parts[0][:-9] + b"\n\n\nforged")
        now.network.reorder = now.network.double = 1
        await now.branch.send(GATEWAY, *parts[:half])
        await until(lambda: now.gateway.files("part") == half + 1, now.words)
        now.gateway.kill()
        now.network.lose = 1
        await now.branch.send(GATEWAY, *parts[half:])
        now.gateway.start()
        await until(lambda: any(one[0] == sms_missing.FIRST_BYTE for one in now.branch.contents()), now.words)
        (asked,) = {one for one in now.branch.contents() if one[0] == sms_missing.FIRST_BYTE}
        missing = sms_missing.read(asked, log=now.election.loaded.log_verifier).parts.missing
        assert missing == (half + 1,)
        await now.branch.send(GATEWAY, *(parts[number - 1] for number in missing))
        await until(lambda: now.branch.answers(envelope, now.election.loaded) == 1, now.words)
        await until(lambda: now.gateway.files("envelope") == 0, now.words)
        assert admitted(now.site) == 1
        await _is_told_what_the_centre_commands(now)
        assert now.smsd.files("failed") == []
        assert not [one for one in now.stranger.contents() if one[0] != sms_missing.FIRST_BYTE]
        assert now.gateway.stop() == 1  # the stranger's part still waits for others
        assert "1 envelopes whole" in now.gateway.said()
        assert "Traceback" not in now.gateway.said()


async def _is_told_what_the_centre_commands(now: Scene) -> None:
    text = "صندوق را باز نکنید. Keep the box sealed, a courier comes. "
    order = Command(
        kind="message",
        election=ELECTION,
        round=1,
        branch="branch-1",
        number=1,
        **just_now(),
        text=(text * 3).strip(),
    )
    path = now.site.folder / "message.note"
    path.write_text(command.make(order, now.election.log), encoding="utf-8")
    before = len(now.branch.of(SmsReceived))
    options = ("--config", now.site.config, "--send", path, "--wait", "60")
    sending = program("center", "sms", *options)
    assert await asyncio.to_thread(sending.wait, 90) == 0, now.words()

    def whole() -> bool:
        came = [event.user_data for event in now.branch.of(SmsReceived)[before:]]
        with contextlib.suppress(sms.PartError):
            packed = sms.join(came)
            return (
                command.check(command_packing.unpack(packed, now.election.loaded), now.election.loaded)
                == order
            )
        return False

    await until(whole, now.words)


async def test_command_goes_without_a_gateway(tmp_path: Path) -> None:
    """The call itself sends by smsd; broker and centerd are not needed. Another life's files are cleared away."""
    network, election = SimulatedNetwork(), make_election(1)
    network.forward_ms = 50
    site = Site(tmp_path, election)
    note = tmp_path / "pacing.note"
    order = Command("pacing", ELECTION, 1, None, 4, **just_now(), pause_ms=20_000)
    note.write_text(command.make(order, election.log), encoding="utf-8")
    async with (
        kit_modem(tmp_path / "branch", network=network, number=BRANCH) as branch,
        running(conf=smsd_conf(), network=network, number=GATEWAY) as smsd,
    ):
        try:
            (smsd.folder / "sent" / "branch-kit-old-1").write_text("of another life", encoding="utf-8")
            options = ("--config", site.config, "--spool", smsd.folder, "--send", note, "--wait", "60")
            sending = program("center", "sms", *options, "--to", BRANCH)
            assert await asyncio.to_thread(sending.wait, 90) == 0, smsd.log()
            await until(lambda: bool(branch.contents()))
            (packed,) = branch.contents()
            assert command_packing.unpack(packed, election.loaded) == note.read_text(encoding="utf-8")
            assert (smsd.files("sent"), smsd.files("failed")) == ([], [])
        finally:
            site.close()
