"""Polling-station results in the CSV format of the 2017 Georgian council elections: what a simulation counts.

A directory holds three tables, one row a station: the party list (every station), the majoritarian seats and
the mayors. Candidate columns are headed ``code - name``. An empty cell means that the candidate does not
stand at that station, which is not the same as no votes. Codes are strings. There is no blank column, and none
is derived.

Reading is strict, because a simulation that starts from misread numbers proves nothing. What real data does
show is kept as it is: voters signed for and ballots counted differ in most stations.
"""

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Literal

from crypto.statements import Candidate
from crypto.wire import CODE_PATTERN

FileStem = Literal["council_party_list", "council_majoritarian", "mayor"]

PARTY_LIST: Final = "council_party_list"
KEY_COLUMNS: Final[Mapping[FileStem, str]] = {
    "council_party_list": "district_id",
    "council_majoritarian": "major_district_id",
    "mayor": "district_id",
}
"""Each table, and the column that tells its contests apart, in the order of contests at a station."""

FILE_MAX: Final = 64 * 1024 * 1024  # bytes of one table
NUMBER_MAX: Final = 0xFFFFFF  # ballots or votes in one cell: what statements can carry
NAME_MAX: Final = 200  # characters of a candidate's name: what manifests can carry

_SIGNED_FOR: Final = "ballots signed for"
_RECEIVED: Final = "num ballots"
_INVALID: Final = "invalid votes"
_VALID: Final = "valid votes"
_REPEATED: Final = ("logic check", "logic check2")  # these two head several columns each
_KNOWN: Final = (
    *("region", "district_id", "district name", "major_district_id", "precinct_id", "special precinct"),
    *("possible voters", "special voters", "votes by 12", "votes by 17", _SIGNED_FOR, _RECEIVED),
    *(_INVALID, _VALID, *_REPEATED),
)

_CANDIDATE: Final = re.compile(r"(\S+) - (\S.*)")
_CODE: Final = re.compile(CODE_PATTERN)
# No hyphen: "1-2" with "3" and "1" with "2-3" would be one branch id.
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,23}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_EXPORT_AGAIN: Final = "export the table again from its source"


class DataError(Exception):
    """A table that cannot be believed: says where (file, line, station, field), what, and what to do."""

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        file: str,
        line: int | None = None,
        station: str | None = None,
        field: str | None = None,
    ) -> None:
        self.problem: Final = problem
        self.remedy: Final = remedy
        self.file: Final = file
        self.line: Final = line
        self.station: Final = station
        self.field: Final = field
        where = [file]
        if line is not None:
            where.append(f"line {line}")
        if station is not None:
            where.append(f"station {station}")
        if field is not None:
            where.append(f"field {field!r}")
        super().__init__(f"{', '.join(where)}: {problem}; {remedy}")


@dataclass(frozen=True, slots=True)
class StationContest:
    """One contest at one station. ``votes`` has every candidate that stands there, in ballot order."""

    file_stem: FileStem
    votes: Mapping[str, int]
    valid: int
    invalid: int
    signed_for: int
    """Voters who signed for a ballot: more or fewer than the ballots counted, as the station reported it."""
    received: int
    """Blank ballots that the station was given."""

    @property
    def ballots(self) -> int:
        """Ballots counted: valid and invalid."""
        return self.valid + self.invalid


@dataclass(frozen=True, slots=True)
class Station:
    """One polling station, with its contests by contest id in the order of the tables."""

    district_id: str
    precinct_id: str
    contests: Mapping[str, StationContest]

    @property
    def branch_id(self) -> str:
        """``district-precinct``."""
        return f"{self.district_id}-{self.precinct_id}"


@dataclass(frozen=True, slots=True)
class ResultContest:
    """A contest and who stands in it, in ballot order. ``id`` is ``table:key``, as in ``mayor:1``."""

    id: str
    file_stem: FileStem
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """All tables of one directory. Stations by district and precinct, in the order of their numbers."""

    directory: Path
    stations: tuple[Station, ...]
    contests: Mapping[str, ResultContest]


def load_results(directory: Path) -> Results:
    """Read the three tables of ``directory``.

    Raises:
        DataError: when a table is missing, unreadable or not in the format, when a cell is not a number of
            votes, when candidates do not add up to the valid votes, when rows contradict each other, or when
            a station is in another table and not in the party list.
    """
    contests: dict[str, ResultContest] = {}
    first_seen: dict[str, int] = {}
    stations: dict[tuple[str, str], dict[str, StationContest]] = {}
    for stem in KEY_COLUMNS:
        table = _read_table(directory / f"{stem}.csv", stem)
        lines: dict[tuple[str, str], int] = {}
        for row in table.rows:
            key = row.key("district_id"), row.key("precinct_id")
            if key in lines:
                raise row.error(f"the station stands at line {lines[key]} already", "delete one of the rows")
            lines[key] = row.line
            if stem != PARTY_LIST and key not in stations:
                raise row.error(
                    f"the station is not in {PARTY_LIST}.csv", "add its row there, or delete this one"
                )
            contest, counts = _read_contest(row, table)
            known = contests.setdefault(contest.id, contest)
            first_seen.setdefault(contest.id, row.line)
            if known != contest:
                raise row.error(
                    f"other candidates stand here for {contest.id} than at line {first_seen[contest.id]}",
                    "leave the same cells empty in every row of a contest",
                )
            stations.setdefault(key, {})[contest.id] = counts
    if not stations:
        raise DataError(
            "the table has no stations",
            "put one row a station in it",
            file=str(directory / "council_party_list.csv"),
        )
    return Results(
        directory,
        tuple(
            Station(district, precinct, stations[district, precinct])
            for district, precinct in sorted(stations, key=_in_order_of_numbers)
        ),
        contests,
    )


def select(results: Results, n: int, seed: int) -> tuple[Station, ...]:
    """Return ``n`` different stations, drawn from all by ``seed``: the same seed draws the same stations.

    Raises:
        DataError: when there are fewer than ``n`` stations, or ``n`` is below 1.
    """
    available = len(results.stations)
    if not 1 <= n <= available:
        raise DataError(
            f"{n} stations asked for, and there are {available}",
            f"ask for 1 to {available}",
            file=str(results.directory),
        )
    return tuple(Random(seed).sample(results.stations, n))


def column_sums(
    directory: Path, stations: Sequence[Station]
) -> tuple[dict[FileStem, dict[str, int]], dict[FileStem, dict[str, int]]]:
    """Sum the files anew for the given stations: votes by table and code, and ballots by table.

    The ballots are ``{"valid": ..., "invalid": ...}``. Of the stations only the names are used: the numbers
    come from the files by a second, plain reading that shares nothing with ``load_results``, so that a mistake
    there shows.

    Raises:
        DataError: when a file lacks a station, or can no longer be read as it was.
    """
    votes: dict[FileStem, dict[str, int]] = {}
    ballots: dict[FileStem, dict[str, int]] = {}
    wanted = {(station.district_id, station.precinct_id): station for station in stations}
    for stem in KEY_COLUMNS:
        path = directory / f"{stem}.csv"
        votes[stem] = {}
        ballots[stem] = {"valid": 0, "invalid": 0}
        missing = {
            key for key, station in wanted.items() if any(c.startswith(stem) for c in station.contests)
        }
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.reader(file)
                header = next(rows)
                district, precinct = header.index("district_id"), header.index("precinct_id")
                valid, invalid = header.index("valid votes"), header.index("invalid votes")
                for row in rows:
                    if (row[district], row[precinct]) not in wanted:
                        continue
                    missing.discard((row[district], row[precinct]))
                    ballots[stem]["valid"] += int(row[valid])
                    ballots[stem]["invalid"] += int(row[invalid])
                    for name, cell in zip(header, row, strict=True):
                        if " - " in name and cell != "":
                            code = name.split(" - ")[0]
                            votes[stem][code] = votes[stem].get(code, 0) + int(cell)
        except (OSError, ValueError, IndexError, StopIteration, csv.Error) as error:
            raise DataError(
                f"summing stopped: {error}", "put the table back as it was", file=str(path)
            ) from error
        if missing:
            absent = ", ".join("-".join(key) for key in sorted(missing))
            raise DataError(f"no row for {absent}", "put the table back as it was", file=str(path))
    return votes, ballots


@dataclass(frozen=True, slots=True)
class _Row:
    """One row and where it stands, so that every complaint can say so."""

    file: str
    line: int
    cells: Mapping[str, str]

    def error(self, problem: str, remedy: str, *, field: str | None = None) -> DataError:
        district, precinct = self.cells["district_id"], self.cells["precinct_id"]
        return DataError(
            problem, remedy, file=self.file, line=self.line, station=f"{district}-{precinct}", field=field
        )

    def key(self, field: str) -> str:
        """A part of an id."""
        value = self.cells[field]
        if _KEY.fullmatch(value) is None:
            raise self.error(
                f"{value!r} cannot be part of an id",
                "use up to 24 ASCII letters, digits, dots and underscores, a letter or digit first",
                field=field,
            )
        return value

    def number(self, field: str) -> int:
        """A cell that must hold a count."""
        text = self.cells[field]
        if text == "":
            raise self.error("the cell is empty", "write the number, 0 included", field=field)
        if _INTEGER.fullmatch(text) is None:
            raise self.error(f"{text!r} is not a whole number", "write digits alone", field=field)
        value = int(text)
        if not 0 <= value <= NUMBER_MAX:
            why = "is negative" if value < 0 else f"is more than {NUMBER_MAX}"
            raise self.error(f"{text} {why}", "correct the number from the station's protocol", field=field)
        return value


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as it was read, its candidates by the heading of their column."""

    stem: FileStem
    candidates: Mapping[str, Candidate]
    rows: tuple[_Row, ...]


def _read_contest(row: _Row, table: _Table) -> tuple[ResultContest, StationContest]:
    votes: dict[str, int] = {}
    standing: list[Candidate] = []
    for heading, candidate in table.candidates.items():
        if row.cells[heading] != "":
            votes[candidate.code] = row.number(heading)
            standing.append(candidate)
    if not standing:
        raise row.error("no candidate stands here", "write each candidate's votes, 0 included")
    counts = StationContest(
        file_stem=table.stem,
        votes=votes,
        valid=row.number(_VALID),
        invalid=row.number(_INVALID),
        signed_for=row.number(_SIGNED_FOR),
        received=row.number(_RECEIVED),
    )
    if sum(votes.values()) != counts.valid:
        raise row.error(
            f"the candidates add up to {sum(votes.values())}, and the valid votes are {counts.valid}",
            "correct the row from the station's protocol",
            field=_VALID,
        )
    contest_id = f"{table.stem}:{row.key(KEY_COLUMNS[table.stem])}"
    return ResultContest(contest_id, table.stem, tuple(standing)), counts


def _read_table(path: Path, stem: FileStem) -> _Table:
    """Read a table whole, the header checked and every row as wide as the header."""
    line = 0
    try:
        if path.stat().st_size > FILE_MAX:
            raise DataError(f"more than {FILE_MAX} bytes", _EXPORT_AGAIN, file=str(path))
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            candidates = _read_header(header, stem, str(path))
            rows = []
            for cells in reader:
                line = reader.line_num
                if len(cells) != len(header):
                    raise DataError(
                        f"{len(cells)} cells, and the header has {len(header)}",
                        _EXPORT_AGAIN,
                        file=str(path),
                        line=line,
                    )
                rows.append(_Row(str(path), line, dict(zip(header, cells, strict=True))))
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}",
            "the directory needs council_party_list.csv, council_majoritarian.csv and mayor.csv",
            file=str(path),
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"not CSV in UTF-8: {error}", _EXPORT_AGAIN, file=str(path), line=line + 1) from error
    return _Table(stem, candidates, tuple(rows))


def _read_header(header: Sequence[str], stem: FileStem, file: str) -> dict[str, Candidate]:
    """Check the headings and return the candidates by theirs."""
    for needed in ("district_id", "precinct_id", KEY_COLUMNS[stem], _SIGNED_FOR, _RECEIVED, _INVALID, _VALID):
        if needed not in header:
            raise _heading_error("the column is missing", "add it, or export the table again", file, needed)
    candidates: dict[str, Candidate] = {}
    codes: dict[str, str] = {}
    for heading in header:
        if heading in _REPEATED:
            continue
        if header.count(heading) > 1:
            raise _heading_error("the column is there twice", "delete one", file, heading)
        if heading in _KNOWN:
            continue
        candidate = _candidate_of(heading, file)
        if candidate.code in codes:
            raise _heading_error(
                f"code {candidate.code} heads {codes[candidate.code]!r} too",
                "give each candidate a code of its own",
                file,
                heading,
            )
        codes[candidate.code] = heading
        candidates[heading] = candidate
    if not candidates:
        raise DataError("no column of a candidate", "add columns headed 'code - name'", file=file, line=1)
    return candidates


def _candidate_of(heading: str, file: str) -> Candidate:
    match = _CANDIDATE.fullmatch(heading)
    if match is None or _CODE.fullmatch(match[1]) is None:
        raise _heading_error(
            "neither a known column nor a candidate's",
            "head a candidate's column 'code - name' with a code of up to 16 ASCII letters and digits",
            file,
            heading,
        )
    name = unicodedata.normalize("NFC", match[2].strip())
    if len(name) > NAME_MAX:
        raise _heading_error(f"a name of {len(name)} characters", f"shorten it to {NAME_MAX}", file, heading)
    return Candidate(code=match[1], name=name)


def _heading_error(problem: str, remedy: str, file: str, heading: str) -> DataError:
    return DataError(problem, remedy, file=file, line=1, field=heading)


def _in_order_of_numbers(key: tuple[str, str]) -> tuple[tuple[int, str], ...]:
    """Sort key: 2 before 10, and both before what is no number."""
    return tuple((int(part) if part.isdigit() else NUMBER_MAX, part) for part in key)
