"""The centre changes what it has shown: whoever kept a receipt, an older copy or a witness's word can show it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from center.audit.auditing import Auditor
from center.witness.witness import RefusedError, Request, Witness, WitnessStore
from crypto import acknowledgement, canonical, merkle, notes, receipt
from crypto.comparison import compare
from crypto.notes import Checkpoint, CosignatureVerifier, Cosigner
from kit.cli import receipts
from tests.attacks.catalogue import attack
from tests.center.publication import PAST, Office
from tests.crypto.election_fixture import COUNCIL, LOG_NAME, Election, key_of, make_election

NOW_S = 1_850_000_000


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=PAST)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory, election: Election) -> Office:
    """A centre that published everything: two branches, four leaves. Read only."""
    office = Office(tmp_path_factory.mktemp("honest"), election)
    office.day("branch-1", "branch-2")
    assert office.publish().code in (0, 1)
    return office


@pytest.fixture
def copy(honest: Office, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest.public, tmp_path / "copy"))


def faults(election: Election, folder: Path, *promises: Path, previous: Path | None = None) -> dict[str, str]:
    report = Auditor(
        folder,
        trusted=election.trusted,
        threshold=election.threshold,
        previous=previous,
        promises=promises,
    ).audit()
    return {fault.file: fault.problem for fault in report.faults}


class Rewriting:
    """The log's key in the hands of somebody with other plans: signs any history."""

    def __init__(self, election: Election, leaves: list[bytes]) -> None:
        self.election, self.leaves = election, leaves
        self.tree = merkle.Tree([merkle.leaf_hash(leaf) for leaf in leaves])

    def note(self, size: int | None = None) -> str:
        size = len(self.leaves) if size is None else size
        return self.election.log.sign(Checkpoint(LOG_NAME, size, self.tree.root(size)).text())

    def receipt(self, index: int) -> bytes:
        return receipt.make(self.leaves[index], index, self.tree.inclusion(index), self.note()).encode()

    def publish(self, folder: Path, names: list[str]) -> None:
        """Make a published folder say this history, receipts and all."""
        shutil.rmtree(folder / "leaves")
        shutil.rmtree(folder / "receipts")
        (folder / "leaves").mkdir()
        (folder / "receipts").mkdir()
        (folder / "checkpoint").write_text(self.note(), encoding="utf-8")
        for index, (leaf, name) in enumerate(zip(self.leaves, names, strict=True)):
            (folder / "leaves" / f"{index}.dsse.json").write_bytes(leaf)
            (folder / "receipts" / f"{name}.tlog-proof").write_bytes(self.receipt(index))


def compared(log: str, *files: Path) -> int:
    """The exit code of ``kitctl receipt compare``."""
    with pytest.raises(SystemExit) as ended:
        receipts.main(["compare", "--log", log, *map(str, files)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def leaves_of(folder: Path) -> list[bytes]:
    return [(folder / "leaves" / f"{index}.dsse.json").read_bytes() for index in range(4)]


def witness(folder: Path, election: Election) -> Witness:
    cosigner = Cosigner("witness.example/w1", key_of("witness"))
    store = WitnessStore(folder, CosignatureVerifier(cosigner.vkey))
    return Witness(store, cosigner, [election.loaded.log_verifier])


def test_control_honest_publication_is_accused(honest: Office, election: Election) -> None:
    assert faults(election, honest.public) == {}
    assert faults(election, honest.public, previous=honest.public) == {}


@attack("fork between branches")
def test_two_branches_are_shown_two_logs(honest: Office, election: Election, tmp_path: Path) -> None:
    """Each receipt is perfect by itself. Held side by side, with the log's own signatures, they show the fork."""
    one = Rewriting(election, leaves_of(honest.public))
    other = Rewriting(election, [*one.leaves[:2], *reversed(one.leaves[2:])])
    loaded = election.loaded
    policy = loaded.manifest.witness_policy
    shown = (one.receipt(0), other.receipt(2))
    for text, envelope in zip(shown, (one.leaves[0], other.leaves[2]), strict=True):
        receipt.verify(text.decode(), envelope, log=loaded.log_verifier, policy=policy)
    files = [("branch-1", shown[0]), ("branch-2", shown[1])]
    found = compare(files, loaded.log_verifier)
    assert found.verdict == "fork"
    assert found.forks[0].files == ("branch-1", "branch-2")
    same = [("branch-1", one.receipt(0)), ("branch-2", one.receipt(3))]
    assert compare(same, loaded.log_verifier).verdict == "consistent"
    for name, data in (("mine", shown[0]), ("theirs", shown[1]), ("third", same[1][1])):
        (tmp_path / name).write_bytes(data)
    log = election.manifest.log.vkey
    assert compared(log, tmp_path / "mine", tmp_path / "theirs") == 2
    assert compared(log, tmp_path / "mine", tmp_path / "third") == 0


@attack("fork between branches")
def test_witness_vouches_for_both_sides_of_a_fork(honest: Office, election: Election, tmp_path: Path) -> None:
    one = Rewriting(election, leaves_of(honest.public))
    other = Rewriting(election, list(reversed(one.leaves)))
    watcher = witness(tmp_path, election)
    watcher.cosign(Request(0, (), one.note()), time_s=NOW_S)
    with pytest.raises(RefusedError, match="is forked"):
        watcher.cosign(Request(4, (), other.note()), time_s=NOW_S)
    watcher.cosign(Request(4, (), one.note()), time_s=NOW_S + 1)


@attack("log rollback")
def test_log_goes_back_to_an_older_copy(
    honest: Office, election: Election, copy: Path, tmp_path: Path
) -> None:
    """The ledger of an hour ago, with new envelopes on top or without: older copy, receipts and witness know more."""
    now = Rewriting(election, leaves_of(honest.public))
    before = Rewriting(election, now.leaves[:3])
    before.publish(copy, ["branch-1-1", "branch-1-2", "branch-2-1"])
    assert faults(election, copy) == {}  # by itself it looks sound
    found = faults(election, copy, previous=honest.public)
    assert found.keys() == {str(honest.public / "checkpoint")}
    assert "rolled back or forked" in found[str(honest.public / "checkpoint")]
    held = honest.public / "receipts" / "branch-2-2.tlog-proof"
    assert "left out" in faults(election, copy, held)[str(held)]

    watcher = witness(tmp_path / "memory", election)
    watcher.cosign(Request(0, (), now.note()), time_s=NOW_S)
    with pytest.raises(RefusedError, match="rollback"):
        watcher.cosign(Request(3, (), before.note()), time_s=NOW_S)
    assert faults(election, honest.public, previous=honest.public) == {}


@attack("omission after acknowledgement")
def test_acknowledged_envelope_is_left_out(honest: Office, election: Election, copy: Path) -> None:
    """The branch holds the log's signed promise, and the published log has no such leaf: the file shows who lied."""
    leaves = leaves_of(honest.public)
    promises = {
        "acknowledgement": acknowledgement.make(leaves[3], election.log),
        "receipt": Rewriting(election, leaves).receipt(3).decode(),
    }
    Rewriting(election, leaves[:3]).publish(copy, ["branch-1-1", "branch-1-2", "branch-2-1"])
    assert faults(election, copy) == {}  # a folder by itself cannot show what was left out of it
    for name, text in promises.items():
        held = copy.parent / name
        held.write_text(text, encoding="utf-8")
        assert "left out" in faults(election, copy, held)[str(held)]
        assert faults(election, honest.public, held) == {}
        ran = honest.audit("--promise", held, folder=copy)
        assert (ran.code, "left out" in ran.out) == (65, True)
        assert honest.audit("--promise", held).code in (0, 1)


@attack("omission after acknowledgement")
def test_promise_that_the_log_never_made(honest: Office, election: Election, tmp_path: Path) -> None:
    """Nobody accuses a log with a paper of his own; and a fork shows itself in a promise too."""
    leaves = leaves_of(honest.public)
    mallory = notes.NoteSigner(LOG_NAME, key_of("mallory"))
    forked = Rewriting(election, [*leaves[:2], leaves[3], leaves[2]])
    for name, text, reason in (
        ("invented", acknowledgement.make(b"never sent", mallory), "no promise of this log"),
        ("nonsense", "I promise", "no promise of this log"),
        ("forked", forked.receipt(3).decode(), "forked"),
    ):
        held = tmp_path / name
        held.write_text(text, encoding="utf-8")
        assert reason in faults(election, honest.public, held)[str(held)]
    assert faults(election, honest.public, tmp_path / "nowhere").keys() == {str(tmp_path / "nowhere")}


# --- totals --------------------------------------------------------------------------------------------------------


@attack("total differs from the sum of the leaves")
def test_published_total_is_not_the_sum(tmp_path: Path, election: Election) -> None:
    """In the totals alone; and in the opening with totals that agree with it."""
    office = Office(tmp_path, election)
    office.day("branch-1", "branch-2")
    assert office.publish("--opening", office.open()).code in (0, 1)
    assert faults(election, office.public) == {}
    totals = office.public / "totals.json"
    honest = totals.read_bytes()
    facts: dict[str, Any] = json.loads(honest)
    facts["contests"][COUNCIL]["votes"]["2"] += 1
    totals.write_bytes(canonical.encode(facts))
    assert "totals.json" in faults(election, office.public)
    totals.write_bytes(honest)
    opening = next(
        path for path in (office.public / "opening").rglob("*.json") if b'"contests"' in path.read_bytes()
    )
    told = json.loads(opening.read_bytes())
    told["contests"][COUNCIL]["votes"]["2"] += 1
    opening.write_bytes(canonical.encode(told))
    assert str(opening.relative_to(office.public)) in faults(election, office.public)
    assert notes.text_of((office.public / "checkpoint").read_text("utf-8"))
