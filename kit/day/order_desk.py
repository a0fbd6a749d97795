"""Where officials' signatures over the same order come together.

Half-signed orders are volatile: officials send theirs again after a restart.
"""

from typing import Final

from crypto.envelope import Envelope, merge
from crypto.manifest import TrustedManifest
from crypto.orders import SignedOrder, check_order, is_authorised

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

    def answer(self, signed: SignedOrder) -> dict[str, object]:
        """What to tell the official whose signature is not enough yet."""
        body: dict[str, object] = {
            "ok": True,
            "accepted": False,
            "waiting_for": "an official of another body",
        }
        # An order of the same serial waits that says something else: its officials must agree first.
        if any(payload != signed.payload for payload in self._waiting):
            body["differs"] = True
        return body
