"""Wrong kits and wrong centres: each function breaks one rule of the house, for as long as the monkeypatch lasts."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from center.intake.intake import Intake, Outcome
from center.log.ledger import Ledger
from center.opening import opening
from crypto import seal
from kit.daemon import Daemon
from kit.effects import Publish, SealTally
from kit.events import Event, ReceiptHeard
from kit.facts import EnvelopeSealed
from kit.journal.journal import Journal
from kit.outbox import Outbox
from kit.runner import Runner

Patch = pytest.MonkeyPatch
WRITE_BEHIND_S = 1.0


def effects_before_facts(patch: Patch) -> None:
    """Within one turn: answer first, then make durable what was answered."""

    def turn(self: Runner, event: Event) -> None:
        step = self._core.handle(event, self._clock.monotonic_ms())
        for effect in step.effects:
            self._release(effect)
        if step.facts:
            self._journal.append(step.facts)
            for fact in step.facts:
                self._core.apply(fact)

    patch.setattr(Runner, "_turn", turn)


def journal_written_behind(patch: Patch) -> None:
    """Facts are gathered in memory and written a moment later."""

    def turn(self: Runner, event: Event) -> None:
        step = self._core.handle(event, self._clock.monotonic_ms())
        for fact in step.facts:
            self._core.apply(fact)
        for effect in step.effects:
            self._release(effect)
        gathered = self.__dict__.setdefault("gathered", [])
        if step.facts and not gathered:
            asyncio.get_running_loop().call_later(WRITE_BEHIND_S, write, self)
        gathered += step.facts

    def write(self: Runner) -> None:
        gathered = self.__dict__["gathered"]
        self._journal.append(list(gathered))
        gathered.clear()

    patch.setattr(Runner, "_turn", turn)


def journal_not_synced(patch: Patch) -> None:
    _not_synced(patch, Journal)


def ledger_not_synced(patch: Patch) -> None:
    _not_synced(patch, Ledger)


def _not_synced(patch: Patch, store: type[Journal] | type[Ledger]) -> None:
    prepare: Any = store._prepare

    def without_sync(self: Any, *arguments: Any, **named: Any) -> None:
        prepare(self, *arguments, **named)
        self._db.execute("pragma synchronous=normal")

    patch.setattr(store, "_prepare", without_sync)


def outbox_believes_the_broker(patch: Patch) -> None:
    """What was sent is done with: no receipt is waited for, none is sent again."""
    send_due = Outbox._send_due

    def send_once(self: Outbox, now: int) -> Any:
        step = send_due(self, now)
        for effect in step.effects:
            if isinstance(effect, Publish):
                self.items.pop(effect.seq, None)
        return step

    patch.setattr(Outbox, "_send_due", send_once)


def sealed_bytes_forgotten(patch: Patch) -> None:
    """After a restart, what was sealed is sealed anew."""

    def replay(self: Runner) -> int:
        facts = list(self._journal.replay())
        for fact in facts:
            if not isinstance(fact, EnvelopeSealed):
                self._core.apply(fact)
        return len(facts)

    patch.setattr(Runner, "replay", replay)


def receipt_before_commit(patch: Patch) -> None:
    """The centre answers from an open transaction, and commits with the next batch."""
    process = Intake.process

    def answer_first(self: Intake, messages: Sequence[tuple[str, bytes]], *, wall_ms: int) -> Outcome:
        if self._ledger._db.in_transaction:
            self._ledger._db.execute("commit")
        return process(self, messages, wall_ms=wall_ms)

    @contextlib.contextmanager
    def left_open(self: Ledger) -> Iterator[None]:
        if not self._db.in_transaction:
            self._db.execute("begin immediate")
        yield

    patch.setattr(Intake, "process", answer_first)
    patch.setattr(Ledger, "_transaction", left_open)


def tally_sent_in_plain(patch: Patch) -> None:
    """The terminal's signed report goes out too, "for diagnosis"."""
    make = Daemon._seal

    def seal_and_tell(self: Daemon, effect: Any) -> None:
        if isinstance(effect, SealTally):
            self._uplinks.publish("4g", effect.tally)
        make(self, effect)

    patch.setattr(Daemon, "_seal", seal_and_tell)


def vote_added_before_sealing(patch: Patch) -> None:
    pack = seal.pack_checked

    def pack_one_more(*arguments: Any) -> bytes:
        packed = pack(*arguments)
        return (int.from_bytes(packed, "big") + 1).to_bytes(len(packed), "big")

    patch.setattr(seal, "pack_checked", pack_one_more)


def centre_drops_a_vote(patch: Patch) -> None:
    total = opening._total

    def one_less(*arguments: Any) -> Any:
        result = total(*arguments)
        code = max(result.votes, key=lambda code: result.votes[code])
        return type(result)(**_fields(result) | {"votes": result.votes | {code: result.votes[code] - 1}})

    patch.setattr(opening, "_total", one_less)


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def kit_stumbles_over_receipts(patch: Patch) -> None:
    """An exception leaves a core: the daemon ends, and would end again after every restart."""
    handle = Outbox.handle

    def stumble(self: Outbox, event: Event, now: int) -> Any:
        if type(event) is ReceiptHeard:
            raise ValueError("no such receipt")
        return handle(self, event, now)

    patch.setattr(Outbox, "handle", stumble)


def task_fails_unseen(patch: Patch) -> None:
    """A task dies of an exception, and nobody ever asks it."""
    make = Daemon._seal

    async def fail() -> None:
        raise ValueError("unseen")

    def seal_and_fail(self: Daemon, effect: Any) -> None:
        asyncio.get_running_loop().create_task(fail())
        make(self, effect)

    patch.setattr(Daemon, "_seal", seal_and_fail)
