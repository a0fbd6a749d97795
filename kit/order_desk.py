"""Where officials' signatures over the same order come together, and what may stand against following one.

Half-signed orders are volatile: officials send theirs again after a restart.
"""

from typing import Final

from crypto.envelope import Envelope, merge
from crypto.manifest import TrustedManifest
from crypto.orders import SignedOrder, check_order, is_authorised
from crypto.statements import OrderKind
from failover.events import Instant
from kit.facts import Phase
from kit.phases import ORDERS
from kit.wall import Wall

HALF_SIGNED_MAX: Final = 8  # orders that wait for their second official


class OrderDesk:
    """Collects signatures until an order has all that its kind needs (dual control: two different bodies)."""

    def __init__(self, manifest: TrustedManifest, branch: str) -> None:
        self._manifest, self._branch = manifest, branch
        self._waiting: dict[bytes, Envelope] = {}

    def take(self, data: bytes) -> tuple[SignedOrder, bool]:
        """Verify one envelope, join it with what waits for the same order; True when it is authorised.

        Raises:
            EvidenceError: the envelope, a signature or the order is not good.
        """
        signed = check_order(data, self._manifest, self._branch)
        earlier = self._waiting.get(signed.payload)
        if earlier is not None:
            signed = check_order(merge(earlier, signed.envelope).to_bytes(), self._manifest, self._branch)
        if is_authorised(signed):
            self._waiting.pop(signed.payload, None)
            return signed, True
        self._waiting[signed.payload] = signed.envelope
        while len(self._waiting) > HALF_SIGNED_MAX:
            del self._waiting[next(iter(self._waiting))]
        return signed, False

    def forget(self, signed: SignedOrder) -> None:
        """An order was refused: none of its signatures may count later, when it might be followed."""
        self._waiting.pop(signed.payload, None)

    def clear(self) -> None:
        """Forget what waits: another order was accepted, so their serials are stale."""
        self._waiting.clear()

    def objection(
        self,
        signed: SignedOrder,
        *,
        phase: Phase,
        serial: int,
        stage: OrderKind | None,
        wall: Wall,
        now: Instant,
    ) -> str | None:
        """Why an authentic order cannot be followed now, in words that end the sentence "refused: ..."; or None."""
        order = signed.order
        if order.serial != serial + 1:
            return f"its serial is {order.serial}, the next one is {serial + 1}"
        if phase not in ORDERS.get(order.kind, ()):
            return f"the branch is {phase!r}; it is possible in {', '.join(ORDERS.get(order.kind, ())) or 'no phase'}"
        if stage is not None and not (stage == "suspend" and order.kind == "close"):
            return f"{stage!r} is still being carried out"
        schedule = self._manifest.manifest.schedule
        not_before = {"open": schedule.open_not_before, "close": schedule.close_not_before}.get(order.kind)
        if not_before is not None and now < wall.instant_of(not_before):
            return f"not before {not_before}; it is {wall.text(now)}"
        if order.kind == "account":
            expected = {contest.id for contest in self._manifest.contests_of(self._branch)}
            if set(order.voters_signed_in) != expected:
                return f"voters_signed_in must name exactly {', '.join(sorted(expected))}"
        return None
