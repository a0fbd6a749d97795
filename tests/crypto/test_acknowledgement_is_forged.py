"""Acknowledgements: the log's promise over one envelope, in an SMS. Nobody else's, about nothing else."""

from itertools import product

import pytest

from crypto import acknowledgement, notes, receipt
from crypto.acknowledgement import MAGIC, PACKED_BYTES
from crypto.errors import ProofError
from crypto.identity import SigningKey
from crypto.merkle import leaf_hash
from crypto.notes import Checkpoint, Cosigner, NoteSigner, NoteVerifier
from crypto.sms import PART_OCTETS
from crypto.statements import WitnessPolicy
from tests.crypto.byte_flips import every_bit_flipped

ENVELOPE = b'{"payload":"..."}'
LOG = NoteSigner("log.example/round-1", SigningKey.from_seed(b"l" * 32))
VERIFIER = NoteVerifier(LOG.vkey)
NOTE = acknowledgement.make(ENVELOPE, LOG)
PACKED = acknowledgement.pack(NOTE, log=VERIFIER)


def refused(note: str, envelope: bytes = ENVELOPE, log: NoteVerifier = VERIFIER) -> None:
    with pytest.raises(ProofError):
        acknowledgement.verify(note, envelope, log=log)


def test_worked_example_of_the_documents() -> None:
    # openssl or any note tool gets the same: Ed25519 is deterministic.
    assert NOTE == (
        "branch-kit/acknowledgement@v1\n"
        "log log.example/round-1\n"
        "envelope PiduohKic0d3aLM+tD04MKwFv90LCxvnvihNyVKBBfA=\n"
        "\n"
        "\N{EM DASH} log.example/round-1 gFdMva+LpuFMuUnJwCN8rF9vwB5uTbM6UI/Dsx/sXrA1xFNCBfwseLxXYEb1"
        "tpsk7neK3sTzd1wvM4W9hGb8/bjmogw=\n"
    )


def test_good_acknowledgement_is_refused() -> None:
    checked = acknowledgement.verify(NOTE, ENVELOPE, log=VERIFIER)
    assert checked.envelope_sha256 == acknowledgement.envelope_sha256_of(NOTE)
    assert acknowledgement.is_acknowledgement(NOTE)
    assert notes.verify_note(NOTE, [VERIFIER]).startswith(MAGIC), "any tool for notes takes it"


def test_packed_form_is_longer_than_one_message() -> None:
    assert len(PACKED) == PACKED_BYTES <= PART_OCTETS
    assert acknowledgement.unpack(PACKED, log=VERIFIER) == NOTE


def test_any_bit_of_the_packed_form_is_flipped() -> None:
    for damaged in every_bit_flipped(PACKED):
        with pytest.raises(ProofError):
            acknowledgement.verify(acknowledgement.unpack(damaged, log=VERIFIER), ENVELOPE, log=VERIFIER)


def test_any_bit_of_the_note_is_flipped() -> None:
    for damaged in every_bit_flipped(NOTE.encode()):
        refused(damaged.decode("utf-8", "surrogateescape"))


def test_promise_for_another_envelope_or_by_another_log() -> None:
    refused(NOTE, ENVELOPE + b" ")
    refused(NOTE, log=NoteVerifier(NoteSigner(LOG.name, SigningKey.from_seed(b"m" * 32)).vkey))
    elsewhere = NoteSigner("log.example/round-2", SigningKey.from_seed(b"l" * 32))
    refused(acknowledgement.make(ENVELOPE, elsewhere))
    with pytest.raises(ProofError):
        acknowledgement.unpack(PACKED, log=NoteVerifier(elsewhere.vkey))
    with pytest.raises(ProofError):
        acknowledgement.pack(acknowledgement.make(ENVELOPE, elsewhere), log=VERIFIER)


def test_one_thing_that_the_log_signs_passes_for_another() -> None:
    head = LOG.sign(Checkpoint(LOG.name, 1, leaf_hash(ENVELOPE)).text())
    refused(head)
    refused(receipt.make(ENVELOPE, 0, (), head))
    with pytest.raises(ProofError):
        Checkpoint.parse(notes.text_of(NOTE))
    with pytest.raises(ProofError):
        receipt.verify(NOTE, ENVELOPE, log=VERIFIER, policy=WitnessPolicy(m=0, witnesses=()))
    with pytest.raises(ProofError):
        Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32)).cosign(NOTE, 1)
    # A log with the worst of names: its checkpoints still say a number where an acknowledgement says "log".
    worst = NoteSigner(MAGIC, SigningKey.from_seed(b"l" * 32))
    for size, log in product((0, 1, 17), (worst,)):
        with pytest.raises(ProofError):
            acknowledgement.verify(
                log.sign(Checkpoint(MAGIC, size, bytes(32)).text()), ENVELOPE, log=NoteVerifier(log.vkey)
            )
    with pytest.raises(ProofError):
        Checkpoint.parse(notes.text_of(acknowledgement.make(ENVELOPE, worst)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{MAGIC}\n",
        f"{MAGIC}\nlog {LOG.name}\n",
        f"{MAGIC}\nlog {LOG.name}\nenvelope AAAA\n",
        f"{MAGIC}\nlog {LOG.name}\nleaf {'A' * 43}=\n",
        f"{MAGIC}\nlog {LOG.name}\nenvelope {'A' * 43}=\nmore\n",
        f"{MAGIC}\norigin {LOG.name}\nenvelope {'A' * 43}=\n",
        f"{MAGIC}\nlog {LOG.name}\nenvelope {'A' * 43}!\n",
    ],
)
def test_malformed_text_is_understood_although_it_is_signed(text: str) -> None:
    note = LOG.sign(text) if text.endswith("\n") else text
    refused(note)
    with pytest.raises(ProofError):
        acknowledgement.envelope_sha256_of(note)
    with pytest.raises(ProofError):
        acknowledgement.pack(note, log=VERIFIER)


def test_note_of_endless_length() -> None:
    refused(NOTE + "\N{EM DASH} x AAAAAAAA\n" * 200)


def test_further_signatures_are_lost_in_packing() -> None:
    more = NoteSigner("somebody.example", SigningKey.from_seed(b"s" * 32)).sign(notes.text_of(NOTE))
    with pytest.raises(ProofError, match="alone"):
        acknowledgement.pack(NOTE + more.rpartition("\n\n")[2], log=VERIFIER)


@pytest.mark.parametrize("packed", [b"", PACKED[:-1], PACKED + b"\0", b"\x11" + PACKED[1:]])
def test_bytes_that_are_no_acknowledgement(packed: bytes) -> None:
    with pytest.raises(ProofError, match="not a packed"):
        acknowledgement.unpack(packed, log=VERIFIER)
