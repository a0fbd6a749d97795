"""A kit whose uplinks are bound to interfaces: what reaches failover, and what technicians are told of it."""

import re
from typing import Any, Final

import pytest

from failover.events import PathChanged, TcpSensed
from failover.path import Path
from failover.timing import Timing
from kit import exit_codes
from kit.cli import path_words
from kit.cli.link import _health_of
from kit.cli.link_words import LinkWords
from kit.cli.words import Words, render
from kit.events import FibreHeard, ModemHeard
from kit.facts import LinkSwitched
from kit.links import lines
from kit.station import Station
from tests.kit.harness import Branch
from tests.kit.test_line_is_misread import FIBRE, READING

PERSIAN: Final = re.compile(r"[\u0600-\u06ff]")
PATH: Final = Path("wwan0", 7, ("10.64.0.2", "2001:db8::2"), 1_430, 7_102)


def bound_branch() -> Branch:
    """The 4G is bound; both uplinks have devices."""
    branch = Branch()
    branch._make = lambda: Station(
        branch.election.loaded,
        branch.name,
        uplinks=("fibre", "4g"),
        timing=Timing(),
        has_ups=False,
        modems=("m1",),
        has_fibre=True,
        bound=frozenset({"4g"}),
        lines={"fibre": "fibre", "4g": "modem:m1"},
    )
    branch.boot()
    branch.advance(60_000)
    return branch


def link_of(branch: Branch, name: str = "4g") -> dict[str, Any]:
    links: list[dict[str, Any]] = branch.station.status(branch.now)["links"]["uplinks"]
    return next(link for link in links if link["name"] == name)


def connected() -> Branch:
    branch = bound_branch()
    branch.post(PathChanged("4g", PATH, ""))
    branch.post(ModemHeard("m1", READING))
    branch.post(FibreHeard(FIBRE))
    branch.advance(60_000)
    return branch


def test_bound_uplink_connects_without_a_path_or_never() -> None:
    branch = bound_branch()
    assert (link_of(branch)["state"], link_of(branch)["path"]) == ("pathless", None)
    assert _health_of(link_of(branch)) == exit_codes.CRITICAL
    branch.post(PathChanged("4g", PATH, ""))
    branch.settle()
    assert link_of(branch)["state"] == "up"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "no path: wwan0: not there"), ("fa", "بدون مسیر: wwan0: not there")]
)
def test_uplink_without_a_path_does_not_say_why(language: str, words: str) -> None:
    branch = bound_branch()
    branch.post(PathChanged("4g", None, "wwan0: not there"))
    branch.settle()
    status = branch.station.status(branch.now)
    assert words in LinkWords(language).shown(link_of(branch), status["links"])
    assert f"4g {Words(language)('pathless')}" in render(status, Words(language))


def test_path_line_and_stall_are_not_shown() -> None:
    branch = connected()
    branch.post(TcpSensed("4g", 61, stalled=True))
    branch.settle()
    branch.advance(1_500)
    status = branch.station.status(branch.now)
    shown = LinkWords("en").shown(link_of(branch), status["links"])
    assert "path: wwan0 (index 7), from 10.64.0.2, 2001:db8::2, MTU 1430, routing table 7102" in shown
    assert "line: signal fair" in shown
    assert "TCP: round trip 61 ms; what was sent stays unacknowledged for 1.5 s" in shown
    brief = "(wwan0 10.64.0.2, signal fair, what was sent stays unacknowledged for 1.5 s)"
    assert any(line.endswith(brief) for line in LinkWords("en").listed(status["links"]))
    assert f"4g up {brief}" in render(status, Words("en"))
    assert "fibre up (light and carrier)" in render(status, Words("en"))
    for line in LinkWords("fa").shown(link_of(branch), status["links"]):
        assert PERSIAN.search(line)


def test_path_of_the_main_table_has_no_words() -> None:
    branch = bound_branch()
    branch.post(PathChanged("4g", Path("wwan0", 7, (), 1_430, None), ""))
    branch.settle()
    shown = LinkWords("en").shown(link_of(branch), branch.station.status(branch.now)["links"])
    assert "path: wwan0 (index 7), from no address, MTU 1430, routing table of the system" in shown


def test_points_that_falls_cost_are_not_shown() -> None:
    branch = connected()
    branch.set_link("4g", "refused")
    branch.set_link("4g", "works")
    branch.advance(5_000)
    status = branch.station.status(branch.now)
    penalty = link_of(branch)["penalty"]
    assert penalty > 0
    assert f"falls cost it {penalty} of 1000 points now" in LinkWords("en").shown(
        link_of(branch), status["links"]
    )


def test_line_is_left_out_of_the_reason_in_the_journal() -> None:
    branch = connected()
    branch.set_link("fibre", "refused")
    branch.settle()
    switch = branch.facts(LinkSwitched)[-1]
    assert (switch.left, switch.to) == ("fibre", "4g")
    assert re.search(r"; 4g healthy, RTT \d+ ms, signal fair$", switch.reason)


def test_lost_carrier_waits_for_a_probe() -> None:
    branch = connected()
    branch.set_link("fibre", "refused")
    branch.settle()
    branch.post(PathChanged("4g", None, "wwan0: no carrier"))
    branch.settle()
    assert branch.station.failover.usable() == ()
    assert branch.facts(LinkSwitched)[-1].reason.startswith("4g: wwan0: no carrier; ")


def test_dark_fibre_keeps_the_first_place() -> None:
    branch = connected()
    branch.post(FibreHeard(FIBRE.__class__("fib0", True, False, None, None, None)))
    branch.advance(31_000)
    assert branch.station.failover.preferred() == "4g"
    assert link_of(branch, "fibre")["line"] == {"grade": "none", "words": "no carrier"}


def test_word_of_a_line_has_no_persian() -> None:
    said = {words for _, words in (lines.NOT_KNOWN, *lines._SIM.values(), *lines._REGISTRATION.values())}
    said |= {f"signal {grade}" for grade in ("good", "fair", "poor")}
    assert said <= path_words._LINE_FA.keys()
    assert path_words._FA.keys() == path_words._EN.keys()
    for key, sentence in path_words._EN.items():
        assert set(re.findall(r"{(\w+)", sentence)) == set(re.findall(r"{(\w+)", path_words._FA[key])), key
