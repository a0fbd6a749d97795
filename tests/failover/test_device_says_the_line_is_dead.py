"""Passive evidence ranks and asks for probes; it ends no session that answers, costs no budget, and is forgotten."""

import pytest

from failover.budget import MEGABYTE, MONTH_MS, PROBE_BYTES, DataBudget
from failover.events import LineSensed, PollsChanged, TcpSensed, UplinkLost
from failover.health import LATELY_MS, Health
from failover.machine import Failover, MachineError
from failover.sensed import SCORE_MAX, WORDS_MAX
from failover.timing import Timing
from tests.failover.net import Net, path_of

PACES = ["quiet", "polls", "critical"]


def _net(pace: str = "quiet", timing: Timing | None = None) -> Net:
    net = Net(("fibre", "4g-a"), timing or Timing())
    net.run(60_000)
    if pace == "polls":
        net.tell(PollsChanged(open=True))
    elif pace == "critical":
        net.open_window()
    net.run(61_100)
    net.probes.clear()
    net.core.take_switches()
    return net


def _probes(net: Net, name: str = "4g-a") -> list[int]:
    return [at for at, uplink in net.probes if uplink == name]


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(
    "event", [LineSensed("4g-a", "none", "no light"), TcpSensed("4g-a", 40, stalled=True)]
)
def test_bad_word_waits_for_the_next_probe(pace: str, event: LineSensed | TcpSensed) -> None:
    net = _net(pace)
    net.tell(event)
    assert _probes(net) == [net.now]


@pytest.mark.parametrize("pace", PACES)
def test_device_that_lies_ends_a_session_that_answers(pace: str) -> None:
    net = _net(pace)
    net.tell(LineSensed("fibre", "none", "no light"))
    net.tell(TcpSensed("fibre", 40, stalled=True))
    net.run(120_000)
    assert not net.links["fibre"].disconnects
    assert set(net.core.usable()) == {"fibre", "4g-a"}
    assert net.core.preferred() == "4g-a", "by its device's word it ranks last"
    net.tell(LineSensed("fibre", "good", "light and carrier"))
    net.tell(TcpSensed("fibre", 40, stalled=False))
    net.run(31_000)
    assert net.core.preferred() == "fibre"


def test_dead_line_is_found_later_though_its_device_says_so() -> None:
    net = _net()
    net.cut("4g-a")
    net.tell(LineSensed("4g-a", "none", "searching for the network"))
    net.run(Timing().echo_ms)
    assert net.core.usable() == ("fibre",)


def test_modem_that_changes_its_mind_all_the_time_floods_the_line() -> None:
    net = _net()
    for _ in range(600):
        net.tell(LineSensed("4g-a", "none", "searching for the network"))
        net.run(50)
        net.tell(LineSensed("4g-a", "fair", "signal fair"))
        net.tell(TcpSensed("4g-a", 40, stalled=True))
        net.run(50)
        net.tell(TcpSensed("4g-a", 40, stalled=False))
    gaps = [later - earlier for earlier, later in zip(_probes(net), _probes(net)[1:], strict=False)]
    assert min(gaps) >= Timing().sensed_probe_ms
    assert len(_probes(net)) >= 10


def test_modem_that_changes_its_mind_in_the_window_makes_probes_pile_up() -> None:
    net = _net("critical")
    for _ in range(600):
        net.tell(TcpSensed("4g-a", 40, stalled=True))
        net.run(5)
        net.tell(TcpSensed("4g-a", 40, stalled=False))
        net.run(5)
    assert len(_probes(net)) <= 6_000 / Timing().critical_probe_ms * 2 + 2


def test_month_of_a_modem_that_changes_its_mind_costs_more_than_the_budget() -> None:
    net = Net(("4g-a",), Timing())
    net.core = Failover(("4g-a",), "device-1", Timing(), {"4g-a": (DataBudget(5 * MEGABYTE),)})
    while net.now < MONTH_MS // 4:
        net.tell(LineSensed("4g-a", "none", "searching for the network"))
        net.run(20_000)
        net.tell(LineSensed("4g-a", "fair", "signal fair"))
        net.run(20_000)
    share = 5 * MEGABYTE // 4 + 5 * MEGABYTE * 3 // 4 // 4
    assert 0 < PROBE_BYTES * len(net.probes) <= share
    assert not net.core.uplink("4g-a").spending.used_up(net.now), "promises are still paid for"


def test_poor_line_ranks_as_a_good_one() -> None:
    net = _net()
    net.tell(LineSensed("fibre", "poor", "signal poor"))
    net.run(31_000)
    assert net.core.preferred() == "4g-a"
    (switch,) = net.core.take_switches()
    assert switch.reason == "4g-a healthy, RTT 40 ms; fibre healthy, RTT 40 ms, signal poor"


def test_words_of_the_line_are_left_out_of_reasons() -> None:
    net = _net()
    net.tell(LineSensed("4g-a", "fair", "signal fair"))
    net.links["fibre"].session = 0
    net.tell(UplinkLost("fibre", "loss of signal"))
    (switch,) = net.core.take_switches()
    assert switch.reason == "fibre: loss of signal; 4g-a healthy, RTT 40 ms, signal fair"


def test_device_that_talks_for_ever_fills_memory() -> None:
    net = _net()
    net.tell(LineSensed("4g-a", "fair", "x" * 100_000))
    assert len(net.core.health("4g-a").sensed.words) == WORDS_MAX


def test_stall_of_the_session_before_is_held_against_the_next_one() -> None:
    net = _net()
    net.tell(TcpSensed("4g-a", 900, stalled=True))
    net.links["4g-a"].session = 0
    net.tell(UplinkLost("4g-a", "reset"))
    sensed = net.core.health("4g-a").sensed
    assert (sensed.stalled, sensed.tcp_rtt_ms) == (False, None)
    net.tell(TcpSensed("4g-a", 900, stalled=True))
    assert (sensed.stalled, sensed.tcp_rtt_ms) == (False, None), "a late word about a session that is no more"


def test_round_trip_of_tcp_stands_above_what_probes_just_measured() -> None:
    health = Health()
    health.sensed.hear_tcp(700, 0, stalled=False)
    assert health.rtt_at(0) == 700, "a new session that no probe has measured"
    health.echoed(40, 1_000, late=False)
    assert health.rtt_at(1_000 + LATELY_MS) == 40
    assert health.rtt_at(1_001 + LATELY_MS) == 700
    assert health.score_at(1_001 + LATELY_MS) < health.score_at(1_000)
    health.sensed.end_session()
    assert health.rtt_at(1_001 + LATELY_MS) == 40


@pytest.mark.parametrize(("grade", "points"), [("good", 0), ("fair", 50), ("poor", 200), ("none", SCORE_MAX)])
def test_grade_costs_another_score(grade: str, points: int) -> None:
    health = Health()
    health.echoed(0, 0, late=False)
    health.sensed.hear_line(grade, grade)  # type: ignore[arg-type]
    assert health.score_at(0) == SCORE_MAX - points


@pytest.mark.parametrize("critical", [False, True])
def test_modem_finds_its_network_and_the_wait_goes_on(critical: bool) -> None:
    net = Net(("4g-a",), Timing())
    net.links["4g-a"].refuses = True
    if critical:
        net.open_window()
    net.tell(LineSensed("4g-a", "none", "searching for the network"))
    net.run(600_000)
    net.links["4g-a"].refuses = False
    found_at = net.now
    net.tell(LineSensed("4g-a", "fair", "signal fair"))
    at_most_ms = Timing().critical_path_ms if critical else Timing().steady_ms
    net.run(at_most_ms + 200)
    assert net.core.usable() == ("4g-a",)
    assert next(at for at in net.links["4g-a"].connects if at >= found_at) - found_at <= at_most_ms


def test_modem_that_finds_its_network_every_second_hammers_the_centre() -> None:
    net = Net(("4g-a",), Timing())
    net.links["4g-a"].refuses = True
    net.run(600_000)
    net.links["4g-a"].connects.clear()
    for _ in range(300):
        net.tell(LineSensed("4g-a", "none", "searching for the network"))
        net.run(500)
        net.tell(LineSensed("4g-a", "fair", "signal fair"))
        net.run(500)
    assert len(net.links["4g-a"].connects) <= 300_000 / Timing().steady_ms + 2


def test_device_of_an_uplink_without_a_session_is_an_error() -> None:
    net = Net(("4g-a",), Timing(), bound=frozenset({"4g-a"}))
    for event in (LineSensed("4g-a", "none", "no SIM"), TcpSensed("4g-a", 1, stalled=True)):
        assert net.tell(event) == ()
    net.set_path("4g-a", path_of())
    net.run(1_000)
    assert net.core.usable() == ("4g-a",)
    with pytest.raises(MachineError, match="pigeon"):
        net.core.handle(LineSensed("pigeon", "none", "shot down"), net.now)
