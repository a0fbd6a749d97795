"""Our verifier keys, checkpoints, cosignatures and receipts against tlog-scales, which nobody here wrote."""

from typing import Final, NamedTuple

import pytest
from cryptography.exceptions import InvalidSignature
from tlog_scales.signing import PlainEd25519Signer, Vkey, VkeySet
from tlog_scales.tlog import Checkpoint, InclusionProof

from crypto import codec, merkle, notes, receipt
from crypto.errors import ProofError
from crypto.identity import SigningKey
from tests.center.branch import Center, Device, receipts
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import Election, make_election

pytestmark = pytest.mark.peer

SEED: Final = b"l" * 32
LOG: Final = notes.NoteSigner("log.example/councils-7", SigningKey.from_seed(SEED))
WITNESS: Final = notes.Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32))
ROOT: Final = merkle.root([merkle.leaf_hash(b"%d" % number) for number in range(7)])
NOTE: Final = LOG.sign(notes.Checkpoint(LOG.name, 7, ROOT).text())
TIME_S: Final = 1_813_420_800


# --- keys, notes, checkpoints --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vkey", "kind"),
    [(LOG.vkey, notes.NoteVerifier), (WITNESS.vkey, notes.CosignatureVerifier)],
    ids=["log", "witness"],
)
def test_verifier_key_is_the_same_to_them(vkey: str, kind: type[notes.NoteVerifier]) -> None:
    theirs, verifier = Vkey.from_string(vkey), kind(vkey)
    assert theirs.serialize() == vkey
    assert (theirs.name, theirs.pubkey) == (verifier.name, verifier.public)
    computed = Vkey(theirs.name, None, theirs.sig_type, theirs.pubkey)  # hashes name, type and key by itself
    assert computed.key_id == theirs.key_id == int.from_bytes(verifier.key_hash)


def test_signed_checkpoint_is_theirs_to_the_byte() -> None:
    theirs = Checkpoint.make_signed(LOG.name, 7, ROOT, [PlainEd25519Signer(LOG.name, SEED)])
    assert theirs.serialize() == NOTE
    assert Checkpoint.from_text(NOTE) == theirs
    theirs.verify(Vkey.from_string(LOG.vkey))


def test_cosigned_checkpoint_convinces_them_with_its_time() -> None:
    checkpoint = Checkpoint.from_text(WITNESS.cosign(NOTE, TIME_S))
    keys = VkeySet(Vkey.from_string(LOG.vkey), Vkey.from_string(WITNESS.vkey))
    valid = {vkey.name: signature for vkey, signature in keys.verify(checkpoint.signatures, checkpoint)}
    assert set(valid) == {LOG.name, WITNESS.name}
    assert int.from_bytes(valid[WITNESS.name].payload[:8]) == TIME_S


def test_checkpoint_under_another_key_of_the_same_name_convinces_nobody() -> None:
    theirs = notes.NoteSigner(LOG.name, SigningKey.from_seed(b"x" * 32)).sign(notes.text_of(NOTE))
    mine, forged = (codec.unb64(note.split(" ")[2].strip()) for note in (NOTE, theirs))
    note = theirs.replace(codec.b64(forged), codec.b64(mine[:4] + forged[4:]))  # under the key hash of ours
    with pytest.raises(InvalidSignature):
        Checkpoint.from_text(note).verify(Vkey.from_string(LOG.vkey))
    with pytest.raises(ProofError):
        notes.verify_note(note, [notes.NoteVerifier(LOG.vkey)])


# --- receipts of the real centre -----------------------------------------------------------------------------------


class Shown(NamedTuple):
    """What a receipt made somebody believe."""

    index: int
    size: int
    root: bytes


def believed(text: str, envelope: bytes, vkey: str) -> Shown | None:
    """What tlog-scales believes; None if it, or who took the receipt apart for it, refuses.

    tlog-proof is younger than the library: the parts are split here, and judged there.
    """
    head, _, note = text.partition("\n\n")
    digest = codec.b64(bytes.fromhex(codec.sha256_hex(envelope)))
    match head.split("\n"):
        case ["c2sp.org/tlog-proof@v1", extra, index, *path] if extra == f"extra {digest}":
            pass
        case _:
            return None
    try:
        checkpoint = Checkpoint.from_text(note)
        checkpoint.verify(Vkey.from_string(vkey))
        hashes = [codec.unb64(line) for line in path]
        proof = InclusionProof(int(index.removeprefix("index ")), checkpoint.size, hashes)
        proof.check(merkle.leaf_hash(envelope), checkpoint.root_hash)
    except Exception:  # noqa: BLE001 - malformed text ends in whatever error Python has for it
        return None
    return Shown(proof.leaf_index, checkpoint.size, checkpoint.root_hash)


def believed_by_us(text: str, envelope: bytes, election: Election) -> Shown | None:
    policy = election.manifest.witness_policy
    try:
        mine = receipt.verify(text, envelope, log=election.loaded.log_verifier, policy=policy)
    except ProofError:
        return None
    return Shown(mine.index, mine.size, mine.root)


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(4)


@pytest.fixture(scope="module")
def receipted(election: Election, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """Receipts as the centre makes them, in two batches, with their envelopes."""
    devices = [Device(election, branch.id) for branch in election.manifest.branches]
    sent = [(device, data) for device in devices for data in (device.account(), device.tally())]
    center = Center(election, str(tmp_path_factory.mktemp("center") / "ledger.db"))
    replies = [*receipts(center.take(*sent[:3])), *receipts(center.take(*sent[3:]))]
    center.close()
    assert len(replies) == len(sent)
    by_hash = {codec.sha256_hex(data): data for _, data in sent}
    texts = [reply.payload.decode() for reply in replies]
    return [(text, by_hash[receipt.envelope_sha256_of(text)]) for text in texts]


def test_receipt_of_the_centre_shows_them_what_it_shows_us(
    election: Election, receipted: list[tuple[str, bytes]]
) -> None:
    for index, (text, envelope) in enumerate(receipted):
        shown = believed(text, envelope, election.manifest.log.vkey)
        assert shown is not None
        assert shown == believed_by_us(text, envelope, election)
        assert shown.index == index


def test_receipt_of_another_envelope_shows_nobody_anything(
    election: Election, receipted: list[tuple[str, bytes]]
) -> None:
    (text, _), (_, other) = receipted[:2]
    assert believed(text, other, election.manifest.log.vkey) is None
    assert believed_by_us(text, other, election) is None


def test_damage_to_a_receipt_makes_nobody_believe_anything_else(
    election: Election, receipted: list[tuple[str, bytes]]
) -> None:
    """They forgive sloppy base64; we refuse all that they refuse, and that too."""
    text, envelope = receipted[-1]
    honest = believed(text, envelope, election.manifest.log.vkey)
    refused = 0
    for damaged in every_bit_flipped(text.encode()):
        changed = damaged.decode("utf-8", "surrogateescape")
        assert believed_by_us(changed, envelope, election) is None
        theirs = believed(changed, envelope, election.manifest.log.vkey)
        assert theirs in (honest, None)
        refused += theirs is None
    assert refused > 0.9 * len(text.encode()) * 8
