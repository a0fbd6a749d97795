"""The outbox: sealed envelopes that are not delivered yet, sent until their receipts say that they are.

Durable state is a fold over EnvelopeSealed, ReceiptStored and the centre's wish for pacing
(``kit.commands.pacing``). A send is believed by its verified receipt alone: a PUBACK means that a broker heard us, not
that anything was stored (DESIGN §8).

What is sent how often depends on what we hold already. Nothing: on every usable uplink at once. ``acknowledged``: the
same, with long pauses. ``included``: the log has it for good, only witnesses are missing, and the centre pushes their
word; so we merely ask again, on one uplink at a time, ever more rarely.

Every pause has full jitter: it is anything between a shortest one and a ceiling that doubles from try to try, another
one for each device, envelope, uplink and try. So 70,000 branches that began together come together no more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crypto import acknowledgement, canonical, rfc3339
from crypto import receipt as receipts
from crypto.codec import unb64
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import NoteVerifier
from failover.backoff import full_jitter_ms
from failover.events import Instant
from kit import exit_codes
from kit.commands.pacing import PATIENCE_MS, Pacing, pacing_of
from kit.core import Step
from kit.effects import Publish, Reply
from kit.events import Booted, Event, ReceiptBrought, ReceiptHeard, RefusalHeard, Tick, UplinksUsable
from kit.facts import CommandFollowed, EnvelopeSealed, Fact, ReceiptStored
from kit.incidents import Incidents
from kit.wall import Wall

COURIER: Final = "courier"  # stands for the uplink where people brought a receipt
RESEND_MIN_MS: Final = 200  # no receipt is back sooner
RESEND_FIRST_MS: Final = 1_000  # the first ceiling; doubles up to the last
RESEND_MAX_MS: Final = 30_000
RESORT_MS: Final = (
    1_500  # without any receipt so long after the first send: uplinks that answer too slowly are used, too
)
ACKNOWLEDGED_MIN_MS: Final = 7_500  # between sends of what the centre has acknowledged: it is at work on it
ACKNOWLEDGED_FIRST_MS: Final = 15_000
ACKNOWLEDGED_MAX_MS: Final = 300_000
ASK_MIN_MS: Final = 15_000  # until we ask for what witnesses say; the centre pushes it within seconds
ASK_FIRST_MS: Final = 30_000
ASK_RETURN_MS: Final = 300_000  # over so long at least what is overdue when uplinks come back is spread
ASK_MAX_MS: Final = 1_800_000  # 70,000 branches, two envelopes each: about 150 questions a second


@dataclass(slots=True)
class Item:
    """One envelope that is not delivered yet."""

    seq: int
    kind: str
    terminal: str
    sha256: str
    data: bytes
    sealed_ms: int
    """Wall time since 1970-01-01 UTC."""
    grade: receipts.Grade | None = None
    """The best receipt so far."""

    def is_beaten_by(self, grade: receipts.Grade) -> bool:
        """Whether a receipt of this grade says more than the one we hold."""
        return self.grade is None or receipts.GRADES.index(grade) > receipts.GRADES.index(self.grade)


@dataclass(slots=True)
class Attempt:
    """When an envelope may go out again on one uplink, and how often it went out since that one came back."""

    due: Instant
    pause_ms: int
    sent: int = 1


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
        self._pacing: Pacing | None = None
        self._uplinks: tuple[str, ...] = ()
        self._slow: tuple[str, ...] = ()
        """Those whose session stands, and which answer too slowly to be among the others."""
        self._began: dict[int, Instant] = {}
        """When an envelope went out first, in this life."""
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
            self._began.clear()
            self._questions.clear()
        elif isinstance(event, UplinksUsable):
            self._uplinks_changed(event.uplinks or event.last_resort, event.standing, now)
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
            data, sealed_ms = unb64(fact.envelope), rfc3339.to_ms(fact.at)
            self.items[fact.seq] = Item(fact.seq, fact.kind, fact.terminal, fact.sha256, data, sealed_ms)
        elif isinstance(fact, ReceiptStored):
            if fact.delivered:
                if self.items.pop(fact.seq, None) is not None:
                    self.delivered.append(fact.seq)
                self._forget_attempts(fact.seq)
                self._questions.pop(fact.seq, None)
            elif fact.seq in self.items:
                self.items[fact.seq].grade = fact.grade
        elif isinstance(fact, CommandFollowed):
            self._pacing = pacing_of(fact, self._manifest) or self._pacing

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
            resort_at = self._began[item.seq] + RESORT_MS if item.seq in self._began else 0
            for uplink in (*self._uplinks, *(self._slow if item.grade is None else ())):
                attempt = self._attempts.get((item.seq, uplink))
                due = attempt.due if attempt else 0
                dues.append(due if uplink in self._uplinks else max(due, resort_at))
        return min(dues, default=None)

    def _uplinks_changed(self, uplinks: tuple[str, ...], standing: tuple[str, ...], now: Instant) -> None:
        # A session that came back starts afresh: what was sent into the old one may be lost. One that stood all the
        # time and was merely slow has its pause: or a centre that is slow for everybody would be sent ever more.
        for seq, uplink in list(self._attempts):
            if uplink not in uplinks and uplink not in standing:
                del self._attempts[seq, uplink]
        if uplinks and not self._uplinks:
            # The centre's broker may have come back for everybody at this moment: what is overdue waits its turn.
            for seq, question in self._questions.items():
                if question.due <= now:
                    longest_ms = max(question.pause_ms, ASK_RETURN_MS)
                    question.due = now + self._drawn_ms(ASK_MIN_MS, longest_ms, seq, "return", question.asked)
        self._uplinks = uplinks
        self._slow = tuple(uplink for uplink in standing if uplink not in uplinks)

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
        """Send on every usable uplink, each with its own growing pause.

        What brings no receipt by those may pass by a slower one: a probe comes back where an envelope is swallowed.
        """
        least_ms, first_ms, longest_ms = RESEND_MIN_MS, RESEND_FIRST_MS, RESEND_MAX_MS
        if item.grade == "acknowledged":
            least_ms, first_ms, longest_ms = ACKNOWLEDGED_MIN_MS, ACKNOWLEDGED_FIRST_MS, ACKNOWLEDGED_MAX_MS
        ways = self._uplinks
        if item.grade is None and ways and now >= self._began.setdefault(item.seq, now) + RESORT_MS:
            ways = (*ways, *self._slow)
        for uplink in ways:
            attempt = self._attempts.get((item.seq, uplink))
            if attempt is not None and attempt.due > now:
                continue
            if attempt is None:
                attempt = self._attempts[item.seq, uplink] = Attempt(now, first_ms)
            else:
                attempt.pause_ms, attempt.sent = min(2 * attempt.pause_ms, longest_ms), attempt.sent + 1
            attempt.due = self._next(item, uplink, attempt.sent, least_ms, attempt.pause_ms, now)
            step.effects.append(Publish(uplink, item.seq, item.data))

    def _ask_if_due(self, item: Item, now: Instant, step: Step) -> None:
        """Ask again on one uplink, another one each time."""
        question = self._questions.get(item.seq)
        if question is None:
            due = self._next(item, "question", 0, ASK_MIN_MS, ASK_FIRST_MS, now)
            self._questions[item.seq] = Question(due, ASK_FIRST_MS)
        elif question.due <= now and self._uplinks:
            uplink = self._uplinks[question.asked % len(self._uplinks)]
            question.asked += 1
            question.pause_ms = min(2 * question.pause_ms, ASK_MAX_MS)
            question.due = self._next(item, "question", question.asked, ASK_MIN_MS, question.pause_ms, now)
            step.effects.append(Publish(uplink, item.seq, item.data))

    def _forget_attempts(self, seq: int) -> None:
        for key in [key for key in self._attempts if key[0] == seq]:
            del self._attempts[key]
        self._began.pop(seq, None)

    def _next(
        self, item: Item, way: str, tried: int, least_ms: int, ceiling_ms: int, now: Instant
    ) -> Instant:
        """When to send again what was sent now. Pacing raises the ceiling, while it may.

        What nobody has confirmed is paced for ``PATIENCE_MS``, and from then on as if there were no pacing.
        """
        due = now + self._drawn_ms(least_ms, ceiling_ms, item.seq, way, tried)
        if self._pacing is None:
            return due
        wall_ms = self._wall.at_ms(now)
        paced_ms = self._drawn_ms(
            least_ms, self._pacing.ceiling_ms(ceiling_ms, wall_ms), item.seq, way, tried
        )
        if item.grade is not None:
            return now + paced_ms
        # Sealed in the future: the clock was set back since. Then it has waited for this life at least.
        waited_ms = wall_ms - (item.sealed_ms if item.sealed_ms <= wall_ms else self._wall.boot_wall_ms)
        return min(now + paced_ms, due + max(0, PATIENCE_MS - waited_ms))

    def _drawn_ms(self, least_ms: int, ceiling_ms: int, seq: int, way: str, tried: int) -> int:
        return full_jitter_ms(least_ms, ceiling_ms, self._device, seq, way, tried)

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
                attempt.due = now + self._drawn_ms(
                    ACKNOWLEDGED_MIN_MS, ACKNOWLEDGED_FIRST_MS, seq, way, attempt.sent
                )
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
