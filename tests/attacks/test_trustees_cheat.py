"""Fewer than k open nothing, and no false answer is combined: each is refused under the name of its trustee."""

from dataclasses import replace

import pytest

from crypto import codec, edwards
from crypto.edwards import ORDER, scalar_from_int
from crypto.errors import SealError
from crypto.seal import open_tally_with_answer
from crypto.trustee_errors import (
    ForeignPartialError,
    ForgedPartialError,
    RepeatedTrusteeError,
    TooFewTrusteesError,
    UnknownTrusteeError,
)
from crypto.trustees import TrusteeShare, combine, partial_opening, verify_partial
from tests.attacks.catalogue import attack
from tests.attacks.hostile_sealer import KEYS, answers, context, opened
from tests.attacks.stage import ELECTION, Scene, sealed_of
from tests.crypto.election_fixture import RESULTS


@pytest.fixture
def logged(scene: Scene) -> bytes:
    """An envelope that the centre admitted, and that the trustees can open: the control of all tests here."""
    data = scene.device.tally()
    scene.admits(data)
    assert opened(data).tally.contests == RESULTS
    return data


def enc_of(data: bytes) -> bytes:
    return codec.unb64(sealed_of(data).enc)


@attack("k-1 trustees")
@pytest.mark.parametrize("trustee", [1, 2, 3])
def test_one_trustee_of_two_opens(logged: bytes, trustee: int) -> None:
    (alone,) = answers(logged, trustee)
    with pytest.raises(TooFewTrusteesError, match="1 trustees answered; 2 are needed"):
        combine([alone], KEYS.threshold, enc_of(logged))
    with pytest.raises(RepeatedTrusteeError, match=f"two answers of trustee {trustee}"):
        combine([alone, alone], KEYS.threshold, enc_of(logged))
    counted_down = combine([alone], 1, enc_of(logged))  # by a program that forgot the rule
    with pytest.raises(SealError, match="does not open"):
        open_tally_with_answer(sealed_of(logged), counted_down, ELECTION.loaded)


@attack("wrong partial")
def test_trustee_answers_with_another_share(logged: bytes) -> None:
    """A share that is off by one, a share of nobody, and an answer that was changed afterwards."""
    share = ELECTION.shares[1]
    off = edwards.add_scalars(share.secret, scalar_from_int(1))
    for secret in (off, scalar_from_int(5), scalar_from_int(ORDER - 1)):
        wrong = partial_opening(TrusteeShare(2, secret), enc_of(logged), context(logged))
        with pytest.raises(ForgedPartialError, match="trustee 2's answer") as caught:
            verify_partial(wrong, enc_of(logged), context(logged), KEYS)
        assert caught.value.trustee == 2
    good = partial_opening(share, enc_of(logged), context(logged))
    moved = replace(good, answer=edwards.add(good.answer, edwards.base_multiple(scalar_from_int(1))))
    for bad in (moved, replace(good, answer=edwards.IDENTITY), replace(good, proof=bytes(48))):
        with pytest.raises(ForgedPartialError, match="trustee 2's answer"):
            verify_partial(bad, enc_of(logged), context(logged), KEYS)
    with pytest.raises(UnknownTrusteeError):
        verify_partial(replace(good, trustee=4), enc_of(logged), context(logged), KEYS)
    verify_partial(good, enc_of(logged), context(logged), KEYS)


@attack("DLEQ proof replayed")
def test_proof_is_shown_again_for_another_envelope_or_order(scene: Scene, logged: bytes) -> None:
    share = ELECTION.shares[0]
    good = partial_opening(share, enc_of(logged), context(logged))
    other = scene.other.tally(entropy="second")
    places = {
        "another envelope": (enc_of(other), context(other)),
        "another envelope of the same enc": (enc_of(logged), context(other)),
        "another order": (enc_of(logged), context(logged, order_sha256="0c" * 32)),
    }
    for enc, about in places.values():
        with pytest.raises(ForeignPartialError, match="trustee 1 answers for something else"):
            verify_partial(good, enc, about, KEYS)
        relabelled = replace(good, context=about.digest(enc))
        with pytest.raises(ForgedPartialError, match="trustee 1's answer"):
            verify_partial(relabelled, enc, about, KEYS)
    verify_partial(good, enc_of(logged), context(logged), KEYS)


@attack("DLEQ proof of another trustee")
def test_answer_of_one_trustee_counts_for_two(logged: bytes) -> None:
    """Else a single trustee, under two names, would be a quorum."""
    mine = partial_opening(ELECTION.shares[0], enc_of(logged), context(logged))
    for name in (2, 3):
        with pytest.raises(ForgedPartialError, match=f"trustee {name}'s answer") as caught:
            verify_partial(replace(mine, trustee=name), enc_of(logged), context(logged), KEYS)
        assert caught.value.trustee == name
    second = partial_opening(ELECTION.shares[1], enc_of(logged), context(logged))
    with pytest.raises(ForgedPartialError):
        verify_partial(replace(second, proof=mine.proof), enc_of(logged), context(logged), KEYS)
    verify_partial(second, enc_of(logged), context(logged), KEYS)
