"""A link over a pair of virtual Ethernet interfaces: the fibre of a branch, or its satellite dish."""

import fcntl
import socket
import struct
from typing import Final

from tests.netlab.link import Addresses, Gate, routes
from tests.peers.namespaces import Namespace

_SIOCGIFHWADDR: Final = 0x8927  # netdevice(7)


class Cable:
    """Implements ``Link``. Faults are done at the centre's end, where nothing at the branch can see them."""

    def __init__(self, branch: Namespace, wan: Namespace, at: Addresses) -> None:
        self._branch, self._wan, self.at = branch, wan, at
        self.name = at.name
        branch.ip(f"link add {at.interface} type veth peer name {at.wan_interface} netns {wan.name}")
        # A packet that the kernel cuts up only at the very end would look larger than any cable's.
        self._branch.ip(f"link set {at.interface} gso_max_segs 1 up")
        self._wan.ip(f"link set {at.wan_interface} gso_max_segs 1 up")
        self._gate = Gate(wan, at)
        self._wan.ip(f"address add {at.far}/24 dev {at.wan_interface}")
        self._slow = False
        self.lease()

    @property
    def interface(self) -> str:
        """Its present name."""
        return self.at.interface

    @property
    def mac(self) -> str:
        """Its hardware address, which stays."""
        with self._branch.inside(), socket.socket() as any_socket:
            answer = fcntl.ioctl(any_socket, _SIOCGIFHWADDR, struct.pack("256s", self.at.interface.encode()))
        return answer[18:24].hex(":")

    def lease(self) -> None:
        """What DHCP would do: address and routes."""
        at = self.at
        self._branch.ip(
            f"address replace {at.near}/24 dev {at.interface}",
            *routes(at, f"via {at.far}"),
        )

    def cut(self, *, up: bool = True, down: bool = True) -> None:
        """As ``Link``."""
        self._gate.rules(**({"in_": "drop"} if up else {}), **({"out": "drop"} if down else {}))

    def reject(self) -> None:
        """Answer every connection with a reset, everything else with "prohibited"."""
        self._gate.rules(
            for_us="meta l4proto tcp reject with tcp reset; "
            f"add rule inet lab {self.at.wan_interface}-for-us reject with icmpx admin-prohibited"
        )

    def lose(self, percent: int) -> None:
        """As ``Link``."""
        rule = f"numgen random mod 100 < {percent} drop"
        self._gate.rules(in_=rule, out=rule)

    def slow(self, bits_per_s: int) -> None:
        """As ``Link``."""
        shape = f"root tbf rate {bits_per_s}bit burst 2000 latency 4s"
        self._branch.tc(f"qdisc replace dev {self.at.interface} {shape}")
        self._wan.tc(f"qdisc replace dev {self.at.wan_interface} {shape}")
        self._slow = True

    def swallow_larger(self, size: int) -> None:
        """As ``Link``."""
        rule = f"meta length > {size} drop"
        self._gate.rules(in_=rule, out=rule)

    def capture(self, portal: int, tls_portal: int, tls_port: int) -> None:
        """Every connection is answered by a captive portal's ports instead; those that stand are cut off."""
        self._gate.rules(
            for_us=f"tcp dport != {{ {portal}, {tls_portal} }} reject with tcp reset",
            nat=f"tcp dport {tls_port} redirect to :{tls_portal}; "
            f"add rule inet lab {self.at.wan_interface}-nat meta l4proto tcp redirect to :{portal}",
        )

    def unplug(self) -> None:
        """The carrier is gone."""
        self._wan.ip(f"link set {self.at.wan_interface} down")

    def plug(self) -> None:
        """It is back, and with it the routes of the other end."""
        self._wan.ip(f"link set {self.at.wan_interface} up")

    def bounce(self) -> None:
        """The branch's end is taken down and up by hand: the kernel forgets all its routes, then DHCP comes again."""
        self._branch.ip(f"link set {self.at.interface} down", f"link set {self.at.interface} up")
        self.lease()

    def renumber(self) -> None:
        """The provider gives other addresses, and forgets the old ones."""
        old_near, old_far = self.at.near, self.at.far
        self.at.renumber()
        self._wan.ip(
            f"address delete {old_far}/24 dev {self.at.wan_interface}",
            f"address add {self.at.far}/24 dev {self.at.wan_interface}",
        )
        self._gate.admit()
        self._branch.ip(f"address delete {old_near}/24 dev {self.at.interface}")
        self.lease()

    def rename(self, to: str) -> None:
        """The interface gets another name, as after a restart with one card more; then DHCP comes again."""
        self._branch.ip(
            f"link set {self.at.interface} down",
            f"link set {self.at.interface} name {to}",
            f"link set {to} up",
        )
        self.at.interface = to
        self.lease()

    def heal(self) -> None:
        """As ``Link``."""
        self._gate.clear()
        if self._slow:
            self._branch.tc(f"qdisc delete dev {self.at.interface} root")
            self._wan.tc(f"qdisc delete dev {self.at.wan_interface} root")
            self._slow = False
        self.plug()
