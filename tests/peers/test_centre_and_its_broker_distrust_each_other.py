"""centerd and the SMS gateway over TLS to mosquitto: whom they take for their broker, and whom it takes for them."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from center.broker_door import Door
from drivers.tls_settings import TlsSettings
from tests.peers import require_program
from tests.peers.centre_edges import EDGES, CentreEdge, end
from tests.peers.certificates import Authority, Issued
from tests.peers.kit_edge import until
from tests.peers.mosquitto import HOST, Mosquitto

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.parametrize("which", EDGES)]
NAME = "broker.example"


@asynccontextmanager
async def meeting(
    folder: Path, which: str, issued: Issued | None, door: Door, *more: str
) -> AsyncIterator[CentreEdge]:
    """An edge and a broker with this certificate (None: without TLS), until one stands or says why not."""
    broker = Mosquitto(folder, *(issued.for_mosquitto() if issued is not None else ()), *more)
    await broker.start()
    edge = EDGES[which](broker.port, door)
    running = asyncio.create_task(edge.run())
    try:
        await until(lambda: edge.stands or str(broker.port) in edge.said())
        yield edge
    finally:
        await end(running)
        broker.kill()


def trusting(authority: Authority, **more: str) -> TlsSettings:
    return TlsSettings(ca_file=str(authority.file), server_name=NAME, **more)  # type: ignore[arg-type]


async def test_right_broker_is_refused(tmp_path: Path, which: str) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(NAME)
    for number, tls in enumerate(
        (
            trusting(authority),
            TlsSettings(pins=("A" * 43 + "=", issued.pin)),
            trusting(authority, expired="refuse"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with meeting(folder, which, issued, Door(tls=tls)) as edge:
            await until(lambda: edge.stands)
            assert "certificate" not in edge.said()


async def test_broker_of_an_unknown_issuer_is_taken(tmp_path: Path, which: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with meeting(tmp_path, which, other.issue(NAME), Door(tls=trusting(authority))) as edge:
        assert "by an issuer that ca_file does not know" in edge.said()
        assert not edge.stands


async def test_broker_of_another_name_is_taken(tmp_path: Path, which: str) -> None:
    authority = Authority(tmp_path)
    async with meeting(
        tmp_path, which, authority.issue("other.example"), Door(tls=trusting(authority))
    ) as edge:
        assert f"its certificate is not for {NAME}" in edge.said()
        assert not edge.stands


async def test_broker_with_another_key_is_taken(tmp_path: Path, which: str) -> None:
    authority = Authority(tmp_path)
    tls = TlsSettings(pins=(authority.issue(NAME).pin,))
    async with meeting(tmp_path, which, authority.issue(NAME), Door(tls=tls)) as edge:
        assert "its key is none of those pinned" in edge.said()
        assert not edge.stands


@pytest.mark.parametrize(
    ("ends", "expired", "stands", "words"),
    [
        (-3, "warn", True, "its certificate expired on "),
        (-3, "refuse", False, "its certificate expired"),
        (5.5, "refuse", True, "its certificate ends in 5 days"),
    ],
)
async def test_certificate_of_the_broker_expires_and_nobody_is_told(
    tmp_path: Path, which: str, ends: float, expired: str, *, stands: bool, words: str
) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(NAME, begins_days=-30, ends_days=ends)
    async with meeting(tmp_path, which, issued, Door(tls=trusting(authority, expired=expired))) as edge:
        await until(lambda: words in edge.said())
        if stands:
            await until(lambda: edge.stands)
        assert edge.stands is stands


async def test_broker_without_tls_is_taken(tmp_path: Path, which: str) -> None:
    tls = TlsSettings(pins=("A" * 43 + "=",))
    async with meeting(tmp_path, which, None, Door(tls=tls)) as edge:
        assert "no TLS: " in edge.said()
        assert not edge.stands


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
async def test_broker_wants_a_certificate_of_ours(tmp_path: Path, which: str, version: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    mine, foreign = authority.issue("centerd"), other.issue("centerd")
    more = ("require_certificate true", f"cafile {authority.file}", f"tls_version {version}")
    cases = {
        "right": (mine, "connected"),
        "none": (None, "certificate_file and key_file"),
        "foreign": (foreign, "certificate"),
    }
    for case, (shown, words) in cases.items():
        ours = (
            {"certificate_file": str(shown.certificate_file), "key_file": str(shown.key_file)}
            if shown
            else {}
        )
        folder = tmp_path / case
        folder.mkdir()
        door = Door(tls=trusting(authority, **ours))
        async with meeting(folder, which, authority.issue(NAME), door, *more) as edge:
            await until(lambda: words in edge.said())  # noqa: B023 - used at once
            assert edge.stands is (case == "right"), case


@pytest.mark.parametrize(("password", "welcome"), [("right", True), ("wrong", False), (None, False)])
async def test_broker_does_not_know_our_password(
    tmp_path: Path, which: str, password: str | None, *, welcome: bool
) -> None:
    file = tmp_path / "passwords"
    made = [require_program("mosquitto_passwd"), "-b", "-c", str(file), "centre", "right"]
    await asyncio.to_thread(subprocess.run, made, check=True)
    more = ("allow_anonymous false", f"password_file {file}")
    authority = Authority(tmp_path)
    door = Door(None if password is None else "centre", password, trusting(authority))
    async with meeting(tmp_path, which, authority.issue(NAME), door, *more) as edge:
        if welcome:
            await until(lambda: edge.stands)
        else:
            await until(lambda: "the broker refuses us (Not authorized)" in edge.said())
            assert "check username and password_file" in edge.said()
            assert not edge.stands
        assert "right" not in edge.said()


async def test_intermediate_authority_is_no_anchor(tmp_path: Path, which: str) -> None:
    """Instead of pins of an intermediate's key: its certificate as ``ca_file``, root or no root."""
    root = Authority(tmp_path)
    between, beside = Authority(tmp_path, "between", under=root), Authority(tmp_path, "beside", under=root)
    issued = between.issue(NAME)
    tls = TlsSettings(ca_file=str(between.file), server_name=NAME)
    async with meeting(tmp_path, which, issued, Door(tls=tls)) as edge:
        await until(lambda: edge.stands)
    (tmp_path / "again").mkdir()
    async with meeting(tmp_path / "again", which, beside.issue(NAME), Door(tls=tls)) as edge:
        assert "by an issuer that ca_file does not know" in edge.said()
        assert not edge.stands


async def test_broker_that_is_silent_holds_up_the_end(tmp_path: Path, which: str) -> None:
    """Told to stop while it dials, while TLS begins, while it waits for the first word: it ends at once."""
    authority = Authority(tmp_path)
    broker = Mosquitto(tmp_path, *authority.issue(NAME).for_mosquitto())
    await broker.start()
    broker.freeze()
    try:
        for door in (Door(tls=trusting(authority)), Door()):
            running = asyncio.create_task(EDGES[which](broker.port, door, HOST).run())
            await asyncio.sleep(0.1)
            await end(running, within_s=1.0)
    finally:
        broker.thaw()
        broker.kill()
