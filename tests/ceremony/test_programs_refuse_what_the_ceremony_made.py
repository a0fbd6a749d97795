"""What the ceremony made is what the other programs take: centerd, kitd, the centre's witness, commissioners."""

import re
from pathlib import Path

import pytest

from center.cli import main_center, main_centerd
from kit.cli import kitd
from tests.ceremony.hall import Hall, run


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall.copied(tmp_path)


def trust(hall: Hall) -> str:
    """The table that manifest verify prints for the configuration files."""
    _, out, _ = run("manifest", "verify", *hall.trust())
    return out[out.index("[trust]") :]


def ended(main: object, argv: list[str]) -> object:
    with pytest.raises(SystemExit) as caught:
        main(argv)  # type: ignore[operator]
    return caught.value.code


def test_centerd_refuses_manifest_or_log_key(hall: Hall, capfd: pytest.CaptureFixture[str]) -> None:
    config = hall.folder / "centerd.toml"
    key = hall.at("technician", "log-log.example_rehearsal.seed")
    config.write_text(
        f'state_dir = "state"\nmanifest = "{hall.file("manifest.dsse.json")}"\nlog_key = "{key}"\n{trust(hall)}'
    )
    assert ended(main_centerd, ["--config", str(config), "--check-config"]) == 0, capfd.readouterr().err
    assert "good for election rehearsal" in capfd.readouterr().out


def test_kitd_refuses_manifest_or_device_key(
    hall: Hall, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = hall.folder / "kitd.toml"
    config.write_text(
        f'branch = "branch-1"\nstate_dir = "state"\nmanifest = "{hall.file("manifest.dsse.json")}"\n'
        f'device_key = "{hall.at("technician", "device-device-1.seed")}"\ncontrol_socket = "kitd.sock"\n'
        '[[terminals]]\nid = "terminal-1"\nport = "/dev/null"\n'
        '[[uplinks]]\nname = "fibre"\nkind = "fibre"\nhost = "127.0.0.1"\nport = 1883\n' + trust(hall)
    )
    monkeypatch.setattr("sys.argv", ["kitd", "--config", str(config), "--check-config"])
    assert ended(lambda _: kitd.main(), []) == 0, capfd.readouterr().err
    assert "good for branch branch-1" in capfd.readouterr().out


def test_witness_has_another_verifier_key_than_the_manifest_says(
    hall: Hall, capfd: pytest.CaptureFixture[str]
) -> None:
    key = hall.at("technician", "witness-witness-1.example.seed")
    assert ended(main_center, ["witness", "vkey", "--name", "witness-1.example", "--key", str(key)]) == 0
    vkey = capfd.readouterr().out.strip()
    assert re.fullmatch(r"witness-1\.example\+[0-9a-f]{8}\+\S+", vkey)
    assert f'"{vkey}"' in hall.at("coordinator", "manifest.json").read_text()
