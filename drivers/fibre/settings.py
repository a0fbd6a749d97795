"""What a fibre line is told of itself: the interface, and the ONT behind it."""

from dataclasses import dataclass
from typing import Final, Literal

from drivers.fibre.oid_map import OidMap

LINK_POLL_MS: Final = 5_000
ONT_POLL_MS: Final = 10_000
ONT_TIMEOUT_MS: Final = 2_000
ONT_RETRIES: Final = 1


@dataclass(frozen=True, slots=True)
class Community:
    """SNMPv2c: a word in the clear. Keep the ONT on a line of its own."""

    name: str = "public"


@dataclass(frozen=True, slots=True)
class UsmUser:
    """SNMPv3 (RFC 3414). Passwords are of 8 characters or more; ``privacy`` needs ``authentication``."""

    user: str
    authentication: Literal["none", "sha", "sha256", "sha512"] = "none"
    authentication_password: str = ""
    privacy: Literal["none", "aes128", "aes256"] = "none"
    privacy_password: str = ""


@dataclass(frozen=True, slots=True)
class OntSettings:
    """Where the ONT answers SNMP, and what to ask it. ``timeout_ms`` is for each of 1 + ``retries`` attempts."""

    host: str
    oids: OidMap
    port: int = 161
    access: Community | UsmUser = Community()
    poll_interval_ms: int = ONT_POLL_MS
    timeout_ms: int = ONT_TIMEOUT_MS
    retries: int = ONT_RETRIES

    @property
    def patience_ms(self) -> int:
        """The longest that one question can take."""
        return self.timeout_ms * (1 + self.retries)


@dataclass(frozen=True, slots=True)
class FibreSettings:
    """A fibre line. ``interface``: the name or an alternative name; ``ont`` None: nothing tells of the light."""

    interface: str
    ont: OntSettings | None = None
    poll_interval_ms: int = LINK_POLL_MS
