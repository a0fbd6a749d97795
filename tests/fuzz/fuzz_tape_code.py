"""What a reader of codes claims to have read off a tape: evidence errors, and nothing else."""

import contextlib

from crypto import tape_code
from crypto.errors import EvidenceError
from tests.crypto.election_fixture import make_election

ELECTION = make_election(1)


def one_input(data: bytes) -> None:
    """Lines of text; and the bytes themselves as the inside of one code with the right tag."""
    with contextlib.suppress(EvidenceError):
        tape_code.read(data.decode("latin-1").split("\n"), ELECTION.loaded)
    tag = tape_code.sha256(data).hexdigest()[:8].upper()
    with contextlib.suppress(EvidenceError):
        tape_code.read([f"BKT1:01/01:{tag}:{tape_code.base45(data)}"], ELECTION.loaded)
