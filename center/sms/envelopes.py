"""Envelopes that came whole by SMS: given to centerd until it acknowledges, and answered to where they came from.

The acknowledgement goes out only when it verifies by the log's key. Whoever sends an envelope again is answered again,
by what centerd says then, but not within ``ANSWER_PAUSE_MS`` of the answer before to that number: who repeats what he
caught keeps nobody else from his answer.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from center.errors import SpoolError
from center.sms.effects import Effect, Forgo, Say, Submit, Tally
from center.sms.port import Outcome
from center.sms.records import NUMBERS_MAX, EnvelopeRecord, Store
from center.sms.sending import Outgoing, Sendings
from crypto import acknowledgement, sms
from crypto.codec import sha256_hex
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.submissions import check_submission

WAITING_MAX: Final = 10_000  # envelopes that wait for centerd or for the network
ANSWERED_MAX: Final = 1_000  # envelopes that are remembered after their answer
ANSWER_PAUSE_MS: Final = 60_000  # milliseconds between two answers to one envelope and number
SUBMIT_MS: Final = 15_000  # milliseconds until centerd is asked again; doubled up to SUBMIT_MAX_MS
SUBMIT_MAX_MS: Final = 300_000
SILENT_MS: Final = 60_000  # milliseconds without an acknowledgement after which people hear of it
SUBMITTED_MAX: Final = 64  # envelopes given to centerd at each tick


@dataclass(slots=True)
class _Envelope:
    branch: str
    record: EnvelopeRecord
    submit_at_ms: int
    since_ms: int
    pause_ms: int = SUBMIT_MS
    acknowledged: bool = False
    again: bool = False
    """Whether it was answered before. The first answer is never held back: somebody else may use up the hour."""
    answers: set[int] = field(default_factory=set)
    """Tokens of answers on their way."""
    answered_ms: dict[str, int] = field(default_factory=dict)
    """When each number was answered; ``""``: the last time of all."""

    def is_too_soon(self, sender: str, *, is_number: bool, now_ms: int) -> bool:
        """Whether a sender, or without a number anybody, was answered just now."""
        last_ms = self.answered_ms.get(sender if is_number else "")
        return last_ms is not None and now_ms - last_ms < ANSWER_PAUSE_MS

    def note_answer(self, now_ms: int) -> None:
        """Its numbers are answered."""
        self.answered_ms = {
            number: at_ms
            for number, at_ms in self.answered_ms.items()
            if number and now_ms - at_ms < ANSWER_PAUSE_MS
        }
        self.answered_ms |= dict.fromkeys(("", *self.record.numbers), now_ms)


class Envelopes:
    """All of them. ``effects`` takes what is to be done."""

    def __init__(
        self,
        manifest: TrustedManifest,
        store: Store,
        sendings: Sendings,
        effects: list[Effect],
        tally: Tally,
        *,
        reference: int,
    ) -> None:
        self._manifest: Final = manifest
        self._store: Final = store
        self._sendings: Final = sendings
        self._effects: Final = effects
        self._tally: Final = tally
        self._reference = reference
        self._waiting: OrderedDict[str, _Envelope] = OrderedDict()
        self._answered: OrderedDict[str, _Envelope] = OrderedDict()
        self._connected = False
        self._told = False

    def __len__(self) -> int:
        return len(self._waiting)

    def next_reference(self) -> int:
        """The reference for the next message of ours."""
        self._reference = (self._reference + 1) % (sms.REFERENCE_MAX + 1)
        return self._reference

    def resume(self, *, now_ms: int) -> None:
        """Take up what was kept."""
        for name, record in self._store.load("envelope"):
            if not isinstance(record, EnvelopeRecord) or sha256_hex(record.envelope) != name:
                continue
            try:
                branch = check_submission(record.envelope, self._manifest).statement.branch
            except EvidenceError as error:
                # Of another manifest, perhaps: it is kept for whoever comes back to that.
                self._say(f"an envelope that was kept does not fit this manifest, and is left alone: {error}")
                continue
            self._waiting[name] = _Envelope(branch, record, now_ms, now_ms)

    def take(self, branch: str, envelope: bytes, sender: str, *, is_number: bool, now_ms: int) -> bool:
        """An envelope is whole and verifies; True when it is kept durably (or was answered). Raises SpoolError."""
        name = sha256_hex(envelope)
        if name not in self._waiting and name not in self._answered and len(self._waiting) >= WAITING_MAX:
            self._say(f"{WAITING_MAX} envelopes wait already: this one stays in parts. Is centerd running?")
            return False
        if name not in self._waiting and name not in self._answered:
            record = EnvelopeRecord(envelope=envelope, numbers=(sender,) if is_number else ())
            self._store.keep("envelope", name, record)
            self._waiting[name] = _Envelope(branch, record, now_ms, now_ms)
            self._tally.whole += 1
        else:
            self.again(name, sender, is_number=is_number, now_ms=now_ms)
        return True

    def again(self, name: str, sender: str, *, is_number: bool, now_ms: int) -> None:
        """An envelope that was whole before came again, or a part of it. Raises SpoolError."""
        if name in self._answered:
            envelope = self._answered[name]
            too_soon = envelope.is_too_soon(sender, is_number=is_number, now_ms=now_ms)
            if too_soon or len(self._waiting) >= WAITING_MAX:
                return
            del self._answered[name]
            envelope.record = EnvelopeRecord(envelope=envelope.record.envelope, numbers=())
            again = _Envelope(envelope.branch, envelope.record, now_ms, now_ms, again=True)
            again.answered_ms = envelope.answered_ms
            self._waiting[name] = again
            self._tally.again += 1
            if not is_number:
                self._store.keep("envelope", name, envelope.record)
        waiting = self._waiting.get(name)
        if waiting is None or not is_number:
            return
        others = [number for number in waiting.record.numbers if number != sender]
        numbers = (*others[-NUMBERS_MAX + 1 :], sender)
        if numbers != waiting.record.numbers:
            waiting.record = EnvelopeRecord(envelope=waiting.record.envelope, numbers=numbers)
            self._store.keep("envelope", name, waiting.record)

    def connected(self, *, up: bool, now_ms: int) -> None:
        """The session with the broker began or ended."""
        self._connected = up
        for one in self._waiting.values():
            one.submit_at_ms, one.since_ms, one.pause_ms = now_ms, now_ms, SUBMIT_MS
        self._told = False

    def tick(self, *, now_ms: int) -> None:
        """Give centerd what it has not acknowledged."""
        if not self._connected:
            return
        due = [one for one in self._waiting.values() if not one.acknowledged and one.submit_at_ms <= now_ms]
        self._say_whether_centerd_is_silent(now_ms)
        for one in due[:SUBMITTED_MAX]:
            one.submit_at_ms = now_ms + one.pause_ms
            one.pause_ms = min(2 * one.pause_ms, SUBMIT_MAX_MS)
            self._effects.append(Submit(one.branch, one.record.envelope))

    def _say_whether_centerd_is_silent(self, now_ms: int) -> None:
        """Once, until it answers."""
        late = [
            one
            for one in self._waiting.values()
            if not one.acknowledged and now_ms - one.since_ms >= SILENT_MS
        ]
        if late and not self._told:
            self._say(f"centerd acknowledges nothing: {len(late)} envelopes wait for it; is it running?")
        self._told = bool(late)

    def heard(self, text: str, *, now_ms: int) -> None:
        """Something was published to a branch: an acknowledgement of ours, perhaps."""
        if not acknowledgement.is_acknowledgement(text):
            return  # a proof, for a branch that has wider ways too
        log = self._manifest.log_verifier
        try:
            name = acknowledgement.envelope_sha256_of(text)
            one = self._waiting.get(name)
            if one is None or one.acknowledged:
                return
            acknowledgement.verify(text, one.record.envelope, log=log)
            packed = acknowledgement.pack(text, log=log)
        except ProofError as error:
            self._say(f"the broker brought an acknowledgement that does not verify: {error}")
            return
        one.acknowledged = True
        self._tally.acknowledged += 1
        if not any(w.branch == one.branch and not w.acknowledged for w in self._waiting.values()):
            self._effects.append(Forgo(one.branch))
        for number in one.record.numbers:
            (user_data,) = sms.split(packed, reference=self.next_reference())
            token = self._sendings.put(
                "answer", number, user_data, about=name, now_ms=now_ms, free=not one.again
            )
            if token is not None:
                one.answers.add(token)
            else:
                self._tally.answers_failed += 1
                self._say(f"{number}: no answer now, it had too many within the hour: it asks again")
        if not one.answers:
            self._done(name, one, now_ms)

    def refused(self, name: str, reason: str) -> None:
        """Somebody says that centerd refused an envelope. Nobody signed that: people hear it, and it is tried again."""
        one = self._waiting.get(name)
        if one is not None and not one.acknowledged:
            self._say(f"centerd is said to refuse envelope {name[:16]} of {one.branch}: {reason}")

    def answered(self, message: Outgoing, outcome: Outcome, *, now_ms: int) -> None:
        """An answer is on its way, or was given up."""
        name, one = message.about, self._waiting.get(message.about)
        if outcome.sent:
            self._tally.answers += 1
            self._say(f"{message.number}: acknowledgement of envelope {name[:16]} sent")
        else:
            self._tally.answers_failed += 1
            self._say(f"{message.number}: the acknowledgement could not be sent: {outcome.reason}")
        if one is not None:
            one.answers.discard(message.token)
            if one.acknowledged and not one.answers:
                self._done(name, one, now_ms)

    def _done(self, name: str, one: _Envelope, now_ms: int) -> None:
        self._waiting.pop(name, None)
        one.note_answer(now_ms)
        self._answered[name] = one
        if len(self._answered) > ANSWERED_MAX:
            self._answered.popitem(last=False)
        try:
            self._store.forget("envelope", name)
        except SpoolError as error:
            self._say(
                f"an envelope that is answered stays in the folder, and will be answered again: {error}"
            )

    def _say(self, words: str) -> None:
        self._effects.append(Say(words))
