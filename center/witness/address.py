"""Where a witness is, and by which key it is known."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from crypto.notes import CosignatureVerifier

PLAIN_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers over HTTP: status code, body and its media type."""

    status: int
    body: bytes
    type: str = PLAIN_TEXT


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """One witness to ask. ``url`` is its submission prefix (c2sp.org/tlog-witness), ``vkey`` its verifier key."""

    url: str
    vkey: str
    verifier: CosignatureVerifier


def check_url(url: str) -> None:
    """Check the submission prefix of a witness; raises ValueError."""
    parts = urlsplit(url)
    if re.search(r"[^!-~]", url):
        raise ValueError(f"{url!r} holds a character that no address may hold")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no http or https address")
    if parts.port is None and parts.scheme == "http":
        raise ValueError(f"{url!r} names no port")
