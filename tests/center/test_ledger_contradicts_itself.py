"""``center log audit``: whatever is changed in a ledger, its leaves, checkpoints and cosignatures tell of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from crypto.notes import Checkpoint, Cosigner
from crypto.statements import WitnessPolicy
from tests.center.branch import Center, Device
from tests.center.command import Ran, center
from tests.center.evening import Evening, trustees_election
from tests.center.site import write_files
from tests.crypto.election_fixture import LOG_NAME, Election, key_of, make_election

COSIGNERS = [Cosigner(f"witness.example/w{n}", key_of(f"witness {n}")) for n in (1, 2, 3)]
POLICY = WitnessPolicy(m=2, witnesses=tuple(cosigner.vkey for cosigner in COSIGNERS[:2]))


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, witness_policy=POLICY)


class Scene:
    """A ledger of five leaves under four checkpoints: one clash, one gap, and cosignatures on the last."""

    def __init__(self, folder: Path, election: Election) -> None:
        self.election = election
        self.config = write_files(folder, election)
        (folder / "state").mkdir()
        self.path = folder / "state" / "ledger.db"
        made = Center(election, str(self.path))
        first, second = Device(election, "branch-1"), Device(election, "branch-2")
        made.take((first, first.account()))
        made.take((first, first.tally()), (first, first.tally(entropy="again")))
        made.take((second, second.tally(seq=2, prev="0" * 64)))
        made.take((second, second.account(seq=1, prev=None)))
        assert made.log.newest is not None
        for cosigner in COSIGNERS[:2]:
            line = cosigner.cosign(made.log.newest.note, 1).removeprefix(made.log.newest.note)
            made.log.add_cosignature(5, cosigner.vkey, line, at="2027-06-19T00:00:00Z")
        made.close()

    def audit(self, *options: str) -> Ran:
        return center("log", "audit", "--config", self.config, *options)


def tamper(path: Path, sql: str, *values: object) -> None:
    """What somebody with a SQL shell does, who knows how to get rid of triggers."""
    connection = apsw.Connection(str(path))
    for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(sql, values)
    assert connection.changes() > 0
    connection.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, election: Election) -> Scene:
    return Scene(tmp_path_factory.mktemp("centre"), election)


@pytest.fixture
def scene(made: Scene, tmp_path: Path) -> Scene:
    """A copy of it to tamper with."""
    shutil.copytree(made.config.parent, tmp_path / "centre")
    copy = object.__new__(Scene)
    copy.election = made.election
    copy.config = tmp_path / "centre" / made.config.name
    copy.path = tmp_path / "centre" / "state" / "ledger.db"
    return copy


def test_sound_ledger_is_called_wrong(made: Scene) -> None:
    ran = made.audit()
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "all of it agrees" in ran.out
    assert "5 leaves, 4 checkpoints, 2 cosignatures" in ran.out
    assert "flags: clash 1, gap 1, prev-mismatch" in ran.out
    assert "NOT checked" in ran.out
    told = json.loads(made.audit("--json").out)
    assert (told["leaves"], told["witnessed_size"], told["faults"], told["remarks"]) == (5, 5, [], [])


def test_leaves_without_witnesses_are_not_spoken_of(scene: Scene) -> None:
    tamper(scene.path, "DELETE FROM cosignatures WHERE witness = ?", COSIGNERS[0].vkey)
    ran = scene.audit()
    assert ran.code == 1
    assert "remark: 2 witnesses vouch for 0 of 5 leaves" in ran.out


def forged(size: int) -> Callable[[Election], str]:
    """A checkpoint that the log itself signed over something else."""
    return lambda election: election.log.sign(Checkpoint(LOG_NAME, size, b"\7" * 32).text())


TAMPERED: dict[str, tuple[str, tuple[object, ...], str]] = {
    "flag hidden": ("UPDATE envelopes SET flags = '' WHERE flags LIKE '%clash%'", (), "the ledger says"),
    "flag invented": ("UPDATE envelopes SET flags = 'gap' WHERE leaf = 0", (), "its bytes say"),
    "branch changed": ("UPDATE envelopes SET branch = 'branch-2' WHERE leaf = 0", (), "the ledger says"),
    "unit changed": ("UPDATE envelopes SET unit = unit || '0' WHERE leaf = 0", (), "the ledger says"),
    "leaf gone": ("DELETE FROM envelopes WHERE leaf = 1", (), "leaf 1 is missing"),
    "last leaf gone": ("DELETE FROM envelopes WHERE leaf = 4", (), "checkpoint over 5 leaves was signed"),
    "bytes changed": (
        "UPDATE envelopes SET bytes = CAST(bytes || ' ' AS BLOB) WHERE leaf = 0",
        (),
        "do not have the hash",
    ),
    "not an envelope": (
        "UPDATE envelopes SET bytes = CAST('{}' AS BLOB), sha256 = ? WHERE leaf = 0",
        ("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",),
        "could not be admitted",
    ),
    "checkpoint gone": ("DELETE FROM checkpoints WHERE size = 5", (), "newest checkpoint covers 4"),
    "checkpoint moved": ("UPDATE checkpoints SET size = 2 WHERE size = 1", (), "its note is over 1 leaves"),
    "checkpoint of a fork": (
        "UPDATE checkpoints SET note = ? WHERE size = 3",
        (forged(3),),
        "signed over others",
    ),
    "checkpoint of a stranger": (
        "UPDATE checkpoints SET note = replace(note, 'A', 'B') WHERE size = 3",
        (),
        "checkpoint 3: ",
    ),
    "checkpoint beyond": ("INSERT INTO checkpoints VALUES (9, ?, 'x')", (forged(9),), "over 9 leaves"),
    "cosignature moved": (
        "UPDATE cosignatures SET size = 4",
        (),
        "checkpoint 4: cosignature of witness.example",
    ),
    "cosignature of nothing": ("UPDATE cosignatures SET size = 2", (), "no checkpoint stands here"),
    "cosignature forged": ("UPDATE cosignatures SET line = replace(line, 'A', 'B')", (), "cosignature of"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_ledger_is_tampered_with(scene: Scene, what: str) -> None:
    sql, values, words = TAMPERED[what]
    tamper(scene.path, sql, *[value(scene.election) if callable(value) else value for value in values])
    ran = scene.audit()
    assert ran.code == 65, ran.out
    assert ran.out.startswith("FAULTS"), ran.out
    assert words in ran.out


def test_leaf_stands_there_twice(scene: Scene) -> None:
    tamper(
        scene.path,
        "INSERT INTO envelopes SELECT 5, sha256 || 'x', branch, device, unit, type, seq, prev, received_at, flags,"
        " bytes FROM envelopes WHERE leaf = 0",
    )
    ran = scene.audit()
    assert ran.code == 65
    assert "6 leaves, and the newest checkpoint covers 5" in ran.out


def test_stranger_vouches(scene: Scene) -> None:
    tamper(
        scene.path, "UPDATE cosignatures SET witness = ?, line = ? WHERE witness = ?", *strangers_line(scene)
    )
    ran = scene.audit()
    assert ran.code == 1
    assert f"{COSIGNERS[2].vkey} is no witness of the manifest" in ran.out


def strangers_line(scene: Scene) -> tuple[str, str, str]:
    connection = apsw.Connection(str(scene.path))
    ((note,),) = connection.execute("SELECT note FROM checkpoints WHERE size = 5").fetchall()
    connection.close()
    return COSIGNERS[2].vkey, COSIGNERS[2].cosign(note, 1).removeprefix(note), COSIGNERS[0].vkey


def test_empty_or_missing_ledger(tmp_path: Path, election: Election) -> None:
    config = write_files(tmp_path, election)
    assert center("log", "audit", "--config", config).code == 69
    (tmp_path / "state").mkdir()
    Center(election, str(tmp_path / "state" / "ledger.db")).close()
    ran = center("log", "audit", "--config", config)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "all of it agrees")


def test_acts_are_taken_for_something_else(tmp_path: Path) -> None:
    evening = Evening(tmp_path, trustees_election())
    evening.day("branch-1", "branch-2")
    evening.order()
    evening.center.close()
    ran = center("log", "audit", "--config", evening.config)
    assert (ran.code, ran.out.splitlines()[0]) == (1, "all of it agrees"), ran.out
    assert "5 leaves" in ran.out
    tamper(tmp_path / "state" / "ledger.db", "UPDATE acts SET type = 'schedule-change'")
    assert "the ledger says schedule-change" in center("log", "audit", "--config", evening.config).out
