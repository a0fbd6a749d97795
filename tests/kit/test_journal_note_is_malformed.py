"""Checkpoints and certificates of a journal that are not what was signed, or not in their one form."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import notes
from crypto.codec import from_bytes, to_bytes
from crypto.envelope import Envelope, sign
from crypto.errors import EvidenceError, ProofError
from crypto.journal_note import (
    JOURNAL_NOTE_MAX,
    JournalKey,
    JournalName,
    JournalNote,
    check_certificate,
    epoch_key,
    name_of,
    open_by_device,
    open_by_epoch,
    sign_certificate,
    sign_note,
)
from crypto.notes import Checkpoint
from crypto.statements import JournalCheckpoint
from crypto.wire import TYPE_ORDER
from kit.facts import CheckpointSigned
from tests.kit.signed_day import KEY, MANIFEST, NAME

EPOCH: Final = epoch_key(b"\x07" * 32, NAME)
NEXT: Final = epoch_key(b"\x08" * 32, NAME)
NOTE: Final = JournalNote(Checkpoint(NAME.origin, 57, bytes(range(32))), 12, NEXT.vkey)
SIGNED: Final = sign_note(NOTE, EPOCH, KEY)
CERTIFICATE: Final = JournalKey(
    election=NAME.election,
    round=1,
    branch=NAME.branch,
    device=NAME.device,
    manifest_sha256=MANIFEST.sha256,
    segment=2,
    epoch=12,
    vkey=EPOCH.vkey,
    journal=JournalCheckpoint(size=56, root="ab" * 32),
    reason="seed-lost",
)


def test_note_is_not_read_as_it_was_signed() -> None:
    assert open_by_device(SIGNED, NAME, KEY.public) == NOTE
    assert open_by_epoch(SIGNED, NAME, EPOCH.vkey) == NOTE
    assert JournalNote.parse(NOTE.text()) == NOTE


def test_every_flipped_bit_is_believed_by_somebody() -> None:
    """A flip in the text, or in a signature line, is refused by whoever has that line's key."""
    data = SIGNED.encode()
    lines = len(SIGNED.rpartition("\n\n")[0]) + 2
    device_line = data.rindex("\N{EM DASH}".encode())
    for position in range(len(data)):
        for bit in range(7):
            flipped = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
            try:
                note = flipped.decode()
            except UnicodeDecodeError:
                continue
            if position < lines or position >= device_line:
                with pytest.raises(EvidenceError):
                    open_by_device(note, NAME, KEY.public)
            if position < device_line:
                with pytest.raises(EvidenceError):
                    open_by_epoch(note, NAME, EPOCH.vkey)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epoch 12", "epoch 012"),
        ("epoch 12", "epoch -12"),
        ("epoch 12", "epoch"),
        ("epoch 12", "Epoch 12"),
        ("epoch 12\n", "epoch 12\nepoch 13\n"),
        ("epoch 12\n", ""),
        ("next ", "next"),
        ("next ", "other "),
        (NEXT.vkey, NEXT.vkey[:-4]),
        (NEXT.vkey, "x"),
        ("57\n", "057\n"),
    ],
)
def test_text_in_another_form(old: str, new: str) -> None:
    assert old in NOTE.text()
    with pytest.raises(ProofError):
        JournalNote.parse(NOTE.text().replace(old, new, 1))


@given(text=st.text(max_size=300))
def test_any_text_is_a_checkpoint(text: str) -> None:
    with pytest.raises(ProofError):
        JournalNote.parse(text)


def test_note_does_not_fit_into_its_fact() -> None:
    """With ids as long as they may be."""
    long = "x" * 64
    name = JournalName(long, 2**31, long, long)
    note = JournalNote(Checkpoint(name.origin, 2**53, bytes(32)), 2**53, epoch_key(bytes(32), name).vkey)
    signed = sign_note(note, epoch_key(bytes(32), name), KEY)
    assert len(signed) <= JOURNAL_NOTE_MAX
    meta = CheckpointSigned.__annotations__["note"].__metadata__[0]
    assert meta.max_length == JOURNAL_NOTE_MAX


def test_note_of_another_journal() -> None:
    """Signed by the right keys, about something else: the device may have two branches' names on its disk."""
    other = JournalName(NAME.election, 2, NAME.branch, NAME.device)
    note = replace(NOTE, checkpoint=Checkpoint(other.origin, 57, bytes(32)))
    signed = sign_note(note, EPOCH, KEY)
    with pytest.raises(ProofError):
        open_by_epoch(signed, NAME, EPOCH.vkey)
    with pytest.raises(ProofError):
        open_by_device(signed, NAME, KEY.public)
    with pytest.raises(ProofError, match="is of"):
        open_by_epoch(signed, NAME, notes.vkey_of(NAME.origin, EPOCH._key.public))


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"election": "another"},
        {"round": 2},
        {"branch": "branch-2"},
        {"device": "device-2"},
        {"manifest_sha256": "00" * 32},
        {"vkey": notes.vkey_of("log.example", EPOCH._key.public)},
        {"vkey": "x"},
    ],
    ids=repr,
)
def test_certificate_is_about_something_else(change: dict[str, object]) -> None:
    value = {name: getattr(CERTIFICATE, name) for name in CERTIFICATE.__struct_fields__ if name != "type"}
    data = sign_certificate(JournalKey(**(value | change)), KEY)
    with pytest.raises(EvidenceError):
        check_certificate(data, NAME, MANIFEST)


def test_certificate_under_another_payload_type() -> None:
    data = sign(TYPE_ORDER, to_bytes(CERTIFICATE), [KEY]).to_bytes()
    with pytest.raises(EvidenceError):
        check_certificate(data, NAME, MANIFEST)


def test_certificate_says_less_than_it_signed() -> None:
    data = sign_certificate(CERTIFICATE, KEY)
    checked = check_certificate(data, NAME, MANIFEST)
    assert (checked.key, checked.by_device, checked.officials) == (CERTIFICATE, True, ())
    assert from_bytes(Envelope.from_bytes(data).payload, JournalKey) == CERTIFICATE


@pytest.mark.parametrize(
    ("election", "round_", "branch", "device"),
    [
        ("another", 1, "branch-1", "device-1"),
        ("councils-7", 2, "branch-1", "device-1"),
        ("councils-7", 1, "branch-9", "device-1"),
        ("councils-7", 1, "branch-1", "device-2"),
    ],
)
def test_journal_that_the_manifest_does_not_know(
    election: str, round_: int, branch: str, device: str
) -> None:
    with pytest.raises(EvidenceError):
        name_of(election, round_, branch, device, MANIFEST)
