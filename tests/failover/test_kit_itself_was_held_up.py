"""A slow flash sync stops the loop for a second: every probe looks overdue, though the echoes lie in the queue."""

from failover.events import Disconnect, ProbeEchoed, Tick, UplinkLost
from tests.failover.net import Net


def _held_up(duration_ms: int) -> tuple[Net, dict[str, int]]:
    net = Net()
    net.run(60_000)
    net.open_window()
    nonces = {"fibre": 0, "4g-a": 0}
    for name in nonces:
        uplink = net.core._find(name)
        nonces[name] = uplink._under_way.nonce
    net.now += duration_ms
    return net, nonces


def test_stall_in_the_critical_window_tears_no_session_down_before_queued_echoes_are_read() -> None:
    net, nonces = _held_up(1_200)
    effects = net.tell(ProbeEchoed("fibre", nonces["fibre"]))
    assert not any(isinstance(effect, Disconnect) for effect in effects)
    assert net.core.usable() == ("fibre",)
    net.tell(ProbeEchoed("4g-a", nonces["4g-a"]))
    assert set(net.core.usable()) == {"fibre", "4g-a"}


def test_stall_does_not_save_an_uplink_that_stays_silent() -> None:
    net, _ = _held_up(1_200)
    net.tell(Tick())
    assert net.core.usable() == ()
    net.cut("fibre")
    net.cut("4g-a")
    net.run(400)
    assert len(net.links["fibre"].disconnects) == 1
    assert len(net.links["4g-a"].disconnects) == 1


def test_miss_noticed_in_time_is_not_mistaken_for_a_stall() -> None:
    net, _ = _held_up(400)
    net.cut("fibre")
    net.cut("4g-a")
    effects = net.tell(Tick())
    assert {effect.uplink for effect in effects if isinstance(effect, Disconnect)} == {"fibre", "4g-a"}


def test_clock_that_steps_back_is_held() -> None:
    net = Net(("fibre",))
    net.open_window()
    net.run(2_000)
    net.core.handle(Tick(), net.now)
    net.core.handle(UplinkLost("fibre", "reset by peer"), net.now - 1_500)
    wake_at = net.core.wake_at()
    assert wake_at is not None
    assert wake_at > net.now
