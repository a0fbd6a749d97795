"""``docs/courier.md``: its numbers are the code's, and the commands that it shows are there."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from center.cli.photographs import PHOTOGRAPH_MAX, PIXELS_MAX
from crypto import carrier_code, tape_code
from crypto.wire import TYPE_COURIER_BUNDLE
from kit.cli.courier import _parser
from kit.cli.courier_codes import CAPACITY, chars_fitting
from kit.tape.draw import MODULE_DOTS

TEXT: Final = (Path(__file__).parents[2] / "docs" / "courier.md").read_text(encoding="utf-8")
PLAIN: Final = " ".join(TEXT.split())


def test_number_differs_from_the_code() -> None:
    assert f"version {tape_code.CODE_VERSION_MAX} at error correction M, {MODULE_DOTS} dots a module" in PLAIN
    assert f"At most {tape_code.CODE_CHARS_MAX} characters a code and {carrier_code.PARTS_MAX} parts" in PLAIN
    assert f"the first {carrier_code.TAG_DIGITS} hexadecimal digits" in PLAIN
    assert f"at most {PHOTOGRAPH_MAX >> 20} MiB and {PIXELS_MAX // 10**6} million pixels" in PLAIN
    assert TYPE_COURIER_BUNDLE in PLAIN
    smallest = min(CAPACITY)
    assert f"version {smallest}, on 80 x 24, is the smallest" in PLAIN
    assert chars_fitting(80, 24) == CAPACITY[smallest] == carrier_code.CHARS_MIN
    assert "three contests of 40 candidates is two codes" in PLAIN
    assert len(carrier_code.write(bytes(667))) == 2


COMMANDS: Final = re.findall(r"^kitctl courier (.*?)(?:  .*)?$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_not_there(command: str) -> None:
    assert _parser().parse_args(shlex.split(command)).command == command.split(maxsplit=1)[0]


def test_commands_were_not_found() -> None:
    assert len(COMMANDS) == 4
