"""The ladder's clock and the rung of SMS in the configuration: layers, near misses, counties that are not there."""

import re
from pathlib import Path

import msgspec
import pytest

from failover.ladder import DAY_MS, RungClock
from kit import exit_codes
from kit.config import Config, ConfigError, load
from kit.sms.plan import SmsPlan
from kit.tables.escalation import BUILT_IN, CountyClock, Kind, ladder_clocks
from kit.tables.sms import SmsTable
from tests.kit.commission import ROOT, commission, run

TABLE = """
utc_offset = "+03:30"

[defaults.account]
courier_after_s = 7200

[defaults.tally]
sms_after_s = 240
courier_after_s = 3000

[counties.tehran]

[counties.zabol.tally]
sms_after_s = 120
courier_by = "22:30"
"""
MODEMS = """
[[modems]]
kind = "at"
name = "a"
port = "/dev/ttyUSB2"

[[modems]]
kind = "at"
name = "b"
port = "/dev/ttyUSB6"
"""
SMS = '[sms]\nnumbers = ["+99900000201"]\n'


def configured(folder: Path, tables: str, table: str | None = TABLE) -> Path:
    path = commission(folder)
    with path.open("a", encoding="utf-8") as file:
        file.write(tables)
    if table is not None:
        (folder / "escalation.toml").write_text(table, encoding="utf-8")
    return path


def clocks(config: Config) -> dict[Kind, RungClock]:
    return ladder_clocks(config.escalation, has_sms=config.sms is not None)


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


def test_nothing_is_said_and_no_clock_runs(tmp_path: Path) -> None:
    config = load(configured(tmp_path, ""))
    assert clocks(config) == {
        "account": RungClock(None, 5_400_000),
        "tally": RungClock(None, 2_700_000),
    }


def test_layers_lie_in_the_wrong_order(tmp_path: Path) -> None:
    own = '[escalation]\ncounty = "zabol"\ntable_file = "escalation.toml"\n[escalation.tally]\ncourier_after_s = 1800\n'
    config = load(configured(tmp_path, MODEMS + SMS + own))
    assert clocks(config) == {
        "account": RungClock(600_000, 7_200_000),
        "tally": RungClock(120_000, 1_800_000, courier_daily_ms=19 * 3_600_000),
    }
    assert config.sms is not None
    assert config.sms.plan(config.modems) == SmsPlan(("+99900000201",), ("a", "b"), 240_000, 40, 80)


def test_modem_behind_modemmanager_is_given_single_parts(tmp_path: Path) -> None:
    managed = '[[modems]]\nkind = "modemmanager"\nname = "m"\nimei = "490154203237518"\n'
    config = load(configured(tmp_path, MODEMS + managed + SMS))
    assert config.sms is not None
    assert config.sms.plan(config.modems).whole == {"m"}


def test_table_is_looked_for_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = configured(tmp_path, '[escalation]\ntable_file = "escalation.toml"\n')
    monkeypatch.chdir("/")
    assert load(path).escalation.table_file == str(tmp_path.resolve() / "escalation.toml")


@pytest.mark.parametrize(
    ("offset", "by", "daily_ms"),
    [
        ("+00:00", "22:30", 81_000_000),
        ("-03:00", "22:30", 5_400_000),
        ("+05:30", "00:00", DAY_MS - 19_800_000),
    ],
)
def test_clock_on_the_wall_is_read_in_the_wrong_zone(
    tmp_path: Path, offset: str, by: str, daily_ms: int
) -> None:
    own = f'[escalation]\nutc_offset = "{offset}"\ntally.courier_by = "{by}"\n'
    assert clocks(load(configured(tmp_path, own)))["tally"].courier_daily_ms == daily_ms


def test_moment_is_taken_for_a_time_of_the_day(tmp_path: Path) -> None:
    own = '[escalation.tally]\ncourier_by = "2027-06-18T19:00:00Z"\n'
    clock = clocks(load(configured(tmp_path, own)))["tally"]
    assert (clock.courier_by_ms, clock.courier_daily_ms) == (1_813_345_200_000, None)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ("[escalation]\ncuonty = 'x'\n", "unknown key 'cuonty' in escalation; did you mean 'county'?"),
        (
            "[escalation.tally]\nsms_afer_s = 60\n",
            "unknown key 'sms_afer_s' in escalation.tally; did you mean 'sms_after_s'?",
        ),
        ("[escalation.tally]\nsms_after_s = 5\n", "Expected `int` >= 10"),
        (
            "[escalation.tally]\nsms_after_s = 300\ncourier_after_s = 200\n",
            "courier_after_s 200 is less than",
        ),
        ("[escalation.tally]\ncourier_by = '25:00'\n", "courier_by '25:00' is neither a time of the day"),
        ("[escalation]\nutc_offset = '3:30'\n", "utc_offset"),
        ("[escalation]\ncounty = 'zabol'\n", "there is no table_file"),
        ("[escalation]\ntable_file = 'no.toml'\n", "no.toml: cannot be read"),
        (
            "[escalation]\ntable_file = 'escalation.toml'\ncounty = 'zabul'\n",
            "county 'zabul' is not in",
        ),
        ("[sms]\nnumbers = ['+99900000201']\n", "[sms] needs a modem"),
        (MODEMS + "[sms]\nnumbers = []\n", "numbers"),
        (MODEMS + "[sms]\nnumbers = ['09120000001']\n", "numbers"),
        (MODEMS + "[sms]\nnumbers = ['+99900000201', '+99900000201']\n", "stands there twice"),
        (MODEMS + SMS + "modems = ['c']\n", "there is no modem 'c'; [[modems]] has a, b"),
        (
            MODEMS + SMS + "max_per_huor = 3\n",
            "unknown key 'max_per_huor' in sms; did you mean 'max_per_hour'?",
        ),
    ],
)
def test_mistake_is_found_before_anything_starts(tmp_path: Path, tables: str, words: str) -> None:
    assert words in complaint(configured(tmp_path, tables))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[counties.zabol.tally]\nsms_afer_s = 60\n", "did you mean 'sms_after_s'?"),
        ("[counties.zabol.taly]\nsms_after_s = 60\n", "did you mean 'tally'?"),
        ("[defualts]\n", "did you mean 'defaults'?"),
        ("[counties.zabol.tally]\ncourier_after_s = 100\n", "zabol: tally: courier_after_s 100 is less than"),
        ("[counties.'za bol']\n", "counties"),
        ("counties = 3", "counties"),
        ("[[[", "not valid TOML"),
    ],
)
def test_county_of_somebody_else_is_wrong_in_the_table(tmp_path: Path, table: str, words: str) -> None:
    """Every kit checks all of the shared table, not just its own county."""
    said = complaint(configured(tmp_path, "[escalation]\ntable_file = 'escalation.toml'\n", table))
    assert "escalation.toml" in said
    assert words in said


def test_check_config_does_not_look_at_the_table(tmp_path: Path) -> None:
    own = '[escalation]\ncounty = "zabul"\ntable_file = "escalation.toml"\n'
    done = run("kitd", "--config", configured(tmp_path, own), "--check-config")
    assert done.returncode == exit_codes.CONFIG
    assert "did you mean 'zabol'?" in done.stderr
    (tmp_path / "good").mkdir()
    good = configured(tmp_path / "good", MODEMS + SMS + own.replace("zabul", "zabol"))
    assert run("kitd", "--config", good, "--check-config").returncode == exit_codes.OK


def test_ladder_document_lies(tmp_path: Path) -> None:
    """Its examples are a table and a configuration that a kit takes, and say what the text says."""
    text = (ROOT / "docs" / "ladder.md").read_text(encoding="utf-8")
    table, own, sms = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    config = load(configured(tmp_path, MODEMS + own + sms, table))
    assert clocks(config) == {
        "account": RungClock(600_000, 5_400_000),
        "tally": RungClock(120_000, 2_700_000, courier_by_ms=1_813_343_400_000),
    }
    written = re.search(r"\[defaults\.tally\].*?(?=\[counties)", table, re.DOTALL)
    assert written is not None
    assert msgspec.toml.decode(written.group(), type=dict[str, CountyClock])["defaults"] == BUILT_IN
    assert config.sms == SmsTable(numbers=("+99900000201", "+99900000202"), modems=("a", "b")), (
        "not the defaults"
    )
