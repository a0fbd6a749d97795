"""The desk of the SMS gateway: parts in, verified envelopes to centerd, acknowledgements and commands out. No clock.

Nothing is believed because of a number: an envelope counts by its device's signature, an acknowledgement by the log's,
and the number says only where the answer goes.
"""

import re
from typing import Final

from center.errors import SpoolError
from center.sms.effects import Effect, Say, Send, Tally
from center.sms.envelopes import Envelopes
from center.sms.orders import Orders
from center.sms.parts import Gone, Parts
from center.sms.port import Outcome
from center.sms.records import (
    NUMBERS_MAX,
    NumbersRecord,
    OrderRecord,
    PartRecord,
    Store,
    branch_name,
)
from center.sms.requests import Requests
from center.sms.sending import Sendings
from crypto import carrier, sms
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.sms import SENDER_MAX, ForeignPartError, Part
from crypto.submissions import CheckedSubmission, check_submission

ASK_AFTER_MS: Final = 3 * 60_000  # milliseconds after the last part that missing ones are asked for
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}")


class SmsDesk:
    """One gateway. Whatever it is told, ``effects`` says afterwards what is to be done.

    Args:
        manifest: of the election.
        store: where parts, envelopes and orders outlive the program.
        ask_after_ms: milliseconds after its last part that a message's missing parts are asked for; doubled each time.
        reference: the reference (0 to 255) to begin with; best another one at each start.
    """

    def __init__(
        self,
        manifest: TrustedManifest,
        store: Store,
        *,
        ask_after_ms: int = ASK_AFTER_MS,
        reference: int = 0,
    ) -> None:
        self._manifest: Final = manifest
        self._store: Final = store
        self._effects: list[Effect] = []
        self._parts: Final = Parts(ask_after_ms=ask_after_ms)
        self._sendings: Final = Sendings()
        self._numbers: dict[str, tuple[str, ...]] = {}
        self.tally: Final = Tally()
        self._envelopes: Final = Envelopes(
            manifest, store, self._sendings, self._effects, self.tally, reference=reference
        )
        self._orders: Final = Orders(self._sendings, self._effects, self.tally)
        self._requests: Final = Requests(manifest.log_verifier, self._sendings, self._effects)

    @property
    def unfinished(self) -> str:
        """What still waits, in words; empty when nothing does. Parts of messages that are not whole count as well."""
        counts = {
            "envelopes wait for centerd or for their answer": len(self._envelopes),
            "commands are on their way": len(self._orders),
            "messages are not whole": len(self._parts),
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)

    @property
    def parts_held(self) -> int:
        """How many parts wait for others."""
        return self._parts.held

    def numbers_of(self, branch: str) -> tuple[str, ...]:
        """From where verified envelopes of a branch came, the last one last."""
        return self._numbers.get(branch, ())

    def effects(self) -> list[Effect]:
        """What is to be done since it was last asked."""
        done, self._effects[:] = list(self._effects), []
        return done

    def resume(self, *, now_ms: int) -> None:
        """Take up what an earlier life kept; raises SpoolError."""
        self._envelopes.resume(now_ms=now_ms)
        for _, record in self._store.load("numbers"):
            if isinstance(record, NumbersRecord):
                self._numbers[record.branch] = record.numbers
        for _, record in self._store.load("part"):
            if isinstance(record, PartRecord):
                self._part(record, kept=True, now_ms=now_ms)

    def arrived(self, sender: str, user_data: bytes, *, now_ms: int) -> None:
        """One binary message came. When this returns, it is durable, or not worth it. Raises SpoolError."""
        self.tally.received += 1
        self._part(PartRecord(sender=sender[:SENDER_MAX], user_data=user_data), kept=False, now_ms=now_ms)

    def connected(self, *, up: bool, now_ms: int) -> None:
        """The session with the broker began or ended."""
        self._envelopes.connected(up=up, now_ms=now_ms)
        self._requests.connected(up=up)
        self.tick(now_ms=now_ms)

    def heard(self, text: str, *, now_ms: int) -> None:
        """Something was published on the topic for receipts of a branch."""
        self._envelopes.heard(text, now_ms=now_ms)
        self.tick(now_ms=now_ms)

    def signed(self, data: bytes, *, now_ms: int) -> None:
        """The log signed a request for missing parts: ours, or another gateway's."""
        key = self._requests.signed(data, reference=self._envelopes.next_reference(), now_ms=now_ms)
        if key is not None:
            self._parts.asked(key, now_ms=now_ms)
        self.tick(now_ms=now_ms)

    def refused(self, sha256: str, reason: str) -> None:
        """Something was published on the topic for refusals of a branch."""
        self._envelopes.refused(sha256, reason)

    def order(self, name: str, record: OrderRecord, *, now_ms: int) -> None:
        """Somebody wants a command to be sent; OrderDone follows."""
        self._orders.take(name, record, reference=self._envelopes.next_reference(), now_ms=now_ms)
        self.tick(now_ms=now_ms)

    def settled(self, outcome: Outcome, *, now_ms: int) -> None:
        """What became of a message that was to be sent."""
        message = self._sendings.settle(outcome, now_ms=now_ms)
        if message is None:
            if not outcome.sent:
                self._say(f"a message was not sent, and is tried again: {outcome.reason}")
        elif message.kind == "answer":
            self._envelopes.answered(message, outcome, now_ms=now_ms)
        elif message.kind == "command":
            self._orders.settled(message, outcome)
        elif outcome.sent:
            self.tally.requests += 1
        self.tick(now_ms=now_ms)

    def tick(self, *, now_ms: int) -> None:
        """Do what is due; to be called at least every few seconds."""
        count, gone = self._parts.expire(now_ms=now_ms)
        self.tally.given_up += count
        self._forget(gone)
        self._envelopes.tick(now_ms=now_ms)
        self._ask(now_ms)
        for one in self._sendings.due(now_ms=now_ms):
            self._effects.append(Send(one.token, one.number, one.user_data))

    def _part(self, record: PartRecord, *, kept: bool, now_ms: int) -> None:
        sender = record.sender
        try:
            part = sms.parse(record.user_data)
        except ForeignPartError as error:
            self.tally.foreign += 1
            self._say(f"{sender}: left alone: {error}")
            return
        whole = self._parts.whole_of(sender, part)
        if whole is not None:
            self._envelopes.again(whole, sender, is_number=_is_number(sender), now_ms=now_ms)
        elif part.total == 1:
            self._single(sender, part, now_ms)
        else:
            if not kept:
                self._store.keep("part", record.name, record)
            self._forget(self._parts.add(sender, part, now_ms=now_ms))
            self._try(sender, part, now_ms)  # one that is known, too: the disk may have been full before
        self.tick(now_ms=now_ms)

    def _single(self, sender: str, part: Part, now_ms: int) -> None:
        """A message of one part: a small envelope, or nothing of ours."""
        checked = self._checked(part.body)
        if checked is not None:
            self._take(sender, checked, now_ms)
        else:
            self.tally.unverified += 1
            self._say(f"{sender}: a message of {len(part.body)} bytes that is no envelope of this election")

    def _try(self, sender: str, part: Part, now_ms: int) -> None:
        """Put together what can be, with the part that just came."""
        tried = False
        for data, chosen in self._parts.wholes(sender, part):
            tried = True
            checked = self._checked(data)
            if checked is None:
                continue
            if self._take(sender, checked, now_ms):
                self._forget(self._parts.close(sender, part, chosen, checked.sha256, now_ms=now_ms))
                self._say(
                    f"{sender}: envelope {checked.statement.seq} of {checked.statement.device} "
                    f"({checked.statement.branch}) is whole, {part.total} parts: on its way to centerd"
                )
            return
        if tried:
            self.tally.unverified += 1
            self._say(
                f"{sender}: {part.total} parts under reference {part.reference} make no envelope of this election: "
                f"kept for a while, in case that one of them is forged"
            )

    def _take(self, sender: str, checked: CheckedSubmission, now_ms: int) -> bool:
        branch, is_number = checked.statement.branch, _is_number(sender)
        if not self._envelopes.take(branch, checked.data, sender, is_number=is_number, now_ms=now_ms):
            return False
        known = self.numbers_of(branch)
        if is_number and known[-1:] != (sender,):
            numbers = (*[one for one in known if one != sender][-NUMBERS_MAX + 1 :], sender)
            self._store.keep("numbers", branch_name(branch), NumbersRecord(branch=branch, numbers=numbers))
            self._numbers[branch] = numbers
        return True

    def _checked(self, data: bytes) -> CheckedSubmission | None:
        if data[0] >> 4 != carrier.VERSION:
            return None
        try:
            return check_submission(carrier.from_compact(data, self._manifest), self._manifest)
        except EvidenceError:
            return None

    def _ask(self, now_ms: int) -> None:
        wanted = {key: parts for key, parts in self._parts.to_ask_for(now_ms=now_ms) if _is_number(key[0])}
        for key in self._requests.want(wanted, now_ms=now_ms):
            self._parts.asked(key, now_ms=now_ms)  # too much was asked for: later

    def _forget(self, gone: list[Gone]) -> None:
        for one in gone:
            header = bytes([5, 0, 3, one.part.reference, one.part.total, one.part.number])
            record = PartRecord(sender=one.sender, user_data=header + one.part.body)
            try:
                self._store.forget("part", record.name)
            except SpoolError as error:
                self._say(f"a part that is not needed stays in the folder: {error}")

    def _say(self, words: str) -> None:
        self._effects.append(Say("".join(char if char.isprintable() else "?" for char in words)))


def _is_number(sender: str) -> bool:
    return _NUMBER.fullmatch(sender) is not None
