"""Certificates of a server that only pins vouch for: read before anything shows that they are the centre's."""

import contextlib
import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.tls import UntrustedError, check_certificate
from kit.tables.uplinks import UplinkTls

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker.example")])
_CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(_NAME)
    .issuer_name(_NAME)
    .public_key(_KEY.public_key())
    .serial_number(5)
    .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    .not_valid_after(dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
    .sign(_KEY, None)
)
SEEDS = (_CERTIFICATE.public_bytes(Encoding.DER),)
_TLS = UplinkTls(ca_file="ca.pem")


def one_input(data: bytes) -> None:
    """DER, as the handshake gives it."""
    for tls in (_TLS, UplinkTls(pins=("A" * 44,))):
        with contextlib.suppress(UntrustedError):
            assert len(check_certificate(data, tls, 1_800_000_000_000)) <= 200
