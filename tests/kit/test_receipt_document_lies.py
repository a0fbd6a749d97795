"""``docs/receipts.md``: its example is what the code makes, and its numbers are the code's."""

from pathlib import Path
from typing import Final

from center.intake import push_desk, pushes
from crypto import acknowledgement
from crypto.identity import SigningKey
from crypto.notes import NoteSigner, NoteVerifier
from kit import outbox
from kit.cli import receipt_codes

TEXT: Final = (Path(__file__).parents[2] / "docs" / "receipts.md").read_text(encoding="utf-8")
ENVELOPE: Final = b'{"payload":"..."}'
LOG: Final = NoteSigner("log.example/round-1", SigningKey.from_seed(b"l" * 32))


def test_example_is_another_note() -> None:
    assert f"```\n{acknowledgement.make(ENVELOPE, LOG)}```" in TEXT


def test_packed_example_is_laid_out_otherwise() -> None:
    verifier = NoteVerifier(LOG.vkey)
    packed = acknowledgement.pack(acknowledgement.make(ENVELOPE, LOG), log=verifier)
    rows = [line.split("|") for line in TEXT.splitlines() if line.count("|") == 5 and line[2].isdigit()]
    at = 0
    for _, offset, length, _, shown, _ in rows:
        assert int(offset) == at
        field = packed[at : at + int(length)].hex()
        first, _, last = shown.strip(" `").partition("...")
        assert field.startswith(first)
        assert field.endswith(last)
        assert last or field == first
        at += int(length)
    assert at == len(packed) == acknowledgement.PACKED_BYTES
    assert f"{at} bytes packed" in TEXT


def test_numbers_are_of_another_version() -> None:
    said = {
        "after 1, 2, 4 ... 30 s": (outbox.RESEND_FIRST_MS, outbox.RESEND_MAX_MS) == (1_000, 30_000),
        "after 15 s,\n  growing to 5 minutes": (outbox.ACKNOWLEDGED_FIRST_MS, outbox.ACKNOWLEDGED_MAX_MS)
        == (15_000, 300_000),
        "after 30 s, growing to 30 minutes": (outbox.ASK_FIRST_MS, outbox.ASK_MAX_MS) == (30_000, 1_800_000),
        "at most 200 a second": pushes.PUSH_MAX / push_desk.PUSH_PAUSE_S == 200,
        "every 5 s": push_desk.LOOK_S == 5,
        "version 25": receipt_codes.CAPACITY[25] == receipt_codes.PICTURE_BYTES,
    }
    assert {words: words in TEXT for words in said} == said
    assert all(said.values())
