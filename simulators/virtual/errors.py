"""What ends a simulation: a bug that it found, or a wrong use of it."""


class SimulationError(Exception):
    """The simulation found a bug or was used wrongly; the run ends."""


class DeadlockError(SimulationError):
    """Nothing is ready and no timer is set: whoever still waits, waits for ever."""


class LivelockError(SimulationError):
    """More than the loop's STEPS_PER_INSTANT_MAX callbacks ran and the clock did not move."""


class ProtocolViolationError(SimulationError):
    """A client of a simulated server broke the protocol: a bug in our stack, or in how we use it."""
