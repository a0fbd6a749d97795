"""Pacing: the centre asks all branches to come less often, for a while. It slows repeats, and silences nobody.

It raises the ceiling of pauses between sends of the same envelope, to ``PACE_MAX_MS`` at most. It never touches the
first send on an uplink, ends by itself, and is not heeded for what has waited ``PATIENCE_MS`` without any receipt: then
either the centre never heard of the envelope, or whoever paces us is no friend of it.
"""

from dataclasses import dataclass
from typing import Final

from crypto import command as commands
from crypto import rfc3339
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from kit.facts import CommandFollowed

PACE_MAX_MS: Final = 300_000  # longest ceiling of a pause that the centre can ask for
PACED_MAX_MS: Final = 1_800_000  # so long after it was heard pacing ends, whatever its expiry
PATIENCE_MS: Final = 600_000  # an envelope that has waited so long without any receipt is not paced


@dataclass(frozen=True, slots=True)
class Pacing:
    """Repeats at most about every ``pause_ms``, from ``since_ms`` until ``until_ms`` (wall time since 1970-01-01 UTC).

    What is out of bounds is brought back into them.
    """

    pause_ms: int
    since_ms: int
    until_ms: int

    @property
    def end_ms(self) -> int:
        """When it ends, at the latest: wall time since 1970-01-01 UTC."""
        return min(self.until_ms, self.since_ms + PACED_MAX_MS)

    def ceiling_ms(self, ceiling_ms: int, wall_ms: int) -> int:
        """The ceiling of a pause at ``wall_ms`` that would be ``ceiling_ms`` without pacing; never less than that.

        A clock that was set back between two lives ends it: it would else last for ever.
        """
        if not self.since_ms <= wall_ms < self.end_ms:
            return ceiling_ms
        return max(ceiling_ms, min(self.pause_ms, PACE_MAX_MS))


def pacing_of(fact: CommandFollowed, manifest: TrustedManifest) -> Pacing | None:
    """The pacing that a followed command asks for; None where it is about something else, or no longer proves itself.

    It was verified when it was followed; that it is verified again on every replay costs nothing and trusts no disk.
    """
    if fact.kind != "pacing":
        return None
    try:
        command = commands.check(fact.note, manifest)
    except EvidenceError:
        return None
    if command.pause_ms is None:
        return None
    return Pacing(command.pause_ms, rfc3339.to_ms(fact.at), command.expires_s * 1_000)
