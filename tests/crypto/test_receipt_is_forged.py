import base64

import pytest
from hypothesis import given

from crypto import codec, merkle, notes, receipt
from crypto.errors import EvidenceError, ProofError
from crypto.identity import SigningKey
from crypto.merkle import Tree
from crypto.notes import Checkpoint, Cosigner, NoteSigner, NoteVerifier
from crypto.receipt import Receipt
from crypto.statements import WitnessPolicy
from crypto.wire import RECEIPT_MAX
from tests.crypto.byte_flips import damaged, every_bit_flipped

ENVELOPES = [b"envelope %d" % number for number in range(11)]
TREE = Tree([merkle.leaf_hash(data) for data in ENVELOPES])
INDEX, SIZE = 4, 11
ENVELOPE = ENVELOPES[INDEX]
PROOF = TREE.inclusion(INDEX)

LOG = NoteSigner("log.example/kit", SigningKey.from_seed(b"l" * 32))
VERIFIER = NoteVerifier(LOG.vkey)
WITNESSES = [Cosigner(f"witness.example/w{i}", SigningKey.from_seed(bytes([i]) * 32)) for i in range(3)]
NOTE = LOG.sign(Checkpoint(LOG.name, SIZE, TREE.root()).text())
RECEIPT = receipt.make(ENVELOPE, INDEX, PROOF, NOTE)
NONE = WitnessPolicy(m=0, witnesses=())
ONE = WitnessPolicy(m=1, witnesses=(WITNESSES[0].vkey,))
TWO_OF_THREE = WitnessPolicy(m=2, witnesses=tuple(witness.vkey for witness in WITNESSES))


def cosigned(*witnesses: Cosigner) -> str:
    note = NOTE
    for witness in witnesses:
        note = witness.cosign(note, 1_800_000_000)
    return receipt.make(ENVELOPE, INDEX, PROOF, note)


def verify(text: str, policy: WitnessPolicy = NONE) -> Receipt:
    return receipt.verify(text, ENVELOPE, log=VERIFIER, policy=policy)


def verify_bytes(data: bytes, policy: WitnessPolicy) -> Receipt:
    """As a branch does that takes bytes from a topic."""
    try:
        return verify(data.decode("utf-8"), policy)
    except UnicodeDecodeError as error:
        raise ProofError("not UTF-8") from error


# --- what a receipt is ---------------------------------------------------------------------------------------------


def test_untouched_receipt_shows_where_the_envelope_is() -> None:
    digest = codec.sha256_hex(ENVELOPE)
    assert verify(RECEIPT) == Receipt("included", INDEX, SIZE, TREE.root(), digest)
    assert receipt.envelope_sha256_of(RECEIPT) == digest


def test_receipt_has_the_form_of_the_specification() -> None:
    digest = base64.b64encode(bytes.fromhex(codec.sha256_hex(ENVELOPE))).decode()
    hashes = [base64.b64encode(node).decode() for node in PROOF]
    lines = ["c2sp.org/tlog-proof@v1", f"extra {digest}", f"index {INDEX}", *hashes, "", NOTE]
    assert "\n".join(lines) == RECEIPT


def test_only_leaf_of_a_log_needs_no_proof_lines() -> None:
    leaf = merkle.leaf_hash(ENVELOPE)
    text = receipt.make(ENVELOPE, 0, (), LOG.sign(Checkpoint(LOG.name, 1, leaf).text()))
    assert verify(text).size == 1


def test_every_leaf_of_every_size_gets_a_receipt() -> None:
    for size in range(1, SIZE + 1):
        note = LOG.sign(Checkpoint(LOG.name, size, TREE.root(size)).text())
        for index in range(size):
            text = receipt.make(ENVELOPES[index], index, TREE.inclusion(index, size), note)
            shown = receipt.verify(text, ENVELOPES[index], log=VERIFIER, policy=NONE)
            assert (shown.index, shown.size) == (index, size)


# --- a receipt is changed on its way -----------------------------------------------------------------------------


def test_every_flipped_bit_is_noticed() -> None:
    for changed in every_bit_flipped(RECEIPT.encode()):
        with pytest.raises(ProofError):
            verify_bytes(changed, NONE)


@given(damaged(RECEIPT.encode()))
def test_every_other_damage_is_noticed(changed: bytes) -> None:
    with pytest.raises(ProofError):
        verify_bytes(changed, NONE)


def test_flipped_bit_never_leaves_a_witnessed_receipt_delivered() -> None:
    # A witness whose name is damaged is a stranger, whom the specification tells us to skip: the grade falls.
    for changed in every_bit_flipped(cosigned(WITNESSES[0]).encode()):
        try:
            shown = verify_bytes(changed, ONE)
        except ProofError:
            continue
        assert shown.grade == "included"
        assert not receipt.delivered(shown, ONE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        NOTE,
        RECEIPT + "\n",
        " " + RECEIPT,
        RECEIPT.replace("\n", "\r\n"),
        RECEIPT.replace("@v1", "@v2"),
        RECEIPT.replace("extra ", "extra  "),
        RECEIPT.replace("extra ", "Extra "),
        RECEIPT.replace("extra ", "extra"),
        RECEIPT.replace(RECEIPT.split("\n")[1] + "\n", ""),
        RECEIPT.replace("extra ", "extra AAAA"),
        RECEIPT.replace(f"index {INDEX}\n", ""),
        RECEIPT.replace(f"index {INDEX}\n", f"index 0{INDEX}\n"),
        RECEIPT.replace(f"index {INDEX}\n", f"index -{INDEX}\n"),
        RECEIPT.replace(f"index {INDEX}\n", "index \n"),
        RECEIPT.replace(f"index {INDEX}\n", f"index {INDEX} \n"),
        RECEIPT.replace(f"index {INDEX}\n", "index \N{EXTENDED ARABIC-INDIC DIGIT FOUR}\n"),
        RECEIPT.replace(f"index {INDEX}\n", f"index {2**64 + INDEX}\n"),
        RECEIPT.replace("\n\n", "\n \n", 1),
        RECEIPT.replace("\n\n", "\n\n\n", 1),
        RECEIPT.replace(codec.b64(PROOF[0]), codec.b64(PROOF[0][:31])),
        RECEIPT.replace(codec.b64(PROOF[0]) + "\n", ""),
        RECEIPT.replace(codec.b64(PROOF[0]), codec.b64(PROOF[1])),
        RECEIPT.replace(codec.b64(PROOF[0]), f"{codec.b64(PROOF[0])}\n{codec.b64(PROOF[0])}"),
        RECEIPT.partition("\n\n")[0] + "\n\n" + NOTE.partition("\n\n")[0] + "\n",
        "\ud800" + RECEIPT,
        RECEIPT.replace("log.example", "log.\udc00"),
    ],
)
def test_receipt_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(ProofError):
        verify(text)


def test_receipt_over_its_limit_is_refused() -> None:
    stranger = f"— stranger.example {codec.b64(bytes(76))}\n"
    lines = (RECEIPT_MAX - len(RECEIPT.encode())) // len(stranger.encode())
    assert verify(RECEIPT + stranger * lines).grade == "included"
    with pytest.raises(ProofError, match="longer than"):
        verify(RECEIPT + stranger * (lines + 1))
    with pytest.raises(ProofError, match="longer than"):
        receipt.make(ENVELOPE, INDEX, PROOF, NOTE + stranger * (lines + 1))


# --- a receipt for something else ----------------------------------------------------------------------------------


def test_receipt_of_another_envelope_is_refused() -> None:
    with pytest.raises(ProofError, match=f"receipt is for envelope {codec.sha256_hex(ENVELOPE)}"):
        receipt.verify(RECEIPT, ENVELOPES[5], log=VERIFIER, policy=NONE)


def test_receipt_that_only_claims_to_be_for_this_envelope_is_refused() -> None:
    theirs = receipt.make(ENVELOPES[5], 5, TREE.inclusion(5), NOTE)
    relabelled = theirs.replace(theirs.split("\n")[1], RECEIPT.split("\n")[1])
    assert receipt.envelope_sha256_of(relabelled) == codec.sha256_hex(ENVELOPE)
    with pytest.raises(ProofError, match="another root"):
        verify(relabelled)


def test_receipt_for_another_place_in_the_log_is_refused() -> None:
    with pytest.raises(ProofError, match="inclusion proof"):
        verify(RECEIPT.replace(f"index {INDEX}", "index 5"))
    with pytest.raises(ProofError, match="no leaf 11"):
        verify(RECEIPT.replace(f"index {INDEX}", f"index {SIZE}"))


def test_receipt_under_a_stranger_s_key_is_refused() -> None:
    stranger = NoteSigner(LOG.name, SigningKey.from_seed(b"x" * 32))
    note = stranger.sign(Checkpoint(LOG.name, SIZE, TREE.root()).text())
    with pytest.raises(ProofError, match="no signature of"):
        verify(receipt.make(ENVELOPE, INDEX, PROOF, note))


def test_receipt_that_only_a_witness_has_signed_is_refused() -> None:
    text = Checkpoint(LOG.name, SIZE, TREE.root()).text()
    stranger = NoteSigner("stranger.example", SigningKey.from_seed(b"x" * 32))
    unsigned_by_log = WITNESSES[0].cosign(stranger.sign(text), 1)
    with pytest.raises(ProofError, match="not signed by the log"):
        verify(receipt.make(ENVELOPE, INDEX, PROOF, unsigned_by_log), ONE)


def test_checkpoint_of_another_log_under_the_log_s_key_is_refused() -> None:
    note = LOG.sign(Checkpoint("log.example/other", SIZE, TREE.root()).text())
    with pytest.raises(ProofError, match=r"of log 'log\.example/other'"):
        verify(receipt.make(ENVELOPE, INDEX, PROOF, note))


def test_note_that_is_no_checkpoint_is_refused() -> None:
    head, other = RECEIPT.partition("\n\n")[0], LOG.sign("all is well\n")
    with pytest.raises(ProofError, match="checkpoint"):
        verify(f"{head}\n\n{other}")


def test_receipt_that_would_not_verify_is_not_made() -> None:
    for index, proof in ((5, PROOF), (INDEX, PROOF[1:]), (INDEX, (b"short", *PROOF[1:]))):
        with pytest.raises(ProofError):
            receipt.make(ENVELOPE, index, proof, NOTE)
    with pytest.raises(ProofError):
        receipt.make(ENVELOPE, INDEX, PROOF, NOTE.removesuffix("\n"))


# --- witnesses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "policy", "grade", "delivered"),
    [
        (0, NONE, "included", True),
        (1, NONE, "included", True),
        (0, ONE, "included", False),
        (1, ONE, "witnessed", True),
        (1, TWO_OF_THREE, "included", False),
        (2, TWO_OF_THREE, "witnessed", True),
        (3, TWO_OF_THREE, "witnessed", True),
        (3, WitnessPolicy(m=1, witnesses=()), "included", False),
    ],
)
def test_receipt_is_delivered_only_with_enough_witnesses(
    count: int, policy: WitnessPolicy, grade: str, delivered: bool
) -> None:
    shown = verify(cosigned(*WITNESSES[:count]), policy)
    assert shown.grade == grade
    assert receipt.delivered(shown, policy) is delivered


def test_witness_under_two_names_counts_once() -> None:
    key = SigningKey.from_seed(b"t" * 32)
    twins = [Cosigner("one.example", key), Cosigner("two.example", key)]
    policy = WitnessPolicy(m=2, witnesses=tuple(twin.vkey for twin in twins))
    assert verify(cosigned(*twins), policy).grade == "included"


def test_witness_named_twice_in_the_policy_counts_once() -> None:
    policy = WitnessPolicy(m=2, witnesses=(WITNESSES[0].vkey, WITNESSES[0].vkey))
    assert verify(cosigned(WITNESSES[0]), policy).grade == "included"


def test_wrong_cosignature_spoils_the_receipt() -> None:
    other = LOG.sign(Checkpoint(LOG.name, SIZE, bytes(32)).text())
    line = WITNESSES[0].cosign(other, 1).removeprefix(other)
    with pytest.raises(ProofError, match=r"witness\.example/w0 is wrong"):
        verify(RECEIPT + line, TWO_OF_THREE)


def test_cosignature_of_a_stranger_is_no_witness() -> None:
    assert verify(cosigned(WITNESSES[1]), ONE).grade == "included"


def test_policy_with_a_malformed_witness_key_is_refused() -> None:
    with pytest.raises(EvidenceError, match="verifier key"):
        verify(RECEIPT, WitnessPolicy(m=1, witnesses=(LOG.vkey,)))


# --- looking for the envelope --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        NOTE,
        RECEIPT.replace("extra", "index"),
        RECEIPT.replace("extra ", "extra AAAA"),
    ],
)
def test_text_that_is_no_receipt_names_no_envelope(text: str) -> None:
    with pytest.raises(ProofError):
        receipt.envelope_sha256_of(text)


def test_note_inside_a_receipt_is_still_a_note_to_others() -> None:
    assert notes.verify_note(RECEIPT.partition("\n\n")[2], [VERIFIER]).startswith("log.example/kit\n11\n")
