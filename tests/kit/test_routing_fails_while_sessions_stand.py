"""The routing of uplinks hits a bug of its own: the sessions that stand are bound to their interfaces, and go on."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from failover.events import PathChanged
from failover.routing.picture import Picture
from kit.events import Event
from kit.routes import RoutesPart
from kit.tables.uplinks import Uplink, UplinkInterface
from tests.drivers.virtual_time import VirtualLoop, now
from tests.failover.kernels import FakeKernel, address, default, link
from tests.kit.uplink_bench import Quiet

WHOLE = Picture((link(1, "fib0"),), (address(1, "10.1.0.2", "10.1.0.0/24"),), (default(1, "10.1.0.1"),))
UPLINKS = tuple(
    Uplink(name, "fibre", "centre.example", 8883, interface=UplinkInterface(name=interface))
    for name, interface in (("fibre", "fib0"), ("4g", "lte0"))
)


def test_bug_of_the_routing_ends_all_sessions() -> None:
    kernel, told = FakeKernel(WHOLE), list[PathChanged]()

    def post(event: Event) -> None:
        assert isinstance(event, PathChanged)
        told.append(event)

    async def story() -> None:
        ports = SimpleNamespace(clock=SimpleNamespace(monotonic_ms=now), open_kernel=kernel)
        part = RoutesPart(UPLINKS, cast("Any", ports), post, cast("Any", Quiet()))
        running = asyncio.get_running_loop().create_task(part.part()[1])
        await asyncio.sleep(1)
        assert [(event.uplink, event.path is not None) for event in told] == [("fibre", True), ("4g", False)]
        told.clear()
        kernel.change(replace(kernel.picture, links=("no link",)))  # type: ignore[arg-type]
        await asyncio.sleep(0.5)
        assert [event.uplink for event in told] == ["4g"]
        assert told[0].reason.startswith("its routes are not kept: the driver failed")
        assert len(kernel.picture.rules) == 2, "what sessions need to find their gateway"
        kernel.picture = replace(kernel.picture, links=WHOLE.links)
        await asyncio.sleep(5)
        assert [event.uplink for event in told if event.path is None] == ["4g", "4g"]
        assert [event.uplink for event in told if event.path is not None] == ["fibre"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert kernel.picture == WHOLE

    loop = VirtualLoop()
    try:
        loop.run_until_complete(story())
    finally:
        loop.close()
