import copy
from typing import get_args

import pytest

from failover.events import (
    Connect,
    Disconnect,
    FailoverEvent,
    LineSensed,
    PathChanged,
    ProbeEchoed,
    Tick,
    UplinkConnected,
    UplinkLost,
    WindowChanged,
)
from failover.machine import TABLE, UPLINKS_MAX, Failover, MachineError, Timing
from failover.table import Action, Happening, State
from failover.uplink import Uplink
from tests.failover.net import Net


def _all_of(core: Failover) -> object:
    """Everything that a core knows, comparable."""
    uplinks = {}
    for name, uplink in core._uplinks.items():
        known = copy.copy(vars(uplink))
        health, spending = known.pop("health"), known.pop("spending")
        known["budgets"] = [vars(budget) for budget in spending.budgets]
        known["spending"] = (spending.sim, spending.not_before, spending._cost, spending._tried_at)
        known["_under_way"] = list(uplink._under_way._sent)
        uplinks[name] = (known, list(health._window), health.late_echoes, health.stray_echoes)
    return uplinks, core.critical, core._now, core.usable(), core._ranking._ahead_since.copy()


@pytest.mark.parametrize(
    "event",
    [
        PathChanged("fibre", None, "no carrier"),  # it is bound to no interface
        UplinkConnected("carrier-pigeon"),
        UplinkLost("carrier-pigeon", "shot down"),
        ProbeEchoed("carrier-pigeon", 1),
    ],
)
def test_impossible_event_is_a_named_error_and_changes_nothing(event: FailoverEvent) -> None:
    net = Net()
    net.run(20_000)
    before = copy.deepcopy(_all_of(net.core))
    with pytest.raises(MachineError, match=r"fibre"):
        net.core.handle(event, net.now + 60_000)
    assert _all_of(net.core) == before
    net.tell(Tick())
    assert net.core.usable() == ("fibre", "4g-a")


def test_error_names_the_uplink_the_happening_and_the_state() -> None:
    with pytest.raises(MachineError, match=r"uplink 'fibre': 'echo' cannot happen while 'down'"):
        Uplink("fibre", "device-1", Timing()).happen("echo", 0)


def test_session_that_stands_too_late_is_taken_for_the_next_one() -> None:
    """The disk held the kit up: the word of one session is read after the next one was asked for."""
    core = Failover(("fibre",), "device-1", Timing())
    core.handle(WindowChanged(critical=True), 0)
    (given_up,) = core.handle(Tick(), 800)
    assert isinstance(given_up, Disconnect)
    assert isinstance(core.handle(LineSensed("fibre", "good", "light"), 1_200)[0], Connect)
    core.handle(UplinkConnected("fibre"), 1_201)  # of the one that was given up
    assert core.states() == {"fibre": "up"}
    assert core.handle(UplinkConnected("fibre"), 1_300) == ()
    assert core.states() == {"fibre": "up"}
    core.handle(Tick(), 1_700)
    assert core.states() == {"fibre": "suspect"}
    assert core.handle(UplinkConnected("fibre"), 1_701) == ()
    core.handle(ProbeEchoed("fibre", 1), 1_702)
    assert core.states() == {"fibre": "up"}


def test_session_that_was_given_up_before_it_stood_is_refused() -> None:
    core = Failover(("fibre",), "device-1", Timing())
    core.handle(Tick(), 0)
    (given_up,) = core.handle(Tick(), 10_250)
    assert isinstance(given_up, Disconnect)
    (refused,) = core.handle(UplinkConnected("fibre"), 10_251)
    assert isinstance(refused, Disconnect)
    assert core.states() == {"fibre": "down"}


def test_loss_told_after_we_hung_up_ourselves_changes_nothing() -> None:
    core = Failover(("fibre",), "device-1", Timing())
    core.handle(Tick(), 0)
    core.handle(Tick(), 10_250)
    wake_at = core.wake_at()
    assert core.handle(UplinkLost("fibre", "closed"), 10_251) == ()
    assert core.wake_at() == wake_at


def test_loss_that_may_be_of_the_session_before_ends_the_attempt_under_way_too() -> None:
    core = Failover(("fibre",), "device-1", Timing())
    core.handle(Tick(), 0)
    (ended,) = core.handle(UplinkLost("fibre", "closed"), 1)
    assert isinstance(ended, Disconnect)


def test_echo_from_the_session_before_says_nothing_about_this_one() -> None:
    net = Net(("fibre",))
    net.run(5_000)
    old = net.core._find("fibre")._under_way.nonce
    net.links["fibre"].session = 0
    net.tell(UplinkLost("fibre", "reset by peer"))
    net.run(4_000)
    assert net.core.usable() == ("fibre",)
    net.cut("fibre")
    net.run(24_000)
    assert net.core.usable() == ()
    net.tell(ProbeEchoed("fibre", old))
    assert net.core.usable() == ()
    assert net.core.health("fibre").stray_echoes == 1


def test_echo_heard_twice_counts_once() -> None:
    net = Net(("fibre",))
    net.run(1_000)
    window = list(net.core.health("fibre")._window)
    net.tell(ProbeEchoed("fibre", 1))
    assert list(net.core.health("fibre")._window) == window
    assert net.core.health("fibre").stray_echoes == 1


def test_table_leads_nowhere_that_it_does_not_know_and_leaves_no_action_unused() -> None:
    assert set(TABLE) == set(get_args(State))
    assert {to for row in TABLE.values() for to, _ in row.values()} == set(TABLE)
    assert {happening for row in TABLE.values() for happening in row} == set(get_args(Happening))
    assert {action for row in TABLE.values() for _, action in row.values()} == set(get_args(Action))
    assert set(Uplink._ACTIONS) == set(get_args(Action))


@pytest.mark.parametrize("state", get_args(State))
def test_words_about_the_past_are_known_in_every_state(state: State) -> None:
    assert {"lost", "stray-echo", "window-opened", "window-closed"} <= set(TABLE[state])


@pytest.mark.parametrize(
    "uplinks", [(), ("fibre", "fibre"), tuple(f"uplink-{number}" for number in range(UPLINKS_MAX + 1))]
)
def test_uplinks_that_make_no_ladder_are_refused(uplinks: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"uplink"):
        Failover(uplinks, "device-1", Timing())


def test_window_change_while_nothing_is_connected_is_no_error() -> None:
    core = Failover(("fibre",), "device-1", Timing())
    core.handle(WindowChanged(critical=True), 0)
    assert core.critical
    assert core.states() == {"fibre": "connecting"}
