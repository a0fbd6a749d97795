"""Work in parts: pure functions over chunks, so that a shell may hand the chunks to several processes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from crypto.manifest import TrustedManifest

T = TypeVar("T")
R = TypeVar("R")

CHUNK: Final = 64  # items in one part: what a worker does between two signs of life


class Spread(Protocol):
    """Does ``work`` on each part, results in the order of the parts; wherever it runs, they are the same."""

    def __call__(
        self, work: Callable[[TrustedManifest, T], R], parts: Sequence[T], manifest: TrustedManifest
    ) -> Iterator[R]:
        """Yield the result for each part. ``work`` is a function of a module: another process finds it by name."""


def here(
    work: Callable[[TrustedManifest, T], R], parts: Sequence[T], manifest: TrustedManifest
) -> Iterator[R]:
    """Do all of it in this process: the plain Spread."""
    for part in parts:
        yield work(manifest, part)


def in_chunks(items: Sequence[T]) -> list[tuple[T, ...]]:
    """Cut items into parts of ``CHUNK``."""
    return [tuple(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
