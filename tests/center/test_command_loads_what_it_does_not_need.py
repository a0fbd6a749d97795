"""A command of the centre begins at once: it loads what it needs, and nothing of the others."""

import subprocess
import sys
from typing import Final

import pytest

from center.cli.center import _COMMANDS
from tests.center.command import center

PROGRAM: Final = """
import contextlib, sys
from center.cli import main_center
with contextlib.suppress(SystemExit):
    main_center(["order", "--help"])
print("loaded:", *sorted({"aiomqtt", "asyncio", "dns", "PIL", "serial", "structlog"} & set(sys.modules)))
"""


def test_order_waits_for_what_the_daemon_needs() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("name", _COMMANDS)
def test_command_is_looked_for_in_another_file(name: str) -> None:
    ran = center(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: center {name} ")


def test_help_hides_a_command() -> None:
    shown = [line.split()[0] for line in center("--help").out.splitlines() if line.startswith("    ")]
    assert list(_COMMANDS) == [word for word in shown if word in _COMMANDS]
    assert all(name in center("nonsense").err for name in _COMMANDS)
