"""A plan is refused before anybody makes a key, not when the manifest is to be signed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from center.ceremony.plan import Plan
from center.cli.ceremony_desk import Desk
from crypto import codec
from tests.ceremony.hall import Hall, run, toml

Change = Callable[[dict[str, Any]], object]

TABLES = {
    "contests.csv": (
        "contest,title,blank,code,name\nc-1,شهردار,yes,02,نامزد یک\nc-1,شهردار,yes,2,Cafe\u0301\nc-2,Council,,1,x\n"
    ),
    "branches.csv": (
        "id,name,style,device,terminals,officials,standby_devices,standby_terminals\n"
        "b-1,Branch 1,s-1,kit-1,t-1 t-2,o-1 o-2,kit-s,t-s\n"
    ),
    "officials.csv": "id,body\no-1,executive\no-2,supervision\n",
}


def source(tmp_path: Path, change: Change = lambda _: None, **tables: str) -> Path:
    """A plan.toml as people fill it in, with its tables; ``change`` spoils what was a good plan."""
    plan: dict[str, Any] = {
        "election": "demo-1405",
        "round": 1,
        "kid": "demo-1405-r1",
        "log": "log.example/demo",
        "contests": "contests.csv",
        "branches": "branches.csv",
        "officials": "officials.csv",
        "commissioners": [{"id": "com-1", "body": "executive"}, {"id": "com-2", "body": "supervision"}],
        "trustees": {
            "threshold": 2,
            "members": [{"id": f"tr-{body}", "body": body} for body in ("a", "b", "c")],
        },
        "manifest_keys": {
            "threshold": 2,
            "members": [{"id": f"mk-{body}", "body": body} for body in ("a", "b", "c")],
        },
        "witnesses": {"m": 1, "names": ["witness.example"]},
        "endpoints": [{"host": "broker.example", "port": 8883}],
        "schedule": {
            "open_not_before": "2027-01-01T04:30:00Z",
            "close_not_before": "2027-01-01T14:30:00Z",
            "tally_not_before": "2027-01-01T14:30:00Z",
            "opening_not_before": "2027-01-01T16:30:00Z",
        },
        "ballot_styles": [{"id": "s-1", "contests": ["c-1", "c-2"], "count_bits": 16}],
    }
    change(plan)
    for name, text in (TABLES | {f"{name}.csv": text for name, text in tables.items()}).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = tmp_path / "plan.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in plan.items()), encoding="utf-8")
    return path


def check(path: Path) -> tuple[int, str, str]:
    return run("plan", "check", str(path), "--out", str(path.parent / "out"))


def test_good_plan_is_refused_or_changed(tmp_path: Path) -> None:
    code, out, err = check(source(tmp_path))
    assert code == 0, err
    assert "any 2 of tr-a (a), tr-b (b), tr-c (c)" in out
    written = tmp_path / "out" / "plan.json"
    plan = codec.from_bytes(written.read_bytes(), Plan)
    assert plan.contests[0].candidates[1].name == "Caf\u00e9", "composed in NFC"
    assert plan.contests[0].blank
    assert not plan.contests[1].blank
    assert plan.branches[0].all_terminals == ("t-1", "t-2", "t-s")
    fingerprint = f"fingerprint of the plan: {codec.sha256_hex(written.read_bytes())[:4]} "
    assert fingerprint in out
    assert fingerprint in run("plan", "show", str(written))[1]


def quorum(name: str, threshold: int, *bodies: str) -> Change:
    members = [{"id": f"{name}-{n}", "body": body} for n, body in enumerate(bodies)]
    return lambda plan: plan.update({name: {"threshold": threshold, "members": members}})


seventeen = quorum("trustees", 2, *(f"body-{n}" for n in range(17)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (quorum("trustees", 1, "a", "b", "c"), "one person must not open alone"),
        (quorum("trustees", 3, "a", "b", "c", "d"), "3 of 4 trustees: name at least 5"),
        (
            quorum("trustees", 2, "a", "a", "c"),
            "2 members stand for 'a', and 2 open: no body may do so alone",
        ),
        (quorum("trustees", 3, "a", "b", "c", "b", "b"), "3 members stand for 'b'"),
        (quorum("manifest_keys", 2, "a", "a", "c"), "2 members stand for 'a', and 2 sign the manifest"),
        (quorum("manifest_keys", 1, "a", "b"), "1 members stand for 'a', and 1 sign"),
        (quorum("manifest_keys", 4, "a", "b", "c"), "4 of 3 manifest keys can never sign"),
        (
            lambda p: p["manifest_keys"]["members"][0].update(id="tr-b"),
            "'tr-b' holds a manifest key and is trustee",
        ),
        (
            lambda p: p["manifest_keys"]["members"][0].update(id="com-1"),
            "holds a manifest key and is commissioner",
        ),
        (lambda p: p["manifest_keys"]["members"][0].update(id="o-1"), "holds a manifest key and is official"),
        (lambda p: p["trustees"]["members"][0].update(id="tr-b"), "'tr-b' stands twice among trustees"),
        (lambda p: p["commissioners"][0].update(id="com-2"), "'com-2' stands twice among commissioners"),
        (lambda p: p["commissioners"][0].update(body="supervision"), "all commissioners stand for one body"),
        (lambda p: p.update(commissioners=[]), "name commissioners of two bodies and at least one witness"),
        (lambda p: p.update(witnesses={"m": 0, "names": []}), "at least one witness"),
        (lambda p: p.update(witnesses={"m": 2, "names": ["w"]}), "asks for 2 of 1 witnesses"),
        (lambda p: p["ballot_styles"][0].update(contests=["c-1", "c-9"]), "names contest 'c-9'"),
        (lambda p: p["schedule"].update(opening_not_before="2026-01-01T00:00:00Z"), "runs backwards"),
        (lambda p: p.update(witnesses={"m": 1, "names": ["wit ness"]}), "wit ness"),
        (lambda p: p.update(log=".hidden"), "'.hidden' is no name of a log or witness"),
        (lambda p: (p.update(opening="slip39"), seventeen(p)), "17 SLIP-39 shares: at most 16"),
        (lambda p: p.update(electoin="x"), "electoin"),
        (lambda p: p.update(round=0), "$.round"),
        (lambda p: p.update(officials="nowhere.csv"), "nowhere.csv: there is no such file"),
    ],
)
def test_plan_that_must_not_be_carried_out(tmp_path: Path, change: Change, reason: str) -> None:
    code, _, err = check(source(tmp_path, change))
    assert code in (69, 78), err
    assert reason in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"officials": "id,body\no-1,executive\no-2,executive\n"}, "all its officials stand for one body"),
        ({"officials": "id,body\no-1,executive\n"}, "'o-2'"),
        ({"officials": "id,body\no-1\n"}, "line 2 has more or fewer fields"),
        ({"contests": "contest,title,blank,code\nc-1,x,,1\n"}, "there is no column 'name'"),
        ({"contests": TABLES["contests.csv"].replace("c-1,شهردار,yes,2", "c-1,Mayor,yes,2")}, "two titles"),
        ({"contests": TABLES["contests.csv"].replace(",2,", ",02,")}, "'02'"),
        ({"branches": TABLES["branches.csv"].replace("t-1 t-2", "t-1 t-1")}, "stands twice"),
        ({"branches": TABLES["branches.csv"].replace("t-1 t-2", "")}, "terminals"),
    ],
)
def test_table_is_filled_in_wrong(tmp_path: Path, tables: dict[str, str], reason: str) -> None:
    code, _, err = check(source(tmp_path, **tables))
    assert code == 78, err
    assert reason in err


def test_table_is_in_another_encoding(tmp_path: Path) -> None:
    path = source(tmp_path)
    (tmp_path / "contests.csv").write_bytes(TABLES["contests.csv"].encode("utf-16"))
    code, _, err = check(path)
    assert code == 78
    assert "not UTF-8" in err
    path.write_bytes(b"election = ")
    assert "not valid TOML" in check(path)[2]


def test_plan_is_changed_after_it_was_agreed_on(tmp_path: Path) -> None:
    """plan.json is never overwritten: whoever changes plan.toml has to take the agreed one away first."""
    assert check(source(tmp_path))[0] == 0
    code, _, err = check(source(tmp_path, lambda plan: plan.update(round=2)))
    assert code == 73
    assert "nothing is overwritten" in err


def test_plan_json_was_made_by_hand(tmp_path: Path) -> None:
    """Every command that starts something looks at the rules again."""
    hall = Hall.copied(tmp_path)
    path = hall.at("coordinator", "plan.json")
    path.write_bytes(path.read_bytes().replace(b'"id":"definer-1"', b'"id":"trustee-1"'))
    for command in (["plan", "show", str(path)], ["enrol", "--plan", str(path), hall.file("")]):
        code, _, err = run(*command)
        assert code == 78
        assert "'trustee-1' holds a manifest key and is trustee" in err


def test_new_plan_cannot_be_filled_in(tmp_path: Path) -> None:
    new = [
        "plan",
        "new",
        "--out",
        str(tmp_path / "n"),
        "--election",
        "demo-1405",
        "--round",
        "1",
        "--threshold",
        "2",
    ]
    new += ["--manifest-threshold", "2", "--witness", "w.example"]
    for n, body in enumerate(("a", "b", "c")):
        new += ["--trustee", f"tr-{n}:{body}", "--manifest-key", f"mk-{n}:{body}"]
    code, _, err = run(*new)
    assert code == 78
    assert "not said: commissioners, as id:body id:body" in err
    code, _, err = run(*new, "--commissioner", "com-1:a", "--commissioner", "com-2:b")
    assert code == 0, err
    for name, text in TABLES.items():
        (tmp_path / "n" / name).write_text(text.replace("s-1", "style-1"), encoding="utf-8")
    path = tmp_path / "n" / "plan.toml"
    path.write_text(path.read_text().replace('["contest-1"]', '["c-1", "c-2"]'))
    code, _, err = check(path)
    assert code == 0, err
    assert run(*new[:-1], "tr-9", "--commissioner", "nobody")[0] == 78


def test_questions_of_a_new_plan(tmp_path: Path) -> None:
    answers = {
        "id of the election": "demo-1405",
        "number of the round": "1",
        "commissioners": "com-1:a com-2:b",
        "how many trustees": "2",
        "trustees, as": "tr-1:a tr-2:b tr-3:c",
        "how many manifest keys": "2",
        "holders of manifest keys": "mk-1:a mk-2:b",
    }
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return next(answer for key, answer in answers.items() if question.startswith(key))

    code, _, err = run("plan", "new", "--out", str(tmp_path), "--witness", "w.example", desk=Desk(ask=ask))
    assert code == 0, err
    assert len(asked) == len(answers)
    text = (tmp_path / "plan.toml").read_text()
    assert 'members = [{ id = "tr-1", body = "a" }, { id = "tr-2", body = "b" }' in text
    for name, table in TABLES.items():
        (tmp_path / name).write_text(table.replace("s-1", "style-1"), encoding="utf-8")
    (tmp_path / "plan.toml").write_text(text.replace('["contest-1"]', '["c-1", "c-2"]'))
    assert check(tmp_path / "plan.toml")[0] == 0


def test_answer_breaks_out_of_the_plan(tmp_path: Path) -> None:
    new = ["plan", "new", "--out", str(tmp_path / "n"), "--round", "1", "--threshold", "2"]
    code, _, err = run(*new, "--election", 'x"\nopening = "slip39')
    assert code == 78
    assert "no answer that can stand in a plan" in err
