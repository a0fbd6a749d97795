"""Who may order what: signatures, branches, bodies. Replay is refused by the kit core, not here."""

from typing import Any

import pytest
from msgspec import structs

from crypto import codec, envelope
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError, StatementError
from crypto.manifest import load
from crypto.orders import check_order, is_authorised
from crypto.statements import DUAL_CONTROL, Order, OrderKind
from crypto.wire import TYPE_BALLOT_ACCOUNT, TYPE_ORDER
from tests.crypto.election_fixture import COUNCIL, ELECTION, MAYOR, VOTERS_SIGNED_IN, key_of, make_election

WORLD = make_election(standbys=1)
EXECUTIVE, SUPERVISION = WORLD.officials_of("branch-1")
ORDER = Order(
    election=ELECTION,
    round=1,
    manifest_sha256=WORLD.loaded.sha256,
    branch="branch-1",
    kind="open",
    serial=1,
)


def sign(order: Order, *signers: str) -> bytes:
    keys = [WORLD.officials[signer] for signer in signers or (EXECUTIVE, SUPERVISION)]
    return envelope.sign(TYPE_ORDER, codec.to_bytes(order), keys).to_bytes()


def test_two_officials_of_different_bodies_suffice() -> None:
    data = WORLD.order("branch-1", "open", 3)
    signed = check_order(data, WORLD.loaded, "branch-1")
    assert is_authorised(signed)
    assert signed.order == structs.replace(ORDER, serial=3)
    assert signed.payload == codec.to_bytes(signed.order)
    assert signed.envelope.to_bytes() == data
    assert {official.id for official in signed.officials} == {EXECUTIVE, SUPERVISION}


PARTS: dict[str, dict[str, Any]] = {
    "extend": {"schedule": WORLD.manifest.schedule},
    "reopen": {"reason": "closed by mistake"},
    "replace-terminal": {
        "terminal": "terminal-1-1",
        "standby": "standby-terminal-1-1",
        "reason": "its screen is broken",
    },
    "reissue": {
        "standby": "standby-device-1-1",
        "device": "standby-device-1-1",
        "reason": "the kit burnt",
    },
}


@pytest.mark.parametrize("kind", sorted(DUAL_CONTROL))
def test_one_official_alone_is_heard_but_not_followed(kind: OrderKind) -> None:
    data = WORLD.order("branch-1", kind, signers=[EXECUTIVE], **PARTS.get(kind, {}))
    signed = check_order(data, WORLD.loaded, "branch-1")
    assert [official.id for official in signed.officials] == [EXECUTIVE]
    assert not is_authorised(signed)


@pytest.mark.parametrize("kind", ["suspend", "resume", "archive"])
def test_one_official_suffices_for_small_acts(kind: OrderKind) -> None:
    assert is_authorised(
        check_order(WORLD.order("branch-1", kind, signers=[SUPERVISION]), WORLD.loaded, "branch-1")
    )


@pytest.mark.parametrize("kind", sorted(PARTS))
@pytest.mark.parametrize("missing", [True, False])
def test_an_order_that_says_too_little_or_too_much_is_refused(kind: OrderKind, *, missing: bool) -> None:
    if missing:
        # A terminal can be given up where no standby is left.
        for part in PARTS[kind].keys() - {"device"} - ({"standby"} if kind == "replace-terminal" else set()):
            told = {name: value for name, value in PARTS[kind].items() if name != part}
            with pytest.raises(StatementError, match=f"must say {part}"):
                check_order(WORLD.order("branch-1", kind, **told), WORLD.loaded, "branch-1")
    else:
        data = WORLD.order("branch-1", kind, voters_signed_in=VOTERS_SIGNED_IN, **PARTS[kind])
        with pytest.raises(StatementError, match="nothing about voters_signed_in"):
            check_order(data, WORLD.loaded, "branch-1")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("replace-terminal", {"terminal": "terminal-2-1"}),
        ("replace-terminal", {"standby": "standby-terminal-2-1"}),
        ("replace-terminal", {"standby": "terminal-1-1"}),
        ("replace-terminal", {"terminal": "standby-terminal-1-1"}),
        ("reissue", {"standby": "device-1"}),
        ("reissue", {"standby": "standby-device-2-1"}),
        ("reissue", {"device": None}),
        ("reissue", {"device": "device-1", "standby": "device-1"}),
        ("reissue", {"device": "standby-device-2-1", "standby": "standby-device-2-1"}),
        ("reopen", {"device": "standby-device-2-1"}),
        ("extend", {"device": "device-1"}),
    ],
)
def test_a_standby_of_elsewhere_takes_nobodys_place(kind: OrderKind, change: dict[str, str]) -> None:
    good = WORLD.order("branch-1", kind, **PARTS[kind])
    assert is_authorised(check_order(good, WORLD.loaded, "branch-1"))
    with pytest.raises(StatementError, match="standby"):
        check_order(WORLD.order("branch-1", kind, **{**PARTS[kind], **change}), WORLD.loaded, "branch-1")


def test_two_officials_of_one_body_are_not_dual_control() -> None:
    second = structs.replace(
        WORLD.manifest.officials[0], id="second", public_key=codec.b64(key_of("second").public)
    )
    branch = structs.replace(WORLD.manifest.branches[0], officials=(EXECUTIVE, SUPERVISION, "second"))
    manifest = structs.replace(
        WORLD.manifest, officials=(*WORLD.manifest.officials, second), branches=(branch,)
    )
    loaded = load(WORLD.sign_unchecked(manifest), trusted=WORLD.trusted, threshold=2)
    order = structs.replace(ORDER, manifest_sha256=loaded.sha256)
    one_body = envelope.sign(
        TYPE_ORDER, codec.to_bytes(order), [WORLD.officials[EXECUTIVE], key_of("second")]
    )
    assert not is_authorised(check_order(one_body.to_bytes(), loaded, "branch-1"))
    both = envelope.merge(one_body, Envelope.from_bytes(sign(order, SUPERVISION)))
    assert is_authorised(check_order(both.to_bytes(), loaded, "branch-1"))


def test_one_official_signing_twice_is_refused() -> None:
    once = Envelope.from_bytes(sign(ORDER, EXECUTIVE))
    twice = Envelope(once.payload_type, once.payload, once.signatures * 2)
    with pytest.raises(SignatureInvalidError):
        check_order(twice.to_bytes(), WORLD.loaded, "branch-1")


def test_an_official_of_another_branch_is_unknown_here() -> None:
    data = sign(ORDER, EXECUTIVE, WORLD.officials_of("branch-2")[1])
    with pytest.raises(SignatureInvalidError):
        check_order(data, WORLD.loaded, "branch-1")


def test_a_key_that_nobody_enrolled_is_refused() -> None:
    data = envelope.sign(TYPE_ORDER, codec.to_bytes(ORDER), [key_of("a stranger")]).to_bytes()
    with pytest.raises(SignatureInvalidError):
        check_order(data, WORLD.loaded, "branch-1")


def test_a_good_signature_does_not_excuse_a_wrong_one() -> None:
    good = Envelope.from_bytes(sign(ORDER))
    other = Envelope.from_bytes(sign(structs.replace(ORDER, serial=2)))
    mixed = Envelope(good.payload_type, good.payload, (good.signatures[0], other.signatures[1]))
    with pytest.raises(SignatureInvalidError, match=other.signatures[1].keyid):
        check_order(mixed.to_bytes(), WORLD.loaded, "branch-1")


def test_a_signed_statement_of_another_type_is_no_order() -> None:
    data = envelope.sign(TYPE_BALLOT_ACCOUNT, codec.to_bytes(ORDER), [WORLD.officials[EXECUTIVE]]).to_bytes()
    with pytest.raises(SignatureInvalidError):
        check_order(data, WORLD.loaded, "branch-1")


@pytest.mark.parametrize(
    "change",
    [{"branch": "branch-2"}, {"election": "councils-6"}, {"round": 2}, {"manifest_sha256": "00" * 32}],
    ids=str,
)
def test_an_order_for_elsewhere_is_refused(change: dict[str, str | int]) -> None:
    with pytest.raises(StatementError, match="the order is for"):
        check_order(sign(structs.replace(ORDER, **change)), WORLD.loaded, "branch-1")


def test_an_unknown_branch_is_named() -> None:
    with pytest.raises(ManifestError, match="branch-9"):
        check_order(sign(ORDER), WORLD.loaded, "branch-9")


@pytest.mark.parametrize(
    ("voters", "named"),
    [
        ({COUNCIL: 814}, f"'{MAYOR}' is missing"),
        ({}, f"'{COUNCIL}' is missing"),
        ({**VOTERS_SIGNED_IN, "mayor:2": 1}, "'mayor:2' is not a contest"),
    ],
)
def test_voters_signed_in_for_other_contests(voters: dict[str, int], named: str) -> None:
    with pytest.raises(StatementError, match=named):
        check_order(
            sign(structs.replace(ORDER, kind="account", voters_signed_in=voters)), WORLD.loaded, "branch-1"
        )


def test_voters_signed_in_stand_only_in_account_orders() -> None:
    with pytest.raises(StatementError, match="'close'"):
        check_order(
            sign(structs.replace(ORDER, kind="close", voters_signed_in=VOTERS_SIGNED_IN)),
            WORLD.loaded,
            "branch-1",
        )


def test_any_flipped_byte_is_refused() -> None:
    data = WORLD.order("branch-1", "account")
    for place in range(len(data)):
        with pytest.raises(EvidenceError):
            check_order(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], WORLD.loaded, "branch-1")
