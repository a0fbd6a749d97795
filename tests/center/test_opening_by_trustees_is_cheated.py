"""Answers, orders and listings that somebody changed: found, named, and no way to another result."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from center.audit.auditing import Auditor
from center.audit.types import AuditReport
from center.opening.orders import orders_of
from center.opening.threshold import AnswersFile, check_answers
from center.opening.trustee_answers import TrusteeAnswers, answer, asked_by, read_answers
from center.publication.published_log import read_published
from crypto import canonical, codec, dleq
from crypto.edwards import from_x25519
from crypto.hpke import x25519_public
from crypto.trustees import OpeningContext, PartialOpening, TrusteeShare, partial_opening
from tests.center.command import Ran, center
from tests.center.evening import Evening, trustees_election
from tests.crypto.election_fixture import ELECTION, Election, seed_of


@pytest.fixture(scope="module")
def election() -> Election:
    return trustees_election(2)


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory, election: Election) -> Evening:
    """Two orders, each answered by all three trustees; opened and published. Read only."""
    evening = Evening(tmp_path_factory.mktemp("sound"), election)
    evening.day("branch-1")
    evening.whole(1, 2, 3)
    for number in (1, 2, 3):
        evening.answers(number).rename(evening.folder / f"first-{number}.json")
    evening.day("branch-2")
    evening.whole(1, 2, 3)
    return evening


@pytest.fixture
def copy(evening: Evening, tmp_path: Path) -> Path:
    return Path(shutil.copytree(evening.public, tmp_path / "copy"))


def first(evening: Evening, number: int) -> Path:
    return evening.folder / f"first-{number}.json"


def changed(path: Path, target: Path, **fields: Any) -> Path:
    """A file of answers with other fields."""
    answers = msgspec.structs.replace(read_answers(path.read_bytes()), **fields)
    target.write_bytes(answers.to_bytes())
    return target


def opened(evening: Evening, *files: Path, order: int = 1) -> Ran:
    return evening.open_by(*files, options=("--order", order))


def with_partial(answers: TrusteeAnswers, change: Callable[[bytes], bytes]) -> tuple[str, ...]:
    raw = codec.unb64(answers.answers[0])
    return (codec.b64(change(raw)), *answers.answers[1:])


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@pytest.mark.parametrize("at", [0, 1, 20, 32, 33, 60, 64, 65, 80, 81, 112])
def test_any_byte_of_an_answer_is_wrong(evening: Evening, tmp_path: Path, at: int) -> None:
    """Trustee, context, answer, challenge, response: the trustee is named, the others suffice."""
    good = read_answers(first(evening, 1).read_bytes())
    bad = changed(first(evening, 1), tmp_path / "bad", answers=with_partial(good, flipped(at)))
    ran = opened(evening, bad, first(evening, 2), first(evening, 3))
    assert ran.code == 1
    assert "the answers of trustee-1 to order 1 are not used" in ran.err
    (order,) = json.loads(evening.result.read_bytes())["orders"]
    assert order["trustees"] == ["trustee-2", "trustee-3"]
    ran = opened(evening, bad, first(evening, 2))
    assert ran.code == 69
    assert "right are those of trustee-2; not used: trustee-1: " in ran.err
    assert "ask trustee-1, trustee-3" in ran.err


def test_one_trustee_is_not_enough(evening: Evening) -> None:
    ran = opened(evening, first(evening, 2), first(evening, 2))
    assert (ran.code, "2 trustees have to answer, right are those of trustee-2" in ran.err) == (69, True)


def test_trustee_answers_with_a_share_that_is_not_its_own(evening: Evening, tmp_path: Path) -> None:
    """Trustee 2 makes well-formed answers of a secret of its own, in its own name and in that of trustee 1."""
    log = read_published(evening.public, trusted=evening.election.trusted, threshold=2).log
    order = orders_of(log).valid[0]
    board = evening.election.manifest.election_key.board
    assert board is not None
    forged_share = TrusteeShare(2, evening.election.shares[0].secret)
    forged = tmp_path / "forged"
    forged.write_bytes(answer(forged_share, board, order, log).to_bytes())
    ran = opened(evening, forged, first(evening, 1))
    assert (ran.code, "the proof with trustee 2's answer" in ran.err) == (69, True)
    stolen = changed(first(evening, 2), tmp_path / "stolen", trustee="trustee-1")
    ran = opened(evening, stolen, first(evening, 3))
    assert (ran.code, "not of number 1 in whose file it stands" in ran.err) == (69, True)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"trustee": "trustee-9"}, "names no trustee trustee-9"),
        ({"order_sha256": "00" * 32}, "it answers order 0000"),
        ({"number": 9}, "no order number 9"),
        ({"election": "councils-8"}, "of election councils-8"),
        ({"round": 2}, "round 2"),
    ],
)
def test_answers_are_of_something_else(
    evening: Evening, tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    bad = changed(first(evening, 1), tmp_path / "bad", **fields)
    files = (bad, first(evening, 2), evening.answers(1), evening.answers(2))
    ran = evening.open_by(*files)
    assert ran.code == 69
    ran = evening.open_by(*files, first(evening, 3))
    assert ran.code == 1
    assert problem in ran.err


def test_answers_for_fewer_or_more_envelopes(evening: Evening, tmp_path: Path) -> None:
    good = read_answers(first(evening, 1).read_bytes()).answers
    bad = changed(first(evening, 1), tmp_path / "bad", answers=(*good, *good))
    ran = opened(evening, bad, first(evening, 2))
    assert (ran.code, "it has 2 answers, the order opens 1 envelopes" in ran.err) == (69, True)


def test_file_is_written_in_the_name_of_another(evening: Evening, tmp_path: Path) -> None:
    """Nobody signs a file of answers. A forged one is found out, and takes nothing from the trustee whom it names."""
    good = read_answers(first(evening, 1).read_bytes())
    forged = [
        changed(first(evening, 1), tmp_path / "1", answers=with_partial(good, flipped(40))),
        changed(first(evening, 1), tmp_path / "2", answers=with_partial(good, flipped(90))),
        changed(first(evening, 1), tmp_path / "3", order_sha256="00" * 32),
    ]
    for files in ((*forged, first(evening, 1)), (first(evening, 1), *forged)):
        ran = opened(evening, *files, first(evening, 2))
        assert ran.code == 1, ran.err
        assert ran.err.count("the answers of trustee-1 to order 1 are not used") == 3
        (order,) = json.loads(evening.result.read_bytes())["orders"]
        assert order["trustees"] == ["trustee-1", "trustee-2"]
    assert opened(evening, *forged, first(evening, 2)).code == 69


def test_trustee_proves_the_same_answer_twice(evening: Evening) -> None:
    """With another nonce the proof is another: both files hold, and are one voice."""
    log = read_published(evening.public, trusted=evening.election.trusted, threshold=2).log
    order = orders_of(log).valid[0]
    good = read_answers(first(evening, 1).read_bytes())
    (asked,) = asked_by(order, log)
    digest = asked.context.digest(asked.enc)
    point, proof = dleq.prove(
        b"branch-kit/trustee-opening/v1/challenge" + digest,
        evening.election.shares[0].secret,
        from_x25519(asked.enc),
        nonce=(7).to_bytes(32, "little"),
    )
    again = codec.b64(PartialOpening(1, digest, point, proof).to_bytes())
    files = [
        AnswersFile("one", good),
        AnswersFile("two", msgspec.structs.replace(good, answers=(again,))),
    ]
    checked = check_answers(files, (order,), log)
    assert (checked.trustees, checked.wrong) == ({1: ("trustee-1",)}, ())
    assert not checked.opened, "one trustee is one, however often it answers"


def test_answer_is_replayed_for_another_order_or_envelope(evening: Evening, tmp_path: Path) -> None:
    """The proof holds for one envelope under one order alone."""
    second = read_answers(evening.answers(1).read_bytes())
    bad = changed(first(evening, 1), tmp_path / "bad", answers=second.answers)
    ran = opened(evening, bad, first(evening, 2))
    assert (ran.code, "answers for something else than envelope" in ran.err) == (69, True)
    log = read_published(evening.public, trusted=evening.election.trusted, threshold=2).log
    order = orders_of(log).valid[0]
    (asked,) = asked_by(order, log)
    context = OpeningContext(ELECTION, 1, "0a" * 32, asked.sha256)
    partial = partial_opening(evening.election.shares[0], asked.enc, context).to_bytes()
    bad = changed(first(evening, 1), tmp_path / "bad", answers=(codec.b64(partial),))
    assert opened(evening, bad, first(evening, 2)).code == 69
    # With the context exchanged the proof no longer holds.
    mended = PartialOpening.from_bytes(partial)
    right = PartialOpening(mended.trustee, asked.context.digest(asked.enc), mended.answer, mended.proof)
    bad = changed(first(evening, 1), tmp_path / "bad", answers=(codec.b64(right.to_bytes()),))
    ran = opened(evening, bad, first(evening, 2))
    assert (ran.code, "does not hold" in ran.err) == (69, True)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type":"trustee-answers"}', b"\x00" * 99])
def test_file_is_no_answers(evening: Evening, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad").write_bytes(data)
    ran = opened(evening, tmp_path / "bad", first(evening, 2))
    assert (ran.code, "give what center trustee answer wrote" in ran.err) == (65, True)
    assert opened(evening, tmp_path / "nowhere").code == 65


def test_trustees_are_gone_round(evening: Evening) -> None:
    """No key, no escrow, no order that is not there: the manifest says how it is opened, and nothing else will do."""
    key = evening.folder / "election.key"
    key.write_bytes(seed_of("election key"))
    ran = center("open", "--config", evening.config, "--key", key)
    assert (ran.code, "opened by answers of trustees" in ran.err) == (65, True)
    ran = center("open", "--config", evening.config, "--escrow", "slip39", "--share", key)
    assert (ran.code, "and by nothing else" in ran.err) == (65, True)
    ran = opened(evening, first(evening, 1), first(evening, 2), order=3)
    assert (ran.code, "no opening order number 3" in ran.err) == (77, True)
    assert x25519_public(key.read_bytes()) != evening.election.loaded.election_public_key


def test_nothing_wrong_is_published(evening: Evening, tmp_path: Path) -> None:
    other = Evening(tmp_path, evening.election)
    other.day("branch-1")
    other.order()
    other.witness(1)
    other.publish()
    good = other.answer(1)
    assert good.code == 0
    answers = read_answers(other.answers(1).read_bytes())
    bad = changed(other.answers(1), tmp_path / "bad", answers=with_partial(answers, flipped(100)))
    ran = super(Evening, other).publish("--answers", bad)
    assert (ran.code, "trustee-1" in ran.err, "nothing wrong is published" in ran.err) == (65, True, True)
    assert not list(other.public.glob("opening/1/answers-*"))
    # Nor an opening whose answers nobody could check.
    other.answer(2)
    assert other.open_by(other.answers(1), other.answers(2)).code == 1
    ran = super(Evening, other).publish("--opening", other.result, "--answers", other.answers(1))
    assert (ran.code, "answers-trustee-2.json" in ran.err) == (65, True)
    assert not (other.public / "totals.json").exists()
    # And what is published, stays.
    other.publish("--opening", other.result, "--answers", other.answers(2))
    (other.public / "opening" / "1" / "order.dsse.json").write_bytes(b"{}")
    assert super(Evening, other).publish().code == 65


# --- the audit -----------------------------------------------------------------------------------------------------


def audit(evening: Evening, folder: Path, previous: Path | None = None) -> AuditReport:
    return Auditor(folder, trusted=evening.election.trusted, threshold=2, previous=previous).audit()


def faulty(report: AuditReport) -> set[str]:
    assert (report.verdict == "faults") == bool(report.faults)
    return {fault.file for fault in report.faults}


def test_audit_of_a_sound_publication_leaves_something_about_decryption_open(evening: Evening) -> None:
    report = audit(evening, evening.public, previous=evening.public)
    assert report.verdict == "good", (report.faults, report.remarks)
    assert report.checked["opening orders"] == 2
    assert report.checked["trustees' answers"] == 6
    assert report.checked["openings"] == 2
    assert report.checked["witnesses after the opening time"] == 2
    assert not any("decrypt" in sentence or "recomputed" in sentence for sentence in report.not_checked)


def test_audit_passes_over_a_wrong_partial(evening: Evening, copy: Path) -> None:
    path = copy / "opening" / "1" / "answers-trustee-2.json"
    answers = read_answers(path.read_bytes())
    for at in (0, 5, 40, 70, 110):
        changed(path, path, answers=with_partial(answers, flipped(at)))
        report = audit(evening, copy)
        assert "opening/1/answers-trustee-2.json" in faulty(report), at
        assert any("trustee-2" in fault.problem for fault in report.faults)


def test_audit_passes_over_answers_of_another(evening: Evening, copy: Path) -> None:
    one, two = (copy / "opening" / "1" / f"answers-trustee-{n}.json" for n in (1, 2))
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    names = {"opening/1/answers-trustee-1.json", "opening/1/answers-trustee-2.json"}
    assert names <= faulty(audit(evening, copy))
    one.write_bytes(b.replace(b'"trustee-2"', b'"trustee-1"'))
    two.write_bytes(b)
    report = audit(evening, copy)
    assert "opening/1/answers-trustee-1.json" in faulty(report)
    assert any("in whose file it stands" in fault.problem for fault in report.faults)


def test_audit_passes_over_a_proof_replayed_for_another_envelope(evening: Evening, copy: Path) -> None:
    path = copy / "opening" / "1" / "answers-trustee-3.json"
    other = read_answers((copy / "opening" / "2" / "answers-trustee-3.json").read_bytes())
    changed(path, path, answers=other.answers)
    report = audit(evening, copy)
    assert "opening/1/answers-trustee-3.json" in faulty(report)
    assert any("something else than envelope" in fault.problem for fault in report.faults)


def test_audit_passes_over_an_answer_for_an_envelope_outside_the_order(evening: Evening, copy: Path) -> None:
    path = copy / "opening" / "1" / "answers-trustee-3.json"
    answers = read_answers(path.read_bytes())
    other = read_answers((copy / "opening" / "2" / "answers-trustee-3.json").read_bytes())
    changed(path, path, answers=(*answers.answers, *other.answers))
    report = audit(evening, copy)
    assert "opening/1/answers-trustee-3.json" in faulty(report)
    assert any("it has 2 answers, the order opens 1" in fault.problem for fault in report.faults)


def test_audit_passes_over_an_edited_order_or_listing(evening: Evening, copy: Path) -> None:
    for name in ("order.dsse.json", "listing.json"):
        path = copy / "opening" / "2" / name
        before = path.read_bytes()
        for data in (before[:-1] + b" ", before.replace(b"branch-1", b"branch-2"), b"", b"{}"):
            if data != before:
                path.write_bytes(data)
                assert f"opening/2/{name}" in faulty(audit(evening, copy))
        path.write_bytes((copy / "opening" / "1" / name).read_bytes())
        assert f"opening/2/{name}" in faulty(audit(evening, copy))
        path.unlink()
        assert f"opening/2/{name}" in faulty(audit(evening, copy))
        path.write_bytes(before)
    assert audit(evening, copy).verdict == "good"


def test_audit_passes_over_answers_that_are_taken_back(evening: Evening, copy: Path) -> None:
    for trustee in (1, 2):
        (copy / "opening" / "1" / f"answers-trustee-{trustee}.json").unlink()
    report = audit(evening, copy)
    assert {"opening/3.json", "opening/6.json"} <= faulty(report)
    report = audit(evening, copy, previous=evening.public)
    assert "opening/1/answers-trustee-1.json" in faulty(report)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts["orders"][0].update(trustees=["trustee-1"]),
        lambda facts: facts["orders"][0].update(trustees=["trustee-1", "trustee-9"]),
        lambda facts: facts["orders"][0].update(trustees=["trustee-1", "trustee-1"]),
        lambda facts: facts["orders"][1].update(sha256="00" * 32),
        lambda facts: facts["orders"][1].update(opened=2),
        lambda facts: facts["orders"].pop(),
        lambda facts: facts["orders"].pop(0),
        lambda facts: facts.update(orders=[]),
        lambda facts: facts.update(plan_b=True),
        lambda facts: facts.update(opening="single-key"),
        lambda facts: facts["units"][0].update(order=2),
        lambda facts: facts["units"][0].update(code="adjudicated"),
        lambda facts: facts["units"][0].update(status="set-aside", contests={}, disclosures=[]),
        lambda facts: facts["units"][0]["disclosures"][0].update(blind="AAAA"),
        lambda facts: facts["units"][1].update(public_counter=1),
        lambda facts: facts["units"].pop(),
        lambda facts: facts["contests"].popitem(),
    ],
)
def test_audit_believes_an_opening_that_was_changed(
    evening: Evening, copy: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    path = copy / "opening" / "6.json"
    facts = json.loads(path.read_bytes())
    change(facts)
    path.write_bytes(canonical.encode(facts))
    assert "opening/6.json" in faulty(audit(evening, copy))


def test_totals_hide_how_it_was_opened(evening: Evening, copy: Path) -> None:
    path = copy / "totals.json"
    changes: list[dict[str, Any]] = [{"orders": []}, {"plan_b": True}, {"opening": "slip39"}]
    for change in changes:
        facts = json.loads((evening.public / "totals.json").read_bytes())
        path.write_bytes(canonical.encode(facts | change))
        assert "totals.json" in faulty(audit(evening, copy))


def test_something_lies_in_the_folder_of_an_order(evening: Evening, copy: Path) -> None:
    (copy / "opening" / "1" / "answers-trustee-7.json").write_bytes(b"{}")
    (copy / "opening" / "9").mkdir()
    (copy / "opening" / "9" / "order.dsse.json").write_bytes(b"{}")
    report = audit(evening, copy)
    assert report.verdict == "remarks"
    assert {"opening/1/answers-trustee-7.json", "opening/9/order.dsse.json"} <= {
        remark.file for remark in report.remarks
    }
