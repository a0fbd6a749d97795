"""TLS to a server whom a CA vouches for, pinned keys (RFC 7469 §2.4) or both. Loaded only where there is TLS.

The time in a certificate is judged here, by our wall clock, and by default only told: the clock may be wrong, and the
evidence does not rest on TLS (ADR 20).
"""

import asyncio
import base64
import datetime as dt
import hashlib
import os
import socket
import ssl
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.tls_alerts import alert_words
from drivers.tls_settings import TlsSettings

NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of openssl/x509_vfy.h; Python has no name for it
WORDS_MAX: Final = 100  # characters of what OpenSSL says
_DAY_MS: Final = 86_400_000
_UNTRUSTED: Final = (18, 19, 20, 21)  # X509_V_ERR_*: self-signed, or no issuer that we know
_NOT_YET, _EXPIRED, _WRONG_NAME = (9, 10, (62, 64))


class UntrustedError(Exception):
    """The other side is not whom we want, as far as the settings can tell, or speaks no TLS: one short sentence."""


def make_context(tls: TlsSettings) -> ssl.SSLContext:
    """A client's context, its files read anew; raises UntrustedError where one of them cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file is not None:
        try:  # a passphrase would be asked for on a terminal
            context.load_cert_chain(tls.certificate_file, tls.key_file, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            why = _why_no_file(error, "no PEM, or behind a passphrase")
            raise UntrustedError(
                f"certificate_file and key_file cannot be used: {why}: {tls.certificate_file}, {tls.key_file}"
            ) from error
    if tls.ca_file is None:  # the pins say whom to trust, and are looked at after the handshake
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(tls.ca_file)
    except (OSError, ssl.SSLError) as error:
        why = _why_no_file(error, "no certificate in it that is PEM")
        raise UntrustedError(f"ca_file cannot be used: {why}: {tls.ca_file}") from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate's certificate is an anchor, too
    if tls.expired == "warn":
        context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    return context


async def handshake(
    connection: socket.socket, tls: TlsSettings, host: str, wall_ms: int
) -> tuple[ssl.SSLSocket, str]:
    """Begin TLS on a connected, non-blocking socket, which the returned one replaces; with what to say, or ``""``.

    Raises:
        UntrustedError: the other side is not the centre, or speaks no TLS. The connection is of no use any more.
    """
    name = tls.server_name or host
    ended = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if ended:  # wrap_socket would leave a socket to the garbage collector
        raise UntrustedError(f"no TLS: {os.strerror(ended).lower()}")
    try:
        wrapped = make_context(tls).wrap_socket(
            connection, server_hostname=name, do_handshake_on_connect=False
        )
    except ValueError as error:
        raise UntrustedError(f"{name!r} is no name that a certificate could have") from error
    try:
        await _shake(wrapped)
        words = check_certificate(wrapped.getpeercert(binary_form=True) or b"", tls, wall_ms)
    except ssl.SSLCertVerificationError as error:
        wrapped.close()
        raise UntrustedError(_why_not(error, name)) from error
    except (ssl.SSLError, OSError) as error:
        wrapped.close()
        raise UntrustedError(alert_words(error) or f"no TLS: {_reason(error)}") from error
    except BaseException:
        wrapped.close()
        raise
    return wrapped, words


def check_certificate(der: bytes, tls: TlsSettings, wall_ms: int) -> str:
    """Look at the pins and the time of the server's certificate; returns what to say of its time, or ``""``.

    Raises:
        UntrustedError: its key is none of the pinned ones, or it is out of its time and that is to be refused.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        pin = pin_of(certificate)
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError as error:
        raise UntrustedError("its certificate cannot be read") from error
    if tls.pins and pin not in tls.pins:
        raise UntrustedError(f"its key is none of those pinned: it is {pin}")
    begins_ms, ends_ms = (int(at.timestamp() * 1000) for at in (begins, ends))
    if begins_ms <= wall_ms <= ends_ms - tls.warn_days * _DAY_MS:
        return ""
    if begins_ms <= wall_ms <= ends_ms:
        return f"its certificate ends in {(ends_ms - wall_ms) // _DAY_MS} days, on {_day(ends)}"
    wrong = f"expired on {_day(ends)}" if wall_ms > ends_ms else f"is not valid before {_day(begins)}"
    if tls.expired == "refuse":
        raise UntrustedError(f"its certificate {wrong}, or the clock here is wrong")
    return f"its certificate {wrong}, or the clock here is wrong; used all the same"


def words_on(connection: object, tls: TlsSettings, wall_ms: int) -> str:
    """As ``check_certificate`` of a connection that stands, which nothing that it says ends."""
    der = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    if der is None:
        return ""
    try:
        return check_certificate(der, tls, wall_ms)
    except UntrustedError as error:
        return str(error)


def pin_of(certificate: x509.Certificate) -> str:
    """Base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469 §2.4)."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


async def _shake(wrapped: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            wrapped.do_handshake()
        except ssl.SSLWantReadError:
            add, remove = loop.add_reader, loop.remove_reader
        except ssl.SSLWantWriteError:
            add, remove = loop.add_writer, loop.remove_writer
        else:
            return
        ready = asyncio.Event()
        number = wrapped.fileno()
        add(number, ready.set)
        try:
            await ready.wait()
        finally:
            remove(number)


def _reason(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or "the connection ended").lower()[:WORDS_MAX]


def _why_no_file(error: OSError, otherwise: str) -> str:
    """OpenSSL hardly says what is wrong with a file."""
    if not isinstance(error, ssl.SSLError):
        return (error.strerror or str(error)).lower()
    return "the key is another certificate's" if error.reason == "KEY_VALUES_MISMATCH" else otherwise


def _why_not(error: ssl.SSLCertVerificationError, name: str) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return "its certificate expired, or the clock here is wrong"
    if code == _NOT_YET:
        return "its certificate is not valid yet, or the clock here is wrong"
    if code in _WRONG_NAME:
        return f"its certificate is not for {name}"
    if code in _UNTRUSTED:
        return "its certificate is by an issuer that ca_file does not know"
    return f"its certificate is refused: {error.verify_message[:WORDS_MAX]}"


def _day(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%d")
