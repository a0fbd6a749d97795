"""Notes that are no checkpoints of the log, against Go's sumdb/note: journals' checkpoints, acknowledgements."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from crypto import acknowledgement, codec, merkle, notes
from crypto.consistency import Consistency
from crypto.errors import ProofError
from crypto.journal_note import JournalName, JournalNote, epoch_key, open_by_device, open_by_epoch, sign_note
from crypto.notes import Checkpoint
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import key_of, make_election, seed_of
from tests.peers.log_claims import TREE
from tests.peers.verifylog import Stranger, build

pytestmark = pytest.mark.peer("go")

ELECTION: Final = make_election(2)
NAME: Final = JournalName("councils-7", 1, "branch-1", "device-1")
EPOCHS: Final = tuple(epoch_key(seed_of(f"epoch {number}"), NAME) for number in (12, 13))
DEVICE: Final = key_of("device-1")
DEVICE_VKEY: Final = notes.vkey_of(NAME.device_origin, DEVICE.public)
JOURNAL: Final = sign_note(
    JournalNote(Checkpoint(NAME.origin, 57, TREE.root(57)), 12, EPOCHS[1].vkey), EPOCHS[0], DEVICE
)
ENVELOPE: Final = b"an envelope of a branch"
PROMISE: Final = acknowledgement.make(ENVELOPE, ELECTION.log)
LOG_VKEY: Final = ELECTION.log.vkey


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    program: Path = build(tmp_path_factory.mktemp("go"))
    with subprocess.Popen([str(program), "lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Stranger(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def flips(note: str) -> Iterator[str]:
    """Every 7th neighbour at a distance of one bit, as far as it is text."""
    for number, changed in enumerate(every_bit_flipped(note.encode())):
        if number % 7 == 0:
            try:
                yield changed.decode("utf-8")
            except UnicodeDecodeError:
                continue


def test_checkpoint_of_a_journal_convinces_nobody_by_either_key(stranger: Stranger) -> None:
    text = notes.text_of(JOURNAL)
    assert text.splitlines()[3] == "epoch 12"
    for vkey in (DEVICE_VKEY, EPOCHS[0].vkey):
        assert stranger.text(JOURNAL, vkey) == text
    open_by_device(JOURNAL, NAME, DEVICE.public)
    open_by_epoch(JOURNAL, NAME, EPOCHS[0].vkey)


def test_checkpoint_of_a_journal_under_the_next_key_convinces_somebody(stranger: Stranger) -> None:
    assert stranger.text(JOURNAL, EPOCHS[1].vkey) is None
    with pytest.raises(ProofError):
        open_by_epoch(JOURNAL, NAME, EPOCHS[1].vkey)
    assert stranger.text(JOURNAL, LOG_VKEY) is None


@pytest.mark.parametrize(
    ("note", "vkey"), [(JOURNAL, DEVICE_VKEY), (PROMISE, LOG_VKEY)], ids=["journal", "acknowledgement"]
)
def test_flipped_bit_shows_them_something_else(stranger: Stranger, note: str, vkey: str) -> None:
    """They skip lines of unknown keys, and forgive sloppy base64: then the text is the signed one."""
    honest = stranger.text(note, vkey)
    assert honest == notes.text_of(note)
    verifier = notes.NoteVerifier(vkey)
    refused = count = 0
    for changed in flips(note):
        count += 1
        theirs = stranger.text(changed, vkey)
        assert theirs in (honest, None)
        refused += theirs is None
        try:
            mine = notes.verify_note(changed, [verifier])
        except ProofError:
            mine = None
        assert mine in (honest, None)
        assert theirs is not None or mine is None, "we believe what they refuse"
    assert refused > 0.5 * count > 100


def test_acknowledgement_of_another_log_convinces_them(stranger: Stranger) -> None:
    assert stranger.text(PROMISE, LOG_VKEY) == (
        f"{acknowledgement.MAGIC}\nlog {ELECTION.log.name}\n"
        f"envelope {codec.b64(bytes.fromhex(codec.sha256_hex(ENVELOPE)))}\n"
    )
    mallory = notes.NoteSigner(ELECTION.log.name, key_of("mallory"))
    assert stranger.text(acknowledgement.make(ENVELOPE, mallory), LOG_VKEY) is None
    assert stranger.checkpoint(PROMISE.encode(), LOG_VKEY) is None, "a promise passes for a checkpoint"
    unpacked = acknowledgement.unpack(
        acknowledgement.pack(PROMISE, log=ELECTION.loaded.log_verifier), log=ELECTION.loaded.log_verifier
    )
    assert stranger.text(unpacked, LOG_VKEY) == stranger.text(PROMISE, LOG_VKEY)


def test_consistency_document_convinces_only_us(stranger: Stranger) -> None:
    """As ``center log consistency`` prints it, taken apart by its format alone."""
    log = ELECTION.log
    old, new = (log.sign(Checkpoint(log.name, size, TREE.root(size)).text()) for size in (40, 96))
    document = Consistency(old, new, TREE.consistency(40, 96)).to_text()
    head, old_text, old_lines, new_text, new_lines = document.split("\n\n")
    hashes = [codec.unb64(line) for line in head.split("\n")[3:]]
    ends = [
        stranger.checkpoint(f"{text}\n\n{lines}".encode(), log.vkey)
        for text, lines in ((old_text, f"{old_lines}\n"), (new_text, new_lines))
    ]
    assert [end and end[:2] for end in ends] == [(log.name, 40), (log.name, 96)]
    roots = [codec.unb64(end[2]) for end in ends if end]
    assert stranger.believes_growth(40, 96, hashes, roots[0], roots[1])
    for place in range(len(hashes)):
        bent = [*hashes[:place], merkle.EMPTY_ROOT, *hashes[place + 1 :]]
        assert not stranger.believes_growth(40, 96, bent, roots[0], roots[1])
    assert not stranger.believes_growth(40, 96, hashes[1:], roots[0], roots[1])
    assert not stranger.believes_growth(40, 96, hashes, roots[1], roots[1])
