"""Which UPS of which upsd, as whom, and whom to trust."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PORT: Final = 3493  # IANA's "nut"
FINGERPRINT_BYTES: Final = 32  # SHA-256
WORD_MAX: Final = 128  # characters of a name or password

_UPS: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class TrustCa:
    """The server's certificate must come from ``ca_file`` (PEM) and name ``server_name``, or else the host."""

    ca_file: Path
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class TrustFingerprint:
    """The server's certificate must have this SHA-256 (32 bytes), whoever signed it: for those signed by themselves."""

    sha256: bytes

    def __post_init__(self) -> None:
        if len(self.sha256) != FINGERPRINT_BYTES:
            raise ValueError(
                f"a fingerprint of {len(self.sha256)} bytes: SHA-256 has {FINGERPRINT_BYTES}; "
                "openssl x509 -noout -fingerprint -sha256 prints it"
            )


@dataclass(frozen=True, slots=True)
class TrustAnyone:
    """Encrypt, and believe any server: keeps listeners out, and nobody who sits in the middle."""


NutTrust = TrustCa | TrustFingerprint | TrustAnyone


@dataclass(frozen=True, slots=True)
class NutTarget:
    """One UPS of one upsd.

    Args:
        host: name or address of the machine that runs upsd.
        ups: the UPS's name in that machine's ups.conf.
        tls: whom to trust; nothing is said before TLS stands. None: all goes in the clear, the password too.
        username: as in upsd.users; None: look on without logging in. Then instant commands are refused, and the
            machine that ends the power does not wait for us.
        password: belongs to ``username``.
        port: of upsd, 1 to 65535.

    Raises:
        ValueError: a name that NUT does not know how to write, a password without a name or the other way round.
    """

    host: str
    ups: str
    tls: NutTrust | None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int = PORT

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("upsd's host is missing: a name or an address is needed")
        if not _UPS.fullmatch(self.ups):
            raise ValueError(f"{self.ups!r} cannot be a UPS of ups.conf: letters, digits, and . _ -")
        if not 1 <= self.port <= 65_535:  # noqa: PLR2004 - the numbers are TCP's
            raise ValueError(f"port {self.port}: 1 to 65535 are possible")
        if (self.username is None) != (self.password is None):
            raise ValueError("a user name and a password for upsd come together: one is missing")
        for what, word in (("user name", self.username), ("password", self.password)):
            if word is not None and not (_PRINTABLE.fullmatch(word) and len(word) <= WORD_MAX):
                raise ValueError(f"upsd takes a {what} of 1 to {WORD_MAX} printable ASCII characters")
