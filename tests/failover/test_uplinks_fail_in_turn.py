"""Uplinks that go silent, come back, slow down and refuse, in any order, with the window opening and closing."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from failover.timing import SWITCH_MAX_MS
from tests.failover.net import Net

UPLINKS = ("fibre", "4g-a", "4g-b")
_names = st.sampled_from(UPLINKS)
_SETTLED_MS = 15_000 + 10_250 + 1_500  # the longest wait, the longest connect, and the first echoes


class UplinksFailInTurn(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.net = Net(UPLINKS)
        self.critical_since: int | None = None
        self.net.after_step = self._watch

    def _watch(self) -> None:
        """After every single step: nothing is offered that has been silent for a second in the critical window."""
        if self.critical_since is None:
            return
        for name in self.net.core.usable():
            link = self.net.links[name]
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
        self.net.mend(survivor)
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
            self.net.mend(name)
            self.net.links[name].refuses = False
            self.net.links[name].rtt_ms = 20
        self.net.run(60_000 + 10_250 if not self.net.core.critical else _SETTLED_MS)
        assert set(self.net.core.usable()) == set(UPLINKS)
        self.window(critical=False)
        self.net.run(10 * 60_000)
        assert self.net.core.usable() == UPLINKS


TestUplinksFailInTurn = UplinksFailInTurn.TestCase
TestUplinksFailInTurn.settings = settings(stateful_step_count=15, deadline=None)
