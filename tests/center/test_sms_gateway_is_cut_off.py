"""``center sms`` with a modem of its own: what becomes of envelopes while a modem, centerd or the gateway is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from center.sms.folder import Folder
from center.sms.records import OrderRecord
from crypto import command, command_packing
from crypto.command import Command
from simulators.devices.modem import SimulatedNetwork
from tests.center.site import Site, ran, write_files
from tests.center.sms_gateway import SmsGateway, admitted, just_now
from tests.center.sms_world import parts_of, tally_of
from tests.crypto.election_fixture import ELECTION, Election, make_election
from tests.peers.kit_modem import KitModem, kit_modem
from tests.peers.modem_on_pty import ModemOnPty
from tests.peers.patience import until

GATEWAY: Final = "+99900000900"
BRANCH: Final = "+99900000101"


class Scene:
    """A branch's modem and the gateway's, one network, a broker and a centerd (not started)."""

    def __init__(self, folder: Path, election: Election, branch: KitModem, network: SimulatedNetwork) -> None:
        self.election, self.branch, self.network = election, branch, network
        self.site = Site(folder, election)
        (folder / "gateway").mkdir()
        self.modem = ModemOnPty(
            folder / "gateway", network=network, number=GATEWAY, boot_ms=100, registration_ms=50
        )
        self.gateway = SmsGateway(self.site, "--modem", self.modem.line)

    def close(self) -> None:
        self.gateway.close()
        self.modem.stop()
        self.site.close()


@contextlib.asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    network, election = SimulatedNetwork(), make_election(2)
    network.forward_ms = 20
    async with kit_modem(folder / "branch", network=network, number=BRANCH) as branch:
        now = Scene(folder, election, branch, network)
        try:
            yield now
        finally:
            now.close()


async def test_everything_is_away_once_and_the_envelope_arrives_and_is_answered(tmp_path: Path) -> None:
    async with scene(tmp_path) as now:
        envelope = tally_of(now.election)
        parts = parts_of(now.election, envelope)
        now.network.double = 2
        now.network.reorder = 2
        await now.branch.send(GATEWAY, *parts[:-1])  # no gateway yet: the SIM takes them
        now.gateway.start()
        await until(lambda: now.gateway.files("part") == len(parts) - 1, now.gateway.said)
        now.gateway.kill()
        now.gateway.start()
        await now.branch.send(GATEWAY, parts[-1])
        await until(lambda: now.gateway.files("envelope") == 1, now.gateway.said)
        options = ("--config", now.site.config, "--modem", now.modem.line)
        code, _, err = await asyncio.to_thread(ran, "center", "sms", *options)
        assert (code, "another gateway" in err) == (73, True)
        assert now.gateway.files("part") == 0
        assert "envelopes wait in the folder" in now.gateway.said()
        assert now.gateway.stop() == 1
        assert "goes on at the next start: 1 envelopes wait" in now.gateway.said()
        now.gateway.start()
        now.site.start_broker()
        await asyncio.to_thread(now.site.start_centerd)
        await until(lambda: now.branch.answers(envelope, now.election.loaded) == 1, now.gateway.said)
        await until(lambda: now.gateway.files("envelope") == 0, now.gateway.said)
        assert now.gateway.stop() == 0
        now.gateway.start()
        await now.branch.send(GATEWAY, *parts_of(now.election, envelope, reference=8))  # did not hear
        await until(lambda: now.branch.answers(envelope, now.election.loaded) == 2, now.gateway.said)
        assert admitted(now.site) == 1
        assert "Traceback" not in now.gateway.said()


def test_wrong_places_commands_and_branches_are_refused_with_words(tmp_path: Path) -> None:
    site = Site(tmp_path, make_election(1))
    try:
        code, _, err = ran("center", "sms", "--config", site.config, "--spool", tmp_path)
        assert (code, "name smsd's folder" in err) == (73, True)
        code, _, err = ran("center", "sms", "--config", site.config)
        assert (code, "--modem" in err) == (78, True)
        note = tmp_path / "note"
        note.write_bytes(b"\xc5 nothing")
        code, _, err = ran("center", "sms", "--config", site.config, "--send", note, "--to", BRANCH)
        assert code == 65
        times = {"issued_at": "2026-06-18T20:00:00Z", "expires_at": "2026-06-18T20:10:00Z"}
        late = Command("pacing", ELECTION, 1, None, 4, **times, pause_ms=20_000)
        note.write_text(command.make(late, site.election.log), encoding="utf-8")
        code, _, err = ran("center", "sms", "--config", site.config, "--send", note, "--to", BRANCH)
        assert (code, "expired at 2026-06-18T20:10:00Z" in err) == (65, True)
        code, _, err = ran(
            "center", "sms", "--config", site.config, "--send", tmp_path / "no", "--to", BRANCH
        )
        assert (code, "no such file" in err) == (78, True)
    finally:
        site.close()


def test_command_waits_for_the_gateway_under_the_numbers_of_its_branch(tmp_path: Path) -> None:
    election = make_election(2)
    site = Site(tmp_path, election)
    try:
        note = tmp_path / "pacing.note"
        times = just_now()
        order = Command("pacing", ELECTION, 1, None, 4, **times, pause_ms=20_000)
        note.write_text(command.make(order, election.log), encoding="utf-8")
        numbers = tmp_path / "numbers.csv"
        numbers.write_text("branch,number\nbranch-1,+98912000001\nbranch-1,+98912000002\n", encoding="utf-8")
        options = ("--config", site.config, "--send", note, "--numbers", numbers)
        code, out, _ = ran("center", "sms", *options, "--to", "branch-1")
        assert (code, "queued for +98912000001, +98912000002" in out) == (75, True)
        ((_, record),) = Folder(site.state_dir / "sms").load("order")
        assert isinstance(record, OrderRecord)
        assert command_packing.unpack(record.packed, election.loaded) == note.read_text(encoding="utf-8")
        code, _, err = ran("center", "sms", *options, "--to", "branch-2")
        assert (code, "no number of branch 'branch-2'" in err) == (78, True)
        code, _, err = ran("center", "sms", *options, "--to", "branch-3")
        assert (code, "neither a branch of the manifest nor a number" in err) == (78, True)
        mine = Command("message", ELECTION, 1, "branch-1", 1, **times, text="Come.")
        note.write_text(command.make(mine, election.log), encoding="utf-8")
        code, _, err = ran("center", "sms", *options, "--to", "branch-2")
        assert (code, "branch-2 would not follow it" in err) == (78, True)
        numbers.write_text("branch-1;+98912000001\n", encoding="utf-8")
        code, _, err = ran("center", "sms", *options, "--to", "branch-1")
        assert (code, "line 1" in err) == (78, True)
    finally:
        site.close()


def test_branch_whose_id_is_a_number_is_no_telephone_number(tmp_path: Path) -> None:
    election = make_election(1)
    branch = msgspec.structs.replace(election.manifest.branches[0], id="1001")
    manifest = election.sign_unchecked(msgspec.structs.replace(election.manifest, branches=(branch,)))
    config = write_files(tmp_path, election)
    (tmp_path / "manifest.dsse.json").write_bytes(manifest)
    times = just_now()
    one = Command("message", ELECTION, 1, "1001", 1, **times, text="Come.")
    note = tmp_path / "message.note"
    note.write_text(command.make(one, election.log), encoding="utf-8")
    for to in ((), ("--to", "1001")):
        code, out, err = ran("center", "sms", "--config", config, "--send", note, *to)
        assert (code, "no number of branch '1001'" in err) == (78, True), out + err


async def test_second_gateway_throws_the_first_one_out_of_the_broker(tmp_path: Path) -> None:
    site = Site(tmp_path, make_election(1))
    gateways = []
    try:
        site.start_broker()
        for name in ("one", "two"):
            spool = tmp_path / f"spool-{name}"
            for folder in ("incoming", "outgoing", "sent", "failed"):
                (spool / folder).mkdir(parents=True)
            gateways.append(
                SmsGateway(site, "--spool", spool, "--folder", tmp_path / name, log=f"{name}.log")
            )
            gateways[-1].start()
        for gateway in gateways:
            await until(lambda gateway=gateway: "connected" in gateway.said(), gateway.said)
        await asyncio.sleep(1.5)
        assert [gateway.said().count("connected") for gateway in gateways] == [1, 1]
    finally:
        for gateway in gateways:
            gateway.close()
        site.close()
