"""What people ask over the control socket and hand in as text, made into events by the kind of request."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from kit.events import CommandHeard, EndorsementReceived, Event, LinkTestAsked, LinkUseAsked, SimOrdered


def question(request: dict[str, Any]) -> Callable[[int], Event] | None:
    """What makes the event of a request from the asker's token; None where it is no such request."""
    match request:
        case {"op": "link-test", "uplink": str(uplink)}:
            return lambda token: LinkTestAsked(uplink, token)
        case {"op": "link-use", "uplink": None}:
            return lambda token: LinkUseAsked(None, 0, token)
        case {"op": "link-use", "uplink": str(uplink), "for_s": int(for_s)}:
            return lambda token: LinkUseAsked(uplink, 1000 * for_s, token)
        case {"op": "link-sim", "modem": str(modem), "slot": int(slot)}:
            return lambda token: SimOrdered(modem, int(slot), token, anyway=request.get("anyway") is True)
        case {"op": "endorse", "envelope": str(text)}:
            return lambda token: EndorsementReceived(text, token)
        case {"op": "command", "envelope": str(text)}:
            data = _bytes(text)
            return lambda token: CommandHeard(data, "courier", token)
        case _:
            return None


def _bytes(text: str) -> bytes:
    """What base64 stands for; other text is taken as it is, for the core to refuse."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return text.encode("utf-8", "replace")
