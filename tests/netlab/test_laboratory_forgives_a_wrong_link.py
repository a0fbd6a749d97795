"""The laboratory itself: a packet that leaves by another link than its address says goes nowhere, and is seen to."""

import socket

import pytest

from tests.netlab.branch import Branch
from tests.netlab.lab import FIBRE, MOBILE, Lab
from tests.netlab.link import BROKER

WAIT_S = 1.0


def bare(lab: Lab) -> Branch:
    """A branch with routes and no kit, so that nobody made rules for its addresses."""
    return lab.branches[1]


def connect(lab: Lab, source: str, device: str | None) -> None:
    branch = bare(lab)
    with branch.namespace.inside():
        call = socket.socket()
    with call:
        if device is not None:
            call.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        call.bind((source, 0))
        call.settimeout(WAIT_S)
        call.connect((BROKER, lab.site.port))


@pytest.mark.parametrize("link", [FIBRE, MOBILE])
def test_socket_that_is_bound_to_its_interface_works(lab: Lab, link: str) -> None:
    connect(lab, bare(lab).links[link].at.near, link)


def test_socket_that_is_bound_to_an_address_alone_does_not(lab: Lab) -> None:
    """The main table sends it over the fibre, for no rule says what its address means."""
    before = lab.foreign_packets()["w1fib0"]
    with pytest.raises(TimeoutError):
        connect(lab, bare(lab).links[MOBILE].at.near, None)
    assert lab.foreign_packets()["w1fib0"] > before


def test_socket_that_is_bound_to_nothing_follows_the_routes(lab: Lab) -> None:
    fibre = bare(lab).links[FIBRE].at.near
    connect(lab, "", None)
    connect(lab, fibre, None)
