"""A kit lets an envelope go for a sound receipt of that envelope alone, under the log and the witnesses it knows."""

from collections.abc import Callable
from typing import Final

import pytest

from crypto import codec, merkle, notes, receipt
from crypto.errors import ProofError
from crypto.identity import SigningKey
from crypto.notes import Checkpoint, Cosigner, NoteSigner
from crypto.statements import WitnessPolicy
from kit.events import ReceiptHeard
from kit.facts import IncidentRecorded, ReceiptStored
from tests.attacks.catalogue import attack
from tests.crypto.election_fixture import make_election
from tests.kit.center_stand_in import Center
from tests.kit.harness import SCHEDULE, Branch
from tests.kit.staff import standing_in, work_until

TALLY_SEQ: Final = 2
WITNESSES: Final = tuple(
    Cosigner(f"witness.example/w{n}", SigningKey.from_seed(bytes([n]) * 32)) for n in (1, 2)
)
TWO_OF_TWO: Final = make_election(
    2, schedule=SCHEDULE, witness_policy=WitnessPolicy(m=2, witnesses=tuple(w.vkey for w in WITNESSES))
)


class Waiting:
    """A kit that has sent its tally, and what its centre would answer."""

    def __init__(self) -> None:
        self.branch = standing_in("sending")
        self.data = codec.unb64(self.branch.envelopes()[-1].envelope)
        self.good = self.branch.center.take(self.data)

    def stored(self) -> list[ReceiptStored]:
        return [fact for fact in self.branch.facts(ReceiptStored) if fact.seq == TALLY_SEQ]

    def refuses(self, text: str, reason: str) -> None:
        """The library says why; the kit records it, keeps the envelope, and goes on sending."""
        loaded = self.branch.election.loaded
        with pytest.raises(ProofError, match=reason):
            receipt.verify(text, self.data, log=loaded.log_verifier, policy=loaded.manifest.witness_policy)
        before = len(self.branch.facts(IncidentRecorded))
        self.branch.post(ReceiptHeard("fibre", text))
        self.branch.settle()
        (incident,) = self.branch.facts(IncidentRecorded)[before:]
        assert incident.code == "receipt-refused"
        assert not self.stored()
        assert self.branch.phase == "sending"

    def accepts(self, text: str) -> None:
        """The control."""
        self.branch.post(ReceiptHeard("fibre", text))
        self.branch.settle()
        assert [fact.grade for fact in self.stored()] == ["included"]
        assert self.branch.phase == "delivered"


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def line(text: str, number: int) -> str:
    return text.split("\n")[number]


def with_line(text: str, number: int, new: str) -> str:
    lines = text.split("\n")
    assert lines[number] != new
    lines[number] = new
    return "\n".join(lines)


@attack("receipt for another leaf")
def test_receipt_of_another_envelope_is_made_out_to_ours(waiting: Waiting) -> None:
    """The log holds something else at that leaf; only the hash of ours is written over it."""
    other = waiting.branch.center.take(b"another branch's envelope")
    waiting.refuses(with_line(other, 1, line(waiting.good, 1)), "proof|root")
    loaded = waiting.branch.election.loaded
    with pytest.raises(ProofError, match="not for this one"):
        receipt.verify(other, waiting.data, log=loaded.log_verifier, policy=loaded.manifest.witness_policy)
    before = len(waiting.branch.journal.facts)
    waiting.branch.post(ReceiptHeard("fibre", other))  # says itself that it is somebody else's: no incident
    waiting.branch.settle()
    assert len(waiting.branch.journal.facts) == before
    waiting.accepts(waiting.good)


@attack("edited index")
@pytest.mark.parametrize("index", ["0", "1", "02", "+1", "1 ", "-1", "18446744073709551617"])
def test_index_is_edited(waiting: Waiting, index: str) -> None:
    assert line(waiting.good, 2) == "index 2"
    waiting.refuses(with_line(waiting.good, 2, f"index {index}"), "proof|index|root")
    waiting.accepts(waiting.good)


def sign_anew(text: str, change: Callable[[Checkpoint], Checkpoint], signer: NoteSigner) -> str:
    """The receipt with its checkpoint changed and signed by somebody."""
    head, _, note = text.partition("\n\n")
    checkpoint = change(Checkpoint.parse(notes.text_of(note)))
    return f"{head}\n\n{signer.sign(checkpoint.text())}"


@attack("edited size", "edited origin")
@pytest.mark.parametrize("field", ["size", "origin", "root"])
def test_checkpoint_in_a_receipt_is_edited(waiting: Waiting, field: str) -> None:
    """Without a new signature; with that of a stranger of the same name; with the log's own over a false size."""
    number = waiting.good.split("\n").index(waiting.branch.election.log.name)
    place = {"origin": number, "size": number + 1, "root": number + 2}[field]
    new = {"origin": "log.example/councils-8", "size": "9", "root": codec.b64(bytes(32))}[field]
    waiting.refuses(with_line(waiting.good, place, new), "is wrong|no signature of")

    def edit(checkpoint: Checkpoint) -> Checkpoint:
        return Checkpoint(
            new if field == "origin" else checkpoint.origin,
            checkpoint.size + 5 if field == "size" else checkpoint.size,
            bytes(32) if field == "root" else checkpoint.root,
        )

    log = waiting.branch.election.log
    mallory = NoteSigner(log.name, SigningKey.from_seed(b"m" * 32))
    waiting.refuses(sign_anew(waiting.good, edit, mallory), "no signature of")
    waiting.refuses(sign_anew(waiting.good, edit, log), "proof|of log|root")
    waiting.accepts(sign_anew(waiting.good, lambda checkpoint: checkpoint, log))


@attack("leaf taken for a node")
def test_inner_node_is_shown_as_a_leaf(waiting: Waiting) -> None:
    """64 bytes that are two hashes would be an envelope, one level up, did leaves and nodes hash alike."""
    left, right = merkle.leaf_hash(b"left"), merkle.leaf_hash(waiting.data)
    root = merkle.node_hash(left, right)
    log = waiting.branch.election.log
    one_leaf = log.sign(Checkpoint(log.name, 1, root).text())
    loaded = waiting.branch.election.loaded
    head = (
        f"c2sp.org/tlog-proof@v1\nextra {codec.b64(bytes.fromhex(codec.sha256_hex(left + right)))}\nindex 0"
    )
    with pytest.raises(ProofError):
        receipt.verify(
            f"{head}\n\n{one_leaf}",
            left + right,
            log=loaded.log_verifier,
            policy=loaded.manifest.witness_policy,
        )
    shortened = with_line(waiting.good, 3, "").replace("\n\n\n", "\n\n")  # the proof less its lowest hash
    waiting.refuses(shortened, "proof|root")
    two_leaves = log.sign(Checkpoint(log.name, 2, root).text())
    waiting.accepts(receipt.make(waiting.data, 1, [left], two_leaves))


# --- witnesses -----------------------------------------------------------------------------------------------------


def witnessed_receipt() -> tuple[Branch, bytes, str]:
    """A kit whose manifest asks for two witnesses, its tally, and a receipt with both."""
    branch = Branch(TWO_OF_TWO, center=Center(TWO_OF_TWO))
    branch.center_answers = False
    work_until(branch, "sending")
    data = codec.unb64(branch.envelopes()[-1].envelope)
    branch.center.take(data)
    branch.center._witnesses = WITNESSES
    return branch, data, branch.center.receipt(data)


def heard(branch: Branch, *texts: str) -> list[tuple[int, str, bool]]:
    for text in texts:
        branch.post(ReceiptHeard("fibre", text))
    branch.settle()
    return [(fact.seq, fact.grade, fact.delivered) for fact in branch.facts(ReceiptStored)]


def witness_lines(text: str) -> list[str]:
    return [one for one in text.splitlines(keepends=True) if "witness.example" in one]


@attack("witness line removed")
def test_receipt_without_a_witness_passes_for_witnessed() -> None:
    """It proves less, and counts for less: the kit goes on asking."""
    branch, _, text = witnessed_receipt()
    first, second = witness_lines(text)
    for poorer in (text.replace(second, ""), text.replace(first, ""), text.replace(first + second, "")):
        assert heard(branch, poorer) == [(TALLY_SEQ, "included", False)]
    assert heard(branch, text)[-1] == (TALLY_SEQ, "witnessed", True)


@attack("witness line doubled")
def test_one_witness_counts_twice() -> None:
    """Its line twice; its line at two times; and its key under another name."""
    branch, data, text = witnessed_receipt()
    first, second = witness_lines(text)
    alone = text.replace(second, "")
    later = WITNESSES[0].cosign(alone.split("\n\n", 1)[1], 1_800_000_777)
    twice_in_time = alone + later.removeprefix(alone.split("\n\n", 1)[1])
    loaded = TWO_OF_TWO.loaded
    for doubled in (alone + first, twice_in_time):
        with pytest.raises(ProofError, match="has signed twice"):
            receipt.verify(doubled, data, log=loaded.log_verifier, policy=loaded.manifest.witness_policy)
        assert heard(branch, doubled) == []
    alias = Cosigner("witness.example/w9", SigningKey.from_seed(b"\1" * 32))
    both_names = alias.cosign(alone.split("\n\n", 1)[1], 1_800_000_000)
    aliased = alone.split("\n\n", 1)[0] + "\n\n" + both_names
    policy = WitnessPolicy(m=2, witnesses=(WITNESSES[0].vkey, alias.vkey))
    assert receipt.verify(aliased, data, log=loaded.log_verifier, policy=policy).grade == "included"
    assert heard(branch, text)[-1] == (TALLY_SEQ, "witnessed", True)
