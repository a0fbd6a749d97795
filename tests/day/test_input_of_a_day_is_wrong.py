"""Bad input of ``kit-sim``: one sentence that says what, where and what to do; an exit code; nothing left behind."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from simulators.cli import SAMPLE
from tests.day.command import refused

USAGE, DATA, CANNOT_CREATE = 64, 65, 73
PARTY_LIST: Final = "council_party_list.csv"
SAMPLE_STATIONS: Final = 64

Spoil = Callable[[Path], None]


def _in_table(table: str, old: str, new: str) -> Spoil:
    """Change the first place where a text stands."""

    def spoil(data: Path) -> None:
        text = (data / table).read_text(encoding="utf-8")
        assert old in text
        (data / table).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def _not_text(data: Path) -> None:
    (data / "mayor.csv").write_bytes(b"\xff\xfe\x00" + (data / "mayor.csv").read_bytes())


def _a_folder(data: Path) -> None:
    (data / PARTY_LIST).unlink()
    (data / PARTY_LIST).mkdir()


BAD_DATA: Final = [
    pytest.param(shutil.rmtree, [PARTY_LIST, "cannot be read", "the directory needs"], id="no folder"),
    pytest.param(_a_folder, [PARTY_LIST, "cannot be read", "the directory needs"], id="a folder for a table"),
    pytest.param(_not_text, ["mayor.csv", "not CSV in UTF-8", "export the table again"], id="bytes for text"),
    pytest.param(
        _in_table("mayor.csv", ",12,570,", ",12,571,"),
        [
            "mayor.csv",
            "line 2",
            "station 1-1",
            "'valid votes'",
            "add up to 570",
            "are 571",
            "correct the row",
        ],
        id="a row that does not add up",
    ),
    pytest.param(
        _in_table("mayor.csv", ",42,5,76,", ",42,-5,76,"),
        ["mayor.csv", "line 2", "station 1-1", "'3 - Democratic", "-5", "correct the number"],
        id="votes below zero",
    ),
    pytest.param(
        _in_table("mayor.csv", "41 - Georgian Dream", "4/1 - Georgian Dream"),
        ["mayor.csv", "line 1", "'4/1 - Georgian Dream'", "head a candidate's column"],
        id="a wrong code in the header",
    ),
    pytest.param(
        _in_table("mayor.csv", "41 - Georgian Dream", "2 - Georgian Dream"),
        ["mayor.csv", "line 1", "'2 - Georgian Dream'", "a code of its own"],
        id="a code twice in the header",
    ),
]


@pytest.mark.parametrize(("spoil", "words"), BAD_DATA)
def test_table_that_cannot_be_believed(spoil: Spoil, words: list[str], tmp_path: Path) -> None:
    data, temporary = tmp_path / "data", tmp_path / "t"
    shutil.copytree(SAMPLE, data)
    temporary.mkdir()
    spoil(data)
    code, out, err = refused("day", "--branches", "2", "--data", data, "--json", temporary=temporary)
    assert (code, out) == (DATA, "")
    assert err.startswith(f"kit-sim: {data}")
    assert err.count("\n") == 1
    assert [word for word in words if word not in err] == []
    assert list(temporary.iterdir()) == []


def test_world_is_given_the_same_tables(tmp_path: Path) -> None:
    code, out, err = refused("world", "--data", tmp_path, "--json", temporary=tmp_path)
    assert (code, out) == (DATA, "")
    assert f"kit-sim: {tmp_path / PARTY_LIST}: cannot be read" in err


def test_more_stations_than_there_are(tmp_path: Path) -> None:
    code, _, err = refused("world", "--branches", str(SAMPLE_STATIONS + 1), temporary=tmp_path)
    assert code == DATA
    assert f"ask for 1 to {SAMPLE_STATIONS}" in err


WRONG_USE: Final = [
    ("day --branches 65", "real processes are for 1 to 64; for more, use kit-sim world --branches N"),
    ("demo --branches 1000", "use kit-sim world"),
    ("day --branches 0", "1 to 64"),
    ("day --branches -3", "1 to 64"),
    ("day --branches many", "argument --branches: invalid int value: 'many'"),
    ("day --brunches 3", "unrecognized arguments: --brunches 3"),
    ("day --voting nan", "the polls cannot be open for nan s: choose 0 to 86400"),
    ("day --voting -1", "choose 0 to 86400"),
    ("world --days 0", "argument --days: 0 is too few: choose 1 or more"),
    ("world --branches 0", "argument --branches: 0 is too few"),
    ("dey", "invalid choice: 'dey'"),
    ("", "the following arguments are required: command"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG_USE)
def test_wrong_use(arguments: str, words: str, tmp_path: Path) -> None:
    code, out, err = refused(*arguments.split(), temporary=tmp_path)
    assert (code, out) == (USAGE, "")
    assert words in err
    assert list(tmp_path.iterdir()) == []


def _full(folder: Path) -> Path:
    (folder / "mine").write_text("precious")
    return folder


def _file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_full, "is not empty: name an empty folder, or one that does not exist"),
        (_file, "cannot be used as folder (File exists): choose another place"),
        (lambda folder: folder / ("x" * 100), "sockets in it would have paths of"),
    ],
)
def test_folder_that_cannot_be_kept(make: Callable[[Path], Path], words: str, tmp_path: Path) -> None:
    folder = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = refused("day", "--branches", "1", "--keep", folder, "--json", temporary=tmp_path)
    assert (code, out) == (CANNOT_CREATE, "")
    assert err.startswith(f"kit-sim: {folder}")
    assert words in err
    assert sorted(tmp_path.rglob("*")) == before
