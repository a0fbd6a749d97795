"""What must hold of a ledger after anything at all happened to centre and broker."""

from collections.abc import Iterable
from pathlib import Path

from center.log.ledger import Ledger
from crypto import merkle
from crypto.notes import Checkpoint, verify_note
from crypto.receipt import Receipt
from tests.crypto.election_fixture import Election


def check_ledger(
    state_dir: Path, election: Election, envelopes: Iterable[bytes], receipts: Iterable[Receipt]
) -> None:
    """It holds exactly ``envelopes``, each once; every verified receipt agrees with the log, which has only grown."""
    ledger = Ledger.open_to_read(str(state_dir / "ledger.db"))
    entries = list(ledger.entries())
    newest = ledger.newest_checkpoint()
    ledger.close()
    assert newest is not None
    head = Checkpoint.parse(verify_note(newest.note, [election.loaded.log_verifier]))
    tree = merkle.Tree([merkle.leaf_hash(entry.data) for entry in entries])
    assert (tree.size, tree.root()) == (head.size, head.root)
    assert sorted(entry.data for entry in entries) == sorted(envelopes)
    for shown in receipts:
        assert entries[shown.index].sha256 == shown.envelope_sha256
        proof = tree.consistency(shown.size, head.size)
        merkle.verify_consistency(shown.size, head.size, proof, shown.root, head.root)
