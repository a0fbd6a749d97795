"""Requests to be enrolled: whose key it is not, is not enrolled; and no key has two roles."""

from pathlib import Path

import msgspec
import pytest

from center.ceremony import papers
from center.ceremony.enrolment import request
from center.ceremony.papers import Enrolment, EnrolmentList
from crypto import codec
from crypto.key_file import HeldKey, KeyOwner
from tests.ceremony.hall import Hall, counted, run

replace = msgspec.structs.replace
NAME = "enrol-official-official-1-executive.json"


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall.copied(tmp_path)


def enrol(hall: Hall) -> tuple[int, str, str]:
    return run("enrol", "--plan", hall.file("plan.json"), hall.file(""), "--out", hall.file(""))


def test_all_are_enrolled_twice(hall: Hall) -> None:
    before = hall.at("coordinator", "enrolments.json").read_bytes()
    hall.at("coordinator", "enrol-copied-twice.json").write_bytes(hall.at("coordinator", NAME).read_bytes())
    code, out, _ = enrol(hall)
    assert code == 0
    assert "all keys of the plan are enrolled" in out
    assert hall.at("coordinator", "enrolments.json").read_bytes() == before
    paper = hall.paper(Enrolment, NAME)
    assert f"official-1-executive: {papers.fingerprint(codec.unb64(paper.public_key))}" in out


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"public_key": codec.b64(HeldKey(KeyOwner("e", 1, "log", "l"), b"\7" * 32).public)},
            "is not signed with its own key",
        ),
        ({"proof": codec.b64(bytes(64))}, "is not signed with its own key"),
        ({"proof": ""}, "is not signed with its own key"),
        ({"id": "official-1-judiciary"}, "for 'executive'; the plan says 'judiciary'"),
        ({"body": "judiciary"}, "asks to be enrolled for 'judiciary'"),
        ({"body": None}, "asks to be enrolled for None"),
        ({"role": "commissioner"}, "the plan knows no commissioner 'official-1-executive'"),
        ({"election": "council-2"}, "in election 'council-2' round 1"),
        ({"round": 2}, "round 2; this is 'rehearsal' round 1"),
        ({"public_key": codec.b64(bytes(32))}, "not a point of the prime-order group"),
        ({"public_key": codec.b64(bytes(31))}, "31 bytes"),
    ],
    ids=str,
)
def test_request_is_altered(hall: Hall, changes: dict[str, object], reason: str) -> None:
    hall.put(replace(hall.paper(Enrolment, NAME), **changes), NAME)
    code, _, err = enrol(hall)
    assert code == 65
    assert reason in err
    assert NAME in err


def test_second_key_for_one_person(hall: Hall) -> None:
    other = HeldKey(KeyOwner("rehearsal", 1, "official", "official-1-executive"), counted("other")(32))
    hall.put(request(other, "executive"), "enrol-zz.json")
    code, _, err = enrol(hall)
    assert code == 65
    assert "a second key for official 'official-1-executive': ask whose is right" in err


def test_one_key_for_two_people(hall: Hall) -> None:
    seed = hall.key("official-1-executive", "official").secret
    for role, one, body in (("official", "official-1-judiciary", "judiciary"), ("device", "device-1", None)):
        name = f"enrol-{role}-{one}.json"
        kept = hall.at("coordinator", name).read_bytes()
        hall.put(request(HeldKey(KeyOwner("rehearsal", 1, role, one), seed), body), name)  # type: ignore[arg-type]
        code, _, err = enrol(hall)
        assert code == 65
        assert "every key has one holder and one role" in err
        hall.at("coordinator", name).write_bytes(kept)


def test_list_of_the_enrolled_is_altered(hall: Hall) -> None:
    """It is carried too: whoever reads it verifies every request in it again."""
    listed = hall.paper(EnrolmentList, "enrolments.json")
    thief = HeldKey(KeyOwner("rehearsal", 1, "trustee", "trustee-1"), b"\7" + bytes(31))
    for first in (
        replace(listed.enrolments[0], public_key=codec.b64(thief.public)),
        replace(listed.enrolments[0], body="judiciary"),
    ):
        hall.put(replace(listed, enrolments=(first, *listed.enrolments[1:])), "enrolments.json")
        code, _, err = run("dkg", "session", *hall.agreed(), "--out", hall.file("new"))
        assert code == 65
        assert "enrolments.json" in err
    hall.put(replace(listed, round=2), "enrolments.json")
    assert (
        "is of election 'rehearsal' round 2"
        in run("dkg", "session", *hall.agreed(), "--out", hall.file("n"))[2]
    )
    hall.put(replace(listed, enrolments=listed.enrolments[:-1]), "enrolments.json")
    hall.remove("manifest.json")
    code, _, err = hall.build()
    assert code == 65
    assert "is not enrolled" in err


def test_key_for_somebody_whom_the_plan_does_not_know(hall: Hall, tmp_path: Path) -> None:
    new = [
        "key",
        "new",
        "--plan",
        hall.file("plan.json"),
        "--out",
        str(tmp_path / "out"),
        "--role",
        "trustee",
    ]
    code, _, err = run(*new, "--id", "trustee-9", *hall.person("trustee-1")[:2])
    assert code == 65
    assert "the plan knows no trustee 'trustee-9', but these: trustee-1, trustee-2" in err


def test_folder_without_requests(hall: Hall, tmp_path: Path) -> None:
    code, _, err = run("enrol", "--plan", hall.file("plan.json"), str(tmp_path / "hall" / "trustee-9"))
    assert code == 69
    (tmp_path / "empty").mkdir()
    code, _, err = run("enrol", "--plan", hall.file("plan.json"), str(tmp_path / "empty"))
    assert code == 69
    assert "holds no enrol-*.json" in err
