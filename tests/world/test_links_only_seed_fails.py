"""``kit-sim world --links-only`` says which seeds failed and why, by words, JSON and exit code."""

import json
import sys
from pathlib import Path

import pytest

from simulators import cli
from simulators.world.rungs.bounds import RECEIPTED_MAX_S
from tests.world import link_mutations


def _run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["kit-sim", "world", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


LINKS_ONLY = ("--links-only", "--branches", "1", "--seeds", "3")


def test_every_seed_holds(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = _run(capsys, monkeypatch, *LINKS_ONLY, "--json")
    *days, summary = map(json.loads, out.splitlines())
    assert (code, err, summary["verdict"], len(days)) == (0, "", "ok", 3)
    assert summary["envelopes"] == 6
    assert summary["receipted_worst_s"] == max(wait for day in days for wait in day["receipted_s"])
    assert summary["receipted_worst_s"] <= summary["receipted_allowed_s"] == RECEIPTED_MAX_S
    code, out, _ = _run(capsys, monkeypatch, *LINKS_ONLY)
    assert code == 0
    assert f"(seed {summary['receipted_worst_seed']}; 65.6 s are allowed)" in out
    assert f"trace {summary['trace']}" in out


def test_seed_that_fails_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    link_mutations.silence_believed_too_long(monkeypatch)
    code, out, _ = _run(capsys, monkeypatch, *LINKS_ONLY)
    *_, verdict = out.splitlines()
    assert code == 1
    assert verdict.startswith("verdict: failed, seed ")
    assert "BROKEN" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--links-only", "--days", "2"), 64, "say how many by --seeds"),
        (("--links-only", "--calm"), 64, "say how many by --seeds"),
        (("--seeds", "2"), 64, "say how many whole days by --days"),
        (("--links-only", "--data", "{folder}"), 65, "kit-sim: "),
    ],
)
def test_what_was_asked_cannot_be(
    words: tuple[str, ...],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    ended, out, err = _run(capsys, monkeypatch, *(word.format(folder=tmp_path) for word in words))
    assert (ended, out) == (code, "")
    assert said in err
