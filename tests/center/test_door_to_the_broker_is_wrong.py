"""[broker], [broker.tls] and [sms.broker]: what is wrong with them is said before anything runs, and what to do."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from center.config import load_config, load_setup
from center.errors import ConfigError
from tests.center.site import ran, write_files
from tests.crypto.election_fixture import Election, make_election
from tests.peers.certificates import Authority


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(1)


def with_broker(folder: Path, election: Election, *lines: str) -> Path:
    return write_files(folder, election, {'host = "127.0.0.1"\nport = 1\n': "\n".join(lines) + "\n"})


def files(folder: Path) -> None:
    """Good ones: ca.pem, our.crt, our.key, password; and some that are not."""
    issued = Authority(folder).issue("centerd")
    issued.certificate_file.rename(folder / "our.crt")
    issued.key_file.rename(folder / "our.key")
    (folder / "password").write_text("a secret\n", encoding="utf-8")
    (folder / "empty").write_bytes(b"")
    (folder / "two").write_bytes(b"one\ntwo\n")
    (folder / "long").write_bytes(b"x" * 2_000)
    (folder / "latin").write_bytes(b"\xe9")
    other = Authority(folder, "other").issue("other")
    other.key_file.rename(folder / "other.key")
    for name in ("our.key", "other.key", "password", "empty", "two", "long", "latin", "ca.pem"):
        (folder / name).chmod(0o600)


TLS = '[broker.tls]\nca_file = "ca.pem"'
OURS = 'certificate_file = "our.crt"\nkey_file = "our.key"'


def test_good_door_is_refused(tmp_path: Path, election: Election) -> None:
    files(tmp_path)
    lines = (
        'host = "b.example"',
        "port = 8883",
        'username = "centerd"',
        'password_file = "password"',
        TLS,
        OURS,
    )
    setup = load_setup(load_config(with_broker(tmp_path, election, *lines)))
    assert (setup.host, setup.port) == ("b.example", 8883)
    assert (setup.door.username, setup.door.password) == ("centerd", "a secret")
    assert setup.door.tls is not None
    assert setup.door.tls.ca_file == str(tmp_path / "ca.pem")
    assert "a secret" not in repr(setup)


def test_tls_alone_takes_the_endpoint_from_the_manifest(tmp_path: Path, election: Election) -> None:
    files(tmp_path)
    path = write_files(tmp_path, election, {'[broker]\nhost = "127.0.0.1"\nport = 1\n': TLS})
    setup = load_setup(load_config(path))
    first = election.manifest.endpoints[0]
    assert (setup.host, setup.port) == (first.host, first.port)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (('host = "a"',), "broker: has one of host and port"),
        (('username = ""',), "username"),
        (('password_file = "password"',), "password_file without username"),
        (("[broker.tls]",), "broker.tls: names nobody to trust: give ca_file, pins or both"),
        (("[broker.tls]", 'pins = ["short"]'), "pins has 'short': give base64 of the 32 bytes"),
        (("[broker.tls]", 'cafile = "x"'), "unknown key 'cafile' in broker.tls: did you mean 'ca_file'?"),
        (("[broker.tls]", 'expired = "never"'), "expired"),
        ((TLS, 'key_file = "our.key"'), "one of certificate_file and key_file: give both or none"),
        (("[broker.tls]", 'ca_file = "gone.pem"'), "ca_file cannot be used: no such file or directory"),
        (
            ("[broker.tls]", 'ca_file = "password"'),
            "ca_file cannot be used: no certificate in it that is PEM",
        ),
        (
            (TLS, 'certificate_file = "our.crt"\nkey_file = "gone.key"'),
            "gone.key: the private key cannot be read",
        ),
        ((TLS, 'certificate_file = "gone.crt"\nkey_file = "our.key"'), "no such file or directory"),
        ((TLS, 'certificate_file = "our.crt"\nkey_file = "other.key"'), "the key is another certificate's"),
        ((TLS, 'certificate_file = "our.crt"\nkey_file = "locked.key"'), "no PEM, or behind a passphrase"),
        ((TLS, 'certificate_file = "our.crt"\nkey_file = "open.key"'), "others may read this private key"),
        (('username = "c"', 'password_file = "gone"'), "gone: the password cannot be read"),
        (
            ('username = "c"', 'password_file = "open"'),
            "others may read this password (mode 0644): chmod 600",
        ),
        (('username = "c"', 'password_file = "empty"'), "a password is one line"),
        (('username = "c"', 'password_file = "two"'), "a password is one line"),
        (('username = "c"', 'password_file = "long"'), "a password is one line of at most 1024 bytes"),
        (('username = "c"', 'password_file = "latin"'), "cannot be read as a password"),
    ],
)
def test_wrong_door_is_tried(tmp_path: Path, election: Election, lines: tuple[str, ...], words: str) -> None:
    files(tmp_path)
    for name, like in (("open", "password"), ("open.key", "our.key")):
        (tmp_path / name).write_bytes((tmp_path / like).read_bytes())
        (tmp_path / name).chmod(0o644)
    locking = ("openssl", "pkcs8", "-topk8", "-in", "our.key", "-out", "locked.key", "-passout", "pass:x")
    subprocess.run(locking, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "locked.key").chmod(0o600)
    with pytest.raises(ConfigError) as error:
        load_setup(load_config(with_broker(tmp_path, election, *lines)))
    assert words in str(error.value)


def test_key_is_not_ours_to_read(tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path)
    path = with_broker(tmp_path, election, TLS, OURS)
    real: Callable[..., object] = Path.open

    def refuse(self: Path, *arguments: object) -> object:
        if self.name == "our.key":  # root may read anything
            raise PermissionError(13, os.strerror(13), str(self))
        return real(self, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"our\.key: the private key cannot be read \(Permission denied\)"):
        load_setup(load_config(path))


def test_programs_start_with_a_door_that_cannot_open(tmp_path: Path, election: Election) -> None:
    files(tmp_path)
    path = with_broker(tmp_path, election, TLS, "[sms.broker.tls]", 'ca_file = "gone.pem"')
    code, _, err = ran("center", "sms", "--config", path, "--modem", tmp_path / "no-modem")
    assert (code, "sms.broker.tls: ca_file cannot be used" in err) == (78, True)
    path = with_broker(tmp_path, election, "[broker.tls]", 'ca_file = "gone.pem"')
    code, _, err = ran("centerd", "--config", path)
    assert (code, "broker.tls: ca_file cannot be used" in err) == (78, True)
