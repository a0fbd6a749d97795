import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical, codec, envelope
from crypto.envelope import Envelope, Signature
from crypto.errors import EncodingError, EvidenceError, SignatureInvalidError, StatementError
from crypto.identity import SigningKey
from crypto.wire import ENVELOPE_MAX, SIGNATURES_MAX, TYPE_ORDER, TYPE_TALLY
from tests.crypto.byte_flips import damaged, every_bit_flipped
from tests.crypto.vector_files import committed, needs_shared, shared

KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in range(SIGNATURES_MAX + 1)]
TRUSTED = {key.key_id: key.public for key in KEYS[:3]}
SIGNED = envelope.sign(TYPE_TALLY, b'{"a":1}', KEYS[:2])
DATA = SIGNED.to_bytes()


def verify(data: bytes) -> tuple[str, ...]:
    return envelope.verify(Envelope.from_bytes(data), payload_type=TYPE_TALLY, keys=TRUSTED, threshold=2)


def rewritten(**fields: object) -> bytes:
    value = canonical.decode(DATA, max_bytes=ENVELOPE_MAX)
    assert isinstance(value, dict)
    return canonical.encode(value | fields)


# --- vectors of others ---------------------------------------------------------------------------------------


def test_pae_of_the_dsse_specification() -> None:
    vector = committed("dsse.json")
    message = envelope.pae(vector["payloadType"], vector["payload"].encode())
    assert message == vector["pae"].encode()
    # The vector's signature is ECDSA, which we do not speak: it shows that others sign the same bytes.
    numbers = ec.EllipticCurvePublicNumbers(
        int(vector["ecdsa_p256"]["X"]), int(vector["ecdsa_p256"]["Y"]), ec.SECP256R1()
    )
    raw = base64.b64decode(vector["sig"])
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    numbers.public_key().verify(der, message, ec.ECDSA(hashes.SHA256()))


@needs_shared
def test_committed_vector_is_that_of_the_full_file() -> None:
    assert committed("dsse.json") == shared("dsse.json")


def test_pae_counts_bytes_not_characters() -> None:
    assert envelope.pae("é", "شعبه".encode()) == b"DSSEv1 2 \xc3\xa9 8 " + "شعبه".encode()


# --- what goes wrong -------------------------------------------------------------------------------------------


def test_untouched_envelope_is_accepted_and_written_as_dsse_json() -> None:
    assert verify(DATA) == tuple(sorted(key.key_id for key in KEYS[:2]))
    assert Envelope.from_bytes(DATA) == SIGNED
    assert json.loads(DATA) == {
        "payload": base64.b64encode(b'{"a":1}').decode(),
        "payloadType": TYPE_TALLY,
        "signatures": sorted(
            (
                {
                    "keyid": key.key_id,
                    "sig": base64.b64encode(key.sign(envelope.pae(TYPE_TALLY, b'{"a":1}'))).decode(),
                }
                for key in KEYS[:2]
            ),
            key=lambda signature: signature["keyid"],
        ),
    }


def test_every_flipped_bit_is_noticed() -> None:
    for changed in every_bit_flipped(DATA):
        with pytest.raises(EvidenceError):
            verify(changed)


@given(damaged(DATA))
def test_every_other_damage_is_noticed(changed: bytes) -> None:
    with pytest.raises(EvidenceError):
        verify(changed)


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_no_payload_is_changed_by_its_envelope(payload: bytes, payload_type: str) -> None:
    signed = envelope.sign(payload_type, payload, KEYS[:1])
    assert Envelope.from_bytes(signed.to_bytes()) == signed
    assert envelope.verify(signed, payload_type=payload_type, keys=TRUSTED) == (KEYS[0].key_id,)


def test_statement_of_another_type_is_refused() -> None:
    with pytest.raises(SignatureInvalidError, match=r"order.* is expected"):
        envelope.verify(SIGNED, payload_type=TYPE_ORDER, keys=TRUSTED)
    with pytest.raises(SignatureInvalidError, match="does not fit"):
        envelope.verify(replace(SIGNED, payload_type=TYPE_ORDER), payload_type=TYPE_ORDER, keys=TRUSTED)


def test_signature_of_an_unknown_key_beside_a_good_one_is_refused() -> None:
    mixed = envelope.sign(TYPE_TALLY, b"x", [KEYS[0], KEYS[5]])
    with pytest.raises(SignatureInvalidError, match=f"{KEYS[5].key_id}.*not trusted"):
        envelope.verify(mixed, payload_type=TYPE_TALLY, keys=TRUSTED)


def test_one_bad_signature_beside_good_ones_is_refused() -> None:
    bad = replace(SIGNED.signatures[1], sig=bytes(64))
    with pytest.raises(SignatureInvalidError, match=bad.keyid):
        envelope.verify(
            replace(SIGNED, signatures=(SIGNED.signatures[0], bad)), payload_type=TYPE_TALLY, keys=TRUSTED
        )


@pytest.mark.parametrize(("signers", "threshold"), [(0, 1), (1, 2), (2, 3)])
def test_too_few_signatures_are_refused(signers: int, threshold: int) -> None:
    few = replace(SIGNED, signatures=SIGNED.signatures[:signers])
    with pytest.raises(SignatureInvalidError, match=f"{threshold} are needed"):
        envelope.verify(few, payload_type=TYPE_TALLY, keys=TRUSTED, threshold=threshold)


@pytest.mark.parametrize("threshold", [0, -1])
def test_threshold_that_needs_no_signature_is_a_bug(threshold: int) -> None:
    with pytest.raises(ValueError, match="unsigned"):
        envelope.verify(SIGNED, payload_type=TYPE_TALLY, keys=TRUSTED, threshold=threshold)


def test_one_key_cannot_sign_twice() -> None:
    twice = replace(SIGNED, signatures=(SIGNED.signatures[0], SIGNED.signatures[0]))
    with pytest.raises(SignatureInvalidError, match="twice"):
        envelope.verify(twice, payload_type=TYPE_TALLY, keys=TRUSTED, threshold=2)
    with pytest.raises(SignatureInvalidError, match="each once"):
        Envelope.from_bytes(twice.to_bytes())
    with pytest.raises(SignatureInvalidError, match="each once"):
        envelope.sign(TYPE_TALLY, b"x", [KEYS[0], KEYS[0]])


def test_one_key_filed_under_two_ids_does_not_count_twice() -> None:
    key = KEYS[0]
    alias = "0" * 32
    message = envelope.pae(TYPE_TALLY, b"x")
    doubled = Envelope(
        TYPE_TALLY, b"x", (Signature(alias, key.sign(message)), Signature(key.key_id, key.sign(message)))
    )
    with pytest.raises(SignatureInvalidError, match=alias):
        envelope.verify(
            doubled, payload_type=TYPE_TALLY, keys={key.key_id: key.public, alias: key.public}, threshold=2
        )


def test_signatures_in_another_order_are_refused() -> None:
    with pytest.raises(SignatureInvalidError, match="ascending order"):
        Envelope.from_bytes(replace(SIGNED, signatures=SIGNED.signatures[::-1]).to_bytes())


def test_nobody_signs() -> None:
    with pytest.raises(SignatureInvalidError, match="needs signing keys"):
        envelope.sign(TYPE_TALLY, b"x", [])
    with pytest.raises(StatementError, match="signatures"):
        Envelope.from_bytes(rewritten(signatures=[]))


def test_more_signatures_than_anyone_reads_are_not_written() -> None:
    assert Envelope.from_bytes(envelope.sign(TYPE_TALLY, b"x", KEYS[:SIGNATURES_MAX]).to_bytes())
    with pytest.raises(StatementError, match="signatures"):
        envelope.sign(TYPE_TALLY, b"x", KEYS).to_bytes()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (DATA + b"\n", EncodingError),
        (b" " + DATA, EncodingError),
        (DATA.replace(b":[", b": ["), EncodingError),
        (rewritten(extra=1), StatementError),
        (rewritten(payloadType=""), StatementError),
        (rewritten(payload="eyJhIjoxfR=="), EncodingError),  # last bits not zero
        (rewritten(payload="eyJhIjoxfQ"), EncodingError),
        (rewritten(payload="eyJhIjoxfQ==\n"), EvidenceError),
        (rewritten(payload="eyJhIjox-Q=="), EncodingError),
        (rewritten(signatures=[{"keyid": "KEY", "sig": codec.b64(bytes(64))}]), StatementError),
        (rewritten(signatures=[{"keyid": "0" * 32 + "\n", "sig": codec.b64(bytes(64))}]), StatementError),
        (rewritten(signatures=[{"keyid": "0" * 32, "sig": codec.b64(bytes(63))}]), EvidenceError),
        (
            rewritten(signatures=[{"keyid": "0" * 32, "sig": codec.b64(bytes(64)), "cert": ""}]),
            StatementError,
        ),
        (rewritten(signatures=[{"sig": codec.b64(bytes(64))}]), StatementError),
    ],
)
def test_envelope_in_any_other_form_is_refused(data: bytes, error: type[EvidenceError]) -> None:
    with pytest.raises(error):
        verify(data)


def test_envelope_over_its_limit_is_refused() -> None:
    with pytest.raises(EncodingError, match="at most"):
        Envelope.from_bytes(DATA, max_bytes=len(DATA) - 1)


# --- two officials sign one after the other --------------------------------------------------------------------


def test_signatures_gathered_one_by_one_make_the_same_envelope() -> None:
    one, two = (envelope.sign(TYPE_TALLY, b'{"a":1}', [key]) for key in KEYS[:2])
    assert envelope.merge(one, two) == envelope.merge(two, one) == SIGNED
    assert envelope.merge(SIGNED, one) == SIGNED


@pytest.mark.parametrize("other", [(TYPE_TALLY, b'{"a":2}'), (TYPE_ORDER, b'{"a":1}')])
def test_signatures_over_different_things_are_not_merged(other: tuple[str, bytes]) -> None:
    with pytest.raises(SignatureInvalidError, match="different payloads"):
        envelope.merge(SIGNED, envelope.sign(*other, [KEYS[2]]))


def test_two_different_signatures_of_one_key_are_not_merged() -> None:
    forged = replace(SIGNED, signatures=(replace(SIGNED.signatures[0], sig=bytes(64)),))
    with pytest.raises(SignatureInvalidError, match="forged"):
        envelope.merge(SIGNED, forged)
