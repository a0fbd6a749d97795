"""Witnesses come and go: intake and receipts go on, and what witnesses vouched for is caught up with."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from center.config import Setup, load_config, load_setup
from center.daemon import CenterDaemon
from center.errors import ConfigError
from center.log.ledger import Ledger
from center.log.sequencer import Sequencer
from center.ports import CenterPorts, Delivery, SessionSettings, Sink
from center.witness import desk as witness_desk
from center.witness.address import Answer, WitnessAddress
from center.witness.cosignatures import time_of
from center.witness.desk import WitnessDesk
from center.witness.http import WitnessServer, ask
from center.witness.witness import RefusedError, Request, Witness, WitnessStore
from crypto import receipt
from crypto.notes import Checkpoint, CosignatureVerifier, Cosigner, NoteVerifier
from crypto.statements import WitnessPolicy
from tests.center.branch import WALL_MS, Center, Device, receipts
from tests.center.publication import PAST, Office
from tests.center.site import WAIT_S, write_files
from tests.crypto.election_fixture import LOG_NAME, Election, key_of, make_election
from tests.running import running

COSIGNERS = [Cosigner(f"witness.example/w{n}", key_of(f"witness {n}")) for n in (1, 2, 3)]
POLICY = WitnessPolicy(m=2, witnesses=tuple(cosigner.vkey for cosigner in COSIGNERS))
ADDRESSES = tuple(
    WitnessAddress(f"http://127.0.0.1:{n}", one.vkey, CosignatureVerifier(one.vkey))
    for n, one in enumerate(COSIGNERS, 1)
)


class Village:
    """Three witnesses within this process; the silent ones do not answer, the lying ones as they are told."""

    def __init__(self, folder: Path, election: Election) -> None:
        self.silent: set[str] = set()
        self.lying: dict[str, Answer] = {}
        self.asked = 0
        self.time_s = WALL_MS // 1000
        self.witnesses = {
            address.url: Witness(
                WitnessStore(folder / cosigner.name.rpartition("/")[2], address.verifier),
                cosigner,
                [NoteVerifier(election.log.vkey)],
            )
            for address, cosigner in zip(ADDRESSES, COSIGNERS, strict=True)
        }

    async def ask(self, url: str, request: Request) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        if url in self.silent:
            raise TimeoutError
        if url in self.lying:
            return self.lying[url]
        try:
            line = self.witnesses[url].cosign(Request.from_bytes(request.to_bytes()), time_s=self.time_s)
        except RefusedError as error:
            return (
                Answer(409, f"{error.size}\n".encode()) if error.reason == "wrong-size" else Answer(422, b"")
            )
        return Answer(200, line.encode())


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=PAST, witness_policy=POLICY)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_desk, "PAUSE_S", 0.001)
    monkeypatch.setattr(witness_desk, "BACKOFF_MIN_S", 0.002)
    monkeypatch.setattr(witness_desk, "BACKOFF_MAX_S", 0.01)


@contextlib.asynccontextmanager
async def attended(center: Center, village: Village) -> AsyncIterator[WitnessDesk]:
    desk = WitnessDesk(center.log, ADDRESSES, village.ask, lambda: WALL_MS)
    async with running(desk.run()):
        yield desk


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.002)


def grade(center: Center, device: Device, data: bytes) -> str:
    (reply,) = receipts(center.take((device, data)))
    checked = receipt.verify(
        reply.payload.decode(), data, log=center.election.loaded.log_verifier, policy=POLICY
    )
    return checked.grade


async def test_silence_delays_receipts_and_loses_the_better_ones(tmp_path: Path, election: Election) -> None:
    center, village = Center(election, str(tmp_path / "ledger.db")), Village(tmp_path, election)
    village.silent = {address.url for address in ADDRESSES}
    device = Device(election, "branch-1")
    account, tally = device.account(), device.tally()
    async with attended(center, village) as desk:
        assert grade(center, device, account) == "included"
        desk.wake()
        await until(lambda: village.asked > 6)
        assert grade(center, device, tally) == "included", "intake goes on"
        village.silent = {ADDRESSES[0].url}
        await until(lambda: grade(center, device, tally) == "witnessed")
        assert grade(center, device, account) == "witnessed"
    center.close()
    # Nothing of it is forgotten.
    again = Center(election, str(tmp_path / "ledger.db"))
    assert grade(again, device, tally) == "witnessed"
    again.close()


async def test_log_that_does_not_grow_is_seen_only_once(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trustees ask for witnesses after the opening time: what they saw in the afternoon is not enough."""
    monkeypatch.setattr(witness_desk, "RENEW_S", 0.01)
    center, village = Center(election, str(tmp_path / "ledger.db")), Village(tmp_path, election)
    device = Device(election, "branch-1")
    center.take((device, device.account()))

    def seen() -> list[int]:
        return sorted(time_of(line) for line in center.ledger.cosignatures(1).values())

    async with attended(center, village) as desk:
        desk.wake()
        await until(lambda: len(seen()) == len(ADDRESSES))
        assert set(seen()) == {village.time_s}
        village.time_s += 3_600
        await until(lambda: set(seen()) == {village.time_s})
        village.time_s -= 7_200  # a witness whose clock goes back takes nothing away
        asked = village.asked
        await until(lambda: village.asked > asked + 2 * len(ADDRESSES))
        assert set(seen()) == {village.time_s + 7_200}
    assert center.log.size == 1
    center.close()


async def test_new_envelope_waits_for_its_witnesses_and_older_ones_do_not(
    tmp_path: Path, election: Election
) -> None:
    center, village = Center(election, str(tmp_path / "ledger.db")), Village(tmp_path, election)
    device = Device(election, "branch-1")
    account, tally = device.account(), device.tally()
    center.take((device, account))
    async with attended(center, village):
        await until(lambda: grade(center, device, account) == "witnessed")
    assert grade(center, device, tally) == "included"
    assert grade(center, device, account) == "witnessed"
    async with attended(center, village):
        await until(lambda: grade(center, device, tally) == "witnessed")
    center.close()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"\xff"),
        Answer(200, b"junk"),
        Answer(500, b"x" * 1000),
        Answer(409, b"-1\n"),
        Answer(409, b"9" * 400),
        Answer(422, b"no"),
    ],
)
async def test_nonsense_is_taken_for_a_cosignature(
    tmp_path: Path, election: Election, answer: Answer
) -> None:
    center, village = Center(election, str(tmp_path / "ledger.db")), Village(tmp_path, election)
    village.lying = {address.url: answer for address in ADDRESSES}
    device = Device(election, "branch-1")
    data = device.account()
    center.take((device, data))
    async with attended(center, village):
        await until(lambda: village.asked > 6)
        assert grade(center, device, data) == "included"
        assert not center.ledger.cosignatures(1)
        village.lying = {}
        await until(lambda: grade(center, device, data) == "witnessed")
    center.close()


async def test_cosignature_of_somebody_else_or_of_another_checkpoint(
    tmp_path: Path, election: Election
) -> None:
    center, village = Center(election, str(tmp_path / "ledger.db")), Village(tmp_path, election)
    device = Device(election, "branch-1")
    center.take((device, device.account()))
    assert center.log.newest is not None
    note = center.log.newest.note
    other = election.log.sign(Checkpoint(LOG_NAME, 1, bytes(32)).text())
    stranger = Cosigner(COSIGNERS[0].name, key_of("stranger"))
    for line in (
        stranger.cosign(note, 1).removeprefix(note),
        COSIGNERS[1].cosign(note, 1).removeprefix(note),
        COSIGNERS[0].cosign(other, 1).removeprefix(other),
    ):
        village.lying = {ADDRESSES[0].url: Answer(200, line.encode())}
        village.silent = {ADDRESSES[1].url, ADDRESSES[2].url}
        before = village.asked
        async with attended(center, village):
            await until(lambda before=before: village.asked > before + 6)  # type: ignore[misc]
        assert not center.ledger.cosignatures(1)
    center.close()


async def test_ledger_restored_from_an_old_copy_goes_unnoticed(
    tmp_path: Path, election: Election, capsys: pytest.CaptureFixture[str]
) -> None:
    center, village = Center(election, str(tmp_path / "ledger.db")), Village(tmp_path, election)
    device = Device(election, "branch-1")
    center.take((device, device.account()))
    center.close()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "old.db")
    center = Center(election, str(tmp_path / "ledger.db"))
    center.take((device, device.tally()))
    async with attended(center, village):
        await until(lambda: len(center.ledger.cosignatures(2)) == 3)
    center.close()
    center = Center(election, str(tmp_path / "old.db"))
    before = village.asked
    async with attended(center, village):
        await until(lambda: village.asked > before + 6)
    assert "witness-knows-more" in capsys.readouterr().out
    assert not center.ledger.cosignatures(1)
    center.close()


def test_ledger_from_before_there_were_witnesses(tmp_path: Path, election: Election) -> None:
    path = str(tmp_path / "ledger.db")
    center = Center(election, path)
    device = Device(election, "branch-1")
    data = device.account()
    center.take((device, data))
    center.close()
    connection = apsw.Connection(path)
    connection.execute("DROP TABLE cosignatures; PRAGMA user_version = 1")
    connection.close()
    reader = Ledger.open_to_read(path)
    assert (reader.cosignatures(1), list(reader.cosigned_sizes(1))) == ({}, [])
    reader.close()
    center = Center(election, path)
    center.log.add_cosignature(1, COSIGNERS[0].vkey, "line\n", at="2027-06-19T00:00:00Z")
    assert center.ledger.cosignatures(1) == {COSIGNERS[0].vkey: "line\n"}
    assert isinstance(center.log, Sequencer)
    assert grade(center, device, data) == "included"
    center.close()


# --- the daemon, and what it publishes -----------------------------------------------------------------------------


class Broker:
    """A session with a broker that carries what the test puts in, and keeps what comes out."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.sink: Sink | None = None

    def __call__(self, _settings: SessionSettings, sink: Sink) -> "Broker":
        self.sink = sink
        return self

    async def run(self) -> None:
        await asyncio.Event().wait()

    def acknowledge(self, delivery: Delivery) -> None:
        pass

    async def send(self, _topic: str, payload: bytes) -> bool:
        self.sent.append(payload)
        return True


async def test_daemon_with_a_witness_over_http(tmp_path: Path) -> None:
    election = make_election(1, witness_policy=WitnessPolicy(m=1, witnesses=(COSIGNERS[0].vkey,)))
    village = Village(tmp_path, election)
    witness = village.witnesses[ADDRESSES[0].url]
    server = await WitnessServer(witness, lambda: WALL_MS // 1000).listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    broker, device = Broker(), Device(election, "branch-1")
    data = device.account()
    address = WitnessAddress(url, COSIGNERS[0].vkey, ADDRESSES[0].verifier)
    path = str(tmp_path / "ledger.db")
    setup = Setup(tmp_path, path, election.loaded, election.log, "host", 1, "centerd", witnesses=(address,))
    ports = CenterPorts(
        wall_ms=lambda: WALL_MS,
        lock=lambda _: lambda: None,
        notify=lambda _: None,
        session=broker,
        ask_witness=ask,
    )
    daemon = CenterDaemon(setup, ports)

    def graded() -> str:
        assert broker.sink is not None
        broker.sink(Delivery(device.topic, data, 1, 1, 1))
        if not broker.sent:
            return "none"
        policy = election.manifest.witness_policy
        text = broker.sent[-1].decode()
        return receipt.verify(text, data, log=election.loaded.log_verifier, policy=policy).grade

    async with server:
        running = asyncio.create_task(daemon.run())
        await until(lambda: broker.sink is not None)
        await until(lambda: graded() == "witnessed")
        daemon.stop()
        await running


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vkey": "witness.example/w9+00000000+x"}, "names no such witness"),
        ({"url": "ftp://127.0.0.1:1"}, "no http or https address"),
        ({"url": "http://127.0.0.1"}, "names no port"),
        ({"port": 5}, "unknown key 'port'"),
    ],
)
def test_witness_in_the_configuration_is_wrong(
    tmp_path: Path, election: Election, changes: dict[str, Any], words: str
) -> None:
    entry = {"url": "http://127.0.0.1:7380", "vkey": COSIGNERS[0].vkey}
    path = write_files(tmp_path, election)
    text = path.read_text(encoding="utf-8")
    for table, refused in ((entry, False), (entry | changes, True)):
        lines = "".join(f'{key} = "{value}"\n' for key, value in table.items())
        path.write_text(f"{text}\n[[witnesses]]\n{lines}", encoding="utf-8")
        if not refused:
            assert [one.vkey for one in load_setup(load_config(path)).witnesses] == [COSIGNERS[0].vkey]
            continue
        with pytest.raises(ConfigError, match=words):
            load_setup(load_config(path))


async def test_publication_shows_what_witnesses_vouch_for(tmp_path: Path, election: Election) -> None:
    office, village = Office(tmp_path, election), Village(tmp_path, election)
    office.day("branch-1")
    office.publish()
    ran = office.audit()
    assert ran.code == 1
    assert "checkpoint: 0 witnesses vouch for it, the manifest asks for 2" in ran.out
    assert "2 of 2 receipts lack 2 witnesses" in ran.out
    async with attended(office.center, village):
        await until(lambda: len(office.center.ledger.cosignatures(2)) == 3)
    assert "2 new receipts" in office.publish().out
    ran = office.audit()
    assert ran.code == 0, ran.out
    assert "checkpoint cosignatures 3" in ran.out
    assert "same log" not in ran.out
    office.day("branch-2")
    assert "2 envelopes (0 new)" in office.publish().out, "what is not witnessed yet waits"
    note = (office.public / "checkpoint").read_bytes()
    lines = note.splitlines(keepends=True)
    for forged, code in (
        (b"".join(lines[:-1]), 0),
        (b"".join(lines[:-2]), 1),
        (note + lines[-1], 65),
        (note[:-10] + b"A" + note[-9:], 65),
    ):
        (office.public / "checkpoint").write_bytes(forged)
        ran = office.audit()
        assert ran.code == code, ran.out


def test_cosignatures_made_by_files_are_lost_again(tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    office.day("branch-1")
    note = (office.center.log.newest or pytest.fail("empty")).note
    files = []
    for number, cosigner in enumerate(COSIGNERS[:2]):
        files.append(tmp_path / f"line-{number}")
        files[-1].write_text(cosigner.cosign(note, 1).removeprefix(note), encoding="utf-8")
    assert office.publish("--cosignature", files[0]).code == 0
    assert office.audit().code == 1
    ran = office.publish("--cosignature", files[1])
    assert "2 new receipts" in ran.out, ran
    assert office.audit().code == 0, "the first line was published before, and is still good"
    office.day("branch-2")
    assert "2 envelopes (0 new)" in office.publish().out
    assert office.audit().code == 0
    for text in (
        "junk",
        "",
        Cosigner(COSIGNERS[0].name, key_of("stranger")).cosign(note, 1).removeprefix(note),
    ):
        files[0].write_text(text, encoding="utf-8")
        ran = office.publish("--cosignature", files[0])
        assert ran.code == 65
        assert "of no witness of the manifest" in ran.err
    assert office.publish("--cosignature", tmp_path / "none").code == 65
