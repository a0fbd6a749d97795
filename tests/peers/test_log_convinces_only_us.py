"""Our verifier keys, checkpoints, proofs and published folder against Go's sumdb/note and sumdb/tlog.

These are what Go's checksum database is verified with; nobody here wrote them.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given

from crypto import codec, merkle, notes, receipt
from crypto.errors import ProofError
from crypto.identity import SigningKey
from tests.center.publication import PAST, Office, contents
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import key_of, make_election
from tests.peers.log_claims import DATA, SAMPLED, SMALL, TREE, Claim, claims
from tests.peers.verifylog import Stranger, build, folder_is_good

pytestmark = pytest.mark.peer("go")

FLIPS: Final = 40  # of each published file


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def stranger(program: Path) -> Iterator[Stranger]:
    with subprocess.Popen([str(program), "lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Stranger(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """A centre with three batches published, and two more envelopes that nobody was told of yet."""
    office = Office(tmp_path_factory.mktemp("office"), make_election(4, schedule=PAST))
    office.day("branch-1", "branch-2", "branch-3")
    assert office.publish().code in (0, 1)
    return office


@pytest.fixture
def copy(office: Office, tmp_path: Path) -> Path:
    return Path(shutil.copytree(office.public, tmp_path / "copy"))


# --- the published folder ------------------------------------------------------------------------------------------


def test_published_folder_convinces_them(program: Path, office: Office) -> None:
    assert folder_is_good(program, office.public) == (True, "6 leaves, 6 receipts\n")


def test_flipped_byte_of_the_published_folder_convinces_them(program: Path, copy: Path) -> None:
    names = ["log.vkey", "checkpoint", "leaves/3.dsse.json", "receipts/branch-2-1.tlog-proof"]
    for name in names:
        data = (copy / name).read_bytes()
        refused = count = 0
        for position in range(0, len(data), max(1, len(data) // FLIPS)):
            count += 1
            flipped = data[:position] + bytes([data[position] ^ 1 << position % 7]) + data[position + 1 :]
            (copy / name).write_bytes(flipped)
            refused += not folder_is_good(program, copy)[0]
        (copy / name).write_bytes(data)
        assert refused >= 0.95 * count > 20, f"{name}: {refused} of {count}"  # they forgive sloppy base64
    assert folder_is_good(program, copy)[0]


@pytest.mark.parametrize(
    "change", ["leaf gone", "leaves swapped", "receipts swapped", "other log", "shorter"]
)
def test_folder_that_was_rearranged_convinces_them(program: Path, copy: Path, change: str) -> None:
    leaves = [copy / "leaves" / f"{index}.dsse.json" for index in range(6)]
    match change:
        case "leaf gone":
            leaves[5].unlink()
        case "leaves swapped":
            first, second = leaves[0].read_bytes(), leaves[2].read_bytes()
            leaves[0].write_bytes(second)
            leaves[2].write_bytes(first)
        case "receipts swapped":
            shutil.copy(copy / "receipts/branch-1-1.tlog-proof", copy / "receipts/branch-2-1.tlog-proof")
            text = (copy / "receipts/branch-2-1.tlog-proof").read_text("utf-8").replace("index 0", "index 2")
            (copy / "receipts/branch-2-1.tlog-proof").write_text(text, "utf-8")
        case "other log":
            mallory = notes.NoteSigner("log.example/councils-7", key_of("mallory"))
            text = notes.text_of((copy / "checkpoint").read_text("utf-8"))
            (copy / "checkpoint").write_text(mallory.sign(text), "utf-8")
        case "shorter":
            tree = merkle.Tree([merkle.leaf_hash(leaf.read_bytes()) for leaf in leaves])
            head = notes.Checkpoint("log.example/councils-7", 6, tree.root(5))
            log = notes.NoteSigner("log.example/councils-7", key_of("log"))
            (copy / "checkpoint").write_text(log.sign(head.text()), "utf-8")
    assert not folder_is_good(program, copy)[0]


# --- notes ---------------------------------------------------------------------------------------------------------


def test_flipped_bit_of_a_checkpoint_shows_them_something_else(stranger: Stranger, office: Office) -> None:
    vkey = office.election.manifest.log.vkey
    note = contents(office.public)["checkpoint"]
    honest = stranger.checkpoint(note, vkey)
    assert honest is not None
    verifier = office.election.loaded.log_verifier
    mine = notes.Checkpoint.parse(notes.verify_note(note.decode(), [verifier]))
    assert honest == (mine.origin, mine.size, codec.b64(mine.root))
    refused = 0
    for changed in every_bit_flipped(note):
        theirs = stranger.checkpoint(changed, vkey)
        assert theirs in (honest, None)
        refused += theirs is None
        with pytest.raises(ProofError):
            notes.verify_note(changed.decode("utf-8", "surrogateescape"), [verifier])
    assert refused > 0.95 * len(note) * 8


def test_checkpoint_convinces_them_with_cosignatures_and_not_without_the_log(stranger: Stranger) -> None:
    """They know no witnesses: their lines are skipped, as C2SP asks, and vouch for nothing."""
    log = notes.NoteSigner("log.example/councils-7", SigningKey.from_seed(b"l" * 32))
    witness = notes.Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32))
    note = log.sign(notes.Checkpoint(log.name, 7, TREE.root(7)).text())
    cosigned = witness.cosign(note, 1_813_420_800)
    assert stranger.checkpoint(cosigned.encode(), log.vkey) == (log.name, 7, codec.b64(TREE.root(7)))
    alone = cosigned.replace(note.rsplit("\n\n", 1)[1], "")
    assert stranger.checkpoint(alone.encode(), log.vkey) is None
    assert stranger.checkpoint(note.encode(), witness.vkey) is None
    twice = note + note.rsplit("\n\n", 1)[1]  # they skip a line that repeats; to us it is no checkpoint
    assert stranger.checkpoint(twice.encode(), log.vkey) == (log.name, 7, codec.b64(TREE.root(7)))
    with pytest.raises(ProofError, match="signed twice"):
        notes.verify_note(twice, [notes.NoteVerifier(log.vkey)])


# --- proofs --------------------------------------------------------------------------------------------------------


def test_leaf_and_node_are_told_apart_as_they_do(stranger: Stranger) -> None:
    left, right = (merkle.leaf_hash(data) for data in DATA[:2])
    assert stranger.leaf_hash(DATA[0]) == codec.b64(left)
    assert stranger.leaf_hash(left + right) != codec.b64(merkle.node_hash(left, right))
    assert not stranger.believes_inclusion(left + right, 0, 1, [], TREE.root(2))


@pytest.mark.parametrize("sizes", [range(1, SMALL), SAMPLED], ids=["small", "across tiles"])
def test_our_proofs_do_not_convince_them(stranger: Stranger, sizes: range) -> None:
    for new in sizes:
        for index in range(new) if new < SMALL else (0, 1, new // 2, new - 1):
            assert stranger.believes_inclusion(
                DATA[index], index, new, TREE.inclusion(index, new), TREE.root(new)
            )
        for old in (old for old in sizes if old <= new):
            proof = TREE.consistency(old, new)
            assert stranger.believes_growth(old, new, proof, TREE.root(old), TREE.root(new))


@given(claims(inclusion=False))
def test_growth_is_refused_exactly_where_they_refuse_it(stranger: Stranger, claim: Claim) -> None:
    theirs = stranger.believes_growth(claim.first, claim.second, claim.path, claim.start, claim.end)
    try:
        merkle.verify_consistency(claim.first, claim.second, claim.path, claim.start, claim.end)
    except ProofError:
        assert not theirs
    else:
        assert theirs


@given(claims(inclusion=True))
def test_inclusion_is_refused_exactly_where_they_refuse_it(stranger: Stranger, claim: Claim) -> None:
    leaf = DATA[claim.first % len(DATA)]  # they hash the leaf themselves
    theirs = stranger.believes_inclusion(leaf, claim.first, claim.second, claim.path, claim.end)
    try:
        merkle.verify_inclusion(merkle.leaf_hash(leaf), claim.first, claim.second, claim.path, claim.end)
    except ProofError:
        assert not theirs
    else:
        assert theirs


def test_receipt_under_a_checkpoint_of_the_past_grows_into_the_published_one(
    stranger: Stranger, office: Office
) -> None:
    """What a branch keeps from the evening stays true of the log that is published at the end."""
    files = contents(office.public)
    leaves = [files[f"leaves/{index}.dsse.json"] for index in range(6)]
    tree = merkle.Tree([merkle.leaf_hash(leaf) for leaf in leaves])
    log = office.election.log
    for size in range(1, 6):
        note = log.sign(notes.Checkpoint(log.name, size, tree.root(size)).text())
        text = receipt.make(leaves[size - 1], size - 1, tree.inclusion(size - 1, size), note)
        shown = stranger.checkpoint(text.split("\n\n", 1)[1].encode(), log.vkey)
        assert shown == (log.name, size, codec.b64(tree.root(size)))
        grown = tree.consistency(size, 6)
        assert stranger.believes_growth(size, 6, grown, tree.root(size), tree.root())
        assert not stranger.believes_growth(size, 6, grown, tree.root(size - 1), tree.root())
