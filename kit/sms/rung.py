"""The rung of SMS: sealed envelopes as compact carriers in concatenated binary messages, part by part.

Durable state is a fold over EnvelopeSealed, RungReached, SmsGiven, SmsPartTaken, SmsPartsWanted and ReceiptStored:
after a restart only the parts go out that no network took. What is given to a modem is counted before (SmsGiven), so
that no crash makes the kit forget what it may have cost; what a network surely refused is given back in the same life.
A network's word that it took a part, and even a delivery report, prove nothing to us; an acknowledgement of any grade
ends the sending.

Without one, the parts that nobody reported as delivered go out again under the same reference. If that brings nothing
either, all parts go under a new reference, to the next gateway or over the next modem: a receiver that has a message
whole takes no notice of its repetition (``crypto.sms.Reassembler``).
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from crypto import rfc3339, sms
from crypto.carrier import to_compact
from crypto.codec import unb64
from crypto.errors import EncodingError, EvidenceError
from crypto.manifest import TrustedManifest
from drivers.ports import SmsFailed, SmsReported, SmsSubmitted
from failover.backoff import full_jitter_ms
from failover.events import Instant
from kit.core import Step
from kit.effects import SendSms
from kit.events import Booted, Event, ModemHeard, SmsPartsAsked, Tick, UplinksUsable
from kit.facts import (
    EnvelopeSealed,
    Fact,
    ReceiptStored,
    RungReached,
    SmsGiven,
    SmsPartsWanted,
    SmsPartTaken,
)
from kit.incidents import Incidents
from kit.sms.hour import Hour
from kit.sms.letter import ASKED_MAX, ASKED_PAUSE_MS, Group, Letter, Way
from kit.sms.modems import Sent, SmsModems
from kit.sms.plan import SmsPlan
from kit.wall import Wall

_MAY: Final = {"tally": "may", "account": "may for ballot accounts"}
PATIENCE_DOUBLINGS_MAX: Final = 3  # times that the patience doubles with fruitless rounds


class SmsRung:
    """Core: which part of which envelope goes out over which modem, when.

    Args:
        plan: None where there is nothing to send SMS with: then nothing is ever sent.
        held: whether the tally of a terminal must wait, since its tape comes first.

    Attributes:
        letters: envelopes without an acknowledgement, by seq.
    """

    def __init__(
        self,
        plan: SmsPlan | None,
        manifest: TrustedManifest,
        device: str,
        *,
        held: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.plan: Final = plan
        self.letters: dict[int, Letter] = {}
        self.modems: Final = SmsModems(() if plan is None else plan.modems, device)
        self._manifest, self._device, self._held = manifest, device, held
        self._base = sha256(device.encode()).digest()[0]
        self._hour = Hour(0 if plan is None else plan.max_per_hour)
        self._incidents = Incidents()
        self._wall = Wall()
        self._wake: Instant | None = None

    def handle(self, event: Event, now: Instant) -> Step:
        """React; every call but those that journal what was heard of a part also sends what is due."""
        if self.plan is None:
            return Step()
        step = Step()
        if isinstance(event, Booted):
            self._boot(event.wall_ms, now)
        elif isinstance(event, ModemHeard) and event.modem in self.modems.states:
            step = self._heard(event, now)
            if any(isinstance(fact, SmsPartTaken) for fact in step.facts):
                return step  # folded first; what is due then goes out with the tick that follows
        elif isinstance(event, SmsPartsAsked):
            return self._asked(event, self.plan, now)
        elif not isinstance(event, Tick | UplinksUsable):
            return step
        self._send_due(self.plan, now, step)
        return step

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if self.plan is None:
            return
        if isinstance(fact, EnvelopeSealed):
            self.letters[fact.seq] = Letter(fact.seq, fact.kind, fact.terminal, unb64(fact.envelope))
        elif isinstance(fact, RungReached) and fact.seq in self.letters:
            self.letters[fact.seq].reached |= fact.rung == "sms"
        elif isinstance(fact, SmsPartTaken):
            self._take(fact, rfc3339.to_ms(fact.at))
        elif isinstance(fact, SmsGiven):
            self._hour.add(fact.count, rfc3339.to_ms(fact.at))
            if fact.seq in self.letters:
                self.letters[fact.seq].sent += fact.count
        elif isinstance(fact, SmsPartsWanted) and fact.seq in self.letters:
            self._want(self.letters[fact.seq], fact)
        elif isinstance(fact, ReceiptStored):
            self.letters.pop(fact.seq, None)

    def _take(self, fact: SmsPartTaken, at_ms: int) -> None:
        letter = self.letters.get(fact.seq)
        if letter is None:
            return
        letter.take(fact.reference, fact.modem, fact.part, fact.of, at_ms)
        if letter.taken > letter.sent:  # a journal from before SmsGiven
            letter.sent = letter.taken
            self._hour.add(1, at_ms)

    def _want(self, letter: Letter, fact: SmsPartsWanted) -> None:
        group = letter.find(fact.reference, fact.of)
        if group is None:
            return
        group.asked, group.asked_at_s = group.asked + 1, fact.asked_at_s
        group.began_at_ms = rfc3339.to_ms(fact.at)  # the receiver says that it still has the others
        group.wanted |= set(fact.parts)
        group.delivered -= set(fact.parts)
        if letter.group is None or not letter.group.wanted:
            letter.group = group

    def wake_at(self) -> Instant | None:
        """When something may be due."""
        return self._wake if self.letters else None

    def sent_by(self, now: Instant) -> str:
        """What a new group would go by, in words."""
        return "no modem" if self.plan is None else f"modem {self._best_way(self.plan, 0, now).modem}"

    def number_of(self, group: Group) -> str | None:
        """The gateway that a group goes to; None where the configuration no longer has it."""
        known = self.plan is not None and self._is_known(group.way, self.plan)
        return self.plan.numbers[group.way.gateway] if self.plan is not None and known else None

    def sent_in_hour(self, now: Instant) -> int:
        """How many SMS went out in the last hour."""
        return self._hour.count(self._wall.at_ms(now))

    def quiet_until(self, letter: Letter, now: Instant) -> Instant:
        """Until when an acknowledgement of a group that went out whole is waited for."""
        assert self.plan is not None  # noqa: S101 - without a plan there is no group
        group = letter.group
        if group is None or group.last_at_ms is None:
            return now
        patience_ms = self.plan.patience_ms << min(letter.rounds, PATIENCE_DOUBLINGS_MAX)
        jitter_ms = full_jitter_ms(
            0, patience_ms // 4, self._device, letter.seq, group.reference, letter.rounds
        )
        return now + group.last_at_ms - self._wall.at_ms(now) + patience_ms + jitter_ms

    def _boot(self, wall_ms: int, now: Instant) -> None:
        """What is written down of times that are still to come happened just now: the clock went back."""
        self._wall.set(wall_ms, now)
        self._hour.boot(wall_ms)
        for letter in self.letters.values():
            letter.credit = 0
            for group in letter.groups.values():
                group.began_at_ms = min(group.began_at_ms or wall_ms, wall_ms)
                group.last_at_ms = min(group.last_at_ms or wall_ms, wall_ms)

    # --- what modems say -----------------------------------------------------------------------------------------

    def _heard(self, event: ModemHeard, now: Instant) -> Step:
        match event.event:
            case SmsSubmitted(token=token) if (sent := self.modems.sent(token)) is not None:
                self.modems.succeeded(token, sent)
                return self._taken(sent, now)
            case SmsFailed(token=token, reason=reason, final=final) if sent := self.modems.sent(token):
                count = self.modems.failed(token, sent, reason, now, final=final)
                if not event.event.may_have_gone:
                    self._give_back(sent, count)
                return self._refused(sent, reason, now) if final else Step()
            case SmsReported(token=token, outcome=outcome) if sent := self.modems.sent(token):
                self._reported(sent, outcome)
            case heard:
                if self.modems.sense(event.modem, heard, now):
                    self._forget_groups(event.modem)
        return Step()

    def _forget_groups(self, modem: str) -> None:
        """Another SIM is another sender: what it sends cannot be put together with what went before."""
        for letter in self.letters.values():
            for way in [way for way in letter.groups if way.modem == modem]:
                group = letter.groups.pop(way)
                if letter.group is group and group.wanted:
                    letter.group = None

    def _taken(self, sent: Sent, now: Instant) -> Step:
        if sent.seq not in self.letters:
            return Step()  # acknowledged meanwhile
        fact = SmsPartTaken(
            at=self._wall.text(now),
            seq=sent.seq,
            reference=sent.reference,
            part=sent.part,
            of=sent.total,
            modem=sent.way.modem,
        )
        return Step(facts=[fact])

    def _give_back(self, sent: Sent, count: int) -> None:
        """No network took them: they count against no limit. What may have been taken does."""
        self._hour.give_back(count)
        if sent.seq in self.letters:
            self.letters[sent.seq].credit += count

    def _refused(self, sent: Sent, reason: str, now: Instant) -> Step:
        assert self.plan is not None  # noqa: S101 - something was sent
        detail = f"modem {sent.way.modem}, to {self.plan.numbers[sent.way.gateway]}: {reason}; another way is tried"
        return self._incident("sms-refused", detail, now)

    def _reported(self, sent: Sent, outcome: str) -> None:
        letter = self.letters.get(sent.seq)
        group = None if letter is None else letter.find(sent.reference, sent.total)
        if group is not None and outcome == "delivered":
            group.delivered.add(sent.part)
        elif group is not None and outcome == "failed":
            group.delivered.discard(sent.part)

    def _asked(self, event: SmsPartsAsked, plan: SmsPlan, now: Instant) -> Step:
        """Parts are missing at the centre: the log signed that, once for each ``at_s``, for whoever has the others."""
        for letter in self.letters.values():
            group = letter.find(event.reference, event.total)
            if group is None or event.at_s <= group.asked_at_s:
                continue
            if now < group.asked_due or group.asked >= ASKED_MAX or not self._is_known(group.way, plan):
                continue
            step = Step()
            if letter.compact is None and not self._pack(letter, plan, now, step):
                return step
            if not letter.is_held(event.missing, event.total, event.reference, event.received):
                continue
            group.asked_due = now + ASKED_PAUSE_MS
            wanted = SmsPartsWanted(
                at=self._wall.text(now),
                seq=letter.seq,
                reference=event.reference,
                of=event.total,
                parts=event.missing,
                asked_at_s=event.at_s,
            )
            return Step(facts=[wanted])
        return Step()

    # --- what goes out -------------------------------------------------------------------------------------------

    def _send_due(self, plan: SmsPlan, now: Instant, step: Step) -> None:
        for token, sent in self.modems.overdue(now):
            self.modems.failed(token, sent, "the modem says nothing of it", now, final=False)
        self._wake = None
        for letter in sorted(self.letters.values(), key=lambda letter: (letter.kind != "tally", letter.seq)):
            if letter.reached and letter.unfit is None and not self._is_held(letter):
                due = self._serve(letter, plan, now, step)
                if due is not None:
                    self._wake = due if self._wake is None else min(self._wake, due)

    def _is_held(self, letter: Letter) -> bool:
        return letter.kind == "tally" and self._held(letter.terminal)

    def _serve(self, letter: Letter, plan: SmsPlan, now: Instant, step: Step) -> Instant | None:
        """Send one part, where one is due; returns when to look again."""
        if letter.spent >= plan.max_per_envelope:
            self._exhausted(letter, plan, now, step)
            return None
        if letter.compact is None and not self._pack(letter, plan, now, step):
            return None
        group = self._current(letter, plan, now)
        if not group.wanted:
            quiet_until = self.quiet_until(letter, now)
            if quiet_until > now:
                return quiet_until
            group = self._try_otherwise(letter, group, plan, now)
        numbers = range(1, group.total + 1) if group.modem in plan.whole else [min(group.wanted)]
        if letter.spent + len(numbers) > plan.max_per_envelope:
            self._exhausted(letter, plan, now, step)
            return None
        due = max(self.modems.free_at(group.way, now), self._affordable_at(letter, len(numbers), now, step))
        if due > now:
            return due
        self._count(letter, group.modem, len(numbers), now, step)
        for number in numbers:
            self._send(letter, group, number, plan, now, step)
        return self.modems.free_at(group.way, now)

    def _exhausted(self, letter: Letter, plan: SmsPlan, now: Instant, step: Step) -> None:
        most = plan.max_per_envelope
        detail = f"envelope {letter.seq}: {most} SMS went out for it, and no more may; [sms] max_per_envelope"
        step.join(self._incident("sms-limit", detail, now))

    def _count(self, letter: Letter, modem: str, count: int, now: Instant, step: Step) -> None:
        """Before they go: in the place of what a network refused in this life, or in a fact of its own."""
        given_back = min(letter.credit, count)
        letter.credit -= given_back
        self._hour.add(given_back, self._wall.at_ms(now))
        if count > given_back:
            step.facts.append(
                SmsGiven(at=self._wall.text(now), seq=letter.seq, modem=modem, count=count - given_back)
            )

    def _pack(self, letter: Letter, plan: SmsPlan, now: Instant, step: Step) -> bool:
        try:
            letter.compact = to_compact(letter.data, self._manifest)
            parts = len(sms.split(letter.compact, reference=0))
            if parts > plan.max_per_envelope:
                raise EncodingError(
                    f"it takes {parts} SMS, and [sms] max_per_envelope is {plan.max_per_envelope}"
                )
        except EvidenceError as error:
            letter.unfit = str(error)
            step.join(self._incident("sms-unfit", f"envelope {letter.seq}: {error}", now))
            return False
        return True

    def _send(self, letter: Letter, group: Group, part: int, plan: SmsPlan, now: Instant, step: Step) -> None:
        assert letter.compact is not None  # noqa: S101 - packed before
        sent = Sent(letter.seq, group.reference, part, group.total, group.way)
        user_data = sms.split(letter.compact, reference=group.reference)[part - 1]
        number = plan.numbers[group.way.gateway]
        step.effects.append(SendSms(group.modem, self.modems.give(sent, now), number, user_data))

    def _affordable_at(self, letter: Letter, parts: int, now: Instant, step: Step) -> Instant:
        """When the limit of the hour lets so many more go."""
        most, wall_ms = self._hour.share(tally=letter.kind == "tally"), self._wall.at_ms(now)
        not_folded = sum(fact.count for fact in step.facts if isinstance(fact, SmsGiven))
        if self._hour.count(wall_ms) + not_folded + min(parts, most) <= most:
            return now
        detail = f"{most} SMS went out within an hour, and no more {_MAY[letter.kind]}; [sms] max_per_hour"
        step.join(self._incident("sms-limit", detail, now))
        return now + self._hour.wait_ms(wall_ms)

    # --- which group ---------------------------------------------------------------------------------------------

    def _current(self, letter: Letter, plan: SmsPlan, now: Instant) -> Group:
        """The group that is sent now: the one before, unless its modem failed, or it is too old to be added to."""
        group = letter.group
        if group is not None and not group.wanted and self._is_known(group.way, plan):
            return group  # all of it is on its way
        best = self._best_way(plan, letter.rounds, now)
        if group is None or not self._is_known(group.way, plan):
            return self._begin(letter, best, now)
        if self.modems.badness(best, now) < self.modems.badness(group.way, now):
            return self._begin(letter, best, now)
        if not group.is_fresh(self._wall.at_ms(now)):
            return self._begin(letter, group.way, now)
        return group

    def _try_otherwise(self, letter: Letter, group: Group, plan: SmsPlan, now: Instant) -> Group:
        """No acknowledgement came: first what may not have arrived, then all of it another way."""
        if group.undelivered and not group.repeated and group.is_fresh(self._wall.at_ms(now)):
            group.repeated = True
            group.wanted = group.undelivered
            return self._current(letter, plan, now)
        letter.rounds += 1
        letter.groups.pop(group.way, None)
        letter.group = None
        return self._begin(letter, self._best_way(plan, letter.rounds, now), now)

    def _begin(self, letter: Letter, way: Way, now: Instant) -> Group:
        """Go on with what this way has of the envelope, or begin under a new reference."""
        assert letter.compact is not None  # noqa: S101 - packed before
        group = letter.groups.get(way)
        if group is None or not group.missing or not group.is_fresh(self._wall.at_ms(now)):
            total = len(sms.split(letter.compact, reference=0))
            group = Group(
                letter.next_reference(way.gateway, self._base),
                way.modem,
                total,
                wanted=set(range(1, total + 1)),
            )
            letter.groups[way] = group
        letter.group = group
        return group

    def _best_way(self, plan: SmsPlan, rounds: int, now: Instant) -> Way:
        """The best that works; among equals the configured order, from another place on after each fruitless round."""
        ways = [Way(modem, gateway) for modem in plan.modems for gateway in range(len(plan.numbers))]
        turn = rounds % len(ways)
        return min(ways[turn:] + ways[:turn], key=lambda way: self.modems.badness(way, now))

    @staticmethod
    def _is_known(way: Way, plan: SmsPlan) -> bool:
        """Whether the configuration still has this way."""
        return way.modem in plan.modems and way.gateway < len(plan.numbers)

    def _incident(self, code: str, detail: str, now: Instant) -> Step:
        return Step(facts=[*self._incidents.record(code, detail, self._wall.text(now))])
