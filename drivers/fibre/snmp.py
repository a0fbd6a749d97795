"""An ONT asked by SNMP, v2c or v3, over UDP. The only file that knows pysnmp; ADR 0015 says why it is pysnmp.

All values are asked for by one GET; no MIB is loaded. pysnmp's engine is made with the first question and kept.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyasn1.error import PyAsn1Error
from pyasn1.type.univ import Integer, Null, ObjectIdentifier, OctetString
from pysnmp.carrier.asyncio.dgram.udp import UdpAsyncioTransport
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto.errind import RequestTimedOut
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from drivers.fibre.errors import OntSilentError
from drivers.fibre.oid_map import SnmpValue
from drivers.fibre.settings import Community, OntSettings, UsmUser
from drivers.system_resolver import addresses_of

VALUE_BYTES_MAX: Final = 256  # of a text; more is cut off
GRACE_MS: Final = 2_000  # beyond all attempts: pysnmp looks at its deadlines twice a second
_ABSENT: Final = (NoSuchObject, NoSuchInstance, EndOfMibView)
_AUTHENTICATION: Final = {
    "none": hlapi.USM_AUTH_NONE,
    "sha": hlapi.USM_AUTH_HMAC96_SHA,
    "sha256": hlapi.USM_AUTH_HMAC192_SHA256,
    "sha512": hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIVACY: Final = {
    "none": hlapi.USM_PRIV_NONE,
    "aes128": hlapi.USM_PRIV_CFB128_AES,
    "aes256": hlapi.USM_PRIV_CFB256_AES,
}


class _Ears(UdpAsyncioTransport):  # type: ignore[misc]  # pysnmp has no types
    """pysnmp's decoder meets some malformed datagrams with TypeError or IndexError: they are noise, as any other."""

    def register_callback(self, hear: Any) -> None:
        def hear_if_sound(*datagram: Any) -> None:
            with contextlib.suppress(Exception):
                hear(*datagram)

        super().register_callback(hear_if_sound)


class _Target(hlapi.UdpTransportTarget):  # type: ignore[misc]  # as above
    PROTO_TRANSPORT = _Ears


class SnmpOnt:
    """Implements ``drivers.fibre.ports.OntAgent``."""

    def __init__(self, settings: OntSettings) -> None:
        self._settings: Final = settings
        self._access: Final = _access(settings.access)
        self._engine: Any = None
        self._target: Any = None

    async def get(self, oids: Sequence[str]) -> Mapping[str, SnmpValue]:
        """Within patience_ms + GRACE_MS."""
        ont = self._settings
        where = f"ONT at {ont.host}:{ont.port}"
        try:
            async with asyncio.timeout((ont.patience_ms + GRACE_MS) / 1000):
                return await self._get(where, oids)
        except TimeoutError:
            self.close()  # pysnmp's engine lost a question: begin anew
            raise OntSilentError(f"{where}: no answer within {ont.patience_ms} ms") from None
        except (PySnmpError, PyAsn1Error, OSError, ValueError, TypeError, LookupError) as wrong:
            # The last three: pysnmp over a malformed answer, and names that cannot be names of hosts.
            self.close()
            raise OntSilentError(f"{where}: {wrong}") from wrong

    def close(self) -> None:
        """Close the socket; the next question opens another."""
        if self._engine is not None:
            self._engine.close_dispatcher()
            self._engine = None

    async def _get(self, where: str, oids: Sequence[str]) -> Mapping[str, SnmpValue]:
        ont = self._settings
        if self._engine is None:
            # The name is looked up with each engine, so after each silence. One target for all questions: pysnmp keeps
            # what it learns of each target for as long as the engine lives.
            addresses = [address for address in await addresses_of(ont.host) if ":" not in address]
            if not addresses:
                raise OSError(f"{ont.host} has no IPv4 address")
            self._target = await _Target.create(
                (addresses[0], ont.port), timeout=ont.timeout_ms / 1000, retries=ont.retries
            )
            self._engine = hlapi.SnmpEngine()
        indication, status, index, bindings = await hlapi.get_cmd(
            self._engine,
            self._access,
            self._target,
            hlapi.ContextData(),
            *((ObjectIdentifier(oid), Null("")) for oid in oids),
            lookupMib=False,
        )
        if isinstance(indication, RequestTimedOut):
            raise OntSilentError(f"{where}: no answer within {ont.patience_ms} ms")
        if indication:
            raise OntSilentError(f"{where}: {indication}")
        if status:
            raise OntSilentError(f"{where}: refuses with {status.prettyPrint()}, variable {int(index)}")
        values = {str(name): _value(value) for name, value in bindings}
        return {oid: values.get(oid) for oid in oids}


def _access(access: Community | UsmUser) -> Any:
    if isinstance(access, Community):
        return hlapi.CommunityData(access.name, mpModel=1)  # noqa: S508 - most ONTs know nothing better
    return hlapi.UsmUserData(
        access.user,
        authKey=access.authentication_password or None,
        privKey=access.privacy_password or None,
        authProtocol=_AUTHENTICATION[access.authentication],
        privProtocol=_PRIVACY[access.privacy],
    )


def _value(value: Any) -> SnmpValue:
    if isinstance(value, _ABSENT):
        return None
    if isinstance(value, Integer):
        return int(value)
    if isinstance(value, OctetString):
        return bytes(value)[:VALUE_BYTES_MAX]
    return str(value).encode("ascii", errors="replace")[:VALUE_BYTES_MAX]
