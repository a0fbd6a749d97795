"""A trustee's share at rest: what a thief, a mix-up of elections, a bad disk or a typing error come to."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import nacl.exceptions
import pytest
from nacl.bindings import (
    crypto_pwhash_argon2id_MEMLIMIT_MODERATE,
    crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
)

from crypto import at_rest, canonical, codec
from crypto.passphrase import MEMORY_KIB_MAX, MEMORY_KIB_MIN, OPERATIONS_MIN, Argon2Cost
from crypto.share_file import SHARE_FILE_MAX, ShareHeader, open_share, seal_share
from crypto.trustee_errors import (
    DamagedShareError,
    OtherElectionError,
    ShareFileError,
    UnusablePassphraseError,
    WrongPassphraseError,
)
from crypto.trustees import TrusteeKeys, TrusteeShare
from tests.crypto.ceremony_fixture import entropy
from tests.crypto.trustee_fixture import deal, from_ceremony

TRUSTEES = from_ceremony(2, 3)
SHARE = TRUSTEES.shares[1]
PHRASE = "correct horse battery"
CHEAP = Argon2Cost(operations=OPERATIONS_MIN, memory_kib=MEMORY_KIB_MIN)


@cache
def make(passphrase: str = PHRASE, share: TrusteeShare = SHARE) -> bytes:
    return seal_share(
        share,
        TRUSTEES.keys,
        passphrase,
        election="demo-1403",
        round_number=1,
        salt=entropy("salt", 16),
        nonce=entropy("nonce", 24),
        cost=CHEAP,
    )


def reopen(data: bytes, passphrase: str = PHRASE, **other: Any) -> tuple[TrusteeShare, TrusteeKeys]:
    expected: dict[str, Any] = {
        "election": "demo-1403",
        "round_number": 1,
        "election_key": TRUSTEES.keys.x25519_public,
    }
    return open_share(data, passphrase, **(expected | other))


def with_checksum(changes: dict[str, Any]) -> bytes:
    """The file as somebody writes it who knows how: altered, with the checksum computed again."""
    value = json.loads(make()) | changes
    header = canonical.encode({name: value[name] for name in ShareHeader.__struct_fields__})
    checksum = at_rest._checksum(header, codec.unb64(value["ciphertext"]))
    return canonical.encode(value | {"checksum": checksum})


def test_own_share_is_lost_or_shown() -> None:
    data = make()
    assert reopen(data) == (SHARE, TRUSTEES.keys)
    assert len(data) <= SHARE_FILE_MAX
    assert SHARE.secret not in data
    for form in (SHARE.secret.hex(), codec.b64(SHARE.secret)):
        assert form.encode() not in data


@pytest.mark.parametrize("passphrase", ["correct horse batterx", "Correct horse battery", PHRASE + " ", ""])
def test_wrong_passphrase(passphrase: str) -> None:
    with pytest.raises(WrongPassphraseError, match="does not open the share of trustee 2"):
        reopen(make(), passphrase)


def test_letters_composed_in_another_way_lock_the_trustee_out() -> None:
    composed, decomposed = "f\u00fcr die Wahlurne", "fu\u0308r die Wahlurne"
    assert reopen(make(composed), decomposed) == (SHARE, TRUSTEES.keys)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"election": "demo-1404"}, "election 'demo-1403' round 1, not of 'demo-1404' round 1"),
        ({"round_number": 2}, "not of 'demo-1403' round 2"),
        ({"election_key": deal(b"\x11" * 32, 2, 3).keys.x25519_public}, "another key"),
    ],
)
def test_share_of_another_election(other: dict[str, Any], reason: str) -> None:
    with pytest.raises(OtherElectionError, match=reason):
        reopen(make(), **other)


def test_any_byte_is_damaged() -> None:
    data = make()
    for at in range(0, len(data), 3):
        altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(DamagedShareError):
            reopen(altered)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"null", b"\xff", make()[:-1], make() + b"\n", b" " * SHARE_FILE_MAX * 2]
)
def test_file_is_something_else_or_cut(data: bytes) -> None:
    with pytest.raises(DamagedShareError, match="no share file"):
        reopen(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"election": "demo-1404"},
        {"round": 2},
        {"trustee": 1},
        {"operations": 3},
        {"salt": codec.b64(bytes(16))},
        {"nonce": codec.b64(bytes(24))},
        {"ciphertext": codec.b64(bytes(48))},
    ],
    ids=str,
)
def test_file_is_altered_on_purpose_with_its_checksum(changes: dict[str, Any]) -> None:
    other = {
        name: changes[key]
        for key, name in [("election", "election"), ("round", "round_number")]
        if key in changes
    }
    with pytest.raises(WrongPassphraseError, match="somebody altered the file"):
        reopen(with_checksum(changes), **other)


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_kib": MEMORY_KIB_MAX + 1},
        {"memory_kib": MEMORY_KIB_MIN - 1},
        {"operations": 1},
        {"operations": 1_000_000},
        {"kdf": "none"},
        {"salt": ""},
        {"nonce": codec.b64(bytes(12))},
        {"ciphertext": ""},
        {"ciphertext": codec.b64(bytes(47))},
        {"trustee": 4},
        {"threshold": 1},
        {"threshold": 3},
        {"group_key": codec.b64(deal(b"\x11" * 32, 2, 3).keys.group_key)},
        {"verification_shares": []},
        {"passphrase": PHRASE},
    ],
    ids=str,
)
def test_file_asks_for_too_much_or_too_little(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedShareError):
        reopen(with_checksum(changes))


def test_file_with_another_secret_behind_the_right_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it so knew the passphrase; the trustee must not find out at the opening only."""
    monkeypatch.setattr(TrusteeShare, "belongs_to", lambda *_: True)
    data = make(share=TrusteeShare(2, TRUSTEES.shares[0].secret))
    monkeypatch.undo()
    with pytest.raises(DamagedShareError, match="does not fit trustee 2's verification share"):
        reopen(data)


@pytest.mark.parametrize("passphrase", ["", "elevenchars", "e\u0301" * 11])
def test_passphrase_is_too_short(passphrase: str) -> None:
    with pytest.raises(UnusablePassphraseError, match="at least 12"):
        make(passphrase)


@pytest.mark.parametrize("passphrase", ["lone surrogate \ud800", "x" * 1025])
def test_passphrase_is_no_text_or_a_book(passphrase: str) -> None:
    with pytest.raises(UnusablePassphraseError):
        make(passphrase)
    with pytest.raises(UnusablePassphraseError):
        reopen(make(), passphrase)


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": bytes(15)},
        {"nonce": bytes(12)},
        {"cost": Argon2Cost(operations=1, memory_kib=MEMORY_KIB_MIN)},
        {"cost": Argon2Cost(operations=2, memory_kib=8)},
        {"election": "a/b"},
        {"round_number": 0},
        {"share": replace(SHARE, trustee=1)},
        {"keys": deal(b"\x11" * 32, 2, 3).keys},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_file_that_could_not_be_opened_again_is_not_written(changes: dict[str, Any]) -> None:
    whole: dict[str, Any] = {
        "share": SHARE,
        "keys": TRUSTEES.keys,
        "passphrase": PHRASE,
        "election": "demo-1403",
        "round_number": 1,
        "salt": bytes(16),
        "nonce": bytes(24),
        "cost": CHEAP,
    }
    with pytest.raises(ShareFileError):
        seal_share(**(whole | changes))


def test_default_cost_is_outside_the_limits() -> None:
    cost = Argon2Cost()
    assert MEMORY_KIB_MIN <= cost.memory_kib <= MEMORY_KIB_MAX
    assert cost.memory_kib * 1024 == crypto_pwhash_argon2id_MEMLIMIT_MODERATE
    assert cost.operations == crypto_pwhash_argon2id_OPSLIMIT_MODERATE


def test_machine_without_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise nacl.exceptions.RuntimeError

    monkeypatch.setattr("nacl.bindings.crypto_pwhash_alg", fails)
    with pytest.raises(ShareFileError, match="needs 19 MiB of memory"):
        reopen(make())
