"""Uplinks that go silent, come back, slow down and refuse, in any order, with the window opening and closing."""

from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from failover.events import LineGrade, LineSensed, TcpSensed
from failover.path import Path
from failover.timing import SWITCH_MAX_MS
from tests.failover.net import Net, path_of

UPLINKS = ("fibre", "4g-a", "4g-b")
BOUND = frozenset({"fibre", "4g-a"})
PATHS = (
    path_of("wwan0", 3),
    path_of("wwan0", 3, "10.0.0.9"),
    path_of("wwan1", 4),
    path_of("wwan0", 3, mtu=1_280),
)
_names = st.sampled_from(UPLINKS)
_SETTLED_MS = 15_000 + 10_250 + 1_500  # the longest wait, the longest connect, and the first echoes


class UplinksFailInTurn(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.net = Net(UPLINKS, bound=BOUND)
        for name in BOUND:
            self.net.set_path(name, PATHS[0])
        self.critical_since: int | None = None
        self.net.after_step = self._watch

    def _heal(self, name: str) -> None:
        self.net.mend(name)
        if name in BOUND and self.net.links[name].path is None:
            self.net.set_path(name, PATHS[0])

    def _watch(self) -> None:
        """After every single step: nothing is offered that has been silent for a second in the critical window."""
        if self.critical_since is None:
            return
        for name in self.net.core.usable():
            link = self.net.links[name]
            assert name not in BOUND or link.path is not None, f"{name} is offered without a path"
            heard_at = max(link.last_echo_at, self.critical_since, link.connects[-1] + link.connect_ms)
            assert self.net.now - heard_at < SWITCH_MAX_MS, f"{name} is silent and still offered"

    @rule(name=_names)
    def cut(self, name: str) -> None:
        self.net.cut(name)

    @rule(name=_names, rtt_ms=st.sampled_from([20, 80, 350]), refuses=st.booleans())
    def change(self, name: str, rtt_ms: int, refuses: bool) -> None:
        self.net.links[name].rtt_ms = rtt_ms
        self.net.links[name].refuses = refuses

    @rule(name=_names)
    def mend(self, name: str) -> None:
        self.net.mend(name)

    @rule(name=st.sampled_from(sorted(BOUND)), path=st.sampled_from([None, *PATHS]))
    def path_changes(self, name: str, path: Path | None) -> None:
        self.net.set_path(name, path)

    @rule(name=st.sampled_from(sorted(BOUND)), times=st.integers(1, 9))
    def path_flaps(self, name: str, times: int) -> None:
        for _ in range(times):
            self.net.set_path(name, None)
            self.net.run(500)
            self.net.set_path(name, PATHS[0])
            self.net.run(500)

    @rule(name=_names, grade=st.sampled_from(get_args(LineGrade)), stalled=st.booleans())
    def evidence(self, name: str, grade: LineGrade, stalled: bool) -> None:
        before = len(self.net.links[name].disconnects)
        self.net.tell(LineSensed(name, grade, "words"))
        self.net.tell(TcpSensed(name, 50, stalled))
        assert len(self.net.links[name].disconnects) == before, "passive evidence ended a session"

    @rule(critical=st.booleans())
    def window(self, critical: bool) -> None:
        if critical != self.net.core.critical:
            self.critical_since = self.net.now if critical else None
        if critical:
            self.net.open_window()
        else:
            self.net.close_window()

    @rule(duration_ms=st.one_of(st.integers(1, 900), st.integers(900, 20_000)))
    def wait(self, duration_ms: int) -> None:
        self.net.run(duration_ms)

    @rule(survivor=_names)
    def all_but_one_fail_in_the_critical_window(self, survivor: str) -> None:
        self._heal(survivor)
        self.net.links[survivor].refuses = False
        self.net.links[survivor].rtt_ms = 20
        self.window(critical=True)
        self.net.run(_SETTLED_MS)
        assert survivor in self.net.core.usable()
        others = [name for name in UPLINKS if name != survivor]
        for name in others:
            self.net.cut(name)
        self.net.run(SWITCH_MAX_MS)
        assert self.net.core.usable() == (survivor,)
        assert self.net.core.preferred() == survivor

    @invariant()
    def someone_will_wake_up(self) -> None:
        wake_at = self.net.core.wake_at()
        assert wake_at is not None
        assert wake_at <= self.net.now + 60_000 + 10_250

    def teardown(self) -> None:
        """Heal everything, then demand that everything comes back."""
        for name in UPLINKS:
            self._heal(name)
            self.net.tell(LineSensed(name, "good", ""))
            self.net.tell(TcpSensed(name, 20, stalled=False))
            self.net.links[name].refuses = False
            self.net.links[name].rtt_ms = 20
        self.net.run(60_000 + 10_250 if not self.net.core.critical else _SETTLED_MS)
        assert set(self.net.core.usable()) == set(UPLINKS)
        self.window(critical=False)
        self.net.run(10 * 60_000)
        assert self.net.core.usable() == UPLINKS


TestUplinksFailInTurn = UplinksFailInTurn.TestCase
TestUplinksFailInTurn.settings = settings(stateful_step_count=15, deadline=None)
