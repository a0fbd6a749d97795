"""The witnesses of a real-process day: each a ``center witness serve`` of its own, on loopback."""

import asyncio
import re
from pathlib import Path
from typing import Final

from simulators.day.process import Program, ProgramError, entry
from simulators.election import Election

START_S: Final = 30.0
_LISTENING: Final = re.compile(r"^(?P<vkey>\S+) at (?P<url>http://\S+)$", re.MULTILINE)


class Observers:
    """All witnesses of the election, with state and logs below ``folder``."""

    def __init__(self, election: Election, folder: Path) -> None:
        log = election.trusted.manifest.log.vkey
        self._programs = {}
        for name in election.witnesses:
            short = name.partition(".")[0]
            command = entry(
                "center.cli:main_center",
                *("witness", "serve", "--name", name, "--key", str(folder / "keys" / f"{short}.key")),
                *("--state-dir", str(folder / f"witness-{short}"), "--log", log, "--port", "0"),
            )
            self._programs[name] = Program(f"witness-{short}", command, folder)

    async def start(self) -> str:
        """Start all of them; returns the tables for centerd's configuration. Raises ProgramError."""
        for program in self._programs.values():
            program.start()
        tables = [await self._listening(program) for program in self._programs.values()]
        return "\n".join(tables)

    async def close(self) -> None:
        """Stop all of them."""
        await asyncio.gather(*(program.stop() for program in self._programs.values()))

    async def _listening(self, program: Program) -> str:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_S
        while loop.time() < deadline:
            said = _LISTENING.search(program.log.read_text(encoding="utf-8", errors="replace"))
            if said is not None:
                return f'[[witnesses]]\nurl = "{said["url"]}"\nvkey = "{said["vkey"]}"\n'
            program.check()
            await asyncio.sleep(0.05)
        raise ProgramError(f"{program.name} did not listen within {START_S:.0f} s: see {program.log}")
