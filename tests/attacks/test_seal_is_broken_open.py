"""A seal fits one header, one key and one suite; what is inside is what was committed to; no key is made of another."""

from typing import Any

import pytest

from crypto import canonical, codec, edwards, enc_proof, hpke
from crypto.edwards import ORDER, scalar_from_int, scalar_from_wide, to_x25519
from crypto.errors import SealError, SignatureInvalidError, StatementError
from crypto.submissions import seal_info
from crypto.wire import TYPE_SEALED_TALLY
from tests.attacks.catalogue import attack
from tests.attacks.hostile_sealer import changed, header, honest, opened, sealed_by
from tests.attacks.stage import Scene, payload_of, sealed_of, signed
from tests.crypto.ceremony_fixture import entropy
from tests.crypto.election_fixture import RESULTS
from tests.crypto.test_point_is_of_the_wrong_group import ORDER_8, u_of

NO_PROOF = "does not show that the sealer knows the ephemeral key"


def test_control_seal_of_the_product_opens(scene: Scene) -> None:
    """And so does that of the hostile kit when it plays no trick: nothing below fails for its sake."""
    data, inside = honest(scene.device)
    assert opened(data).tally.contests == RESULTS
    mimicked = sealed_by(scene.device, header(data), inside)
    assert opened(mimicked).tally.contests == RESULTS
    scene.admits(mimicked)


# --- another header ------------------------------------------------------------------------------------------------

WRONG: dict[str, dict[str, Any]] = {
    "election": {"election": "councils-6"},
    "branch": {"branch": "branch-2", "device": "device-2", "terminal": "terminal-2-1"},
    "seq": {"seq": 2, "prev": "00" * 32},
}


@attack("wrong election in info", "wrong branch in info", "wrong seq in info")
@pytest.mark.parametrize("name", WRONG)
def test_seal_is_moved_to_another_header(scene: Scene, name: str) -> None:
    """The ciphertext of one envelope under the header of another, signed by who may sign it."""
    data, _ = honest(scene.device)
    thief = scene.other if name == "branch" else scene.device
    moved = changed(data, thief, **WRONG[name])
    error, reason = (StatementError, "states election") if name == "election" else (SealError, NO_PROOF)
    scene.refuses(moved, error, reason, thief)
    with pytest.raises(SealError, match=r"does not open|does not fit the manifest"):
        opened(moved)
    scene.admits(data)


@attack("wrong election in info", "wrong branch in info", "wrong seq in info")
@pytest.mark.parametrize("name", WRONG)
def test_seal_was_made_for_another_header(scene: Scene, name: str) -> None:
    """A kit that seals for one header and writes another can only spoil its own envelope: it opens to nothing."""
    data, inside = honest(scene.device)
    spoilt = sealed_by(scene.device, header(data), inside, info_of=header(data, **WRONG[name]))
    with pytest.raises(SealError, match="does not open"):
        opened(spoilt)
    assert opened(sealed_by(scene.device, header(data), inside)).tally.contests == RESULTS


@attack("wrong commitment")
def test_header_commits_to_something_else(scene: Scene) -> None:
    """Before the day: one statement is committed to, another is inside."""
    data, inside = honest(scene.device)
    lying = sealed_by(scene.device, header(data, inner_sha256="ab" * 32), inside)
    with pytest.raises(SealError, match="commits to something else"):
        opened(lying)
    one_vote = bytearray(inside)
    one_vote[8 + 1] ^= 1  # a count, behind the 8 bytes of the ballot definition
    with pytest.raises(SealError, match="commits to something else"):
        opened(sealed_by(scene.device, header(data), bytes(one_vote)))
    other_blind = inside[: -128 - 32] + bytes(32) + inside[-128:]
    with pytest.raises(SealError, match="commits to something else"):
        opened(sealed_by(scene.device, header(data), other_blind))
    unsigned = inside[:-64] + bytes(64)
    with pytest.raises(SignatureInvalidError, match="does not fit the message"):
        opened(sealed_by(scene.device, header(data), unsigned))
    assert opened(data).tally.contests == RESULTS


# --- another key ---------------------------------------------------------------------------------------------------

BAD_ENC = {
    "zero": (bytes(32), "of small order"),
    "one": (b"\x01" + bytes(31), "of small order"),
    "order 8": (u_of(ORDER_8), "of small order"),
    "not below the prime": ((2**255 - 18).to_bytes(32, "little"), "not canonical"),
    "top bit": (b"\x09" + bytes(30) + b"\x80", "not canonical"),
    "twist": (b"\x02" + bytes(31), "on the twist"),
}


@attack("enc is 0", "enc is 1", "enc of order 8", "non-canonical enc", "enc on the twist")
@pytest.mark.parametrize("name", BAD_ENC)
def test_enc_that_no_sender_makes(scene: Scene, name: str) -> None:
    """Trustees who answered for such a point would show something of their shares, or seal to everybody."""
    enc, reason = BAD_ENC[name]
    data = scene.device.tally()
    scene.refuses(changed(data, scene.device, enc=codec.b64(enc)), SealError, reason)
    scene.admits(data)


@attack("re-randomised enc of another envelope")
@pytest.mark.parametrize(
    "kind", ["the same", "2 E", "- E", "m E", "E + r B", "m E + r B", "E + P of order 8"]
)
def test_enc_is_made_from_anothers(scene: Scene, kind: str) -> None:
    """The thief logs it as his own; the trustees' answer for his envelope would open the other."""
    victim = scene.device.tally()
    scene.admits(victim)
    enc = codec.unb64(sealed_of(victim).enc)
    point = edwards.from_x25519(enc)
    m, r = (scalar_from_wide(entropy(f"known to the thief alone: {one}", 64)) for one in "mr")
    made = {
        "the same": point,
        "2 E": edwards.multiple(scalar_from_int(2), point),
        "- E": edwards.multiple(scalar_from_int(ORDER - 1), point),
        "m E": edwards.multiple(m, point),
        "E + r B": edwards.add(point, edwards.base_multiple(r)),
        "m E + r B": edwards.add(edwards.multiple(m, point), edwards.base_multiple(r)),
        "E + P of order 8": edwards.add(point, ORDER_8),
    }[kind]
    own = scene.other.tally(entropy="second")
    sealed = sealed_of(own)
    stolen = u_of(made) if kind.endswith("8") else to_x25519(made)
    for guess in (m, r, scalar_from_int(2)):
        proof = enc_proof.prove(
            guess, enc=stolen, info=seal_info(sealed), ciphertext=codec.unb64(sealed.ciphertext)
        )
        for enc_proof_ in (codec.b64(proof), sealed.enc_proof, sealed_of(victim).enc_proof):
            fake = changed(own, scene.other, enc=codec.b64(stolen), enc_proof=enc_proof_)
            reason = "component of small order" if kind.endswith("8") else NO_PROOF
            scene.refuses(fake, SealError, reason, scene.other)
    scene.admits(own, scene.other)


@attack("unknown kid")
def test_key_of_another_election(scene: Scene) -> None:
    data, inside = honest(scene.device)
    for kid in ("election-key-2", "election-key-1x"):
        foreign = sealed_by(scene.device, header(data, kid=kid), inside)
        scene.refuses(foreign, StatementError, f"sealed to key '{kid}'")
        with pytest.raises(SealError, match="but the election key is"):
            opened(foreign)
    scene.admits(data)


@attack("unknown suite")
def test_suite_is_negotiated(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no field for one; and what is sealed in another suite opens in none."""
    data, inside = honest(scene.device)
    payload = payload_of(data)
    named = canonical.encode(codec_value(payload) | {"suite": "0020-0001-0001"})
    scene.refuses(signed(named, TYPE_SEALED_TALLY, scene.device.key), StatementError, "unknown field `suite`")
    with monkeypatch.context() as patch:
        patch.setattr(hpke, "_HPKE_SUITE", b"HPKE\x00\x20\x00\x01\x00\x01")  # ... with AES-128-GCM, it says
        downgraded = sealed_by(scene.device, header(data), inside)
    with pytest.raises(SealError, match="does not open"):
        opened(downgraded)
    assert opened(sealed_by(scene.device, header(data), inside)).tally.contests == RESULTS
    scene.admits(data)


def codec_value(payload: bytes) -> dict[str, Any]:
    value = canonical.decode(payload, max_bytes=1 << 16)
    assert isinstance(value, dict)
    return value


def test_proof_of_anothers_key_is_taken_along(scene: Scene) -> None:
    """A good proof says who sealed, not what for: bound to header and ciphertext, it serves no second envelope."""
    data, inside = honest(scene.device)
    again = sealed_by(scene.device, header(data, seq=2, prev=codec.sha256_hex(data)), inside)
    proof = sealed_of(sealed_by(scene.device, header(data), inside)).enc_proof
    scene.refuses(changed(again, scene.device, enc_proof=proof), SealError, NO_PROOF)
    scene.admits(data)
