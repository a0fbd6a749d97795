"""kitd as a process, a modem with two SIMs on a pseudo-terminal, and a technician with kitctl."""

import json
from pathlib import Path

import pytest

from kit import exit_codes
from kit.facts import SimChanged
from tests.kit.real_kit import real_kit
from tests.kit.staff import standing_in
from tests.peers.modem_on_pty import ModemOnPty

TABLES = """
[[modems]]
kind = "at"
name = "m1"
port = "{line}"
poll_interval_ms = 200
sim_slots = 2
sim_switch = "csus"
{more}
"""


@pytest.mark.parametrize("more", ["", "change_sim = false"])
async def test_order_never_reaches_the_modem(tmp_path: Path, more: str) -> None:
    modem = ModemOnPty(tmp_path, sims=2, boot_ms=50, registration_ms=50)
    try:
        async with real_kit(standing_in("open"), tables=TABLES.format(line=modem.line, more=more)) as kit:
            await kit.until_status(
                lambda status: status["links"]["sims"][0]["slot"] == 1, "a first look at the modem"
            )
            code, said, _ = await kit.ctl("link", "sim", "m1", "2", "--lang", "en")
            assert (code, said[:34]) == (exit_codes.OK, "modem m1 changes over to SIM 2; a ")
            status = await kit.until_status(
                lambda status: (
                    status["links"]["sims"][0]["slot"] == 2
                    and status["devices"]["modems"][0]["registration"] == "home"
                ),
                "the other SIM",
            )
            assert status["links"]["sims"][0]["last"]["cause"] == "ordered"
            assert modem.model.device.slot == 1, "slots count from 0 there"
            code, said, _ = await kit.ctl("status", "--lang", "en")
            assert "modem m1: SIM 2 of 2" in said
            code, said, _ = await kit.ctl("link", "sim", "m1", "2", "--json")
            assert json.loads(said)["changed"] is False
            code, _, why = await kit.ctl("link", "sim", "m2", "1", "--lang", "en")
            assert (code, "no modem 'm2' is configured" in why) == (exit_codes.USAGE, True)
            assert await kit.end() == 0
            (fact,) = [fact for fact in kit.facts() if isinstance(fact, SimChanged)]
        assert (fact.modem, fact.left, fact.slot) == ("m1", 1, 2)
    finally:
        modem.stop()
