"""deploy/mosquitto as an operator would install it: all that must pass passes, and nobody speaks for anybody else."""

import asyncio
import getpass
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from center.broker_door import Door
from crypto import wire
from drivers.mqtt import Client
from drivers.tls import make_context
from drivers.tls_settings import TlsSettings
from failover.events import UplinkConnected, UplinkLost
from kit.events import CommandHeard, ManifestHeard, ReceiptHeard
from kit.tables.uplinks import UplinkTls
from kit.uplinks.gateway import Gateway
from tests.center.branch import Device
from tests.center.site import ROOT, Site, free_port
from tests.center.sms_gateway import SmsGateway
from tests.crypto.election_fixture import ELECTION, make_election
from tests.peers import require_program
from tests.peers.centre_edges import SmsEdge, end
from tests.peers.certificates import Authority, Issued
from tests.peers.kit_edge import KitEdge, until
from tests.peers.mosquitto import HOST
from tests.peers.program import end as end_program
from tests.peers.program import listens

pytestmark = pytest.mark.peer("mosquitto")
EXAMPLE, INSTALLED = ROOT / "deploy" / "mosquitto", "/etc/mosquitto/branch-kit"
NAME = "broker.centre.example"
CLIENT_ID = "centerd-7b1e04c95d2f"
DEBIAN = """\
pid_file {folder}/pid

persistence true
persistence_location {folder}/

log_dest stderr

include_dir {folder}/conf.d
"""
"""/etc/mosquitto/mosquitto.conf of Debian 12, but for its folders and the log."""


class Operator:
    """Who installs the example in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.broker_ca, self.kits_ca = Authority(folder, "broker-ca"), Authority(folder, "kits-ca")
        self.kits_port, self.centre_port = free_port(), free_port()
        self.folder = folder / "mosquitto"
        self.folder.mkdir()
        issued = self.broker_ca.issue(NAME)
        shutil.copy(issued.certificate_file, self.folder / "broker.crt")
        shutil.copy(issued.key_file, self.folder / "broker.key")
        shutil.copy(self.kits_ca.file, self.folder / "kits-ca.pem")
        passwords = self.folder / "centre.passwords"
        for number, user in enumerate(("centerd", "center-sms")):
            made = [require_program("mosquitto_passwd"), "-b", *(() if number else ("-c",)), str(passwords)]
            subprocess.run([*made, user, f"secret of {user}"], check=True)
        for name in ("kits.acl", "centre.acl"):
            text = (EXAMPLE / name).read_text(encoding="utf-8")
            (self.folder / name).write_text(text.replace("ELECTION", ELECTION), encoding="utf-8")
        text = (EXAMPLE / "branch-kit.conf").read_text(encoding="utf-8")
        for old, new in (
            (INSTALLED, str(self.folder)),
            ("listener 8883", f"listener {self.kits_port} {HOST}"),
            ("listener 8884 ", f"listener {self.centre_port} "),
        ):
            assert old in text
            text = text.replace(old, new)
        (self.folder / "conf.d").mkdir()
        (self.folder / "conf.d" / "branch-kit.conf").write_text(text, encoding="utf-8")
        self.config = self.folder / "mosquitto.conf"
        own = f"user {getpass.getuser()}\nlog_type all\n"
        self.config.write_text(own + DEBIAN.format(folder=self.folder), encoding="utf-8")
        self.log = self.folder / "log"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kit(self, branch: str, common_name: str | None = None, issued: Issued | None = None) -> KitEdge:
        """A kit of a branch, with its certificate or another one."""
        issued = issued or self.kits_ca.issue(common_name or branch)
        tls = UplinkTls(
            ca_file=str(self.broker_ca.file),
            server_name=NAME,
            certificate_file=str(issued.certificate_file),
            key_file=str(issued.key_file),
        )
        return KitEdge(self.kits_port, branch, gateway=Gateway(HOST, self.kits_port, tls=tls))

    def door(self, user: str) -> Door:
        return Door(user, f"secret of {user}", self.trust)

    @property
    def trust(self) -> TlsSettings:
        return TlsSettings(ca_file=str(self.broker_ca.file), server_name=NAME)


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    one = Operator(tmp_path)
    with one.log.open("ab") as log:
        program = [require_program("mosquitto"), "-c", str(one.config)]
        process = subprocess.Popen(  # noqa: ASYNC220 - of a test
            program, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(10):
            while not (await listens(HOST, one.kits_port) and await listens(HOST, one.centre_port)):
                assert process.poll() is None, one.said()
                await asyncio.sleep(0.02)
        yield one
    finally:
        end_program(process, signal.SIGTERM)


def centre(tmp_path: Path, operator: Operator) -> Site:
    """centerd and the gateway, configured as docs/broker.md says."""
    site = Site(tmp_path, make_election(2))
    for user in ("centerd", "center-sms"):
        password = tmp_path / f"{user}.password"
        password.write_text(f"secret of {user}\n", encoding="utf-8")
        password.chmod(0o600)
    text = site.config.read_text(encoding="utf-8")
    text = text.replace(f"port = {site.port}\n", f"port = {operator.centre_port}\n")
    text = text.replace("[trust]", f'client_id = "{CLIENT_ID}"\n[trust]')
    tls = f'ca_file = "{operator.broker_ca.file}"\nserver_name = "{NAME}"'
    text += f"""username = "centerd"
password_file = "centerd.password"
[broker.tls]
{tls}
[sms.broker]
host = "{HOST}"
port = {operator.centre_port}
username = "center-sms"
password_file = "center-sms.password"
[sms.broker.tls]
{tls}
"""
    site.config.write_text(text, encoding="utf-8")
    return site


async def test_envelopes_receipts_and_answers_do_not_pass(tmp_path: Path, operator: Operator) -> None:
    site = centre(tmp_path, operator)
    heard: list[str] = []
    sms = SmsEdge(operator.centre_port, operator.door("center-sms"))
    sms.broker._heard = heard.append  # type: ignore[misc]
    gateway = asyncio.create_task(sms.run())
    try:
        site.start_centerd()
        await asyncio.to_thread(site.await_log, "broker-connected")
        first, second = (Device(site.election, branch.id) for branch in site.election.manifest.branches)
        async with operator.kit(first.branch) as kit:
            assert await kit.outcome() == UplinkConnected("fibre"), operator.said()
            await kit.probe()
            kit.uplinks.publish("fibre", first.tally())
            await until(lambda: bool(kit.heard(ReceiptHeard)))
            assert kit.notices() == {}
        await until(lambda: sms.stands)
        sms.broker.submit(second.branch, second.tally())
        await until(lambda: bool(heard))
        assert site.stop_centerd() == 0
        assert not [
            line for line in site.log_lines() if line["event"] in ("broker-lost", "broker-payload-limit")
        ]
    finally:
        await end(gateway)
        site.close()


async def test_gateway_does_not_get_in_as_itself(tmp_path: Path, operator: Operator) -> None:
    site = centre(tmp_path, operator)
    for folder in ("incoming", "outgoing", "sent", "failed"):
        (tmp_path / "spool" / folder).mkdir(parents=True)
    gateway = SmsGateway(site, "--spool", tmp_path / "spool")
    try:
        gateway.start()
        await until(lambda: f"broker {HOST}:{operator.centre_port}: connected" in gateway.said())
        assert "u'center-sms'" in operator.said()
        assert gateway.stop() == 0
    finally:
        gateway.close()
        site.close()


async def test_kit_speaks_for_another_branch_or_for_the_centre(tmp_path: Path, operator: Operator) -> None:
    site = centre(tmp_path, operator)
    try:
        site.start_centerd()
        await asyncio.to_thread(site.await_log, "broker-connected")
        first, second = (Device(site.election, branch.id) for branch in site.election.manifest.branches)
        async with operator.kit(second.branch) as victim, operator.kit(first.branch) as liar:
            await victim.connect()
            await liar.connect()
            session, receipt = liar.uplinks._sessions["fibre"], wire.topic_receipt(ELECTION, second.branch)
            await session._client.subscribe(receipt)  # mosquitto grants it, and then keeps silent
            session.send(wire.topic_envelope(ELECTION, second.branch), second.tally(), 1)
            for topic in (
                receipt,
                wire.topic_command_for_all(ELECTION),
                wire.topic_manifest(ELECTION),
                wire.topic_missing_parts(ELECTION),
            ):
                session.send(topic, b"a lie", 1)
            denied = f"Denied PUBLISH from {liar.uplinks.client_id('fibre')}"
            await until(lambda: operator.said().count(denied) == 5)
            await victim.probe()
            assert not victim.heard(CommandHeard) + victim.heard(ManifestHeard) + victim.heard(ReceiptHeard)
            victim.uplinks.publish("fibre", second.tally())
            await until(lambda: bool(victim.heard(ReceiptHeard)))
            await liar.probe()
            for kit, hears in ((victim, True), (liar, False)):
                sent = f"Sending PUBLISH to {kit.uplinks.client_id('fibre')} (d0, q0, r0, m0, '{receipt}'"
                assert (sent in operator.said()) is hears
        assert site.stop_centerd() == 0
        batches = [line for line in site.log_lines() if line["event"] == "batch"]
        assert sum(line["admitted"] for line in batches) == 1
    finally:
        site.close()


async def test_strangers_are_let_in(operator: Operator) -> None:
    foreign = Authority(operator.folder, "foreign").issue("branch-1")
    async with operator.kit("branch-1", issued=foreign) as kit:
        lost = await kit.outcome()
        assert isinstance(lost, UplinkLost)
        assert "certificate" in lost.reason
    tls = UplinkTls(ca_file=str(operator.broker_ca.file), server_name=NAME)
    bare = Gateway(HOST, operator.kits_port, tls=tls)
    async with KitEdge(operator.kits_port, gateway=bare) as kit:
        lost = await kit.outcome()
        assert isinstance(lost, UplinkLost)
        assert "asks for a certificate of ours" in lost.reason
    for door in (Door(tls=operator.trust), Door("centerd", "a guess", operator.trust)):
        sms = SmsEdge(operator.centre_port, door)
        running = asyncio.create_task(sms.run())
        await until(lambda: "the broker refuses us" in sms.said())  # noqa: B023 - used at once
        await end(running)


async def test_kit_ends_the_session_of_centerd_by_its_client_id(tmp_path: Path, operator: Operator) -> None:
    issued = operator.kits_ca.issue("branch-1")
    ours = {"certificate_file": str(issued.certificate_file), "key_file": str(issued.key_file)}
    context = make_context(TlsSettings(pins=("A" * 44,), **ours))  # type: ignore[arg-type]
    site = centre(tmp_path, operator)
    try:
        site.start_centerd()
        await asyncio.to_thread(site.await_log, "broker-connected")
        for client_id in ("centerd", "center-sms"):
            one = Client(
                HOST,
                operator.kits_port,
                identifier=client_id,
                tls_context=context,
                tls_insecure=True,
                timeout=5,
                packet_max=1_000,
            )
            await one.enter()
            await one.leave(0.5)
        assert site.stop_centerd() == 0
        assert not [line for line in site.log_lines() if line["event"] == "broker-lost"]
    finally:
        site.close()
