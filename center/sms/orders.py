"""Commands on their way to branches by SMS: packed and signed elsewhere, opaque here."""

from dataclasses import dataclass, field
from typing import Final

from center.sms.effects import Effect, OrderDone, Tally
from center.sms.port import Outcome
from center.sms.records import OrderRecord
from center.sms.sending import Outgoing, Sendings
from crypto import sms


@dataclass(slots=True)
class _Order:
    tokens: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Orders:
    """What is to be sent. No branch asks for parts of it: who gave a command without effect gives it again."""

    def __init__(self, sendings: Sendings, effects: list[Effect], tally: Tally) -> None:
        self._sendings: Final = sendings
        self._effects: Final = effects
        self._tally: Final = tally
        self._open: dict[str, _Order] = {}

    def __len__(self) -> int:
        return len(self._open)

    def take(self, name: str, record: OrderRecord, *, reference: int, now_ms: int) -> None:
        """Send a command to all its numbers. The same name again, while it is on its way, changes nothing."""
        if name in self._open:
            return
        order = self._open[name] = _Order()
        for number in record.numbers:
            parts = sms.split(record.packed, reference=reference)
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

    def _end_if_done(self, name: str) -> None:
        order = self._open[name]
        if not order.tokens:
            del self._open[name]
            self._effects.append(OrderDone(name, "; ".join(order.failures)))
