"""kitd, centerd, a broker and a witness as processes: the witness is away when the poll closes, and comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto.notes import Cosigner
from crypto.statements import WitnessPolicy
from kit.facts import ReceiptStored
from tests.center.test_witness_process_dies import Watched
from tests.crypto.election_fixture import Election, key_of, make_election
from tests.kit.harness import SCHEDULE, Branch
from tests.kit.real_kit import RealKit, real_kit
from tests.kit.staff import work_until

WITNESS = Cosigner("witness.example/w1", key_of("witness"))
POLICY = WitnessPolicy(m=1, witnesses=(WITNESS.vkey,))


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=SCHEDULE, witness_policy=POLICY)


@pytest.fixture
def watched(tmp_path: Path, election: Election) -> Iterator[Watched]:
    made = Watched(tmp_path, election)
    made.site.start_broker()
    made.site.start_centerd()
    made.site.await_log("broker-connected")
    yield made
    made.kill_witness()
    made.site.close()


def cut_off(election: Election) -> Branch:
    """A branch that sealed everything, and whose uplinks went down before it did."""
    branch = work_until(Branch(election), "closed")
    for name in branch.links:
        branch.set_link(name, "refused")
    return work_until(branch, "sealed")


async def until_held(kit: RealKit, *grades: str) -> None:
    """Until the kit's receipts are of these grades."""

    def held(status: dict[str, dict[str, dict[str, dict[str, str]]]]) -> bool:
        return [fact["grade"] for fact in status["outbox"]["receipts"].values()] == list(grades)

    await kit.until_status(held, f"receipts {grades}")


def stored(kit: RealKit) -> list[tuple[int, str, bool]]:
    return [(f.seq, f.grade, f.delivered) for f in kit.facts() if isinstance(f, ReceiptStored)]


async def test_branch_waits_for_a_witness_for_ever(watched: Watched, election: Election) -> None:
    branch = cut_off(election)
    async with real_kit(branch, watched.site.port) as kit:
        await until_held(kit, "included", "included")
        watched.site.await_log("witness-silent")
        status = await kit.until_status(lambda status: status["phase"] == "sending", "sending")
        assert not status["uplinks"]["critical"], "it is in the log: nothing is hedged any more"
        code, _, _ = await kit.ctl("receipt", "list")
        assert code == 1, "not delivered yet"
        asked = duplicates(watched)
        watched.start_witness()
        await kit.until_status(lambda status: status["phase"] == "delivered", "delivered")
        assert duplicates(watched) == asked, "nobody had to ask: the centre told"
        code, out, _ = await kit.ctl("receipt", "list", "--lang", "en")
        assert (code, out.count("witnessed")) == (0, 2)
        assert await kit.end() == 0
        assert sorted(stored(kit)) == [
            (1, "included", False),
            (1, "witnessed", True),
            (2, "included", False),
            (2, "witnessed", True),
        ]


async def test_branch_hears_on_a_narrow_way_alone(watched: Watched, election: Election) -> None:
    """The ways back are narrow: a promise is all there is, and the kit keeps everything until there is more."""
    watched.start_witness()
    branch = cut_off(election)
    async with real_kit(branch, watched.site.port, narrow=True) as kit:
        # The centre pushes the witnessed receipts all the same, as soon as there are any.
        await kit.until_status(lambda status: status["phase"] == "delivered", "delivered")
        assert await kit.end() == 0
        held = stored(kit)
        assert [grade for seq, grade, _ in held if seq == 2] == ["acknowledged", "witnessed"]


async def test_promise_is_taken_for_delivery(watched: Watched, election: Election) -> None:
    branch = cut_off(election)
    async with real_kit(branch, watched.site.port, narrow=True) as kit:
        await until_held(kit, "acknowledged", "acknowledged")
        status = await kit.until_status(lambda status: status["phase"] == "sending", "sending")
        assert status["uplinks"]["critical"]
        assert [item["seq"] for item in status["outbox"]["waiting"]] == [1, 2]
        text = kit.config.read_text(encoding="utf-8")
        assert await kit.end() == 0
        kit.config.write_text(text.replace("narrow = true", ""), encoding="utf-8")
        await kit.start()
        await until_held(kit, "included", "included")
        assert await kit.end() == 0
        assert [grade for seq, grade, _ in stored(kit) if seq == 2] == ["acknowledged", "included"]


def duplicates(watched: Watched) -> int:
    """How often an envelope came that the centre held already."""
    return sum(line["duplicates"] for line in watched.site.log_lines() if line["event"] == "batch")
