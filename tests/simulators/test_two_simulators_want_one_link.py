"""A second simulator where one runs already, and what a killed one leaves behind."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.test_device_is_left_running import Device, _kit_sim


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a name short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="kit-sim-"))
    yield folder
    shutil.rmtree(folder)


def test_second_simulator_takes_the_link_or_the_socket_away(place: Path) -> None:
    link, control = place / "ups", place / "s"
    with Device("ups", "--link", str(link), "--control", str(control)):
        target = link.readlink()
        second = _kit_sim("ups", "--link", str(link), "--control", str(place / "s2"))
        assert second.returncode == 73
        assert "another simulator serves it" in second.stderr
        third = _kit_sim("ups", "--link", str(place / "ups3"), "--control", str(control))
        assert third.returncode == 73
        assert "another simulator serves it" in third.stderr
        assert link.readlink() == target
        assert not (place / "ups3").is_symlink()
        assert _kit_sim("ctl", str(control), "mains", "off").returncode == 0


def test_killed_simulator_bars_the_way_for_the_next(place: Path) -> None:
    words = ("ups", "--link", str(place / "ups"), "--control", str(place / "s"))
    killed = Device(*words)
    killed.__enter__()
    killed.process.kill()
    killed.process.wait()
    assert killed.process.stderr is not None
    killed.process.stderr.close()
    assert (place / "ups").is_symlink()
    with Device(*words):
        assert _kit_sim("ctl", str(place / "s"), "state").returncode == 0


def test_strangers_link_or_file_is_deleted(place: Path) -> None:
    (place / "by-id").symlink_to("../../ttyUSB0")
    assert _kit_sim("ups", "--link", str(place / "by-id")).returncode == 73
    assert str((place / "by-id").readlink()) == "../../ttyUSB0"
    (place / "notes").write_text("precious")
    assert _kit_sim("ups", "--link", str(place / "ups"), "--control", str(place / "notes")).returncode == 73
    assert (place / "notes").read_text() == "precious"
    assert not (place / "ups").is_symlink()


def test_link_of_a_successor_is_taken_along(place: Path) -> None:
    link = place / "ups"
    with Device("ups", "--link", str(link)):
        link.unlink()
        link.symlink_to("/dev/pts/99999")
    assert str(link.readlink()) == "/dev/pts/99999"
