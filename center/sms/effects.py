"""What the desk of the SMS gateway wants done, and what it has counted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Submit:
    """Give an envelope to centerd, on the narrow topic of its branch, and listen for what it answers."""

    branch: str
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Forgo:
    """No answer to this branch is awaited any more."""

    branch: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Ask the log, through centerd, to sign a request for missing parts."""

    wish: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message; its outcome is awaited."""

    token: int
    number: str
    user_data: bytes


@dataclass(frozen=True, slots=True)
class OrderDone:
    """A command was sent to all numbers (``words`` is empty), or not: ``words`` say to which and why."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Say:
    """Tell people."""

    words: str


Effect = Submit | Forgo | Wish | Send | OrderDone | Say


@dataclass(slots=True)
class Tally:
    """What was counted since the start."""

    received: int = 0
    foreign: int = 0
    unverified: int = 0
    whole: int = 0
    again: int = 0
    acknowledged: int = 0
    answers: int = 0
    answers_failed: int = 0
    requests: int = 0
    commands: int = 0
    given_up: int = 0

    def words(self) -> str:
        """In one line."""
        return (
            f"{self.received} messages received ({self.foreign} foreign, {self.unverified} that make no envelope); "
            f"{self.whole} envelopes whole, {self.again} came again, {self.acknowledged} acknowledged by the log; "
            f"{self.answers} acknowledgements sent, {self.answers_failed} not; {self.requests} requests for missing "
            f"parts; {self.commands} messages with commands; {self.given_up} messages given up for missing parts"
        )
