"""When which rung of which branch lived: its link carried everything, and the centre was at the broker."""

from collections import defaultdict
from math import inf

Rung = tuple[str, str]
"""Branch and uplink."""
Span = tuple[float, float]
"""From when to when, virtual seconds."""


class Lives:
    """Kept by whoever breaks and heals links."""

    def __init__(self) -> None:
        self.spans: dict[Rung, list[Span]] = defaultdict(list)
        """Over and done; after ``close`` also those without an end."""
        self._good: dict[Rung, bool] = {}
        self._since: dict[Rung, float] = {}
        self._centre = True

    def rung(self, rung: Rung, *, good: bool, now: float) -> None:
        """A link was healed or broken. Said twice, a break lies between."""
        self._good[rung] = good
        self._end(rung, now)
        self._begin(rung, now)

    def centre(self, *, there: bool, now: float) -> None:
        """The centre came to the broker, or one of them is gone."""
        self._centre = there
        for rung in list(self._good):
            self._end(rung, now)
            self._begin(rung, now)

    def lives_since(self, rung: Rung) -> float | None:
        """Since when a rung lives; None: it does not."""
        return self._since.get(rung)

    def close(self) -> None:
        """The world is over: what lives now lives for good."""
        for rung, since in sorted(self._since.items()):
            self.spans[rung].append((since, inf))
        self._since.clear()

    def healed(self, branch: str, since: float, for_s: float) -> float | None:
        """The first instant from ``since`` on from which one rung of the branch lived for ``for_s``; None: never."""
        starts = [
            max(begin, since)
            for (owner, _), spans in self.spans.items()
            if owner == branch
            for begin, end in spans
            if end - max(begin, since) >= for_s
        ]
        return min(starts, default=None)

    def _begin(self, rung: Rung, now: float) -> None:
        if self._good[rung] and self._centre:
            self._since[rung] = now

    def _end(self, rung: Rung, now: float) -> None:
        since = self._since.pop(rung, None)
        if since is not None and now > since:
            self.spans[rung].append((since, now))
