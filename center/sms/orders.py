"""Commands on their way to branches by SMS: packed and signed elsewhere, opaque here."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from center.sms.effects import Effect, OrderDone, Say, Tally
from center.sms.port import Outcome
from center.sms.records import OrderRecord
from center.sms.sending import Outgoing, Sendings
from crypto import sms
from crypto.sms_missing import MissingParts

REMEMBERED_MAX: Final = 256  # messages of several parts that can be sent again in parts


@dataclass(slots=True)
class _Order:
    tokens: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Orders:
    """What is to be sent, and what was sent in several parts: those may be asked for again."""

    def __init__(self, sendings: Sendings, effects: list[Effect], tally: Tally) -> None:
        self._sendings: Final = sendings
        self._effects: Final = effects
        self._tally: Final = tally
        self._open: dict[str, _Order] = {}
        self._sent: OrderedDict[tuple[str, int], tuple[bytes, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def take(self, name: str, record: OrderRecord, *, reference: int, now_ms: int) -> None:
        """Send a command to all its numbers. The same name again, while it is on its way, changes nothing."""
        if name in self._open:
            return
        order = self._open[name] = _Order()
        for number in record.numbers:
            parts = sms.split(record.packed, reference=reference)
            self._remember(number, reference, parts)
            for user_data in parts:
                token = self._sendings.put("command", number, user_data, about=name, now_ms=now_ms, free=True)
                if token is None:
                    order.failures.append(f"{number}: too many messages wait already")
                else:
                    order.tokens.add(token)
        self._end_if_done(name)

    def settled(self, message: Outgoing, outcome: Outcome) -> None:
        """A part of a command was sent, or given up."""
        if outcome.sent:
            self._tally.commands += 1
        order = self._open.get(message.about)
        if order is None:
            return
        order.tokens.discard(message.token)
        if not outcome.sent:
            order.failures.append(f"{message.number}: {outcome.reason}")
        self._end_if_done(message.about)

    def resend(self, number: str, wanted: MissingParts, *, now_ms: int) -> None:
        """Somebody asks for parts of what was sent to him. Nobody signed that: it is done a few times an hour."""
        parts = self._sent.get((number, wanted.reference), ())
        if len(parts) != wanted.total:
            return
        count = 0
        for missing in wanted.missing:
            count += (
                self._sendings.put("command", number, parts[missing - 1], about="", now_ms=now_ms) is not None
            )
        self._effects.append(
            Say(f"{number}: asks for {len(wanted.missing)} of {wanted.total} parts again: {count} go")
        )

    def _remember(self, number: str, reference: int, parts: tuple[bytes, ...]) -> None:
        if len(parts) > 1:
            self._sent[number, reference] = parts
            if len(self._sent) > REMEMBERED_MAX:
                self._sent.popitem(last=False)

    def _end_if_done(self, name: str) -> None:
        order = self._open[name]
        if not order.tokens:
            del self._open[name]
            self._effects.append(OrderDone(name, "; ".join(order.failures)))
