"""The desk of the SMS gateway with a folder in memory, a centre that acknowledges, and branches that send parts."""

from typing import Any

import msgspec

from center.errors import SpoolError
from center.sms.desk import SmsDesk
from center.sms.effects import Effect, OrderDone, Say, Send, Submit, Wish
from center.sms.port import Outcome
from center.sms.records import TYPES, Kind, Record
from crypto import acknowledgement, carrier, sms, sms_missing
from tests.center.branch import Device
from tests.crypto.election_fixture import Election


class Memory:
    """A folder that outlives desks. Records go through JSON, as on a disk."""

    def __init__(self) -> None:
        self.files: dict[tuple[Kind, str], bytes] = {}
        self.full = False

    def keep(self, kind: Kind, name: str, record: Record) -> None:
        if self.full:
            raise SpoolError("no space left on device")
        self.files[kind, name] = msgspec.json.encode(record)

    def forget(self, kind: Kind, name: str) -> None:
        self.files.pop((kind, name), None)

    def load(self, kind: Kind) -> list[tuple[str, Record]]:
        return [
            (name, msgspec.json.decode(data, type=TYPES[kind]))
            for (found, name), data in self.files.items()
            if found == kind
        ]

    def count(self, kind: Kind) -> int:
        return sum(found == kind for found, _ in self.files)


class World:
    """One desk. ``network``: what it sent, number and user data. centerd answers while ``centerd_runs``."""

    def __init__(self, election: Election, **how: Any) -> None:
        self.election, self.how = election, how
        self.memory = Memory()
        self.now = 0
        self.network: list[tuple[str, bytes]] = []
        self.said: list[str] = []
        self.orders: list[OrderDone] = []
        self.submitted: list[Submit] = []
        self.wishes: list[bytes] = []
        self.centerd_runs = True
        self.outcome = Outcome(0, sent=True)
        self.start()

    def start(self) -> None:
        """A first life, or another after the first was killed."""
        self.desk = SmsDesk(self.election.loaded, self.memory, **self.how)
        self.desk.resume(now_ms=self.now)
        self.desk.connected(up=True, now_ms=self.now)
        self.settle()

    def arrive(self, sender: str, *messages: bytes) -> None:
        for user_data in messages:
            self.desk.arrived(sender, user_data, now_ms=self.now)
            self.settle()

    def later(self, ms: int) -> None:
        """Time passes, in steps of a second."""
        end = self.now + ms
        while self.now < end:
            self.now = min(end, self.now + 1_000)
            self.desk.tick(now_ms=self.now)
            self.settle()

    def settle(self) -> None:
        """Do what the desk wants until it wants nothing."""
        while effects := self.desk.effects():
            for effect in effects:
                self._do(effect)

    def answers(self, number: str) -> list[bytes]:
        """Contents of one-part messages to a number."""
        return [sms.parse(data).body for to, data in self.network if to == number]

    def sign(self, wish: bytes) -> bytes:
        """As centerd does."""
        return sms_missing.make(sms_missing.read_wish(wish), self.election.log, at_s=self.now // 1000)

    def request(self, user_data: bytes) -> sms_missing.MissingParts:
        """As a branch reads a request, from one message."""
        return sms_missing.read(sms.parse(user_data).body, log=self.election.loaded.log_verifier).parts

    def _do(self, effect: Effect) -> None:
        match effect:
            case Submit(_, envelope):
                self.submitted.append(effect)
                if self.centerd_runs:
                    self.desk.heard(acknowledgement.make(envelope, self.election.log), now_ms=self.now)
            case Wish(wish):
                self.wishes.append(wish)
                if self.centerd_runs:
                    self.desk.signed(self.sign(wish), now_ms=self.now)
            case Send(token, number, user_data):
                if self.outcome.sent:
                    self.network.append((number, user_data))
                told = Outcome(token, self.outcome.sent, self.outcome.reason, self.outcome.final)
                self.desk.settled(told, now_ms=self.now)
            case OrderDone():
                self.orders.append(effect)
            case Say(words):
                self.said.append(words)


def parts_of(election: Election, envelope: bytes, reference: int = 7) -> tuple[bytes, ...]:
    """As a kit sends them."""
    return sms.split(carrier.to_compact(envelope, election.loaded), reference=reference)


def is_answer(content: bytes, envelope: bytes, election: Election) -> bool:
    """Whether a branch would believe it."""
    log = election.loaded.log_verifier
    note = acknowledgement.unpack(content, log=log)
    acknowledgement.verify(note, envelope, log=log)
    return True


def tally_of(election: Election, branch: str = "branch-1") -> bytes:
    return Device(election, branch).tally()
