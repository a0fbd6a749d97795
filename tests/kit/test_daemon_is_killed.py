"""A real kitd: started, stopped, killed, started twice, and talked at by a noisy line."""

import asyncio
import json
import random

from kit import exit_codes
from kit.facts import BootRecorded, IncidentRecorded, PhaseEntered, PowerChanged, TerminalActed
from tests.kit.commission import run_apart
from tests.kit.harness import Branch
from tests.kit.real_kit import monotonic_ms, real_kit
from tests.kit.staff import standing_in


def connected(status: dict) -> bool:  # type: ignore[type-arg]
    return all(terminal["connected"] for terminal in status["terminals"])


async def test_nobody_hears_that_it_lives_or_stops() -> None:
    async with real_kit(Branch()) as kit:
        await kit.until(lambda: "WATCHDOG=1" in kit.heard(), "WATCHDOG=1")
        assert "STOPPING=1" not in kit.heard()
        status = await kit.until_status(connected, "the terminal")
        assert (status["phase"], status["next_order"]) == ("commissioned", 1)
        assert await kit.end() == exit_codes.OK
        assert kit.heard()[-1] == "STOPPING=1"
        log = [json.loads(line) for line in kit.log.read_text().splitlines()]
        assert [entry["event"] for entry in log if entry["event"] in ("started", "stopped")] == [
            "started",
            "stopped",
        ]
        assert not [entry for entry in log if entry["level"] == "error"]


async def test_technician_gets_no_answer() -> None:
    async with real_kit(Branch()) as kit:
        await kit.until_status(
            lambda status: connected(status) and status["power"]["state"] == "mains", "devices"
        )
        code, out, err = await kit.ctl("status", "--json")
        assert (code, err) == (exit_codes.WARNING, ""), "no uplink works: something to look at"
        status = json.loads(out)
        assert status["branch"] == "branch-1"
        assert set(status["uplinks"]["states"]) == {"fibre", "4g"}
        code, english, _ = await kit.ctl("status", "--lang", "en")
        assert code == exit_codes.WARNING
        assert "phase: commissioned [commissioned]" in english
        assert "terminal terminal-1-1: connected, 0 ballots" in english
        code, persian, _ = await kit.ctl("status", LC_ALL="fa_IR.UTF-8", PYTHONUTF8="1")
        assert code == exit_codes.WARNING
        assert "مرحله: آمادهٔ راه‌اندازی [commissioned]" in persian
        assert "برق: برق شهر" in persian
        code, out, err = await kit.ctl("readiness")
        assert code == exit_codes.UNAVAILABLE
        assert "NO  uplink: no uplink reaches the centre's broker" in out
        assert "ok  terminal terminal-1-1: self-test passed" in out
        assert "not ready" in err


async def test_technician_asks_a_dead_daemon() -> None:
    async with real_kit(Branch()) as kit:
        await kit.end(kill=True)
        code, out, err = await kit.ctl("status", "--lang", "en")
        assert (code, out) == (exit_codes.UNAVAILABLE, "")
        assert "kitd does not answer. Look at it with: systemctl status kitd" in err


async def test_second_daemon_seals_too() -> None:
    async with real_kit(Branch()) as kit:
        assert kit.process is not None
        loop = asyncio.get_running_loop()
        second = await loop.run_in_executor(None, run_apart, "kitd", "--config", kit.config)
        assert second.returncode == exit_codes.CANNOT_CREATE
        assert f"is in use by another kitd (process {kit.process.pid})" in second.stderr
        assert "give this one a state directory of its own" in second.stderr
        assert (await kit.ask({"op": "status"}))["ok"] is True, "the first one lost its socket"


async def test_phase_is_forgotten_over_a_kill() -> None:
    """The battery runs low in the middle of the poll, the terminal is suspended; then SIGKILL."""
    async with real_kit(standing_in("open")) as kit:
        await kit.until_status(connected, "the terminal")
        assert (await kit.ask({"op": "status"}))["status"]["phase"] == "open"
        kit.ups.set_charge(10, monotonic_ms())
        kit.ups.set_mains(on=False, now_ms=monotonic_ms())
        await kit.until_status(lambda status: status["phase"] == "suspended", "the suspension")
        assert await kit.end(kill=True) == -9
        await kit.start()
        status = (await kit.ask({"op": "status"}))["status"]
        assert (status["phase"], status["power"]["state"]) == ("suspended", "low")
        assert (await kit.ctl("status", "--json"))[0] == exit_codes.CRITICAL
        assert await kit.end() == exit_codes.OK
        facts = kit.facts()
        assert [fact.phase for fact in facts if isinstance(fact, PhaseEntered)][-1] == "suspended"
        acted = [fact for fact in facts if isinstance(fact, TerminalActed)]
        assert (acted[-1].action, acted[-1].cause) == ("suspend", "power-low")
        assert len([fact for fact in facts if isinstance(fact, BootRecorded)]) == 3


async def test_line_talks_garbage() -> None:
    """Noise on both serial lines: at worst an incident, never another phase."""
    rng = random.Random(7)
    async with real_kit(standing_in("open")) as kit:
        await kit.until_status(connected, "the terminal")
        kit.spoil = lambda answer: rng.randbytes(len(answer) + 40)
        await kit.until_status(lambda status: not connected(status), "the loss of the terminal")
        await kit.until_status(lambda status: status["power"]["state"] == "unknown", "the loss of the UPS")
        kit.spoil = lambda answer: answer
        status = await kit.until_status(connected, "the terminal's return")
        assert status["phase"] == "open"
        await kit.until_status(lambda status: status["power"]["state"] == "mains", "the UPS's return")
        await kit.end()
        new = kit.facts()[len(kit.branch.journal.facts) :]
        kinds = {type(fact) for fact in new}
        assert PowerChanged in kinds
        assert not kinds & {PhaseEntered, TerminalActed}
        codes = {fact.code for fact in new if isinstance(fact, IncidentRecorded)}
        # The journal is of a day in 2027, this machine's clock is not.
        assert {code for code in codes if not code.startswith("clock-")} == {"terminal-lost"}


async def test_damaged_journal_is_overwritten() -> None:
    async with real_kit(standing_in("open")) as kit:
        await kit.end()
        path = kit.folder / "state" / "journal.db"
        data = bytearray(path.read_bytes())
        data[4096:8192] = b"\xaa" * 4096
        path.write_bytes(data)
        loop = asyncio.get_running_loop()
        ended = await loop.run_in_executor(None, run_apart, "kitd", "--config", kit.config)
        assert ended.returncode == exit_codes.DATA
        assert "keep the file, it is evidence; call the centre" in ended.stderr
        assert path.read_bytes() == bytes(data)
        path.unlink()
        path.mkdir()
        ended = await loop.run_in_executor(None, run_apart, "kitd", "--config", kit.config)
        assert ended.returncode == exit_codes.CANNOT_CREATE
        assert "check the folder, its permissions" in ended.stderr


async def test_control_socket_cannot_be_made() -> None:
    async with real_kit(Branch()) as kit:
        await kit.end()
        text = kit.config.read_text()
        kit.config.write_text(text.replace('"kitd.sock"', f'"{"s" * 120}"'))
        loop = asyncio.get_running_loop()
        ended = await loop.run_in_executor(None, run_apart, "kitd", "--config", kit.config)
        assert ended.returncode == exit_codes.CONFIG
        assert "the path is shorter than 108 bytes" in ended.stderr.replace("that the path", "the path")
