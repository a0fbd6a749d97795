"""Every way in which a participant, or whoever carries the messages, can spoil the ceremony: refused and blamed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from crypto import cocktail, schnorr
from crypto.cocktail import Certificate
from crypto.cocktail_wire import (
    CIPHERTEXT_MAX,
    CIPHERTEXT_MIN,
    EXTENSION_MAX,
    MESSAGE1_MAX,
    MESSAGE2_MAX,
    PARTICIPANTS_MAX,
    TRANSCRIPT_MAX,
    Message1,
    Setup,
    Transcript,
    join_ciphertexts,
    message2_to_bytes,
    parse_message1,
    parse_message2,
    parse_transcript,
    session_setup,
)
from crypto.edwards import IDENTITY, ORDER, add, base_multiple, multiple, scalar_from_int
from crypto.trustee_errors import (
    BadShareError,
    CeremonyError,
    DecryptionFailedError,
    DuplicateParticipantError,
    GroupElementError,
    MalformedMessageError,
    MissingParticipantError,
    ProofOfPossessionError,
    SetupError,
    ThresholdElevationError,
    TranscriptMismatchError,
)
from tests.crypto.ceremony_fixture import entropy, make_ceremony, make_setup, message1, static_secret

WHOLE = make_ceremony(2, 3)
SETUP = WHOLE.setup
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def parsed(index: int) -> Message1:
    return parse_message1(WHOLE.messages[index - 1], SETUP, index)


def relay_with(index: int, message: bytes) -> tuple[bytes, ...]:
    messages = dict(enumerate(WHOLE.messages, 1)) | {index: message}
    return cocktail.relay(SETUP, messages.items())


def round2_with(altered: Message1, sender: int = 2, recipient: int = 1) -> None:
    """What the recipient says when the relay did not look."""
    messages = [parsed(1), parsed(2), parsed(3)]
    messages[sender - 1] = altered
    sent = WHOLE.messages[recipient - 1]
    cocktail.round2(SETUP, static_secret(recipient), message2_to_bytes(messages, recipient), sent=sent)


def flip(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_everybody_holds_the_same_key_and_any_other_certificate() -> None:
    assert len({outcome.public.group_key for outcome in WHOLE.outcomes}) == 1
    assert len({outcome.share for outcome in WHOLE.outcomes}) == 3
    certificates = {cocktail.finish(outcome, enumerate(WHOLE.signatures, 1)) for outcome in WHOLE.outcomes}
    assert certificates == {WHOLE.certificate}


def test_secrets_are_not_printed() -> None:
    for outcome in WHOLE.outcomes:
        assert repr(outcome.share) not in repr(outcome)
        assert outcome.share.hex() not in repr(outcome)


# --- setup ---


@pytest.mark.parametrize(("threshold", "participants"), [(0, 3), (4, 3), (-1, 3), (1, 0)])
def test_threshold_that_cannot_be_met(threshold: int, participants: int) -> None:
    with pytest.raises(SetupError):
        replace(SETUP, threshold=threshold, statics=SETUP.statics[:participants])


def test_more_participants_than_the_limit() -> None:
    statics = [base_multiple(scalar_from_int(number)) for number in range(1, PARTICIPANTS_MAX + 2)]
    assert session_setup(bytes(16), 2, statics[:-1]).participants == PARTICIPANTS_MAX
    with pytest.raises(SetupError, match=f"{PARTICIPANTS_MAX + 1} participants"):
        session_setup(bytes(16), 2, statics)


def test_one_person_on_two_seats() -> None:
    with pytest.raises(SetupError, match="participants 1 and 3 have the same static key") as caught:
        replace(SETUP, statics=(*SETUP.statics[:2], SETUP.statics[0]))
    assert caught.value.participant == 3


@pytest.mark.parametrize(
    "point", [IDENTITY, bytes(32), ORDER_8, add(SETUP.statics[1], ORDER_8), b"\xff" * 32]
)
def test_static_key_that_is_no_key(point: bytes) -> None:
    with pytest.raises(SetupError, match="participant 2") as caught:
        replace(SETUP, statics=(SETUP.statics[0], point, SETUP.statics[2]))
    assert caught.value.participant == 2


@pytest.mark.parametrize("session", [b"", bytes(15), bytes(1025)])
def test_session_id_that_may_come_twice(session: bytes) -> None:
    with pytest.raises(SetupError, match="session id"):
        session_setup(session, 2, SETUP.statics)
    with pytest.raises(SetupError, match="context"):
        replace(SETUP, context=b"")


def test_context_that_does_not_bind_order_number_and_session() -> None:
    others = [
        session_setup(b"another session..", 2, SETUP.statics),
        session_setup(b"session of a test", 2, SETUP.statics[::-1]),
        session_setup(b"session of a test", 2, SETUP.statics[:2]),
    ]
    assert SETUP.context not in {other.context for other in others}


# --- round 1 ---


def test_stranger_takes_part() -> None:
    stranger = static_secret(9)
    with pytest.raises(SetupError, match="not among the participants"):
        cocktail.round1(SETUP, stranger, entropy=bytes(192))
    with pytest.raises(SetupError, match="not among the participants"):
        cocktail.round2(SETUP, stranger, WHOLE.relayed[0], sent=WHOLE.messages[0])
    with pytest.raises(SetupError, match="not among the participants"):
        cocktail.certify(WHOLE.outcomes[0], stranger)
    with pytest.raises(SetupError, match="not among the participants"):
        cocktail.recover(WHOLE.certificate, stranger, WHOLE.outcomes[0].bundle)


@pytest.mark.parametrize("secret", [bytes(32), ORDER.to_bytes(32, "little"), bytes(31)])
def test_static_secret_that_is_no_scalar(secret: bytes) -> None:
    with pytest.raises(GroupElementError):
        cocktail.round1(SETUP, secret, entropy=bytes(192))


def test_entropy_that_is_too_short_or_zero() -> None:
    with pytest.raises(SetupError, match="191 bytes of entropy: give 192"):
        cocktail.round1(SETUP, static_secret(1), entropy=entropy("e", 191))
    for zero in range(3):
        broken = b"".join(bytes(64) if part == zero else entropy("e", 64) for part in range(3))
        with pytest.raises(GroupElementError, match="zero"):
            cocktail.round1(SETUP, static_secret(1), entropy=broken)


@pytest.mark.parametrize("payloads", [[], [b"a", b"b"], [b"", b"", bytes(cocktail.PAYLOAD_MAX + 1)]])
def test_payloads_that_do_not_fit(payloads: list[bytes]) -> None:
    with pytest.raises(SetupError, match="give 3 payloads"):
        cocktail.round1(SETUP, static_secret(1), entropy=entropy("e", 192), payloads=payloads)


def test_participant_is_missing_or_there_twice() -> None:
    numbered = list(enumerate(WHOLE.messages, 1))
    with pytest.raises(MissingParticipantError, match="message 1 of participant 2 is missing") as missing:
        cocktail.relay(SETUP, [numbered[0], numbered[2]])
    assert missing.value.participant == 2
    with pytest.raises(DuplicateParticipantError) as twice:
        cocktail.relay(SETUP, [*numbered, numbered[1]])
    assert twice.value.participant == 2
    with pytest.raises(SetupError, match="participant 4"):
        cocktail.relay(SETUP, [*numbered, (4, numbered[1][1])])


def test_contribution_of_another_is_repeated() -> None:
    with pytest.raises(DuplicateParticipantError, match="participant 3 repeats what participant 1") as caught:
        relay_with(3, WHOLE.messages[0])
    assert caught.value.participant == 3
    with pytest.raises(DuplicateParticipantError):
        round2_with(parsed(3), sender=2)


@pytest.mark.parametrize("threshold", [1, 3])
def test_threshold_is_elevated_or_lowered(threshold: int) -> None:
    other = replace(SETUP, threshold=threshold)
    with pytest.raises(
        ThresholdElevationError, match=f"committed to a threshold of {threshold} instead of 2"
    ) as caught:
        relay_with(2, message1(other, 2))
    assert caught.value.participant == 2


def test_message_of_another_session() -> None:
    other = make_setup(2, 3, session="the day before, again")
    with pytest.raises(ProofOfPossessionError) as caught:
        relay_with(2, message1(other, 2))
    assert caught.value.participant == 2


@pytest.mark.parametrize("part", ["commitment", "proof", "ephemeral"])
def test_rogue_key_or_altered_proof_of_possession(part: str) -> None:
    message = parsed(2)
    other = base_multiple(scalar_from_int(7))
    changes: dict[str, dict[str, Any]] = {
        "commitment": {"commitment": (other, message.contribution.commitment[1])},
        "proof": {"proof": flip(message.contribution.proof, 40)},
        "ephemeral": {"ephemeral": other},
    }
    altered = replace(message, contribution=replace(message.contribution, **changes[part]))
    with pytest.raises(ProofOfPossessionError, match="participant 2") as caught:
        relay_with(2, altered.to_bytes())
    assert caught.value.participant == 2
    with pytest.raises(ProofOfPossessionError, match="participant 2"):
        round2_with(altered)


@pytest.mark.parametrize("point", [IDENTITY, bytes(32), ORDER_8, b"\xff" * 32], ids=bytes.hex)
@pytest.mark.parametrize("at", [0, 32, 128], ids=["constant", "coefficient", "ephemeral"])
def test_identity_or_small_order_point_in_a_message(point: bytes, at: int) -> None:
    message = WHOLE.messages[1]
    with pytest.raises(MalformedMessageError, match=r"participant 2.*prime-order group") as caught:
        relay_with(2, message[:at] + point + message[at + 32 :])
    assert caught.value.participant == 2


@pytest.mark.parametrize(
    "alter",
    [
        lambda m: m[:0],
        lambda m: m[:-1],
        lambda m: m + b"\0",
        lambda m: m[:160] + (CIPHERTEXT_MAX + 1).to_bytes(8, "big") + m[168:],
        lambda m: m[:160] + b"\xff" * 8 + m[168:],
        lambda m: m[:160] + (47).to_bytes(8, "big") + m[168:],
        lambda m: m + bytes(5_000_000),
    ],
    ids=["empty", "cut", "longer", "over the limit", "huge", "no room for a share", "flooding"],
)
def test_message_is_malformed(alter: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedMessageError, match="participant 2") as caught:
        relay_with(2, alter(WHOLE.messages[1]))
    assert caught.value.participant == 2


@pytest.mark.parametrize("size", [0, 15, CIPHERTEXT_MIN - 1, CIPHERTEXT_MAX + 1])
def test_well_formed_ciphertext_without_room_for_a_share_or_over_the_limit(size: int) -> None:
    altered = replace(parsed(2), ciphertexts=(bytes(size),) * 3)
    with pytest.raises(MalformedMessageError, match="participant 2") as caught:
        relay_with(2, altered.to_bytes())
    assert caught.value.participant == 2
    with pytest.raises(MalformedMessageError, match="participant 2"):
        round2_with(altered)
    with pytest.raises(MalformedMessageError):
        cocktail.recover(WHOLE.certificate, static_secret(1), join_ciphertexts([bytes(size)] * 3))


def test_flood_is_taken_apart_before_it_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match=f"more than {MESSAGE1_MAX}"):
        relay_with(2, WHOLE.messages[1] + bytes(MESSAGE1_MAX))
    with pytest.raises(MalformedMessageError, match=f"more than {MESSAGE2_MAX}"):
        parse_message2(WHOLE.relayed[0] + bytes(MESSAGE2_MAX), SETUP)
    with pytest.raises(MalformedMessageError, match=f"more than {TRANSCRIPT_MAX}"):
        parse_transcript(WHOLE.certificate.transcript + bytes(TRANSCRIPT_MAX))


# --- round 2 ---


@pytest.mark.parametrize(
    "alter", [lambda m: m[:-1], lambda m: m + b"\0", lambda m: m[:300], lambda m: bytes(len(m))]
)
def test_relayed_message_is_malformed(alter: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedMessageError):
        cocktail.round2(SETUP, static_secret(1), alter(WHOLE.relayed[0]), sent=WHOLE.messages[0])


def test_share_that_does_not_decrypt() -> None:
    message = parsed(2)
    altered = replace(message, ciphertexts=(flip(message.ciphertexts[0], 5), *message.ciphertexts[1:]))
    with pytest.raises(DecryptionFailedError, match="from participant 2 to 1") as caught:
        round2_with(altered)
    assert caught.value.participant == 2


def test_message_for_another_recipient() -> None:
    with pytest.raises(TranscriptMismatchError, match="did not come back as it was sent"):
        cocktail.round2(SETUP, static_secret(1), WHOLE.relayed[1], sent=WHOLE.messages[0])


def test_own_message_is_replaced_by_the_relay() -> None:
    second = message1(SETUP, 1, take=2)
    with pytest.raises(TranscriptMismatchError, match="participant 1 did not come back") as caught:
        cocktail.round2(SETUP, static_secret(1), relay_with(1, second)[0], sent=WHOLE.messages[0])
    assert caught.value.participant is None


def cheat_with_share(share: bytes) -> Message1:
    """Participant 2 sends to participant 1, correctly encrypted, something that is not its share."""
    message = parsed(2)
    secret = static_secret(1)
    ephemeral = message.contribution.ephemeral
    shared = multiple(secret, ephemeral) + multiple(secret, SETUP.statics[1])
    key, nonce = cocktail._key_and_nonce(shared, SETUP, ephemeral, 2, 1)
    ciphertext = crypto_aead_xchacha20poly1305_ietf_encrypt(share, None, nonce, key)
    return replace(message, ciphertexts=(ciphertext, *message.ciphertexts[1:]))


@pytest.mark.parametrize(
    "share", [bytes(32), scalar_from_int(12), ORDER.to_bytes(32, "little"), b"\xff" * 32]
)
def test_bad_share_is_blamed_with_evidence(share: bytes) -> None:
    with pytest.raises(BadShareError, match="from participant 2 to 1") as caught:
        round2_with(cheat_with_share(share))
    blame = caught.value
    assert (blame.participant, blame.recipient, blame.share) == (2, 1, share)
    commitment = parsed(2).contribution.commitment
    assert not cocktail.share_fits(commitment, blame.recipient, blame.share)


def test_honest_participant_is_blamed() -> None:
    """The evidence of a false complaint does not hold: the true share fits the commitment."""
    solo = make_ceremony(1, 1)
    commitment = solo.outcomes[0].contributions[0].commitment
    assert cocktail.share_fits(commitment, 1, solo.outcomes[0].share)
    assert not cocktail.share_fits(commitment, 1, scalar_from_int(5))


# --- round 3 ---


def test_split_view() -> None:
    """The relay shows participant 3 another contribution of participant 2, whose maker plays along."""
    second = message1(SETUP, 2, take=2)
    outcome3 = cocktail.round2(SETUP, static_secret(3), relay_with(2, second)[2], sent=WHOLE.messages[2])
    assert outcome3.public.group_key != WHOLE.outcomes[0].public.group_key
    signatures = dict(enumerate(WHOLE.signatures, 1)) | {3: cocktail.certify(outcome3, static_secret(3))}
    with pytest.raises(TranscriptMismatchError, match="participant 3 did not sign this transcript") as caught:
        cocktail.finish(WHOLE.outcomes[0], signatures.items())
    assert caught.value.participant == 3
    with pytest.raises(TranscriptMismatchError, match="participant 1"):
        cocktail.finish(outcome3, signatures.items())


def test_participants_agree_on_different_things_besides() -> None:
    signatures = [
        cocktail.certify(o, static_secret(o.index), extension=b"manifest A") for o in WHOLE.outcomes
    ]
    assert cocktail.finish(WHOLE.outcomes[0], enumerate(signatures, 1), extension=b"manifest A")
    with pytest.raises(TranscriptMismatchError):
        cocktail.finish(WHOLE.outcomes[0], enumerate(signatures, 1), extension=b"manifest B")
    with pytest.raises(SetupError, match="extension"):
        cocktail.certify(WHOLE.outcomes[0], static_secret(1), extension=bytes(EXTENSION_MAX + 1))


def test_signature_is_missing_doubled_or_of_another_scheme() -> None:
    numbered = list(enumerate(WHOLE.signatures, 1))
    with pytest.raises(MissingParticipantError, match="signature of participant 3"):
        cocktail.finish(WHOLE.outcomes[0], numbered[:2])
    with pytest.raises(DuplicateParticipantError):
        cocktail.finish(WHOLE.outcomes[0], [*numbered[:2], numbered[1]])
    with pytest.raises(TranscriptMismatchError) as caught:
        cocktail.finish(WHOLE.outcomes[0], [numbered[0], (2, numbered[0][1]), numbered[2]])
    assert caught.value.participant == 2


# --- certificate and recovery ---


def test_certificate_of_fewer_signatures() -> None:
    with pytest.raises(MissingParticipantError):
        cocktail.check_certificate(replace(WHOLE.certificate, signatures=WHOLE.certificate.signatures[:-64]))


def test_certificate_with_any_byte_altered() -> None:
    transcript, signatures = WHOLE.certificate.transcript, WHOLE.certificate.signatures
    for at in range(0, len(transcript), 7):
        with pytest.raises(CeremonyError):
            cocktail.check_certificate(Certificate(flip(transcript, at), signatures))
    for at in range(0, len(signatures), 7):
        with pytest.raises(TranscriptMismatchError):
            cocktail.check_certificate(Certificate(transcript, flip(signatures, at)))


def test_certificate_signed_by_all_over_a_rogue_contribution() -> None:
    """All sign, but nobody proved to know this contribution: a third party still sees it."""
    honest = parse_transcript(WHOLE.certificate.transcript)
    rogue = replace(honest.contributions[1], ephemeral=base_multiple(scalar_from_int(7)))
    contributions = (honest.contributions[0], rogue, honest.contributions[2])
    transcript = Transcript(honest.setup, contributions).to_bytes()
    signatures = b"".join(schnorr.sign(static_secret(index), transcript) for index in (1, 2, 3))
    with pytest.raises(ProofOfPossessionError, match="participant 2"):
        cocktail.check_certificate(Certificate(transcript, signatures))


@pytest.mark.parametrize(
    "alter",
    [
        lambda t: t + b"\0",
        lambda t: t[:-1],
        lambda t: t.replace(b"Ed25519", b"Ed25518"),
        lambda t: b"\xff" * 8 + t[8:],
        lambda t: t + bytes(600_000),
        lambda t: t[:106] + b"\xff\xff\xff\xff" + t[110:],
    ],
    ids=["longer", "cut", "another suite", "huge length", "flooding", "many participants"],
)
def test_transcript_is_malformed(alter: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedMessageError):
        parse_transcript(alter(WHOLE.certificate.transcript))


def test_recovery_with_the_bundle_of_another_or_a_cut_one() -> None:
    mine, other = WHOLE.outcomes[0], WHOLE.outcomes[1]
    assert cocktail.recover(WHOLE.certificate, static_secret(1), mine.bundle) == mine
    with pytest.raises(DecryptionFailedError):
        cocktail.recover(WHOLE.certificate, static_secret(1), other.bundle)
    for bundle in (mine.bundle[:-1], mine.bundle + b"\0", b""):
        with pytest.raises(MalformedMessageError):
            cocktail.recover(WHOLE.certificate, static_secret(1), bundle)


def test_contributions_that_cancel_each_other_out() -> None:
    """Impossible with proofs of possession unless two conspire; then there must be no key, rather than none."""
    contribution = parsed(1).contribution
    negative = tuple(multiple(scalar_from_int(-1), point) for point in contribution.commitment)
    pair = Setup(SETUP.context, 2, SETUP.statics[:2])
    with pytest.raises(CeremonyError, match="cancel each other out"):
        cocktail._public_outcome(pair, [contribution, replace(contribution, commitment=negative)])


def test_contributions_that_give_one_participant_a_zero() -> None:
    """f(x) = 5 x - 5: participant 1's share is zero, and everybody knows it."""
    commitment = (base_multiple(scalar_from_int(-5)), base_multiple(scalar_from_int(5)))
    with pytest.raises(CeremonyError, match="share is zero"):
        cocktail._public_outcome(SETUP, [replace(parsed(1).contribution, commitment=commitment)])
