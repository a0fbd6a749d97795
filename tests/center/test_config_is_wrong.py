"""Every wrong configuration ends with exit code 78 and a sentence that names file, key and what to do."""

import re
from pathlib import Path

import pytest

from center.config import load_config, load_manifest, load_setup, read_key
from center.errors import ConfigError
from crypto.codec import b64
from tests.center.site import ran, write_files
from tests.crypto.election_fixture import Election, key_of, make_election


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(1)


def test_good_configuration_is_read_and_paths_are_relative_to_its_folder(
    tmp_path: Path, election: Election
) -> None:
    path = write_files(tmp_path, election, port=4242)
    setup = load_setup(load_config(path))
    assert (setup.host, setup.port, setup.client_id) == ("127.0.0.1", 4242, "centerd")
    assert setup.state_dir == tmp_path / "state"
    assert setup.ledger_path == str(tmp_path / "state" / "ledger.db")
    assert setup.manifest.sha256 == election.loaded.sha256
    code, out, _ = ran("centerd", "--config", path, "--check-config")
    assert code == 0
    assert election.loaded.sha256 in out
    assert not (tmp_path / "state").exists()


def test_broker_is_the_manifests_first_endpoint_unless_told_otherwise(
    tmp_path: Path, election: Election
) -> None:
    path = write_files(tmp_path, election)
    text = path.read_text()
    path.write_text(text[: text.index("[broker]")])
    setup = load_setup(load_config(path))
    assert (setup.host, setup.port) == ("127.0.0.1", 1883)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("state_dir", "state_dri", "unknown key 'state_dri' in the top level: did you mean 'state_dir'"),
        ("threshold", "treshold", "unknown key 'treshold' in trust: did you mean 'threshold'"),
        ("port = 1", "prot = 1", "unknown key 'prot' in broker: did you mean 'port'"),
        ("port = 1", "zzzzz = 1", "known keys are host, port"),
        ('log_key = "log.key"', "", "missing required field `log_key`"),
        ("port = 1", 'port = "1"', "port"),
        ("port = 1", "port = 70000", "port"),
        ("threshold = 2", "threshold = 0", "threshold"),
        ("threshold = 2", "threshold = 9", "only 3 different manifest_keys"),
        ("[trust]", "[trust", "not valid TOML"),
        ('"manifest.dsse.json"', '"nothing.json"', "nothing.json: cannot be read"),
        ('log_key = "log.key"', 'log_key = "election.key"', "branches would believe no receipt"),
        ('state_dir = "state"', 'state_dir = "state"\nclient_id = "a/b"', "client_id"),
        ('state_dir = "state"', 'state_dir = "state"\nclient_id = "a+b"', "client_id"),
    ],
)
def test_wrong_configuration_is_explained(
    tmp_path: Path, election: Election, old: str, new: str, complaint: str
) -> None:
    path = write_files(tmp_path, election, {old: new})
    with pytest.raises(ConfigError, match=re.escape(complaint)) as caught:
        load_setup(load_config(path))
    assert str(tmp_path) in str(caught.value) or "trust." in str(caught.value)


def test_configuration_errors_end_with_exit_code_78(tmp_path: Path, election: Election) -> None:
    path = write_files(tmp_path, election, {"state_dir": "state_dri"})
    code, _, err = ran("centerd", "--config", path)
    assert code == 78
    assert f"{path}: unknown key 'state_dri'" in err
    assert ran("centerd", "--config", tmp_path / "missing.toml")[0] == 78
    assert ran("centerd")[0] == 64


def test_manifest_signed_by_others_is_refused(tmp_path: Path, election: Election) -> None:
    path = write_files(tmp_path, election)
    strangers = ", ".join(f'"{b64(key_of(f"stranger {n}").public)}"' for n in range(3))
    path.write_text(re.sub(r"manifest_keys = \[.*\]", f"manifest_keys = [{strangers}]", path.read_text()))
    with pytest.raises(ConfigError, match="not trusted"):
        load_manifest(load_config(path))


def test_one_person_could_open_the_election(tmp_path: Path, election: Election) -> None:
    path = write_files(tmp_path, election)
    load_manifest(load_config(path))
    path.write_text(path.read_text().replace("rehearsal = true\n", ""))
    with pytest.raises(ConfigError, match="whose holder can open alone"):
        load_manifest(load_config(path))


def test_trusted_keys_may_carry_their_ids_which_must_fit(tmp_path: Path, election: Election) -> None:
    path = write_files(tmp_path, election)
    original = path.read_text()

    def with_ids(ids: list[str]) -> None:
        tables = ", ".join(
            f'{{public_key = "{b64(public)}", key_id = "{keyid}"}}'
            for keyid, public in zip(ids, election.trusted.values(), strict=True)
        )
        path.write_text(re.sub(r"manifest_keys = \[.*\]", f"manifest_keys = [{tables}]", original))

    with_ids(list(election.trusted))
    assert load_manifest(load_config(path)).sha256 == election.loaded.sha256
    with_ids(list(election.trusted)[::-1])
    with pytest.raises(ConfigError, match="the key id of"):
        load_manifest(load_config(path))


@pytest.mark.parametrize("text", ["AAAA", b64(b"\0" * 32)])
def test_trusted_key_that_is_no_key_is_named(tmp_path: Path, election: Election, text: str) -> None:
    path = write_files(tmp_path, election)
    path.write_text(re.sub(r"manifest_keys = \[.*\]", f'manifest_keys = ["{text}"]', path.read_text()))
    with pytest.raises(ConfigError, match=re.escape(text)):
        load_manifest(load_config(path))


def test_private_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(b"\1" * 32)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_key(path)
    path.chmod(0o400)
    assert read_key(path) == b"\1" * 32


@pytest.mark.parametrize("size", [0, 31, 33, 5_000])
def test_private_key_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(b"\1" * size)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"take the right file|not the right file"):
        read_key(path)


def test_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="longer than"):
        load_config(Path("/dev/zero"))
