"""A network namespace of one's own on the real kernel, with a cable in it: a pair of virtual Ethernet interfaces.

While one is entered, everything that this thread and its children open lies in it: the loopback included, so every port
is free. That takes root, or CAP_SYS_ADMIN and CAP_NET_ADMIN; where it is not permitted, a test that needs it is skipped
with the reason, and in CI it fails.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.peers.namespaces import Namespace, run

NEAR: Final = "fibre0"  # the end that a driver watches
FAR: Final = "box0"
ALTERNATIVE: Final = "the-cable-to-the-fibre-box"  # longer than an interface's name can be


class Cable:
    """The pair; each end is up at first."""

    def far_up(self) -> None:
        run("ip", "link", "set", FAR, "up")

    def far_down(self) -> None:
        run("ip", "link", "set", FAR, "down")

    def flap(self, times: int) -> None:
        """Down and up again, by one process."""
        run("ip", "-batch", "-", said=f"link set {FAR} down\nlink set {FAR} up\n" * times)

    def rename(self, name: str, to: str) -> None:
        """A name can only be changed while the interface is down; up again afterwards."""
        run("ip", "link", "set", name, "down")
        run("ip", "link", "set", name, "name", to)
        run("ip", "link", "set", to, "up")

    def remove(self) -> None:
        run("ip", "link", "delete", FAR)

    def add(self) -> None:
        run("ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR)
        for name in (NEAR, FAR):
            run("ip", "link", "set", name, "up")

    def add_alternative_name(self) -> None:
        run("ip", "link", "property", "add", "dev", NEAR, "altname", ALTERNATIVE)


@contextmanager
def cable() -> Iterator[Cable]:
    """Enter a new namespace with a cable in it; leave and remove it afterwards."""
    namespace = Namespace("cable")
    try:
        with namespace.inside():
            it = Cable()
            it.add()
            yield it
    finally:
        namespace.delete()
