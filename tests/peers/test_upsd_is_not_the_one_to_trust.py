"""STARTTLS with a real upsd, whose TLS is that of NSS: who is not to be trusted hears no password."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.ports import UpsLost, UpsReading
from drivers.ups.nut.driver import NutUps
from drivers.ups.nut.target import NutTarget, NutTrust, TrustAnyone, TrustCa, TrustFingerprint
from tests.contracts.ups_listener import UpsListener, now, running
from tests.peers.nss import SERVER_NAME, NssDatabase
from tests.peers.nut import HOST, PASSWORD, USER, Nut, dummy

pytestmark = pytest.mark.peer("upsd", "upsc", "certutil")


@pytest.fixture(scope="module")
def nss(tmp_path_factory: pytest.TempPathFactory) -> NssDatabase:
    return NssDatabase(tmp_path_factory.mktemp("nss"))


@pytest.fixture(scope="module")
def nut(nss: NssDatabase) -> Iterator[Nut]:
    server = Nut(dummy(), upsd_conf=nss.upsd_conf)
    asyncio.run(server.start())
    yield server
    server.end()


@contextlib.asynccontextmanager
async def listening(nut: Nut, trust: NutTrust | None, host: str = HOST) -> AsyncIterator[UpsListener]:
    listener = UpsListener()
    target = NutTarget(host, "dummy", trust, USER, PASSWORD, nut.port)
    async with running(NutUps(target, now, listener.hear, 200)):
        yield listener


async def refused(nut: Nut, trust: NutTrust) -> str:
    """Why it is not believed; it has not heard who we are."""
    async with listening(nut, trust) as listener:
        reason = (await listener.next(UpsLost)).reason
        assert await nut.logins("dummy") == 0
        await listener.silent_for(0.3)
        return reason


async def test_one_to_trust_is_refused(nut: Nut, nss: NssDatabase) -> None:
    ca = TrustCa(nss.pem("ca"))
    for trust in (
        ca,
        replace(ca, server_name=SERVER_NAME),
        TrustFingerprint(nss.fingerprint("server")),
        TrustAnyone(),
    ):
        async with listening(nut, trust) as listener:
            await listener.next(UpsReading)
            assert await nut.logins("dummy") == 1
        await nut.wait_for_logins("dummy", 0)


async def test_certificate_of_another_ca_is_believed(nut: Nut, nss: NssDatabase) -> None:
    reason = await refused(nut, TrustCa(nss.pem("other")))
    assert "is not to be trusted: self-signed certificate in certificate chain" in reason


async def test_certificate_for_another_name_is_believed(nut: Nut, nss: NssDatabase) -> None:
    reason = await refused(nut, TrustCa(nss.pem("ca"), server_name="upsd.elsewhere"))
    assert "is not to be trusted: Hostname mismatch" in reason


async def test_another_fingerprint_is_believed(nut: Nut, nss: NssDatabase) -> None:
    reason = await refused(nut, TrustFingerprint(nss.fingerprint("other")))
    assert f"its SHA-256 is {nss.fingerprint('server').hex()}" in reason


async def test_file_of_the_ca_is_missing(nut: Nut, tmp_path: Path) -> None:
    assert "cannot read the CA's certificate in" in await refused(nut, TrustCa(tmp_path / "nowhere"))


async def test_server_without_tls_hears_the_password(nss: NssDatabase) -> None:
    async with Nut(dummy()) as plain:
        for trust in (TrustCa(nss.pem("ca")), TrustAnyone()):
            reason = await refused(plain, trust)
            assert "offers no TLS, which is demanded here; it answered b'ERR FEATURE-NOT-CONFIGURED" in reason
