"""What every fibre line does, whatever is at its far end: a fake kernel and the simulated ONT on virtual time; a real
interface pair and the simulated ONT over UDP; a real interface pair and net-snmp's snmpd.
"""

from pathlib import Path

import pytest

from drivers.ports import FibreLost, FibreReading, OpticalReading
from tests.contracts.fibre_rigs import FibreRig, RunStory, in_memory, with_snmpd, with_the_simulator

QUICK_MS = 100
NEVER_MS = 3_600_000  # the kernel's own word must do
LIGHT = OpticalReading(rx_power_dbm=-19.5, tx_power_dbm=2.1, los=False)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("simulator", marks=pytest.mark.peer("ip")),
        pytest.param("snmpd", marks=pytest.mark.peer("ip", "snmpd")),
    ]
)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunStory:
    runs = {"memory": in_memory, "simulator": with_the_simulator, "snmpd": with_snmpd(tmp_path)}
    chosen: RunStory = runs[request.param]
    return chosen


def lit(reading: FibreReading) -> bool:
    return reading.carrier and reading.optical == LIGHT and reading.optical_fault is None


def test_a_sound_line_is_told_with_its_light(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        reading = await rig.until(lit)
        assert reading.present
        assert reading.counters is not None

    run(story, QUICK_MS)


def test_the_cable_is_pulled_and_put_back_between_two_looks(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        await rig.until(lambda reading: reading.carrier)
        rig.cable_out()
        reading = await rig.until(lambda reading: not reading.carrier)
        assert reading.present
        rig.cable_in()
        await rig.until(lambda reading: reading.carrier)
        assert not any(isinstance(event, FibreLost) for event in rig.heard)

    run(story, NEVER_MS)


def test_the_card_vanishes_and_comes_back(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        await rig.until(lambda reading: reading.carrier)
        rig.card_out()
        reading = await rig.until(lambda reading: not reading.present)
        assert not reading.carrier
        assert reading.counters is None
        rig.card_in()
        await rig.until(lambda reading: reading.present and reading.carrier)

    run(story, NEVER_MS)


def test_counters_grow_with_the_traffic(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        before = (await rig.until(lambda reading: reading.carrier)).counters
        assert before is not None
        await rig.traffic()
        await rig.until(
            lambda reading: (
                reading.counters is not None
                and reading.counters.rx_bytes >= before.rx_bytes + 1000
                and reading.counters.tx_bytes >= before.tx_bytes + 1000
            )
        )

    run(story, QUICK_MS)


def test_the_fibre_is_cut_and_only_the_light_goes(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        await rig.until(lit)
        rig.fibre_cut()
        reading = await rig.until(lambda reading: reading.optical is not None and bool(reading.optical.los))
        assert reading.carrier
        rig.fibre_back()
        await rig.until(lit)

    run(story, QUICK_MS)


def test_loss_of_signal_is_told_without_waiting_for_a_look_at_the_link(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        await rig.until(lit)
        rig.fibre_cut()
        await rig.until(lambda reading: reading.optical is not None and bool(reading.optical.los))

    run(story, NEVER_MS)


def test_the_ont_falls_silent_and_the_carrier_is_still_told(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        await rig.until(lit)
        rig.ont_silent()
        reading = await rig.until(lambda reading: reading.optical is None)
        assert reading.carrier
        assert "no answer" in (reading.optical_fault or "")
        rig.cable_out()
        reading = await rig.until(lambda reading: not reading.carrier)
        assert reading.optical is None
        rig.cable_in()
        rig.ont_heard()
        await rig.until(lit)

    run(story, QUICK_MS)


def test_an_absurd_power_is_no_number(run: RunStory) -> None:
    async def story(rig: FibreRig) -> None:
        await rig.until(lit)
        rig.power_absurd()
        reading = await rig.until(
            lambda reading: reading.optical is not None and reading.optical.rx_power_dbm is None
        )
        assert reading.optical == OpticalReading(rx_power_dbm=None, tx_power_dbm=2.1, los=False)
        assert "rx_power_dbm" in (reading.optical_fault or "")

    run(story, QUICK_MS)
