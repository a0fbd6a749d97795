"""Acts of the centre: two commissioners of different bodies over the same bytes, about what the manifest knows."""

from typing import Any

import pytest
from msgspec import structs

from crypto import canonical, codec, envelope
from crypto.act_statements import Adjudication, LogPosition, OpeningOrder, ScheduleChange
from crypto.acts import (
    AnyAct,
    add_signature,
    check_act,
    check_unsigned,
    is_act,
    read_act,
    read_draft,
    sign_act,
    signers_of,
    to_draft,
)
from crypto.envelope import Envelope
from crypto.errors import (
    EncodingError,
    EvidenceError,
    ManifestError,
    SignatureInvalidError,
    StatementError,
)
from crypto.manifest import load
from crypto.submissions import check_submission
from crypto.wire import (
    TYPE_ADJUDICATION,
    TYPE_OPENING_ORDER,
    TYPE_ORDER,
    TYPE_SCHEDULE_CHANGE,
    TYPE_SEALED_TALLY,
)
from tests.crypto.election_fixture import ELECTION, SCHEDULE, key_of, make_election

WORLD = make_election(2, standbys=1)
EXECUTIVE, SUPERVISION = (
    WORLD.commissioners["commissioner-executive"],
    WORLD.commissioners["commissioner-supervision"],
)
HEAD: dict[str, Any] = {
    "election": ELECTION,
    "round": 1,
    "manifest_sha256": WORLD.loaded.sha256,
    "number": 1,
    "prev": None,
}
CHANGE = ScheduleChange(**HEAD, branch=None, schedule=SCHEDULE, reason="queues")
ADJUDICATION = Adjudication(
    **HEAD,
    branch="branch-1",
    terminal="terminal-1-1",
    decision="count",
    envelope_sha256="ab" * 32,
    cause="two-kits",
    reason="the minutes name the first kit",
)
ORDER = OpeningOrder(
    **HEAD,
    log=LogPosition(size=7, root="cd" * 32),
    listing_sha256="ef" * 32,
    counted=2,
    set_aside=0,
    absent=0,
)
ACTS: dict[str, AnyAct] = {
    TYPE_SCHEDULE_CHANGE: CHANGE,
    TYPE_ADJUDICATION: ADJUDICATION,
    TYPE_OPENING_ORDER: ORDER,
}
all_acts = pytest.mark.parametrize("type_", ACTS)


def signed(act: AnyAct) -> bytes:
    return sign_act(act, [EXECUTIVE, SUPERVISION])


def forged(type_: str, statement: AnyAct | bytes, *keys: Any) -> bytes:
    payload = statement if isinstance(statement, bytes) else codec.to_bytes(statement)
    return envelope.sign(type_, payload, keys or (EXECUTIVE, SUPERVISION)).to_bytes()


@all_acts
def test_two_commissioners_of_different_bodies_suffice(type_: str) -> None:
    data = signed(ACTS[type_])
    checked = check_act(data, WORLD.loaded)
    assert checked.statement == read_act(data) == ACTS[type_]
    assert (checked.data, checked.sha256) == (data, codec.sha256_hex(data))
    assert {one.body for one in checked.commissioners} == {"executive", "supervision"}
    assert is_act(Envelope.from_bytes(data).payload_type)


@all_acts
def test_signatures_are_added_one_after_the_other(type_: str) -> None:
    first = sign_act(ACTS[type_], [SUPERVISION])
    assert [one.id for one in signers_of(first, WORLD.loaded)] == ["commissioner-supervision"]
    both = add_signature(first, EXECUTIVE, WORLD.loaded)
    assert both == signed(ACTS[type_]), "the order of signing leaves no trace"


@all_acts
def test_draft_is_what_will_be_signed(type_: str) -> None:
    draft = to_draft(ACTS[type_])
    assert read_draft(draft) == ACTS[type_]
    assert Envelope.from_bytes(signed(ACTS[type_])).payload == draft


@all_acts
@pytest.mark.parametrize("key", [EXECUTIVE, SUPERVISION])
def test_act_of_one_commissioner_is_refused(type_: str, key: Any) -> None:
    with pytest.raises(SignatureInvalidError, match="of another body must sign"):
        check_act(sign_act(ACTS[type_], [key]), WORLD.loaded)


def test_two_commissioners_of_one_body_are_one_voice() -> None:
    second = key_of("commissioner-executive-2")
    twin = structs.replace(
        WORLD.manifest.commissioners[0], id="commissioner-executive-2", public_key=codec.b64(second.public)
    )
    manifest = structs.replace(WORLD.manifest, commissioners=(*WORLD.manifest.commissioners, twin))
    data = WORLD.sign_unchecked(manifest)
    loaded = load(data, trusted=WORLD.trusted, threshold=2)
    act = structs.replace(CHANGE, manifest_sha256=loaded.sha256)
    with pytest.raises(SignatureInvalidError, match="'executive' alone"):
        check_act(sign_act(act, [EXECUTIVE, second]), loaded)
    assert len(check_act(sign_act(act, [EXECUTIVE, SUPERVISION, second]), loaded).commissioners) == 3


@pytest.mark.parametrize(
    "stranger", ["official-1-supervision", "manifest-1", "device-1", "log", "nobody at all"]
)
def test_key_with_another_role_signs_no_act(stranger: str) -> None:
    data = sign_act(CHANGE, [EXECUTIVE, key_of(stranger)])
    for refuse in (check_act, signers_of):
        with pytest.raises(SignatureInvalidError, match="not trusted"):
            refuse(data, WORLD.loaded)
    with pytest.raises(SignatureInvalidError, match="not trusted"):
        add_signature(data, SUPERVISION, WORLD.loaded)
    with pytest.raises(SignatureInvalidError, match="not the key of a commissioner"):
        add_signature(sign_act(CHANGE, [EXECUTIVE]), key_of(stranger), WORLD.loaded)


def test_commissioner_cannot_sign_twice() -> None:
    with pytest.raises(SignatureInvalidError, match="signed the act already"):
        add_signature(sign_act(CHANGE, [EXECUTIVE]), EXECUTIVE, WORLD.loaded)


def test_signature_under_a_wrong_one_is_not_given() -> None:
    first = Envelope.from_bytes(sign_act(ADJUDICATION, [EXECUTIVE]))
    other = Envelope.from_bytes(sign_act(structs.replace(ADJUDICATION, reason="other"), [EXECUTIVE]))
    mixed = Envelope(first.payload_type, other.payload, first.signatures).to_bytes()
    for refuse in (check_act, signers_of):
        with pytest.raises(SignatureInvalidError):
            refuse(mixed, WORLD.loaded)
    with pytest.raises(SignatureInvalidError):
        add_signature(mixed, SUPERVISION, WORLD.loaded)


@all_acts
@pytest.mark.parametrize("other", [*ACTS, TYPE_ORDER, TYPE_SEALED_TALLY])
def test_payload_type_cannot_be_exchanged(type_: str, other: str) -> None:
    """Neither by relabelling a signed act, nor by signing one under another name."""
    if other == type_:
        return
    first = Envelope.from_bytes(signed(ACTS[type_]))
    relabelled = Envelope(other, first.payload, first.signatures).to_bytes()
    with pytest.raises((SignatureInvalidError, StatementError)):
        check_act(relabelled, WORLD.loaded)
    with pytest.raises(StatementError):
        check_act(forged(other, ACTS[type_]), WORLD.loaded)


def test_envelope_of_a_branch_is_no_act_and_the_other_way_round() -> None:
    with pytest.raises(StatementError, match="no type of submission"):
        check_submission(signed(CHANGE), WORLD.loaded)
    order = WORLD.order("branch-1", "open")
    for refuse in (check_act, signers_of):
        with pytest.raises(StatementError, match="no act of the centre"):
            refuse(order, WORLD.loaded)
    for read in (read_act, lambda data: add_signature(data, EXECUTIVE, WORLD.loaded)):
        with pytest.raises(StatementError, match="no act of the centre"):
            read(order)


@all_acts
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"election": "councils-8"}, "election"),
        ({"round": 2}, "round"),
        ({"manifest_sha256": "00" * 32}, "manifest_sha256"),
        ({"number": 2}, "name the one before"),
        ({"prev": "00" * 32}, "name the one before"),
    ],
)
def test_act_of_something_else_is_refused(type_: str, changes: dict[str, Any], field: str) -> None:
    act = structs.replace(ACTS[type_], **changes)
    for refuse in (
        lambda: check_act(signed(act), WORLD.loaded),
        lambda: check_unsigned(act, WORLD.loaded),
        lambda: add_signature(sign_act(act, [EXECUTIVE]), SUPERVISION, WORLD.loaded),
    ):
        with pytest.raises(StatementError, match=field):
            refuse()


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (structs.replace(CHANGE, branch="branch-9"), ManifestError, "branch-9"),
        (structs.replace(ADJUDICATION, branch="branch-9"), ManifestError, "branch-9"),
        (structs.replace(ADJUDICATION, branch="branch-2"), StatementError, "does not belong"),
        (structs.replace(ADJUDICATION, terminal="terminal-9-9"), StatementError, "does not belong"),
        (structs.replace(ADJUDICATION, envelope_sha256=None), StatementError, "names the envelope"),
        (structs.replace(ADJUDICATION, decision="absent"), StatementError, "names the envelope"),
        (structs.replace(ADJUDICATION, decision="set-aside"), StatementError, "names the envelope"),
    ],
)
def test_act_about_what_cannot_be_meant_is_refused(
    act: AnyAct, error: type[EvidenceError], says: str
) -> None:
    with pytest.raises(error, match=says):
        check_act(signed(act), WORLD.loaded)


@pytest.mark.parametrize("field", SCHEDULE.__struct_fields__)
def test_schedule_names_no_moment_of_the_calendar(field: str) -> None:
    """Such a leaf could not be compared with any time: no trustee could ever tell whether it may answer."""
    never = structs.replace(CHANGE, schedule=structs.replace(SCHEDULE, **{field: "2027-02-30T10:00:00Z"}))
    with pytest.raises(StatementError, match="no moment of the calendar"):
        check_act(sign_act(never, [EXECUTIVE, SUPERVISION]), WORLD.loaded)


def test_standby_terminal_can_be_adjudicated() -> None:
    act = structs.replace(ADJUDICATION, terminal="standby-terminal-1-1")
    assert check_act(signed(act), WORLD.loaded).statement == act


@all_acts
def test_statement_with_an_unknown_or_missing_field_is_refused(type_: str) -> None:
    value = dict(canonical.decode(codec.to_bytes(ACTS[type_]), max_bytes=10_000))  # type: ignore[call-overload]
    for changed in (value | {"surplus": 1}, {name: value[name] for name in value if name != "number"}):
        payload = canonical.encode(changed)
        with pytest.raises(StatementError):
            check_act(forged(type_, payload), WORLD.loaded)
        with pytest.raises(StatementError):
            read_draft(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": ""},
        {"reason": "x" * 301},
        {"cause": "because"},
        {"decision": "maybe"},
        {"number": 0},
        {"terminal": "a/b"},
    ],
)
def test_field_outside_its_limits_is_neither_signed_nor_drafted(changes: dict[str, Any]) -> None:
    act = structs.replace(ADJUDICATION, **changes)
    with pytest.raises(StatementError):
        signed(act)
    with pytest.raises(StatementError):
        to_draft(act)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"type":"tally"}', b'{"type":7}', b'{"type":["adjudication"]}', b"\xff"]
)
def test_draft_that_is_no_act_is_refused(data: bytes) -> None:
    with pytest.raises((StatementError, EncodingError)):
        read_draft(data)


def test_negative_counts_cannot_be_ordered() -> None:
    for name in ("counted", "set_aside", "absent"):
        with pytest.raises(StatementError):
            signed(structs.replace(ORDER, **{name: -1}))
    with pytest.raises(StatementError):
        signed(structs.replace(ORDER, log=LogPosition(size=0, root="cd" * 32)))
