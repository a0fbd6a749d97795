"""Receipts as codes: parts that go missing, are mixed up or read badly, and terminals of any width."""

from itertools import permutations
from pathlib import Path

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import EncodingError
from crypto.wire import RECEIPT_MAX
from kit.cli import receipts
from kit.cli.receipt_codes import CAPACITY, PARTS_MAX, drawings, is_part, joined, parts_of, pictures

TEXT = "".join(f"{number} \N{EM DASH} a line of a receipt\n" for number in range(60)).encode()


def test_capacities_are_made_up() -> None:
    for version, held in CAPACITY.items():
        sizes = [segno.make_qr(bytes(size), error="l", mode="byte").version for size in (held, held + 1)]
        assert sizes == [version, version + 1]


@given(text=st.text(max_size=2_000).map(str.encode), size=st.integers(200, 900))
def test_any_text_is_parted_and_not_joined_again(text: bytes, size: int) -> None:
    parts = parts_of(text, size)
    assert all(len(part) <= size for part in parts)
    if len(parts) == 1:
        assert parts == [text]
        return
    assert all(is_part(part) for part in parts)
    for part in parts:
        part.decode()  # no character is cut in two
    assert joined(parts) == text


def test_parts_come_in_any_order_and_twice() -> None:
    parts = parts_of(TEXT, 800)
    assert len(parts) == 3
    assert all(part.endswith(b"\n") for part in parts), "cut where lines end"
    for order in permutations(parts):
        assert joined([*order, order[0]]) == TEXT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda parts: parts[:-1], "missing: 3"),
        (lambda parts: [*parts[1:], *parts_of(TEXT + b"x", 800)[:1]], "different things"),
        (lambda parts: [*parts, parts[0] + b"x"], "there twice"),
        (lambda parts: [parts[0] + b"x", *parts[1:]], "read the codes again"),
        (lambda parts: [parts[0].replace(b"1/3", b"2/3"), *parts[1:]], "there twice"),
        (lambda parts: [parts[0].replace(b"1/3", b"0/3"), *parts[1:]], "no part"),
        (lambda parts: [part.replace(b"/3 ", b"/2 ") for part in parts], "do not make|missing"),
        (lambda parts: [*parts, TEXT], "no part"),
        (lambda parts: parts[:0], "different things"),
    ],
)
def test_parts_of_several_things_are_joined(change: object, words: str) -> None:
    with pytest.raises(EncodingError, match=words):
        joined(change(parts_of(TEXT, 800)))  # type: ignore[operator]


def test_parts_without_end() -> None:
    with pytest.raises(EncodingError, match="too many"):
        parts_of(bytes(200 * (PARTS_MAX + 1)), 200)
    tall = parts_of(bytes(RECEIPT_MAX + 1), 1_000)
    with pytest.raises(EncodingError, match="read the codes again"):
        joined(tall)


@pytest.mark.parametrize("columns", [61, 80, 120, 200])
def test_drawing_is_wider_than_the_terminal(columns: int) -> None:
    for colours in (False, True):
        for drawing in drawings(TEXT, columns, colours=colours):
            lines = [
                line.removeprefix("\x1b[38;5;16;48;5;231m").removesuffix("\x1b[0m")
                for line in drawing.split("\n")
            ]
            assert {len(line) for line in lines} == {len(lines[0])}
            assert len(lines[0]) <= columns
            assert set("".join(lines)) <= set("█▀▄ ")


def test_terminal_is_too_narrow_for_any_code() -> None:
    with pytest.raises(EncodingError, match="make it 61 or more"):
        drawings(TEXT, 60, colours=False)


def test_pictures_write_over_each_other(tmp_path: Path) -> None:
    assert [path.name for path, _ in pictures(b"short", tmp_path / "a.png")] == ["a.png"]
    names = [path.name for path, _ in pictures(TEXT, tmp_path / "a.svg")]
    assert names == ["a-1.svg", "a-2.svg"]
    with pytest.raises(EncodingError, match="name it"):
        pictures(b"short", tmp_path / "a.jpeg")


def test_reader_of_codes_adds_a_newline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = parts_of(TEXT, 800)
    for ending in (b"", b"\n"):
        files = []
        for number, part in enumerate(parts):
            files.append(tmp_path / f"{number}{len(ending)}")
            files[-1].write_bytes(part + ending)
        out = tmp_path / f"whole{len(ending)}"
        with pytest.raises(SystemExit) as end:
            receipts.main(["join", *map(str, files), "--out", str(out)])
        assert end.value.code == 0
        assert out.read_bytes() == TEXT
    with pytest.raises(SystemExit) as end:
        receipts.main(["join", str(files[0]), "--out", str(tmp_path / "x")])
    assert end.value.code == 65
    assert "missing: 2, 3" in capsys.readouterr().err
