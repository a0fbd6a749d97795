"""A newer manifest: its plan says which one it supersedes, and whoever verifies it sees which branches it silences."""

from functools import partial
from pathlib import Path

from msgspec import UNSET

from center.ceremony import papers
from center.ceremony.assembling import assemble
from center.ceremony.plan import Plan, seats
from center.ceremony.summary import manifest_lines
from crypto import codec
from tests.center.manifests import Change, moved_to_another_port, newer, with_a_candidate_less, with_other_key
from tests.ceremony.hall import run
from tests.ceremony.test_plan_gives_somebody_too_much import check, source
from tests.crypto.election_fixture import key_of, make_election

FIRST = make_election(2, standbys=1)
NAMED = FIRST.loaded.sha256


def test_the_plan_names_it_as_it_is_read_aloud(tmp_path: Path) -> None:
    spoken = papers.groups(NAMED, 64)
    code, out, err = check(source(tmp_path, lambda plan: plan.update(version=2, supersedes=spoken)))
    assert (code, f"supersedes manifest {spoken}" in out) == (0, True), err
    plan = codec.from_bytes((tmp_path / "out" / "plan.json").read_bytes(), Plan)
    keys = {seat: key_of(" ".join(seat)).public for seat in seats(plan)}
    manifest = assemble(plan, keys, FIRST.manifest.election_key, "2027-01-01T00:00:00Z")
    assert (manifest.version, manifest.supersedes) == (2, NAMED)
    assert f"supersedes manifest {spoken}: what branches seal under that one may still count" in list(
        manifest_lines(manifest, "ab" * 32)
    )


def test_a_first_plan_speaks_of_another(tmp_path: Path) -> None:
    assert "supersedes" not in check(source(tmp_path))[1]
    plan = codec.from_bytes((tmp_path / "out" / "plan.json").read_bytes(), Plan)
    assert plan.supersedes is UNSET


def test_a_fingerprint_is_copied_wrongly(tmp_path: Path) -> None:
    for wrong in (NAMED[:-1], NAMED.upper(), ""):
        path = source(tmp_path, partial(dict.update, supersedes=wrong))
        code, _, err = check(path)
        assert (code, "$.supersedes" in err) == (78, True), err


def verified(folder: Path, change: Change, *, follows: bool = True) -> tuple[int, str, str]:
    """What ``manifest verify`` says of a second version, beside the first, which it may not follow."""
    old = FIRST if follows else make_election(2, standbys=1, version=7)
    (folder / "1.json").write_bytes(FIRST.manifest_bytes)
    (folder / "2.json").write_bytes(newer(old, change).manifest_bytes)
    keys = [part for key in FIRST.manifest_keys for part in ("--manifest-key", codec.b64(key.public))]
    files = ["--manifest", str(folder / "2.json"), "--earlier", str(folder / "1.json")]
    return run("manifest", "verify", *files, *keys, "--threshold", "2")


def test_nobody_sees_whom_it_silences(tmp_path: Path) -> None:
    code, out, err = verified(tmp_path, moved_to_another_port)
    assert (code, err) == (0, "")
    assert "a chain of 2 manifests: what is sealed under any of them counts" in out
    assert "refused under" not in out
    _, out, _ = verified(tmp_path, with_other_key("devices", "standby-device-2-1"))
    lines = [line for line in out.splitlines() if "refused under" in line]
    assert lines == [
        "  refused under version 1: device 'standby-device-2-1' of branch 'branch-2' is withdrawn or has another key"
    ]
    _, out, _ = verified(tmp_path, with_other_key("terminals", "terminal-1-1"))
    assert "refused under version 1: terminal 'terminal-1-1' of branch 'branch-1'" in out
    _, out, _ = verified(tmp_path, with_a_candidate_less)
    assert out.count("refused under version 1: the ballot of branch") == 2  # of each branch once


def test_it_follows_another_one(tmp_path: Path) -> None:
    code, _, err = verified(tmp_path, moved_to_another_port, follows=False)
    assert (code, "does not supersede version 1" in err) == (65, True), err
