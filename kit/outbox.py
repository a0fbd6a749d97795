"""The outbox: sealed envelopes that the centre has not receipted yet, sent on every usable uplink until it has.

Durable state is a fold over EnvelopeSealed and ReceiptStored. A send is believed by its verified receipt alone:
a PUBACK means that a broker heard us, not that anything was stored (DESIGN §8).
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import canonical
from crypto import receipt as receipts
from crypto.codec import unb64
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from failover.events import Instant
from kit.core import Step
from kit.effects import Publish
from kit.events import Booted, Event, ReceiptHeard, RefusalHeard, Tick, UplinksUsable
from kit.facts import EnvelopeSealed, Fact, ReceiptStored
from kit.incidents import Incidents
from kit.wall import Wall

RESEND_FIRST_MS: Final = 1_000
RESEND_MAX_MS: Final = 30_000


@dataclass(slots=True)
class Item:
    """One envelope that is not delivered yet."""

    seq: int
    kind: str
    sha256: str
    data: bytes
    receipted: bool = False


@dataclass(slots=True)
class Attempt:
    """When an envelope may go out again on one uplink."""

    due: Instant
    pause_ms: int


class Outbox:
    """Core: which envelope goes out on which uplink, when."""

    def __init__(self, manifest: TrustedManifest, device: str) -> None:
        self._manifest, self._device = manifest, device
        self.items: dict[int, Item] = {}
        self.delivered: list[int] = []
        self.hashes: dict[int, str] = {}
        self._wall = Wall()
        self._uplinks: tuple[str, ...] = ()
        self._attempts: dict[tuple[int, str], Attempt] = {}
        self._incidents = Incidents()

    @property
    def critical(self) -> bool:
        """Whether something sealed waits for its receipt."""
        return bool(self.items)

    def handle(self, event: Event, now: Instant) -> Step:
        """React; every call also sends what is due."""
        step = Step()
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
            self._attempts.clear()
        elif isinstance(event, UplinksUsable):
            self._uplinks_changed(event.uplinks or event.last_resort)
        elif isinstance(event, ReceiptHeard):
            step = self._receipt(event, now)
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
            self.items[fact.seq] = Item(fact.seq, fact.kind, fact.sha256, unb64(fact.envelope))
        elif isinstance(fact, ReceiptStored):
            if fact.delivered:
                if self.items.pop(fact.seq, None) is not None:
                    self.delivered.append(fact.seq)
                for key in [key for key in self._attempts if key[0] == fact.seq]:
                    del self._attempts[key]
            elif fact.seq in self.items:
                self.items[fact.seq].receipted = True

    def wake_at(self) -> Instant | None:
        """When the next send is due; an envelope never sent on a usable uplink is due at once."""
        due: Instant | None = None
        for seq in self.items:
            for uplink in self._uplinks:
                attempt = self._attempts.get((seq, uplink))
                at = attempt.due if attempt else 0
                due = at if due is None else min(due, at)
        return due

    def _uplinks_changed(self, uplinks: tuple[str, ...]) -> None:
        # A session that came back starts afresh: what was sent into the old one may be lost.
        for seq, uplink in list(self._attempts):
            if uplink not in uplinks:
                del self._attempts[seq, uplink]
        self._uplinks = uplinks

    def _send_due(self, now: Instant) -> Step:
        """Hedge: every envelope on every usable uplink, each with its own growing pause."""
        step = Step()
        for item in self.items.values():
            for uplink in self._uplinks:
                attempt = self._attempts.get((item.seq, uplink))
                if attempt is not None and attempt.due > now:
                    continue
                pause = RESEND_FIRST_MS if attempt is None else min(2 * attempt.pause_ms, RESEND_MAX_MS)
                self._attempts[item.seq, uplink] = Attempt(now + self._spread(item, uplink, pause), pause)
                step.effects.append(Publish(uplink, item.seq, item.data))
        return step

    def _spread(self, item: Item, uplink: str, pause_ms: int) -> int:
        """Between half and the whole of a pause, another for each device: 70,000 must not send in step."""
        digest = sha256(f"{self._device}|{item.seq}|{uplink}|{pause_ms}".encode()).digest()
        return pause_ms // 2 + pause_ms * digest[0] // 512

    def _receipt(self, event: ReceiptHeard, now: Instant) -> Step:
        try:
            sha256 = receipts.envelope_sha256_of(event.text)
            item = next((item for item in self.items.values() if item.sha256 == sha256), None)
            if item is None:
                return Step()  # of another time, or delivered already: receipts are idempotent
            policy = self._manifest.manifest.witness_policy
            receipt = receipts.verify(event.text, item.data, log=self._manifest.log_verifier, policy=policy)
            delivered = receipts.delivered(receipt, policy)
            if receipt.index > canonical.INTEGER_MAX:
                raise ProofError(
                    f"receipt for leaf {receipt.index}: no log has so many, and no fact can hold it"
                )
        except EvidenceError as error:
            return self._incident("receipt-refused", str(error), now)
        if item.receipted and not delivered:
            return Step()
        stored = ReceiptStored(
            at=self._wall.text(now),
            seq=item.seq,
            grade=receipt.grade,
            delivered=delivered,
            index=receipt.index,
            uplink=event.uplink,
            receipt=event.text,
        )
        return Step(facts=[stored])

    def _incident(self, code: str, detail: str, now: Instant) -> Step:
        return Step(facts=[*self._incidents.record(code, detail, self._wall.text(now))])
