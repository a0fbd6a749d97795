"""Core: officials vouch for a flagged segment of the journal, by their signatures on its certificate."""

from crypto.codec import b64, unb64
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, StatementError
from crypto.journal_note import JournalName, check_certificate
from crypto.manifest import TrustedManifest
from failover.events import Instant
from kit import exit_codes
from kit.core import Step
from kit.effects import Reply
from kit.events import Booted, EndorsementReceived, Event
from kit.facts import Fact, JournalKeyCertified, SegmentEndorsed
from kit.wall import Wall


class JournalDesk:
    """Durable state: the certificates, and which segments are vouched for."""

    def __init__(self, manifest: TrustedManifest, branch: str, device: str) -> None:
        self._manifest = manifest
        self._name = JournalName(manifest.manifest.election, manifest.manifest.round, branch, device)
        self._wall = Wall()
        self.certificates: list[str] = []
        """Of each segment, in order: DSSE in base64."""
        self.endorsed: set[int] = set()

    @property
    def flagged(self) -> list[int]:
        """Segments that began with a lost seed, and that no two officials vouch for."""
        return [number for number in range(2, len(self.certificates) + 1) if number not in self.endorsed]

    def handle(self, event: Event, now: Instant) -> Step:
        """React."""
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
        if not isinstance(event, EndorsementReceived):
            return Step()
        try:
            fact = self._endorsement(unb64(event.envelope), self._wall.text(now))
        except EvidenceError as error:
            body: dict[str, object] = {
                "ok": False,
                "error": f"certificate refused: {error}",
                "code": exit_codes.DATA,
            }
            return Step(effects=[Reply(event.reply, body)])
        done = fact.segment in self.endorsed
        return Step(
            facts=[] if done else [fact],
            effects=[Reply(event.reply, {"ok": True, "accepted": True, "segment": fact.segment})],
        )

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if isinstance(fact, JournalKeyCertified):
            self.certificates.append(fact.certificate)
        elif isinstance(fact, SegmentEndorsed):
            self.endorsed.add(fact.segment)

    def wake_at(self) -> Instant | None:
        """Nothing is ever due."""
        return None

    def _endorsement(self, data: bytes, at: str) -> SegmentEndorsed:
        checked = check_certificate(data, self._name, self._manifest)
        number = checked.key.segment
        if not 1 < number <= len(self.certificates):
            raise StatementError(
                f"segment {number} of this journal needs nobody's word: it has {len(self.certificates)}"
            )
        if Envelope.from_bytes(unb64(self.certificates[number - 1])).payload != checked.payload:
            raise StatementError(f"this is not the certificate of segment {number} of this journal")
        if not checked.endorsed:
            raise StatementError("officials of two different bodies must sign it: the file needs one more")
        officials = tuple(official.id for official in checked.officials)
        return SegmentEndorsed(at=at, segment=number, officials=officials, certificate=b64(data))
