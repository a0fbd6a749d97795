"""What the kit's cores hear. Uplink events are failover's own."""

from dataclasses import dataclass
from typing import Literal

from drivers.ports import FibreEvent, ModemEvent, PrinterEvent, TerminalEvent, UpsEvent
from failover.events import (
    LineSensed,
    PathChanged,
    ProbeEchoed,
    TcpSensed,
    TrafficCounted,
    UplinkConnected,
    UplinkLost,
)


@dataclass(frozen=True, slots=True)
class Booted:
    """The first event of every life. ``wall_ms``: milliseconds since 1970-01-01 UTC, read once."""

    boot_id: str
    wall_ms: int
    journal_key_lost: str | None = None
    """Why the journal goes on under a new key, in words; None where it has the key that it should have."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline came."""


@dataclass(frozen=True, slots=True)
class TerminalHeard:
    """A terminal's driver says something. ``terminal`` is the id that the configuration gives the line."""

    terminal: str
    event: TerminalEvent


@dataclass(frozen=True, slots=True)
class UpsHeard:
    """The UPS driver says something."""

    event: UpsEvent


@dataclass(frozen=True, slots=True)
class ModemHeard:
    """A modem's driver says something. ``modem`` is the name that the configuration gives it."""

    modem: str
    event: ModemEvent


@dataclass(frozen=True, slots=True)
class PrinterHeard:
    """The printer's driver says something."""

    event: PrinterEvent


@dataclass(frozen=True, slots=True)
class FibreHeard:
    """The driver of the fibre line says something."""

    event: FibreEvent


@dataclass(frozen=True, slots=True)
class UplinksUsable:
    """From failover by way of the station: the uplinks that work now, best first.

    ``last_resort``: uplinks that are connected and answer too slowly, given only where nothing works in time. The
    outbox tries them (or a village with a slow mast would never deliver), and nobody calls that *sending*.
    ``standing``: all whose session stands: what was sent into it is not lost, even where it answers too slowly.
    """

    uplinks: tuple[str, ...]
    last_resort: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderReceived:
    """A DSSE envelope with one official's signature over an order; ``reply`` is the asker's token."""

    data: bytes
    reply: int


@dataclass(frozen=True, slots=True)
class EndorsementReceived:
    """The certificate of a flagged segment of the journal, with officials' signatures; ``reply``: who asks."""

    envelope: str
    """DSSE in base64."""
    reply: int


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """One line of the readiness check list."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ReadinessAsked:
    """Run the check list. ``items``: what the other cores know already, filled in by the station."""

    reply: int
    items: tuple[ReadinessItem, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvelopeReady:
    """The sealer finished an envelope."""

    kind: Literal["account", "tally"]
    terminal: str
    close_no: int
    seq: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ReceiptHeard:
    """Text that claims to be a receipt came down an uplink."""

    uplink: str
    text: str


@dataclass(frozen=True, slots=True)
class ReceiptBrought:
    """Somebody hands in a receipt, as text or packed: by courier, code or SMS. ``reply`` is the asker's token."""

    data: bytes
    reply: int


@dataclass(frozen=True, slots=True)
class RefusalHeard:
    """The centre says that it refused an envelope. A hint for people, never trusted."""

    uplink: str
    envelope_sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScheduleHeard:
    """Bytes that claim to be a schedule change of the centre: from an uplink, or by hand (``reply``: who asks)."""

    data: bytes
    reply: int | None = None


@dataclass(frozen=True, slots=True)
class MediaAsked:
    """Somebody wants to write the released evidence to removable media."""

    reply: int


@dataclass(frozen=True, slots=True)
class LinkUseAsked:
    """A technician wants an uplink preferred for a while; ``uplink`` None: the kit is to choose again."""

    uplink: str | None
    for_ms: int
    reply: int


@dataclass(frozen=True, slots=True)
class LinkTestAsked:
    """A technician wants to know how an uplink does right now."""

    uplink: str
    reply: int


@dataclass(frozen=True, slots=True)
class SimOrdered:
    """A technician wants a modem to use the SIM in ``slot``, from 1.

    ``anyway``: even if that ends the only session there is.
    """

    modem: str
    slot: int
    reply: int
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class CommandHeard:
    """Something that claims to be a command of the centre (crypto.command), as a note or packed.

    ``rung``: what brought it: an uplink's name, ``sms`` or ``courier``. It makes no difference to the checks.
    ``reply``: who asks, where a person brought it.
    """

    data: bytes
    rung: str
    reply: int | None = None


@dataclass(frozen=True, slots=True)
class SmsPartsAsked:
    """A gateway of the centre misses parts of a concatenated SMS, and the log signed that.

    ``at_s``: when, seconds since 1970 by the centre's clock. ``received``: the hash (crypto.sms_missing.hash_of) of the
    parts that came.
    """

    at_s: int
    reference: int
    total: int
    missing: tuple[int, ...]
    received: str


@dataclass(frozen=True, slots=True)
class ManifestHeard:
    """Bytes that claim to be a new manifest of this election and round: from an uplink, or by hand (``reply``)."""

    data: bytes
    rung: str
    reply: int | None = None


@dataclass(frozen=True, slots=True)
class ManifestKept:
    """A new manifest is durable in the state directory (KeepManifest), or ``error`` says why not."""

    version: int
    sha256: str
    rung: str
    reply: int | None
    error: str | None = None


NoticeAbout = Literal["tls", "dns", "portal", "binding", "segments", "rights"]


@dataclass(frozen=True, slots=True)
class UplinkNoticed:
    """Something odd about an uplink, whether or not it works: for people, of no account to any decision.

    ``words``: one sentence; ``""``: what was noticed ``about`` this before holds no longer.
    """

    uplink: str
    about: NoticeAbout
    words: str


Event = (
    Booted
    | Tick
    | TerminalHeard
    | UpsHeard
    | ModemHeard
    | FibreHeard
    | PrinterHeard
    | UplinkConnected
    | UplinkLost
    | ProbeEchoed
    | PathChanged
    | LineSensed
    | TcpSensed
    | TrafficCounted
    | UplinkNoticed
    | UplinksUsable
    | OrderReceived
    | EndorsementReceived
    | ReadinessAsked
    | EnvelopeReady
    | ReceiptHeard
    | ReceiptBrought
    | RefusalHeard
    | ScheduleHeard
    | MediaAsked
    | LinkUseAsked
    | LinkTestAsked
    | SimOrdered
    | CommandHeard
    | ManifestHeard
    | SmsPartsAsked
    | ManifestKept
)
