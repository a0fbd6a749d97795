"""Days that do not get to their end: nothing is left running, and what is left lying is said."""

import asyncio
import io
import json
import os
import signal
from pathlib import Path
from typing import Final

import psutil
import pytest

from simulators.cli import SAMPLE
from simulators.day.headquarters import Headquarters
from simulators.day.process import ProgramError
from simulators.day.progress import PlainLog
from simulators.day.run import Day, Options, Scene, run_day
from simulators.loopback.broker import BrokerError
from tests.day.command import LIMIT_S, start

INTERRUPTED: Final = 130

pytestmark = pytest.mark.day


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_day_is_told_to_stop(number: signal.Signals, short_tmp: Path) -> None:
    process = start("day", "--branches", "1", "--voting", "60", "--json", temporary=short_tmp)
    assert process.stdout is not None
    for line in process.stdout:
        if "readiness" in json.loads(line)["text"]:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 6  # broker, three witnesses, centerd, kitd
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == INTERRUPTED
    assert err == "kit-sim: interrupted; everything that was started has been stopped\n"
    assert not any(child.is_running() for child in children)
    assert list(short_tmp.iterdir()) == []


def test_program_ends_by_itself(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_tmp))
    before = set(psutil.Process().children())  # a broker that other tests of this process share

    async def murder(scene: Scene, day: Day) -> None:
        del scene
        kitd = day.sites[0].kitd
        assert kitd.pid is not None
        psutil.Process(kitd.pid).kill()
        while True:
            kitd.check()
            await asyncio.sleep(0.01)

    with pytest.raises(ProgramError, match=r"exit code -9; the end of .*kitd-.*log") as caught:
        asyncio.run(run_day(Options(SAMPLE, branches=1, drill=murder), PlainLog(io.StringIO())))
    (folder,) = short_tmp.iterdir()
    assert caught.value.__notes__ == [f"everything is kept in {folder}"]
    assert (folder / "manifest.dsse.json").exists()
    assert set(psutil.Process().children()) <= before


def test_broker_does_not_start(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was started, so that there is nothing to keep."""
    monkeypatch.setattr("tempfile.tempdir", str(short_tmp))

    async def refuse(_: Headquarters) -> int:
        raise BrokerError("no port is free")

    monkeypatch.setattr(Headquarters, "start_broker", refuse)
    with pytest.raises(BrokerError) as caught:
        asyncio.run(run_day(Options(SAMPLE, branches=1), PlainLog(io.StringIO())))
    assert not hasattr(caught.value, "__notes__")
    assert list(short_tmp.iterdir()) == []
