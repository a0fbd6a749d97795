"""What claims to ask for missing parts: a typed error, or exactly what would be written again."""

from typing import Final

from crypto.errors import EvidenceError
from crypto.sms_missing import MissingParts, MissingRequestError, make, read, read_wish, wish
from tests.crypto.election_fixture import make_election

_ELECTION: Final = make_election(1)
_WISHED: Final = MissingParts(42, 6, (2, 6), "0" * 64)
SEEDS = (wish(_WISHED), make(_WISHED, _ELECTION.log, at_s=1_800_000_000))


def one_input(data: bytes) -> None:
    """The bytes of one short message, and of one message to centerd."""
    try:
        request = read(data, log=_ELECTION.loaded.log_verifier)
        assert make(request.parts, _ELECTION.log, at_s=request.at_s) == data
    except EvidenceError:
        pass
    try:
        wished = read_wish(data)
    except MissingRequestError:
        return
    assert 0 < len(wished.missing) < wished.total
    assert wish(wished) == data
