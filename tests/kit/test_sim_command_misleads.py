"""kitctl on modems with two SIMs, in both languages: what it shows, what it orders, and which exit code it gives."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from kit import exit_codes
from kit.cli import link, sim_words
from kit.cli.words import Words, render
from kit.questions import question
from kit.sims.plan import SimPlan
from kit.sms.modems import ModemState
from simulators.virtual.loop import VirtualLoop
from tests.kit.sim_bench import MOBILE, MODEM, SimBench
from tests.programs import typed

PERSIAN: Final = re.compile(r"[\u0600-\u06ff]")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench() -> Iterator[SimBench]:
    with VirtualLoop(seed=5) as loop:
        made = SimBench(loop)
        made.run(90)
        yield made


@pytest.fixture
def run(bench: SimBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """kitctl link as typed; the kit answers through what the control socket makes of a request."""

    def ask(_: Path, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"ok": True, "status": bench.station.status(bench.now())}
        if request != {"op": "status"}:
            make = question(json.loads(json.dumps(request)))
            assert make is not None, f"the kit does not know {request}"
            bench.runner.post(make(777))
            bench.run(0.1)
            answer = bench.replies.pop(777)
        decoded: dict[str, Any] = json.loads(json.dumps(answer))
        return decoded

    monkeypatch.setattr(link, "ask", ask)

    def run(*words: str) -> tuple[int, str, str]:
        ended = typed(lambda: link.main(list(words)), "kitctl")
        return ended.returncode, ended.stdout, ended.stderr

    return run


def status_of(bench: SimBench, lang: str) -> list[str]:
    lines = render(bench.station.status(bench.now()), Words(lang)).splitlines()
    return [line for line in lines if "SIM" in line or "سیم‌کارت" in line]


def test_change_is_not_told(bench: SimBench, run: Run) -> None:
    assert not [line for line in status_of(bench, "en") if "of 2" in line], "all is well: nothing to say"
    bench.works["fibre"] = True
    bench.obey("sim 1 barred")
    bench.run(15)
    (_, line) = status_of(bench, "en")
    assert re.fullmatch(
        r"modem m: SIM 1 of 2; gives nothing for \d+ s: the network denies access; SIM 2 in \d+ s", line
    )
    bench.run(60)
    _, now, last = status_of(bench, "en")
    assert now == "modem m: SIM 2 of 2"
    assert re.fullmatch(
        r"  last change of modem m: \S+Z SIM 1 -> SIM 2: the one before gave nothing "
        r"\(SIM 1 gave nothing for \d+ s: the network denies access\)",
        last,
    )
    code, out, _ = run("show", MOBILE, "--lang", "en")
    assert code == exit_codes.OK
    assert now in out
    assert last in out
    assert "SIM" not in run("show", "fibre", "--lang", "en")[1]


@pytest.mark.parametrize("blow", ["sim 1 barred", "sim 1 gone"])
def test_persian_is_mixed_with_english(bench: SimBench, run: Run, blow: str) -> None:
    bench.obey(blow)
    bench.run(12)
    shown = [line for line in run("show", MOBILE, "--lang", "fa")[1].splitlines() if "سیم‌کارت" in line]
    assert shown
    assert not re.search(r"[a-z]{2,}", " ".join(shown))
    code, out, _ = run("sim", MODEM, "2", "--lang", "fa", "--anyway")
    assert (code, bool(PERSIAN.search(out))) == (exit_codes.OK, True)


def test_data_trouble_has_no_words_in_persian(bench: SimBench, run: Run) -> None:
    bench.data[1] = False
    bench.run(5)
    assert "در شبکه هست، ولی 4g ارتباطی ندارد" in run("show", MOBILE, "--lang", "fa")[1]


def test_order_does_something_else_than_it_says(bench: SimBench, run: Run) -> None:
    code, _, err = run("sim", MODEM, "2", "--lang", "en")
    assert code == exit_codes.UNAVAILABLE
    assert "its uplink is the only one that works; say --anyway" in err
    assert bench.slot == 1
    code, out, _ = run("sim", MODEM, "2", "--anyway", "--lang", "en")
    assert code == exit_codes.OK
    assert out.startswith("modem m changes over to SIM 2; a SIM needs up to a minute")
    bench.run(40)
    assert bench.slot == 2
    assert run("sim", MODEM, "2", "--lang", "en")[1] == "modem m uses SIM 2 already\n"
    assert json.loads(run("sim", MODEM, "2", "--json")[1])["changed"] is False
    assert run("sim", MODEM, "3")[0] == exit_codes.USAGE
    assert run("sim", "nobody", "1")[0] == exit_codes.USAGE
    assert run("sim", MODEM, "two")[0] == exit_codes.USAGE
    assert run("sim", MODEM)[0] == exit_codes.USAGE


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (SimPlan(2, (MOBILE,), changes=False), "the kit does not change over by itself (change_sim = false)"),
        (
            SimPlan(1, (MOBILE,), False, "ModemManager holds it"),
            "no other SIM can be used: ModemManager holds it",
        ),
    ],
)
def test_people_wait_for_a_change_that_never_comes(plan: SimPlan, words: str) -> None:
    with VirtualLoop(seed=5) as loop:
        bench = SimBench(loop, sims={MODEM: plan})
        bench.run(90)
        bench.obey("sim 1 barred")
        bench.run(12)
        assert words in status_of(bench, "en")[1]


def test_hindrance_is_told_before_it_hinders(bench: SimBench, run: Run) -> None:
    bench.obey("sim 1 barred")
    bench.run(12)
    assert "SIM 2 in " in run("show", MOBILE, "--lang", "en")[1]
    bench.station.ladder.sms.modems.states[MODEM] = state = ModemState(under_way={1})
    bench.run(60)
    assert "not changed over now: an SMS is under way" in run("show", MOBILE, "--lang", "en")[1]
    state.under_way.clear()
    bench.run(11)
    assert bench.slot == 2


def test_word_is_missing_in_one_language() -> None:
    assert set(sim_words._EN) == set(sim_words._FA)
    assert not {key for key, words in sim_words._FA.items() if not PERSIAN.search(words)}
    holes = re.compile(r"\{(\w+)\}")
    for key, words in sim_words._EN.items():
        assert set(holes.findall(words)) == set(holes.findall(sim_words._FA[key])), key
