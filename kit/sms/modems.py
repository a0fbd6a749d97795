"""The modems that SMS go by: which of them works, which is busy, and which waits before it is tried again."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.ports import ModemEvent, ModemLost, ModemReading
from failover.backoff import full_jitter_ms
from failover.events import Instant
from kit.sms.letter import Way

TRIES: Final = 3  # failures in a row after which another modem is better
GRACE_MS: Final = 20_000  # how long a modem may be without its network before another one is better
UNDER_WAY_MAX_MS: Final = 150_000  # how long the driver's word is waited for; it gives up after 60 s
FINAL_PAUSE_MS: Final = (
    15 * 60_000
)  # until a way that failed for good is tried again: credit may be topped up
BACKOFF_MIN_MS: Final = 500
BACKOFF_FIRST_MS: Final = 2_000  # ceiling after the first failure; it doubles
BACKOFF_MAX_MS: Final = 120_000
TOKENS_MAX: Final = 4_096  # parts whose late words and reports are still understood
_DOUBLINGS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Sent:
    """One part that was given to a modem."""

    seq: int
    reference: int
    part: int
    total: int
    way: Way


@dataclass(slots=True)
class ModemState:
    """What is known of one modem. Volatile."""

    unwell_since: Instant | None = None
    slot: int | None = None
    """Of the SIM in use."""
    failures: int = 0
    fail_count: int = 0
    """Failures in this life: draws each wait anew."""
    due: Instant = 0
    under_way: set[int] = field(default_factory=set)
    """Tokens of what was given to it: one part, or all of a message where it sends whole ones only."""
    given_at: Instant = 0
    fault: str = ""
    """The last failure, in words; empty after a success."""
    finals: dict[int, Instant] = field(default_factory=dict)
    """Gateways that it cannot reach, by its network's word, and until when that is believed."""


class SmsModems:
    """Modems in order of preference. Decides nothing about envelopes."""

    def __init__(self, modems: Sequence[str], device: str) -> None:
        self.states: Final = {modem: ModemState() for modem in modems}
        self._device = device
        self._tokens: OrderedDict[int, Sent] = OrderedDict()
        self._token = 0

    def sense(self, modem: str, heard: ModemEvent, now: Instant) -> bool:
        """Take in how a modem is; returns whether another SIM is in use than before."""
        state = self.states[modem]
        if isinstance(heard, ModemReading):
            well = heard.sim == "ready" and heard.registration in ("home", "roaming")
            if well:
                state.unwell_since = None
            elif state.unwell_since is None:
                state.unwell_since = now
            before, state.slot = state.slot, heard.sim_slot
            return before is not None and before != heard.sim_slot
        if isinstance(heard, ModemLost):
            state.unwell_since = now if state.unwell_since is None else state.unwell_since
        return False

    def give(self, sent: Sent, now: Instant) -> int:
        """A part goes to its modem; returns the token."""
        self._token += 1
        state = self.states[sent.way.modem]
        state.under_way.add(self._token)
        state.given_at = now
        self._tokens[self._token] = sent
        while len(self._tokens) > TOKENS_MAX:
            self._tokens.popitem(last=False)
        return self._token

    def sent(self, token: int) -> Sent | None:
        """What went under a token; None where that is too long ago."""
        return self._tokens.get(token)

    def succeeded(self, token: int, sent: Sent) -> None:
        """The network took it."""
        state = self.states[sent.way.modem]
        state.under_way.discard(token)
        state.failures, state.fault, state.due = 0, "", 0
        state.finals.pop(sent.way.gateway, None)

    def failed(self, token: int, sent: Sent, reason: str, now: Instant, *, final: bool) -> int:
        """The network or the modem refused it; returns how many parts are not under way any more."""
        state = self.states[sent.way.modem]
        if token not in state.under_way:
            return 0  # given up already
        count = len(state.under_way)
        state.under_way.clear()  # what fails of a whole message is the message
        state.fault = reason
        state.fail_count += 1
        if final:
            state.finals[sent.way.gateway] = now + FINAL_PAUSE_MS
            state.failures = max(state.failures, TRIES)
            return count
        state.failures += 1
        ceiling_ms = min(BACKOFF_FIRST_MS << min(state.failures - 1, _DOUBLINGS_MAX), BACKOFF_MAX_MS)
        state.due = now + full_jitter_ms(
            BACKOFF_MIN_MS, ceiling_ms, self._device, sent.way.modem, state.fail_count
        )
        return count

    def overdue(self, now: Instant) -> list[tuple[int, Sent]]:
        """Of each modem that is gone, or whose driver said nothing for too long, something that is under way."""
        late = []
        for state in self.states.values():
            if state.under_way and now >= _word_due(state):
                token = min(state.under_way)
                late.append((token, self._tokens[token]))
        return late

    def badness(self, way: Way, now: Instant) -> int:
        """0: as good as can be; every ``TRIES`` failures it grows; a way that is closed for good is the worst."""
        state = self.states[way.modem]
        if state.finals.get(way.gateway, 0) > now:
            return 1_000_000
        return state.failures // TRIES + int(self._is_gone(state, now))

    def free_at(self, way: Way, now: Instant) -> Instant:
        """When something may go this way, or the first instant at which that can be told; ``now`` or before: now."""
        state = self.states[way.modem]
        if state.under_way:
            return _word_due(state)
        if state.unwell_since is not None and not self._is_gone(state, now):
            return _gone_at(state)  # it may come back, or be left for another one then
        return max(state.due, state.finals.get(way.gateway, 0))

    def _is_gone(self, state: ModemState, now: Instant) -> bool:
        return state.unwell_since is not None and now >= _gone_at(state)


def _word_due(state: ModemState) -> Instant:
    """Until when the driver's word on the part under way is waited for: not long where the modem went meanwhile."""
    due = state.given_at + UNDER_WAY_MAX_MS
    if state.unwell_since is not None and state.unwell_since > state.given_at:
        return min(due, _gone_at(state))
    return due


def _gone_at(state: ModemState) -> Instant:
    assert state.unwell_since is not None  # noqa: S101 - asked only of such
    return state.unwell_since + GRACE_MS
