"""Does anything tell the votes? Looks for a terminal's tally in whatever was sent or written, also inside base64."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Final

from crypto import canonical
from crypto.codec import from_bytes
from crypto.envelope import Envelope
from crypto.manifest import TrustedManifest
from crypto.packing import pack
from crypto.statements import Tally

LAYERS_MAX: Final = 3  # base64 within base64: an envelope in a fact is two
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
_GROUP: Final = 4  # characters of base64 that make whole bytes


def secrets_of(report: bytes, manifest: TrustedManifest) -> dict[str, bytes]:
    """The parts of a signed tally (a DSSE envelope) that must not leave the device in plain, by what they are.

    The signature is one of them: whoever holds it can try counts until one fits.
    """
    envelope = Envelope.from_bytes(report)
    tally = from_bytes(envelope.payload, Tally)
    counts = {
        f"the votes of {contest}": canonical.encode(dict(result.votes))
        for contest, result in tally.contests.items()
    }
    return {
        "the signed report": report,
        "the statement": envelope.payload,
        "the signature": envelope.signatures[0].sig,
        "the packed counts": pack(tally, manifest),
        **counts,
    }


def told(blobs: Iterable[bytes], secrets: dict[str, bytes]) -> list[str]:
    """Which of the secrets stand in any of the blobs, as they are or under up to LAYERS_MAX layers of base64."""
    found = {
        name for blob in blobs for layer in _layers(blob) for name, part in secrets.items() if part in layer
    }
    return sorted(found)


def _layers(blob: bytes, depth: int = 0) -> Iterator[bytes]:
    yield blob
    if depth == LAYERS_MAX:
        return
    for run in _BASE64.findall(blob):
        # What stands before it in a stream of bytes may look like base64 too, so that any offset may be the first.
        for offset in range(_GROUP):
            text = run[offset:].rstrip(b"=")
            whole = text[: len(text) - (len(text) % _GROUP == 1)]
            try:
                decoded = b64decode(whole + b"=" * (-len(whole) % _GROUP), validate=True)
            except binascii.Error:
                continue
            yield from _layers(decoded, depth + 1)
