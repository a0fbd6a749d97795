"""What a courier gets: of the released envelopes those that are not delivered, packed, and a signed list of them.

The release is the officials' order of ``release-media``, as for all media (ADR 18).
"""

from collections.abc import Callable
from typing import Any, Final

from crypto import carrier_code
from crypto.carrier import to_compact
from crypto.codec import b64, unb64
from crypto.courier_bundle import BUNDLED_MAX, BundledEnvelope, CourierBundle
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.tape_code import CODE_CHARS_MAX
from kit import exit_codes

PRINTED_MAX: Final = 16  # envelopes on one tape: an account and a tally of each of eight terminals

PrintCodes = Callable[[list[tuple[str, list[str]]]], str | None]
"""Queues a tape of titles and texts of codes; returns what hinders it, in words."""


def texts_of(item: dict[str, Any], chars: int = CODE_CHARS_MAX) -> list[str]:
    """The texts of the codes for one envelope of ``Courier.pack``; raises carrier_code.PartError."""
    return carrier_code.write(unb64(item["compact"] or item["envelope"]), chars)


def title_of(packed: dict[str, Any], item: dict[str, Any]) -> str:
    """What an envelope is, in a line for people of either language."""
    return f"{packed['device']} #{item['seq']} {item['kind']} {item['terminal']} ({item['close_no']})"


class Courier:
    """Packs for couriers. ``sign``: the sealer's; nobody else holds the key."""

    def __init__(
        self, manifest: TrustedManifest, branch: str, device: str, sign: Callable[[CourierBundle], bytes]
    ) -> None:
        self._manifest, self._branch, self._device, self._sign = manifest, branch, device, sign

    def pack(self, media: dict[str, Any]) -> dict[str, Any]:
        """From what is released (``kit.media.released``), as plain JSON; ``bundle`` is None where nothing waits."""
        delivered = {item["seq"] for item in media["receipts"] if item["delivered"]}
        waiting = [item for item in media["envelopes"] if item["seq"] not in delivered][:BUNDLED_MAX]
        return {
            "branch": self._branch,
            "device": self._device,
            "released_by_order": media["released_by_order"],
            "bundle": None if not waiting else b64(self._sign(self._bundle(media, waiting))),
            "envelopes": [item | {"compact": self._compact(item["envelope"])} for item in waiting],
            "delivered": sorted(delivered),
            "unreleased": media["unreleased"],
        }

    def printed(
        self, packed: dict[str, Any], seqs: list[Any], print_codes: PrintCodes | None
    ) -> dict[str, Any]:
        """Queue a tape of what was packed, or of the ``seqs`` of it alone; the answer for whoever asked."""
        if print_codes is None:
            return _no(
                "there is no printer: see [printer] of the configuration, or show the codes on the screen"
            )
        items = [item for item in packed["envelopes"] if not seqs or item["seq"] in seqs]
        if not 1 <= len(items) <= PRINTED_MAX:
            return _no(
                f"{len(items)} envelopes to print: name 1 to {PRINTED_MAX} that are released and not delivered"
            )
        try:
            hindered = print_codes([(title_of(packed, item), texts_of(item)) for item in items])
        except carrier_code.PartError as error:
            hindered = str(error)
        return (
            {"ok": True, "printing": [item["seq"] for item in items]} if hindered is None else _no(hindered)
        )

    def _bundle(self, media: dict[str, Any], waiting: list[dict[str, Any]]) -> CourierBundle:
        manifest = self._manifest.manifest
        return CourierBundle(
            election=manifest.election,
            round=manifest.round,
            branch=self._branch,
            device=self._device,
            manifest_sha256=self._manifest.sha256,
            released_by_order=media["released_by_order"],
            envelopes=tuple(
                BundledEnvelope(
                    **{name: item[name] for name in ("seq", "kind", "terminal", "close_no", "sha256")}
                )
                for item in waiting
            ),
        )

    def _compact(self, envelope: str) -> str | None:
        """None where it cannot be packed: its JSON travels then."""
        try:
            return b64(to_compact(unb64(envelope), self._manifest))
        except EvidenceError:
            return None


def _no(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error, "code": exit_codes.UNAVAILABLE}
