"""Who signed what: no signature speaks for another type, another key, another person or another time."""

import json
from dataclasses import replace
from typing import Any, Final

import nacl.bindings as sodium
import pytest
from msgspec import structs

from crypto import canonical, codec, envelope, merkle
from crypto.envelope import Envelope, Signature
from crypto.errors import ManifestError, ProofError, SealError, SignatureInvalidError, StatementError
from crypto.journal_note import JournalName, JournalNote, epoch_key, open_by_epoch, sign_note
from crypto.manifest import load
from crypto.notes import Checkpoint
from crypto.orders import check_order
from crypto.statements import EnrolledKey, Manifest
from crypto.wire import (
    TYPE_ACCOUNT_SUBMISSION,
    TYPE_MANIFEST,
    TYPE_ORDER,
    TYPE_SEALED_TALLY,
    TYPE_TALLY,
)
from kit.events import OrderReceived
from tests.attacks.catalogue import attack
from tests.attacks.stage import ELECTION, Scene, payload_of, replaced, sealed_of, signed
from tests.crypto.election_fixture import Election, key_of, seed_of
from tests.kit.staff import order, standing_in

GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493  # RFC 8032 §5.1
POINT_OF_ORDER_8: Final = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def with_signatures(data: bytes, *signatures: Signature) -> bytes:
    """The envelope with other signatures, as an attacker writes it: nothing is checked."""
    value: dict[str, Any] = json.loads(data)
    value["signatures"] = [{"keyid": one.keyid, "sig": codec.b64(one.sig)} for one in signatures]
    return canonical.encode(value)


def signatures_of(data: bytes) -> tuple[Signature, ...]:
    return Envelope.from_bytes(data).signatures


# --- what was signed -----------------------------------------------------------------------------------------------


@attack("payload type confusion")
def test_statement_is_shown_as_another_kind(scene: Scene) -> None:
    data = scene.device.tally()
    other = replaced(data, TYPE_SEALED_TALLY.encode(), TYPE_ACCOUNT_SUBMISSION.encode())
    scene.refuses(other, SignatureInvalidError, "does not fit the message")
    under_both = signed(payload_of(data), TYPE_ACCOUNT_SUBMISSION, scene.device.key)
    scene.refuses(under_both, StatementError, "AccountSubmission")
    report = scene.election.signed_by_terminal(scene.election.tally("branch-1")).to_bytes()
    for foreign in (
        signed(payload_of(data), TYPE_TALLY, scene.device.key),
        report,
        scene.election.order("branch-1", "close"),
    ):
        scene.refuses(foreign, StatementError, "is no type of submission")
    scene.admits(data)


# --- by whom -------------------------------------------------------------------------------------------------------


@attack("one key counted twice")
def test_one_official_is_two(scene: Scene) -> None:
    """Twice in one envelope; as one person under two names; and handed in twice at the kit."""
    one, _ = (scene.election.officials[name] for name in scene.election.officials_of("branch-1"))
    data = scene.election.order("branch-1", "close")
    (mine,) = (signature for signature in signatures_of(data) if signature.keyid == one.key_id)
    with pytest.raises(SignatureInvalidError, match="each once"):
        check_order(with_signatures(data, mine, mine), scene.election.loaded, "branch-1")
    renamed = replace_sig(mine, keyid="f" * 32)
    with pytest.raises(SignatureInvalidError, match="not trusted"):
        check_order(with_signatures(data, mine, renamed), scene.election.loaded, "branch-1")
    assert len(check_order(data, scene.election.loaded, "branch-1").officials) == 2

    branch = standing_in("zeroed")
    branch.advance(24 * 3_600_000)
    alone = branch.election.order(
        branch.name, "open", branch.station.day.state.serial + 1, signers=["official-1-executive"]
    )
    for _ in range(3):
        answer = branch.ask(lambda token: OrderReceived(alone, token))
        assert not answer.get("accepted"), answer
    assert branch.phase == "zeroed"
    assert order(branch, "open").get("accepted")


@attack("one key counted twice")
def test_one_manifest_key_makes_a_quorum() -> None:
    first = ELECTION.manifest_keys[0]
    payload = payload_of(ELECTION.manifest_bytes)
    mine = Signature(first.key_id, first.sign(envelope.pae(TYPE_MANIFEST, payload)))
    twice = with_signatures(ELECTION.manifest_bytes, mine, mine)
    with pytest.raises(SignatureInvalidError, match="each once"):
        load(twice, trusted=ELECTION.trusted, threshold=2)
    aliased = dict(ELECTION.trusted) | {"0" * 32: first.public}
    both = with_signatures(ELECTION.manifest_bytes, *sorted([mine, replace_sig(mine, keyid="0" * 32)]))
    with pytest.raises(SignatureInvalidError, match="not trusted"):
        load(both, trusted=aliased, threshold=2)
    with pytest.raises(SignatureInvalidError, match="1 signatures: 2 are needed"):
        load(with_signatures(ELECTION.manifest_bytes, mine), trusted=ELECTION.trusted, threshold=2)
    load(ELECTION.manifest_bytes, trusted=ELECTION.trusted, threshold=2)


def replace_sig(signature: Signature, **changes: Any) -> Signature:
    return replace(signature, **changes)


@attack("S + L malleability")
def test_signature_is_bent_into_a_second_one(scene: Scene) -> None:
    """The same signature to a careless verifier: the envelope would have a second hash, leaf and receipt."""
    data = scene.device.tally()
    (mine,) = signatures_of(data)
    scalar = int.from_bytes(mine.sig[32:], "little") + GROUP_ORDER
    bent = replace_sig(mine, sig=mine.sig[:32] + scalar.to_bytes(32, "little"))
    scene.refuses(with_signatures(data, bent), SignatureInvalidError, "does not fit the message")
    scene.admits(data)


@attack("unknown signer")
def test_stranger_signs(scene: Scene) -> None:
    payload = payload_of(scene.device.tally())
    stranger = signed(payload, TYPE_SEALED_TALLY, key_of("stranger"))
    scene.refuses(stranger, ManifestError, "defines no device key")
    terminal = signed(payload, TYPE_SEALED_TALLY, scene.election.terminals["terminal-1-1"])
    scene.refuses(terminal, ManifestError, "defines no device key")
    helped = signed(payload, TYPE_SEALED_TALLY, scene.device.key, key_of("stranger"))
    scene.refuses(helped, (SignatureInvalidError, ManifestError), "not trusted|defines no device key")
    scene.admits(signed(payload, TYPE_SEALED_TALLY, scene.device.key))


@attack("swapped key id")
def test_signature_under_anothers_name(scene: Scene) -> None:
    data = scene.device.tally()
    (mine,) = signatures_of(data)
    for name in (scene.other.key.key_id, scene.device.key.key_id[::-1]):
        swapped = with_signatures(data, replace_sig(mine, keyid=name))
        scene.refuses(
            swapped, (SignatureInvalidError, ManifestError), "does not fit the message|defines no device"
        )
    both = scene.election.order("branch-1", "close")
    first, second = signatures_of(both)
    crossed = with_signatures(both, replace_sig(first, sig=second.sig), replace_sig(second, sig=first.sig))
    with pytest.raises(SignatureInvalidError, match="does not fit the message"):
        check_order(crossed, scene.election.loaded, "branch-1")
    check_order(both, scene.election.loaded, "branch-1")
    scene.admits(data)


@attack("strip and re-sign")
def test_thief_puts_his_own_signature_under_anothers_work(scene: Scene) -> None:
    data = scene.device.tally()
    stolen = signed(payload_of(data), TYPE_SEALED_TALLY, scene.other.key)
    scene.refuses(stolen, SignatureInvalidError, "signed by device 'device-2' in the name of 'device-1'")
    renamed = sealed_of(scene.other.tally())
    taken = structs.replace(
        renamed, **{field: getattr(sealed_of(data), field) for field in ("enc", "enc_proof", "ciphertext")}
    )
    scene.refuses(
        signed(codec.to_bytes(taken), TYPE_SEALED_TALLY, scene.other.key),
        SealError,
        "does not show that the sealer knows",
        scene.other,
    )
    both = scene.election.order("branch-1", "close")
    kept = signatures_of(both)[0]
    mallory = Signature(
        key_of("mallory").key_id, key_of("mallory").sign(envelope.pae(TYPE_ORDER, payload_of(both)))
    )
    with pytest.raises(SignatureInvalidError, match="not trusted"):
        check_order(with_signatures(both, *sorted([kept, mallory])), scene.election.loaded, "branch-1")
    scene.admits(data)


@attack("zero signatures")
def test_nobody_signs(scene: Scene) -> None:
    data = scene.device.tally()
    scene.refuses(with_signatures(data), StatementError, "length >= 1")
    with pytest.raises(StatementError, match="length >= 1"):
        load(with_signatures(ELECTION.manifest_bytes), trusted=ELECTION.trusted, threshold=2)
    with pytest.raises(ValueError, match="would accept an unsigned envelope"):
        load(ELECTION.manifest_bytes, trusted=ELECTION.trusted, threshold=0)
    scene.admits(data)


# --- under which enrolment -----------------------------------------------------------------------------------------


def enrolled_anew(public: bytes, version: int = 2) -> Manifest:
    """The manifest with another key for device 1."""
    devices = tuple(
        EnrolledKey(id=one.id, public_key=codec.b64(public)) if one.id == "device-1" else one
        for one in ELECTION.manifest.devices
    )
    return structs.replace(ELECTION.manifest, devices=devices, version=version)


def second_version() -> Election:
    """The election after device 1 got a new key."""
    key = key_of("device-1, second key")
    data = ELECTION.sign_unchecked(enrolled_anew(key.public))
    loaded = load(data, trusted=ELECTION.trusted, threshold=2)
    devices = dict(ELECTION.devices) | {"device-1": key}
    return replace(ELECTION, manifest=loaded.manifest, manifest_bytes=data, loaded=loaded, devices=devices)


@attack("mixed-order enrolled key")
def test_key_with_a_part_of_order_8_is_enrolled() -> None:
    """Under such a key one verifier believes a signature that another refuses: two auditors, two results."""
    mixed = sodium.crypto_core_ed25519_add(ELECTION.devices["device-1"].public, POINT_OF_ORDER_8)
    for bad in (mixed, POINT_OF_ORDER_8, (1).to_bytes(32, "little"), bytes(32)):
        with pytest.raises(ManifestError, match="prime-order group"):
            load(ELECTION.sign_unchecked(enrolled_anew(bad)), trusted=ELECTION.trusted, threshold=2)
    load(ELECTION.sign_unchecked(enrolled_anew(key_of("new").public)), trusted=ELECTION.trusted, threshold=2)


@attack("revoked key")
def test_key_that_a_newer_manifest_took_away(tmp_path: Any) -> None:
    scene = Scene(str(tmp_path / "ledger.db"), second_version())
    good = scene.device.tally()
    revoked = signed(payload_of(good), TYPE_SEALED_TALLY, ELECTION.devices["device-1"])
    scene.refuses(revoked, ManifestError, "defines no device key")
    scene.admits(good)
    scene.center.close()


@attack("key of the next epoch")
def test_key_that_is_not_enrolled_yet(scene: Scene) -> None:
    good = scene.device.tally()
    early = signed(payload_of(good), TYPE_SEALED_TALLY, second_version().devices["device-1"])
    scene.refuses(early, ManifestError, "defines no device key")
    scene.admits(good)


@attack("key of the next epoch")
def test_checkpoint_of_a_journal_under_a_later_key() -> None:
    """Who steals the kit in the evening holds the key of now, and none of those that signed the morning."""
    name = JournalName("councils-7", 1, "branch-1", "device-1")
    keys = [epoch_key(seed_of(f"epoch {number}"), name) for number in (1, 2, 3)]
    root = merkle.root([merkle.leaf_hash(b"%d" % number) for number in range(5)])
    note = JournalNote(Checkpoint(name.origin, 5, root), 1, keys[1].vkey)
    device = ELECTION.devices["device-1"]
    honest = sign_note(note, keys[0], device)
    assert open_by_epoch(honest, name, keys[0].vkey) == note
    rewritten = JournalNote(Checkpoint(name.origin, 5, bytes(32)), 1, keys[1].vkey)
    for later in keys[1:]:
        with pytest.raises(ProofError, match="no signature of"):
            open_by_epoch(sign_note(rewritten, later, device), name, keys[0].vkey)
