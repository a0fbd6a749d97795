"""A real kitd at a simulated printer on a TCP port: paper ends in the middle, kitd is killed in the middle."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from crypto import tape_code
from drivers.printer import encode
from kit import exit_codes
from kit.facts import TapeBrokeOff, TapeFinished, TapeStarted
from kit.tape.documents import Subject
from kit.tape.maker import TapeMaker
from simulators.devices.printer import PrinterModel, make_printer
from simulators.stand.faults import FaultyLine
from simulators.stand.lines import TcpPort
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript
from tests.kit.commission import commission, run
from tests.kit.harness import ONE_TERMINAL, Branch
from tests.kit.real_kit import RealKit, monotonic_ms, real_kit
from tests.kit.staff import standing_in

TABLE: Final = """
[printer]
kind = "network"
host = "127.0.0.1"
tcp_port = {port}
poll_interval_ms = 100
"""


class Bench:
    """A kit that has taken the tally, with a printer that begins its zero tape."""

    def __init__(self, kit: RealKit, model: PrinterModel, stand: Stand) -> None:
        self.kit, self.model, self.stand = kit, model, stand

    def do(self, words: str) -> None:
        self.stand.obey(words.split())

    async def until_paper_is_out(self) -> None:
        """The first print broke off, and the printer has said why."""
        await self.kit.until_status(
            lambda status: (
                status["printer"]["state"] == "paper-out"
                and any(tape["broke_off"] == "paper-out" for tape in status["printer"]["tapes"])
            ),
            "paper out",
        )

    async def tapes(self, **states: str) -> dict[str, Any]:
        """The status once tapes are in these states."""

        def reached(status: dict[str, Any]) -> bool:
            shown = {tape["kind"]: tape["state"] for tape in status["printer"]["tapes"]}
            return all(shown.get(kind) == state for kind, state in states.items())

        return await self.kit.until_status(reached, f"tapes {states}")


@asynccontextmanager
async def bench(branch: Branch, *first: str) -> AsyncIterator[Bench]:
    """``first``: what was done to the printer before."""
    model = make_printer(rows_per_s=1_500)
    stand = Stand(FaultyLine(model), Transcript(None), monotonic_ms)
    port = TcpPort("127.0.0.1", 0, stand.hear, None)
    stand.put_behind(port)
    for words in first:
        stand.obey(words.split())
    try:
        async with real_kit(branch, tables=TABLE.format(port=port.address.rsplit(":", 1)[1])) as kit:
            yield Bench(kit, model, stand)
    finally:
        stand.close()


async def test_paper_ends_in_the_middle() -> None:
    async with bench(standing_in("tallied"), "paper left 700") as there:
        await there.until_paper_is_out()
        code, words, _ = await there.kit.ctl("status", "--lang", "en")
        assert code in (exit_codes.WARNING, exit_codes.CRITICAL), "once a tally is sealed and no uplink works"
        assert "zero tape of terminal terminal-1-1 is not printed: paper is out: put in paper" in words
        there.do("tear")
        there.do("paper in")
        await there.tapes(zero="printed", tally="printed")
        await there.kit.end()
        facts = there.kit.facts()
        started = [(f.kind, f.copy) for f in facts if isinstance(f, TapeStarted)]
        finished = [(f.kind, f.copy, f.confirmed) for f in facts if isinstance(f, TapeFinished)]
        (broke,) = [f for f in facts if isinstance(f, TapeBrokeOff)]
        assert started == [("zero", 1), ("zero", 2), ("tally", 1)]
        assert finished == [("zero", 2, True), ("tally", 1, True)]
        assert (broke.copy, broke.reason) == (1, "paper-out")
        assert 0 < broke.done * 24 <= 700


async def test_kitd_is_killed_in_the_middle() -> None:
    async with bench(standing_in("tallied"), "paper left 700") as there:
        await there.until_paper_is_out()
        there.do("paper in")
        await there.tapes(zero="printing")
        await there.kit.end(kill=True)
        await there.kit.start()
        await there.tapes(zero="printed", tally="printed")
        await there.kit.end()
        facts = there.kit.facts()
        finished = [f.kind for f in facts if isinstance(f, TapeFinished)]
        assert finished == ["zero", "tally"]
        started = sorted((f.kind, f.copy) for f in facts if isinstance(f, TapeStarted))
        ended = sorted((f.kind, f.copy) for f in facts if isinstance(f, TapeFinished | TapeBrokeOff))
        assert started == ended, "of every print it is known how it ended"


async def test_tape_on_paper_is_another_one() -> None:
    """What the simulated printer has on paper is, dot by dot, the tape that the terminal's report makes."""
    branch = standing_in("tallied")
    async with bench(branch) as there:
        await there.tapes(zero="printed", tally="printed")
        await there.kit.end()
        (started,) = [f for f in there.kit.facts() if isinstance(f, TapeStarted) and f.kind == "tally"]
        paper = there.model.paper.tapes[-1]
        tally = branch.station.day.state.units["terminal-1-1"].tally
        assert tally is not None
        maker = TapeMaker(ONE_TERMINAL.loaded, "branch-1", width_dots=576, font=None)
        tape = maker.make("tally", "tally", Subject("terminal-1-1", tally, started.at, started.copy))
        dots = b"".join(encode._without_commands(band.rows) for band in tape.bands)
        assert b"".join(paper)[: len(dots)] == dots
        (code,) = tape_code.write(tally, ONE_TERMINAL.loaded, branch="branch-1", terminal="terminal-1-1")
        assert tape_code.read([code], ONE_TERMINAL.loaded)[1] == tally


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('kind = "network"', 'needs host = "..."'),
        ('kind = "usb"', 'needs port = "/dev/usb/lp0"'),
        ('kind = "serial"', "needs port"),
        ('kind = "usb"\nport = "/dev/null"\nfont = "/nowhere.ttf"', "fonts-dejavu-core"),
        ('kind = "usb"\nport = "/dev/null"\nwidth = 3', "did you mean 'width_dots'"),
    ],
)
def test_printer_is_configured_wrongly(tmp_path: Path, table: str, said: str) -> None:
    path = commission(tmp_path)
    with path.open("a", encoding="utf-8") as config:
        config.write(f"\n[printer]\n{table}\n")
    checked = run("kitd", "--config", path, "--check-config")
    assert checked.returncode == exit_codes.CONFIG
    assert said in checked.stderr
    ran = run("kitd", "--config", path)
    assert ran.returncode == exit_codes.CONFIG
    assert said in (ran.stdout + ran.stderr).replace('\\"', '"')
