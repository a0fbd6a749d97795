"""What kitctl shows and which exit code it gives: every state in the technician's language, nothing bad called good."""

import copy
import re
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from crypto.statements import Finding
from drivers.ports import TerminalLost
from failover.table import TABLE as UPLINK_TABLE
from kit import exit_codes
from kit.cli import arguments, kitctl
from kit.cli.words import Words, render
from kit.day.phases import PHASES
from kit.events import RefusalHeard, TerminalHeard
from kit.power.power import TABLE as POWER_TABLE
from tests.kit.harness import BATTERY, LOW, MAINS, Branch
from tests.kit.staff import standing_in, work_until

PERSIAN: Final = re.compile(r"[\u0600-\u06ff]")
CODES: Final = get_args(Finding.__annotations__["code"])
GRADES: Final = get_args(Finding.__annotations__["grade"])


def status_of(branch: Branch) -> dict[str, Any]:
    branch.settle()
    return branch.station.status(branch.now)


@pytest.fixture(scope="module")
def fine() -> dict[str, Any]:
    """The status of a branch where all is well."""
    branch = work_until(Branch(), "open")
    return status_of(branch)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_phase_has_no_persian_word(phase: str) -> None:
    assert PERSIAN.search(Words("fa").phase(phase))


def incident_codes() -> list[str]:
    """Every code that the kit's sources give to an incident."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in Path(kitctl.__file__).parent.parent.rglob("*.py")
    )
    return sorted(set(re.findall(r"_incident\(\s*\"([a-z-]+)\"", sources)))


def test_incident_codes_are_not_found() -> None:
    assert {"terminal-lost", "bad-report", "bad-counter", "receipt-refused"} <= set(incident_codes())


@pytest.mark.parametrize(
    "state", [*UPLINK_TABLE, *POWER_TABLE, *GRADES, *CODES, *incident_codes(), "account", "tally"]
)
def test_state_has_no_persian_word(state: str) -> None:
    assert PERSIAN.search(Words("fa")(state))


def test_two_phases_have_the_same_word() -> None:
    for language in ("fa", "en"):
        say = Words(language)
        assert len({say.phase(phase) for phase in PHASES}) == len(PHASES)
        assert len({say(state) for state in POWER_TABLE}) == len(POWER_TABLE)


def test_persian_word_is_written_with_arabic_letters() -> None:
    """Kaf and yeh have other code points in Arabic; a search for the word would not find them."""
    from kit.cli import words

    text = "".join(words._FA.values())
    assert not set(text) & {"\u0643", "\u064a", "\u0649", "\u0660"}


@pytest.mark.parametrize("phase", PHASES)
def test_status_in_persian_has_english_headings(phase: Any) -> None:
    branch = standing_in(phase)
    branch.set_link("4g", "refused")
    lines = render(status_of(branch), Words("fa")).splitlines()
    for line in lines:
        assert PERSIAN.search(line.split(":")[0]), line
    assert lines[1].endswith(f"[{phase}]"), (
        "the state's own name stands there for whoever is called on the phone"
    )


def test_status_in_english_has_persian_words(fine: dict[str, Any]) -> None:
    lines = render(fine, Words("en")).splitlines()
    named = [line.replace(fine["name"], "") for line in lines]
    assert not [line for line in named if PERSIAN.search(line)]


def test_what_waits_and_what_was_found_is_left_out() -> None:
    branch = work_until(Branch(dishonest=["candidates-do-not-add-up"]), "accounted")
    branch.center_answers = False
    work_until(branch, "sending")
    text = render(status_of(branch), Words("en"))
    assert "waiting: tally #2" in text
    assert "delivered: #1" in text
    assert "alarm: candidates-do-not-add-up council_party_list:1" in text
    assert "next order: 5" in text


def test_run_time_is_not_told() -> None:
    branch = work_until(Branch(), "zeroed")
    branch.power(BATTERY)
    status = status_of(branch)
    for language, unknown, left, lies in (
        (
            "en",
            "battery; for how long is not known",
            "; 12 minutes left, as we reckon",
            "tells the battery's charge wrong",
        ),
        ("fa", "معلوم نیست تا کی", "12 دقیقهٔ دیگر", "نادرست می‌گوید"),
    ):
        say = Words(language)
        assert unknown in render(altered(status, power__runtime_s=None), say)
        assert left in render(altered(status, power__runtime_s=779), say)
        assert lies in render(altered(status, power__ups_lies=True), say)
        assert left not in render(altered(status, power__runtime_s=779, power__state="mains"), say)


def test_broker_paints_over_the_screen() -> None:
    """A refusal is a hint that nobody signed: its words must not move the cursor, nor turn the text around."""
    branch = work_until(Branch(), "accounted")
    hint = "\x1b[2J\x1b[Hphase: delivered\x9b0m\u202e\nphase: delivered"
    branch.post(RefusalHeard("4g", "ab" * 32, hint))
    branch.settle()
    for language in ("en", "fa"):
        text = render(status_of(branch), Words(language))
        assert "\\x1b[2J\\x1b[Hphase: delivered\\x9b0m\\u202e\\nphase: delivered" in text
        assert not [char for char in text if not char.isprintable() and char not in "\n\u200c"]


# --- exit codes -----------------------------------------------------------------------------------


def altered(status: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """``power__state="low"`` sets status["power"]["state"]."""
    result = copy.deepcopy(status)
    for name, value in changes.items():
        table, _, key = name.partition("__")
        if key:
            result[table][key] = value
        else:
            result[table] = value
    return result


def finding(grade: str) -> list[dict[str, Any]]:
    return [{"grade": grade, "code": "signed-in-differs", "contest": None}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, exit_codes.OK),
        ({"findings": finding("note")}, exit_codes.OK),
        ({"findings": finding("alarm")}, exit_codes.WARNING),
        ({"power__state": "battery"}, exit_codes.WARNING),
        ({"power__state": "unknown"}, exit_codes.WARNING),
        ({"power__state": "unknown", "power__ups": False}, exit_codes.OK),
        ({"power__ups_lies": True}, exit_codes.WARNING),
        ({"power__state": "low"}, exit_codes.CRITICAL),
        ({"uplinks__usable": []}, exit_codes.WARNING),
        ({"uplinks__critical": True}, exit_codes.OK),
        ({"uplinks__critical": True, "uplinks__usable": []}, exit_codes.CRITICAL),
        ({"uplinks__usable": ["4g"]}, exit_codes.OK),
        ({"terminals": [{"part": "active", "connected": False}]}, exit_codes.WARNING),
        ({"terminals": [{"part": "retired", "connected": False}]}, exit_codes.OK),
    ],
    ids=repr,
)
def test_exit_code_calls_it_something_else(fine: dict[str, Any], changes: dict[str, Any], code: int) -> None:
    assert kitctl._health(altered(fine, **changes)) == code


def test_branch_where_all_is_well_is_not_ok(fine: dict[str, Any]) -> None:
    assert kitctl._health(fine) == exit_codes.OK


@pytest.mark.parametrize(
    ("reading", "code"),
    [(MAINS, exit_codes.OK), (BATTERY, exit_codes.WARNING), (LOW, exit_codes.CRITICAL)],
)
def test_power_is_not_seen_in_the_exit_code(reading: Any, code: int) -> None:
    branch = work_until(Branch(), "zeroed")
    branch.power(reading)
    assert kitctl._health(status_of(branch)) == code


def test_sealed_tally_that_goes_nowhere_looks_harmless() -> None:
    assert kitctl._health(status_of(standing_in("sealed"))) == exit_codes.CRITICAL
    assert kitctl._health(status_of(standing_in("sending"))) == exit_codes.OK


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ({"LC_ALL": "fa_IR.UTF-8"}, "fa"),
        ({"LANG": "fa_IR.UTF-8"}, "fa"),
        ({"LC_MESSAGES": "fa"}, "fa"),
        ({"LC_ALL": "C.UTF-8", "LANG": "fa_IR.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_language_is_not_the_technicians(
    monkeypatch: pytest.MonkeyPatch, locale: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert arguments.language() == language


def test_exit_codes_of_one_meaning_differ_between_programs() -> None:
    """The table of the project: the numbers are sysexits(3) and the convention of monitoring plugins."""
    table = {name: value for name, value in vars(exit_codes).items() if name.isupper()}
    assert table == {
        "OK": 0,
        "WARNING": 1,
        "CRITICAL": 2,
        "UNKNOWN": 3,
        "USAGE": 64,
        "DATA": 65,
        "UNAVAILABLE": 69,
        "BUG": 70,
        "CANNOT_CREATE": 73,
        "QUEUED": 75,
        "FORBIDDEN": 77,
        "CONFIG": 78,
        "TIMED_OUT": 124,
    }


def test_incident_is_journaled_and_nobody_is_told() -> None:
    branch = standing_in("open")
    branch.post(TerminalHeard("terminal-1-1", TerminalLost("it does not answer")))
    status = status_of(branch)
    assert status["incidents"][-1]["code"] == "terminal-lost"
    for language in ("fa", "en"):
        assert "it does not answer" in render(status, Words(language))
