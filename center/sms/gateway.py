"""The SMS gateway as a program: the desk, its folder, the broker and the way for short messages, on one event loop."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from center.broker_door import IN_THE_CLEAR, Door
from center.dialling import Dial
from center.errors import SpoolError
from center.pruning import EVERY_S, Keep
from center.sms.broker import SmsBroker
from center.sms.desk import SmsDesk
from center.sms.effects import Forgo, OrderDone, Say, Send, Submit, Wish
from center.sms.folder import Folder
from center.sms.port import Arrived, Outcome, Settled, ShortMessages
from center.sms.port import Say as Tell
from center.sms.records import OrderRecord
from crypto.manifest import TrustedManifest

TICK_S: Final = 0.5  # seconds between two looks at what is due
ORDERS_S: Final = 1.0  # seconds between two looks for commands to send

OpenMessages = Callable[[Arrived, Settled, Tell], ShortMessages]
"""Makes the way for short messages, given what takes messages, outcomes and words."""


class Gateway:
    """One gateway.

    Args:
        manifest: of the election.
        folder: the gateway's own, prepared and held by nobody else.
        address: host and port of the broker.
        client_id: ours at the broker, unlike centerd's.
        open_messages: makes the modem's or smsd's side.
        tell: tells people in one line.
        ask_after_ms: milliseconds after its last part that missing ones of a message are asked for.
        reference: 0 to 255, best another one at each start.
        keep: how many results of commands stay, and for how long.
        wall_ms: milliseconds since 1970, for their age.
        door: what the broker wants to see.
        dial: makes the connections with it; None: paho does, without TLS.
    """

    def __init__(
        self,
        manifest: TrustedManifest,
        folder: Folder,
        address: tuple[str, int],
        client_id: str,
        open_messages: OpenMessages,
        *,
        tell: Tell,
        ask_after_ms: int,
        reference: int,
        keep: Keep,
        wall_ms: Callable[[], int],
        door: Door = IN_THE_CLEAR,
        dial: Dial | None = None,
    ) -> None:
        self._folder: Final = folder
        self._keep: Final = keep
        self._wall_ms: Final = wall_ms
        self._tell: Final = tell
        self.desk: Final = SmsDesk(manifest, folder, ask_after_ms=ask_after_ms, reference=reference)
        self._messages: Final = open_messages(self._arrived, self._settled, tell)
        self._broker: Final = SmsBroker(
            *address,
            client_id,
            manifest.manifest.election,
            heard=self._heard,
            refused=self._refused,
            signed=self._signed,
            connected=self._connected,
            say=tell,
            door=door,
            dial=dial,
        )
        self._stopped: Final = asyncio.Event()
        self._orders_seen: set[str] = set()

    def stop(self) -> None:
        """Ask ``run`` to return."""
        self._stopped.set()

    async def run(self) -> None:
        """Serve until ``stop``; raises SpoolError when the folder cannot be read at the start."""
        self.desk.resume(now_ms=_now_ms())
        self._pump()
        tasks = [
            asyncio.create_task(one)
            for one in (self._messages.run(), self._broker.run(), self._look_around())
        ]
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            done, _ = await asyncio.wait((stopped, *tasks), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            for task in (stopped, *tasks):
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _look_around(self) -> None:
        looked_s, pruned_s = 0.0, -EVERY_S
        while True:
            self.desk.tick(now_ms=_now_ms())
            self._pump()
            if asyncio.get_running_loop().time() - looked_s >= ORDERS_S:
                looked_s = asyncio.get_running_loop().time()
                self._look_for_orders()
            if asyncio.get_running_loop().time() - pruned_s >= EVERY_S:
                pruned_s = asyncio.get_running_loop().time()
                self._prune()
            await asyncio.sleep(TICK_S)

    def _look_for_orders(self) -> None:
        try:
            orders = self._folder.load("order")
        except SpoolError as error:
            self._tell(f"commands to send cannot be read: {error}")
            return
        for name, record in orders:
            if name not in self._orders_seen and isinstance(record, OrderRecord):
                if self._was_settled(name):
                    continue
                self._orders_seen.add(name)
                self._tell(f"a command of {len(record.packed)} bytes goes to {', '.join(record.numbers)}")
                self.desk.order(name, record, now_ms=_now_ms())
        self._orders_seen &= {name for name, _ in orders}
        self._pump()

    def _was_settled(self, name: str) -> bool:
        """An order that an earlier life settled, and was killed before it was gone, is not sent again."""
        try:
            settled = self._folder.settled_order(name)
            if settled is not None:
                self._folder.forget("order", name)
        except SpoolError as error:
            self._tell(f"commands to send cannot be read: {error}")
            return True
        return settled is not None

    def _prune(self) -> None:
        try:
            gone = self._folder.prune_done(self._keep, wall_ms=self._wall_ms())
        except SpoolError as error:
            self._tell(f"old results of commands stay: {error}")
            return
        for one in gone:
            self._tell(f"result of command {one.name} removed: {one.words or 'sent'}")

    def _arrived(self, sender: str, user_data: bytes) -> None:
        try:
            self.desk.arrived(sender, user_data, now_ms=_now_ms())
        finally:
            self._pump()

    def _settled(self, outcome: Outcome) -> None:
        # Not at once: a way that settles within send() would come back in here from within _pump().
        asyncio.get_running_loop().call_soon(self._settle, outcome)

    def _settle(self, outcome: Outcome) -> None:
        self.desk.settled(outcome, now_ms=_now_ms())
        self._pump()

    def _heard(self, text: str) -> None:
        self.desk.heard(text, now_ms=_now_ms())
        self._pump()

    def _refused(self, sha256: str, reason: str) -> None:
        self.desk.refused(sha256, reason)
        self._pump()

    def _signed(self, data: bytes) -> None:
        self.desk.signed(data, now_ms=_now_ms())
        self._pump()

    def _connected(self, up: bool) -> None:
        self.desk.connected(up=up, now_ms=_now_ms())
        self._pump()

    def _pump(self) -> None:
        """Do what the desk wants."""
        for effect in self.desk.effects():
            match effect:
                case Submit(branch, envelope):
                    self._broker.submit(branch, envelope)
                case Forgo(branch):
                    self._broker.forgo(branch)
                case Wish(wish):
                    self._broker.wish(wish)
                case Send(token, number, user_data):
                    self._messages.send(token, number, user_data)
                case OrderDone(name, words):
                    self._end_order(name, words)
                case Say(words):
                    self._tell(words)

    def _end_order(self, name: str, words: str) -> None:
        self._tell(f"the command is sent{f', but: {words}' if words else ''}")
        try:
            self._folder.settle_order(name, words)
        except SpoolError as error:
            self._tell(f"the command may be sent once more: {error}")


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
