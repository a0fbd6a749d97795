"""What can go wrong at the centre, each with the exit code that its programs end with."""

from typing import ClassVar


class CenterError(Exception):
    """Base of every error of the centre: the message says what, where and what to do."""

    exit_code: ClassVar[int] = 70


class ConfigError(CenterError):
    """The configuration, or a file that it names, cannot be used."""

    exit_code = 78


class AlreadyRunningError(CenterError):
    """Another centerd holds the lock of this state directory."""

    exit_code = 73


class LedgerError(CenterError):
    """The ledger cannot be opened, read or written: no such file, disk full, I/O error."""

    exit_code = 73


class LedgerMissingError(LedgerError):
    """There is no ledger to read."""

    exit_code = 69


class LedgerCorruptError(LedgerError):
    """The ledger contradicts itself, or belongs to another election or log."""

    exit_code = 65


class OpeningError(CenterError):
    """What is to be opened does not fit the manifest, the key or the log's own checkpoint."""

    exit_code = 65


class TooEarlyError(CenterError):
    """The manifest's opening time has not come."""

    exit_code = 77


class TooFewAnswersError(OpeningError):
    """Too few trustees answered an order rightly."""

    exit_code = 69


class NoOrderError(OpeningError):
    """No opening order that holds is logged: nothing may be opened."""

    exit_code = 77


class WorkersLostError(CenterError):
    """A process that did part of the work died."""

    exit_code = 69


class OutputError(CenterError):
    """A result cannot be written."""

    exit_code = 73


class ProvingError(CenterError):
    """The log holds nothing that would prove what was asked."""

    exit_code = 65


class PublicationError(CenterError):
    """What is published already, or is to be published, contradicts the log."""

    exit_code = 65


class PublicationMissingError(PublicationError):
    """There is no publication to read."""

    exit_code = 69


class WitnessError(CenterError):
    """A witness does not vouch, or no longer knows what it vouched for."""

    exit_code = 65


class SpoolError(CenterError):
    """The spool cannot be used: no such state directory, not ours to write, full."""

    exit_code = 73


class ActError(CenterError):
    """An act cannot be drafted, signed or shown."""

    exit_code = 65


class SmsError(CenterError):
    """A command could not be sent by SMS."""

    exit_code = 69
