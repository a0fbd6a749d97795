"""A configuration, a manifest or a key that is not what it should be: said in words, before anything starts."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from crypto import envelope
from crypto.codec import b64, to_bytes
from crypto.wire import TYPE_MANIFEST
from failover.timing import Timing
from kit import exit_codes
from kit.config import ConfigError, load
from kit.daemon import load_key, load_manifest
from kit.events import Booted
from kit.journal.journal import Journal
from kit.station import Station
from kit.tables.devices import secret
from tests.crypto.election_fixture import key_of, make_election
from tests.kit.commission import ELECTION, commission, run, run_apart


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return commission(tmp_path)


def changed(config: Path, old: str, new: str) -> Path:
    text = config.read_text(encoding="utf-8")
    assert text.count(old) >= 1, old
    config.write_text(text.replace(old, new, 1), encoding="utf-8")
    return config


def complaint(config: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(config)
    assert str(caught.value).startswith(f"{config}: ")
    return str(caught.value)


def test_good_configuration_is_refused(config: Path) -> None:
    loaded = load(config)
    assert loaded.branch == "branch-1"
    assert loaded.failover == Timing()
    manifest = load_manifest(loaded)
    assert load_key(loaded, manifest).public == ELECTION.devices["device-1"].public


def test_relative_paths_are_relative_to_who_starts_it(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    loaded = load(config)
    for name in ("state_dir", "manifest", "device_key", "control_socket"):
        assert Path(getattr(loaded, name)).parent == config.resolve().parent


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "key", "table", "near"),
    [
        ('branch = "branch-1"', 'stat_dir = "x"', "the top level", "state_dir"),
        ('branch = "branch-1"', 'manifets = "x"', "the top level", "manifest"),
        ("threshold = 2", "treshold = 2", "trust", "threshold"),
        ('id = "terminal-1-1"', "status_intervall_ms = 200", "terminals", "status_interval_ms"),
        ("poll_interval_ms = 200", "poll_intervall = 200", "ups", "poll_interval_ms"),
        ('name = "fibre"', 'hots = "x"', "uplinks", "host"),
    ],
)
def test_key_is_misspelt(config: Path, line: str, key: str, table: str, near: str) -> None:
    words = complaint(changed(config, line, f"{line}\n{key}"))
    assert f"unknown key {key.split(' ', maxsplit=1)[0]!r} in {table}" in words
    assert f"did you mean {near!r}?" in words


def test_key_of_the_failover_table_is_misspelt(config: Path) -> None:
    changed(config, "[ups]", "[failover]\nprobe_sm = 15000\n\n[ups]")
    assert "unknown key 'probe_sm' in failover; did you mean 'probe_ms'?" in complaint(config)


def test_key_of_the_battery_is_misspelt(config: Path) -> None:
    changed(config, "[ups]", "[battery]\nrated_watts = 360\n\n[ups]")
    assert "unknown key 'rated_watts' in battery; did you mean 'rated_w'?" in complaint(config)


def test_key_is_like_no_other(config: Path) -> None:
    words = complaint(changed(config, 'branch = "branch-1"', 'branch = "branch-1"\nzzz = 1'))
    assert "unknown key 'zzz' in the top level; known keys: branch, state_dir," in words


@pytest.mark.parametrize(
    "missing", ['branch = "branch-1"\n', 'manifest = "manifest.dsse.json"\n', "threshold = 2\n"]
)
def test_key_is_missing(config: Path, missing: str) -> None:
    words = complaint(changed(config, missing, ""))
    assert f"missing required field `{missing.split(' ', maxsplit=1)[0]}`" in words


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("threshold = 2", 'threshold = "2"', "trust.threshold"),
        ("threshold = 2", "threshold = 0", "trust.threshold"),
        ("port = 1", "port = 0", "port"),
        ("port = 1", "port = 65536", "port"),
        ("port = 1", "port = 1.0", "port"),
        ('kind = "4g"', 'kind = "5g"', "kind"),
        ('name = "fibre"', 'name = "fibre/a"', "name"),
        ('id = "terminal-1-1"', 'id = "#"', "id"),
        ('branch = "branch-1"', 'branch = "a+b"', "branch"),
        ("status_interval_ms = 200", "status_interval_ms = 49", "status_interval_ms"),
        ('host = "127.0.0.1"', 'host = ""', "host"),
        ("[ups]", "[failover]\nprobe_ms = 0\n\n[ups]", "probe_ms"),
        ("[ups]", "[battery]\nreserve_s = 1\n\n[ups]", "reserve_s"),
        (
            "[ups]",
            "[battery]\ncapacity_wh = 84\n\n[ups]",
            "capacity_wh and rated_w tell something only together",
        ),
        ("[ups]", "[battery]\nfull_v = 12.6\n\n[ups]", "full_v needs an empty_v below it"),
        ("[ups]", "[battery]\nfull_v = 12.6\nempty_v = 13\n\n[ups]", "full_v needs an empty_v below it"),
        ("[ups]", '[failover]\nprobe_ms = "1"\n\n[ups]', "probe_ms"),
        ("[ups]", "[failover]\ncritical_echo_ms = 999\n\n[ups]", "critical_echo_ms"),
    ],
)
def test_value_is_of_the_wrong_type_or_size(config: Path, old: str, new: str, where: str) -> None:
    assert where in complaint(changed(config, old, new))


def test_failover_is_no_table(config: Path) -> None:
    assert "failover" in complaint(changed(config, "[trust]", "failover = 3\n[trust]"))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name = "4g"', 'name = "fibre"', "uplinks"),
        ("[ups]", '[[terminals]]\nid = "terminal-1-1"\nport = "x"\n\n[ups]', "terminals"),
    ],
)
def test_two_of_them_have_the_same_name(config: Path, old: str, new: str, what: str) -> None:
    assert f"two {what} have the same name" in complaint(changed(config, old, new))


def test_there_is_no_uplink(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text("uplinks = []\n" + text[: text.index("[[uplinks]]")], encoding="utf-8")
    assert "uplinks" in complaint(config)


# --- files ----------------------------------------------------------------------------------------


def test_file_is_missing_or_a_folder(tmp_path: Path) -> None:
    assert "cannot be read" in complaint(tmp_path / "missing.toml")
    assert "cannot be read" in complaint(tmp_path)


@pytest.mark.parametrize("text", [b"branch = ", b"[trust\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_file_is_not_toml(config: Path, text: bytes) -> None:
    config.write_bytes(text)
    assert re.search("not valid TOML|cannot be read", complaint(config))


def unsigned(config: Path) -> None:
    data = envelope.sign(TYPE_MANIFEST, to_bytes(ELECTION.manifest), ELECTION.manifest_keys[:1]).to_bytes()
    (config.parent / "manifest.dsse.json").write_bytes(data)


def tampered(config: Path) -> None:
    (config.parent / "manifest.dsse.json").write_bytes(
        ELECTION.manifest_bytes.replace(b'"payload":"eyJ', b'"payload":"eyK')
    )


def of_others(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    mallory = ", ".join(f'"{b64(key_of(f"mallory-{n}").public)}"' for n in (1, 2))
    config.write_text(re.sub(r"manifest_keys = .*", f"manifest_keys = [{mallory}]", text), encoding="utf-8")


def opened_by_one_person(config: Path) -> None:
    changed(config, "rehearsal = true", "rehearsal = false")


def not_there(config: Path) -> None:
    (config.parent / "manifest.dsse.json").unlink()


def of_another_branch(config: Path) -> None:
    changed(config, 'branch = "branch-1"', 'branch = "branch-9"')


def with_more_terminals(config: Path) -> None:
    changed(config, "terminal-1-1", "terminal-1-2")


def as_a_device_of_elsewhere(config: Path) -> None:
    changed(config, 'branch = "branch-1"', 'branch = "branch-1"\ndevice = "device-2"')


def as_a_re_vote_on_the_first_kit(config: Path) -> None:
    changed(config, 'branch = "branch-1"', 'branch = "branch-1"\npoll = "re-vote"')


def with_key_of_another_device(config: Path) -> None:
    (config.parent / "device.key").write_bytes(ELECTION.devices["device-2"].seed)


def with_short_key(config: Path) -> None:
    (config.parent / "device.key").write_bytes(b"k" * 31)


def with_key_for_everyone(config: Path) -> None:
    (config.parent / "device.key").chmod(0o640)


def without_key(config: Path) -> None:
    (config.parent / "device.key").unlink()


def misspelt(config: Path) -> None:
    changed(config, "threshold", "treshold")


def check(config: Path) -> None:
    """What ``kitd --check-config`` does."""
    loaded = load(config)
    load_key(loaded, load_manifest(loaded))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (unsigned, "1 signatures: 2 are needed"),
        (tampered, "manifest.dsse.json: "),
        (of_others, "which is not trusted for it"),
        (not_there, "cannot be read"),
        (opened_by_one_person, "whose holder can open alone"),
        (of_another_branch, "branch-9"),
        (
            with_more_terminals,
            "has terminals terminal-1-1 in the manifest (standbys too), the configuration has terminal-1-2",
        ),
        (as_a_device_of_elsewhere, "device 'device-2' is none of branch branch-1: it is device-1"),
        (as_a_re_vote_on_the_first_kit, 'poll = "re-vote" is for a standby kit'),
        (with_key_of_another_device, "not the key that the manifest enrols for device device-1"),
        (with_short_key, "not a device key"),
        (with_key_for_everyone, "chmod 600"),
        (without_key, "device.key: cannot be read"),
        (misspelt, "did you mean 'threshold'?"),
    ],
)
def test_check_of_the_configuration_passes_over_it(
    config: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(config)
    with pytest.raises(ConfigError, match=re.escape(words)):
        check(config)


@pytest.mark.parametrize("spoil", [unsigned, of_others, with_key_of_another_device, misspelt])
def test_check_of_the_configuration_ends_in_a_traceback(config: Path, spoil: Callable[[Path], None]) -> None:
    spoil(config)
    with pytest.raises(ConfigError) as caught:
        check(config)
    ended = run("kitd", "--config", config, "--check-config")
    assert (ended.returncode, ended.stdout) == (exit_codes.CONFIG, "")
    assert ended.stderr == f"kitd: {caught.value}\n"


def test_check_of_the_configuration_changes_anything(config: Path) -> None:
    before = sorted(config.parent.iterdir())
    ended = run_apart("kitd", "--config", config, "--check-config")
    assert (ended.returncode, ended.stderr) == (exit_codes.OK, "")
    assert f"good for branch branch-1, manifest {ELECTION.loaded.sha256[:16]}" in ended.stdout
    assert sorted(config.parent.iterdir()) == before


def test_manifest_is_signed_by_keys_that_we_do_not_trust(config: Path) -> None:
    loaded = load(config)
    others = msgspec.structs.replace(loaded.trust, manifest_keys=loaded.trust.manifest_keys[:1])
    with pytest.raises(ConfigError, match=r"manifest\.dsse\.json"):
        load_manifest(msgspec.structs.replace(loaded, trust=others))


def test_kit_starts_with_a_wrong_configuration(config: Path) -> None:
    """Not only the check: the daemon itself."""
    with_key_of_another_device(config)
    ended = run("kitd", "--config", config)
    assert ended.returncode == exit_codes.CONFIG
    assert "not the key that the manifest enrols" in ended.stderr


def test_another_manifest_comes_after_the_journal_began(config: Path) -> None:
    newer = make_election(2, version=2)
    station = Station(ELECTION.loaded, "branch-1", uplinks=("fibre",), timing=Timing(), has_ups=False)
    step = station.handle(Booted("b", 1_813_000_000_000), 0)
    (config.parent / "state").mkdir()
    journal = Journal(config.parent / "state" / "journal.db")
    assert not list(journal.replay())
    journal.append(step.facts)
    journal.close()
    (config.parent / "manifest.dsse.json").write_bytes(newer.manifest_bytes)
    ended = run("kitd", "--config", config)
    assert ended.returncode == exit_codes.DATA
    assert "the journal is of manifest_sha256" in ended.stderr
    assert "use an empty state directory, or the manifest that this journal goes by" in ended.stderr


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("kitd", ()),
        ("kitd", ("--config",)),
        ("kitd", ("--config", "x", "--bogus")),
        ("kitctl", ()),
        ("kitctl", ("dance",)),
        ("kitctl", ("order",)),
        ("kitctl", ("status", "--lang", "xx")),
        ("kitctl", ("order", "/no/such/order.dsse")),
    ],
)
def test_wrong_usage_looks_like_a_critical_state(program: str, arguments: tuple[str, ...]) -> None:
    ended = run(program, *arguments)
    assert ended.returncode == exit_codes.USAGE, "2 would mean that something is wrong with the branch"
    assert ended.stdout == ""
    assert program in ended.stderr


@pytest.mark.parametrize("program", ["kitd", "kitctl"])
def test_help_does_not_say_how(program: str) -> None:
    ended = run(program, "--help")
    assert ended.returncode == exit_codes.OK
    assert "examples:" in ended.stdout
    assert "exit codes:" in ended.stdout


# --- standbys -------------------------------------------------------------------------------------

STANDBYS = make_election(2, standbys=1)
STANDBY_LINE = """
[[terminals]]
id = "standby-terminal-1-1"
port = "/dev/null"
"""


def test_standby_kit_is_taken_for_the_branchs_own(tmp_path: Path) -> None:
    config = commission(tmp_path, election=STANDBYS, device="standby-device-1-1")
    loaded = load(config)
    manifest = load_manifest(loaded)
    assert load_key(loaded, manifest).public == STANDBYS.devices["standby-device-1-1"].public
    (config.parent / "device.key").write_bytes(STANDBYS.devices["device-1"].seed)
    with pytest.raises(ConfigError, match="enrols for device standby-device-1-1"):
        load_key(loaded, manifest)


def test_line_of_a_standby_terminal_is_refused(tmp_path: Path) -> None:
    config = commission(tmp_path, election=STANDBYS)
    config.write_text(config.read_text(encoding="utf-8") + STANDBY_LINE, encoding="utf-8")
    assert load_manifest(load(config))


def test_terminal_takes_part_and_has_no_line(tmp_path: Path) -> None:
    """Known when the journal was read: only it can tell which terminals were given up."""
    config = changed(commission(tmp_path, election=STANDBYS), "terminal-1-1", "standby-terminal-1-1")
    ended = run("kitd", "--config", config)
    assert ended.returncode == exit_codes.CONFIG
    assert "terminal terminal-1-1 takes part and has no line" in ended.stderr + ended.stdout


# --- devices ---------------------------------------------------------------------------------------

MODEM = """
[[modems]]
name = "sim-a"
kind = "at"
port = "/dev/ttyUSB2"
pin_file = "sim-a.pin"
"""
FIBRE = """
[fibre]
interface = "eth1"
[fibre.ont]
host = "192.168.100.1"
community_file = "ont.community"
oids = {rx_power_dbm = {oid = "1.3.6.1.4.1.32473.1.1.1.0", scale = 0.001}}
"""


def added(config: Path, text: str) -> Path:
    config.write_text(config.read_text(encoding="utf-8") + text, encoding="utf-8")
    return config


def test_secrets_are_looked_for_where_the_daemon_was_started(config: Path) -> None:
    loaded = load(added(config, MODEM + FIBRE))
    folder = config.resolve().parent
    (modem,) = loaded.modems
    assert modem.pin_file == str(folder / "sim-a.pin")
    assert loaded.fibre is not None
    assert loaded.fibre.ont is not None
    assert loaded.fibre.ont.community_file == str(folder / "ont.community")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MODEM + MODEM, "two modems have the same name"),
        (MODEM.replace('"at"', '"ppp"'), "Invalid value 'ppp'"),
        (MODEM.replace("pin_file", "pinfile"), "did you mean 'pin_file'?"),
        (MODEM.replace("port", "prot"), "did you mean 'port'?"),
        (FIBRE.replace("interface", "interfaces"), "did you mean 'interface'?"),
        (FIBRE.replace("community_file", "community"), "did you mean 'community_file'?"),
    ],
)
def test_table_of_a_device_is_wrong(config: Path, text: str, says: str) -> None:
    assert says in complaint(added(config, text))


@pytest.mark.parametrize(
    ("mode", "content", "says"),
    [
        (0o644, "1234", "chmod 600"),
        (0o600, "", "one line"),
        (0o600, "12\n34", "one line"),
        (0o600, "1" * 1000, "one line"),
        (None, "", "cannot be read"),
    ],
)
def test_secret_is_open_to_all_or_no_secret(
    tmp_path: Path, mode: int | None, content: str, says: str
) -> None:
    path = tmp_path / "pin"
    if mode is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
    with pytest.raises(ConfigError, match=says):
        secret(path)


def test_secret_has_the_end_of_its_line(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text("1234\n", encoding="utf-8")
    path.chmod(0o600)
    assert secret(path) == "1234"
