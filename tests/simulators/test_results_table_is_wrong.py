"""Real tables are read exactly, and anything that is not in the format is refused with its place."""

import os
from pathlib import Path

import pytest

from simulators.results import DataError, FileStem, Results, Station, column_sums, load_results, select

SAMPLE = Path(__file__).parents[2] / "simulators" / "sample" / "georgia-2017"
FULL = Path(__file__).parents[3] / "shared" / "data" / "georgia-2017"
STEMS: tuple[FileStem, ...] = ("council_party_list", "council_majoritarian", "mayor")

# Summed from the sample with awk, by column number.
SAMPLE_BALLOTS = {
    "council_party_list": {"valid": 33_840, "invalid": 1_820},
    "council_majoritarian": {"valid": 33_235, "invalid": 2_237},
    "mayor": {"valid": 19_465, "invalid": 510},
}
SAMPLE_VOTES: dict[tuple[FileStem, str], int] = {
    ("council_party_list", "41"): 18_522,
    ("council_majoritarian", "41"): 18_810,
    ("council_majoritarian", "42"): 234,
    ("mayor", "42"): 3_948,
}

PARTY_LIST = """\
region,district_id,district name,precinct_id,ballots signed for,num ballots,invalid votes,valid votes,\
logic check,logic check2,logic check,logic check2,2 - Second,05 - Fifth,41 - Last
,1,,1,30,40,2,28,,,,,10,,18
,1,,2,25,40,0,26,,,,,20,,6
,10,,1,7,9,1,6,,,,,0,6,
,2,,1,5,9,0,5,,,,,,5,
"""
MAJORITARIAN = """\
region,district_id,major_district_id,precinct_id,ballots signed for,num ballots,invalid votes,valid votes,2 - Second
,1,01.01,1,30,40,2,28,28
,1,01.02,2,25,40,0,26,26
"""
MAYOR = """\
district_id,precinct_id,ballots signed for,num ballots,invalid votes,valid votes,41 - Last,42 - Group
1,1,30,40,3,20,20,0
"""


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    for stem, text in zip(STEMS, (PARTY_LIST, MAJORITARIAN, MAYOR), strict=True):
        (tmp_path / f"{stem}.csv").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def sample() -> Results:
    return load_results(SAMPLE)


def spoil(tables: Path, stem: str, old: str, new: str) -> None:
    path = tables / f"{stem}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_rows_keep_what_stands_in_them(tables: Path) -> None:
    results = load_results(tables)
    assert [station.branch_id for station in results.stations] == ["1-1", "1-2", "2-1", "10-1"]
    station = results.stations[0]
    assert list(station.contests) == ["council_party_list:1", "council_majoritarian:01.01", "mayor:1"]
    party_list = station.contests["council_party_list:1"]
    assert party_list.votes == {"2": 10, "41": 18}  # 05 does not stand: that is not 0 votes
    assert (party_list.valid, party_list.invalid, party_list.signed_for, party_list.received) == (
        28,
        2,
        30,
        40,
    )
    assert party_list.ballots == 30
    assert station.contests["mayor:1"].votes == {"41": 20, "42": 0}  # 0 votes is not the same as not standing


def test_codes_keep_their_leading_zeros_and_names_belong_to_contests(tables: Path) -> None:
    contests = load_results(tables).contests
    standing = {
        contest_id: [(candidate.code, candidate.name) for candidate in contest.candidates]
        for contest_id, contest in contests.items()
    }
    assert standing["council_party_list:10"] == [("2", "Second"), ("05", "Fifth")]
    assert standing["council_party_list:2"] == [("05", "Fifth")]
    assert standing["council_majoritarian:01.02"] == [("2", "Second")]


def test_more_counted_than_signed_for_is_data_not_an_error(tables: Path) -> None:
    contest = load_results(tables).stations[1].contests["council_party_list:1"]
    assert contest.ballots > contest.signed_for


@pytest.mark.parametrize(
    ("stem", "old", "new", "line", "station", "field", "says"),
    [
        ("mayor", "valid votes,41", "41", 1, None, "valid votes", "missing"),
        ("council_majoritarian", "major_district_id", "seat_number", 1, None, "major_district_id", "missing"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,3,twenty,20,0", 2, "1-1", "valid votes", "'twenty'"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,3,20,20,0.0", 2, "1-1", "42 - Group", "'0.0'"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,3,20,20,\u0660", 2, "1-1", "42 - Group", "whole number"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,-3,20,20,0", 2, "1-1", "invalid votes", "negative"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,,20,20,0", 2, "1-1", "invalid votes", "empty"),
        (
            "mayor",
            "1,1,30,40,3,20,20,0",
            "1,1,16777216,40,3,20,20,0",
            2,
            "1-1",
            "ballots signed for",
            "more than",
        ),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,3,20,20,1", 2, "1-1", "valid votes", "add up to 21"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,3,0,,", 2, "1-1", None, "no candidate"),
        ("mayor", "1,1,30,40,3,20,20,0", "1,1,30,40,3,20,20", 2, None, None, "7 cells"),
        (
            "mayor",
            "1,1,30,40,3,20,20,0",
            "1-,1,30,40,3,20,20,0",
            2,
            "1--1",
            "district_id",
            "part of an id",
        ),
        ("council_party_list", ",10,,1,", ",1-0,,1,", 4, "1-0-1", "district_id", "part of an id"),
        ("mayor", "1,1,30", "1,3,30", 2, "1-3", None, "not in council_party_list.csv"),
        ("council_party_list", ",1,,2,", ",1,,1,", 3, "1-1", None, "line 2 already"),
        ("council_party_list", "26,,,,,20,,6", "26,,,,,20,6,", 3, "1-2", None, "other candidates"),
        ("council_party_list", "05 - Fifth", "2 - Fifth", 1, None, "2 - Fifth", "code 2"),
        ("council_party_list", "05 - Fifth", "?? - Fifth", 1, None, "?? - Fifth", "neither"),
        ("council_party_list", "05 - Fifth", "Fifth", 1, None, "Fifth", "neither"),
        ("council_party_list", "05 - Fifth", "num ballots", 1, None, "num ballots", "twice"),
        ("council_party_list", "05 - Fifth", "05 - " + "x" * 201, 1, None, "05 - " + "x" * 201, "201"),
        ("council_party_list", ",1,,2,25", ',1,,"2"2,25', 3, None, None, "not CSV"),
    ],
)
def test_defects_are_refused_with_their_place(
    tables: Path, stem: str, old: str, new: str, line: int, station: str | None, field: str | None, says: str
) -> None:
    spoil(tables, stem, old, new)
    with pytest.raises(DataError, match="; ") as caught:
        load_results(tables)
    error = caught.value
    assert (error.file, error.line, error.station, error.field) == (
        str(tables / f"{stem}.csv"),
        line,
        station,
        field,
    )
    assert says in error.problem
    assert error.remedy in str(error)
    assert f"{stem}.csv, line {line}" in str(error)


@pytest.mark.parametrize("stem", STEMS)
def test_missing_table_says_which_files_are_needed(tables: Path, stem: str) -> None:
    (tables / f"{stem}.csv").unlink()
    with pytest.raises(
        DataError, match=r"needs council_party_list\.csv, council_majoritarian\.csv and mayor\.csv"
    ):
        load_results(tables)


def test_empty_table_misses_its_columns(tables: Path) -> None:
    (tables / "mayor.csv").write_bytes(b"")
    with pytest.raises(DataError, match="district_id"):
        load_results(tables)


def test_no_station_at_all_is_refused(tables: Path) -> None:
    for stem in STEMS:
        path = tables / f"{stem}.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="no stations"):
        load_results(tables)


def test_country_without_mayors_is_fine(tables: Path) -> None:
    path = tables / "mayor.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert all("mayor:1" not in station.contests for station in load_results(tables).stations)


def test_table_that_is_not_utf8_names_the_line(tables: Path) -> None:
    path = tables / "council_party_list.csv"
    path.write_bytes(path.read_bytes() + b",3,,\xff,1,1,0,1,,,,,1,,\n")
    with pytest.raises(DataError, match="not CSV in UTF-8"):
        load_results(tables)


def test_monstrous_file_is_not_read(tables: Path) -> None:
    os.truncate(tables / "mayor.csv", 64 * 1024 * 1024 + 1)  # sparse: takes no room
    with pytest.raises(DataError, match="more than 67108864 bytes"):
        load_results(tables)


def test_byte_order_mark_does_no_harm(tables: Path) -> None:
    path = tables / "mayor.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    stations = load_results(tables).stations
    assert column_sums(tables, stations)[1]["mayor"] == {"valid": 20, "invalid": 3}


def test_asking_for_too_many_stations_says_how_many_there_are(tables: Path) -> None:
    results = load_results(tables)
    for wrong in (5, 0, -1):
        with pytest.raises(DataError, match="there are 4; ask for 1 to 4"):
            select(results, wrong, seed=1)


def test_same_seed_draws_the_same_stations_once_each(sample: Results) -> None:
    drawn = [station.branch_id for station in select(sample, 20, seed=7)]
    assert drawn == [station.branch_id for station in select(load_results(SAMPLE), 20, seed=7)]
    assert len(set(drawn)) == 20
    assert drawn != [station.branch_id for station in select(sample, 20, seed=8)]


def test_sample_adds_up_to_sums_made_without_python(sample: Results) -> None:
    votes, ballots = column_sums(SAMPLE, sample.stations)
    assert ballots == SAMPLE_BALLOTS
    assert {key: votes[key[0]][key[1]] for key in SAMPLE_VOTES} == SAMPLE_VOTES


def test_both_readings_of_the_sample_agree_for_any_selection(sample: Results) -> None:
    for seed in range(5):
        stations = select(sample, 17, seed)
        assert column_sums(SAMPLE, stations) == remembered_sums(stations)


def test_sums_follow_the_file_and_not_what_was_loaded(tables: Path) -> None:
    stations = load_results(tables).stations
    spoil(tables, "council_party_list", ",28,,,,,10,,18", ",29,,,,,11,,18")
    votes, ballots = column_sums(tables, stations)
    assert votes["council_party_list"] == {"2": 31, "05": 11, "41": 24}
    assert ballots["council_party_list"] == {"valid": 66, "invalid": 3}


@pytest.mark.parametrize("stem", STEMS)
def test_sums_without_a_station_of_the_selection_are_refused(tables: Path, stem: str) -> None:
    stations = load_results(tables).stations
    path = tables / f"{stem}.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:1] + lines[2:]))
    with pytest.raises(DataError, match="no row for 1-1"):
        column_sums(tables, stations)


def test_sums_of_a_vanished_file_are_refused(tables: Path) -> None:
    stations = load_results(tables).stations
    (tables / "mayor.csv").unlink()
    with pytest.raises(DataError, match=r"mayor\.csv: summing stopped"):
        column_sums(tables, stations)


def test_sample_shows_the_trouble_that_it_was_chosen_for(sample: Results) -> None:
    differ = [s for s in sample.stations if any(c.signed_for != c.ballots for c in s.contests.values())]
    alarms = [s for s in sample.stations if any(c.signed_for < c.ballots for c in s.contests.values())]
    with_mayor = [s for s in sample.stations if any(c.startswith("mayor:") for c in s.contests)]
    one_counter = [s for s in sample.stations if len({c.ballots for c in s.contests.values()}) == 1]
    assert (len(sample.stations), len(differ), len(with_mayor), len(one_counter)) == (64, 60, 31, 7)
    assert [s.branch_id for s in alarms] == ["1-7", "1-12", "1-23", "1-29", "1-30", "1-31", "14-1", "29-7"]


@pytest.mark.skipif(not FULL.exists(), reason="shared/data is not beside this clone")
def test_full_tables_give_their_published_totals() -> None:
    results = load_results(FULL)
    assert len(results.stations) == 3634
    assert sum(contest.file_stem == "council_majoritarian" for contest in results.contests.values()) == 1088
    assert sum(c.file_stem == "mayor" for s in results.stations for c in s.contests.values()) == 1075
    votes, ballots = column_sums(FULL, results.stations)
    assert ballots["council_party_list"] == {"valid": 1_501_845, "invalid": 73_116}
    assert [votes["council_party_list"][code] for code in ("41", "5", "2")] == [838_154, 256_547, 156_232]
    assert (votes, ballots) == remembered_sums(results.stations)
    originals = {stem: (FULL / f"{stem}.csv").read_bytes().splitlines() for stem in STEMS}
    for stem in STEMS:
        rows = (SAMPLE / f"{stem}.csv").read_bytes().splitlines()
        assert rows[0] == originals[stem][0]
        assert set(rows) <= set(originals[stem])


def remembered_sums(
    stations: tuple[Station, ...],
) -> tuple[dict[FileStem, dict[str, int]], dict[FileStem, dict[str, int]]]:
    votes: dict[FileStem, dict[str, int]] = {stem: {} for stem in STEMS}
    ballots = {stem: {"valid": 0, "invalid": 0} for stem in STEMS}
    for station in stations:
        for contest in station.contests.values():
            ballots[contest.file_stem]["valid"] += contest.valid
            ballots[contest.file_stem]["invalid"] += contest.invalid
            for code, count in contest.votes.items():
                votes[contest.file_stem][code] = votes[contest.file_stem].get(code, 0) + count
    return votes, ballots
