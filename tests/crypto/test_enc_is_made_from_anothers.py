"""Somebody logs an envelope whose encapsulated key is made from another's, to have the other opened with his own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import edwards
from crypto.edwards import add, base_multiple, multiple, scalar_from_int, scalar_from_wide, to_x25519
from crypto.errors import SealError
from crypto.hpke import hpke_open_with_dh, x25519_public
from crypto.related_points import MULTIPLE_MAX, SHIFT_MAX, Relation, related_points
from crypto.trustee_errors import GroupElementError
from crypto.trustees import combine
from tests.crypto.ceremony_fixture import entropy
from tests.crypto.trustee_fixture import from_ceremony, seal_to

HONEST = {f"branch-{number}": x25519_public(entropy(f"ephemeral {number}", 32)) for number in range(40)}
VICTIM = edwards.from_x25519(HONEST["branch-7"])


def times(number: int) -> bytes:
    return to_x25519(multiple(scalar_from_int(number), VICTIM))


def test_honest_envelopes_are_accused() -> None:
    assert related_points(HONEST) == ()
    assert related_points({}) == ()


def test_enc_is_used_again() -> None:
    found = related_points(HONEST | {"thief": HONEST["branch-7"], "second thief": HONEST["branch-7"]})
    assert found == (
        Relation("branch-7", "thief", 1, 1, 0),
        Relation("branch-7", "second thief", 1, 1, 0),
    )


@given(number=st.integers(2, MULTIPLE_MAX), sign=st.sampled_from([1, -1]))
def test_enc_is_a_small_multiple(number: int, sign: int) -> None:
    found = related_points({"victim": times(1), "other": HONEST["branch-1"], "thief": times(sign * number)})
    assert found == (Relation("victim", "thief", number, 1, 0),)
    # The other way round: who of the two was first is for the log to say.
    found = related_points({"thief": times(sign * number), "victim": times(1)})
    assert found == (Relation("thief", "victim", 1, number, 0),)


def test_enc_is_a_small_fraction() -> None:
    third = multiple(scalar_from_int(pow(3, -1, edwards.ORDER) * 7), VICTIM)
    assert related_points({"victim": times(1), "thief": to_x25519(third)}) == (
        Relation("victim", "thief", 7, 3, 0),
    )


@pytest.mark.parametrize("shift", range(1, SHIFT_MAX + 1))
@pytest.mark.parametrize("sign", [1, -1])
def test_enc_is_shifted_by_a_small_multiple_of_the_base(shift: int, sign: int) -> None:
    near = add(VICTIM, base_multiple(scalar_from_int(sign * shift)))
    for point in (near, multiple(scalar_from_int(-1), near)):
        found = related_points({"victim": times(1), "thief": to_x25519(point)})
        assert found == (Relation("victim", "thief", 1, 1, shift),)


@pytest.mark.parametrize("what", ["multiple", "shift"])
def test_random_relation_is_not_seen_and_opens_the_other_envelope(what: str) -> None:
    """The limit of looking: why no answer may be given for one envelope before all may be opened."""
    trustees = from_ceremony(2, 3)
    enc, ciphertext = seal_to(trustees, b"the victim's votes")
    known = scalar_from_wide(entropy("known to the thief alone", 64))
    victim = edwards.from_x25519(enc)
    near = multiple(known, victim) if what == "multiple" else add(victim, base_multiple(known))
    thief = to_x25519(near)
    assert related_points({"victim": enc, "thief": thief}) == ()

    # What anyone has after the thief's own envelope alone was opened:
    answers = trustees.answers(thief, 1, 3)
    answer = edwards.interpolate({answer.trustee: answer.answer for answer in answers})
    assert to_x25519(answer) == combine(answers, 2, thief)
    if what == "multiple":
        inverse = pow(int.from_bytes(known, "little"), -1, edwards.ORDER)
        candidates = [multiple(scalar_from_int(inverse), answer)]
    else:
        step = multiple(known, trustees.keys.group_key)
        candidates = [edwards.subtract(answer, step), add(answer, step)]  # u forgets the sign of ``near``
    opened = []
    for candidate in map(to_x25519, candidates):
        try:
            public = trustees.keys.x25519_public
            opened.append(hpke_open_with_dh(candidate, enc, public, b"info", b"aad", ciphertext))
        except SealError:
            continue
    assert opened == [b"the victim's votes"]


def test_unusable_enc_is_named() -> None:
    with pytest.raises(GroupElementError, match=r"envelope thief: .* of small order"):
        related_points({"victim": times(1), "thief": bytes(32)})
