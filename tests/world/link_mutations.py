"""Kits that handle links wrongly: each function breaks one rule, for as long as the monkeypatch lasts."""

from dataclasses import replace
from typing import Any

import pytest

from failover import backoff
from failover.events import Instant, PathChanged, Tick
from failover.machine import Failover
from failover.policy import Ranking
from failover.uplink import Uplink
from kit.events import UplinksUsable
from kit.outbox import Outbox

Patch = pytest.MonkeyPatch
NEVER_MS = 10**12


def hold_down_removed(patch: Patch) -> None:
    """Whoever is better at this moment comes first at this moment."""
    make = Ranking.__init__

    def make_hasty(self: Ranking, uplinks: Any, hold_down_ms: int, *rest: Any) -> None:
        del hold_down_ms
        make(self, uplinks, 1, *rest)

    patch.setattr(Ranking, "__init__", make_hasty)


def rate_of_switches_not_kept(patch: Patch) -> None:
    make = Ranking.__init__

    def make_restless(self: Ranking, uplinks: Any, hold_down_ms: int, *_: Any) -> None:
        make(self, uplinks, hold_down_ms, 1_000)

    patch.setattr(Ranking, "__init__", make_restless)


def preferred_uplink_alone(patch: Patch) -> None:
    """No hedge: what is sealed goes out on the best uplink, and on the next one when that has failed."""
    handle = Outbox.handle

    def handle_first(self: Outbox, event: Any, now: Instant) -> Any:
        if isinstance(event, UplinksUsable):
            event = replace(event, uplinks=event.uplinks[:1], last_resort=event.last_resort[:1])
        return handle(self, event, now)

    patch.setattr(Outbox, "handle", handle_first)


def sent_once_on_each_uplink(patch: Patch) -> None:
    """Nothing is ever sent again on a session that stands."""
    send_due = Outbox._send_due

    def send_once(self: Outbox, now: Instant) -> Any:
        step = send_due(self, now)
        for attempt in self._attempts.values():
            attempt.due = now + NEVER_MS
        return step

    patch.setattr(Outbox, "_send_due", send_once)


def silence_believed_too_long(patch: Patch) -> None:
    """An echo may take four times as long as it may."""
    echo_ms = Uplink._echo_ms
    patch.setattr(Uplink, "_echo_ms", lambda self: 4 * echo_ms(self))


def window_ignored(patch: Patch) -> None:
    """Failover does not hear that something sealed waits: it goes on as slowly as in quiet times."""
    happen = Uplink.happen

    def deaf(self: Uplink, happening: Any, now: Instant) -> Any:
        return () if happening == "window-opened" else happen(self, happening, now)

    patch.setattr(Uplink, "happen", deaf)


def waits_without_a_ceiling(patch: Patch) -> None:
    """Each wait before a reconnect is double the one before, for ever."""

    def doubled(failures: int, *_: Any, **__: Any) -> int:
        return 300 << min(failures, 24)

    patch.setattr(backoff, "_ceiling_ms", doubled)


def path_changes_ignored(patch: Patch) -> None:
    """The first path of an uplink is the last that failover hears of."""
    handle = Failover.handle

    def handle_first(self: Failover, event: Any, now: Instant) -> Any:
        if isinstance(event, PathChanged) and event.path is not None:
            heard = self.__dict__.setdefault("heard", set())
            if event.uplink in heard:
                event = Tick()
            else:
                heard.add(event.uplink)
        return handle(self, event, now)

    patch.setattr(Failover, "handle", handle_first)
