"""Somebody logs an envelope whose encapsulated key is made from another's, to have the other opened with his own."""

from hashlib import sha256, sha512
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from crypto import codec, edwards, enc_proof, envelope
from crypto.edwards import ORDER, add, base_multiple, multiple, scalar_from_int, scalar_from_wide, to_x25519
from crypto.election_key_rules import board_keys
from crypto.envelope import Envelope
from crypto.errors import SealError, StatementError
from crypto.hpke import x25519_public
from crypto.related_points import MULTIPLE_MAX, SHIFT_MAX, Relation, related_points
from crypto.seal import open_tally_with_answer, seal_tally
from crypto.statements import SealedTally
from crypto.submissions import check_submission, seal_info
from crypto.trustee_errors import GroupElementError
from crypto.trustees import OpeningContext, combine, partial_opening, verify_partial
from crypto.wire import TYPE_SEALED_TALLY
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.ceremony_fixture import entropy
from tests.crypto.election_fixture import make_election, seed_of
from tests.crypto.test_point_is_of_the_wrong_group import ORDER_8, clamped, u_of

WORLD = make_election(branches=3, opening="trustees", standbys=1)
MANIFEST = WORLD.loaded
BOARD = WORLD.manifest.election_key.board
assert BOARD is not None
KEYS = board_keys(BOARD)


def seal(branch: str = "branch-1", *, ephemeral: bytes = seed_of("ephemeral"), **changes: Any) -> bytes:
    submission = structs.replace(WORLD.submission(branch), **changes)
    return seal_tally(
        submission,
        tally_envelope=WORLD.signed_by_terminal(WORLD.tally(branch)),
        blind=seed_of("blind"),
        device_key=WORLD.devices[submission.device],
        manifest=MANIFEST,
        ephemeral=ephemeral,
    )


def read(data: bytes) -> SealedTally:
    return codec.from_bytes(Envelope.from_bytes(data).payload, SealedTally)


def signed(statement: SealedTally) -> bytes:
    """By the device that it names: a kit that is hostile or in hostile hands."""
    key = WORLD.devices[statement.device]
    return envelope.sign(TYPE_SEALED_TALLY, codec.to_bytes(statement), [key]).to_bytes()


VICTIM = read(seal())
VICTIM_ENC, VICTIM_PROOF, VICTIM_CIPHERTEXT = (
    codec.unb64(one) for one in (VICTIM.enc, VICTIM.enc_proof, VICTIM.ciphertext)
)
POINT = edwards.from_x25519(VICTIM_ENC)
STATEMENT = {"enc": VICTIM_ENC, "info": seal_info(VICTIM), "ciphertext": VICTIM_CIPHERTEXT}


# --- the attack, and its end --------------------------------------------------------------------------------------

M, R = (scalar_from_wide(entropy(f"known to the thief alone: {one}", 64)) for one in "mr")


def made_from_the_victims(m: bytes | None, r: bytes | None) -> tuple[bytes, bytes]:
    """``m * E + r * B`` as a point and as an encapsulated key."""
    point = multiple(m, POINT) if m else POINT
    point = add(point, base_multiple(r)) if r else point
    return point, to_x25519(point)


def answer_for(enc: bytes) -> bytes:
    """What two trustees together say for an ``enc``, whoever made it: the group element."""
    answers = [multiple(share.secret, edwards.from_x25519(enc)) for share in WORLD.shares[:2]]
    return edwards.interpolate(dict(enumerate(answers, 1)))


@pytest.mark.parametrize(("m", "r"), [(M, None), (None, R), (M, R)], ids=["multiple", "shift", "both"])
def test_an_answer_for_the_thiefs_key_would_open_the_victims_envelope(
    m: bytes | None, r: bytes | None
) -> None:
    """Why the proof must be there: no look at the two keys shows it, and the trustees' answer gives all away."""
    _, enc = made_from_the_victims(m, r)
    assert related_points({"victim": VICTIM_ENC, "thief": enc}) == ()
    inverse = scalar_from_int(pow(int.from_bytes(m, "little"), -1, ORDER)) if m else scalar_from_int(1)
    step = multiple(r, KEYS.group_key) if r else edwards.IDENTITY
    opened = []
    for step_back in (edwards.subtract, edwards.add):  # u forgets the sign of the thief's point
        candidate = to_x25519(multiple(inverse, step_back(answer_for(enc), step)))
        try:
            opened.append(open_tally_with_answer(VICTIM, candidate, MANIFEST).tally)
        except SealError:
            continue
    assert WORLD.tally("branch-1") in opened


def forged_proofs(m: bytes | None, r: bytes | None, statement: SealedTally) -> dict[str, bytes]:
    """What a thief who knows m and r, but not e, can try for ``m * E + r * B`` under this header."""
    point, enc = made_from_the_victims(m, r)
    info, ciphertext = seal_info(statement), codec.unb64(statement.ciphertext)
    c, s = VICTIM_PROOF[:16], VICTIM_PROOF[16:]
    m, r = m or scalar_from_int(1), r or scalar_from_int(0)
    carried_over = edwards.add_scalars(
        edwards.multiply_scalars(m, s), edwards.multiply_scalars(c + bytes(16), r)
    )
    proofs = {
        "none": bytes(enc_proof.PROOF_BYTES),
        "the victim's": VICTIM_PROOF,
        "the victim's, carried over": c + carried_over,
        "of m": enc_proof.prove(m, enc=enc, info=info, ciphertext=ciphertext),
        "of r": enc_proof.prove(r, enc=enc, info=info, ciphertext=ciphertext),
    }
    # Challenge and response first, commitment after them: fine as a simulation, but then the hash is another one.
    for label in ("one", "two"):
        c, s = entropy(f"challenge {label}", 16), scalar_from_wide(entropy(f"response {label}", 64))
        commitment = edwards.subtract(base_multiple(s), multiple(c + bytes(16), point))
        digest = sha256(ciphertext).digest()
        proofs[f"simulated, {label}"] = enc_proof._challenge(enc, commitment, info, digest) + s
    return proofs


@pytest.mark.parametrize("name", forged_proofs(M, R, VICTIM))
@pytest.mark.parametrize(
    ("m", "r"),
    [
        (scalar_from_int(2), None),
        (scalar_from_int(-1), None),
        (None, scalar_from_int(1)),
        (M, None),
        (None, R),
        (M, R),
    ],
    ids=["2E", "-E", "E+B", "mE", "E+rB", "mE+rB"],
)
def test_an_envelope_with_a_key_made_from_anothers_is_refused(
    m: bytes | None, r: bytes | None, name: str
) -> None:
    _, enc = made_from_the_victims(m, r)
    stolen = structs.replace(read(seal("branch-2")), enc=codec.b64(enc))
    proof = forged_proofs(m, r, stolen)[name]
    with pytest.raises(SealError, match="does not show that the sealer knows the ephemeral key"):
        check_submission(signed(structs.replace(stolen, enc_proof=codec.b64(proof))), MANIFEST)


@pytest.mark.parametrize("thief", ["branch-2", "branch-1"])
def test_key_and_proof_of_another_envelope_are_refused(thief: str) -> None:
    """As a whole, under another branch's header; and by the same device under its own next number."""
    own = read(seal(thief, seq=2))
    for names in (("enc", "enc_proof"), ("enc", "enc_proof", "ciphertext")):
        taken = structs.replace(own, **{name: getattr(VICTIM, name) for name in names})
        with pytest.raises(SealError, match="does not show"):
            check_submission(signed(taken), MANIFEST)


def test_an_envelope_without_proof_is_refused() -> None:
    payload = codec.to_bytes(VICTIM)
    field = b'"enc_proof":"%b",' % VICTIM.enc_proof.encode()
    assert field in payload
    data = envelope.sign(TYPE_SEALED_TALLY, payload.replace(field, b""), [WORLD.devices["device-1"]])
    with pytest.raises(StatementError, match="enc_proof"):
        check_submission(data.to_bytes(), MANIFEST)
    for size in (0, 47, 49):
        short = structs.replace(VICTIM, enc_proof=codec.b64(bytes(size)))
        with pytest.raises(StatementError, match=f"enc_proof of the sealed tally has {size} bytes"):
            check_submission(signed(short), MANIFEST)


@pytest.mark.parametrize(
    ("enc", "reason"),
    [
        (bytes(32), "of small order"),
        (b"\x01" + bytes(31), "of small order"),
        (u_of(ORDER_8), "of small order"),
        (u_of(edwards.add(POINT, ORDER_8)), "component of small order"),
        (b"\x02" + bytes(31), "on the twist"),
        (VICTIM_ENC[:31] + bytes([VICTIM_ENC[31] | 0x80]), "not canonical"),
    ],
)
def test_an_envelope_with_a_key_that_no_sender_makes_is_refused(enc: bytes, reason: str) -> None:
    with pytest.raises(SealError, match=reason):
        check_submission(signed(structs.replace(VICTIM, enc=codec.b64(enc))), MANIFEST)


# --- the proof itself ---------------------------------------------------------------------------------------------


def test_any_flipped_bit_of_the_proof_is_refused() -> None:
    enc_proof.verify(VICTIM_PROOF, **STATEMENT)
    for bad in every_bit_flipped(VICTIM_PROOF):
        assert not enc_proof.is_valid(bad, **STATEMENT)


@pytest.mark.parametrize("name", STATEMENT)
def test_the_proof_is_for_something_else(name: str) -> None:
    for place in range(0, len(STATEMENT[name]), 5):
        data = STATEMENT[name]
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert not enc_proof.is_valid(VICTIM_PROOF, **STATEMENT | {name: changed})


def test_the_proof_has_a_second_form() -> None:
    s = int.from_bytes(VICTIM_PROOF[16:], "little")
    assert not enc_proof.is_valid(VICTIM_PROOF[:16] + (s + ORDER).to_bytes(32, "little"), **STATEMENT)
    for other in (bytes(48), VICTIM_PROOF[:16] + bytes(32), VICTIM_PROOF + b"\0", VICTIM_PROOF[:-1], b""):
        assert not enc_proof.is_valid(other, **STATEMENT)


@given(st.binary(min_size=32, max_size=32))
def test_an_honest_sealer_is_refused(ephemeral: bytes) -> None:
    statement = STATEMENT | {"enc": x25519_public(ephemeral)}
    proof = enc_proof.prove(ephemeral, **statement)
    assert enc_proof.is_valid(proof, **statement)
    assert proof == enc_proof.prove(ephemeral, **statement)


def test_either_sign_of_the_point_is_provable() -> None:
    keys = [entropy(f"ephemeral {number}", 32) for number in range(16)]
    assert {base_multiple(clamped(key))[-1] >> 7 for key in keys} == {0, 1}
    for key in keys:
        statement = STATEMENT | {"enc": x25519_public(key)}
        assert enc_proof.is_valid(enc_proof.prove(key, **statement), **statement)


def test_two_proofs_of_one_key_show_the_key() -> None:
    """They would, with one nonce: (s1 - s2) / (c1 - c2) is the key."""
    one = VICTIM_PROOF
    for name, value in (("info", bytes(32)), ("ciphertext", VICTIM_CIPHERTEXT[:-1] + b"\0")):
        two = enc_proof.prove(seed_of("ephemeral"), **STATEMENT | {name: value})
        (c1, s1), (c2, s2) = (
            (int.from_bytes(p[:16], "little"), int.from_bytes(p[16:], "little")) for p in (one, two)
        )
        shown = (s1 - s2) * pow(c1 - c2, -1, ORDER) % ORDER
        key = int.from_bytes(clamped(seed_of("ephemeral")), "little")
        assert shown not in (key, ORDER - key)


FIELD = 2**255 - 19
D = -121665 * pow(121666, -1, FIELD) % FIELD


def sum_of(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    """RFC 8032 §5.1.4 in affine coordinates."""
    (x1, y1), (x2, y2) = left, right
    t = D * x1 * x2 * y1 * y2 % FIELD
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, FIELD) % FIELD
    return x, (y1 * y2 + x1 * x2) * pow(1 - t, -1, FIELD) % FIELD


def times(number: int, point: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    while number:
        if number & 1:
            result = sum_of(result, point)
        point, number = sum_of(point, point), number >> 1
    return result


def even_x(y: int) -> tuple[int, int]:
    """RFC 8032 §5.1.3."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    assert x * x % FIELD == square
    return (x if x % 2 == 0 else FIELD - x), y


def test_a_second_verifier_written_from_the_text_disagrees() -> None:
    """Plain integers and nothing of ours: what a stranger would write."""
    base = even_x(4 * pow(5, -1, FIELD) % FIELD)
    u = int.from_bytes(VICTIM_ENC, "little")
    point = even_x((u - 1) * pow(u + 1, -1, FIELD) % FIELD)
    c, s = VICTIM_PROOF[:16], VICTIM_PROOF[16:]
    minus_c = ORDER - int.from_bytes(c, "little")
    x, y = sum_of(times(int.from_bytes(s, "little"), base), times(minus_c, point))
    commitment = (y | (x & 1) << 255).to_bytes(32, "little")
    text = b"branch-kit/sealed-tally/enc-proof/v1/challenge\x02" + VICTIM_ENC + commitment
    text += seal_info(VICTIM) + sha256(VICTIM_CIPHERTEXT).digest() + b"\x00"
    assert sha512(text).digest()[:16] == c


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_ephemeral_key_of_another_length_proves_nothing(length: int) -> None:
    with pytest.raises(SealError, match=f"{length} bytes"):
        enc_proof.prove(bytes(length), **STATEMENT)


def test_trustees_open_what_carries_a_proof() -> None:
    sealed = check_submission(seal(), MANIFEST)
    context = OpeningContext("councils-7", 1, "0a" * 32, sealed.sha256)
    partials = [
        verify_partial(partial_opening(share, VICTIM_ENC, context), VICTIM_ENC, context, KEYS)
        for share in WORLD.shares[1:]
    ]
    answer = combine(partials, KEYS.threshold, VICTIM_ENC)
    assert open_tally_with_answer(VICTIM, answer, MANIFEST).tally == WORLD.tally("branch-1")
    with pytest.raises(SealError, match="does not open"):
        open_tally_with_answer(VICTIM, to_x25519(answer_for(x25519_public(seed_of("x")))), MANIFEST)


# --- keys that are related although each sealer knows his own: a copied device, a broken source of randomness -------

HONEST = {f"branch-{number}": x25519_public(entropy(f"ephemeral {number}", 32)) for number in range(40)}
SEVENTH = edwards.from_x25519(HONEST["branch-7"])


def multiple_of_the_seventh(number: int) -> bytes:
    return to_x25519(multiple(scalar_from_int(number), SEVENTH))


def test_a_device_that_seals_twice_with_one_key_is_not_flagged() -> None:
    """Both envelopes are good: whoever has the device's key and memory made them. That there are two is the news."""
    both = [check_submission(data, MANIFEST) for data in (seal(), seal(seq=2))]
    assert isinstance(both[0].statement, SealedTally)
    assert isinstance(both[1].statement, SealedTally)
    points = {
        one.sha256: codec.unb64(one.statement.enc) for one in both if isinstance(one.statement, SealedTally)
    }
    assert related_points(points) == (Relation(both[0].sha256, both[1].sha256, 1, 1, 0),)


def x25519_key(scalar: int) -> bytes:
    """The X25519 private key that acts as a scalar or its negative: a multiple of 8 with bit 254 set."""
    number = scalar * pow(8, -1, ORDER) % ORDER * 8
    number = number if number >> 254 == 1 else 8 * ORDER - number
    assert number >> 254 == 1
    return number.to_bytes(32, "little")


@pytest.mark.parametrize("number", [2, 3, 7])
def test_a_multiple_by_somebody_who_knows_the_key_is_not_flagged(number: int) -> None:
    """It has its proof, rightly: he who knows the first key can read the first tally without any trustee."""
    key = int.from_bytes(clamped(seed_of("ephemeral")), "little")
    second = check_submission(seal("branch-2", ephemeral=x25519_key(number * key)), MANIFEST)
    assert isinstance(second.statement, SealedTally)
    enc = codec.unb64(second.statement.enc)
    assert enc == to_x25519(multiple(scalar_from_int(number), POINT))
    assert related_points({"first": VICTIM_ENC, "second": enc}) == (
        Relation("first", "second", number, 1, 0),
    )


def test_honest_envelopes_are_accused() -> None:
    assert related_points(HONEST) == ()
    assert related_points({}) == ()


def test_enc_is_used_again() -> None:
    found = related_points(HONEST | {"copy": HONEST["branch-7"], "second copy": HONEST["branch-7"]})
    assert found == (
        Relation("branch-7", "copy", 1, 1, 0),
        Relation("branch-7", "second copy", 1, 1, 0),
    )


@given(number=st.integers(2, MULTIPLE_MAX), sign=st.sampled_from([1, -1]))
def test_enc_is_a_small_multiple(number: int, sign: int) -> None:
    near = multiple_of_the_seventh(sign * number)
    seventh = multiple_of_the_seventh(1)
    found = related_points({"first": seventh, "other": HONEST["branch-1"], "second": near})
    assert found == (Relation("first", "second", number, 1, 0),)
    # The other way round: who of the two was first is for the log to say.
    found = related_points({"second": near, "first": seventh})
    assert found == (Relation("second", "first", 1, number, 0),)


def test_enc_is_a_small_fraction() -> None:
    third = multiple(scalar_from_int(pow(3, -1, edwards.ORDER) * 7), SEVENTH)
    assert related_points({"first": multiple_of_the_seventh(1), "second": to_x25519(third)}) == (
        Relation("first", "second", 7, 3, 0),
    )


@pytest.mark.parametrize("shift", range(1, SHIFT_MAX + 1))
@pytest.mark.parametrize("sign", [1, -1])
def test_enc_is_shifted_by_a_small_multiple_of_the_base(shift: int, sign: int) -> None:
    near = add(SEVENTH, base_multiple(scalar_from_int(sign * shift)))
    for point in (near, multiple(scalar_from_int(-1), near)):
        found = related_points({"first": multiple_of_the_seventh(1), "second": to_x25519(point)})
        assert found == (Relation("first", "second", 1, 1, shift),)


def test_ephemeral_keys_that_count_upwards_are_not_flagged() -> None:
    """A source of randomness that is a counter: clamping leaves steps of 8."""
    first = seed_of("a counter")
    second = (int.from_bytes(first, "little") + 8).to_bytes(32, "little")
    points = {"first": x25519_public(first), "second": x25519_public(second)}
    assert related_points(points) == (Relation("first", "second", 1, 1, 8),)


def test_unusable_enc_is_named() -> None:
    with pytest.raises(GroupElementError, match=r"envelope second: .* of small order"):
        related_points({"first": multiple_of_the_seventh(1), "second": bytes(32)})
