"""What can be wrong with what the kernel or an ONT says. None of these leaves the drivers, but for OidMapError."""


class OidMapError(Exception):
    """A table of OIDs that cannot be meant; the message names the key and what is needed."""


class OntSilentError(Exception):
    """The ONT gave no answer, or one that is an error; the message says which."""


class KernelSilentError(Exception):
    """The kernel could not be asked about interfaces, or stopped telling; the message says why."""
