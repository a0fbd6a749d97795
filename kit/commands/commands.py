"""The core for what the centre asks of the kit: checked alike by whatever rung it comes, followed once, bounded.

What a command may do is little, so that a stolen log key can do no more: pace the tries to deliver for half an hour
at most (kit.commands.pacing), show a line of text, say that the clock may be wrong, announce a manifest. The manifest
itself is judged by its own signatures (kit.manifests.adoption).
"""

from collections import deque
from typing import Any, Final

from crypto import command, command_packing, rfc3339
from crypto.command import Command
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from failover.events import Instant
from kit import exit_codes
from kit.commands.clock_hints import BLOCKS_MS, ClockHints
from kit.commands.pacing import pacing_of
from kit.core import Step
from kit.effects import Reply
from kit.events import Booted, CommandHeard, Event, ReadinessItem
from kit.facts import CommandFollowed, CommandKind, Fact, IncidentRecorded
from kit.incidents import Incidents
from kit.wall import Wall

HOUR_MS: Final = 3_600_000
FOLLOWED_MAX: Final = 20  # commands of one kind followed in an hour: each is a fact, and flash is spared
REFUSALS_TOLD_MAX: Final = 3  # refused commands that are journaled in an hour; the others are counted
MESSAGES_SHOWN: Final = 5
NARROW_RUNGS: Final = ("sms", "courier")
"""What these bring may have been on its way for long: the age of a hint tells nothing about the clock."""


class Commands:
    """A fold over CommandFollowed, and the judge of what is followed next."""

    def __init__(self, manifest: TrustedManifest, branch: str) -> None:
        self._manifest, self._branch = manifest, branch
        self._wall = Wall()
        self._numbers: dict[tuple[CommandKind, str], int] = {}
        """Of the last command that was followed, by kind and by the key that signed it: a new key begins anew."""
        self._log = manifest.log_verifier
        self._followed: dict[CommandKind, deque[Instant]] = {}
        self._told: deque[Instant] = deque()
        self._incidents = Incidents()
        self.clock = ClockHints()
        self.messages: deque[CommandFollowed] = deque(maxlen=MESSAGES_SHOWN)
        self.announced: Command | None = None
        self._announced_ms: int | None = None
        """When a newer manifest than this kit's was announced for the first time: for a while that is in the way."""
        self.pacing: CommandFollowed | None = None
        self.refused = 0
        """Forged, malformed, expired or too many ones, since the daemon started."""

    def handle(self, event: Event, now: Instant) -> Step:
        """React. Anything but CommandHeard and Booted concerns others."""
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
        if not isinstance(event, CommandHeard):
            return Step()
        step = Step()
        body = self._hear(event, now, step)
        if event.reply is not None:
            step.effects.append(Reply(event.reply, body))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if not isinstance(fact, CommandFollowed):
            return
        self._numbers[fact.kind, command.signer_of(fact.note)] = fact.number
        if fact.kind == "message":
            self.messages.append(fact)
        elif fact.kind == "manifest":
            self.announced = command.read(fact.note)
            if self._announced_ms is None and self._newer() is not None:
                self._announced_ms = rfc3339.to_ms(fact.at)
        elif fact.kind == "pacing":
            self.pacing = fact

    def wake_at(self) -> Instant | None:
        """Nothing is ever due."""
        return None

    def readiness(self, now: Instant) -> tuple[ReadinessItem, ...]:
        """The clock and the manifest, where the centre said something of them."""
        items, wall_ms = [], self._wall.at_ms(now)
        objection = self.clock.objection
        if objection is not None:
            items.append(ReadinessItem("clock", ok=not self.clock.blocks(wall_ms), detail=objection))
        elif self._known("clock"):
            items.append(ReadinessItem("clock", ok=True, detail="no hint of the centre speaks against it"))
        newer, since_ms = self._newer(), self._announced_ms
        if newer is not None and since_ms is not None:
            words = (
                f"the centre announced manifest version {newer.manifest_version}, this kit has version "
                f"{self._manifest.manifest.version}, and a centre under a newer one refuses what is sealed under an "
                "older one: kitctl manifest bring FILE, or ask the centre"
            )
            items.append(
                ReadinessItem("manifest", ok=not since_ms <= wall_ms < since_ms + BLOCKS_MS, detail=words)
            )
        return tuple(items)

    def picture(self, now: Instant) -> dict[str, Any]:
        """For ``kitctl status`` and ``kitctl messages``."""
        newer = self._newer()
        return {
            "messages": [
                {
                    "at": fact.at,
                    "number": fact.number,
                    "rung": fact.rung,
                    "text": command.read(fact.note).text,
                }
                for fact in self.messages
            ],
            "pacing": self._pacing_picture(now),
            "clock": self.clock.picture(),
            "manifest_announced": None
            if newer is None
            else {"version": newer.manifest_version, "sha256": newer.manifest_sha256},
            "refused": self.refused,
        }

    def _newer(self) -> Command | None:
        newer = self.announced
        is_newer = newer is not None and (newer.manifest_version or 0) > self._manifest.manifest.version
        return newer if is_newer else None

    def _known(self, kind: CommandKind) -> int:
        return self._numbers.get((kind, f"{self._log.name}+{self._log.key_hash.hex()}"), 0)

    def _pacing_picture(self, now: Instant) -> dict[str, Any] | None:
        if self.pacing is None:
            return None
        pacing = pacing_of(self.pacing, self._manifest)
        if pacing is None or pacing.end_ms <= self._wall.at_ms(now):
            return None
        return {
            "pause_ms": pacing.pause_ms,
            "until": rfc3339.to_text(pacing.end_ms),
            "number": self.pacing.number,
        }

    def _hear(self, event: CommandHeard, now: Instant, step: Step) -> dict[str, object]:
        """Judge one command; returns what to tell who brought it."""
        try:
            note = command_packing.note_of(event.data, self._manifest)
            one = command.check(note, self._manifest)
        except EvidenceError as error:
            return self._refuse("command-refused", str(error), event, now, step)
        if one.branch not in (None, self._branch):
            return _heard(one, "of another branch", f"it is for branch {one.branch}: bring it there")
        known, wall_ms = self._known(one.kind), self._wall.at_ms(now)
        at_once = event.rung not in NARROW_RUNGS and one.number > known
        incident = self.clock.heard(one, wall_ms, at_once=at_once)
        if incident is not None:
            step.facts += self._incidents.record("clock-behind", incident, self._wall.text(now))
        if one.number <= known:
            return _heard(one, "known", f"number {known} was followed already")
        if one.expires_s * 1000 <= wall_ms:
            why = f"{one.kind} {one.number} expired at {one.expires_at}; this kit's clock says {self._wall.text(now)}"
            if one.kind == "clock":
                return _heard(one, "expired", f"{why}: if it was given just now, the clock is ahead")
            return self._refuse("command-expired", why, event, now, step)
        recent = self._followed.setdefault(one.kind, deque())
        if not _room(recent, FOLLOWED_MAX, now):
            why = f"more than {FOLLOWED_MAX} commands of kind {one.kind} in an hour"
            return self._refuse("commands-too-many", why, event, now, step)
        recent.append(now)
        step.facts.append(
            CommandFollowed(
                at=self._wall.text(now), kind=one.kind, number=one.number, rung=event.rung[:64], note=note
            )
        )
        return _heard(one, "followed", one.text or "")

    def _refuse(
        self, code: str, why: str, event: CommandHeard, now: Instant, step: Step
    ) -> dict[str, object]:
        self.refused += 1
        why = f"{event.rung}: {why}"
        if _room(self._told, REFUSALS_TOLD_MAX, now):
            told: list[IncidentRecorded] = self._incidents.record(code, _whole(why), self._wall.text(now))
            step.facts += told
            self._told.extend([now] * len(told))
        return {"ok": False, "error": f"the command is refused: {_whole(why)}", "code": exit_codes.DATA}


def _heard(one: Command, state: str, detail: str) -> dict[str, object]:
    return {
        "ok": True,
        "command": {"kind": one.kind, "number": one.number, "state": state, "detail": detail},
    }


def _room(instants: deque[Instant], most: int, now: Instant) -> bool:
    """Whether fewer than ``most`` of these are of the last hour. Forgets the older ones."""
    while instants and instants[0] <= now - HOUR_MS:
        instants.popleft()
    return len(instants) < most


def _whole(text: str) -> str:
    """As text that can be journaled: what strangers write may hold half a Unicode character."""
    return text.encode("utf-8", "replace").decode()[:400]
