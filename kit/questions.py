"""What people ask over the control socket and hand in as text, made into events by the kind of request."""

from collections.abc import Callable
from typing import Any

from kit.events import EndorsementReceived, Event, LinkTestAsked, LinkUseAsked


def question(request: dict[str, Any]) -> Callable[[int], Event] | None:
    """What makes the event of a request from the asker's token; None where it is no such request."""
    match request:
        case {"op": "link-test", "uplink": str(uplink)}:
            return lambda token: LinkTestAsked(uplink, token)
        case {"op": "link-use", "uplink": None}:
            return lambda token: LinkUseAsked(None, 0, token)
        case {"op": "link-use", "uplink": str(uplink), "for_s": int(for_s)}:
            return lambda token: LinkUseAsked(uplink, 1000 * for_s, token)
        case {"op": "endorse", "envelope": str(text)}:
            return lambda token: EndorsementReceived(text, token)
        case _:
            return None
