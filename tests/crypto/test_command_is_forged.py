"""Commands of the centre: nobody else's, for no other election, in one form, and nothing else that the log signs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import acknowledgement, command, command_packing, message_text, notes, receipt
from crypto.command import MAGIC, Command
from crypto.errors import ProofError
from crypto.identity import SigningKey
from crypto.merkle import leaf_hash
from crypto.notes import Checkpoint, NoteSigner
from crypto.sms import PART_OCTETS
from crypto.statements import WitnessPolicy
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import ELECTION, make_election

WORLD = make_election(2)
MANIFEST, LOG = WORLD.loaded, WORLD.log
DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"
ISSUED = "2027-06-18T10:00:00Z"
PACING = Command("pacing", ELECTION, 1, None, 7, ISSUED, "2027-06-18T10:20:00Z", pause_ms=30_000)
CLOCK = Command("clock", ELECTION, 1, "branch-1", 3, ISSUED, "2027-06-18T10:05:00Z")
MESSAGE = Command(
    "message",
    ELECTION,
    1,
    "branch-2",
    12,
    ISSUED,
    "2027-06-18T18:00:00Z",
    text="صندوق دوم را ببندید.",
)
NEWER = Command(
    "manifest",
    ELECTION,
    1,
    None,
    1,
    ISSUED,
    "2027-06-19T10:00:00Z",
    manifest_version=2,
    manifest_sha256="ab" * 32,
)
ALL = (PACING, CLOCK, MESSAGE, NEWER)


def refused(note: str) -> None:
    with pytest.raises(ProofError):
        command.check(note, MANIFEST)


def test_worked_example_of_the_documents() -> None:
    # Any tool for notes gets the same: Ed25519 is deterministic.
    log = NoteSigner("log.example/round-1", SigningKey.from_seed(b"l" * 32))
    one = Command("pacing", "councils-7", 1, None, 7, ISSUED, "2027-06-18T10:20:00Z", pause_ms=30_000)
    note = command.make(one, log)
    assert note in DOCUMENT.read_text(encoding="utf-8")
    assert note == (
        "branch-kit/command@v1\n"
        "log log.example/round-1\n"
        "election councils-7 1\n"
        "to *\n"
        "pacing 7\n"
        "issued 2027-06-18T10:00:00Z\n"
        "expires 2027-06-18T10:20:00Z\n"
        "pause-ms 30000\n"
        "\n"
        "\N{EM DASH} log.example/round-1 gFdMvRWaWPXsNkogrL/zso5XGXGHx1kBx23ZkdNiUjyqasSZ4xuMeBk+ocXt"
        "4drRCTna7TAkrTg8Zec8LgJgmhA45wQ=\n"
    )


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.kind)
def test_good_command_is_refused(one: Command) -> None:
    note = command.make(one, LOG)
    assert command.check(note, MANIFEST) == one == command.read(note)
    assert command.is_command(note)
    packed = command_packing.pack(note, MANIFEST)
    assert packed[0] == command_packing.FIRST_BYTE
    assert command_packing.unpack(packed, MANIFEST) == note
    assert (
        command_packing.note_of(packed, MANIFEST) == note == command_packing.note_of(note.encode(), MANIFEST)
    )


def test_narrow_command_needs_more_than_one_sms() -> None:
    worst: dict[str, Any] = {"number": command.NUMBER_MAX, "branch": "branch-1"}
    for one in (replace(PACING, pause_ms=command.PAUSE_MAX_MS, **worst), replace(CLOCK, **worst)):
        assert len(command_packing.pack(command.make(one, LOG), MANIFEST)) <= 94 < PART_OCTETS
    longest = replace(MESSAGE, text="شعبهٔ گرامی، ‌چگونه؟ " * 14 + "پژگ", **worst)
    assert len(longest.text or "") > 290
    assert len(command_packing.pack(command.make(longest, LOG), MANIFEST)) <= 3 * PART_OCTETS


def test_text_of_many_sms_is_packed() -> None:
    note = command.make(replace(MESSAGE, text="\N{CJK UNIFIED IDEOGRAPH-4E00}" * 300), LOG)
    with pytest.raises(ProofError, match="shorten"):
        command_packing.pack(note, MANIFEST)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.kind)
def test_any_bit_is_flipped_or_the_end_cut_off(one: Command) -> None:
    note = command.make(one, LOG)
    packed = command_packing.pack(note, MANIFEST)
    for damaged in every_bit_flipped(packed):
        with pytest.raises(ProofError):
            command.check(command_packing.note_of(damaged, MANIFEST), MANIFEST)
    for length in range(len(packed)):
        with pytest.raises(ProofError):
            command.check(command_packing.unpack(packed[:length], MANIFEST), MANIFEST)
    with pytest.raises(ProofError):
        command.check(command_packing.unpack(packed + b"\0", MANIFEST), MANIFEST)
    for damaged in every_bit_flipped(note.encode()):
        refused(damaged.decode("utf-8", "surrogateescape"))
    for length in range(len(note)):
        refused(note[:length])


def test_command_of_another_key_log_election_or_round() -> None:
    other_key = NoteSigner(LOG.name, SigningKey.from_seed(b"m" * 32))
    other_name = NoteSigner("log.example/other", SigningKey.from_seed(b"m" * 32))
    for one in ALL:
        refused(command.make(one, other_key))
        refused(command.make(one, other_name))
        refused(command.make(replace(one, election="another"), LOG))
        refused(command.make(replace(one, round=2), LOG))
        # Our log's key may sign under our name what names another log.
        refused(LOG.sign(command.text_of(one, "log.example/other")))
        with pytest.raises(ProofError):
            command_packing.pack(command.make(one, other_key), MANIFEST)


def test_one_thing_that_the_log_signs_passes_for_another() -> None:
    envelope = b"{}"
    promise = acknowledgement.make(envelope, LOG)
    head = LOG.sign(Checkpoint(LOG.name, 1, leaf_hash(envelope)).text())
    for other in (promise, head, receipt.make(envelope, 0, (), head)):
        refused(other)
    for one in ALL:
        note = command.make(one, LOG)
        with pytest.raises(ProofError):
            acknowledgement.verify(note, envelope, log=MANIFEST.log_verifier)
        with pytest.raises(ProofError):
            Checkpoint.parse(notes.text_of(note))
        with pytest.raises(ProofError):
            receipt.verify(note, envelope, log=MANIFEST.log_verifier, policy=WitnessPolicy(m=0, witnesses=()))
        assert not acknowledgement.is_acknowledgement(note)
    # Packed ones are told by their first byte.
    packed = acknowledgement.pack(promise, log=MANIFEST.log_verifier)
    with pytest.raises(ProofError):
        command_packing.unpack(packed, MANIFEST)
    with pytest.raises(ProofError):
        acknowledgement.unpack(
            command_packing.pack(command.make(CLOCK, LOG), MANIFEST), log=MANIFEST.log_verifier
        )


def test_log_with_the_worst_of_names() -> None:
    worst = NoteSigner(MAGIC, SigningKey.from_seed(b"l" * 32))
    for size in (0, 1, 17):
        note = worst.sign(Checkpoint(MAGIC, size, bytes(32)).text())
        with pytest.raises(ProofError):
            command.read(note)
    with pytest.raises(ProofError):
        Checkpoint.parse(notes.text_of(command.make(CLOCK, worst)))


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": command.NUMBER_MAX + 1},
        {"round": -1},
        {"election": "a b"},
        {"election": "x\ny"},
        {"branch": "*"},
        {"branch": ""},
        {"kind": "open"},
        {"kind": "clock"},
        {"pause_ms": 999},
        {"pause_ms": 300_001},
        {"pause_ms": None},
        {"text": "too much"},
        {"expires_at": ISSUED},
        {"expires_at": "2027-06-18T09:59:59Z"},
        {"expires_at": "2027-06-18T10:30:01Z"},
        {"expires_at": "2027-06-18T10:20:00.000Z"},
        {"expires_at": "2027-06-18T10:61:00Z"},
        {"expires_at": "2027-06-18T10:20:00+00:00"},
        {"issued_at": "soon"},
    ],
)
def test_pacing_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofError):
        replace(PACING, **changes)


def test_command_that_lives_for_more_than_a_day() -> None:
    with pytest.raises(ProofError, match="86400"):
        replace(MESSAGE, expires_at="2027-06-19T10:00:01Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " x",
        "x\N{NO-BREAK SPACE}",
        "a\nb",
        "a\x1b[2Jb",
        "a\x9bb",
        "a\tb",
        "\N{RIGHT-TO-LEFT OVERRIDE}delivered",
        "a\N{FIRST STRONG ISOLATE}b",
        "a\N{LINE SEPARATOR}b",
        "a\N{ZERO WIDTH NO-BREAK SPACE}b",
        "a\N{WORD JOINER}b",
        "a\ud800b",
        "a\U000e0041b",
        "x" * 301,
    ],
)
def test_message_that_paints_over_the_screen(text: str) -> None:
    with pytest.raises(ProofError):
        replace(MESSAGE, text=text)
    if "\n" not in text and "\ud800" not in text:
        good = notes.text_of(command.make(MESSAGE, LOG))
        painted = good.replace(MESSAGE.text or "", text)
        if "\x00" <= min(text, default="a") < " ":
            with pytest.raises(ProofError):  # no note at all
                LOG.sign(painted)
        else:
            refused(LOG.sign(painted))


@pytest.mark.parametrize(
    ("found", "put"),
    [
        ("pacing 7", "pacing 07"),
        ("pacing 7", "pacing  7"),
        ("pacing 7", "pacing +7"),
        ("pacing 7", "Pacing 7"),
        (" 1\n", " 01\n"),
        ("to *", "to  *"),
        ("to *", "for *"),
        ("10:00:00Z", "10:00:00.000Z"),
        ("pause-ms 30000\n", "pause-ms 30000 \n"),
        ("pause-ms 30000\n", "pause-ms 30000\nmore\n"),
        ("pause-ms 30000\n", ""),
        ("pause-ms 30000\n", "text hello\n"),
        ("@v1", "@v2"),
    ],
)
def test_same_command_in_another_form(found: str, put: str) -> None:
    text = command.text_of(PACING, LOG.name)
    assert found in text
    refused(LOG.sign(text.replace(found, put)))


def test_further_signatures_make_another_note_of_it() -> None:
    note = command.make(CLOCK, LOG)
    more = NoteSigner("somebody.example", SigningKey.from_seed(b"s" * 32)).sign(notes.text_of(note))
    with pytest.raises(ProofError, match="alone"):
        command.check(note + more.rpartition("\n\n")[2], MANIFEST)
    with pytest.raises(ProofError, match="alone"):
        command_packing.pack(note + more.rpartition("\n\n")[2], MANIFEST)
    assert LOG.vkey.startswith(command.signer_of(note) + "+")


def test_branch_that_is_in_no_manifest() -> None:
    with pytest.raises(ProofError, match="has not"):
        command_packing.pack(command.make(replace(CLOCK, branch="branch-99"), LOG), MANIFEST)


def test_note_of_endless_length() -> None:
    refused(command.make(CLOCK, LOG) + "\N{EM DASH} x AAAAAAAA\n" * 400)
    with pytest.raises(ProofError):
        command_packing.note_of(b"x" * 10**6, MANIFEST)


_GOOD_TEXT = st.text(min_size=1, max_size=command.TEXT_MAX).filter(
    lambda text: text == text.strip() and command._TEXT_REFUSED.search(text) is None
)


@given(text=_GOOD_TEXT)
def test_text_is_lost_on_its_way(text: str) -> None:
    packed = message_text.encode(text)
    assert message_text.decode(packed, table=message_text.in_table(text)) == text
    assert len(packed) <= len(text.encode())
    note = command.make(replace(MESSAGE, text=text), LOG)
    if len(packed) < 400:
        assert command_packing.unpack(command_packing.pack(note, MANIFEST), MANIFEST) == note


@given(
    number=st.integers(1, command.NUMBER_MAX),
    issued=st.integers(0, 253_402_300_799 - 1800),
    lifetime=st.integers(1, 1800),
    pause_ms=st.integers(command.PAUSE_MIN_MS, command.PAUSE_MAX_MS),
    branch=st.sampled_from([None, "branch-1", "branch-2"]),
)
def test_pacing_is_lost_on_its_way(
    number: int, issued: int, lifetime: int, pause_ms: int, branch: str | None
) -> None:
    one = Command(
        "pacing",
        ELECTION,
        1,
        branch,
        number,
        command.seconds_text(issued),
        command.seconds_text(issued + lifetime),
        pause_ms=pause_ms,
    )
    note = command.make(one, LOG)
    packed = command_packing.pack(note, MANIFEST)
    assert len(packed) <= PART_OCTETS
    assert command.check(command_packing.unpack(packed, MANIFEST), MANIFEST) == one
