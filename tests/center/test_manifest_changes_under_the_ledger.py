"""centerd under a newer manifest: where that supersedes the one it began with it goes on by both, else not at all."""

from pathlib import Path

import pytest

from center.log.ledger import LEDGER_NAME
from center.log.ledger_manifest import check_manifest
from crypto.carrier import to_compact
from tests.center.branch import Center, Device, receipts
from tests.center.manifests import moved_to_another_port, newer
from tests.center.site import Site, ran
from tests.crypto.election_fixture import make_election

OLD, STRANGER = make_election(2), make_election(2, version=2)
NEW = newer(OLD, moved_to_another_port)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A centre that took one envelope under the older manifest."""
    site = Site(tmp_path, OLD)
    site.state_dir.mkdir()
    centre, branch = Center(OLD, path=str(site.state_dir / LEDGER_NAME)), Device(OLD, "branch-1")
    check_manifest(centre.ledger, STRANGER.loaded)  # nothing was sealed yet
    assert receipts(centre.take((branch, branch.account())))
    centre.close()
    return site


def test_tallies_that_were_acknowledged_could_not_be_opened(site: Site) -> None:
    (site.folder / "manifest.dsse.json").write_bytes(STRANGER.manifest_bytes)
    code, _, err = ran("centerd", "--config", site.config)
    assert (code, "the ledger began with" in err) == (78, True), err
    site.close()


def test_what_a_branch_seals_under_the_older_one_is_refused_after_a_restart(site: Site) -> None:
    (site.folder / "manifest-1.dsse.json").write_bytes(OLD.manifest_bytes)
    (site.folder / "manifest.dsse.json").write_bytes(NEW.manifest_bytes)
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text('earlier_manifests = ["manifest-1.dsse.json"]\n' + text, encoding="utf-8")
    unaware, aware = Device(OLD, "branch-1"), Device(NEW, "branch-2")
    unaware.account()
    tally = site.folder / "tally.compact"
    tally.write_bytes(to_compact(unaware.tally(), OLD.loaded))
    account = site.folder / "account.dsse.json"
    account.write_bytes(aware.account())
    try:
        site.start_broker()
        site.start_centerd()
        code, out, err = ran("center", "submit", tally, account, "--config", site.config)
        assert (code, err) == (0, ""), out
        site.kill_centerd()
        site.start_centerd()
        assert site.stop_centerd() == 0
        started = [line for line in site.log_lines() if line["event"] == "started"]
        assert [line["log_size"] for line in started] == [1, 3]
        assert all(line["earlier_manifests"] == [OLD.loaded.sha256] for line in started)
        assert ran("center", "log", "audit", "--config", site.config)[0] == 0
    finally:
        site.close()
