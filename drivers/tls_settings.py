"""What a configuration says of TLS to a server: whom to trust there, and who we are."""

import base64
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

PIN_BYTES: Final = 32  # of SHA-256
PINS_MAX: Final = 8

Name = Annotated[str, Meta(min_length=1, max_length=253)]
FilePath = Annotated[str, Meta(min_length=1, max_length=4096)]


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``ca_file`` (PEM), ``pins`` or both say whom to trust."""

    ca_file: FilePath | None = None
    """Certificates that vouch for the server's: a root's, or an intermediate's, which then stands for its root."""
    pins: Annotated[tuple[str, ...], Meta(max_length=PINS_MAX)] = ()
    """Base64 of the SHA-256 of the server's public key (RFC 7469 §2.4); any of them will do."""
    server_name: Name | None = None
    """What the certificate must name, where that is not the configured host."""
    expired: Literal["warn", "refuse"] = "warn"
    """What to do where the certificate is out of its time by our clock, which may be wrong, too."""
    warn_days: Annotated[int, Meta(ge=0, le=365)] = 14
    """From so many days before the certificate ends people are told."""
    certificate_file: FilePath | None = None
    """Our own certificate, and what stands between it and its root (PEM), where the server asks for one."""
    key_file: FilePath | None = None
    """The private key of it (PEM, without a passphrase)."""


def complaint(tls: TlsSettings) -> str:
    """What is wrong with the settings, whatever is in the files; ``""``: nothing."""
    if tls.ca_file is None and not tls.pins:
        return "names nobody to trust: give ca_file, pins or both"
    if (tls.certificate_file is None) != (tls.key_file is None):
        return "has one of certificate_file and key_file: give both or none"
    for pin in tls.pins:
        try:
            wrong = len(base64.b64decode(pin, validate=True)) != PIN_BYTES
        except ValueError:
            wrong = True
        if wrong:
            return f"pins has {pin!r}: give base64 of the {PIN_BYTES} bytes of a key's SHA-256"
    return ""
