"""A key ceremony whose entropy is made from numbers, and whole by default."""

from dataclasses import dataclass
from functools import cache
from hashlib import shake_256

from crypto import cocktail
from crypto.cocktail import Certificate, Outcome
from crypto.cocktail_wire import Setup, session_setup
from crypto.edwards import scalar_from_wide


def entropy(label: str, size: int) -> bytes:
    return shake_256(label.encode()).digest(size)


def static_secret(index: int) -> bytes:
    return scalar_from_wide(entropy(f"static {index}", 64))


@cache
def make_setup(threshold: int, participants: int, session: str = "session of a test") -> Setup:
    statics = [cocktail.static_public(static_secret(index)) for index in range(1, participants + 1)]
    return session_setup(session.encode(), threshold, statics)


def message1(setup: Setup, index: int, take: int = 1) -> bytes:
    random = entropy(f"round 1 of {index}, take {take}", cocktail.entropy_bytes(setup.threshold))
    return cocktail.round1(setup, static_secret(index), entropy=random)


@dataclass(frozen=True)
class Ceremony:
    setup: Setup
    messages: tuple[bytes, ...]
    relayed: tuple[bytes, ...]
    outcomes: tuple[Outcome, ...]
    signatures: tuple[bytes, ...]
    certificate: Certificate


@cache
def make_ceremony(threshold: int, participants: int) -> Ceremony:
    setup = make_setup(threshold, participants)
    indices = range(1, participants + 1)
    messages = tuple(message1(setup, index) for index in indices)
    relayed = cocktail.relay(setup, enumerate(messages, 1))
    outcomes = tuple(
        cocktail.round2(setup, static_secret(i), relayed[i - 1], sent=messages[i - 1]) for i in indices
    )
    signatures = tuple(cocktail.certify(o, static_secret(o.index)) for o in outcomes)
    certificate = cocktail.finish(outcomes[0], enumerate(signatures, 1))
    return Ceremony(setup, messages, relayed, outcomes, signatures, certificate)
