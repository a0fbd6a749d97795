"""The transition table of one uplink: its states, what can happen to it, and what is done then.

A happening is an event, or a deadline of ours that came. What a state does not know is an error and changes nothing.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

State = Literal["pathless", "down", "connecting", "up", "suspect"]
"""pathless: its interface cannot carry packets now. down: a reconnect is due. connecting: one Connect is outstanding.
up: usable. suspect: a probe is overdue."""

Happening = Literal[
    "connected",
    "connected-in-doubt",
    "lost",
    "echo",
    "stray-echo",
    "window-opened",
    "window-closed",
    "pace-changed",
    "path-found",
    "path-moved",
    "path-lost",
    "sensed",
    "line-back",
    "retry-due",
    "connect-overdue",
    "probe-due",
    "echo-overdue",
    "given-up",
]
Action = Literal[
    "nothing",
    "connect",
    "start",
    "start-in-doubt",
    "back-off",
    "tear-down",
    "refuse",
    "probe",
    "doubt",
    "trust",
    "hurry",
    "relax",
    "pace",
    "bind",
    "move",
    "unbind",
    "cut",
    "sense",
    "try-sooner",
]


class Transition(NamedTuple):
    """Where a happening leads, and what is done on the way."""

    to: State
    action: Action


TABLE: Final[Mapping[State, Mapping[Happening, Transition]]] = {
    "pathless": {
        "path-found": Transition("down", "bind"),
        "path-lost": Transition("pathless", "nothing"),  # still none, for another reason
        "connected": Transition("pathless", "refuse"),  # said before our Disconnect was carried out
        "connected-in-doubt": Transition("pathless", "refuse"),
        "lost": Transition("pathless", "nothing"),  # as above
        "stray-echo": Transition("pathless", "nothing"),
        "window-opened": Transition("pathless", "hurry"),
        "window-closed": Transition("pathless", "relax"),
        "pace-changed": Transition("pathless", "pace"),
        "sensed": Transition("pathless", "nothing"),
        "line-back": Transition("pathless", "nothing"),
    },
    "down": {
        "retry-due": Transition("connecting", "connect"),
        "connected": Transition("down", "refuse"),  # said before our Disconnect was carried out
        "connected-in-doubt": Transition("down", "refuse"),
        "lost": Transition("down", "nothing"),  # as above
        "stray-echo": Transition("down", "nothing"),
        "window-opened": Transition("down", "hurry"),
        "window-closed": Transition("down", "relax"),
        "pace-changed": Transition("down", "pace"),
        "path-moved": Transition("down", "bind"),
        "path-lost": Transition("pathless", "unbind"),
        "sensed": Transition("down", "nothing"),
        "line-back": Transition("down", "try-sooner"),
    },
    "connecting": {
        "connected": Transition("up", "start"),
        # The session before stood and answered nothing: this one is not offered before its first echo.
        "connected-in-doubt": Transition("suspect", "start-in-doubt"),
        # May be a late word about the session before: end the attempt under way too, or two would be outstanding.
        "lost": Transition("down", "tear-down"),
        "connect-overdue": Transition("down", "tear-down"),
        "stray-echo": Transition("connecting", "nothing"),
        "window-opened": Transition("connecting", "hurry"),
        "window-closed": Transition("connecting", "relax"),
        "pace-changed": Transition("connecting", "pace"),
        "path-moved": Transition("down", "move"),
        "path-lost": Transition("pathless", "cut"),
        "sensed": Transition("connecting", "nothing"),
        "line-back": Transition("connecting", "nothing"),
    },
    "up": {
        # Of the session that stands, when a late word about one before it was taken for it.
        "connected": Transition("up", "nothing"),
        "connected-in-doubt": Transition("up", "nothing"),
        "lost": Transition("down", "back-off"),
        "echo": Transition("up", "trust"),
        "stray-echo": Transition("up", "nothing"),
        "probe-due": Transition("up", "probe"),
        "echo-overdue": Transition("suspect", "doubt"),
        "window-opened": Transition("up", "hurry"),
        "window-closed": Transition("up", "relax"),
        "pace-changed": Transition("up", "pace"),
        "path-moved": Transition("down", "move"),
        "path-lost": Transition("pathless", "cut"),
        "sensed": Transition("up", "sense"),
        "line-back": Transition("up", "nothing"),
    },
    "suspect": {
        "connected": Transition("suspect", "nothing"),  # as above
        "connected-in-doubt": Transition("suspect", "nothing"),
        "lost": Transition("down", "back-off"),
        "echo": Transition("up", "trust"),
        "stray-echo": Transition("suspect", "nothing"),
        "probe-due": Transition("suspect", "probe"),
        "given-up": Transition("down", "tear-down"),
        "window-opened": Transition("suspect", "hurry"),
        "window-closed": Transition("suspect", "relax"),
        "pace-changed": Transition("suspect", "pace"),
        "path-moved": Transition("down", "move"),
        "path-lost": Transition("pathless", "cut"),
        "sensed": Transition("suspect", "sense"),
        "line-back": Transition("suspect", "nothing"),
    },
}
