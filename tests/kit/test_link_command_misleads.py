"""kitctl link, in both languages: what it shows, what it asks of the kit, and which exit code it gives."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from failover.events import TrafficCounted
from kit import exit_codes
from kit.cli import kitctl, link, link_words
from kit.cli.client import NoDaemonError
from kit.cli.words import Words, render
from kit.events import UplinkNoticed
from kit.questions import question
from tests.kit.harness import Branch
from tests.programs import typed

PERSIAN: Final = re.compile(r"[\u0600-\u06ff]")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def branch() -> Branch:
    made = Branch()
    made.settle()
    made.advance(60_000)
    return made


@pytest.fixture
def run(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> Run:
    """kitctl link as typed; the kit answers through what the control socket makes of a request."""

    def ask(_: Path, request: dict[str, Any]) -> dict[str, Any]:
        if request == {"op": "status"}:
            answer = {"ok": True, "status": branch.station.status(branch.now)}
        else:
            make = question(json.loads(json.dumps(request)))
            assert make is not None, f"the kit does not know {request}"
            branch.post(make(777))
            branch.settle()
            if 777 not in branch.replies:
                branch.advance(6_000)
            answer = branch.replies.pop(777)
        decoded: dict[str, Any] = json.loads(json.dumps(answer))
        return decoded

    monkeypatch.setattr(link, "ask", ask)

    def run(*words: str) -> tuple[int, str, str]:
        ended = typed(lambda: link.main(list(words)), "kitctl")
        return ended.returncode, ended.stdout, ended.stderr

    return run


def test_list_marks_the_preferred_uplink_alone(run: Run) -> None:
    code, out, _ = run("list", "--lang", "en")
    assert code == exit_codes.OK
    fibre, _, mobile, data, pace = out.splitlines()
    assert fibre.startswith("> fibre: up, score ")
    assert mobile.startswith("  4g: up, score ")
    assert data.startswith("  data: 0.0 MB of 40 MB used this month, 40.0 MB left; enough")
    assert pace == "> is preferred; pace of probes: slow (no polls)"


def test_list_warns_of_one_uplink_that_fails_and_is_critical_without_any(run: Run, branch: Branch) -> None:
    branch.set_link("fibre", "refused")
    branch.settle()
    assert run("list")[0] == exit_codes.WARNING
    branch.set_link("4g", "refused")
    branch.settle()
    code, out, _ = run("list", "--lang", "en")
    assert code == exit_codes.CRITICAL
    assert "no uplink works" in out


@pytest.mark.parametrize(("language", "word"), [("en", "used up for now"), ("fa", "فعلاً تمام شده")])
def test_show_is_silent_about_a_budget_that_is_used_up(
    run: Run, branch: Branch, language: str, word: str
) -> None:
    branch.post(TrafficCounted("fibre", 12_000_000))
    branch.settle()
    code, out, _ = run("show", "fibre", "--lang", language)
    assert code == exit_codes.OK
    assert word in out
    assert "28.0" in out, "what is left of the month"
    assert "probed every" not in out
    assert word in run("list", "--lang", language)[1]


def test_show_tells_what_probes_cost_and_what_went_wrong(run: Run, branch: Branch) -> None:
    code, out, _ = run("show", "fibre", "--lang", "en")
    assert code == exit_codes.OK
    assert "probed every 60.0 s" in out
    branch.set_link("fibre", "refused")
    branch.settle()
    code, out, _ = run("show", "fibre", "--lang", "en")
    assert code in (exit_codes.WARNING, exit_codes.CRITICAL)
    assert "last trouble: " in out
    assert "stopped working 1 times" in out


def test_what_is_odd_about_an_uplink_is_kept_from_people(run: Run, branch: Branch) -> None:
    """Until it holds no longer; by the name of the uplink, in the status, too."""
    branch.post(UplinkNoticed("4g", "tls", "its certificate ends in 5 days, on 2026-12-01"))
    branch.post(UplinkNoticed("4g", "segments", "segments of 1200 bytes hung"))
    branch.settle()
    assert "note" not in run("show", "fibre", "--lang", "en")[1]
    code, out, _ = run("show", "4g", "--lang", "en")
    assert code == exit_codes.OK
    assert "note on 4g: its certificate ends in 5 days, on 2026-12-01" in out
    assert PERSIAN.search(run("show", "4g", "--lang", "fa")[1].splitlines()[-1])
    for language, note in (("en", "note 4g: "), ("fa", "یادداشت 4g: ")):
        shown = render(branch.station.status(branch.now), Words(language)).splitlines()
        assert [line for line in shown if line.startswith(note)] == [
            f"{note}its certificate ends in 5 days, on 2026-12-01",
            f"{note}segments of 1200 bytes hung",
        ]
    branch.post(UplinkNoticed("4g", "tls", ""))
    branch.settle()
    assert json.loads(run("show", "4g", "--json")[1])["notices"] == ["segments of 1200 bytes hung"]


@pytest.mark.parametrize("words", [["show", "pigeon"], ["test", "pigeon"], ["use", "pigeon"]])
def test_uplink_that_is_not_there_is_wrong_usage_and_named(run: Run, words: list[str]) -> None:
    code, out, err = run(*words, "--lang", "en")
    assert code == exit_codes.USAGE
    assert "'pigeon'" in err
    assert "fibre, 4g" in err
    assert out == ""


def test_test_of_a_hole_is_critical_and_says_so(run: Run, branch: Branch) -> None:
    assert run("test", "4g", "--lang", "en")[0] == exit_codes.OK
    branch.set_link("4g", "hole")
    code, out, _ = run("test", "4g", "--lang", "en")
    assert code == exit_codes.CRITICAL
    assert out == "4g: no echo: no echo within 5.0 s\n"


def test_use_prefers_one_for_a_while_and_auto_ends_it(run: Run, branch: Branch) -> None:
    code, out, _ = run("use", "4g", "--for", "2m", "--lang", "en")
    assert code == exit_codes.OK
    assert out.startswith("4g is named first wherever it works, for 120 s")
    assert "4g is used by hand for another 120 s" in run("list", "--lang", "en")[1]
    branch.advance(119_000)
    assert branch.station.failover.preferred() == "4g"
    branch.advance(1_001)
    assert branch.station.failover.preferred() == "fibre"
    run("use", "4g")
    code, out, _ = run("use", "auto", "--lang", "en")
    assert (code, out) == (exit_codes.OK, "the kit chooses; preferred now: fibre\n")


@pytest.mark.parametrize("text", ["0s", "10", "13h", "m", "-5m", "1d", "999999s", "1.5h", "\u06f5m"])
def test_time_that_is_none_is_wrong_usage(run: Run, text: str) -> None:
    code, _, err = run("use", "4g", f"--for={text}")
    assert code == exit_codes.USAGE
    assert "12h at most" in err


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("90s", 90), ("10m", 600), ("12h", 43_200)])
def test_time_is_read_wrongly(text: str, seconds: int) -> None:
    assert link.duration_s(text) == seconds


def test_history_tells_each_switch_with_its_reason(run: Run, branch: Branch) -> None:
    branch.set_link("fibre", "hole")
    branch.advance(75_000)
    code, out, _ = run("history", "--lang", "en")
    assert code == exit_codes.OK
    first, *_, last = out.splitlines()
    assert "nothing -> fibre: nothing had worked (" in first
    assert "fibre -> 4g: the one before stopped working (fibre: 1 of 1 probes unanswered, silent for" in last


def test_json_is_whole_and_has_no_words(run: Run) -> None:
    assert {one["name"] for one in json.loads(run("list", "--json")[1])["uplinks"]} == {"fibre", "4g"}
    assert json.loads(run("show", "4g", "--json")[1])["name"] == "4g"
    assert json.loads(run("history", "--json")[1])["history"][0]["cause"] == "found"
    assert json.loads(run("test", "4g", "--json")[1])["echoed"] is True
    assert json.loads(run("use", "4g", "--json")[1])["pinned"] == "4g"


@pytest.mark.parametrize("words", [["list"], ["show", "4g"], ["history"], ["test", "4g"], ["use", "4g"]])
def test_persian_is_missing(run: Run, words: list[str]) -> None:
    code, out, _ = run(*words, "--lang", "fa")
    assert code == exit_codes.OK
    assert all(PERSIAN.search(line) for line in out.splitlines())


def test_one_language_has_a_sentence_that_the_other_lacks() -> None:
    assert link_words._FA.keys() == link_words._EN.keys()
    for key, sentence in link_words._EN.items():
        assert set(re.findall(r"{(\w+)", sentence)) == set(re.findall(r"{(\w+)", link_words._FA[key])), key


def test_stranger_s_words_in_a_reason_move_the_cursor(run: Run, branch: Branch) -> None:
    branch.station.failover.uplink("fibre").trouble = "\x1b[2Jdelivered"
    assert "\x1b" not in run("show", "fibre")[1]


def test_kit_that_is_away_is_unavailable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object) -> dict[str, Any]:
        raise NoDaemonError("no socket")

    monkeypatch.setattr(link, "ask", nobody)
    assert run("list")[0] == exit_codes.UNAVAILABLE


def test_help_has_no_examples(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = run("--help")
    for words in (
        "link list",
        "link show",
        "link test",
        "link history",
        "link use 4g --for 10m",
        "link use auto",
    ):
        assert f"kitctl {words}" in out
    assert "exit codes" in out
    assert kitctl._APART["link",] == "kit.cli.link"
    monkeypatch.undo()
