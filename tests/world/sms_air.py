"""Kits' rungs of SMS and the gateway's desk, joined by air that loses, doubles, delays and shuffles. No sockets.

The cores alone: ``SmsRung`` and ``SmsInbox`` of each kit, with their facts in a list, and ``SmsDesk`` with its folder.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from center.errors import SpoolError
from crypto import acknowledgement, rfc3339
from crypto.codec import b64, sha256_hex
from crypto.errors import EvidenceError
from drivers.ports import SmsFailed, SmsReceived, SmsSubmitted
from kit.effects import SendSms
from kit.events import Booted, Event, ModemHeard, ReceiptHeard, Tick
from kit.facts import EnvelopeSealed, Fact, ReceiptStored, RungReached
from kit.sms.inbox import SmsInbox
from kit.sms.plan import SmsPlan
from kit.sms.rung import SmsRung
from tests.center.sms_world import World
from tests.crypto.election_fixture import Election

GATEWAYS: Final = ("+99900000201", "+99900000202")
DAY_MS: Final = 86_400_000


@dataclass
class Weather:
    """Chances, 0 to 1; ``delay_ms`` at most."""

    lose: float = 0.0
    double: float = 0.0
    days_late: float = 0.0
    refuse: float = 0.0
    silent: float = 0.0
    forge: float = 0.0
    delay_ms: int = 20_000


class Kit:
    """One kit with two modems. Facts outlive ``restart``."""

    def __init__(
        self, air: "Air", name: str, numbers: tuple[str, str], envelope: bytes, plan: SmsPlan
    ) -> None:
        self.air, self.name, self.numbers, self.envelope, self.plan = air, name, numbers, envelope, plan
        at = rfc3339.to_text(air.wall_ms)
        self.facts: list[Fact] = [
            EnvelopeSealed(
                at=at,
                kind="tally",
                terminal="t",
                close_no=1,
                seq=2,
                sha256=sha256_hex(envelope),
                envelope=b64(envelope),
            ),
            RungReached(at=at, seq=2, rung="sms", reason="no acknowledgement"),
        ]
        self.sent = self.lives = 0
        self.restart()

    @property
    def is_acknowledged(self) -> bool:
        return any(isinstance(fact, ReceiptStored) for fact in self.facts)

    def restart(self) -> None:
        self.lives += 1
        self.rung = SmsRung(self.plan, self.air.election.loaded, self.name)
        self.inbox = SmsInbox(self.air.election.loaded, lambda _: None)
        for fact in self.facts:
            self.rung.apply(fact)
        self.hear(Booted(f"boot-{self.lives}", self.air.wall_ms))

    def hear(self, event: Event) -> None:
        step = self.rung.handle(event, self.air.now)
        for fact in step.facts:
            self._fold(fact)
        for effect in step.effects:
            assert isinstance(effect, SendSms)
            self._send(effect)

    def look(self) -> None:
        for _ in range(100):
            wake = self.rung.wake_at()
            if wake is None or wake > self.air.now:
                return
            before = wake, len(self.facts), self.sent
            self.hear(Tick())
            if before == (self.rung.wake_at(), len(self.facts), self.sent):
                raise AssertionError("it never rests")

    def arrive(self, sender: str, user_data: bytes) -> None:
        heard = self.inbox.translate(ModemHeard("a", SmsReceived(sender, user_data)), self.air.now)
        if isinstance(heard, ReceiptHeard):
            try:
                acknowledgement.verify(heard.text, self.envelope, log=self.air.election.loaded.log_verifier)
            except EvidenceError:
                return
            if not self.is_acknowledged:
                self._fold(
                    ReceiptStored(
                        at=rfc3339.to_text(self.air.wall_ms),
                        seq=2,
                        grade="acknowledged",
                        delivered=False,
                        index=None,
                        uplink="sms",
                        receipt=heard.text,
                    )
                )
        else:
            self.hear(heard)

    def _fold(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.rung.apply(fact)
        self.rung._wake = self.air.now  # as the station looks around after each fact

    def _send(self, effect: SendSms) -> None:
        weather, life = self.air.weather, self.lives
        chance = self.air.chance.random()
        if chance < weather.refuse:
            self._told(life, effect, SmsFailed(effect.token, "congestion", final=False))
            return
        self.sent += 1
        self.air.carry(self.numbers["ab".index(effect.modem)], effect.number, effect.user_data)
        if chance < weather.refuse + weather.silent:
            return
        self._told(life, effect, SmsSubmitted(effect.token, 1))

    def _told(self, life: int, effect: SendSms, event: SmsSubmitted | SmsFailed) -> None:
        def tell() -> None:
            if life == self.lives:
                self.hear(ModemHeard(effect.modem, event))

        self.air.at(self.air.now + 3_000, tell)


class Air:
    """Everything. ``run`` lets virtual time pass."""

    def __init__(self, election: Election, seed: int, weather: Weather) -> None:
        self.election, self.weather = election, weather
        self.chance = random.Random(seed)
        self.now = 0
        self.offset_ms = rfc3339.to_ms("2027-06-18T14:31:00.000Z")
        self.kits: list[Kit] = []
        self.centre = World(election)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = self._answered = 0
        self.overheard: deque[tuple[str, str, bytes]] = deque(maxlen=40)

    @property
    def wall_ms(self) -> int:
        return self.offset_ms + self.now

    def at(self, when: int, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (when, self._count, do))

    def carry(self, sender: str, to: str, user_data: bytes) -> None:
        """One message goes: once, twice, late, or never; and who listens makes something of it."""
        chance, weather = self.chance, self.weather
        self.overheard.append((sender, to, user_data))
        if chance.random() < weather.forge:
            self._forge()
        for _ in range(1 + (chance.random() < weather.double)):
            if chance.random() < weather.lose:
                continue
            delay = chance.randrange(1_000, max(1_001, weather.delay_ms))
            if chance.random() < weather.days_late:
                delay += chance.randrange(DAY_MS, 3 * DAY_MS)
            self.at(self.now + delay, lambda: self.deliver(sender, to, user_data))

    def _forge(self) -> None:
        """One of the last messages again: with another bit, header, sender or content."""
        chance = self.chance
        sender, to, user_data = chance.choice(self.overheard)
        forged = bytearray(user_data)
        match chance.randrange(5):
            case 0:
                forged[chance.randrange(6, len(forged))] ^= 1 << chance.randrange(8)
            case 1:
                forged[chance.randrange(3, 6)] = chance.randrange(1, 9)
            case 2:
                sender = chance.choice([other for other, _, _ in self.overheard])
            case 3:
                forged[6:] = bytes([chance.randrange(256)]) * (len(forged) - 6)
        self.at(self.now + chance.randrange(1_000, 3_000), lambda: self.deliver(sender, to, bytes(forged)))

    def deliver(self, sender: str, to: str, user_data: bytes) -> None:
        if to in GATEWAYS:
            self.centre.now = self.now
            self._at_the_centre(sender, user_data)
        for kit in self.kits:
            if to in kit.numbers:
                kit.arrive(sender, user_data)

    def _at_the_centre(self, sender: str, user_data: bytes) -> None:
        """As from smsd's folder: what the disk does not take is brought again."""
        try:
            self.centre.arrive(sender, user_data)
        except SpoolError:
            self.at(self.now + 10_000, lambda: self._at_the_centre(sender, user_data))
        self._send_answers()

    def _send_answers(self) -> None:
        for number, data in self.centre.network[self._answered :]:
            self.carry(GATEWAYS[0], number, data)
        self._answered = len(self.centre.network)

    def run(self, ms: int, *, step_ms: int = 1_000) -> None:
        end = self.now + ms
        while self.now < end:
            self.now += step_ms
            while self._due and self._due[0][0] <= self.now:
                heapq.heappop(self._due)[2]()
            self.centre.now = self.now
            self.centre.desk.tick(now_ms=self.now)
            self.centre.settle()
            self._send_answers()
            for kit in self.kits:
                kit.look()
