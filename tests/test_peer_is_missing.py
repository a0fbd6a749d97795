import sys
from pathlib import Path

import pytest

from tests.peers import in_ci, require_folder, require_program


def test_missing_peer_is_skipped_by_name_where_a_person_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"'no-such-broker' is not installed"):
        require_program("no-such-broker")


def test_missing_peer_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"'no-such-broker' is not installed.*in CI"):
        require_program("no-such-broker")


def test_missing_package_is_no_different(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"the package 'x' is not installed \(run x\.sh\)"):
        require_folder(tmp_path / "x", "the package 'x'", "x.sh")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"the package 'x' is not installed.*in CI"):
        require_folder(tmp_path / "x", "the package 'x'", "x.sh")
    assert require_folder(tmp_path, "the package 'x'", "x.sh") == tmp_path


def test_peer_that_is_there_is_found_by_its_full_path(monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", str(python.parent))
    assert Path(require_program(python.name)) == python


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("", False), ("false", False)])
def test_ci_that_says_no_is_no_ci(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("CI", value)
    assert in_ci() is expected
