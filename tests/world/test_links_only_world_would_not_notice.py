"""Does a links-only world notice? Each rule about links is broken on purpose, and the world must say which."""

from collections.abc import Callable, Iterator

import pytest

from simulators.world.rungs import day
from tests.world import link_mutations as mutations
from tests.world.links_day import live_links

TRIES = 60  # seeds; what is broken has to be needed, and that takes its chance


def _broken(rule: Callable[[pytest.MonkeyPatch], None], sentence: str) -> object:
    return pytest.param(rule, sentence, id=f"{rule.__name__}: {sentence}")


RULES = [
    _broken(mutations.hold_down_removed, "was left for a better one after"),
    _broken(mutations.preferred_uplink_alone, "was offered and did not carry"),
    _broken(mutations.sent_once_on_each_uplink, "was receipted"),
    _broken(mutations.silence_believed_too_long, "(critical)"),
    _broken(mutations.silence_believed_too_long, "(polls)"),
    _broken(mutations.window_ignored, "(critical)"),
    _broken(mutations.path_changes_ignored, "was receipted"),
    _broken(mutations.waits_without_a_ceiling, "was receipted"),
]


def _seeds_that_notice(sentence: str, tries: int) -> Iterator[int]:
    for seed in range(1, tries + 1):
        if any(sentence in finding for finding in live_links(seed).broken):
            yield seed


@pytest.mark.parametrize(("mutation", "sentence"), RULES)
def test_rule_about_links_that_is_broken(
    mutation: Callable[[pytest.MonkeyPatch], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    assert next(_seeds_that_notice(sentence, TRIES), None), f"nothing about {sentence!r} in {TRIES} days"


def test_rate_of_switches_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    mutations.rate_of_switches_not_kept(monkeypatch)
    monkeypatch.setattr(day, "SWAYING_CHANCE", 1.0)
    assert next(_seeds_that_notice("it left a working uplink 7 times in an hour", 4), None)
