"""The tape that a courier takes along, or that somebody photographs: envelopes as codes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kit.tape import words
from kit.tape.blocks import Block, Both, Code, Line, Rule


@dataclass(frozen=True, slots=True)
class CodedEnvelope:
    """One sealed envelope: what it is in a line, and the texts of its codes (``crypto.carrier_code``)."""

    title: str
    codes: Sequence[str]


def courier_tape(branch: str, envelopes: Iterable[CodedEnvelope]) -> Iterator[Block]:
    """All envelopes, each code with its number: every one must be on the photographs, in any order."""
    yield Line(words.COURIER.persian, "large", centred=True)
    yield Line(words.COURIER.english, "large", centred=True)
    yield Both(words.BRANCH.persian, f"{words.BRANCH.english}: {branch}")
    yield Both(*words.PHOTOGRAPH, "small")
    for envelope in envelopes:
        yield Rule()
        yield Line(envelope.title, "small")
        for number, code in enumerate(envelope.codes, 1):
            yield Line(f"{number}/{len(envelope.codes)}", centred=True)
            yield Code(code)
    yield Rule()
    yield Both(*words.END, "small")
