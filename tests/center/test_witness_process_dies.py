"""centerd, a broker and a witness as real processes: the witness is away, comes, is killed, and comes back."""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from crypto import notes, receipt
from crypto.errors import ProofError
from crypto.notes import CosignatureVerifier, Cosigner
from crypto.statements import WitnessPolicy
from crypto.wire import topic_receipt
from tests.center.branch import Device
from tests.center.command import center
from tests.center.site import WAIT_S, Site, free_port, program
from tests.crypto.election_fixture import ELECTION, Election, key_of, make_election, seed_of

COSIGNER = Cosigner("witness.example/w1", key_of("witness"))
POLICY = WitnessPolicy(m=1, witnesses=(COSIGNER.vkey,))


class Watched:
    """A site whose centerd has one witness to ask."""

    def __init__(self, folder: Path, election: Election) -> None:
        self.site = Site(folder, election)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "w.key").write_bytes(seed_of("witness"))
        (folder / "w.key").chmod(0o600)
        with self.site.config.open("a", encoding="utf-8") as config:
            config.write(f'\n[[witnesses]]\nurl = "http://127.0.0.1:{self.port}"\nvkey = "{COSIGNER.vkey}"\n')

    def start_witness(self) -> None:
        folder = self.site.folder
        options: dict[str, str | Path] = {
            "--name": COSIGNER.name,
            "--key": folder / "w.key",
            "--state-dir": folder / "memory",
        }
        options |= {"--log": self.site.election.log.vkey, "--port": str(self.port)}
        pairs: list[str | Path] = [word for pair in options.items() for word in pair]
        self.process = program("center", "witness", "serve", *pairs, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith(COSIGNER.vkey.encode())

    def kill_witness(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def grade_of(self, text: str, data: bytes) -> str:
        log = self.site.election.loaded.log_verifier
        return receipt.verify(text, data, log=log, policy=POLICY).grade

    async def send_until(self, device: Device, data: bytes, grade: str) -> None:
        """Publish one envelope, again and again, until its receipt is of this grade."""
        async with (
            asyncio.timeout(WAIT_S),
            aiomqtt.Client("127.0.0.1", self.site.port, identifier="branch") as client,
        ):
            await client.subscribe(topic_receipt(ELECTION, device.branch))
            again = asyncio.create_task(_publish_for_ever(client, device.topic, data))
            try:
                async for message in client.messages:
                    with contextlib.suppress(ProofError):  # late, of the envelope before
                        if self.grade_of(message.payload.decode(), data) == grade:
                            return
            finally:
                again.cancel()


async def _publish_for_ever(client: aiomqtt.Client, topic: str, data: bytes) -> None:
    while True:
        await client.publish(topic, data, qos=1)
        await asyncio.sleep(0.2)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path, make_election(1, witness_policy=POLICY))
    watched.site.start_broker()
    yield watched
    watched.kill_witness()
    watched.site.close()


async def test_witness_is_away_comes_is_killed_and_comes_back(watched: Watched) -> None:
    site = watched.site
    device = Device(site.election, "branch-1")
    account, tally = device.account(), device.tally()
    site.start_centerd()
    await watched.send_until(device, account, "included")
    site.await_log("witness-silent")
    watched.start_witness()
    await watched.send_until(device, account, "witnessed")
    watched.kill_witness()
    await watched.send_until(device, tally, "included")
    site.kill_centerd()
    watched.start_witness()
    site.start_centerd()
    await watched.send_until(device, tally, "witnessed")
    assert site.stop_centerd() == 0
    ran = center("log", "checkpoint", "--state-dir", site.state_dir)
    verifiers = [site.election.loaded.log_verifier, CosignatureVerifier(COSIGNER.vkey)]
    assert len(notes.open_note(ran.out, verifiers).signed_by) == 2
