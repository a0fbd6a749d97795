"""Our SNMP client against net-snmp's agent: what it says, how it refuses, and that it dies."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from drivers.fibre.errors import OntSilentError
from drivers.fibre.oid_map import OidMap, PowerObject, SnmpValue, read_optics
from drivers.fibre.settings import Community, OntSettings, UsmUser
from drivers.fibre.snmp import GRACE_MS, SnmpOnt
from drivers.ports import OpticalReading
from tests.peers.snmpd import (
    AUTHENTICATION_PASSWORD,
    COMMUNITY,
    LOS_OID,
    PRIVACY_PASSWORD,
    RX_OID,
    TX_OID,
    USER,
    Snmpd,
)

pytestmark = pytest.mark.peer("snmpd")

START_MAX: Final = 30.0  # seconds
MAP: Final = OidMap(rx_power_dbm=PowerObject(RX_OID, scale=0.001))


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Snmpd]:
    snmpd = Snmpd(tmp_path)
    snmpd.start()
    yield snmpd
    snmpd.kill()


def client(
    agent: Snmpd, access: Community | UsmUser, *, timeout_ms: int = 1_000, retries: int = 1
) -> SnmpOnt:
    return SnmpOnt(
        OntSettings("127.0.0.1", MAP, agent.port, access=access, timeout_ms=timeout_ms, retries=retries)
    )


async def told(ont: SnmpOnt, *oids: str) -> dict[str, SnmpValue]:
    """As soon as the agent answers."""
    give_up_at = time.monotonic() + START_MAX
    while True:
        try:
            return dict(await ont.get(oids))
        except OntSilentError:
            assert time.monotonic() < give_up_at, "snmpd does not answer"


async def test_version_2c_reads_what_the_agent_says(agent: Snmpd) -> None:
    ont = client(agent, Community(COMMUNITY))
    try:
        assert await told(ont, RX_OID, LOS_OID) == {RX_OID: -19500, LOS_OID: 2}
        assert b"Linux" in bytes((await told(ont, "1.3.6.1.2.1.1.1.0"))["1.3.6.1.2.1.1.1.0"] or b"")
        agent.tell(RX_OID, "string", "-21.5 dBm")
        assert await told(ont, RX_OID) == {RX_OID: b"-21.5 dBm"}
        agent.tell(TX_OID, "gauge", "2147483647")
        values = await told(ont, RX_OID, TX_OID)
        optical, fault = read_optics(OidMap(PowerObject(RX_OID), PowerObject(TX_OID, 0.001)), values)
        assert optical == OpticalReading(-21.5, None, None)
        assert "2147483647" in (fault or "")
    finally:
        ont.close()


async def test_an_object_that_the_agent_lost_is_nothing(agent: Snmpd) -> None:
    ont = client(agent, Community(COMMUNITY))
    try:
        await told(ont, RX_OID, TX_OID)
        agent.forget(RX_OID)
        assert await told(ont, RX_OID, TX_OID) == {RX_OID: None, TX_OID: 2100}
    finally:
        ont.close()


async def test_version_3_reads_under_authentication_and_privacy(agent: Snmpd) -> None:
    user = UsmUser(USER, "sha256", AUTHENTICATION_PASSWORD, "aes128", PRIVACY_PASSWORD)
    ont = client(agent, user)
    try:
        assert await told(ont, RX_OID) == {RX_OID: -19500}
    finally:
        ont.close()


async def test_version_3_with_a_wrong_password_is_refused_and_says_so(agent: Snmpd) -> None:
    right = client(agent, Community(COMMUNITY))
    await told(right, RX_OID)
    right.close()
    ont = client(agent, UsmUser(USER, "sha256", "quite another one", "aes128", PRIVACY_PASSWORD))
    try:
        with pytest.raises(OntSilentError):
            await ont.get([RX_OID])
    finally:
        ont.close()


async def test_a_wrong_community_is_silence(agent: Snmpd) -> None:
    right, wrong = (
        client(agent, Community(COMMUNITY)),
        client(agent, Community("guessed"), timeout_ms=300, retries=0),
    )
    try:
        await told(right, RX_OID)
        with pytest.raises(OntSilentError, match="no answer within 300 ms"):
            await wrong.get([RX_OID])
    finally:
        right.close()
        wrong.close()


async def test_an_agent_that_is_killed_is_silent_in_time_and_heard_when_it_is_back(agent: Snmpd) -> None:
    ont = client(agent, Community(COMMUNITY), timeout_ms=300, retries=1)
    try:
        await told(ont, RX_OID)
        agent.kill()
        began = time.monotonic()
        with pytest.raises(OntSilentError):
            await ont.get([RX_OID])
        assert time.monotonic() - began < (600 + GRACE_MS) / 1000 + 5  # 5 s: the machine may be busy
        agent.start()
        assert await told(ont, RX_OID) == {RX_OID: -19500}
    finally:
        ont.close()


async def test_a_host_that_cannot_be_found_is_silence(agent: Snmpd) -> None:
    ont = SnmpOnt(OntSettings("ont.invalid", MAP, agent.port, timeout_ms=300, retries=0))
    with pytest.raises(OntSilentError, match=r"ont\.invalid"):
        await ont.get([RX_OID])
    ont.close()
