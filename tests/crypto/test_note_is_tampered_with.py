import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from crypto import codec, merkle, notes
from crypto.errors import ProofError
from crypto.identity import SigningKey
from crypto.notes import Checkpoint, CosignatureVerifier, Cosigner, NoteSigner, NoteVerifier
from tests.crypto.byte_flips import damaged, every_bit_flipped
from tests.crypto.vector_files import committed, needs_shared, shared

KEY = SigningKey.from_seed(b"l" * 32)
LOG = NoteSigner("log.example/kit", KEY)
LOG_VERIFIER = NoteVerifier(LOG.vkey)
WITNESS = Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32))
WITNESS_VERIFIER = CosignatureVerifier(WITNESS.vkey)
CHECKPOINT = Checkpoint("log.example/kit", 7, sha256(b"root").digest())
TEXT = CHECKPOINT.text()
NOTE = LOG.sign(TEXT)
LINE = NOTE.removeprefix(TEXT + "\n")

# From the tests of Go's golang.org/x/mod/sumdb/note.
NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=40)


def verify(note: bytes) -> str:
    """As a reader does who takes bytes from a wire."""
    try:
        return notes.verify_note(note.decode("utf-8"), [LOG_VERIFIER])
    except UnicodeDecodeError as error:
        raise ProofError("not UTF-8") from error


# --- notes of others -------------------------------------------------------------------------------------------


def test_note_of_the_specification_is_accepted() -> None:
    vector = committed("c2sp-signed-note.json")
    text = notes.verify_note(vector["note"], [NoteVerifier(vector["vkey"])])
    assert text == "This is an example message.\n"


@needs_shared
def test_committed_vector_is_that_of_the_full_file() -> None:
    assert committed("c2sp-signed-note.json") == shared("c2sp-signed-note.json")


def test_note_of_the_go_implementation_is_accepted() -> None:
    text = notes.verify_note(NEUMANN_NOTE, [NoteVerifier(NEUMANN_VKEY)])
    assert NEUMANN_NOTE.startswith(text)
    assert text.count("\n") == 2


# --- a note is changed on its way --------------------------------------------------------------------------------


def test_untouched_note_is_accepted() -> None:
    assert notes.verify_note(NOTE, [LOG_VERIFIER]) == TEXT
    assert Checkpoint.parse(TEXT) == CHECKPOINT


def test_every_flipped_bit_is_noticed() -> None:
    for changed in every_bit_flipped(NOTE.encode()):
        with pytest.raises(ProofError):
            verify(changed)


@given(damaged(NOTE.encode()))
def test_every_other_damage_is_noticed(changed: bytes) -> None:
    with pytest.raises(ProofError):
        verify(changed)


@given(texts)
def test_no_text_is_changed_by_its_note(text: str) -> None:
    assert notes.verify_note(LOG.sign(text + "\n"), [LOG_VERIFIER]) == text + "\n"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        TEXT + "\n",
        LINE,
        NOTE.removesuffix("\n"),
        NOTE + "\n",
        NOTE + "\n\n",
        NOTE + " ",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("7\n", "7\t\n"),
        NOTE.replace(f"\n\n{LINE}", f"\n{LINE}"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace("— ", "—\u00a0"),
        NOTE.replace("=\n\n", "\n\n"),
        NOTE.removesuffix("\n") + " \n",
        NOTE.removesuffix("\n") + "=\n",
        NOTE + "— other.example/k\n",
        NOTE + "— other.example/k \n",
        NOTE + "— other.example/k AAAA\n",
        NOTE + "— other.example/k AAAAAAA=\r\n",
        NOTE + "— other.example/k+1 AAAAAAA=\n",
        NOTE + "—  AAAAAAA=\n",
        NOTE + "— other.example/k AAAAAAB=\n",
        NOTE + "trailing words\n",
        "\ud800" + NOTE,
    ],
)
def test_note_in_any_other_form_is_refused(note: str) -> None:
    with pytest.raises(ProofError):
        notes.verify_note(note, [LOG_VERIFIER])


def test_unused_bits_of_a_signature_are_not_free_to_change() -> None:
    # 4 + 64 bytes leave 4 unused bits in the last base64 digit before "=".
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = NOTE.rindex("=") - 1
    assert NOTE[at + 1 :] == "=\n"
    variant = NOTE[:at] + digits[digits.index(NOTE[at]) ^ 1] + NOTE[at + 1 :]
    encoded, changed = (note.rstrip("\n").rpartition(" ")[2] for note in (NOTE, variant))
    assert base64.b64decode(encoded) == base64.b64decode(changed)
    with pytest.raises(ProofError, match="base64"):
        notes.verify_note(variant, [LOG_VERIFIER])


def test_note_over_its_limits_is_refused() -> None:
    long_text = "x" * notes.NOTE_MAX + "\n"
    with pytest.raises(ProofError, match="longer than"):
        notes.verify_note(LOG.sign(long_text), [LOG_VERIFIER])
    unknown = "— other.example/k AAAAAAA=\n"
    assert notes.verify_note(NOTE + unknown * (notes.SIGNATURE_LINES_MAX - 1), [LOG_VERIFIER]) == TEXT
    with pytest.raises(ProofError, match="signature lines"):
        notes.verify_note(NOTE + unknown * notes.SIGNATURE_LINES_MAX, [LOG_VERIFIER])


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "null\0\n", "carriage return\r\n", "\udfff\n"])
def test_text_that_cannot_be_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(ProofError):
        LOG.sign(text)


# --- who signed --------------------------------------------------------------------------------------------------


def test_note_that_only_strangers_signed_is_refused() -> None:
    stranger = NoteSigner("log.example/kit", SigningKey.from_seed(b"x" * 32))
    with pytest.raises(ProofError, match="no signature of"):
        notes.verify_note(stranger.sign(TEXT), [LOG_VERIFIER])
    with pytest.raises(ProofError, match="no signature of"):
        notes.verify_note(NOTE, [])


def test_same_key_under_another_name_is_a_stranger() -> None:
    renamed = NoteSigner("log.example/other", KEY)
    with pytest.raises(ProofError, match="no signature of"):
        notes.verify_note(renamed.sign(TEXT), [LOG_VERIFIER])


def test_line_of_a_stranger_is_skipped_as_the_specification_demands() -> None:
    opened = notes.open_note(WITNESS.cosign(NOTE, 1), [LOG_VERIFIER])
    assert opened.text == TEXT
    assert opened.signed_by == (LOG_VERIFIER,)


def test_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    forged = WITNESS.cosign(NOTE, 1).replace(LINE, LOG.sign("other\n").removeprefix("other\n\n"))
    with pytest.raises(ProofError, match=r"signature of log\.example/kit is wrong"):
        notes.open_note(forged, [LOG_VERIFIER, WITNESS_VERIFIER])


def test_known_key_that_signs_twice_is_refused() -> None:
    with pytest.raises(ProofError, match="signed twice"):
        notes.verify_note(NOTE + LINE, [LOG_VERIFIER])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "log.example/kit",
        LOG.vkey + "=",
        LOG.vkey + "\n",
        LOG.vkey.replace("log.", "lag."),
        LOG.vkey.replace("log.example", "log example"),
        LOG.vkey.replace("+", "+0", 1),
        LOG.vkey.replace("+", "-", 1),
        WITNESS.vkey,
        "a+" + sha256(b"a\n\x01" + bytes(32)).hexdigest()[:8] + "+" + codec.b64(b"\x01" + bytes(32)),
        "a+" + sha256(b"a\n\x01" + bytes(9)).hexdigest()[:8] + "+" + codec.b64(b"\x01" + bytes(9)),
    ],
)
def test_verifier_key_that_contradicts_itself_is_refused(vkey: str) -> None:
    with pytest.raises(ProofError, match="key"):
        NoteVerifier(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x00b", "a\u2003b", "\ud800"])
def test_name_that_cannot_stand_in_a_note_is_refused(name: str) -> None:
    with pytest.raises(ProofError):
        NoteSigner(name, KEY)
    with pytest.raises(ProofError):
        Cosigner(name, KEY)


# --- checkpoints -------------------------------------------------------------------------------------------------


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30),
    st.integers(0, merkle.SIZE_MAX),
    st.binary(min_size=32, max_size=32),
)
def test_no_checkpoint_is_changed_by_its_text(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n7\n",
        TEXT.removesuffix("\n"),
        TEXT + "extension\n",
        TEXT + "\n",
        TEXT.replace("log.example/kit", ""),
        TEXT.replace("\n7\n", "\n07\n"),
        TEXT.replace("\n7\n", "\n-7\n"),
        TEXT.replace("\n7\n", "\n+7\n"),
        TEXT.replace("\n7\n", "\n 7\n"),
        TEXT.replace("\n7\n", "\n7_0\n"),
        TEXT.replace("\n7\n", "\n\N{EXTENDED ARABIC-INDIC DIGIT SEVEN}\n"),
        TEXT.replace("\n7\n", "\n\n"),
        TEXT.replace("\n7\n", f"\n{2**63}\n"),
        TEXT.replace("\n7\n", "\n" + "9" * 5000 + "\n"),
        TEXT.replace("=\n", "\n"),
        "a\n7\n" + codec.b64(bytes(31)) + "\n",
        "a\n7\n" + codec.b64(bytes(33)) + "\n",
    ],
)
def test_checkpoint_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(ProofError, match="checkpoint"):
        Checkpoint.parse(text)


def test_number_that_other_readers_cannot_hold_is_refused() -> None:
    assert notes.decimal(str(merkle.SIZE_MAX), "size") == 2**63 - 1
    with pytest.raises(ProofError, match="size"):
        notes.decimal(str(merkle.SIZE_MAX + 1), "size")


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, bytes(32)),
        ("a\nb", 1, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("a", 1, b""),
    ],
)
def test_checkpoint_that_cannot_be_written_is_not_made(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(ProofError, match="checkpoint"):
        Checkpoint(origin, size, root)


# --- cosignatures ------------------------------------------------------------------------------------------------


def test_cosignature_covers_what_the_specification_says() -> None:
    cosigned = WITNESS.cosign(NOTE, 1679315147)
    assert cosigned.startswith(NOTE)
    name, encoded = cosigned.removeprefix(NOTE).removeprefix("— ").removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)
    public = WITNESS_VERIFIER.public
    assert name == "witness.example/w1"
    assert raw[:4] == sha256(b"witness.example/w1\n\x04" + public).digest()[:4]
    assert raw[4:12] == (1679315147).to_bytes(8, "big")
    message = b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], message)
    assert notes.open_note(cosigned, [LOG_VERIFIER, WITNESS_VERIFIER]).signed_by == (
        LOG_VERIFIER,
        WITNESS_VERIFIER,
    )


def test_cosignature_cannot_be_moved_in_time() -> None:
    line = WITNESS.cosign(NOTE, 1).removeprefix(NOTE)
    encoded = line.rpartition(" ")[2].rstrip("\n")
    raw = base64.b64decode(encoded)
    for time in (0, 2, 2**63 - 1, 2**63, 2**64 - 1):
        moved = NOTE + line.replace(encoded, codec.b64(raw[:4] + time.to_bytes(8, "big") + raw[12:]))
        with pytest.raises(ProofError, match=r"witness\.example/w1"):
            notes.open_note(moved, [LOG_VERIFIER, WITNESS_VERIFIER])


def test_cosignature_beyond_all_times_is_refused_even_if_the_witness_made_it() -> None:
    time = 2**63
    signature = SigningKey.from_seed(b"w" * 32).sign(f"cosignature/v1\ntime {time}\n{TEXT}".encode())
    raw = WITNESS_VERIFIER.key_hash + time.to_bytes(8, "big") + signature
    with pytest.raises(ProofError, match="beyond all times"):
        notes.open_note(f"{NOTE}— witness.example/w1 {codec.b64(raw)}\n", [LOG_VERIFIER, WITNESS_VERIFIER])


@pytest.mark.parametrize("length", [1, 8, 9, 71, 73])
def test_cosignature_of_another_length_is_refused(length: int) -> None:
    raw = WITNESS_VERIFIER.key_hash + bytes(length)
    with pytest.raises(ProofError, match="is wrong"):
        notes.open_note(f"{NOTE}— witness.example/w1 {codec.b64(raw)}\n", [LOG_VERIFIER, WITNESS_VERIFIER])


def test_cosignature_is_no_note_signature_and_the_other_way_round() -> None:
    shared_key = SigningKey.from_seed(b"s" * 32)
    signer, cosigner = NoteSigner("a", shared_key), Cosigner("a", shared_key)
    with pytest.raises(ProofError, match="no signature of"):
        notes.open_note(signer.sign(TEXT), [CosignatureVerifier(cosigner.vkey)])
    with pytest.raises(ProofError, match="is of type 01: 04"):
        CosignatureVerifier(signer.vkey)


@pytest.mark.parametrize("time", [-1, 2**63])
def test_time_out_of_range_is_not_cosigned(time: int) -> None:
    with pytest.raises(ProofError, match="out of range"):
        WITNESS.cosign(NOTE, time)


def test_note_that_is_no_checkpoint_is_not_cosigned() -> None:
    with pytest.raises(ProofError, match="checkpoint"):
        WITNESS.cosign(LOG.sign("hello\n"), 1)
