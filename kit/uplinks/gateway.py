"""Where one uplink reaches the centre's broker, and what the configuration says of the way there."""

from dataclasses import dataclass

from kit.tables.uplinks import MSS_DEFAULT, Uplink, UplinkTls
from kit.uplinks.sockets import is_address


@dataclass(frozen=True, slots=True)
class Gateway:
    """One uplink's way to the broker; the fields are those of ``kit.tables.uplinks.Uplink``."""

    host: str
    port: int
    narrow: bool = False
    """Whether the centre is to answer with an acknowledgement, for want of room for a proof."""
    addresses: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    bound: bool = False
    """Whether its sessions are bound to the path that they are given."""
    tls: UplinkTls | None = None
    portal_check: str | None = None
    mss: int = MSS_DEFAULT

    @property
    def plain(self) -> bool:
        """Whether paho's own way of connecting will do: one address, the machine's routes, and no TLS.

        No names: paho waits for the machine's resolver in threads that all uplinks share, and there are few.
        """
        return is_address(self.host) and not (self.bound or self.dns or self.addresses) and self.tls is None


def gateway_of(uplink: Uplink) -> Gateway:
    """What sessions need of an uplink's configuration."""
    return Gateway(
        uplink.host,
        uplink.port,
        narrow=uplink.narrow,
        addresses=uplink.addresses,
        dns=uplink.dns,
        bound=uplink.interface is not None,
        tls=uplink.tls,
        portal_check=uplink.portal_check,
        mss=uplink.mss,
    )
