"""Several processes for the work of verifying and opening: as many as there are processors, once it is worth it."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from center.errors import WorkersLostError
from center.opening.spread import here
from crypto.manifest import TrustedManifest
from crypto.statements import Manifest

T = TypeVar("T")
R = TypeVar("R")

PARTS_MIN: Final = 8  # parts from which on processes are started: each takes a second to start
WORKERS_MAX: Final = 16

_manifest: TrustedManifest | None = None  # of a worker process, set when it starts


class Workers:
    """A Spread (center.opening.spread) over processes. The results are those of one process, in the same order.

    ``with Workers() as spread: ...``. Raises WorkersLostError when a process dies.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = min(count or os.cpu_count() or 1, WORKERS_MAX)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(
        self, work: Callable[[TrustedManifest, T], R], parts: Sequence[T], manifest: TrustedManifest
    ) -> Iterator[R]:
        """As center.opening.spread.Spread."""
        if self._count == 1 or len(parts) < PARTS_MIN:
            yield from here(work, parts, manifest)
            return
        if self._pool is None:
            # Spawned, not forked: a fork copies locks that other threads may hold.
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=([(one.manifest, one.sha256) for one in (manifest, *manifest.earlier)],),
            )
        try:
            yield from self._pool.map(partial(_run, work), parts)
        except BrokenProcessPool as error:
            raise WorkersLostError(
                "a worker process died (too little memory?): close other programs and start again"
            ) from error


def _start(chain: Sequence[tuple[Manifest, str]]) -> None:
    """``chain``: the newest manifest first; they were verified where they come from."""
    global _manifest  # noqa: PLW0603 - a worker's only state: given once instead of with every part
    newest, *earlier = chain
    _manifest = TrustedManifest(*newest, tuple(TrustedManifest(*one) for one in earlier))


def _run(work: Callable[[TrustedManifest, Any], Any], part: object) -> Any:
    if _manifest is None:
        raise RuntimeError("the worker was started without a manifest")
    return work(_manifest, part)
