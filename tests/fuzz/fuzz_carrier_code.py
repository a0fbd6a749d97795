"""What photographs of strangers claim to hold: evidence errors, and nothing else; memory stays bounded."""

import contextlib

from center.intake.brought import Brought
from crypto import carrier_code
from crypto.errors import EvidenceError
from tests.crypto.election_fixture import make_election

ELECTION = make_election(1)


def one_input(data: bytes) -> None:
    """Lines of text; the bytes as the inside of one code with the right tag; and as a file on a stick."""
    collection = carrier_code.Collection()
    collection.add_all(data.decode("latin-1").split("\n"))
    assert len(collection.open) <= carrier_code.WHOLES_MAX
    if data:
        texts = carrier_code.write(data[:4096])
        assert carrier_code.Collection().add_all(texts) == []
    brought = Brought(ELECTION.loaded)
    for name in ("x", "x.compact", "x.dsse.json"):
        with contextlib.suppress(EvidenceError):
            brought.file(name, data)
    brought.close()
