"""docs/hardware.md: its example is a driver, its tables are configuration, its tests exist."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from drivers.ports import UpsCommandEnded, UpsEvent, UpsReading
from drivers.ups.dialogue import UpsDialogue
from kit.config import load
from tests.kit.commission import commission

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def _example() -> Any:
    (code,) = _blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page says that this is a driver
    return names["Example"]()


class FarEnd:
    """The UPS of the example: what its page says, and nothing else."""

    def __init__(self) -> None:
        self.status = b"OK 230 55\r"

    def answer(self, asked: bytes) -> bytes:
        return {b"STAT\r": self.status, b"BEEP\r": b"DONE\r"}.get(asked, b"")


def test_example_is_no_driver() -> None:
    far_end, dialogue, events = FarEnd(), UpsDialogue(1_000, (_example(),)), list[UpsEvent]()
    now = 0

    def carry(step: Any) -> None:
        while True:
            events.extend(step.events)
            if not step.send:
                return
            step = dialogue.handle_bytes(far_end.answer(step.send), now)

    carry(dialogue.handle_line_up(now))
    assert events == [UpsReading(False, False, 230.0, 55.0, None, flags=frozenset({"OL"}))]
    far_end.status = b"BATT 0 55\r"
    now = 1_000
    carry(dialogue.handle_tick(now))
    assert isinstance(events[-1], UpsReading)
    assert events[-1].on_battery
    carry(dialogue.handle_command("beeper.toggle", now))
    for _ in range(5):
        now += 1_000
        carry(dialogue.handle_tick(now))
    (ended,) = [event for event in events if isinstance(event, UpsCommandEnded)]
    assert ended.outcome == "done"
    far_end.status = b"OK two hundred\r"
    events.clear()
    for _ in range(12):
        now += 1_000
        carry(dialogue.handle_tick(now))
    assert [type(event).__name__ for event in events] == ["UpsLost"]


@pytest.mark.parametrize("table", _blocks("toml"))
def test_table_on_the_page_is_refused(tmp_path: Path, table: str) -> None:
    config = commission(tmp_path)
    text = config.read_text(encoding="utf-8")
    shown = set(tomllib.loads(table))
    for name in shown | ({"ups"} if "nut" in shown else set()):
        # What the page shows takes the place of what the test's configuration has.
        text = re.sub(rf"^\[+{name}[\].].*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    config.write_text(text + "\n" + table, encoding="utf-8")
    load(config)


def test_page_names_files_that_are_not_there() -> None:
    for name in re.findall(r"`((?:drivers|kit|simulators|tests|docs)/[\w./]*)`", TEXT):
        if name != "drivers/ups/example.py":  # yet to be written, by the reader
            assert (ROOT / name).exists(), name
