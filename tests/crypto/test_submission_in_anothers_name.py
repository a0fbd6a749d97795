"""The centre takes an envelope only from the device that it names, about what the manifest defines."""

from typing import Any

import pytest
from msgspec import structs

from crypto import codec, enc_proof, envelope
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError, StatementError
from crypto.identity import SigningKey
from crypto.reconcile import reconcile_account
from crypto.seal import seal_tally
from crypto.statements import AccountSubmission, Finding, JournalCheckpoint, SealedTally
from crypto.submissions import check_submission, seal_info, sign_account
from crypto.wire import TYPE_ACCOUNT_SUBMISSION, TYPE_ORDER, TYPE_SEALED_TALLY
from tests.crypto.election_fixture import (
    COUNCIL,
    MAYOR,
    VOTERS_SIGNED_IN,
    key_of,
    make_election,
    seed_of,
)

WORLD = make_election(terminals_per_branch=2)
DEVICE = WORLD.devices["device-1"]


def account_submission(**changes: Any) -> AccountSubmission:
    outer = WORLD.submission("branch-1")
    fields: dict[str, Any] = {name: getattr(outer, name) for name in outer.__struct_fields__}
    fields |= {
        "account": codec.b64(WORLD.signed_by_terminal(WORLD.account("branch-1")).to_bytes()),
        "voters_signed_in": {**VOTERS_SIGNED_IN, MAYOR: 811},
        "findings": reconcile_account(WORLD.account("branch-1"), {**VOTERS_SIGNED_IN, MAYOR: 811}),
    }
    return AccountSubmission(**(fields | changes))


def sealed_tally() -> SealedTally:
    data = seal_tally(
        WORLD.submission("branch-1"),
        tally_envelope=WORLD.signed_by_terminal(WORLD.tally("branch-1")),
        blind=seed_of("blind"),
        device_key=DEVICE,
        manifest=WORLD.loaded,
        ephemeral=seed_of("ephemeral"),
    )
    return codec.from_bytes(Envelope.from_bytes(data).payload, SealedTally)


ACCOUNT = account_submission()
SEALED = sealed_tally()
BOTH = pytest.mark.parametrize("statement", [ACCOUNT, SEALED], ids=["account", "sealed"])


def sign(statement: AccountSubmission | SealedTally, *keys: SigningKey) -> bytes:
    type_ = TYPE_SEALED_TALLY if isinstance(statement, SealedTally) else TYPE_ACCOUNT_SUBMISSION
    return envelope.sign(type_, codec.to_bytes(statement), keys or [DEVICE]).to_bytes()


def proven(statement: AccountSubmission | SealedTally) -> AccountSubmission | SealedTally:
    """With the proof that goes with these fields; the seal inside does not open any more."""
    if isinstance(statement, AccountSubmission):
        return statement
    enc, ciphertext = codec.unb64(statement.enc), codec.unb64(statement.ciphertext)
    proof = enc_proof.prove(seed_of("ephemeral"), enc=enc, info=seal_info(statement), ciphertext=ciphertext)
    return structs.replace(statement, enc_proof=codec.b64(proof))


@BOTH
def test_a_good_submission_is_taken(statement: AccountSubmission | SealedTally) -> None:
    data = sign(statement)
    checked = check_submission(data, WORLD.loaded)
    assert checked.statement == statement
    assert checked.data == data
    assert checked.sha256 == codec.sha256_hex(data)


def test_the_kit_signs_accounts_the_same_way() -> None:
    assert sign_account(ACCOUNT, DEVICE) == sign(ACCOUNT)


@BOTH
def test_another_enrolled_device_cannot_speak_for_this_one(
    statement: AccountSubmission | SealedTally,
) -> None:
    with pytest.raises(SignatureInvalidError, match="'device-2' in the name of 'device-1'"):
        check_submission(sign(statement, WORLD.devices["device-2"]), WORLD.loaded)


@BOTH
@pytest.mark.parametrize("owner", ["terminal-1-1", "official-1-executive", "manifest-1", "a stranger"])
def test_only_devices_submit(statement: AccountSubmission | SealedTally, owner: str) -> None:
    with pytest.raises(ManifestError, match=f"no device key '{key_of(owner).key_id}'"):
        check_submission(sign(statement, key_of(owner)), WORLD.loaded)


@BOTH
def test_a_second_signature_is_refused(statement: AccountSubmission | SealedTally) -> None:
    for other in (WORLD.devices["device-2"], WORLD.terminals["terminal-1-1"]):
        with pytest.raises(EvidenceError):
            check_submission(sign(statement, DEVICE, other), WORLD.loaded)


@BOTH
def test_a_signature_over_other_bytes_is_refused(statement: AccountSubmission | SealedTally) -> None:
    good = Envelope.from_bytes(sign(statement))
    other = Envelope.from_bytes(sign(structs.replace(statement, seq=2)))
    mixed = Envelope(good.payload_type, good.payload, other.signatures)
    with pytest.raises(SignatureInvalidError):
        check_submission(mixed.to_bytes(), WORLD.loaded)


@BOTH
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"election": "councils-6"}, "states election 'councils-6'"),
        ({"round": 2}, "states round 2"),
        ({"branch": "branch-2"}, "device 'device-1' does not belong to branch 'branch-2'"),
        ({"branch": "branch-9"}, "no branch 'branch-9'"),
        ({"terminal": "terminal-2-1"}, "'terminal-2-1' does not belong to branch 'branch-1'"),
        ({"manifest_sha256": "00" * 32}, "states manifest_sha256"),
    ],
)
def test_a_submission_about_something_else_is_refused(
    statement: AccountSubmission | SealedTally, change: dict[str, Any], message: str
) -> None:
    with pytest.raises((StatementError, ManifestError), match=message):
        check_submission(sign(structs.replace(statement, **change)), WORLD.loaded)


@BOTH
def test_gaps_and_replacements_are_flags_and_no_reason_to_refuse(
    statement: AccountSubmission | SealedTally,
) -> None:
    odd = proven(
        structs.replace(
            statement,
            seq=9,
            prev="ab" * 32,
            supersedes="cd" * 32,
            journal=JournalCheckpoint(size=0, root="00" * 32),
        )
    )
    assert check_submission(sign(odd), WORLD.loaded).statement == odd


@BOTH
def test_a_device_that_the_manifest_moved_elsewhere_is_refused(
    statement: AccountSubmission | SealedTally,
) -> None:
    changed = structs.replace(statement, device="device-2")
    with pytest.raises(StatementError, match="device 'device-2' does not belong to branch 'branch-1'"):
        check_submission(sign(changed, WORLD.devices["device-2"]), WORLD.loaded)


def test_another_type_of_envelope_is_no_submission() -> None:
    data = envelope.sign(TYPE_ORDER, codec.to_bytes(ACCOUNT), [DEVICE]).to_bytes()
    with pytest.raises(StatementError, match="no type of submission"):
        check_submission(data, WORLD.loaded)


def test_the_payload_is_of_the_type_that_the_envelope_says() -> None:
    data = envelope.sign(TYPE_SEALED_TALLY, codec.to_bytes(ACCOUNT), [DEVICE]).to_bytes()
    with pytest.raises(StatementError):
        check_submission(data, WORLD.loaded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"voters_signed_in": {COUNCIL: 1}}, f"'{MAYOR}' is missing"),
        ({"voters_signed_in": {**VOTERS_SIGNED_IN, "x": 1}}, "'x' is not a contest"),
        (
            {"findings": (Finding(grade="note", code="signed-in-differs", contest="x"),)},
            "names contest 'x'",
        ),
        ({"close_no": 2}, "about close 2, the ballot account in it about close 1"),
        ({"terminal": "terminal-1-2"}, WORLD.terminals["terminal-1-1"].key_id),
        ({"account": ""}, "JSON"),
    ],
    ids=["missing", "surplus", "finding", "close", "terminal", "empty"],
)
def test_an_account_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        check_submission(sign(account_submission(**change)), WORLD.loaded)


def test_an_account_that_the_kit_made_up_is_refused() -> None:
    made_up = WORLD.signed(WORLD.account("branch-1"), DEVICE).to_bytes()
    with pytest.raises(SignatureInvalidError):
        check_submission(sign(account_submission(account=codec.b64(made_up))), WORLD.loaded)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kid", "election-key-2", "sealed to key 'election-key-2'"),
        ("enc", codec.b64(bytes(31)), "enc of the sealed tally has 31 bytes"),
        ("ciphertext", codec.b64(bytes(16)), "ciphertext of the sealed tally has 16 bytes"),
        ("ciphertext", "", "ciphertext of the sealed tally has 0 bytes"),
    ],
)
def test_a_seal_that_could_never_open_is_refused_at_once(field: str, value: str, message: str) -> None:
    with pytest.raises(StatementError, match=message):
        check_submission(sign(structs.replace(SEALED, **{field: value})), WORLD.loaded)


def test_any_flipped_byte_of_an_account_is_refused() -> None:
    data = sign(ACCOUNT)
    for place in range(0, len(data), 3):
        with pytest.raises(EvidenceError):
            check_submission(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], WORLD.loaded)
