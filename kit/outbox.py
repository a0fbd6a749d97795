"""The outbox: sealed envelopes that are not delivered yet, sent until their receipts say that they are.

Durable state is a fold over EnvelopeSealed and ReceiptStored. A send is believed by its verified receipt alone:
a PUBACK means that a broker heard us, not that anything was stored (DESIGN §8).

What is sent how often depends on what we hold already. Nothing: on every usable uplink at once. ``acknowledged``: the
same, with long pauses. ``included``: the log has it for good, only witnesses are missing, and the centre pushes their
word; so we merely ask again, on one uplink at a time, ever more rarely, and not in step with 70,000 others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import acknowledgement, canonical
from crypto import receipt as receipts
from crypto.codec import unb64
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import NoteVerifier
from failover.events import Instant
from kit import exit_codes
from kit.core import Step
from kit.effects import Publish, Reply
from kit.events import Booted, Event, ReceiptBrought, ReceiptHeard, RefusalHeard, Tick, UplinksUsable
from kit.facts import EnvelopeSealed, Fact, ReceiptStored
from kit.incidents import Incidents
from kit.wall import Wall

COURIER: Final = "courier"  # stands for the uplink where people brought a receipt
RESEND_FIRST_MS: Final = 1_000
RESEND_MAX_MS: Final = 30_000
ACKNOWLEDGED_FIRST_MS: Final = 15_000  # between sends of what the centre has acknowledged
ACKNOWLEDGED_MAX_MS: Final = 300_000
ASK_FIRST_MS: Final = 30_000  # until we first ask for what witnesses say; the centre pushes it within seconds
ASK_MAX_MS: Final = 1_800_000  # 70,000 branches, two envelopes each: about 100 questions a second


@dataclass(slots=True)
class Item:
    """One envelope that is not delivered yet."""

    seq: int
    kind: str
    terminal: str
    sha256: str
    data: bytes
    grade: receipts.Grade | None = None
    """The best receipt so far."""

    def is_beaten_by(self, grade: receipts.Grade) -> bool:
        """Whether a receipt of this grade says more than the one we hold."""
        return self.grade is None or receipts.GRADES.index(grade) > receipts.GRADES.index(self.grade)


@dataclass(slots=True)
class Attempt:
    """When an envelope may go out again on one uplink."""

    due: Instant
    pause_ms: int


@dataclass(slots=True)
class Question:
    """When to ask again for the witnessed receipt of an envelope, and how often that was done."""

    due: Instant
    pause_ms: int
    asked: int = 0


class Outbox:
    """Core: which envelope goes out on which uplink, when."""

    def __init__(
        self, manifest: TrustedManifest, device: str, *, held: Callable[[str], bool] = lambda _: False
    ) -> None:
        """``held``: whether the tally of a terminal must wait, since its tape comes first."""
        self._manifest, self._device, self._held = manifest, device, held
        self.items: dict[int, Item] = {}
        self.delivered: list[int] = []
        self.hashes: dict[int, str] = {}
        self._wall = Wall()
        self._uplinks: tuple[str, ...] = ()
        self._attempts: dict[tuple[int, str], Attempt] = {}
        self._questions: dict[int, Question] = {}
        self._incidents = Incidents()

    @property
    def critical(self) -> bool:
        """Whether something sealed is not in the log yet, as far as we can prove."""
        return any(item.grade != "included" for item in self.items.values())

    @property
    def waiting(self) -> bool:
        """Whether something sealed is not delivered yet."""
        return bool(self.items)

    def handle(self, event: Event, now: Instant) -> Step:
        """React; every call also sends what is due."""
        step = Step()
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
            self._attempts.clear()
            self._questions.clear()
        elif isinstance(event, UplinksUsable):
            self._uplinks_changed(event.uplinks or event.last_resort, now)
        elif isinstance(event, ReceiptHeard):
            step = self._heard(event, now)
        elif isinstance(event, ReceiptBrought):
            step = self._brought(event, now)
        elif isinstance(event, RefusalHeard):
            step = self._incident("envelope-refused", f"{event.envelope_sha256[:16]}: {event.reason}", now)
        elif not isinstance(event, Tick):
            return step
        step.join(self._send_due(now))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if isinstance(fact, EnvelopeSealed):
            self.hashes[fact.seq] = fact.sha256
            self.items[fact.seq] = Item(fact.seq, fact.kind, fact.terminal, fact.sha256, unb64(fact.envelope))
        elif isinstance(fact, ReceiptStored):
            if fact.delivered:
                if self.items.pop(fact.seq, None) is not None:
                    self.delivered.append(fact.seq)
                self._forget_attempts(fact.seq)
                self._questions.pop(fact.seq, None)
            elif fact.seq in self.items:
                self.items[fact.seq].grade = fact.grade

    def wake_at(self) -> Instant | None:
        """When the next send is due; an envelope never sent on a usable uplink is due at once."""
        if not self._uplinks:
            return None
        dues: list[Instant] = []
        for item in self._free():
            if item.grade == "included":
                question = self._questions.get(item.seq)
                dues.append(question.due if question else 0)
                continue
            attempts = [self._attempts.get((item.seq, uplink)) for uplink in self._uplinks]
            dues += [attempt.due if attempt else 0 for attempt in attempts]
        return min(dues, default=None)

    def _uplinks_changed(self, uplinks: tuple[str, ...], now: Instant) -> None:
        # A session that came back starts afresh: what was sent into the old one may be lost.
        for seq, uplink in list(self._attempts):
            if uplink not in uplinks:
                del self._attempts[seq, uplink]
        if uplinks and not self._uplinks:
            # The centre's broker may have come back for everybody at this moment: questions wait their turn.
            for seq, question in self._questions.items():
                question.due = max(question.due, now + self._spread(seq, "question", ASK_FIRST_MS))
        self._uplinks = uplinks

    def _free(self) -> list[Item]:
        """What may be sent."""
        return [item for item in self.items.values() if item.kind != "tally" or not self._held(item.terminal)]

    def _send_due(self, now: Instant) -> Step:
        step = Step()
        for item in self._free():
            if item.grade == "included":
                self._ask_if_due(item, now, step)
            else:
                self._hedge(item, now, step)
        return step

    def _hedge(self, item: Item, now: Instant, step: Step) -> None:
        """Send on every usable uplink, each with its own growing pause."""
        first_ms, longest_ms = RESEND_FIRST_MS, RESEND_MAX_MS
        if item.grade == "acknowledged":
            first_ms, longest_ms = ACKNOWLEDGED_FIRST_MS, ACKNOWLEDGED_MAX_MS
        for uplink in self._uplinks:
            attempt = self._attempts.get((item.seq, uplink))
            if attempt is not None and attempt.due > now:
                continue
            pause = first_ms if attempt is None else min(2 * attempt.pause_ms, longest_ms)
            self._attempts[item.seq, uplink] = Attempt(now + self._spread(item.seq, uplink, pause), pause)
            step.effects.append(Publish(uplink, item.seq, item.data))

    def _ask_if_due(self, item: Item, now: Instant, step: Step) -> None:
        """Ask again on one uplink, another one each time."""
        question = self._questions.get(item.seq)
        if question is None:
            due = now + self._spread(item.seq, "question", ASK_FIRST_MS)
            self._questions[item.seq] = Question(due, ASK_FIRST_MS)
        elif question.due <= now and self._uplinks:
            uplink = self._uplinks[question.asked % len(self._uplinks)]
            question.asked += 1
            question.pause_ms = min(2 * question.pause_ms, ASK_MAX_MS)
            question.due = now + self._spread(item.seq, "question", question.pause_ms)
            step.effects.append(Publish(uplink, item.seq, item.data))

    def _forget_attempts(self, seq: int) -> None:
        for key in [key for key in self._attempts if key[0] == seq]:
            del self._attempts[key]

    def _spread(self, seq: int, way: str, pause_ms: int) -> int:
        """Between half and the whole of a pause, another for each device: 70,000 must not send in step."""
        digest = sha256(f"{self._device}|{seq}|{way}|{pause_ms}".encode()).digest()
        return pause_ms // 2 + pause_ms * digest[0] // 512

    def _heard(self, event: ReceiptHeard, now: Instant) -> Step:
        try:
            fact = self._stored(event.text, event.uplink, now)
        except EvidenceError as error:
            return self._incident("receipt-refused", str(error), now)
        return Step(facts=[] if fact is None else [fact])

    def _brought(self, event: ReceiptBrought, now: Instant) -> Step:
        """People are told at once what became of what they brought."""
        try:
            text = _text_of(event.data, self._manifest.log_verifier)
            envelope_sha256 = _envelope_sha256_of(text)
            seq = next((seq for seq, known in self.hashes.items() if known == envelope_sha256), None)
            if seq is None:
                raise ProofError(f"receipt for envelope {envelope_sha256}, which this kit never made")
            fact = self._stored(text, COURIER, now)
        except EvidenceError as error:
            body = {"ok": False, "error": str(error), "code": exit_codes.DATA}
            return Step(effects=[Reply(event.reply, body)])
        body = {"ok": True, "seq": seq, "grade": None if fact is None else fact.grade}
        return Step(facts=[] if fact is None else [fact], effects=[Reply(event.reply, body)])

    def _stored(self, text: str, uplink: str, now: Instant) -> ReceiptStored | None:
        """The fact that a receipt is worth, None when we hold as much already; raises ProofError."""
        envelope_sha256 = _envelope_sha256_of(text)
        item = next((item for item in self.items.values() if item.sha256 == envelope_sha256), None)
        if item is None:
            return None  # of another time, or delivered already: receipts are idempotent
        grade, delivered, index = self._check(text, item)
        if not item.is_beaten_by(grade):
            return None
        for (seq, way), attempt in self._attempts.items():
            if seq == item.seq:  # from here on the pauses of the higher grade
                attempt.pause_ms = ACKNOWLEDGED_FIRST_MS
                attempt.due = now + self._spread(seq, way, ACKNOWLEDGED_FIRST_MS)
        return ReceiptStored(
            at=self._wall.text(now),
            seq=item.seq,
            grade=grade,
            delivered=delivered,
            index=index,
            uplink=uplink,
            receipt=text,
        )

    def _check(self, text: str, item: Item) -> tuple[receipts.Grade, bool, int | None]:
        """Grade of a receipt, whether it delivers the envelope, and the leaf that it names; raises ProofError."""
        log, policy = self._manifest.log_verifier, self._manifest.manifest.witness_policy
        if acknowledgement.is_acknowledgement(text):
            acknowledgement.verify(text, item.data, log=log)
            return "acknowledged", False, None
        receipt = receipts.verify(text, item.data, log=log, policy=policy)
        if receipt.index > canonical.INTEGER_MAX:
            raise ProofError(f"receipt for leaf {receipt.index}: no log has so many, and no fact can hold it")
        return receipt.grade, receipts.delivered(receipt, policy), receipt.index

    def _incident(self, code: str, detail: str, now: Instant) -> Step:
        return Step(facts=[*self._incidents.record(code, detail, self._wall.text(now))])


def _envelope_sha256_of(text: str) -> str:
    """Which envelope a receipt of any grade is for, unverified; raises ProofError."""
    if acknowledgement.is_acknowledgement(text):
        return acknowledgement.envelope_sha256_of(text)
    return receipts.envelope_sha256_of(text)


def _text_of(data: bytes, log: NoteVerifier) -> str:
    """A receipt as text, whichever form it was brought in; raises ProofError."""
    if data[:1] == bytes([acknowledgement.PACKED_VERSION]):
        return acknowledgement.unpack(data, log=log)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProofError(f"no receipt: {error}") from error
