"""How long a sealed envelope may take once a rung lives, reckoned from what failover and outbox are configured to."""

from typing import Final

from failover.timing import Timing
from kit.outbox import RESEND_MAX_MS

LIVING_ROUND_TRIP_MS: Final = 700
"""Longest round trip of an uplink that lives, milliseconds: a satellite's."""
SESSION_ROUND_TRIPS: Final = 4
"""TCP, CONNECT, SUBSCRIBE, and the probe that would have to come back (MQTT 3.1.1, sections 3.1 and 3.8)."""
DELIVERY_ROUND_TRIPS: Final = 2
"""PUBLISH up and receipt down, twice, for the account and the tally behind it."""
CENTRE_MS: Final = 1_000
"""From an envelope at the broker to its receipt there: one batch, one fsync, one checkpoint."""


def receipted_within_ms(timing: Timing) -> int:
    """How long each sealed envelope may take to the log, and its receipt back, once one uplink lives for good.

    In milliseconds, whatever the other uplinks do. The longest way, step by step:

    1. What began before: an attempt to connect runs into its deadline, or a session that had lost its bytes is given
       up after two echoes at most.
    2. The wait before the next attempt, at its ceiling in the critical window.
    3. Attempts that are too short for the uplink's round trips: each deadline is double the one before, so that all
       together last no longer than the first that suffices, plus a wait after each.
    4. The attempt that stands.
    5. What was sent when the centre itself was not at the broker, or whose receipt met a dying session, goes out again
       after the longest pause between two sends.
    6. The envelope up, its receipt down.
    """
    session_ms = SESSION_ROUND_TRIPS * LIVING_ROUND_TRIP_MS
    before_ms = max(timing.connect_ms + timing.connect_grace_ms, 2 * timing.echo_ms)
    tries = max(0, -(-session_ms // timing.critical_connect_ms) - 1).bit_length()
    each_ms = timing.connect_grace_ms + timing.critical_backoff_ms
    short_ms = timing.critical_connect_ms * ((1 << tries) - 1) + tries * each_ms
    delivery_ms = DELIVERY_ROUND_TRIPS * LIVING_ROUND_TRIP_MS + CENTRE_MS
    return before_ms + timing.critical_backoff_max_ms + short_ms + session_ms + RESEND_MAX_MS + delivery_ms


RECEIPTED_MAX_S: Final = receipted_within_ms(Timing()) / 1_000
"""T: of a kit that runs with the defaults, seconds."""
DELIVERED_MAX_S: Final = 1_800.0
"""As RECEIPTED_MAX_S, until witnesses have vouched as well. No deadline of a tally: the log has it for good. A kit that
missed what the centre pushed asks for it ever more rarely (kit.outbox.ASK_MAX_MS)."""
HEDGED_MAX_S: Final = LIVING_ROUND_TRIP_MS / 1_000
"""From the first byte of an envelope on one uplink to its first byte on each other one that lives and is offered: one
turn of the kit, and the PUBACK of the envelope before it on the same session."""
TURN_MAX_S: Final = 0.05
"""As HEDGED_MAX_S, for the first envelope of a branch: one turn of the kit, and no PUBACK to wait for."""
NOTICE_SLACK_S: Final = 0.05
"""Of the watch that looks whether a silent uplink is still offered: timers of a world come a little late."""
