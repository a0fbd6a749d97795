"""A simulated modem on a pseudo-terminal, in the test's own event loop, scripted by ``obey("signal -115")``."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from simulators.devices.modem import make_modem
from simulators.stand.faults import FaultyLine
from simulators.stand.lines import LinkedPty
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript


def now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


class ModemOnPty:
    """``line`` is the device that programs open. ``how``: as ``make_modem`` takes it."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.line: Final = folder / "modem"
        self.model: Final = make_modem(now_ms=now_ms(), **how)
        self._transcript = (folder / "modem.jsonl").open("a", encoding="utf-8")
        self._stand: Final = Stand(FaultyLine(self.model), Transcript(self._transcript), now_ms)
        self._stand.put_behind(LinkedPty(self.line, self._stand.hear))

    def obey(self, command: str) -> str | Mapping[str, Any]:
        """Do what ``kit-sim ctl`` would have it do."""
        return self._stand.obey(command.split())

    def stop(self) -> None:
        """Take the line away. Idempotent."""
        self._stand.close()
        self._transcript.close()
