"""What comes out of a compact carrier is, byte for byte, what the device signed: whatever the centre would take."""

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from crypto import carrier, codec, envelope
from crypto.carrier import from_compact, to_compact
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError, StatementError
from crypto.seal import open_tally
from crypto.statements import BranchEntry, Finding, SealedTally, Submission
from crypto.submissions import check_submission
from crypto.wire import TYPE_ORDER
from tests.crypto.carrier_world import HASH, OTHER_HASH, account, counts, outer, outers, sealed
from tests.crypto.election_fixture import COUNCIL, MAYOR, make_election

WORLD = make_election(branches=3, terminals_per_branch=6, standbys=2, count_bits=13)
MANIFEST = WORLD.loaded

findings = st.builds(
    Finding,
    grade=st.sampled_from(get_args(get_type_hints(Finding)["grade"])),
    code=st.sampled_from(get_args(get_type_hints(Finding)["code"])),
    contest=st.sampled_from([None, COUNCIL, MAYOR]),
)


@given(outers(WORLD))
def test_any_sealed_tally_comes_back(submission: Submission) -> None:
    data = sealed(WORLD, submission)
    packed = to_compact(data, MANIFEST)
    assert from_compact(packed, MANIFEST) == data
    assert len(packed) < len(data) / 2


@given(
    outers(WORLD),
    st.fixed_dictionaries({COUNCIL: counts, MAYOR: counts}),
    st.fixed_dictionaries({COUNCIL: counts, MAYOR: counts}),
    counts,
    st.lists(findings, max_size=20),
)
def test_any_account_comes_back(
    submission: Submission,
    ballots: dict[str, int],
    voters: dict[str, int],
    counter: int,
    found: list[Finding],
) -> None:
    report = structs.replace(
        WORLD.account(submission.branch, submission.terminal, close_no=submission.close_no),
        ballots=ballots,
        public_counter=counter,
    )
    data = account(WORLD, submission, report=report, voters_signed_in=voters, findings=tuple(found))
    assert from_compact(to_compact(data, MANIFEST), MANIFEST) == data


def test_as_many_findings_as_a_statement_can_hold_come_back() -> None:
    many = (Finding(grade="note", code="signed-in-differs", contest=None),) * 1000
    data = account(WORLD, outer(WORLD), findings=many)
    assert from_compact(to_compact(data, MANIFEST), MANIFEST) == data


def test_the_tally_inside_still_opens() -> None:
    data = sealed(WORLD, outer(WORLD, prev=HASH))
    statement = check_submission(from_compact(to_compact(data, MANIFEST), MANIFEST), MANIFEST).statement
    assert isinstance(statement, SealedTally)
    assert open_tally(statement, WORLD.election_private_key, MANIFEST).tally == WORLD.tally("branch-1")


def test_wire_positions_miss_a_word_of_the_statements() -> None:
    """Positions are for ever: this list may grow, as the statements' words do, and never change."""
    assert get_args(get_type_hints(Submission)["cause"]) == carrier._CAUSES
    assert carrier._CAUSES == ("first", "replacement-kit", "reissued", "re-vote")
    assert carrier._GRADES == get_args(get_type_hints(Finding)["grade"]) == ("note", "alarm")
    assert get_args(get_type_hints(Finding)["code"]) == carrier._CODES
    assert carrier._CODES == (
        "signed-in-differs",
        "more-counted-than-signed-in",
        "candidates-do-not-add-up",
        "valid-and-invalid-do-not-add-up",
        "public-counter-differs",
        "account-differs-from-tally",
    )


def test_a_branch_may_have_more_terminals_than_the_carrier_can_name() -> None:
    (limit,) = (one for one in get_args(get_type_hints(BranchEntry, include_extras=True)["terminals"])[1:])
    assert limit.max_length == carrier._THREE_BITS + 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"branch": "branch-9"}, ManifestError),
        ({"terminal": "terminal-2-1"}, StatementError),
        ({"manifest_sha256": HASH}, StatementError),
        ({"election": "councils-8"}, StatementError),
    ],
)
def test_what_the_centre_would_refuse_is_not_packed(
    change: dict[str, Any], error: type[EvidenceError]
) -> None:
    good = envelope.Envelope.from_bytes(sealed(WORLD, outer(WORLD)))
    statement = structs.replace(codec.from_bytes(good.payload, SealedTally), **change)
    data = envelope.sign(good.payload_type, codec.to_bytes(statement), [WORLD.devices["device-1"]]).to_bytes()
    with pytest.raises(error):
        to_compact(data, MANIFEST)


def test_an_envelope_with_a_wrong_signature_is_not_packed() -> None:
    one, other = sealed(WORLD, outer(WORLD)), sealed(WORLD, outer(WORLD, seq=2))
    good, foreign = envelope.Envelope.from_bytes(one), envelope.Envelope.from_bytes(other)
    mixed = envelope.Envelope(good.payload_type, good.payload, foreign.signatures)
    with pytest.raises(SignatureInvalidError):
        to_compact(mixed.to_bytes(), MANIFEST)


def test_another_kind_of_envelope_is_not_packed() -> None:
    data = envelope.sign(TYPE_ORDER, b"{}", [WORLD.devices["device-1"]]).to_bytes()
    with pytest.raises(StatementError, match="no type of submission"):
        to_compact(data, MANIFEST)


def test_a_carrier_that_would_come_out_changed_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sealed(WORLD, outer(WORLD, prev=HASH, supersedes=OTHER_HASH))
    honest = carrier._read_outer

    def forgetful(*args: Any) -> Submission:
        return structs.replace(honest(*args), supersedes=HASH)

    monkeypatch.setattr(carrier, "_read_outer", forgetful)
    with pytest.raises(StatementError, match="send the JSON instead"):
        to_compact(data, MANIFEST)
