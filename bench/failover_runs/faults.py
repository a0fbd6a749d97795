"""Faults for a while, and words for people who wait."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

PATIENCE_S: Final = 300.0  # until anything has happened


@contextlib.contextmanager
def struck(strike: Callable[[], None], heal: Callable[[], None]) -> Iterator[None]:
    """A fault, for a while."""
    strike()
    try:
        yield
    finally:
        heal()


def progress(words: str) -> None:
    """For people who wait."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)
