"""The opening of a real-process day, by the programs that officials, trustees and strangers use.

An order is drafted, signed by two commissioners, logged, seen by witnesses and published; as many trustees as it takes
answer, each from the published folder; the answers are combined, the result published, and a stranger audits it all.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from crypto.codec import b64
from simulators.day.process import ProgramError, entry
from simulators.election import MANIFEST_THRESHOLD, Election
from simulators.trustees import PASSPHRASE, THRESHOLD

WITNESSED_S: Final = 30.0  # until witnesses have cosigned what holds the order


class OpeningNight:
    """Everybody who opens. ``say`` is told what happens."""

    def __init__(self, election: Election, folder: Path, config: Path, say: Callable[[str], None]) -> None:
        self._election, self._folder, self._config, self._say = election, folder, config, say
        self._work = folder / "opening"
        self.publication = folder / "publication"

    async def open(self) -> dict[str, Any]:
        """The whole evening; returns the opening. Raises ProgramError when anybody refuses."""
        self._work.mkdir()
        self._say("two commissioners of different bodies order the opening; the order is a leaf of the log")
        await self._order()
        self._say(
            "witnesses vouch for the log that holds the order, and the centre publishes what strangers read"
        )
        await self._publish_until_witnessed()
        board = self._election.board.statement
        self._say(f"{THRESHOLD} of {len(board.trustees)} trustees answer, each from the published folder")
        answers = await asyncio.gather(*(self._answer(trustee.id) for trustee in board.trustees[-THRESHOLD:]))
        result = self._work / "result.json"
        files = [str(path) for path in answers]
        await self._center(
            *("open", "--config", str(self._config), "--out", str(result), "--answers", *files),
            good=(0, 1, 2),
        )
        await self._publish("--opening", str(result), "--answers", *files)
        opening: dict[str, Any] = json.loads(result.read_bytes())
        return opening

    async def audit(self) -> dict[str, Any]:
        """What a stranger finds, from the published folder and the manifest keys alone."""
        keys = [f"--manifest-key={b64(key.public)}" for key in self._election.manifest_keys]
        said = await self._center(
            *("audit", str(self.publication), *keys, "--threshold", str(MANIFEST_THRESHOLD), "--json"),
            good=(0, 1, 2),
        )
        report: dict[str, Any] = json.loads(said)
        return report

    async def _order(self) -> None:
        draft = self._work / "order.json"
        await self._center("order", "draft", "--config", str(self._config), "--out", str(draft))
        for number, name in enumerate(self._election.commissioners, 1):
            signed = self._work / f"order.signed-{number}"
            key = self._folder / "keys" / f"{name}.key"
            await self._center(
                *("act", "sign", str(draft), "--key", str(key), "--config", str(self._config)),
                *("--out", str(signed)),
            )
            draft = signed
        await self._center("submit", str(draft), "--config", str(self._config))

    async def _publish_until_witnessed(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WITNESSED_S
        while True:
            await self._publish()
            # The folder shows the newest checkpoint that enough witnesses cosigned, and the order is the last leaf.
            leaves = len(list((self.publication / "leaves").iterdir()))
            checkpoint = (self.publication / "checkpoint").read_text(encoding="utf-8")
            witnessed = checkpoint.count("\n— ") > self._election.trusted.manifest.witness_policy.m
            if int(checkpoint.split("\n")[1]) == leaves and witnessed:
                return
            if loop.time() > deadline:
                raise ProgramError(f"witnesses did not vouch for the order within {WITNESSED_S:.0f} s")
            await asyncio.sleep(0.2)

    async def _answer(self, trustee: str) -> Path:
        passphrase = self._work / f"{trustee}.passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text(PASSPHRASE, encoding="utf-8")
        answers = self._work / f"{trustee}.answers.json"
        keys = [f"--manifest-key={b64(key.public)}" for key in self._election.manifest_keys]
        await self._center(
            *("trustee", "answer", "--publication", str(self.publication), *keys),
            *("--threshold", str(MANIFEST_THRESHOLD), "--passphrase-file", str(passphrase)),
            *("--share", str(self._folder / "keys" / f"{trustee}.share.json"), "--out", str(answers)),
        )
        return answers

    async def _publish(self, *options: str) -> None:
        await self._center("publish", str(self.publication), "--config", str(self._config), *options)

    async def _center(self, *arguments: str, good: Sequence[int] = (0,)) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *entry("center.cli:main_center", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode not in good:
            raise ProgramError(
                f"center {' '.join(arguments[:2])} ended with exit code {process.returncode}: {err.decode()}"
            )
        return out
