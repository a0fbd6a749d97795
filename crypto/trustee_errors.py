"""What can be wrong among the trustees: their ceremony, their partial openings, their files."""

from crypto.errors import EvidenceError


class TrusteeError(EvidenceError):
    """Base of every refusal in the ceremony, the opening and the share files."""


class GroupElementError(TrusteeError):
    """Bytes that are not a point or a scalar that may be computed with."""


# --- the ceremony (COCKTAIL-DKG) -------------------------------------------------------------------------------


class CeremonyError(TrusteeError):
    """The ceremony must stop. ``participant`` is who is to blame (from 1), None where that cannot be said."""

    def __init__(self, message: str, participant: int | None = None) -> None:
        super().__init__(message)
        self.participant = participant


class SetupError(CeremonyError):
    """The participants cannot begin: threshold, keys or session do not make a ceremony."""


class MalformedMessageError(CeremonyError):
    """Bytes that are not a message of this ceremony."""


class ThresholdElevationError(CeremonyError):
    """A participant committed to a polynomial of another degree: more shares than agreed would be needed."""


class MissingParticipantError(CeremonyError):
    """A participant's message is not there."""


class DuplicateParticipantError(CeremonyError):
    """Two messages in one participant's name, or one contribution in the names of two."""


class ProofOfPossessionError(CeremonyError):
    """A participant does not show that it knows the secret that it contributes (a rogue key, or altered bytes)."""


class DecryptionFailedError(CeremonyError):
    """The share for this participant does not decrypt. Only the recipient can see that: to others it proves nothing."""


class BadShareError(CeremonyError):
    """A share that is not on the polynomial its sender committed to.

    ``recipient`` and ``share`` are the evidence: with the sender's commitment, anyone can check them
    (``cocktail.share_fits``). The ceremony is over, so the share is no secret any more.
    """

    def __init__(self, message: str, participant: int, recipient: int, share: bytes) -> None:
        super().__init__(message, participant)
        self.recipient = recipient
        self.share = share


class TranscriptMismatchError(CeremonyError):
    """A participant did not sign what this one saw: it cheats, or somebody showed the two different messages."""


# --- the opening -----------------------------------------------------------------------------------------------


class OpeningError(TrusteeError):
    """A partial opening that cannot be used. ``trustee`` is its index (from 1), None where it is about all."""

    def __init__(self, message: str, trustee: int | None = None) -> None:
        super().__init__(message)
        self.trustee = trustee


class TrusteeKeysError(OpeningError):
    """Public keys of trustees that do not belong together, or a threshold that this project does not accept."""


class UnknownTrusteeError(OpeningError):
    """An index that no trustee of this election has."""


class ForeignPartialError(OpeningError):
    """An answer for another envelope, order, election or encapsulated key."""


class ForgedPartialError(OpeningError):
    """An answer whose proof does not hold: not made with this trustee's share, or altered."""


class RepeatedTrusteeError(OpeningError):
    """Two answers of one trustee: they count once, so the second has no place."""


class TooFewTrusteesError(OpeningError):
    """Fewer answers than the threshold: they determine nothing."""


# --- shares at rest --------------------------------------------------------------------------------------------


class ShareFileError(TrusteeError):
    """A share file that does not give its share."""


class UnusablePassphraseError(ShareFileError):
    """A passphrase too short to protect anything, or one that cannot be written down in bytes."""


class OtherElectionError(ShareFileError):
    """The file holds a share of another election, round or key."""


class WrongPassphraseError(ShareFileError):
    """The passphrase does not open the file."""


class DamagedShareError(ShareFileError):
    """The file is not as it was written."""
