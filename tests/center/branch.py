"""A branch device that makes authentic envelopes, and a centre without a broker to hand them to."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from center.intake.intake import Intake, Outcome, Reply
from center.log.ledger import Ledger
from center.log.ledger_file import LedgerIdentity
from center.log.sequencer import Sequencer
from crypto.codec import b64, sha256_hex, to_bytes
from crypto.seal import seal_tally
from crypto.statements import AccountSubmission, ContestResult, Finding, Submission, Tally
from crypto.submissions import sign_account
from crypto.wire import topic_envelope
from tests.crypto.election_fixture import (
    ELECTION,
    PUBLIC_COUNTER,
    RESULTS,
    VOTERS_SIGNED_IN,
    Election,
    make_election,
)

WALL_MS = 1_813_420_800_000  # 2027-06-19T00:00:00Z: after the opening time of the fixture


class Device:
    """A device of one branch, by default not a standby: numbers and chains its envelopes as a kit does."""

    def __init__(self, election: Election, branch: str, device: str | None = None) -> None:
        self.election = election
        self.branch = branch
        self.entry = election.loaded.branch(branch)
        self.id = device or self.entry.device
        self.key = election.devices[self.id]
        self.seq = 0
        self.prev: str | None = None
        self.topic = topic_envelope(ELECTION, branch)

    def account(
        self,
        terminal: str | None = None,
        *,
        close_no: int = 1,
        voters: Mapping[str, int] = VOTERS_SIGNED_IN,
        findings: tuple[Finding, ...] = (),
        **place: Any,
    ) -> bytes:
        report = self.election.account(self.branch, terminal, close_no=close_no)
        outer = self._outer(terminal, close_no, **place)
        submission = AccountSubmission(
            **{name: getattr(outer, name) for name in Submission.__struct_fields__},
            account=b64(self.election.signed_by_terminal(report).to_bytes()),
            voters_signed_in=dict(voters),
            findings=findings,
        )
        return self._sent(sign_account(submission, self.key))

    def tally(
        self,
        terminal: str | None = None,
        *,
        close_no: int = 1,
        results: Mapping[str, ContestResult] = RESULTS,
        public_counter: int = PUBLIC_COUNTER,
        entropy: str = "first",
        **place: Any,
    ) -> bytes:
        report = self.election.tally(
            self.branch, terminal, close_no=close_no, results=results, public_counter=public_counter
        )
        return self.sealed(report, entropy=entropy, **place)

    def sealed(
        self, report: Tally, *, entropy: str = "first", ephemeral: bytes | None = None, **place: Any
    ) -> bytes:
        drawn = f"{entropy} {self.id} ephemeral".encode() + to_bytes(report)
        data = seal_tally(
            self._outer(report.terminal, report.close_no, **place),
            tally_envelope=self.election.signed_by_terminal(report),
            blind=sha256(f"{entropy} blind".encode()).digest(),
            device_key=self.key,
            manifest=self.election.loaded,
            ephemeral=ephemeral or sha256(drawn).digest(),
        )
        return self._sent(data)

    def _outer(self, terminal: str | None, close_no: int, **place: Any) -> Submission:
        place = {"seq": self.seq + 1, "prev": self.prev} | place
        stated = {name: place.pop(name) for name in ("cause", "supersedes") if name in place}
        submission = self.election.submission(self.branch, terminal, close_no=close_no, **place)
        return msgspec.structs.replace(submission, device=self.id, **stated)

    def _sent(self, data: bytes) -> bytes:
        self.seq += 1
        self.prev = sha256_hex(data)
        return data


class Center:
    """Ledger, log and intake of one election, without a broker."""

    def __init__(self, election: Election, path: str, **disk: Any) -> None:
        self.election = election
        self.ledger = Ledger.open(path, LedgerIdentity(ELECTION, 1, election.log.name), **disk)
        self.log = Sequencer(self.ledger, election.log, election.manifest.witness_policy)
        self.intake = Intake(election.loaded, self.ledger, self.log)

    def take(self, *messages: tuple[Device, bytes] | tuple[str, bytes]) -> Outcome:
        named = [(who if isinstance(who, str) else who.topic, data) for who, data in messages]
        return self.intake.process(named, wall_ms=WALL_MS)

    def close(self) -> None:
        self.ledger.close()


def receipts(outcome: Outcome) -> list[Reply]:
    return [reply for reply in outcome.replies if reply.topic.endswith("/receipt")]


def two_branches() -> tuple[Election, Device, Device]:
    election = make_election(2)
    return election, Device(election, "branch-1"), Device(election, "branch-2")
