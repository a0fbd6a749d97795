"""A signing key at rest: what a thief, a mix-up of roles or elections, a bad disk or a typing error come to."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from crypto import at_rest, canonical, codec
from crypto.edwards import scalar_from_wide
from crypto.errors import (
    DamagedKeyFileError,
    KeyFileError,
    OtherHolderError,
    PassphraseError,
    WrongPassphraseOfKeyError,
)
from crypto.key_file import HeldKey, KeyHeader, KeyOwner, open_key, read_header, seal_key
from crypto.passphrase import REHEARSAL_COST, Argon2Cost
from tests.crypto.ceremony_fixture import entropy

OWNER = KeyOwner("demo-1405", 1, "manifest", "board-of-elections-1")
KEY = HeldKey(OWNER, entropy("a seed", 32))
PHRASE = "correct horse battery"


@cache
def make(key: HeldKey = KEY, passphrase: str = PHRASE) -> bytes:
    salt, nonce = entropy("salt", 16), entropy("nonce", 24)
    return seal_key(key, passphrase, salt=salt, nonce=nonce, cost=REHEARSAL_COST)


def with_checksum(changes: dict[str, Any]) -> bytes:
    value = json.loads(make()) | changes
    header = canonical.encode({name: value[name] for name in KeyHeader.__struct_fields__})
    return canonical.encode(value | {"checksum": at_rest._checksum(header, codec.unb64(value["ciphertext"]))})


def test_own_key_is_lost_or_shown() -> None:
    assert open_key(make(), PHRASE) == KEY
    assert read_header(make()).public_key == codec.b64(KEY.signing.public)
    for form in (KEY.secret, KEY.secret.hex().encode(), codec.b64(KEY.secret).encode()):
        assert form not in make()
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


def test_static_key_of_a_trustee_signs_statements() -> None:
    key = HeldKey(replace(OWNER, role="trustee"), scalar_from_wide(entropy("static", 64)))
    assert open_key(make(key), PHRASE, role="trustee") == key
    with pytest.raises(KeyFileError, match="for the ceremony alone"):
        _ = key.signing


@pytest.mark.parametrize("passphrase", ["correct horse batterx", PHRASE + " ", ""])
def test_wrong_passphrase(passphrase: str) -> None:
    with pytest.raises(WrongPassphraseOfKeyError, match="manifest 'board-of-elections-1'"):
        open_key(make(), passphrase)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({"role": "trustee"}, "the key of a trustee is needed"),
        ({"election": "demo-1404"}, "not for 'demo-1404'"),
        ({"round_number": 2}, "round 2"),
    ],
)
def test_key_of_another_role_election_or_round(expected: dict[str, Any], reason: str) -> None:
    with pytest.raises(OtherHolderError, match=reason):
        open_key(make(), PHRASE, **expected)


def test_any_byte_is_damaged() -> None:
    data = make()
    for at in range(0, len(data), 3):
        with pytest.raises(DamagedKeyFileError):
            open_key(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], PHRASE)


@pytest.mark.parametrize(
    "changes",
    [{"role": "official"}, {"id": "somebody-else"}, {"election": "demo-1404"}, {"round": 2}],
    ids=str,
)
def test_owner_is_altered_on_purpose_with_the_checksum(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongPassphraseOfKeyError, match="somebody altered the file"):
        open_key(with_checksum(changes), PHRASE)


@pytest.mark.parametrize(
    "changes",
    [{"operations": 1}, {"memory_kib": 2**21}, {"salt": ""}, {"ciphertext": ""}, {"more": 1}],
    ids=str,
)
def test_file_asks_for_too_much_or_too_little(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedKeyFileError):
        open_key(with_checksum(changes), PHRASE)


def test_public_key_of_somebody_else_in_an_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it so knew the passphrase: it must show before anything is signed in vain."""
    monkeypatch.setattr(HeldKey, "public", bytes(range(32)))
    data = make(replace(KEY, secret=entropy("another seed", 32)))
    monkeypatch.undo()
    with pytest.raises(DamagedKeyFileError, match="was made wrong"):
        open_key(data, PHRASE)


@pytest.mark.parametrize(
    ("role", "passphrase"), [("manifest", "elevenchars"), ("trustee", "1234567"), ("official", "12345")]
)
def test_passphrase_or_pin_is_too_short(role: Any, passphrase: str) -> None:
    with pytest.raises(PassphraseError, match="too short"):
        make(replace(KEY, owner=replace(OWNER, role=role)), passphrase)


def test_pin_of_an_official() -> None:
    key = replace(KEY, owner=replace(OWNER, role="official"))
    assert open_key(make(key, "314159"), "314159") == key


@pytest.mark.parametrize(
    ("owner", "secret", "others"),
    [
        (replace(OWNER, election="a/b"), KEY.secret, {}),
        (replace(OWNER, id="white space"), KEY.secret, {}),
        (replace(OWNER, role="trustee"), b"\xff" * 32, {}),
        (replace(OWNER, role="trustee"), bytes(32), {}),
        (OWNER, bytes(31), {}),
        (OWNER, KEY.secret, {"salt": bytes(15)}),
        (OWNER, KEY.secret, {"cost": Argon2Cost(1, 8)}),
    ],
)
def test_file_that_could_not_be_opened_again_is_not_written(
    owner: KeyOwner, secret: bytes, others: dict[str, Any]
) -> None:
    whole: dict[str, Any] = {"salt": bytes(16), "nonce": bytes(24), "cost": REHEARSAL_COST}
    with pytest.raises(KeyFileError):
        seal_key(HeldKey(owner, secret), PHRASE, **(whole | others))
