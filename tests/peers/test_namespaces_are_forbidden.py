"""Where no network namespace can be made, the tests that need one say so; they never pass in silence."""

from pathlib import Path

import pytest

from tests.peers import netns


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ip = tmp_path / "ip"
    ip.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 255\n")
    ip.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("forbidden")
def test_on_a_desk_the_test_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    with (
        pytest.raises(pytest.skip.Exception, match=r"namespace cannot be made here: .*not permitted"),
        netns.cable(),
    ):
        pass


@pytest.mark.usefixtures("forbidden")
def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="in CI a missing peer is a failure"), netns.cable():
        pass
