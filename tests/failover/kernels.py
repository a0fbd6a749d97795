"""A kernel of our own, for the planner and the shell of the routing: it holds what it is told, and refuses twins."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from failover.routing.picture import Address, Link, Picture, Route, Rule
from failover.routing.plan import Operation
from failover.routing.ports import RoutingError


def link(index: int, name: str, **other: object) -> Link:
    whole: dict[str, object] = {
        "mac": f"02:00:00:00:00:{index:02x}",
        "mtu": 1_500,
        "up": True,
        "carrier": True,
    }
    return Link(index, name, **(whole | other))  # type: ignore[arg-type]


def address(index: int, own: str, network: str | None = None, **other: object) -> Address:
    whole: dict[str, object] = {"usable": True}
    return Address(index, 6 if ":" in own else 4, own, network, **(whole | other))  # type: ignore[arg-type]


def default(index: int, gateway: str | None, metric: int = 100, family: int = 4, table: int = 254) -> Route:
    to = "::/0" if family == 6 else "0.0.0.0/0"
    return Route(family, table, to, "unicast", index, gateway, metric, 16)  # type: ignore[arg-type]


def apply(picture: Picture, operations: Sequence[Operation]) -> Picture:
    """As the kernel does: what is deleted must be there, and no route may be added beside its twin."""
    routes, rules = list(picture.routes), list(picture.rules)
    for operation in operations:
        what = operation.what
        if isinstance(what, Rule):
            assert (what in rules) == (operation.verb == "delete"), operation
            rules.remove(what) if operation.verb == "delete" else rules.append(what)
        elif operation.verb == "delete":
            routes.remove(what)
        else:
            assert _key(what) not in {_key(route) for route in routes}, operation
            routes.append(what)
    return replace(picture, routes=tuple(routes), rules=tuple(rules))


def _key(route: Route) -> tuple[object, ...]:
    return (route.family, route.table, route.destination, route.metric)


@dataclass
class FakeKernel:
    """Implements ``failover.routing.ports.OpenKernel`` and ``Kernel``."""

    picture: Picture
    refuses: str | None = None
    silent: bool = False
    looks: int = 0
    opened: int = 0
    undoes: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, picture: Picture) -> None:
        self.picture = picture
        self._news.set()

    def break_off(self) -> None:
        self.silent = True
        self._news.set()

    async def __call__(self) -> "FakeKernel":
        if self.silent:
            raise RoutingError("listening: it is silent")
        self.opened += 1
        return self

    async def look(self) -> Picture:
        self.looks += 1
        return self.picture

    async def apply(self, operations: Sequence[Operation]) -> tuple[str, ...]:
        if self.refuses is not None:
            return (self.refuses,)
        before = self.picture
        self.change(apply(self.picture, operations))
        if self.undoes:
            self.change(before)
        return ()

    async def news(self) -> None:
        await self._news.wait()
        self._news.clear()
        if self.silent:
            raise RoutingError("listening: no buffer space")

    def close(self) -> None:
        pass
