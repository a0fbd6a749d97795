"""Our DSSE envelopes against securesystemslib (of in-toto and TUF), which nobody here wrote."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from crypto import canonical, envelope, wire
from crypto.envelope import Envelope, Signature
from crypto.errors import EvidenceError, SignatureInvalidError
from crypto.identity import SigningKey, key_id
from crypto.journal_note import JournalKey, JournalName, epoch_key, sign_certificate
from crypto.statements import JournalCheckpoint
from tests.center.branch import Center, Device
from tests.center.commission import LATER, Commission
from tests.crypto.byte_flips import damaged, every_bit_flipped
from tests.crypto.election_fixture import make_election

pytestmark = pytest.mark.peer

ELECTION: Final = make_election(2)
ORDER_L: Final = 2**252 + 27742317777372353535851937790883648493  # RFC 8032 §5.1
FLIPS: Final = 400  # bits flipped of each envelope, all over it

seeds = st.binary(min_size=32, max_size=32)


@dataclass(frozen=True)
class Signed:
    """An envelope of the product, with all that is needed to verify it."""

    payload_type: str
    data: bytes
    keys: Mapping[str, bytes]
    threshold: int


def keys_of(*keys: SigningKey) -> dict[str, bytes]:
    return {key.key_id: key.public for key in keys}


def signed() -> dict[str, Signed]:
    """One of every kind that travels."""
    device = Device(ELECTION, "branch-1")
    officials = [ELECTION.officials[name] for name in ELECTION.officials_of("branch-1")]
    terminal = keys_of(ELECTION.terminals["terminal-1-1"])
    reports = {
        wire.TYPE_ZERO_REPORT: ELECTION.zero_report("branch-1"),
        wire.TYPE_BALLOT_ACCOUNT: ELECTION.account("branch-1"),
        wire.TYPE_TALLY: ELECTION.tally("branch-1"),
    }
    found = [
        Signed(kind, ELECTION.signed_by_terminal(report).to_bytes(), terminal, 1)
        for kind, report in reports.items()
    ]
    found += [
        Signed(wire.TYPE_MANIFEST, ELECTION.manifest_bytes, ELECTION.trusted, ELECTION.threshold),
        Signed(wire.TYPE_ORDER, ELECTION.order("branch-1", "close"), keys_of(*officials), 2),
        Signed(wire.TYPE_ACCOUNT_SUBMISSION, device.account(), keys_of(device.key), 1),
        Signed(wire.TYPE_SEALED_TALLY, device.tally(), keys_of(device.key), 1),
    ]
    found += acts()
    name = JournalName(ELECTION.manifest.election, 1, "branch-1", "device-1")
    key = JournalKey(
        election=name.election,
        round=1,
        branch=name.branch,
        device=name.device,
        manifest_sha256=ELECTION.loaded.sha256,
        segment=1,
        epoch=1,
        vkey=epoch_key(bytes(32), name).vkey,
        journal=JournalCheckpoint(size=3, root="ab" * 32),
        reason="first",
    )
    found.append(Signed(wire.TYPE_JOURNAL_KEY, sign_certificate(key, device.key), keys_of(device.key), 1))
    return {one.payload_type: one for one in found}


def acts() -> list[Signed]:
    """Of the centre: each signed by two commissioners."""
    with TemporaryDirectory() as folder:
        center = Center(ELECTION, f"{folder}/ledger.db")
        center.take((Device(ELECTION, "branch-1"), Device(ELECTION, "branch-1").tally()))
        commission = Commission(center)
        signed = [commission.adjudication(), commission.change(LATER), commission.order()]
        center.close()
    keys = keys_of(*ELECTION.commissioners.values())
    return [Signed(Envelope.from_bytes(data).payload_type, data, keys, 2) for data in signed]


SIGNED: Final = signed()
every_kind = pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.rpartition(".")[2])


def their_key(public: bytes) -> SSlibKey:
    return SSlibKey(key_id(public), "ed25519", "ed25519", {"public": public.hex()})


def read_by_them(data: bytes, one: Signed) -> tuple[str, bytes] | None:
    """Type and payload that securesystemslib believes, or None."""
    try:
        theirs = TheirEnvelope.from_dict(json.loads(data))
        theirs.verify([their_key(public) for public in one.keys.values()], one.threshold)
    except Exception:  # noqa: BLE001 - malformed envelopes end in whatever error Python has for it
        return None
    return theirs.payload_type, theirs.payload


def read_by_us(data: bytes, one: Signed) -> tuple[str, bytes] | None:
    try:
        mine = Envelope.from_bytes(data)
        envelope.verify(mine, payload_type=one.payload_type, keys=one.keys, threshold=one.threshold)
    except EvidenceError:
        return None
    return mine.payload_type, mine.payload


@every_kind
def test_envelope_of_every_kind_convinces_them(kind: str) -> None:
    one = SIGNED[kind]
    assert read_by_us(one.data, one) == read_by_them(one.data, one) is not None
    theirs = TheirEnvelope.from_dict(json.loads(one.data))
    assert canonical.encode(theirs.to_dict()) == one.data
    assert len(theirs.verify([their_key(public) for public in one.keys.values()], one.threshold)) >= 1


@every_kind
def test_flipped_bit_makes_nobody_believe_anything_else(kind: str) -> None:
    """They forgive other keys of JSON and sloppy base64; we refuse all that they refuse, and that too."""
    one = SIGNED[kind]
    honest = read_by_them(one.data, one)
    stride = len(one.data) * 8 // FLIPS | 1  # odd, to meet every place in a byte
    refused = count = 0
    for changed in islice(every_bit_flipped(one.data), 0, None, stride):
        count += 1
        assert read_by_us(changed, one) is None
        theirs = read_by_them(changed, one)
        assert theirs in (honest, None)
        refused += theirs is None
    assert refused > 0.9 * count > 0.8 * FLIPS


@given(damaged(SIGNED[wire.TYPE_ORDER].data))
def test_other_damage_makes_nobody_believe_anything_else(changed: bytes) -> None:
    one = SIGNED[wire.TYPE_ORDER]
    assert read_by_us(changed, one) is None
    assert read_by_them(changed, one) in (read_by_them(one.data, one), None)


@given(kind=st.text(st.characters(exclude_categories=["Cs"]), max_size=40), payload=st.binary(max_size=200))
def test_signatures_cover_the_same_bytes(kind: str, payload: bytes) -> None:
    assert TheirEnvelope(payload, kind, {}).pae() == envelope.pae(kind, payload)


@given(payload=st.binary(max_size=200), signers=st.lists(seeds, min_size=1, max_size=4, unique=True))
def test_we_believe_what_they_sign(payload: bytes, signers: list[bytes]) -> None:
    theirs = TheirEnvelope(payload, wire.TYPE_TALLY, {})
    for seed in signers:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        theirs.sign(CryptoSigner(private, their_key(private.public_key().public_bytes_raw())))
    theirs.signatures = dict(sorted(theirs.signatures.items()))  # the order in which we read them
    keys = [SigningKey.from_seed(seed) for seed in signers]
    data = canonical.encode(theirs.to_dict())
    assert data == envelope.sign(wire.TYPE_TALLY, payload, keys).to_bytes()  # Ed25519 leaves no choice
    ids = envelope.verify(
        Envelope.from_bytes(data), payload_type=wire.TYPE_TALLY, keys=keys_of(*keys), threshold=len(keys)
    )
    assert list(ids) == sorted(theirs.signatures)


def without(data: bytes, keyid: str) -> bytes:
    value = json.loads(data)
    value["signatures"] = [one for one in value["signatures"] if one["keyid"] != keyid]
    return canonical.encode(value)


def malleable(data: bytes, _: str) -> bytes:
    """S + L instead of S: the same signature to who does not look (RFC 8032 §8.4)."""
    mine = Envelope.from_bytes(data)
    bent = []
    for signature in mine.signatures:
        scalar = int.from_bytes(signature.sig[32:], "little") + ORDER_L
        bent.append(Signature(signature.keyid, signature.sig[:32] + scalar.to_bytes(32, "little")))
    return Envelope(mine.payload_type, mine.payload, tuple(bent)).to_bytes()


def swapped(data: bytes, _: str) -> bytes:
    """Each signature under the other's name."""
    value = json.loads(data)
    first, second = value["signatures"]
    first["sig"], second["sig"] = second["sig"], first["sig"]
    return canonical.encode(value)


@pytest.mark.parametrize("change", [without, malleable, swapped])
def test_order_of_one_official_or_with_bent_signatures_convinces_nobody(
    change: Callable[[bytes, str], bytes],
) -> None:
    one = SIGNED[wire.TYPE_ORDER]
    changed = change(one.data, next(iter(one.keys)))
    with pytest.raises(SignatureInvalidError):
        envelope.verify(
            Envelope.from_bytes(changed),
            payload_type=one.payload_type,
            keys=one.keys,
            threshold=one.threshold,
        )
    with pytest.raises(VerificationError):
        TheirEnvelope.from_dict(json.loads(changed)).verify(
            [their_key(public) for public in one.keys.values()], one.threshold
        )
