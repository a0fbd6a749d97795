"""The core that adopts new manifests: before the polls begin and never after, and the file before the fact."""

from collections import deque
from hashlib import sha256
from typing import Any, Final

from crypto.manifest import TrustedManifest
from drivers.ports import TerminalPhase, TerminalStatus
from failover.events import Instant
from kit import exit_codes
from kit.core import Step
from kit.effects import AdoptManifest, KeepManifest, Reply
from kit.events import Booted, Event, ManifestHeard, ManifestKept, TerminalHeard
from kit.facts import (
    Fact,
    JournalKeyCertified,
    ManifestAdopted,
    OrderAccepted,
    OrderFailed,
    Phase,
    PhaseEntered,
    ZeroProved,
)
from kit.incidents import Incidents
from kit.manifests.judge import ManifestJudge, ManifestRefusedError, NotNewerError
from kit.wall import Wall

BEFORE_POLLS: Final[tuple[Phase, ...]] = ("commissioned", "readiness")
BEGUN: Final[tuple[TerminalPhase, ...]] = ("zeroed", "open", "suspended", "closed", "tallied")
HEAR_MS: Final = 60_000  # of a life in which all terminals that are configured are waited for
REFUSED_MAX: Final = 16  # manifests that are remembered as refused, so that repetitions cost nothing


class ManifestAdoption:
    """Judges manifests by their own signatures. ``judge`` None: a kit whose manifest nobody can change."""

    def __init__(
        self, manifest: TrustedManifest, branch: str, device: str, judge: ManifestJudge | None
    ) -> None:
        self._manifest, self._branch, self._device, self._judge = manifest, branch, device, judge
        self._wall = Wall()
        self._phase: Phase = "commissioned"
        self._zero = False
        """Whether a zero report was ordered or made: from then on the ballot is frozen."""
        self._terminals: dict[str, TerminalPhase] = {}
        """Where each terminal that was heard stands. A standby kit finds them in the middle of another kit's polls."""
        self._hear_until: Instant | None = None
        self._early: ManifestHeard | None = None
        """What came before the terminals were heard: where they stand decides. Of several the last."""
        self._segments = 0
        self._known: deque[str] = deque(maxlen=REFUSED_MAX)
        self._incidents = Incidents()
        self._refusal: str | None = None
        self._coming: int | None = None
        """The version that is kept, and adopted after that: one in a life, for the file of another may lie over it."""
        self.adopted: ManifestAdopted | None = None

    def handle(self, event: Event, now: Instant) -> Step:
        """React. Anything but manifests, Booted and where terminals stand concerns others, and lets time pass."""
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
            self._hear_until = now + HEAR_MS
        elif isinstance(event, TerminalHeard):
            if isinstance(event.event, TerminalStatus):
                self._terminals[event.terminal] = event.event.phase
        elif isinstance(event, ManifestHeard):
            return self._heard(event, now)
        elif isinstance(event, ManifestKept):
            return self._kept(event, now)
        if self._early is not None and not self._is_early(now):
            event, self._early = self._early, None
            return self._heard(event, now)
        return Step()

    def _is_early(self, now: Instant) -> bool:
        """Whether terminals may stand in the middle of polls, and have not said so yet."""
        until = self._hear_until
        silent = self._judge is not None and not self._judge.terminals <= self._terminals.keys()
        return silent and until is not None and now < until

    def apply(self, fact: Fact) -> None:
        """Fold."""
        match fact:
            case ManifestAdopted():
                self.adopted = fact
            case PhaseEntered(phase=phase):
                self._phase = phase
            case ZeroProved():
                self._zero = True
            case OrderAccepted(kind="zero"):
                self._zero = True
            case OrderFailed(kind="zero"):
                self._zero = False
            case JournalKeyCertified():
                self._segments += 1
            case _:
                pass

    def wake_at(self) -> Instant | None:
        """When a manifest is judged that came too early, whether terminals were heard or not."""
        return None if self._early is None else self._hear_until

    def picture(self) -> dict[str, Any]:
        """For the status."""
        return {"version": self._manifest.manifest.version, "refusal": self._refusal}

    def _heard(self, event: ManifestHeard, now: Instant) -> Step:
        if self._coming is not None:
            words = f"manifest version {self._coming} is being adopted: try again when kitd has begun anew"
            return Step() if event.reply is None else self._refuse(words, event, now)
        if event.reply is None and self._is_early(now) and self._objection() is None:
            self._early = event
            return Step()
        name = sha256(event.data).hexdigest()
        if event.reply is None and name in self._known:
            return Step()
        self._known.append(name)
        try:
            new = self._judged(event.data)
        except NotNewerError as error:
            return Step() if event.reply is None else self._refuse(str(error), event, now)
        except ManifestRefusedError as error:
            return self._refuse(str(error), event, now)
        version, digest = new.manifest.version, new.sha256
        self._coming = version
        return Step(effects=[KeepManifest(version, digest, event.data, event.rung, event.reply)])

    def _judged(self, data: bytes) -> TrustedManifest:
        if self._judge is None:
            raise ManifestRefusedError("this kit's manifest is fixed: it takes no other")
        new = self._judge.check_newer(data, self._manifest, self._branch, self._device)
        objection = self._objection()
        if objection is not None:
            raise ManifestRefusedError(f"manifest version {new.manifest.version} is refused: {objection}")
        return new

    def _objection(self) -> str | None:
        """Why no manifest at all may be adopted now."""
        if self._zero or self._phase not in BEFORE_POLLS:
            return (
                f"the polls have begun (phase {self._phase}, zero report ordered or made), and contests, candidates "
                "and branches are frozen from then on"
            )
        begun = [f"{name} is {phase}" for name, phase in sorted(self._terminals.items()) if phase in BEGUN]
        if begun:
            return (
                f"the polls of this branch have begun under the manifest of its terminals ({', '.join(begun)}), and "
                "whoever takes them over keeps to that"
            )
        if self._segments > 1:
            return (
                "a flagged segment of this journal was certified under the present one; a kit that is to serve another "
                "needs an empty state directory"
            )
        return None

    def _kept(self, event: ManifestKept, now: Instant) -> Step:
        """The file is there. Between then and now the polls may have begun."""
        objection = event.error or self._objection()
        if objection is not None:
            self._coming = None
            if event.error is not None:
                self._known.clear()  # the disk may take it the next time
            return self._refuse(f"manifest version {event.version} is not adopted: {objection}", event, now)
        fact = ManifestAdopted(at=self._wall.text(now), version=event.version, manifest_sha256=event.sha256)
        step = Step(facts=[fact])
        if event.reply is not None:
            words = f"manifest version {event.version} is adopted; kitd starts again under it"
            step.effects.append(Reply(event.reply, {"ok": True, "manifest": event.version, "detail": words}))
        step.effects.append(AdoptManifest(event.version, event.sha256))
        return step

    def _refuse(self, why: str, event: ManifestHeard | ManifestKept, now: Instant) -> Step:
        if event.reply is not None:
            return Step(effects=[Reply(event.reply, {"ok": False, "error": why, "code": exit_codes.DATA})])
        self._refusal = why[:400]
        return Step(facts=[*self._incidents.record("manifest-refused", why, self._wall.text(now))])
