"""The evening, through the programs: a trustee is asked too early or for too much, or answers falsely."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from crypto import canonical
from crypto.codec import b64, sha256_hex, unb64
from tests.attacks.catalogue import attack
from tests.center.evening import TOO_EARLY_S, Evening, trustees_election
from tests.crypto.election_fixture import COUNCIL, Election, seed_of

DATA, FORBIDDEN = 65, 77


@pytest.fixture(scope="module")
def election() -> Election:
    return trustees_election(2)


@pytest.fixture
def evening(tmp_path: Path, election: Election) -> Evening:
    """Two branches' envelopes are logged; nothing is ordered yet."""
    made = Evening(tmp_path, election)
    made.day("branch-1", "branch-2")
    return made


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, election: Election) -> Evening:
    """As it should be, to the end: read only."""
    made = Evening(tmp_path_factory.mktemp("opened"), election)
    made.day("branch-1", "branch-2")
    made.whole(1, 2)
    return made


def refused(evening: Evening, *words: str) -> None:
    """A trustee who is asked now says no, why, and writes nothing."""
    ran = evening.answer(1)
    assert ran.code in (DATA, FORBIDDEN), (ran.code, ran.out, ran.err)
    for word in words:
        assert word in ran.err + ran.out
    assert not evening.answers(1).exists()


def answers(evening: Evening) -> None:
    """The control: the same trustee, the same share, asked as it should be."""
    ran = evening.answer(1)
    assert ran.code == 0, ran.err
    assert evening.answers(1).exists()


@attack("partial before the order")
def test_trustee_answers_before_there_is_an_order(evening: Evening) -> None:
    """Before it is logged; before it is published; and before m witnesses saw it after the opening time."""
    evening.publish()
    refused(evening, "no opening order")
    evening.order()
    refused(evening, "no opening order")
    evening.publish()
    refused(evening, "witness")
    evening.witness(1, time_s=TOO_EARLY_S)
    evening.publish()
    refused(evening, "witness")
    evening.witness(2)
    evening.publish()
    answers(evening)


@attack("re-randomised enc of another envelope")
def test_encapsulated_key_is_used_for_two_envelopes(evening: Evening) -> None:
    """By two kits that know the key between them, so that both proofs hold: logged, flagged, and not opened."""
    honest = listed(evening)
    assert [unit["status"] for unit in honest["units"]] == ["counted", "counted"]
    assert "enc-reused" not in json.dumps(honest)
    common = seed_of("an ephemeral key that two kits share")
    made = []
    for name in ("branch-1", "branch-2"):
        device = evening.devices[name]
        report = evening.election.tally(name, close_no=2)
        made.append(device.sealed(report, ephemeral=common))
        assert evening.center.take((device, made[-1])).admitted
    shown = listed(evening)
    assert "enc-reused" in json.dumps(shown)
    counted = {unit["envelope_sha256"] for unit in shown["units"] if unit["status"] == "counted"}
    assert not counted & {sha256_hex(data) for data in made}


def listed(evening: Evening) -> dict[str, Any]:
    """The listing that the next order would be drafted with."""
    listing = evening.folder / "listing.json"
    for path in (listing, evening.folder / "order.json"):
        path.unlink(missing_ok=True)
    assert evening.draft().code in (0, 1)
    found: dict[str, Any] = json.loads(listing.read_bytes())
    return found


def changed_answers(evening: Evening, number: int, place: int, into: Path) -> Path:
    """A trustee's answers with one byte of the first partial changed."""
    facts: dict[str, Any] = json.loads(evening.answers(number).read_bytes())
    first, *rest = facts["answers"]
    partial = bytearray(unb64(first))
    partial[place] ^= 1
    facts["answers"] = [b64(bytes(partial)), *rest]
    into.write_bytes(canonical.encode(facts))
    return into


@attack("k-1 trustees", "wrong partial", "DLEQ proof of another trustee")
def test_too_few_or_false_answers_open_the_election(evening: Evening) -> None:
    evening.order()
    evening.witness(1)
    evening.publish()
    for number in (1, 2, 3):
        assert evening.answer(number).code == 0
    good = [evening.answers(number) for number in (1, 2, 3)]
    for files in ([good[0]], [good[0], good[0]]):
        ran = evening.open_by(*files)
        assert ran.code not in (0, 1, 2), ran.out
        assert not evening.result.exists()
    for place in (1, 40, 70, 112):  # context, answer, proof
        bad = changed_answers(evening, 2, place, evening.folder / "bad.json")
        ran = evening.open_by(good[0], bad)
        assert ran.code not in (0, 1, 2), ran.out
        assert "trustee-2" in ran.err or "trustee 2" in ran.err
        assert not evening.result.exists()
    facts = json.loads(good[0].read_bytes())
    renamed = evening.folder / "renamed.json"
    for trustee in (2, "trustee-2"):
        renamed.write_bytes(canonical.encode(facts | {"trustee": trustee}))
        assert evening.open_by(good[0], renamed).code not in (0, 1, 2)
    assert not evening.result.exists()
    ran = evening.open_by(good[0], good[2])
    assert ran.code in (0, 1, 2), ran.err
    assert evening.result.exists()


@attack("total differs from the sum of the leaves")
def test_total_is_published_that_the_leaves_do_not_give(opened: Evening, tmp_path: Path) -> None:
    """With trustees everything can be recomputed by everybody, down to the decryption."""
    assert opened.audit().code in (0, 1), opened.audit().out
    for name in sorted(path.relative_to(opened.public) for path in opened.public.rglob("*.json")):
        told = json.loads((opened.public / name).read_bytes())
        if COUNCIL not in told.get("contests", {}):
            continue
        copy = Path(shutil.copytree(opened.public, tmp_path / str(name).replace("/", "-")))
        told["contests"][COUNCIL]["votes"]["2"] += 1
        (copy / name).write_bytes(canonical.encode(told))
        ran = opened.audit(folder=copy)
        assert ran.code == DATA, f"{name}: {ran.out}"
        assert str(name) in ran.out or "totals.json" in ran.out
        break
    else:
        pytest.fail("no published file has totals")
