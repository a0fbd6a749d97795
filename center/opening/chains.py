"""The acts of one kind as the chain that they have to be: numbered from 1, each naming the one before it.

The centre admits nothing else. But its log is read by people who do not believe it: an act that does not fit is
passed over, with the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from center.opening.logged import ActLeaf, VerifiedLog
from crypto.act_statements import Act

A = TypeVar("A", bound=Act)


@dataclass(frozen=True, slots=True)
class Link(Generic[A]):
    """One act. ``problem`` is None when it is the next of its kind."""

    leaf: ActLeaf
    statement: A
    problem: str | None


def chained(log: VerifiedLog, type_: type[A]) -> Iterator[Link[A]]:
    """All acts of a kind, in the order of the log. Those that do not fit take no number."""
    last: Link[A] | None = None
    for leaf, act in log.acts(type_):
        number = 1 if last is None else last.statement.number + 1
        prev = None if last is None else last.leaf.sha256
        problem = None
        if act.number != number:
            problem = f"it has number {act.number}, where {number} is the next"
        elif act.prev != prev:
            problem = f"it names {act.prev} as the one before it, which is {prev}"
        link = Link(leaf, act, problem)
        if problem is None:
            last = link
        yield link
