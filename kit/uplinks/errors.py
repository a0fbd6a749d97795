"""Why no session could be made, in words that a technician can act on."""


class DialError(OSError):
    """Base: one try to reach the broker failed. The message is one short sentence without the address."""


class PathUnusableError(DialError):
    """The socket cannot be bound to the uplink's interface or address, and would leave by another way."""


class NoFamilyError(PathUnusableError):
    """The path has no source address of this family."""


class RefusedError(DialError):
    """Something answered that nobody listens there, or that there is no way."""


class SilentError(DialError):
    """Nothing answered in time."""


class TlsRefusedError(DialError):
    """Who answered is not the centre, as far as the configuration can tell, or speaks no TLS."""


class NameUnknownError(DialError):
    """No address is known for a name."""
