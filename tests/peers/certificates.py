"""Certificates for a broker, as good and as bad as a test wants them."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from drivers.tls import pin_of

DAY: Final = dt.timedelta(days=1)


class Authority:
    """A CA of a test; ``file`` is its certificate. ``under``: another one that vouches for it."""

    def __init__(self, folder: Path, name: str = "ca", under: "Authority | None" = None) -> None:
        self._folder, self._name = folder, name
        self._key = generate_private_key(SECP256R1())
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(name if under is None else under._name))
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 1000 * DAY)
            .not_valid_after(now + 1000 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key if under is None else under._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, *, begins_days: float = -10, ends_days: float = 300) -> "Issued":
        """A server's certificate and key, by days from now; ``name``: a name or an address."""
        key = generate_private_key(SECP256R1())
        now = dt.datetime.now(dt.UTC)
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins_days * DAY)
            .not_valid_after(now + ends_days * DAY)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(self._folder / f"{name}-{certificate.serial_number:x}", certificate, key)


class Issued:
    """Files of a server; ``pin``: of its key."""

    def __init__(self, stem: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
        self.certificate_file, self.key_file = (stem.with_name(stem.name + end) for end in (".crt", ".key"))
        self.certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.pin = pin_of(certificate)

    def for_mosquitto(self) -> tuple[str, str]:
        """Lines of mosquitto.conf(5)."""
        return f"certfile {self.certificate_file}", f"keyfile {self.key_file}"


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
