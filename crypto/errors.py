"""What can be wrong with evidence. Every refusal in ``crypto/`` is one of these."""


class EvidenceError(Exception):
    """Base of every refusal: the message says what is wrong and where."""


class EncodingError(EvidenceError):
    """Bytes that are not the one canonical RFC 8785 encoding of an acceptable value."""


class StatementError(EvidenceError):
    """Canonical JSON that is not a statement of the expected type, or breaks a limit."""


class SignatureInvalidError(EvidenceError):
    """A signature is missing, unknown, duplicated or wrong."""


class SealError(EvidenceError):
    """A sealed tally that does not open under this key and this header."""


class ProofError(EvidenceError):
    """A Merkle proof, checkpoint or receipt that does not prove what it should."""


class ManifestError(EvidenceError):
    """A manifest that contradicts itself, or names something that it does not define."""


class PassphraseError(EvidenceError):
    """A passphrase that is too short to protect anything, too long, or no text."""


class MemoryShortError(EvidenceError):
    """This machine has not the memory that a file's key derivation asks for."""


class KeyFileError(EvidenceError):
    """A key file that does not give its key, or cannot be made."""


class DamagedKeyFileError(KeyFileError):
    """The key file is not as it was written."""


class OtherHolderError(KeyFileError):
    """The key file is of another role, holder, election or round than is needed here."""


class WrongPassphraseOfKeyError(KeyFileError):
    """The passphrase or PIN does not open the key file."""
