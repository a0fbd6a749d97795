"""Receipts that the centre sends by itself: to those who hold less, once, never in a burst; and on narrow ways."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from center.intake import push_desk, pushes
from center.intake.intake import Intake
from center.intake.push_desk import PushDesk
from center.intake.pushes import Pushes
from crypto import acknowledgement, receipt
from crypto.wire import NARROW, topic_narrow_envelope, topic_receipt
from tests.center.branch import Center, Device, receipts
from tests.center.test_witnesses_are_silent import (
    ADDRESSES,
    COSIGNERS,
    POLICY,
    Village,
    attended,
    until,
)
from tests.crypto.election_fixture import ELECTION, Election, make_election
from tests.running import running

BRANCHES = 30


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(BRANCHES, witness_policy=POLICY)


class Post:
    """What goes out to the branches."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.there = True

    async def send(self, topic: str, payload: bytes) -> bool:
        if self.there:
            self.sent.append((topic, payload.decode()))
        return self.there


class Scene:
    """A centre whose log holds the account of some branches."""

    def __init__(self, folder: Path, election: Election, count: int) -> None:
        self.election = election
        self.center = Center(election, str(folder / "ledger.db"))
        self.pushes = Pushes(election.loaded, self.center.ledger, self.center.log)
        self.center.intake = Intake(election.loaded, self.center.ledger, self.center.log, self.pushes)
        self.devices = [Device(election, f"branch-{n}") for n in range(1, count + 1)]
        self.data = [device.account() for device in self.devices]
        for device, data in zip(self.devices, self.data, strict=True):
            self.center.take((device, data))
        self.post = Post()

    def cosign(self, *numbers: int) -> None:
        newest = self.center.log.newest
        assert newest is not None
        for number in numbers:
            cosigner = COSIGNERS[number]
            line = cosigner.cosign(newest.note, 1).removeprefix(newest.note)
            self.center.log.add_cosignature(newest.size, cosigner.vkey, line, at="2027-06-19T00:00:00Z")

    def grade(self, text: str, number: int) -> str:
        return receipt.verify(
            text, self.data[number], log=self.election.loaded.log_verifier, policy=POLICY
        ).grade


@contextlib.asynccontextmanager
async def pushing(scene: Scene) -> AsyncIterator[PushDesk]:
    desk = PushDesk(scene.center.log, scene.pushes, scene.post.send)
    async with running(desk.run()):
        yield desk


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_desk, "PUSH_PAUSE_S", 0.001)
    monkeypatch.setattr(push_desk, "NO_SESSION_PAUSE_S", 0.001)
    monkeypatch.setattr(push_desk, "LOOK_S", 0.005)


async def test_branches_learn_only_by_asking(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, BRANCHES)
    async with pushing(scene):
        await asyncio.sleep(0.02)
        scene.cosign(0)
        await asyncio.sleep(0.02)
        assert not scene.post.sent, "one witness of two is not enough"
        scene.cosign(1)
        await until(lambda: len(scene.post.sent) == BRANCHES)
        await asyncio.sleep(0.02)
    assert [topic for topic, _ in scene.post.sent] == [
        topic_receipt(ELECTION, f"branch-{n}") for n in range(1, BRANCHES + 1)
    ], "each once"
    assert {scene.grade(text, n) for n, (_, text) in enumerate(scene.post.sent)} == {"witnessed"}
    scene.center.close()


async def test_all_branches_are_told_at_one_moment(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "PUSH_MAX", 7)
    scene = Scene(tmp_path, election, BRANCHES)
    scene.cosign(0, 1)
    for told in (7, 14, 21, 28, 30, 30):
        assert await scene.pushes.send_some(scene.post.send)
        assert len(scene.post.sent) == told
    assert not scene.pushes.waiting
    scene.center.close()


async def test_who_asked_meanwhile_is_told_again(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, 3)
    scene.cosign(0, 1)
    scene.center.take((scene.devices[1], scene.data[1]))
    await scene.pushes.send_some(scene.post.send)
    assert [topic for topic, _ in scene.post.sent] == [
        topic_receipt(ELECTION, branch) for branch in ("branch-1", "branch-3")
    ]
    scene.center.close()


async def test_broker_is_away_when_there_is_something_to_tell(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, 3)
    scene.post.there = False
    async with pushing(scene):
        scene.cosign(0, 1)
        await asyncio.sleep(0.02)
        assert scene.pushes.waiting
        scene.post.there = True
        await until(lambda: len(scene.post.sent) == 3)
    scene.center.close()


async def test_later_envelopes_wait_for_a_restart(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, 2)
    scene.cosign(0, 1)
    await scene.pushes.send_some(scene.post.send)
    tally = scene.devices[0].tally()
    scene.center.take((scene.devices[0], tally))
    assert not scene.pushes.waiting
    scene.cosign(0, 2)
    await scene.pushes.send_some(scene.post.send)
    assert len(scene.post.sent) == 3
    again = Pushes(election.loaded, scene.center.ledger, scene.center.log)
    assert not again.waiting, "a new life does not tell everybody everything again"
    scene.center.close()


async def test_witness_comes_back_and_nobody_hears_of_it(tmp_path: Path, election: Election) -> None:
    """The desks together: silent witnesses, branches that go on, a witness that is back, and all are told."""
    scene, village = Scene(tmp_path, election, 3), Village(tmp_path, election)
    village.silent = {address.url for address in ADDRESSES}
    async with pushing(scene), attended(scene.center, village):
        await until(lambda: village.asked > 3)
        assert not scene.post.sent
        village.silent = {ADDRESSES[2].url}
        await until(lambda: len(scene.post.sent) == 3)
    scene.center.close()


# --- narrow ways ---------------------------------------------------------------------------------------------------


def test_narrow_way_is_answered_by_a_proof(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, 2)
    device, data = scene.devices[0], scene.devices[0].tally()
    log = election.loaded.log_verifier
    narrow = topic_narrow_envelope(ELECTION, device.branch)
    for _ in range(2):  # new, and known already
        (reply,) = receipts(scene.center.take((narrow, data)))
        assert reply.topic == topic_receipt(ELECTION, device.branch)
        text = reply.payload.decode()
        assert acknowledgement.verify(text, data, log=log).envelope_sha256
        assert len(acknowledgement.pack(text, log=log)) <= 140
    assert scene.center.ledger.size() == 3, "logged all the same, once"
    both = receipts(scene.center.take((narrow, data), (device, data), (narrow, data)))
    assert [acknowledgement.is_acknowledgement(one.payload.decode()) for one in both] == [True, False]
    scene.center.close()


def test_narrow_topic_of_another_branch_is_a_way_in(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, 2)
    data = scene.devices[0].tally()
    for topic in (
        topic_narrow_envelope(ELECTION, "branch-2"),
        topic_narrow_envelope(ELECTION, "branch-1") + NARROW,
        topic_narrow_envelope("another", "branch-1"),
    ):
        outcome = scene.center.take((topic, data))
        assert not receipts(outcome)
        assert len(outcome.refused) == 1, topic
    scene.center.close()


def test_narrow_answer_counts_as_told(tmp_path: Path, election: Election) -> None:
    scene = Scene(tmp_path, election, 1)
    scene.cosign(0, 1)
    scene.center.take((topic_narrow_envelope(ELECTION, "branch-1"), scene.data[0]))
    assert scene.pushes.waiting
    asyncio.run(scene.pushes.send_some(scene.post.send))
    assert len(scene.post.sent) == 1
    scene.center.close()


def test_receipt_too_long_for_any_message_ends_centerd(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt, "RECEIPT_MAX", 300)
    scene = Scene(tmp_path, election, 2)
    (reply,) = receipts(scene.center.take((scene.devices[0], scene.data[0])))
    log = election.loaded.log_verifier
    assert acknowledgement.verify(reply.payload.decode(), scene.data[0], log=log)
    scene.cosign(0, 1)
    asyncio.run(scene.pushes.send_some(scene.post.send))
    assert not scene.post.sent
    assert not scene.pushes.waiting
    scene.center.close()


@pytest.mark.parametrize("turns", range(5))
async def test_centre_is_told_to_end_while_a_cosignature_wakes_it(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr(push_desk, "LOOK_S", 10.0)
    scene = Scene(tmp_path, election, BRANCHES)
    desk = PushDesk(scene.center.log, scene.pushes, scene.post.send)
    task = asyncio.create_task(desk.run())
    await asyncio.sleep(0)
    desk.wake()
    for _ in range(turns):  # of the loop, between the one word and the other
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    assert done, "it sleeps on"
    assert task.cancelled()
