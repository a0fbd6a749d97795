"""A sealed tally opens under its own header, with its own key, to what the terminal signed; or not at all."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from msgspec import structs

from crypto import canonical, codec, enc_proof, envelope
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, SealError, SignatureInvalidError, StatementError
from crypto.hpke import hpke_open, hpke_seal
from crypto.packing import BLIND_BYTES, PREFIX_BYTES, packed_bytes
from crypto.seal import OpenedTally, open_tally, seal_tally
from crypto.statements import JournalCheckpoint, SealedHeader, SealedTally, Submission, TallyCommitment
from crypto.submissions import check_submission, header_of, seal_info
from crypto.wire import TYPE_TALLY, TYPE_TALLY_COMMITMENT
from tests.crypto.election_fixture import key_of, make_election, seed_of

WORLD = make_election(terminals_per_branch=2)
BLIND, EPHEMERAL = seed_of("blind"), seed_of("ephemeral")
SUBMISSION = WORLD.submission("branch-1")
TALLY = WORLD.tally("branch-1")
TALLY_ENVELOPE = WORLD.signed_by_terminal(TALLY)
DEVICE = WORLD.devices["device-1"]
PEER = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

# One other valid value for each field of the header but its type, which has only one.
OTHER = {
    "election": "councils-6",
    "round": 2,
    "branch": "branch-2",
    "device": "device-2",
    "terminal": "terminal-1-2",
    "close_no": 2,
    "seq": 2,
    "prev": "cd" * 32,
    "manifest_sha256": "cd" * 32,
    "journal": JournalCheckpoint(size=8, root="ab" * 32),
    "supersedes": "cd" * 32,
    "cause": "re-vote",
    "kid": "election-key-2",
    "inner_sha256": "cd" * 32,
}
ONE_VALUE_ONLY = {"type"}


def seal(submission: Submission = SUBMISSION, tally_envelope: Envelope = TALLY_ENVELOPE) -> bytes:
    return seal_tally(
        submission,
        tally_envelope=tally_envelope,
        blind=BLIND,
        device_key=DEVICE,
        manifest=WORLD.loaded,
        ephemeral=EPHEMERAL,
    )


def sealed_statement(data: bytes) -> SealedTally:
    statement = check_submission(data, WORLD.loaded).statement
    assert isinstance(statement, SealedTally)
    return statement


DATA = seal()
SEALED = sealed_statement(DATA)


def plaintext_of(sealed: SealedTally) -> bytes:
    return hpke_open(
        WORLD.election_private_key,
        codec.unb64(sealed.enc),
        seal_info(header_of(sealed)),
        b"",
        codec.unb64(sealed.ciphertext),
    )


def reseal(plaintext: bytes, header: SealedHeader) -> SealedTally:
    """Seal any plaintext under any header, as someone with a broken or hostile kit could."""
    info = seal_info(header)
    enc, ciphertext = hpke_seal(WORLD.loaded.election_public_key, info, b"", plaintext, ephemeral=EPHEMERAL)
    proof = enc_proof.prove(EPHEMERAL, enc=enc, info=info, ciphertext=ciphertext)
    fields = {name: getattr(header, name) for name in SealedHeader.__struct_fields__}
    return SealedTally(
        **fields, enc=codec.b64(enc), enc_proof=codec.b64(proof), ciphertext=codec.b64(ciphertext)
    )


def open_(sealed: SealedTally) -> OpenedTally:
    return open_tally(sealed, WORLD.election_private_key, WORLD.loaded)


def test_what_was_sealed_opens_to_the_bytes_that_the_terminal_signed() -> None:
    opened = open_(SEALED)
    assert opened.tally == TALLY
    assert opened.tally_envelope == TALLY_ENVELOPE
    assert codec.sha256_hex(codec.to_bytes(opened.commitment)) == SEALED.inner_sha256
    assert codec.unb64(opened.commitment.blind) == BLIND


def test_sealing_again_with_the_same_entropy_gives_the_same_bytes() -> None:
    assert seal() == DATA


def test_info_is_the_hash_of_the_canonical_header_with_its_type() -> None:
    header = {
        "type": "sealed-tally",
        "election": "councils-7",
        "round": 1,
        "branch": "branch-1",
        "device": "device-1",
        "terminal": "terminal-1-1",
        "close_no": 1,
        "seq": 1,
        "prev": None,
        "manifest_sha256": WORLD.loaded.sha256,
        "journal": {"size": 7, "root": "ab" * 32},
        "supersedes": None,
        "cause": "first",
        "kid": "election-key-1",
        "inner_sha256": SEALED.inner_sha256,
    }
    assert seal_info(header_of(SEALED)) == sha256(canonical.encode(header)).digest()


def test_every_header_field_is_tried() -> None:
    assert set(SealedHeader.__struct_fields__) == OTHER.keys() | ONE_VALUE_ONLY


@pytest.mark.parametrize("field", OTHER)
def test_the_seal_does_not_open_under_another_header(field: str) -> None:
    changed = structs.replace(SEALED, **{field: OTHER[field]})
    assert changed != SEALED
    with pytest.raises(SealError, match="does not open"):
        plaintext_of(changed)
    with pytest.raises((SealError, SignatureInvalidError)):
        open_(changed)


@pytest.mark.parametrize("field", ["enc", "ciphertext"])
def test_any_flipped_byte_of_the_seal_does_not_open(field: str) -> None:
    raw = codec.unb64(getattr(SEALED, field))
    for place in range(len(raw)):
        # The top bit: X25519 ignores that of the last byte of enc, but the key schedule does not.
        flipped = raw[:place] + bytes([raw[place] ^ 0x80]) + raw[place + 1 :]
        with pytest.raises(SealError):
            open_(structs.replace(SEALED, **{field: codec.b64(flipped)}))


def test_any_flipped_byte_of_the_outer_envelope_is_refused() -> None:
    for place in range(len(DATA)):
        with pytest.raises(EvidenceError):
            check_submission(DATA[:place] + bytes([DATA[place] ^ 1]) + DATA[place + 1 :], WORLD.loaded)


@pytest.mark.parametrize("cut", [0, 1, 100, len(DATA) - 1])
def test_a_truncated_envelope_is_refused(cut: int) -> None:
    with pytest.raises(EvidenceError):
        check_submission(DATA[:cut], WORLD.loaded)


@pytest.mark.parametrize("field", ["enc", "ciphertext"])
def test_base64_that_is_not_canonical_does_not_open(field: str) -> None:
    with pytest.raises(SealError, match="malformed"):
        open_(structs.replace(SEALED, **{field: "AB=="}))


def test_another_private_key_is_named_before_it_is_tried() -> None:
    with pytest.raises(SealError, match="is not the one of election key 'election-key-1'"):
        open_tally(SEALED, seed_of("another election key"), WORLD.loaded)


def test_the_peer_opens_our_seal_and_we_open_the_peers() -> None:
    info = seal_info(header_of(SEALED))
    ours = codec.unb64(SEALED.enc) + codec.unb64(SEALED.ciphertext)
    key = X25519PrivateKey.from_private_bytes(WORLD.election_private_key)
    plaintext = PEER.decrypt(ours, key, info)
    theirs = PEER.encrypt(
        plaintext, X25519PublicKey.from_public_bytes(WORLD.loaded.election_public_key), info
    )
    assert theirs != ours
    resealed = structs.replace(SEALED, enc=codec.b64(theirs[:32]), ciphertext=codec.b64(theirs[32:]))
    assert open_(resealed).tally == TALLY


# --- what lies inside is wrong although the seal opens ------------------------------------------------------------

COUNTS_END = PREFIX_BYTES + packed_bytes(WORLD.loaded, "branch-1")
BLIND_END = COUNTS_END + BLIND_BYTES


def with_inner_hash(plaintext: bytes, tally_payload: bytes) -> SealedHeader:
    """A header that commits to this plaintext, as a kit that forges would write it."""
    commitment = TallyCommitment(
        blind=codec.b64(plaintext[COUNTS_END:BLIND_END]),
        device="device-1",
        tally_sha256=codec.sha256_hex(tally_payload),
        terminal_signature=codec.b64(plaintext[BLIND_END : BLIND_END + 64]),
    )
    return structs.replace(header_of(SEALED), inner_sha256=codec.sha256_hex(codec.to_bytes(commitment)))


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda inner: flip(inner, 0), "another ballot definition"),
        (lambda inner: flip(inner, PREFIX_BYTES - 1), "another ballot definition"),
        (lambda inner: inner + b"\0", "bytes; a tally of branch 'branch-1' has"),
        (lambda inner: inner[:-1], "bytes; a tally of branch 'branch-1' has"),
        (lambda inner: flip(inner, PREFIX_BYTES), "inner_sha256"),
        (lambda inner: flip(inner, COUNTS_END), "inner_sha256"),
        (lambda inner: flip(inner, BLIND_END), "inner_sha256"),
    ],
    ids=["prefix", "prefix-end", "too-long", "too-short", "counts", "blind", "terminal-signature"],
)
def test_the_inside_is_not_what_the_header_commits_to(change: Callable[[bytes], bytes], message: str) -> None:
    forged = reseal(change(plaintext_of(SEALED)), header_of(SEALED))
    with pytest.raises(SealError, match=message):
        open_(forged)


def test_a_kit_that_changes_counts_lacks_the_terminals_signature() -> None:
    inner = flip(plaintext_of(SEALED), PREFIX_BYTES + 1)
    votes = {**TALLY.contests["council_party_list:1"].votes, "2": 121}
    contest = structs.replace(TALLY.contests["council_party_list:1"], votes=votes)
    changed = structs.replace(TALLY, contests={**TALLY.contests, "council_party_list:1": contest})
    header = with_inner_hash(inner, codec.to_bytes(changed))
    terminal = WORLD.terminals["terminal-1-1"].key_id
    with pytest.raises(SignatureInvalidError, match=terminal):
        open_(reseal(inner, header))


def test_the_devices_signature_inside_is_wrong() -> None:
    inner = plaintext_of(SEALED)
    with pytest.raises(SignatureInvalidError, match=DEVICE.key_id):
        open_(reseal(flip(inner, len(inner) - 64), header_of(SEALED)))


def test_the_devices_signature_inside_covers_the_commitment() -> None:
    commitment = codec.to_bytes(open_(SEALED).commitment)
    signed = DEVICE.sign(envelope.pae(TYPE_TALLY_COMMITMENT, commitment))
    assert plaintext_of(SEALED).endswith(signed)


# --- what is never sealed -----------------------------------------------------------------------------------------


def test_a_tally_of_another_close_is_not_sealed() -> None:
    with pytest.raises(StatementError, match="close 2"):
        seal(tally_envelope=WORLD.signed_by_terminal(WORLD.tally("branch-1", close_no=2)))


def test_a_tally_of_another_terminal_is_not_sealed() -> None:
    other = WORLD.signed_by_terminal(WORLD.tally("branch-1", "terminal-1-2"))
    with pytest.raises(SignatureInvalidError):
        seal(tally_envelope=other)
    with pytest.raises(StatementError, match="terminal 'terminal-1-2'"):
        seal(
            tally_envelope=WORLD.signed(
                WORLD.tally("branch-1", "terminal-1-2"), WORLD.terminals["terminal-1-1"]
            )
        )


def test_a_tally_that_the_kit_signed_itself_is_not_sealed() -> None:
    with pytest.raises(SignatureInvalidError):
        seal(tally_envelope=WORLD.signed(TALLY, DEVICE))


def test_another_report_of_the_terminal_is_not_sealed() -> None:
    with pytest.raises(SignatureInvalidError):
        seal(tally_envelope=WORLD.signed_by_terminal(WORLD.account("branch-1")))


@pytest.mark.parametrize("field", ["election", "round", "branch", "device", "manifest_sha256"])
def test_a_submission_that_does_not_fit_the_manifest_is_not_sealed(field: str) -> None:
    with pytest.raises(StatementError):
        seal(structs.replace(SUBMISSION, **{field: OTHER[field]}))


def test_a_key_that_is_not_the_enrolled_one_seals_nothing() -> None:
    with pytest.raises(SealError, match="not the enrolled key of device 'device-1'"):
        seal_tally(
            SUBMISSION,
            tally_envelope=TALLY_ENVELOPE,
            blind=BLIND,
            device_key=key_of("device-2"),
            manifest=WORLD.loaded,
            ephemeral=EPHEMERAL,
        )


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_blind_or_ephemeral_key_of_another_length_seals_nothing(length: int) -> None:
    for blind, ephemeral in [(bytes(length), EPHEMERAL), (BLIND, bytes(length))]:
        with pytest.raises(SealError, match=f"{length} bytes"):
            seal_tally(
                SUBMISSION,
                tally_envelope=TALLY_ENVELOPE,
                blind=blind,
                device_key=DEVICE,
                manifest=WORLD.loaded,
                ephemeral=ephemeral,
            )


def test_printing_an_opened_tally_shows_no_count() -> None:
    opened = open_(SEALED)
    text = repr(opened).replace(repr(opened.device_signature), "")
    assert not any(character.isdigit() for character in text)


def test_the_envelope_of_the_terminal_can_be_checked_by_itself() -> None:
    public = WORLD.terminals["terminal-1-1"].public
    keyid = WORLD.terminals["terminal-1-1"].key_id
    opened = Envelope.from_bytes(open_(SEALED).tally_envelope.to_bytes())
    assert envelope.verify(opened, payload_type=TYPE_TALLY, keys={keyid: public}) == (keyid,)
