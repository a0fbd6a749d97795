"""Who voted when must change nothing that a kit writes or sends: not one byte, not one moment.

Each test lives the same day twice. The voters come at the same times and leave the same counts; only the order in which
their votes fall differs. Every byte is compared: the database and its write-ahead log, write by write; the log; both
uplinks; the serial lines; the answers on the control socket. (SQLite draws the salts of its write-ahead log by chance;
these and the checksums that follow from them are left out.) Sealing draws entropy: the world's is seeded, so
that it is the same on both days.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from simulators.results import Station
from simulators.world.branch import Branch
from simulators.world.world import FULL_DAY
from tests.world.recording import Leak, Recording, by_chance, differing, recorded
from tests.world.short_day import said_against

MUST_BE_RECORDED: Final = (
    "disk",
    "disk %s/journal.db-wal",
    "net",
    "serial to terminal",
    "serial to ups",
    "log",
    "socket",
)


def two_days(**options: Any) -> tuple[Recording, Recording]:
    """The same day with the votes in two orders, which do differ."""
    (one, first, outcome), (other, second, _) = (recorded(order, **options) for order in ("one", "two"))
    assert first.counts != second.counts
    assert sum(a != b for a, b in zip(first.counts, second.counts, strict=True)) > 0.9 * len(first.counts)
    assert first.counts[-1] == second.counts[-1]
    assert options.get("leak") or said_against(outcome) == []
    return one, other


def test_order_of_votes_changes_a_byte_of_the_day() -> None:
    one, other = two_days()
    node = next(name for name in one.streams if name.endswith("journal.db-wal")).split(" ")[1].split("/")[0]
    for stream in MUST_BE_RECORDED:
        kind = stream % node if "%" in stream else stream
        assert one.bytes_of(kind) > 100, f"{kind}: hardly anything was recorded"
    assert differing(one, other) == []


@pytest.mark.usefixtures("thick_faults")
@pytest.mark.parametrize("seed", [2, 3])
def test_order_of_votes_changes_a_byte_when_much_breaks(seed: int) -> None:
    """Power cuts, restarts, torn writes, dead uplinks: what is written on the way up and down is the same, too."""
    one, other = two_days(seed=seed, faults=True)
    assert differing(one, other) == []


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10, 30))
def test_order_of_votes_changes_a_byte_of_many_days(seed: int) -> None:
    one, other = two_days(seed=seed, faults=True, hours=FULL_DAY)
    assert differing(one, other) == []


# --- would it notice? ----------------------------------------------------------------------------------------------


def after_each_vote(branch: Branch, tell: Callable[[int], None]) -> None:
    """Call ``tell`` with the running count of the first candidate after each voter."""
    model: Any = branch.terminal
    cast = model.cast

    def voted(rng: Random) -> bool:
        done: bool = cast(rng)
        first = next(iter(model.durable["counted"].values()))
        tell(next(iter(first["votes"].values())))
        return done

    model.cast = voted


def leak_into_the_log(branch: Branch) -> None:
    log: Any = branch._log
    after_each_vote(branch, lambda count: log.info("vote", count=count))


def leak_into_the_journal(branch: Branch) -> None:
    """The terminal shows a count where the public counter should be; the kit reads it every quarter of an hour."""
    model: Any = branch.terminal
    status = model._status

    def peeked() -> bytes:
        answer: bytes = status()
        first = next(iter(model.durable["counted"].values()))
        votes: int = next(iter(first["votes"].values()))
        return answer[:3] + votes.to_bytes(4, "little") + answer[7:]

    model._status = peeked


def leak_over_an_uplink(branch: Branch) -> None:
    def publish(count: int) -> None:
        if branch.daemon is not None and count % 10 == 0:
            branch.daemon._uplinks.publish("4g", b"diagnosis %d" % count)

    after_each_vote(branch, publish)


def leak_over_the_serial_line(branch: Branch) -> None:
    """A vote for the first candidate makes the line click."""
    line: Any = branch.lines["terminal"]
    last: list[int] = [0]

    def click(count: int) -> None:
        if count != last[0] and branch.running:
            line.answer(b"\0")
        last[0] = count

    after_each_vote(branch, click)


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        (leak_into_the_log, "log"),
        (leak_into_the_journal, "journal.db-wal"),
        (leak_over_an_uplink, "4g"),
        (leak_over_the_serial_line, "serial to terminal"),
    ],
)
def test_kit_that_tells_the_order_goes_unnoticed(leak: Leak, where: str) -> None:
    assert any(where in stream for stream in differing(*two_days(leak=leak)))


# --- what must show, and what must not -----------------------------------------------------------------------------


def one_vote_moved(station: Station) -> Station:
    """One voter of the first contest chooses the other of its two strongest candidates."""
    contests = dict(station.contests)
    name, contest = next(iter(contests.items()))
    second, first = sorted(contest.votes, key=lambda code: contest.votes[code])[-2:]
    moved = dict(contest.votes) | {first: contest.votes[first] - 1, second: contest.votes[second] + 1}
    contests[name] = replace(contest, votes=moved)
    return replace(station, contests=contests)


def test_another_result_shows_in_nothing_but_the_sealed_bytes() -> None:
    """The control of the tests above: a vote more for another is noticed. It changes no length and no moment."""
    (one, first, _), (other, second, _) = recorded("one"), recorded("one", change=one_vote_moved)
    assert first.counts[-1] != second.counts[-1]
    changed = differing(one, other)
    assert any("journal.db-wal" in stream for stream in changed)
    assert any(stream.startswith("net") for stream in changed)
    assert one.shape() == other.shape()


def test_chance_that_is_left_out_hides_a_leak() -> None:
    """Of the write-ahead log only 16 bytes of a frame are left out, none of a page; of the database nothing."""
    names = ("kit/journal.db", "kit/journal.db-wal", "kit/journal.db-journal")
    left_out = [sum(by_chance(name, offset) for offset in range(100_000)) for name in names]
    assert left_out == [0, 16 + 16 * 24 + 16, 4 + 4 * 24]
    page = range(32 + 24, 32 + 24 + 4096)
    assert not any(by_chance("kit/journal.db-wal", offset) for offset in page)


def test_days_are_not_even_the_same_without_any_change() -> None:
    (one, first, _), (again, second, _) = recorded("one"), recorded("one")
    assert (first.counts, differing(one, again)) == (second.counts, [])
