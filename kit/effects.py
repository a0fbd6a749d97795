"""What the kit's cores want done. Effects are released only after the facts of their step are durable."""

from dataclasses import dataclass

from crypto.statements import Cause, Finding
from drivers.ports import TerminalAction
from failover.events import FailoverEffect
from kit.facts import TapeKind


@dataclass(frozen=True, slots=True)
class AskTerminal:
    """Queue an action at a terminal's driver."""

    terminal: str
    action: TerminalAction


@dataclass(frozen=True, slots=True)
class SignAccount:
    """Have the sealer sign an account submission. The outcome is EnvelopeReady."""

    terminal: str
    close_no: int
    seq: int
    prev: str | None
    cause: Cause
    account: bytes
    voters_signed_in: dict[str, int]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, repr=False)
class SealTally:
    """Have the sealer seal a tally. Holds plaintext: has no repr, never logged. The outcome is EnvelopeReady."""

    terminal: str
    close_no: int
    seq: int
    prev: str | None
    cause: Cause
    tally: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """Send an envelope on one uplink. There is no outcome but a receipt, some day."""

    uplink: str
    seq: int
    data: bytes


@dataclass(frozen=True, slots=True, repr=False)
class PrintTape:
    """Have a tape drawn and printed. Holds plaintext: has no repr, never logged. Events of the printer follow."""

    name: str
    kind: TapeKind
    terminal: str
    report: bytes
    """The terminal's signed zero report or tally."""
    at: str
    copy: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class SendSms:
    """Give one part of an envelope to a modem. Its driver's SmsSubmitted or SmsFailed follows under ``token``."""

    modem: str
    token: int
    number: str
    user_data: bytes
    """At most 140 octets, header included (``crypto.sms``)."""


@dataclass(frozen=True, slots=True)
class UseSim:
    """Have a modem change over to the SIM in ``slot``, from 1. Its readings tell what became of it."""

    modem: str
    slot: int


@dataclass(frozen=True, slots=True)
class KeepManifest:
    """Make a verified new manifest durable in the state directory. The outcome is ManifestKept."""

    version: int
    sha256: str
    data: bytes
    rung: str
    reply: int | None


@dataclass(frozen=True, slots=True)
class AdoptManifest:
    """Begin the next life, at once: the manifest and the fact that it is adopted are durable.

    The daemon ends in order and is started again by its supervisor.
    """

    version: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request of the control socket."""

    reply: int
    body: dict[str, object]


Effect = (
    AskTerminal
    | SignAccount
    | SealTally
    | Publish
    | PrintTape
    | SendSms
    | UseSim
    | KeepManifest
    | AdoptManifest
    | Reply
    | FailoverEffect
)
