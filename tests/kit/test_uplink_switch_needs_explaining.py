"""Every switch has its reason in the journal, flash is spared, and what technicians choose silences nobody."""

from typing import Any

import pytest

from kit import exit_codes
from kit.effects import Publish
from kit.events import LinkTestAsked, LinkUseAsked
from kit.facts import LinkSwitched
from kit.links.links import HISTORY_MAX, PIN_MAX_MS, WRITTEN_MAX
from tests.kit.harness import Branch
from tests.kit.staff import work_until

HOUR_MS = 3_600_000


def _running() -> Branch:
    branch = Branch()
    branch.settle()
    branch.advance(60_000)
    return branch


def _switches(branch: Branch) -> list[LinkSwitched]:
    return branch.facts(LinkSwitched)


def _links(branch: Branch) -> dict[str, Any]:
    links = branch.station.status(branch.now)["links"]
    assert isinstance(links, dict)
    return links


def test_first_uplink_is_journaled_with_its_health() -> None:
    (first, *_) = _switches(_running())
    assert (first.left, first.to, first.cause) == (None, "fibre", "found")
    assert first.reason.startswith("nothing worked; fibre healthy")


def test_silent_uplink_is_left_with_the_probes_it_lost_in_the_journal() -> None:
    branch = _running()
    branch.set_link("fibre", "hole")
    branch.advance(75_000)
    switch = _switches(branch)[-1]
    assert (switch.left, switch.to, switch.cause) == ("fibre", "4g", "failed")
    assert "fibre: 1 of 1 probes unanswered, silent for" in switch.reason
    assert "; 4g healthy, RTT " in switch.reason


def test_last_uplink_that_goes_leaves_words_too() -> None:
    branch = _running()
    for name in ("fibre", "4g"):
        branch.set_link(name, "refused")
    branch.advance(1_000)
    assert _switches(branch)[-1].to is None
    assert "no other uplink works" in _switches(branch)[-1].reason


def test_uplink_that_flaps_for_an_hour_does_not_fill_the_flash_and_nothing_is_forgotten() -> None:
    branch = _running()
    before = len(_switches(branch))
    for _ in range(3 * WRITTEN_MAX):
        branch.set_link("fibre", "refused")
        branch.set_link("4g", "refused")
        branch.advance(5_000)
        branch.set_link("fibre", "works")
        branch.set_link("4g", "works")
        branch.advance(65_000)
    written = _switches(branch)
    assert len(written) - before <= WRITTEN_MAX
    assert _links(branch)["unwritten"] > 0
    branch.advance(HOUR_MS + 1)
    last = _switches(branch)[-1]
    assert last.unwritten > 0
    assert last.to == _links(branch)["preferred"], "what holds in the end is not in the journal"
    assert _links(branch)["unwritten"] == 0


def test_history_survives_a_restart_and_stays_short() -> None:
    branch = _running()
    told = _links(branch)["history"]
    assert told
    branch.boot()
    branch.settle()
    assert _links(branch)["history"][: len(told)] == told
    assert branch.station.links.history.maxlen == HISTORY_MAX


def test_uplink_chosen_by_hand_is_named_first_until_its_time_is_over() -> None:
    branch = _running()
    answer = branch.ask(lambda reply: LinkUseAsked("4g", 600_000, reply))
    assert answer == {"ok": True, "pinned": "4g", "preferred": "4g"}
    assert _switches(branch)[-1].cause == "pinned"
    assert _links(branch)["pinned"] == "4g"
    branch.advance(600_001)
    assert _links(branch)["preferred"] == "fibre"
    assert _switches(branch)[-1].cause == "pin-ended"
    assert _links(branch)["pinned"] is None


def test_auto_ends_a_choice_at_once_and_a_restart_forgets_it() -> None:
    branch = _running()
    branch.ask(lambda reply: LinkUseAsked("4g", 600_000, reply))
    assert branch.ask(lambda reply: LinkUseAsked(None, 0, reply))["preferred"] == "fibre"
    branch.ask(lambda reply: LinkUseAsked("4g", 600_000, reply))
    branch.boot()
    branch.settle()
    branch.advance(60_000)
    assert _links(branch)["pinned"] is None
    assert _links(branch)["preferred"] == "fibre"


def test_chosen_uplink_that_dies_is_left_all_the_same() -> None:
    branch = _running()
    branch.ask(lambda reply: LinkUseAsked("4g", 600_000, reply))
    branch.set_link("4g", "refused")
    branch.settle()
    assert _links(branch)["preferred"] == "fibre"
    assert _switches(branch)[-1].cause == "failed"


def test_choice_by_hand_silences_no_other_uplink_when_a_result_is_on_its_way() -> None:
    branch = Branch()
    branch.center_answers = False
    work_until(branch, "closed")
    branch.ask(lambda reply: LinkUseAsked("4g", PIN_MAX_MS, reply))
    work_until(branch, "sending")
    branch.settle()
    sent = [effect for effect in branch.effects if isinstance(effect, Publish)]
    assert {effect.uplink for effect in sent} == {"fibre", "4g"}
    first = {effect.uplink for effect in sent if effect.seq == 1}
    assert first == {"fibre", "4g"}, "an envelope went out on the chosen uplink alone"


@pytest.mark.parametrize(
    ("uplink", "for_ms"), [("pigeon", 1_000), ("4g", 0), ("4g", -1), ("4g", PIN_MAX_MS + 1)]
)
def test_choice_that_cannot_be_is_refused_in_words(uplink: str, for_ms: int) -> None:
    branch = _running()
    answer = branch.ask(lambda reply: LinkUseAsked(uplink, for_ms, reply))
    assert not answer["ok"]
    assert answer["code"] == exit_codes.USAGE
    assert _links(branch)["pinned"] is None


def test_test_of_an_uplink_tells_how_long_its_echo_took() -> None:
    answer = _running().ask(lambda reply: LinkTestAsked("4g", reply))
    assert answer["echoed"] is True
    assert answer["rtt_ms"] >= 0


def test_test_of_a_hole_ends_and_says_so() -> None:
    branch = _running()
    branch.set_link("fibre", "hole")
    replies = dict(branch.replies)
    branch.post(LinkTestAsked("fibre", 900))
    branch.settle()
    assert branch.replies.keys() == replies.keys(), "answered before the echo could come"
    branch.advance(5_001)
    assert branch.replies[900] == {
        "ok": True,
        "uplink": "fibre",
        "echoed": False,
        "why": "no echo within 5.0 s",
    }


def test_test_of_an_uplink_without_a_session_says_why_at_once() -> None:
    branch = _running()
    branch.set_link("4g", "refused")
    branch.settle()
    answer = branch.ask(lambda reply: LinkTestAsked("4g", reply))
    assert answer["echoed"] is False
    assert answer["why"].startswith("it is ")


def test_probes_follow_the_polls() -> None:
    branch = Branch()
    branch.settle()
    assert _links(branch)["pace"] == "quiet"
    work_until(branch, "open")
    branch.settle()
    links = _links(branch)
    assert links["pace"] == "polls"
    assert {link["probe_every_ms"] for link in links["uplinks"]} == {9_000}
