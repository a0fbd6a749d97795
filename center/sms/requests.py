"""Requests for missing parts: the log signs each, through centerd, before a message is spent on it. No clock.

Where centerd or the broker is away nothing is asked for, and nothing is lost: a branch without an answer sends again by
its own clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from center.sms.effects import Effect, Say, Wish
from center.sms.parts import Key
from center.sms.sending import Sendings
from crypto import sms, sms_missing
from crypto.errors import EvidenceError
from crypto.notes import NoteVerifier
from crypto.sms_missing import MissingParts

WISHES_MAX: Final = 64  # requests that wait for their signature; the others are asked for later
WISH_AGAIN_MS: Final = 15_000  # milliseconds until the log is asked again
UNSIGNED_MS: Final = 60_000  # milliseconds without a signature after which people hear of it


@dataclass(slots=True)
class _Wished:
    parts: MissingParts
    since_ms: int
    due_ms: int
    told: bool = False


class Requests:
    """What is to be asked for and waits for its signature. ``effects`` takes what is to be done."""

    def __init__(self, log: NoteVerifier, sendings: Sendings, effects: list[Effect]) -> None:
        self._log: Final = log
        self._sendings: Final = sendings
        self._effects: Final = effects
        self._wished: dict[Key, _Wished] = {}
        self._connected = False

    def connected(self, *, up: bool) -> None:
        """The session with the broker began or ended."""
        self._connected = up
        self._wished.clear()

    def want(self, wanted: Mapping[Key, MissingParts], *, now_ms: int) -> list[Key]:
        """These and no others are to be asked for now. Returns those for which the hour leaves no room."""
        for key in [key for key, one in self._wished.items() if wanted.get(key) != one.parts]:
            del self._wished[key]
        if not self._connected:
            return []
        full: list[Key] = []
        for key, parts in wanted.items():
            if key not in self._wished:
                if not self._sendings.may("request", key[0], now_ms=now_ms):
                    full.append(key)
                    self._say(f"{_words(key, parts)}: not asked for, too much was asked this hour")
                    continue
                if len(self._wished) >= WISHES_MAX:
                    continue
                self._wished[key] = _Wished(parts, since_ms=now_ms, due_ms=now_ms)
            self._wish(key, self._wished[key], now_ms)
        return full

    def signed(self, data: bytes, *, reference: int, now_ms: int) -> Key | None:
        """Something was published as a signed request; returns which message it asks for, where it was sent."""
        try:
            request = sms_missing.read(data, log=self._log)
        except EvidenceError as error:
            self._say(f"the broker brought a request for missing parts that does not verify: {error}")
            return None
        key = next((key for key, one in self._wished.items() if one.parts == request.parts), None)
        if key is None:
            return None  # another gateway's, or it came too late
        del self._wished[key]
        (user_data,) = sms.split(data, reference=reference)
        token = self._sendings.put("request", key[0], user_data, about="", now_ms=now_ms)
        self._say(f"{_words(key, request.parts)}: {'asked for' if token else 'not asked for, no room'}")
        return key

    def _wish(self, key: Key, one: _Wished, now_ms: int) -> None:
        if one.due_ms <= now_ms:
            one.due_ms = now_ms + WISH_AGAIN_MS
            self._effects.append(Wish(sms_missing.wish(one.parts)))
        if now_ms - one.since_ms >= UNSIGNED_MS and not one.told:
            one.told = True
            self._say(
                f"{_words(key, one.parts)}: centerd signs no request for them: is it running? The branch sends again "
                f"by itself"
            )

    def _say(self, words: str) -> None:
        self._effects.append(Say(words))


def _words(key: Key, parts: MissingParts) -> str:
    sender, reference, total = key
    return f"{sender}: {len(parts.missing)} of {total} parts under reference {reference} did not come"
