"""The gateway of an interface that was switched off and on: believed while its address stays, and no longer."""

from dataclasses import replace

from failover.routing.picture import Picture
from failover.routing.recall import Recall
from tests.failover.kernels import address, default, link

FIBRE = link(1, "fib0")
WHOLE = Picture((FIBRE,), (address(1, "10.1.0.2"),), (default(1, "10.1.0.1"),))
WIPED = replace(WHOLE, routes=())


def gateways(recall: Recall, picture: Picture, index: int = 1) -> list[str | None]:
    found = {"fibre": replace(FIBRE, index=index)}
    return [route.gateway for route in recall.fill(picture, found).routes]


def test_address_stays_and_the_route_is_gone() -> None:
    recall = Recall()
    assert gateways(recall, WIPED) == []
    assert gateways(recall, WHOLE) == ["10.1.0.1"]
    assert gateways(recall, WIPED) == ["10.1.0.1"]
    assert gateways(recall, replace(WHOLE, routes=(default(1, "10.1.0.254"),))) == ["10.1.0.254"]
    assert gateways(recall, WIPED) == ["10.1.0.254"]


def test_address_is_another_one() -> None:
    recall = Recall()
    gateways(recall, WHOLE)
    assert gateways(recall, replace(WIPED, addresses=(address(1, "10.9.0.2"),))) == []
    assert gateways(recall, WIPED) == []


def test_interface_is_another_one() -> None:
    recall = Recall()
    gateways(recall, WHOLE)
    assert gateways(recall, replace(WIPED, addresses=(address(2, "10.1.0.2"),)), index=2) == []


def test_route_came_without_gateway() -> None:
    recall = Recall()
    gateways(recall, WHOLE)
    assert gateways(recall, replace(WHOLE, routes=(default(1, None),))) == [None]
    assert gateways(recall, WIPED) == []


def test_router_of_ipv6_went_away() -> None:
    recall = Recall()
    six = Picture((FIBRE,), (address(1, "2001:db8::2"),), (default(1, "fe80::1", family=6),))
    assert gateways(recall, six) == ["fe80::1"]
    assert gateways(recall, replace(six, routes=())) == []
