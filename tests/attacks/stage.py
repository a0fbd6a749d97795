"""The scene of most attacks: a real centre, the enrolled device of a branch, and envelopes on their way."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from center.intake.admission import REASON_MAX
from crypto import codec, envelope
from crypto.envelope import Envelope
from crypto.errors import EvidenceError
from crypto.identity import SigningKey
from crypto.statements import SealedTally
from crypto.submissions import check_submission
from tests.center.branch import Center, Device, receipts
from tests.crypto.election_fixture import Election, make_election

ELECTION: Final = make_election(3, opening="trustees")


class Scene:
    """A centre that nothing has reached yet. ``device`` is that of branch 1; ``other`` that of branch 2."""

    def __init__(self, path: str, election: Election = ELECTION) -> None:
        self.election = election
        self.center = Center(election, path)
        self.device = Device(election, "branch-1")
        self.other = Device(election, "branch-2")

    def admits(self, data: bytes, device: Device | None = None) -> None:
        """The control: logged, without a flag, and receipted."""
        outcome = self.center.take((device or self.device, data))
        (admitted,) = outcome.admitted
        assert (admitted.flags, outcome.refused) == ((), ())
        assert len(receipts(outcome)) == 1

    def refuses(
        self,
        data: bytes,
        error: type[EvidenceError] | tuple[type[EvidenceError], ...],
        reason: str,
        device: Device | None = None,
    ) -> None:
        """The boundary of ``crypto`` raises what it should; the centre logs nothing, and tells the branch why."""
        with pytest.raises(error, match=reason) as caught:
            check_submission(data, self.election.loaded)
        size = self.center.log.size
        outcome = self.center.take((device or self.device, data))
        assert (outcome.admitted, self.center.log.size) == ((), size)
        (refused,) = outcome.refused
        assert refused.reason == str(caught.value)[:REASON_MAX]
        assert receipts(outcome) == []


@pytest.fixture
def scene(tmp_path: Any) -> Iterator[Scene]:
    made = Scene(str(tmp_path / "ledger.db"))
    yield made
    made.center.close()


def payload_of(data: bytes) -> bytes:
    return Envelope.from_bytes(data).payload


def sealed_of(data: bytes) -> SealedTally:
    return codec.from_bytes(payload_of(data), SealedTally)


def signed(payload: bytes, payload_type: str, *keys: SigningKey) -> bytes:
    """Whatever it is, signed as it should be: the enrolled key is in hostile hands."""
    return envelope.sign(payload_type, payload, keys).to_bytes()


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """One place changed; it must be there."""
    assert data.count(old) == 1, (old, data.count(old))
    return data.replace(old, new)
