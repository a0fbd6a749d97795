"""Whose word the manifest is: signatures, thresholds, versions, roles. And look-ups of what it does not define."""

from collections.abc import Callable

import pytest
from msgspec import structs

from crypto import canonical, codec, envelope
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError, StatementError
from crypto.manifest import TrustedManifest, load, sign_manifest
from crypto.notes import Cosigner, NoteSigner, NoteVerifier
from crypto.statements import LogIdentity, WitnessPolicy
from crypto.wire import TYPE_MANIFEST, TYPE_ORDER
from tests.crypto.election_fixture import CONTESTS, LOG_NAME, key_of, make_election

WORLD = make_election(branches=1)
PAYLOAD = codec.to_bytes(WORLD.manifest)


def load_(data: bytes, *, threshold: int = 2, not_older_than: int = 0) -> TrustedManifest:
    return load(data, trusted=WORLD.trusted, threshold=threshold, not_older_than=not_older_than)


def test_two_of_three_manifest_keys_suffice() -> None:
    loaded = load_(sign_manifest(WORLD.manifest, WORLD.manifest_keys[1:]))
    assert loaded.manifest == WORLD.manifest
    assert loaded.sha256 == codec.sha256_hex(PAYLOAD)


def test_the_fingerprint_does_not_depend_on_who_signed() -> None:
    one, other = (load_(sign_manifest(WORLD.manifest, WORLD.manifest_keys[n:])) for n in (0, 1))
    assert one.sha256 == other.sha256


def test_one_manifest_key_is_not_enough() -> None:
    with pytest.raises(SignatureInvalidError, match=r"1 signature"):
        load_(sign_manifest(WORLD.manifest, WORLD.manifest_keys[:1]))


def test_one_manifest_key_twice_is_not_two() -> None:
    once = Envelope.from_bytes(sign_manifest(WORLD.manifest, WORLD.manifest_keys[:1]))
    twice = Envelope(once.payload_type, once.payload, once.signatures * 2)
    with pytest.raises(SignatureInvalidError):
        load_(twice.to_bytes())


def test_enrolled_keys_do_not_sign_manifests() -> None:
    keys = [WORLD.manifest_keys[0], WORLD.devices["device-1"]]
    with pytest.raises(SignatureInvalidError, match=keys[1].key_id):
        load_(sign_manifest(WORLD.manifest, keys))


def test_a_third_wrong_signature_is_not_overlooked() -> None:
    good = Envelope.from_bytes(sign_manifest(WORLD.manifest, WORLD.manifest_keys))
    wrong = with_one_wrong_signature(good, 2)
    with pytest.raises(SignatureInvalidError):
        load_(wrong.to_bytes())


def with_one_wrong_signature(signed: Envelope, place: int) -> Envelope:
    """The envelope with one signature taken over something else."""
    signatures = list(signed.signatures)
    key = next(key for key in WORLD.manifest_keys if key.key_id == signatures[place].keyid)
    signatures[place] = envelope.sign(TYPE_MANIFEST, b"{}", [key]).signatures[0]
    return Envelope(signed.payload_type, signed.payload, tuple(signatures))


def test_another_type_signed_by_manifest_keys_is_no_manifest() -> None:
    with pytest.raises(SignatureInvalidError):
        load_(envelope.sign(TYPE_ORDER, PAYLOAD, WORLD.manifest_keys).to_bytes())


@pytest.mark.parametrize(
    "payload",
    [
        PAYLOAD + b" ",
        PAYLOAD.replace(b'"version":1', b'"version":1.0'),
        PAYLOAD.replace(b'"version":1', b'"version":0'),
        PAYLOAD.replace(b'"version":1', b'"version":1,"version":1'),
        PAYLOAD.replace(b'"version":1', b'"version":1,"zz":1'),
        PAYLOAD.replace(b'"count_bits":16', b'"count_bits":25'),
        PAYLOAD.replace(b'"id":"branch-1"', b'"id":"branch/1"'),
        PAYLOAD.replace(b'"opening":"single-key"', b'"opening":"none"'),
    ],
    ids=["space", "float", "zero", "twice", "unknown", "bits", "slash", "opening"],
)
def test_a_malformed_manifest_is_refused_however_well_signed(payload: bytes) -> None:
    assert payload != PAYLOAD
    with pytest.raises(EvidenceError):
        load_(envelope.sign(TYPE_MANIFEST, payload, WORLD.manifest_keys).to_bytes())


@pytest.mark.parametrize("place", range(0, len(WORLD.manifest_bytes), 37))
def test_any_flipped_byte_is_refused(place: int) -> None:
    data = WORLD.manifest_bytes
    with pytest.raises(EvidenceError):
        load_(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_an_older_version_is_refused_and_the_same_one_is_not() -> None:
    data = make_election(branches=1, version=6).manifest_bytes
    with pytest.raises(ManifestError, match="version 6 is older than version 7"):
        load_(data, not_older_than=7)
    assert load_(data, not_older_than=6).manifest.version == 6
    assert load_(data, not_older_than=5).manifest.version == 6


@pytest.mark.parametrize("field", ["terminals", "devices", "officials", "commissioners"])
def test_a_manifest_key_with_another_role_is_refused(field: str) -> None:
    entries = list(getattr(WORLD.manifest, field))
    entries[0] = structs.replace(entries[0], public_key=codec.b64(key_of("manifest-3").public))
    manifest = structs.replace(WORLD.manifest, **{field: tuple(entries)})
    with pytest.raises(ManifestError, match=f"key of '{entries[0].id}' is also a manifest key"):
        load_(sign_manifest(manifest, WORLD.manifest_keys[:2]))


def test_a_manifest_key_that_is_the_log_or_a_witness_is_refused() -> None:
    """Who says which witnesses count must not be one of them."""
    key = key_of("manifest-3")
    log = structs.replace(WORLD.manifest, log=LogIdentity(vkey=NoteSigner("log.example/x", key).vkey))
    vkey = Cosigner("witness.example/x", key).vkey
    witness = structs.replace(WORLD.manifest, witness_policy=WitnessPolicy(m=1, witnesses=(vkey,)))
    for manifest, holder in ((log, "log.example/x"), (witness, "witness.example/x")):
        with pytest.raises(ManifestError, match=f"key of '{holder}' is also a manifest key"):
            load_(sign_manifest(manifest, WORLD.manifest_keys[:2]))


def test_no_threshold_is_not_a_threshold() -> None:
    with pytest.raises(ValueError, match="threshold"):
        load_(WORLD.manifest_bytes, threshold=0)


LOOK_UPS: list[Callable[[TrustedManifest], object]] = [
    lambda m: m.branch("nowhere"),
    lambda m: m.style("nowhere"),
    lambda m: m.contest("nowhere"),
    lambda m: m.terminal_key("nowhere"),
    lambda m: m.device_key("nowhere"),
    lambda m: m.device_of_key("nowhere"),
    lambda m: m.officials_of("nowhere"),
    lambda m: m.style_of("nowhere"),
    lambda m: m.contests_of("nowhere"),
    lambda m: m.definition_sha256("nowhere"),
]


@pytest.mark.parametrize("look_up", LOOK_UPS)
def test_an_unknown_id_is_named(look_up: Callable[[TrustedManifest], object]) -> None:
    with pytest.raises(ManifestError, match="'nowhere'"):
        look_up(WORLD.loaded)


def test_look_ups_find_what_the_manifest_defines() -> None:
    loaded = WORLD.loaded
    assert loaded.branch("branch-1").device == "device-1"
    assert loaded.style("style-1") == loaded.style_of("branch-1")
    assert loaded.contests_of("branch-1") == CONTESTS
    assert loaded.contest(CONTESTS[1].id) == CONTESTS[1]
    assert loaded.terminal_key("terminal-1-1") == WORLD.terminals["terminal-1-1"].public
    device = WORLD.devices["device-1"]
    assert loaded.device_key("device-1") == device.public
    assert loaded.device_of_key(device.key_id).id == "device-1"
    assert {keyid: one.id for keyid, one in loaded.officials_of("branch-1").items()} == {
        key.key_id: name for name, key in WORLD.officials.items()
    }
    assert isinstance(loaded.log_verifier, NoteVerifier)
    assert loaded.log_verifier.name == LOG_NAME


def test_the_definition_hash_covers_style_and_contests_in_style_order() -> None:
    contests = [
        {
            "id": contest.id,
            "title": contest.title,
            "candidates": [{"code": one.code, "name": one.name} for one in contest.candidates],
            "blank": contest.blank,
        }
        for contest in reversed(CONTESTS)
    ]
    ids = [contest.id for contest in reversed(CONTESTS)]
    style = structs.replace(WORLD.manifest.ballot_styles[0], contests=tuple(ids))
    loaded = load_(WORLD.sign_unchecked(structs.replace(WORLD.manifest, ballot_styles=(style,))))
    definition = {"ballot_style": {"id": "style-1", "contests": ids, "count_bits": 16}, "contests": contests}
    assert loaded.definition_sha256("branch-1") == codec.sha256_hex(canonical.encode(definition))
    assert loaded.definition_sha256("branch-1") != WORLD.loaded.definition_sha256("branch-1")


def test_a_statement_that_breaks_its_own_limits_is_not_signed() -> None:
    with pytest.raises(StatementError):
        sign_manifest(structs.replace(WORLD.manifest, round=0), WORLD.manifest_keys)
