"""How much is in a ledger, and what of it is odd and still needs somebody."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from center.log.ledger_file import LedgerFile
from center.log.schema import ACTS_SINCE

_SELECT_ODD: Final = (
    "SELECT leaf, unit, flags,"
    " NOT EXISTS (SELECT 1 FROM envelopes AS b WHERE b.device = a.device AND b.seq = a.seq - 1)"
    " FROM envelopes AS a WHERE flags <> ''"
)
_SETTLED_BY_ADJUDICATION: Final = frozenset({"clash", "other-close", "re-vote"})


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in a ledger.

    ``flagged`` and ``flags`` are what was odd at arrival and still is: a gap that a late envelope closed is none, nor
    is a clash that was adjudicated later. ``settled``: flags that an adjudication settled. ``acts``: how many there
    are of each kind. ``rejected``: distinct refused messages still remembered (REJECTED_MAX).
    """

    verified: int
    accounts: int
    tallies: int
    flagged: int
    flags: dict[str, int]
    settled: int
    branches: int
    acts: dict[str, int]
    rejected: int


class Counting(LedgerFile):
    """The counts of an open ledger."""

    def counts(self) -> Counts:
        """How much is there, at one moment."""
        with self._snapshot():
            kinds = dict(self._rows("SELECT type, count(*) FROM envelopes GROUP BY type"))
            odd = self._rows(_SELECT_ODD)
            branches = int(self._one("SELECT count(DISTINCT branch) FROM envelopes"))
            rejected = int(self._one("SELECT count(*) FROM rejected"))
            acts, adjudicated = {}, {}
            if self._knows(ACTS_SINCE):
                acts = dict(self._rows("SELECT type, count(*) FROM acts GROUP BY type ORDER BY type"))
                adjudicated = dict(
                    self._rows(
                        "SELECT subject, max(leaf) FROM acts WHERE type = 'adjudication' GROUP BY subject"
                    )
                )
        still_odd, settled = _still_odd(odd, adjudicated)
        return Counts(
            verified=sum(kinds.values()),
            accounts=kinds.get("account-submission", 0),
            tallies=kinds.get("sealed-tally", 0),
            flagged=sum(map(bool, still_odd)),
            flags=dict(sorted(Counter(itertools.chain.from_iterable(still_odd)).items())),
            settled=settled,
            branches=branches,
            acts=acts,
            rejected=rejected,
        )


def _still_odd(odd: Sequence[tuple[Any, ...]], adjudicated: dict[str, int]) -> tuple[list[list[str]], int]:
    """Of each flagged envelope the flags that still need somebody, and how many were settled.

    ``odd``: leaf, unit, flags, whether its gap is still open. ``adjudicated``: the last such leaf of each terminal.
    """
    left, settled = [], 0
    for leaf, unit, flags, gap_open in odd:
        before = adjudicated.get(unit.rpartition("/")[0], -1) > leaf
        ended = {flag for flag in flags.split() if before and flag in _SETTLED_BY_ADJUDICATION}
        settled += len(ended)
        left.append([flag for flag in flags.split() if flag not in ended and (flag != "gap" or gap_open)])
    return left, settled
