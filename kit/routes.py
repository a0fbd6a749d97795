"""The routing of the uplinks that are bound to interfaces, held as drivers are. Loaded only where there are any."""

from collections.abc import Coroutine
from typing import Any, Final

from drivers.ports import ModemEvent, ModemReading
from failover.events import PathChanged
from failover.routing.shell import Routes
from failover.routing.spec import How, UplinkSpec
from kit.held import hold
from kit.log import Log
from kit.ports import Ports, Post
from kit.tables.uplinks import Uplink, UplinkInterface, table_of

_WAYS: Final[tuple[How, ...]] = ("name", "mac", "device", "modem")


class RoutesPart:
    """The routing of all bound uplinks; what changes of their paths is posted."""

    def __init__(self, uplinks: tuple[Uplink, ...], ports: Ports, post: Post, log: Log) -> None:
        self._specs: Final = specs_of(uplinks)
        self._post, self._log = post, log
        self._with_path: set[str] = set()
        self._routes: Final = Routes(
            self._specs, ports.clock.monotonic_ms, self._tell, self._say, open_kernel=ports.open_kernel
        )

    def hear_modem(self, modem: str, event: ModemEvent) -> None:
        """What a modem's driver says: its readings name the interface of its data. One that is lost may still carry."""
        if isinstance(event, ModemReading):
            self._routes.modem_says(modem, event.interface)

    def part(self) -> tuple[str, Coroutine[Any, Any, None]]:
        """What is to run."""
        return "routes", hold("routes", self._routes.run, self._lost, self._log)

    def _lost(self, why: str) -> None:
        """What fails here says nothing of paths that stand: sessions are bound to their interfaces, and go on."""
        for spec in self._specs:
            if spec.uplink in self._with_path:
                continue
            self._post(PathChanged(spec.uplink, None, f"its routes are not kept: {why}"))

    def _tell(self, event: PathChanged) -> None:
        (self._with_path.discard if event.path is None else self._with_path.add)(event.uplink)
        self._log.info("path" if event.path else "no path", uplink=event.uplink, reason=event.reason)
        self._post(event)

    def _say(self, words: str) -> None:
        self._log.warning("routes", reason=words)


def specs_of(uplinks: tuple[Uplink, ...]) -> tuple[UplinkSpec, ...]:
    """What the routing must know of the uplinks that are bound."""
    return tuple(
        _spec(uplink.name, uplink.interface, place)
        for place, uplink in enumerate(uplinks)
        if uplink.interface is not None
    )


def _spec(uplink: str, interface: UplinkInterface, place: int) -> UplinkSpec:
    how = next(way for way in _WAYS if getattr(interface, way) is not None)
    value = getattr(interface, how)
    return UplinkSpec(uplink, how, value, interface.gateway, table_of(interface, place), place)
