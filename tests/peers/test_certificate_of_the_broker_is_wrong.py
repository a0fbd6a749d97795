"""TLS to a broker that nobody here wrote, whose certificate is good, near its end, out of its time, or another's."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from failover.events import UplinkConnected, UplinkLost
from kit.tables.uplinks import UplinkTls
from kit.uplinks import session
from kit.uplinks.gateway import Gateway
from tests.peers.certificates import Authority, Issued
from tests.peers.kit_edge import KitEdge, until
from tests.peers.mosquitto import HOST, Mosquitto

pytestmark = pytest.mark.peer("mosquitto")
NAME = "broker.example"


@asynccontextmanager
async def connected(folder: Path, issued: Issued | None, tls: UplinkTls) -> AsyncIterator[KitEdge]:
    """An edge that was told to connect once, to a broker with this certificate; None: one without TLS."""
    broker = Mosquitto(folder, *(issued.for_mosquitto() if issued is not None else ()))
    await broker.start()
    try:
        gateway = Gateway(HOST, broker.port, tls=tls)
        async with KitEdge(broker.port, gateway=gateway) as kit:
            await kit.outcome()
            yield kit
    finally:
        broker.kill()


def lost(kit: KitEdge) -> str:
    (event,) = kit.heard(UplinkLost)
    assert not kit.heard(UplinkConnected)
    assert event.reason.startswith("no session: ")
    return event.reason


async def stands(kit: KitEdge) -> None:
    assert kit.heard(UplinkConnected)
    await kit.probe()
    await kit.probe()


@pytest.mark.parametrize("how", ["authority", "pin", "both", "spare-pin"])
async def test_good_certificate_is_refused(tmp_path: Path, how: str) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(NAME)
    pins = {
        "authority": (),
        "pin": (issued.pin,),
        "both": (issued.pin,),
        "spare-pin": ("A" * 44, issued.pin),
    }[how]
    ca_file = str(authority.file) if how in ("authority", "both") else None
    async with connected(tmp_path, issued, UplinkTls(ca_file=ca_file, pins=pins, server_name=NAME)) as kit:
        await stands(kit)
        assert kit.notices() == {}


async def test_great_envelope_does_not_pass_through_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = UplinkTls(ca_file=str(authority.file), server_name=NAME)
    async with connected(tmp_path, authority.issue(NAME), tls) as kit:
        kit.uplinks.publish("fibre", bytes(120_000))
        await kit.probe()
        envelopes = kit.uplinks._sessions["fibre"]
        await until(lambda: envelopes._hanging is None and envelopes._queues[1].empty())


async def test_certificate_of_an_unknown_issuer_is_taken(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    tls = UplinkTls(ca_file=str(authority.file), server_name=NAME)
    async with connected(tmp_path, other.issue(NAME), tls) as kit:
        assert "by an issuer that ca_file does not know" in lost(kit)


async def test_certificate_of_another_name_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = UplinkTls(ca_file=str(authority.file), server_name=NAME)
    async with connected(tmp_path, authority.issue("other.example"), tls) as kit:
        assert f"its certificate is not for {NAME}" in lost(kit)


async def test_certificate_must_name_the_host_where_no_name_is_given(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with connected(tmp_path, authority.issue(HOST), UplinkTls(ca_file=str(authority.file))) as kit:
        await stands(kit)


@pytest.mark.parametrize("with_authority", [True, False])
async def test_key_that_is_not_pinned_is_taken(tmp_path: Path, *, with_authority: bool) -> None:
    authority = Authority(tmp_path)
    mine, other = authority.issue(NAME), authority.issue(NAME)
    ca_file = str(authority.file) if with_authority else None
    async with connected(
        tmp_path, other, UplinkTls(ca_file=ca_file, pins=(mine.pin,), server_name=NAME)
    ) as kit:
        assert f"its key is none of those pinned: it is {other.pin}" in lost(kit)


@pytest.mark.parametrize("with_authority", [True, False])
@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [(-30, -3, "expired on"), (3, 30, "is not valid before"), (-30, 5.5, "ends in 5 days")],
)
async def test_certificate_out_of_its_time_stops_the_kit_or_is_not_told(
    tmp_path: Path, *, with_authority: bool, begins: float, ends: float, words: str
) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(NAME, begins_days=begins, ends_days=ends)
    tls = UplinkTls(
        ca_file=str(authority.file) if with_authority else None,
        pins=() if with_authority else (issued.pin,),
        server_name=NAME,
    )
    async with connected(tmp_path, issued, tls) as kit:
        await stands(kit)
        assert words in kit.notices()["tls"]


@pytest.mark.parametrize("with_authority", [True, False])
@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [(-30, -3, "its certificate expired"), (3, 30, "its certificate is not valid")],
)
async def test_certificate_out_of_its_time_is_taken_where_it_is_to_be_refused(
    tmp_path: Path, *, with_authority: bool, begins: float, ends: float, words: str
) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(NAME, begins_days=begins, ends_days=ends)
    tls = UplinkTls(
        ca_file=str(authority.file) if with_authority else None,
        pins=() if with_authority else (issued.pin,),
        server_name=NAME,
        expired="refuse",
    )
    async with connected(tmp_path, issued, tls) as kit:
        assert words in lost(kit)
        assert "clock" in lost(kit)


@pytest.mark.parametrize("expired", ["warn", "refuse"])
async def test_certificate_ends_while_its_session_stands_for_months(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expired: Literal["warn", "refuse"]
) -> None:
    monkeypatch.setattr(session, "SENSE_S", 0.02)
    monkeypatch.setattr(session, "CERTIFICATE_S", 0.05)
    authority = Authority(tmp_path)
    tls = UplinkTls(ca_file=str(authority.file), server_name=NAME, expired=expired)
    async with connected(tmp_path, authority.issue(NAME, ends_days=300), tls) as kit:
        await stands(kit)
        assert kit.notices() == {}
        dialler = kit.uplinks._diallers["fibre"]
        for days, words in ((290, "its certificate ends in"), (301, "its certificate expired on")):
            monkeypatch.setattr(dialler, "_wall_ms", lambda days=days: (time.time() + days * 86_400) * 1_000)
            await until(lambda words=words: words in kit.notices().get("tls", ""))  # type: ignore[misc]
        await stands(kit)


async def test_broker_without_tls_is_taken(tmp_path: Path) -> None:
    tls = UplinkTls(pins=("A" * 44,), server_name=NAME)
    async with connected(tmp_path, None, tls) as kit:
        assert "no TLS: " in lost(kit)


async def test_file_of_the_authority_is_missing(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = UplinkTls(ca_file=str(tmp_path / "gone.pem"), server_name=NAME)
    async with connected(tmp_path, authority.issue(NAME), tls) as kit:
        assert "cannot be used" in lost(kit)
