"""``center log compare`` and ``bring``: forks are told to anyone, and witnesses' files reach the branches."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from crypto import receipt
from crypto.notes import Cosigner, NoteSigner
from crypto.statements import WitnessPolicy
from crypto.wire import topic_receipt
from tests.center.branch import Center, Device, receipts
from tests.center.command import Ran, center
from tests.center.site import WAIT_S, Site, write_files
from tests.crypto.election_fixture import ELECTION, LOG_NAME, Election, key_of, make_election

COSIGNERS = [Cosigner(f"witness.example/w{n}", key_of(f"witness {n}")) for n in (1, 2)]
POLICY = WitnessPolicy(m=2, witnesses=tuple(cosigner.vkey for cosigner in COSIGNERS))


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, witness_policy=POLICY)


class Two:
    """Two centres with one key: what a centre that lies to half of the country would be."""

    def __init__(self, folder: Path, election: Election) -> None:
        self.folder, self.election = folder, election
        self.centers = [Center(election, str(folder / f"{name}.db")) for name in ("one", "other")]
        self.devices = [Device(election, f"branch-{n}") for n in (1, 2)]

    def receipt(self, center_: int, branch: int, data: bytes) -> Path:
        (reply,) = receipts(self.centers[center_].take((self.devices[branch], data)))
        path = self.folder / f"receipt-{len(list(self.folder.iterdir()))}"
        path.write_bytes(reply.payload)
        return path

    def compare(self, *files: Path, log: str | None = None) -> Ran:
        return center("log", "compare", *files, "--log", log or self.election.log.vkey)


@pytest.fixture
def two(tmp_path: Path, election: Election) -> Iterator[Two]:
    made = Two(tmp_path, election)
    yield made
    for one in made.centers:
        one.close()


def test_two_branches_with_two_histories(two: Two) -> None:
    ours = two.receipt(0, 0, two.devices[0].account())
    theirs = two.receipt(1, 1, two.devices[1].account())
    ran = two.compare(ours, theirs)
    assert ran.code == 2
    assert ran.out.startswith("FORK")
    assert f"of the leaves 0 to 0, these two tell differently: {ours} and {theirs}" in ran.out


def test_two_branches_with_one_history(two: Two) -> None:
    ours = two.receipt(0, 0, two.devices[0].account())
    theirs = two.receipt(0, 1, two.devices[1].account())
    ran = two.compare(ours, theirs)
    assert ran.code == 1
    assert "missing: center log consistency --from 1 --to 2" in ran.out
    assert two.compare(ours, ours).code == 0
    state = two.folder / "state"
    state.mkdir()
    two.centers[0].close()
    (two.folder / "one.db").rename(state / "ledger.db")
    grown = two.folder / "grown"
    grown.write_text(
        center("log", "consistency", "--state-dir", state, "--from", 1, "--to", 2).out, encoding="utf-8"
    )
    ran = two.compare(ours, theirs, grown)
    assert (ran.code, ran.out) == (0, "consistent: all of it is of one log\nheads: 1, 2\n")


def test_files_that_cannot_be_compared(two: Two) -> None:
    ours = two.receipt(0, 0, two.devices[0].account())
    assert two.compare(ours, two.folder / "none").code == 65
    assert two.compare(ours, two.folder).code == 65
    assert two.compare(ours, log="junk").code == 78
    assert two.compare(ours, log=COSIGNERS[0].vkey).code == 78
    assert two.compare(ours, log=NoteSigner(LOG_NAME, key_of("stranger")).vkey).code == 65
    (two.folder / "junk").write_bytes(b"\xff")
    ran = two.compare(ours, two.folder / "junk")
    assert (ran.code, "junk: " in ran.err) == (65, True)
    told = json.loads(center("log", "compare", ours, "--json", "--log", two.election.log.vkey).out)
    assert told["verdict"] == "consistent"


# --- lines of witnesses that came as files -------------------------------------------------------------------------


def lines(folder: Path, note: str) -> list[Path]:
    """What ``center witness cosign`` writes."""
    files = []
    for cosigner in COSIGNERS:
        files.append(folder / cosigner.name.rpartition("/")[2])
        files[-1].write_text(cosigner.cosign(note, 1).removeprefix(note), encoding="utf-8")
    return files


def test_line_of_nobody_or_on_nothing_is_taken_in(tmp_path: Path, election: Election) -> None:
    config = write_files(tmp_path, election)
    bring = ("log", "bring", "--config", config)
    stranger = tmp_path / "stranger"
    stranger.write_text("\N{EM DASH} witness.example/w1 AAAA\n", encoding="utf-8")
    assert center(*bring, stranger).code == 69, "and makes no ledger"
    (tmp_path / "state").mkdir()
    made = Center(election, str(tmp_path / "state" / "ledger.db"))
    device = Device(election, "branch-1")
    made.take((device, device.account()))
    assert made.log.newest is not None
    for text in ("", "junk", "\N{EM DASH} witness.example/w1 AAAA\n"):
        stranger.write_text(text, encoding="utf-8")
        assert center(*bring, stranger).code == 65
    assert center(*bring, tmp_path / "none").code == 65
    assert not made.ledger.cosignatures(1)
    ran = center(*bring, *lines(tmp_path, made.log.newest.note))
    assert (ran.code, len(ran.out.splitlines())) == (0, 2), ran.err
    assert "witness.example/w1 on the checkpoint over 1 leaves: taken in" in ran.out
    assert made.log.witnessed_size == 0
    made.log.look_for_cosignatures()
    assert made.log.witnessed_size == 1
    made.close()


async def test_lines_made_by_files_never_reach_the_branches(tmp_path: Path, election: Election) -> None:
    """A running centerd: lines are brought beside it, and the branch hears of it without asking."""
    site = Site(tmp_path, election)
    device = Device(election, "branch-1")
    data = device.account()
    try:
        site.start_broker()
        site.start_centerd()
        site.await_log("broker-connected")
        async with (
            asyncio.timeout(WAIT_S),
            aiomqtt.Client("127.0.0.1", site.port, identifier="branch") as client,
        ):
            await client.subscribe(topic_receipt(ELECTION, "branch-1"))
            await client.publish(device.topic, data, qos=1)
            messages = aiter(client.messages)
            assert grade((await anext(messages)).payload, data, election) == "included"
            note = center("log", "checkpoint", "--state-dir", site.state_dir).out
            ran = center("log", "bring", "--config", site.config, *lines(tmp_path, note))
            assert ran.code == 0, ran.err
            assert grade((await anext(messages)).payload, data, election) == "witnessed"
        assert site.await_log("cosignatures-were-brought")["witnessed_size"] == 1
        assert site.stop_centerd() == 0
        assert center("log", "audit", "--config", site.config).code == 0
    finally:
        site.close()


def grade(payload: object, data: bytes, election: Election) -> str:
    assert isinstance(payload, bytes)
    log = election.loaded.log_verifier
    return receipt.verify(payload.decode(), data, log=log, policy=POLICY).grade
