"""Why a trustee does not answer. Each refusal is an error of its own; the message says what to do."""

from typing import ClassVar

from center.errors import CenterError


class TrusteeRefusalError(CenterError):
    """Base of all of them: something in what the trustee was given is not as it has to be."""

    exit_code: ClassVar[int] = 65


class NotByTrusteesError(TrusteeRefusalError):
    """The election key of this manifest is not held by trustees."""

    exit_code = 77


class OrderNotLoggedError(TrusteeRefusalError):
    """The order is not in the published log: nobody answers before."""

    exit_code = 77


class OrderNotSignedError(TrusteeRefusalError):
    """What calls itself an order is not signed by commissioners of two bodies, or not by them alone."""


class OrderSequenceError(TrusteeRefusalError):
    """The order is not the next one: its number or its predecessor is wrong."""


class OrderPositionError(TrusteeRefusalError):
    """What the order says of the log is not what the log is."""


class ListingDiffersError(TrusteeRefusalError):
    """What the order, or the published listing, says of the units is not what the log gives."""


class NotWitnessedError(TrusteeRefusalError):
    """No witness vouches for a time."""

    exit_code = 77


class TooFewWitnessesError(TrusteeRefusalError):
    """Fewer witnesses than the manifest asks for."""

    exit_code = 77


class WitnessCountedTwiceError(TrusteeRefusalError):
    """One witness stands on the checkpoint twice."""


class WitnessedTooEarlyError(TrusteeRefusalError):
    """Too few witnesses vouch for a time at or after the opening time."""

    exit_code = 77


class EnvelopeNotLoggedError(TrusteeRefusalError):
    """The envelope is not in the published log."""

    exit_code = 77


class ForeignEnvelopeError(TrusteeRefusalError):
    """The leaf is no authentic sealed tally of this election."""


class EnvelopeNotOrderedError(TrusteeRefusalError):
    """The envelope is in the log, but this order does not open it."""

    exit_code = 77


class RolledBackError(TrusteeRefusalError):
    """The log is older than one that this trustee has seen."""


class ForkedError(TrusteeRefusalError):
    """The log does not begin with one that this trustee has seen."""


class MemoryFileError(TrusteeRefusalError):
    """The trustee's memory of checkpoints cannot be used."""
