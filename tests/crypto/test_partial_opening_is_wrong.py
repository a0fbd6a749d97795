"""Opening by k of n: as good as the one private key, with fewer nothing, and no false answer gets in."""

from dataclasses import replace
from hashlib import sha512
from itertools import combinations
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from crypto import dleq, edwards
from crypto.edwards import (
    IDENTITY,
    ORDER,
    add,
    add_scalars,
    base_multiple,
    multiple,
    polynomial_at,
    scalar_from_int,
)
from crypto.errors import SealError
from crypto.hpke import hpke_open, hpke_open_with_dh, x25519_public
from crypto.trustee_errors import (
    ForeignPartialError,
    ForgedPartialError,
    GroupElementError,
    OpeningError,
    RepeatedTrusteeError,
    TooFewTrusteesError,
    TrusteeKeysError,
    UnknownTrusteeError,
)
from crypto.trustees import (
    PARTIAL_BYTES,
    TRUSTEES_MAX,
    OpeningContext,
    PartialOpening,
    TrusteeKeys,
    TrusteeShare,
    combine,
    partial_opening,
    verify_partial,
)
from tests.crypto.trustee_fixture import CONTEXT, Trustees, deal, from_ceremony, from_polynomial, seal_to
from tests.crypto.vector_files import committed, needs_shared, shared

RFC_9381 = "rfc9381-edwards25519-tai.json"
SUITE_TAI = b"\x03"  # ECVRF-EDWARDS25519-SHA512-TAI
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
TRUSTEES = from_ceremony(2, 3)
ENC, CIPHERTEXT = seal_to(TRUSTEES)
KINDS = [("dealt", 2, 3), ("dealt", 3, 7), ("ceremony", 2, 3), ("ceremony", 3, 5)]
raw_keys = st.binary(min_size=32, max_size=32)


def make(kind: str, threshold: int, participants: int) -> Trustees:
    if kind == "ceremony":
        return from_ceremony(threshold, participants)
    return deal(b"\x11" * 32, threshold, participants)


# --- k of n ---


@pytest.mark.parametrize(("kind", "threshold", "participants"), KINDS)
def test_some_k_of_n_do_not_open_what_the_private_key_opens(
    kind: str, threshold: int, participants: int
) -> None:
    trustees = make(kind, threshold, participants)
    public = trustees.keys.x25519_public
    assert x25519_public(trustees.private) == public
    enc, ciphertext = seal_to(trustees)
    expected = hpke_open(trustees.private, enc, b"info", b"aad", ciphertext)
    assert expected == b"votes"
    answers = trustees.answers(enc, *range(1, participants + 1))
    for chosen in combinations(answers, threshold):
        dh = combine(chosen, threshold, enc)
        assert hpke_open_with_dh(dh, enc, public, b"info", b"aad", ciphertext) == expected
    assert combine(answers[::-1], threshold, enc) == combine(answers, threshold, enc)


@given(private=raw_keys, ephemeral=raw_keys, data=st.data())
def test_dealt_key_answers_differently_than_x25519(
    private: bytes, ephemeral: bytes, data: st.DataObject
) -> None:
    trustees = deal(private, 2, 3)
    assert trustees.keys.x25519_public == x25519_public(private)
    enc = x25519_public(ephemeral)
    chosen = data.draw(st.permutations([1, 2, 3]))[:2]
    dh = combine(trustees.answers(enc, *chosen), 2, enc)
    expected = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(enc))
    assert dh == expected


@pytest.mark.parametrize(("kind", "threshold", "participants"), KINDS)
def test_k_minus_1_trustees_open(kind: str, threshold: int, participants: int) -> None:
    trustees = make(kind, threshold, participants)
    enc, ciphertext = seal_to(trustees)
    for chosen in combinations(range(1, participants + 1), threshold - 1):
        answers = trustees.answers(enc, *chosen)
        with pytest.raises(
            TooFewTrusteesError, match=f"{threshold - 1} trustees answered; {threshold} are needed"
        ):
            combine(answers, threshold, enc)
        dh = combine(answers, threshold - 1, enc)  # as one would who forgets the rule
        with pytest.raises(SealError, match="does not open"):
            hpke_open_with_dh(dh, enc, trustees.keys.x25519_public, b"info", b"aad", ciphertext)
    with pytest.raises(TooFewTrusteesError):
        combine([], threshold, enc)


def test_k_minus_1_shares_say_something_of_the_key() -> None:
    """Trustees 1 and 2 of a 3-of-5 hold the same shares of two different keys: they cannot tell which."""
    zeros = [scalar_from_int(2), scalar_from_int(-3), scalar_from_int(1)]  # (x - 1) (x - 2)
    coefficients = [edwards.scalar_from_wide(bytes([k]) * 64) for k in (1, 2, 3)]
    other = [add_scalars(a, b) for a, b in zip(coefficients, zeros, strict=True)]
    one, two = from_polynomial(coefficients, 5), from_polynomial(other, 5)
    assert one.shares[:2] == two.shares[:2]
    assert one.keys.group_key != two.keys.group_key
    assert one.answers(ENC, 1, 2) == two.answers(ENC, 1, 2)
    assert combine(one.answers(ENC, 1, 2, 3), 3, ENC) != combine(two.answers(ENC, 1, 2, 3), 3, ENC)


def test_one_trustee_answers_twice() -> None:
    (answer,) = TRUSTEES.answers(ENC, 2)
    with pytest.raises(RepeatedTrusteeError, match="two answers of trustee 2") as caught:
        combine([answer, answer], 2, ENC)
    assert caught.value.trustee == 2


def test_answers_for_two_envelopes_are_mixed() -> None:
    other = replace(CONTEXT, envelope_sha256="0c" * 32)
    enc2, _ = seal_to(TRUSTEES, number=2)
    mine, foreign = TRUSTEES.answers(ENC, 1), TRUSTEES.answers(ENC, 2, context=other)
    with pytest.raises(ForeignPartialError, match="trustee 2's answer is for another envelope"):
        combine([*mine, *foreign], 2, ENC)
    with pytest.raises(ForeignPartialError):
        combine([*mine, *TRUSTEES.answers(enc2, 2)], 2, ENC)
    with pytest.raises(ForeignPartialError):
        combine(TRUSTEES.answers(ENC, 1, 2), 2, enc2)


# --- one answer ---


@pytest.mark.parametrize(
    "context",
    [
        replace(CONTEXT, election="demo-1404"),
        replace(CONTEXT, round=2),
        replace(CONTEXT, order_sha256="0c" * 32),
        replace(CONTEXT, envelope_sha256="0c" * 32),
    ],
    ids=["election", "round", "order", "envelope"],
)
def test_answer_is_replayed_for_something_else(context: OpeningContext) -> None:
    partial = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT)
    with pytest.raises(ForeignPartialError, match="trustee 1 answers for something else") as caught:
        verify_partial(partial, ENC, context, TRUSTEES.keys)
    assert caught.value.trustee == 1
    relabelled = replace(partial, context=context.digest(ENC))
    with pytest.raises(ForgedPartialError, match="trustee 1"):
        verify_partial(relabelled, ENC, context, TRUSTEES.keys)


def test_answer_is_for_another_encapsulated_key() -> None:
    enc2, _ = seal_to(TRUSTEES, number=2)
    partial = partial_opening(TRUSTEES.shares[0], enc2, CONTEXT)
    with pytest.raises(ForeignPartialError):
        verify_partial(partial, ENC, CONTEXT, TRUSTEES.keys)
    with pytest.raises(ForgedPartialError):
        verify_partial(replace(partial, context=CONTEXT.digest(ENC)), ENC, CONTEXT, TRUSTEES.keys)


def test_answer_in_the_name_of_another_trustee() -> None:
    partial = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT)
    with pytest.raises(ForgedPartialError, match="trustee 2's answer"):
        verify_partial(replace(partial, trustee=2), ENC, CONTEXT, TRUSTEES.keys)
    for index in (0, 4, 255):
        with pytest.raises(UnknownTrusteeError, match=f"trustee {index}: there are 3"):
            verify_partial(replace(partial, trustee=index), ENC, CONTEXT, TRUSTEES.keys)


def test_answer_with_a_share_of_another_election() -> None:
    other = deal(b"\x22" * 32, 2, 3)
    assert TRUSTEES.shares[0].belongs_to(TRUSTEES.keys)
    assert not other.shares[0].belongs_to(TRUSTEES.keys)
    with pytest.raises(ForgedPartialError):
        verify_partial(partial_opening(other.shares[0], ENC, CONTEXT), ENC, CONTEXT, TRUSTEES.keys)


def test_wrong_answer_with_a_proof_for_the_right_one() -> None:
    partial = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT)
    for answer in (
        add(partial.answer, edwards.from_x25519(ENC)),
        multiple(scalar_from_int(-1), partial.answer),
        partial_opening(TRUSTEES.shares[1], ENC, CONTEXT).answer,
        add(partial.answer, ORDER_8),
        ORDER_8,
        IDENTITY,
        bytes(32),
    ):
        with pytest.raises(ForgedPartialError):
            verify_partial(replace(partial, answer=answer), ENC, CONTEXT, TRUSTEES.keys)


def test_any_byte_of_an_answer_is_altered() -> None:
    data = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT).to_bytes()
    assert len(data) == PARTIAL_BYTES
    assert verify_partial(PartialOpening.from_bytes(data), ENC, CONTEXT, TRUSTEES.keys) in TRUSTEES.answers(
        ENC, 1
    )
    for at in range(len(data)):
        altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((ForgedPartialError, ForeignPartialError, UnknownTrusteeError)):
            verify_partial(PartialOpening.from_bytes(altered), ENC, CONTEXT, TRUSTEES.keys)


def test_proof_has_a_larger_twin() -> None:
    partial = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT)
    larger = int.from_bytes(partial.proof[16:], "little") + ORDER
    twin = partial.proof[:16] + larger.to_bytes(32, "little")
    with pytest.raises(ForgedPartialError):
        verify_partial(replace(partial, proof=twin), ENC, CONTEXT, TRUSTEES.keys)


@pytest.mark.parametrize("size", [0, PARTIAL_BYTES - 1, PARTIAL_BYTES + 1])
def test_answer_of_another_length(size: int) -> None:
    with pytest.raises(OpeningError, match=f"{size} bytes"):
        PartialOpening.from_bytes(bytes(size))
    partial = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT)
    with pytest.raises(ForgedPartialError):
        verify_partial(replace(partial, proof=bytes(size)), ENC, CONTEXT, TRUSTEES.keys)


@pytest.mark.parametrize(
    "enc", [bytes(32), b"\x01" + bytes(31), b"\x02" + bytes(31), b"\xff" * 32, bytes(31)], ids=bytes.hex
)
def test_answer_for_an_encapsulated_key_of_small_order_or_of_the_twist(enc: bytes) -> None:
    with pytest.raises(GroupElementError):
        partial_opening(TRUSTEES.shares[0], enc, CONTEXT)
    partial = partial_opening(TRUSTEES.shares[0], ENC, CONTEXT)
    with pytest.raises(GroupElementError):
        verify_partial(partial, enc, CONTEXT, TRUSTEES.keys)


def test_nonce_repeats_for_another_envelope_or_share() -> None:
    """R = k * B would be the same: from two such proofs anybody computes the share."""
    commitments = set()
    for share in TRUSTEES.shares:
        for context in (CONTEXT, replace(CONTEXT, order_sha256="0c" * 32)):
            proof = partial_opening(share, ENC, context).proof
            c, s = proof[:16] + bytes(16), proof[16:]
            public = TRUSTEES.keys.share_of(share.trustee)
            commitments.add(edwards.subtract(base_multiple(s), multiple(c, public)))
    assert len(commitments) == 6
    assert partial_opening(TRUSTEES.shares[0], ENC, CONTEXT) == partial_opening(
        TRUSTEES.shares[0], ENC, CONTEXT
    )


@pytest.mark.parametrize("field", ["election", "order_sha256", "envelope_sha256"])
def test_context_of_another_form(field: str) -> None:
    changed: dict[str, Any] = {field: "a/b\n"}
    with pytest.raises(OpeningError):
        replace(CONTEXT, **changed)


# --- keys and shares ---


@pytest.mark.parametrize(("threshold", "participants"), [(1, 1), (1, 3), (3, 4), (2, 2)])
def test_threshold_that_lets_one_open_or_few_refuse(threshold: int, participants: int) -> None:
    with pytest.raises(TrusteeKeysError):
        deal(b"\x11" * 32, threshold, participants)


def test_more_trustees_than_the_limit() -> None:
    with pytest.raises(TrusteeKeysError, match="at most"):
        TrusteeKeys(2, IDENTITY, (IDENTITY,) * (TRUSTEES_MAX + 1))


def test_verification_shares_that_are_not_of_one_key() -> None:
    keys = TRUSTEES.keys
    other = base_multiple(scalar_from_int(7))
    with pytest.raises(TrusteeKeysError, match="another group key"):
        replace(keys, group_key=other)
    for at in range(2):
        with pytest.raises(TrusteeKeysError, match="another group key"):
            replace(keys, shares=(*keys.shares[:at], other, *keys.shares[at + 1 :]))
    with pytest.raises(TrusteeKeysError, match="trustee 3's verification share") as caught:
        replace(keys, shares=(*keys.shares[:2], other))
    assert caught.value.trustee == 3
    with pytest.raises(TrusteeKeysError):
        replace(keys, threshold=1)
    for bad in (IDENTITY, ORDER_8, bytes(32), b""):
        with pytest.raises(TrusteeKeysError, match="trustee 2"):
            replace(keys, shares=(keys.shares[0], bad, keys.shares[2]))


def test_verification_shares_of_the_key_zero() -> None:
    """f(x) = x: the shares lie on one polynomial, but the key is the identity, and everybody can open."""
    shares = tuple(base_multiple(scalar_from_int(index)) for index in (1, 2, 3))
    with pytest.raises(TrusteeKeysError, match="the group key"):
        TrusteeKeys(2, IDENTITY, shares)


@pytest.mark.parametrize("participants", [3, 5])
def test_verification_shares_on_a_polynomial_of_lower_degree(participants: int) -> None:
    """Everything fits, and yet any single trustee opens, or any two where the manifest says three."""
    degree = (participants - 1) // 2 - 1
    secrets = [scalar_from_int(7 + power) for power in range(degree + 1)]
    shares = tuple(base_multiple(polynomial_at(secrets, index)) for index in range(1, participants + 1))
    with pytest.raises(TrusteeKeysError, match=f"fewer than {degree + 2} trustees could open"):
        TrusteeKeys(degree + 2, base_multiple(secrets[0]), shares)


@pytest.mark.parametrize(
    ("second", "third", "trustee", "words"),
    [
        (-2, 1, 2, "is the whole key"),  # f(2) = f(0)
        (-3, 1, 2, "is that of trustee 1"),  # f(2) = f(1)
        (-19, 1, 1, "is the whole key"),  # f(1) = -f(0)
    ],
)
def test_one_trustee_has_what_others_have_or_all(second: int, third: int, trustee: int, words: str) -> None:
    secrets = [scalar_from_int(number) for number in (9, second, third)]
    shares = tuple(base_multiple(polynomial_at(secrets, index)) for index in range(1, 6))
    with pytest.raises(TrusteeKeysError, match=words) as caught:
        TrusteeKeys(3, base_multiple(secrets[0]), shares)
    assert caught.value.trustee == trustee


def test_share_that_is_no_scalar_or_of_nobody() -> None:
    with pytest.raises(GroupElementError, match="share of trustee 1"):
        TrusteeShare(1, ORDER.to_bytes(32, "little"))
    for index in (0, TRUSTEES_MAX + 1):
        with pytest.raises(UnknownTrusteeError):
            TrusteeShare(index, bytes(32))
    assert TRUSTEES.shares[0].secret.hex() not in repr(TRUSTEES.shares[0])
    assert repr(TRUSTEES.shares[0].secret) not in repr(TRUSTEES.shares[0])


# --- hpke ---


def test_answer_that_opens_under_other_inputs() -> None:
    dh = combine(TRUSTEES.answers(ENC, 1, 2), 2, ENC)
    inputs = [dh, ENC, TRUSTEES.keys.x25519_public, b"info", b"aad", CIPHERTEXT]
    assert hpke_open_with_dh(*inputs) == b"votes"
    for at, value in enumerate(inputs):
        altered = [*inputs[:at], bytes([value[0] ^ 1]) + value[1:], *inputs[at + 1 :]]
        with pytest.raises(SealError, match="does not open"):
            hpke_open_with_dh(*altered)
    for at in range(3):
        short = [*inputs[:at], bytes(31), *inputs[at + 1 :]]
        with pytest.raises(SealError, match="31 bytes"):
            hpke_open_with_dh(*short)
    with pytest.raises(SealError, match="all zero"):
        hpke_open_with_dh(bytes(32), *inputs[1:])


# --- RFC 9381 ---


def check_rfc9381(vector: dict[str, str]) -> None:
    raw = {name: bytes.fromhex(vector[name]) for name in ("pk", "x", "H", "k", "U", "V", "pi")}
    gamma, proof = raw["pi"][:32], raw["pi"][32:]
    assert dleq.challenge(SUITE_TAI, [raw["pk"], raw["H"], gamma, raw["U"], raw["V"]]) == proof[:16]
    secret = scalar_from_int(int.from_bytes(raw["x"], "little"))
    assert dleq.prove(SUITE_TAI, secret, raw["H"], nonce=raw["k"]) == (gamma, proof)
    assert dleq.is_valid(SUITE_TAI, raw["pk"], raw["H"], gamma, proof)
    for suite in (b"\x04", b"", sha512(SUITE_TAI).digest()):
        assert not dleq.is_valid(suite, raw["pk"], raw["H"], gamma, proof)
    assert not dleq.is_valid(SUITE_TAI, raw["H"], raw["pk"], gamma, proof)


def test_proof_differs_from_the_committed_vectors_of_rfc9381() -> None:
    vectors = committed(RFC_9381)["vectors"]
    assert len(vectors) == 3
    for vector in vectors:
        check_rfc9381(vector)


@needs_shared
def test_proof_differs_from_all_vectors_of_rfc9381() -> None:
    vectors = shared(RFC_9381)["vectors"]
    assert len(vectors) == 3
    for vector in vectors:
        check_rfc9381(vector)


def test_proof_with_a_nonce_or_secret_that_is_none() -> None:
    base = edwards.from_x25519(ENC)
    for bad in (bytes(32), ORDER.to_bytes(32, "little"), bytes(31)):
        with pytest.raises(GroupElementError):
            dleq.prove(b"", bad, base, nonce=scalar_from_int(5))
        with pytest.raises(GroupElementError):
            dleq.prove(b"", scalar_from_int(5), base, nonce=bad)
    with pytest.raises(GroupElementError):
        dleq.prove(b"", scalar_from_int(5), ORDER_8, nonce=scalar_from_int(5))
