"""From a terminal's account and tally to the receipt."""

from typing import Annotated, Literal

from msgspec import Meta

from crypto.statements import Finding
from crypto.wire import B64, Id, Sha256
from kit.facts.base import FactBase


class AccountTaken(FactBase, frozen=True, tag="account-taken"):
    """A terminal's signed ballot account, verified, with what reconciliation says of it."""

    terminal: Id
    close_no: int
    account: B64
    findings: tuple[Finding, ...]


class TallyTaken(FactBase, frozen=True, tag="tally-taken"):
    """A terminal's signed tally was verified. The plaintext stays in RAM: here is its hash alone."""

    terminal: Id
    close_no: int
    report_sha256: Sha256
    findings: tuple[Finding, ...]


class EnvelopeSealed(FactBase, frozen=True, tag="envelope-sealed"):
    """The exact bytes that will be sent, durable before the first send, never made anew."""

    kind: Literal["account", "tally"]
    terminal: Id
    close_no: int
    seq: int
    sha256: Sha256
    envelope: B64


class ReceiptStored(FactBase, frozen=True, tag="receipt-stored"):
    """A receipt that verifies offline against the manifest, of a higher grade than any before it."""

    seq: int
    grade: Literal["acknowledged", "included", "witnessed"]
    delivered: bool
    index: int | None
    """The leaf of the log; an acknowledgement names none."""
    uplink: Id
    """The uplink that brought it."""
    receipt: Annotated[str, Meta(max_length=8192)]
