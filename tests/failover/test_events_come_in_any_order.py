"""Whatever the shell says, in whatever order: late, twice, about sessions long gone."""

from hypothesis import given
from hypothesis import strategies as st

from failover.events import (
    Connect,
    Disconnect,
    FailoverEvent,
    LineSensed,
    PathChanged,
    PollsChanged,
    ProbeEchoed,
    TcpSensed,
    Tick,
    UplinkConnected,
    UplinkLost,
    WindowChanged,
)
from failover.machine import Failover, MachineError, Timing
from failover.path import Path

UPLINKS = ("fibre", "4g-a", "4g-b")
BOUND = frozenset({"4g-a", "4g-b"})
_names = st.sampled_from(UPLINKS)
_paths = st.builds(
    Path,
    st.sampled_from(["wwan0", "wwan1"]),
    st.integers(3, 4),
    st.sampled_from([(), ("10.0.0.2",), ("10.0.0.3", "2001:db8::3"), ("10.0.0.2", "10.0.0.3")]),
    st.sampled_from([1_280, 1_500]),
    st.sampled_from([None, 7_101]),
)
_events: st.SearchStrategy[FailoverEvent] = st.one_of(
    st.builds(UplinkConnected, _names),
    st.builds(UplinkLost, _names, st.just("lost")),
    st.builds(ProbeEchoed, _names, st.integers(1, 30)),
    st.builds(WindowChanged, st.booleans()),
    st.builds(PollsChanged, st.booleans()),
    st.builds(PathChanged, _names, st.none() | _paths, st.just("no carrier")),
    st.builds(LineSensed, _names, st.sampled_from(["good", "fair", "poor", "none"]), st.just("words")),
    st.builds(TcpSensed, _names, st.integers(0, 5_000), st.booleans()),
    st.just(Tick()),
)
_delays = st.one_of(st.integers(0, 700), st.integers(0, 60_000), st.just(10**9))


@given(st.lists(st.tuples(_delays, _events, st.booleans()), max_size=80))
def test_no_order_of_events_breaks_the_core(steps: list[tuple[int, FailoverEvent, bool]]) -> None:
    core = Failover(UPLINKS, "device-1", Timing(), bound=BOUND)
    outstanding: set[str] = set()
    paths: dict[str, Path | None] = {}
    now = 0
    for delay_ms, event, at_the_deadline in steps:
        wake_at = core.wake_at()
        assert wake_at is not None
        now = max(now, wake_at) if at_the_deadline else now + delay_ms
        ended = {event.uplink} if isinstance(event, UplinkConnected | UplinkLost) else set()
        try:
            effects = core.handle(event, now)
        except MachineError:
            assert isinstance(event, PathChanged)  # the only word that nobody may say
            assert event.uplink not in BOUND
            continue
        if isinstance(event, PathChanged):
            paths[event.uplink] = event.path
        outstanding -= ended
        for effect in effects:
            if isinstance(effect, Connect):
                assert effect.uplink not in outstanding
                assert 500 <= effect.deadline_ms <= 10_000
                assert effect.path == paths.get(effect.uplink)
                assert (effect.path is None) == (effect.uplink not in BOUND)
                outstanding.add(effect.uplink)
            elif isinstance(effect, Disconnect):
                outstanding.discard(effect.uplink)
        states = core.states()
        assert outstanding == {name for name, state in states.items() if state == "connecting"}
        pathless = {name for name, state in states.items() if state == "pathless"}
        assert pathless == {name for name in BOUND if paths.get(name) is None}
        assert set(core.usable()) == {name for name, state in states.items() if state == "up"}
        assert set(core.connected()) == {name for name, state in states.items() if state in ("up", "suspect")}
        assert core.preferred() == (core.usable() or (None,))[0]
        wake_at = core.wake_at()
        assert wake_at is not None
        assert wake_at > now


@given(st.lists(st.tuples(_delays, _events), max_size=40))
def test_same_events_give_the_same_effects(steps: list[tuple[int, FailoverEvent]]) -> None:
    def play() -> list[object]:
        core = Failover(UPLINKS, "device-1", Timing(), bound=BOUND)
        now = 0
        heard: list[object] = []
        for delay_ms, event in steps:
            now += delay_ms
            try:
                heard.append(core.handle(event, now))
            except MachineError as error:
                heard.append(str(error))
            heard.append((core.usable(), core.wake_at()))
        return heard

    assert play() == play()
