"""No tape is silently missing and none silently doubled: paper ends, kits restart, printers are dead or dumb."""

from collections.abc import Iterator
from typing import Any

import pytest

from drivers.ports import (
    PrinterEvent,
    PrinterLost,
    PrinterStatus,
    TapeBroken,
    TapePrinted,
    TapeProgress,
)
from kit.cli.tape_words import TAPES_EN, TAPES_FA
from kit.cli.words import Words, render
from kit.effects import PrintTape
from kit.events import PrinterHeard
from kit.facts import (
    EnvelopeSealed,
    IncidentRecorded,
    TapeBrokeOff,
    TapeFinished,
    TapeOverdue,
    TapeStarted,
)
from kit.tapes import PATIENCE_MS, PrinterHabits
from tests.kit.harness import TWO_TERMINALS, Branch, PowerCut
from tests.kit.staff import take_next_step, work_until

FINE = PrinterStatus(online=True, paper="ok", cover_open=False, error=False)
NO_PAPER = PrinterStatus(online=False, paper="out", cover_open=False, error=False)
TALLY, ZERO = "tally:terminal-1-1:1", "zero:terminal-1-1:0"


def branch(**how: Any) -> Branch:
    return Branch(printer=PrinterHabits(), **how)


def hears(there: Branch, *events: PrinterEvent) -> None:
    for event in events:
        there.post(PrinterHeard(event))
        there.settle()


def asked(there: Branch) -> list[str]:
    """The names of all prints so far."""
    return [effect.name for effect in there.effects if isinstance(effect, PrintTape)]


def sent_tallies(there: Branch) -> set[int]:
    tallies = {fact.seq for fact in there.facts(EnvelopeSealed) if fact.kind == "tally"}
    return {publish.seq for publish in there.published} & tallies


def with_zero_tape(**how: Any) -> Branch:
    there = branch(**how)
    hears(there, FINE)
    work_until(there, "zeroed")
    hears(there, TapePrinted(f"{ZERO}:1"))
    return there


def tallied(**how: Any) -> Branch:
    """The tally is taken and sealed, and its first print was asked for."""
    there = with_zero_tape(**how)
    work_until(there, "sending")
    assert asked(there) == [f"{ZERO}:1", f"{TALLY}:1"]
    return there


def tapes(there: Branch) -> dict[str, dict[str, Any]]:
    picture = there.station.status(there.now)["printer"]
    return {tape["kind"]: tape for tape in picture["tapes"]}


def test_tape_is_printed_before_the_tally_is_sent() -> None:
    there = tallied()
    assert sent_tallies(there) == set()
    hears(there, TapeProgress(f"{TALLY}:1", 40, 80))
    there.advance(PATIENCE_MS // 2)
    assert sent_tallies(there) == set()
    assert (tapes(there)["tally"]["state"], tapes(there)["tally"]["done"]) == ("printing", 40)
    hears(there, TapePrinted(f"{TALLY}:1"))
    there.advance(5_000)
    assert len(sent_tallies(there)) == 1
    work_until(there, "delivered")
    assert [(fact.kind, fact.copy, fact.confirmed) for fact in there.facts(TapeFinished)] == [
        ("zero", 1, True),
        ("tally", 1, True),
    ]
    assert there.facts(TapeOverdue) == []
    there.advance(3_600_000)
    assert asked(there) == [f"{ZERO}:1", f"{TALLY}:1"], "none is doubled"


def test_accounts_wait_for_no_tape() -> None:
    there = with_zero_tape()
    work_until(there, "accounted")
    there.advance(30_000)
    accounts = {fact.seq for fact in there.facts(EnvelopeSealed) if fact.kind == "account"}
    assert {publish.seq for publish in there.published} >= accounts != set()


def test_paper_ends_and_the_tape_starts_again_by_itself() -> None:
    there = tallied()
    hears(there, TapeProgress(f"{TALLY}:1", 7, 80), TapeBroken(f"{TALLY}:1", 7, 80, "paper-out"), NO_PAPER)
    there.advance(60_000)
    assert asked(there)[-1] == f"{TALLY}:1", "nothing is tried while there is no paper"
    assert tapes(there)["tally"]["state"] == "due"
    hears(there, FINE)
    assert asked(there)[-1] == f"{TALLY}:2"
    (broke,) = there.facts(TapeBrokeOff)
    assert (broke.copy, broke.done, broke.of, broke.reason) == (1, 7, 80, "paper-out")
    hears(there, TapePrinted(f"{TALLY}:2"))
    there.advance(5_000)
    assert len(sent_tallies(there)) == 1


def test_paper_is_put_in_before_the_printer_said_that_there_was_none() -> None:
    there = tallied()
    hears(there, TapeBroken(f"{TALLY}:1", 7, 80, "paper-out"))
    there.advance(20_000)
    assert asked(there)[-1] == f"{TALLY}:2"


def test_paper_never_comes_and_the_tally_is_sent_without_its_tape() -> None:
    there = tallied()
    hears(there, TapeBroken(f"{TALLY}:1", 7, 80, "paper-out"), NO_PAPER)
    there.advance(PATIENCE_MS - 10_000)
    assert sent_tallies(there) == set()
    there.advance(15_000)
    assert len(sent_tallies(there)) == 1
    (incident,) = [fact for fact in there.facts(IncidentRecorded) if fact.code == "tape-missing"]
    assert "terminal-1-1" in incident.detail
    assert "paper out" in incident.detail
    assert tapes(there)["tally"]["state"] == "due", "it stays due"
    work_until(there, "delivered")
    hears(there, FINE)
    assert asked(there)[-1] == f"{TALLY}:2", "and is printed when there is paper, delivered or not"


def test_kit_restarts_in_the_middle_of_a_tape() -> None:
    there = tallied()
    hears(there, TapeProgress(f"{TALLY}:1", 40, 80))
    there.boot()
    there.settle()
    (broke,) = there.facts(TapeBrokeOff)
    assert (broke.copy, broke.reason) == (1, "restarted")
    assert tapes(there)["tally"]["state"] == "due"
    hears(there, TapePrinted(f"{TALLY}:1"))
    assert tapes(there)["tally"]["state"] == "due", "a word about an earlier life's copy says nothing"
    hears(there, FINE)
    there.advance(11_000)
    assert asked(there)[-1] == f"{TALLY}:2", "the tally was sealed and gone: the terminal was asked again"
    hears(there, TapePrinted(f"{TALLY}:2"))
    there.advance(5_000)
    assert len(sent_tallies(there)) == 1


def test_kit_restarts_after_the_tape() -> None:
    there = tallied()
    hears(there, TapePrinted(f"{TALLY}:1"))
    there.boot()
    hears(there, FINE)
    there.advance(60_000)
    assert asked(there) == [f"{ZERO}:1", f"{TALLY}:1"]
    assert there.facts(TapeBrokeOff) == []


def appends() -> Iterator[int]:
    yield from range(1, 40)


@pytest.mark.parametrize("when", ["before", "after"])
def test_power_goes_at_any_fact(when: Any) -> None:
    """Whatever is lost: in the end each tape was finished exactly once, and every earlier copy is known as broken."""
    for cut in appends():
        there = branch(cut=(when, cut))
        for _ in range(200):
            try:
                there.settle()
                _print_all(there)
                if there.phase == "delivered" and len(there.facts(TapeFinished)) == 2:
                    break
                take_next_step(there)
            except PowerCut:
                there.boot()
        finished = [(fact.kind, fact.copy) for fact in there.facts(TapeFinished)]
        started = [(fact.kind, fact.copy) for fact in there.facts(TapeStarted)]
        broken = [(fact.kind, fact.copy) for fact in there.facts(TapeBrokeOff)]
        assert sorted(kind for kind, _ in finished) == ["tally", "zero"], cut
        assert sorted(started) == sorted(finished + broken), cut


def _print_all(there: Branch) -> None:
    """The printer is fine, and prints what this life asked for."""
    hears(there, FINE)
    while (tape := there.station.tapes.printing) is not None:
        hears(there, TapePrinted(tape.name))


def test_printer_is_dead() -> None:
    there = branch()
    hears(there, PrinterLost("no answer to 3 questions"))
    work_until(there, "delivered")
    assert asked(there) == []
    codes = [fact.code for fact in there.facts(IncidentRecorded)]
    assert codes.count("tape-missing") == 1
    assert {kind: tape["state"] for kind, tape in tapes(there).items()} == {"zero": "due", "tally": "due"}


def test_printer_is_lost_again_and_again() -> None:
    """The flash is spared: attempts come ever more rarely."""
    there = tallied()
    for _ in range(2_000):
        tape = there.station.tapes.printing
        if tape is not None:
            hears(there, TapeBroken(tape.name, 3, 80, "lost"), PrinterLost("gone"), FINE)
        there.advance(10_000)
    assert 5 < len(there.facts(TapeStarted)) < 60


def test_dumb_printer_confirms_nothing() -> None:
    there = Branch(printer=PrinterHabits(answers=False))
    work_until(there, "zeroed")
    assert asked(there) == [f"{ZERO}:1"], "it says nothing of itself, and is tried at once"
    hears(there, TapePrinted(f"{ZERO}:1", confirmed=False))
    (finished,) = there.facts(TapeFinished)
    assert not finished.confirmed
    assert tapes(there)["zero"]["state"] == "unconfirmed"


def test_branch_without_a_printer_waits_for_nothing() -> None:
    there = work_until(Branch(), "delivered")
    assert there.station.status(there.now)["printer"] is None
    assert [fact for fact in there.journal.facts if type(fact).__name__.startswith("Tape")] == []


def test_two_terminals_share_a_printer() -> None:
    there = branch(election=TWO_TERMINALS)
    hears(there, FINE)
    work_until(there, "zeroed")
    assert asked(there) == ["zero:terminal-1-1:0:1"], "one at a time"
    hears(there, TapePrinted("zero:terminal-1-1:0:1"))
    assert asked(there)[-1] == "zero:terminal-1-2:0:1"
    hears(there, TapePrinted("zero:terminal-1-2:0:1"))
    work_until(there, "sending")
    hears(there, TapePrinted("tally:terminal-1-1:1:1"))
    there.advance(5_000)
    assert len(sent_tallies(there)) == 1, "the other tally waits for its own tape"
    hears(there, TapePrinted("tally:terminal-1-2:1:1"))
    there.advance(5_000)
    assert len(sent_tallies(there)) == 2


def test_tally_is_in_no_fact_and_no_repr() -> None:
    there = tallied()
    (effect,) = [
        effect for effect in there.effects if isinstance(effect, PrintTape) and effect.kind == "tally"
    ]
    assert effect.report.decode() not in repr(effect)
    assert all(b"tape" not in row or effect.report not in row for row in there.journal.rows)


def test_technician_is_not_told_of_the_tape() -> None:
    there = tallied()
    hears(there, TapeBroken(f"{TALLY}:1", 7, 80, "paper-out"), NO_PAPER)
    english = render(there.station.status(there.now), Words("en"))
    assert (
        "tally tape of terminal terminal-1-1 is not printed: "
        "paper is out: put in paper; it starts again by itself" in english
    )
    assert "broke off" in english
    assert "zero tape of terminal terminal-1-1 is printed" in english
    persian = render(there.station.status(there.now), Words("fa"))
    assert "کاغذ ندارد" in persian


def test_words_of_tapes_lack_a_translation() -> None:
    assert TAPES_FA.keys() - {"printer", "copy"} == TAPES_EN.keys()
    for state in ("ok", "near-end", "paper-out", "cover-open", "error", "lost", "unknown", "silent"):
        assert f"printer {state}" in TAPES_EN
