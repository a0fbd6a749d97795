"""What the links of a laboratory have in common: their names and addresses, and how the branch's end is set up.

Branch number B has networks 10.(100+B).N.0/24, N from 16 times the link's place on. The broker answers at ``BROKER``
for everybody, and at ``broker_over(place)``, which the branch's main table sends over that link alone.
"""

from typing import Final, Protocol

from tests.peers.namespaces import Namespace

BROKER: Final = "10.99.0.1"
METRIC: Final = 100  # of the default route over the first link; the others follow in steps of as much


def broker_over(place: int) -> str:
    """The broker's address behind the link at this place (from 0)."""
    return f"10.99.{place + 1}.1"


class Link(Protocol):
    """One way from the branch to the centre. ``name`` is that of the uplink; ``interface`` the branch's own."""

    name: str
    interface: str

    def cut(self, *, up: bool = True, down: bool = True) -> None:
        """Swallow packets in silence: those of the branch (``up``), those to it (``down``)."""

    def lose(self, percent: int) -> None:
        """Lose so many of a hundred packets, each way."""

    def slow(self, bits_per_s: int) -> None:
        """Let no more through, each way."""

    def swallow_larger(self, size: int) -> None:
        """Swallow packets above so many bytes, without a word (ICMP) to those who sent them."""

    def heal(self) -> None:
        """As on the first day."""


class Addresses:
    """Which addresses and interfaces a link has now."""

    def __init__(self, branch: int, place: int, name: str) -> None:
        self.name, self.place = name, place
        self.interface = name
        self.wan_interface = f"w{branch}{name}"
        self._branch, self._generation = branch, 0

    @property
    def near(self) -> str:
        """The branch's address."""
        return f"{self._net}.2"

    @property
    def far(self) -> str:
        """The centre's address on the link: the gateway, and the name server."""
        return f"{self._net}.1"

    @property
    def network(self) -> str:
        """All addresses that may come over this link."""
        return f"{self._net}.0/24"

    @property
    def metric(self) -> int:
        """Of its default route in the branch's main table."""
        return METRIC * (self.place + 1)

    def renumber(self) -> None:
        """From now on other addresses."""
        self._generation = (self._generation + 1) % 16

    @property
    def _net(self) -> str:
        return f"10.{100 + self._branch}.{16 * self.place + self._generation}"


def routes(at: Addresses, hop: str) -> tuple[str, ...]:
    """What DHCP, or the network of a modem, adds to the branch's main table; ``hop``: such as ``via 10.100.0.1``."""
    return (
        f"route replace default {hop} dev {at.interface} metric {at.metric}",
        f"route replace {broker_over(at.place)} {hop} dev {at.interface}",
    )


_PROGRAMS: Final = "meta l4proto { tcp, udp }"  # not what kernels say to each other, such as ICMPv6


class Gate:
    """The centre's end of one link in nftables: counts, refuses foreign senders, and does the faults.

    Chains: ``in`` sees packets of the branch before routing, ``for-us`` those that are for the centre, ``out`` those
    that leave for the branch, ``nat`` may send new connections elsewhere.
    """

    def __init__(self, wan: Namespace, at: Addresses) -> None:
        self._wan, self._at = wan, at
        self._chains = {way: f"{at.wan_interface}-{way}" for way in ("in", "for-us", "out", "nat")}
        chains, name = self._chains, at.wan_interface
        wan.nft(
            *(f"add chain inet lab {chain}" for chain in chains.values()),
            f"add set inet lab {name} {{ type ipv4_addr; flags interval; }}",
            *(f"add counter inet lab {name}-{what}" for what in ("up", "down", "foreign", "sent", "came")),
            f'add rule inet lab pre iifname "{name}" {_PROGRAMS} counter name {name}-sent',
            f'add rule inet lab post oifname "{name}" {_PROGRAMS} counter name {name}-came',
            f'add rule inet lab pre iifname "{name}" counter name {name}-up jump {chains["in"]}',
            f'add rule inet lab pre iifname "{name}" ip saddr != @{name} counter name {name}-foreign drop',
            f'add rule inet lab input iifname "{name}" jump {chains["for-us"]}',
            f'add rule inet lab post oifname "{name}" counter name {name}-down jump {chains["out"]}',
            f'add rule inet lab nat iifname "{name}" jump {chains["nat"]}',
        )
        self.admit()

    def admit(self) -> None:
        """Let the link's present network through, and no other: else a socket bound to nothing would seem to work."""
        name = self._at.wan_interface
        self._wan.nft(f"flush set inet lab {name}", f"add element inet lab {name} {{ {self._at.network} }}")

    def rules(self, **rules: str) -> None:
        """Add a rule to the chains named (``in_``, ``for_us``, ``out``, ``nat``)."""
        self._wan.nft(
            *(
                f"add rule inet lab {self._chains[way.rstrip('_').replace('_', '-')]} {rule}"
                for way, rule in rules.items()
            )
        )

    def clear(self) -> None:
        """No faults any more."""
        self._wan.nft(*(f"flush chain inet lab {chain}" for chain in self._chains.values()))


TABLES: Final = (
    "add table inet lab",
    "add chain inet lab pre { type filter hook prerouting priority raw; }",
    "add chain inet lab input { type filter hook input priority filter; }",
    "add chain inet lab post { type filter hook postrouting priority srcnat; }",
    "add chain inet lab nat { type nat hook prerouting priority dstnat; }",
)
"""What every gate hangs in."""
