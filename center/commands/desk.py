"""centerd's desk for commands: gives each its number and the log's signature, and repeats it until it expires.

At QoS 0 to whoever listens: a branch checks each by itself, and whoever was away hears it the next time. Nothing is
said that is not durable, and nothing after it expired: pacing ends by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from center.commands.request import CommandRequest, command_of
from center.commands.store import CommandStore, manifest_in
from center.errors import CenterError
from center.pruning import EVERY_S, Keep
from crypto import command, command_packing
from crypto.command import Command
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.notes import NoteSigner
from crypto.wire import topic_command, topic_command_for_all, topic_manifest

LOOK_S: Final = 0.5  # between two looks at what is asked for
REPEAT_MS: Final = 30_000  # between two times that a command is said
MANIFEST_REPEAT_MS: Final = 900_000  # a manifest is long, and each branch hears it over each of its uplinks
FAILURE_PAUSE_S: Final = 15.0  # after the disk refused
FULL_SHARE: Final = 0.5  # of the inbox: from there on branches are asked to pace
RELIEF_EVERY_MS: Final = 240_000  # between two such requests
RELIEF_S: Final = 300  # seconds that one holds
RELIEF_PAUSE_MS: Final = 60_000  # between two sends of a branch
STANDING_MAX: Final = 500  # commands that hold at a time
KEEP: Final = Keep(most=2_000, days=180)  # refusals, unless configured otherwise

Say = Callable[[str, bytes], Awaitable[bool]]
"""Sends one message on a topic; False when there is no session with the broker."""

_log = structlog.get_logger("centerd.commands")


@dataclass(slots=True)
class _Standing:
    command: Command
    note: str
    manifest: bytes | None
    said_ms: int | None = None
    manifest_said_ms: int | None = None


class CommandDesk:
    """Only ``run`` touches the folder. ``wall_ms``: what says when a command was issued, and when it expired.

    ``keep``: how many refusals stay, and for how long.
    """

    def __init__(
        self,
        store: CommandStore,
        manifest: TrustedManifest,
        log: NoteSigner,
        say: Say,
        wall_ms: Callable[[], int],
        keep: Keep = KEEP,
    ) -> None:
        self._store, self._manifest, self._signer = store, manifest, log
        self._keep_refusals, self._pruned_s = keep, -EVERY_S
        self._say, self._wall_ms = say, wall_ms
        self._standing: list[_Standing] = []
        self._relieved_ms: int | None = None
        self._failed = False

    def relieve(self, share: float) -> None:
        """The inbox is full to this share, 0 to 1: from ``FULL_SHARE`` on branches are asked to pace, now and then.

        It is a command like any other: bounded in every way, numbered, kept, listed. A person's own pacing stands.
        """
        now_ms = self._wall_ms()
        if share < FULL_SHARE or not _due(self._relieved_ms, RELIEF_EVERY_MS, now_ms):
            return
        self._drop_expired()
        if any(one.command.kind == "pacing" and one.command.branch is None for one in self._standing):
            return
        self._relieved_ms = now_ms
        request = CommandRequest(kind="pacing", branch=None, for_s=RELIEF_S, pause_ms=RELIEF_PAUSE_MS)
        try:
            self._store.ask(request, wall_ms=now_ms)
        except CenterError as error:
            _log.warning("no-relief", error=str(error))
            return
        _log.warning("inbox-fills", share_percent=round(100 * share), advice="branches are asked to pace")

    async def run(self) -> None:
        """Take what is asked for and repeat what holds, until cancelled; never returns by itself."""
        pause_s = 0.0
        began = False
        while True:
            await asyncio.sleep(pause_s)
            try:
                if not began:
                    self._recall()
                    began = True
                self._take()
                self._prune()
                pause_s, self._failed = LOOK_S, False
            except CenterError as error:
                if not self._failed:
                    _log.error("commands-fail", error=str(error), advice="requests wait until it works again")
                pause_s, self._failed = FAILURE_PAUSE_S, True
            await self._repeat()

    def _recall(self) -> None:
        """What was given in earlier lives and holds still."""
        for name in self._store.given():
            self._recall_one(name)
        self._drop_expired()

    def _recall_one(self, name: str) -> None:
        note = self._store.note(name) or ""
        try:
            one = command.check(note, self._manifest)
        except EvidenceError as error:
            _log.warning("command-of-another-log", file=name, reason=str(error))
            return
        if one.kind == "manifest" and one.manifest_sha256 != self._manifest.sha256:
            # Branches would adopt what this centre does not go by, and be refused.
            _log.warning("another-manifest-not-announced", file=name, version=one.manifest_version)
            return
        if all(old.note != note for old in self._standing):
            self._keep(_Standing(one, note, self._store.manifest(name)))

    def _take(self) -> None:
        for name in self._store.asked():
            if self._store.note(name) is not None:  # the power or the disk failed before the request was gone
                self._store.give(name, self._store.note(name) or "", self._store.manifest(name))
                self._recall_one(name)
                continue
            try:
                self._give(name, self._store.request(name))
            except EvidenceError as error:
                _log.warning("command-refused", file=name, reason=str(error))
                self._store.refuse(name, str(error))

    def _prune(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._pruned_s < EVERY_S:
            return
        self._pruned_s = now_s
        for one in self._store.prune(self._keep_refusals, wall_ms=self._wall_ms()):
            _log.info("refusal-pruned", file=one.name, reason=one.words)

    def _give(self, name: str, request: CommandRequest) -> None:
        """Judge a request before a number is drawn for it."""
        self._drop_expired()
        if len(self._standing) >= STANDING_MAX:
            raise EvidenceError(f"{STANDING_MAX} commands hold already: wait until some of them expired")
        issued_s = self._wall_ms() // 1000
        trial = command_of(request, self._manifest, number=command.NUMBER_MAX, issued_s=issued_s)
        command_packing.pack(command.make(trial, self._signer), self._manifest)
        manifest = manifest_in(request)
        number = self._store.draw(request.kind, request.above)
        one = command_of(request, self._manifest, number=number, issued_s=issued_s)
        note = command.make(one, self._signer)
        self._store.give(name, note, manifest)
        self._store.forget_old()
        self._keep(_Standing(one, note, manifest))
        _log.info(
            "command-given", kind=one.kind, number=one.number, to=one.branch or "all", expires=one.expires_at
        )

    def _keep(self, new: _Standing) -> None:
        """Of messages all hold; of the other kinds the newest for each branch, and for all."""
        one = new.command
        if one.kind != "message":
            self._standing = [
                old
                for old in self._standing
                if (old.command.kind, old.command.branch) != (one.kind, one.branch)
                or old.command.number > one.number
            ]
        self._standing.append(new)
        # A kit follows no number after a greater one of its kind.
        self._standing.sort(key=lambda standing: (standing.command.kind, standing.command.number))

    def _drop_expired(self) -> None:
        now_ms = self._wall_ms()
        self._standing = [one for one in self._standing if one.command.expires_s * 1000 > now_ms]

    async def _repeat(self) -> None:
        self._drop_expired()
        election, now_ms = self._manifest.manifest.election, self._wall_ms()
        due = {one.command.kind for one in self._standing if _due(one.said_ms, REPEAT_MS, now_ms)}
        for one in list(self._standing):
            if (
                one.command.kind in due
            ):  # all of its kind, in their order: a branch follows no number after a greater one
                branch = one.command.branch
                topic = topic_command_for_all(election) if branch is None else topic_command(election, branch)
                if not await self._say(topic, one.note.encode()):
                    return  # no session: it is said when there is one
                one.said_ms = now_ms
            if one.manifest is not None and _due(one.manifest_said_ms, MANIFEST_REPEAT_MS, now_ms):
                if not await self._say(topic_manifest(election), one.manifest):
                    return
                one.manifest_said_ms = now_ms


def _due(last_ms: int | None, every_ms: int, now_ms: int) -> bool:
    """Whether it is time again; a clock that was set back makes nothing wait."""
    return last_ms is None or not 0 <= now_ms - last_ms < every_ms
