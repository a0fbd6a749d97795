"""What the kit makes durable: every fact of the journal. Strict, tagged, without a single count of votes.

Who reads facts imports them from here.
"""

from kit.facts.base import FactBase, Text
from kit.facts.centre import CommandFollowed, CommandKind, ManifestAdopted
from kit.facts.day import (
    Archived,
    BootRecorded,
    Commissioned,
    OrderAccepted,
    OrderFailed,
    Phase,
    PhaseEntered,
    PhaseTrigger,
    ReadinessPassed,
    ScheduleExtended,
    TerminalActed,
    ZeroProved,
)
from kit.facts.devices import (
    CounterRead,
    DeviceChanged,
    DeviceState,
    IncidentRecorded,
    PowerChanged,
    PowerState,
)
from kit.facts.journal import CheckpointSigned, JournalKeyCertified, SegmentEndorsed
from kit.facts.ladder import Rung, RungReached, SmsGiven, SmsPartsWanted, SmsPartTaken, WaitNoted
from kit.facts.links import DataNoted, LinkCause, LinkSwitched, SimCause, SimChanged
from kit.facts.tally import AccountTaken, EnvelopeSealed, ReceiptStored, TallyTaken
from kit.facts.tapes import TapeBrokeOff, TapeFinished, TapeKind, TapeOverdue, TapeStarted
from kit.facts.units import MediaHandedOut, Standing, TakenOver, TerminalReplaced

Fact = (
    Commissioned
    | BootRecorded
    | ReadinessPassed
    | OrderAccepted
    | OrderFailed
    | TerminalActed
    | ZeroProved
    | AccountTaken
    | TallyTaken
    | EnvelopeSealed
    | ReceiptStored
    | PhaseEntered
    | PowerChanged
    | DeviceChanged
    | CounterRead
    | IncidentRecorded
    | JournalKeyCertified
    | CheckpointSigned
    | SegmentEndorsed
    | Archived
    | ScheduleExtended
    | TerminalReplaced
    | TakenOver
    | MediaHandedOut
    | TapeStarted
    | TapeFinished
    | TapeBrokeOff
    | TapeOverdue
    | LinkSwitched
    | DataNoted
    | SimChanged
    | RungReached
    | WaitNoted
    | SmsPartTaken
    | SmsGiven
    | SmsPartsWanted
    | CommandFollowed
    | ManifestAdopted
)

__all__ = [
    "AccountTaken",
    "Archived",
    "BootRecorded",
    "CheckpointSigned",
    "CommandFollowed",
    "CommandKind",
    "Commissioned",
    "CounterRead",
    "DataNoted",
    "DeviceChanged",
    "DeviceState",
    "EnvelopeSealed",
    "Fact",
    "FactBase",
    "IncidentRecorded",
    "JournalKeyCertified",
    "LinkCause",
    "LinkSwitched",
    "ManifestAdopted",
    "MediaHandedOut",
    "OrderAccepted",
    "OrderFailed",
    "Phase",
    "PhaseEntered",
    "PhaseTrigger",
    "PowerChanged",
    "PowerState",
    "ReadinessPassed",
    "ReceiptStored",
    "Rung",
    "RungReached",
    "ScheduleExtended",
    "SegmentEndorsed",
    "SimCause",
    "SimChanged",
    "SmsGiven",
    "SmsPartTaken",
    "SmsPartsWanted",
    "Standing",
    "TakenOver",
    "TallyTaken",
    "TapeBrokeOff",
    "TapeFinished",
    "TapeKind",
    "TapeOverdue",
    "TapeStarted",
    "TerminalActed",
    "TerminalReplaced",
    "Text",
    "WaitNoted",
    "ZeroProved",
]
