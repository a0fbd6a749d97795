"""What the ceremony refuses. Each message says what is wrong, who it is about, and what to do."""

from center.errors import CenterError


class CeremonyRefusedError(CenterError):
    """A paper that must not be believed, or people who may not do what they are about to do."""

    exit_code = 65


class PlanError(CenterError):
    """The plan of the ceremony cannot be carried out."""

    exit_code = 78


class PaperMissingError(CenterError):
    """A file that is needed is not there, or cannot be read."""

    exit_code = 69


class PassphraseRefusedError(CenterError):
    """A passphrase or PIN that does not open a file, or is not good enough to make one."""

    exit_code = 77
