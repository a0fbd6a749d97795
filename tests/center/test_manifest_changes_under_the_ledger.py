"""centerd under a newer manifest: with an empty ledger it goes on, with what was sealed before it does not."""

from pathlib import Path

from center.log.ledger import LEDGER_NAME
from tests.center.branch import Center, Device, receipts
from tests.center.site import Site, ran
from tests.crypto.election_fixture import make_election

OLD, NEW = make_election(1), make_election(1, version=2)


def test_tallies_that_were_acknowledged_could_not_be_opened(tmp_path: Path) -> None:
    site = Site(tmp_path, OLD)
    try:
        site.start_broker()
        site.start_centerd()
        assert site.stop_centerd() == 0
        (tmp_path / "manifest.dsse.json").write_bytes(NEW.manifest_bytes)
        site.start_centerd()
        assert site.stop_centerd() == 0, "nothing was sealed yet"
        for path in site.state_dir.glob(f"{LEDGER_NAME}*"):
            path.unlink()
        centre, branch = Center(OLD, path=str(site.state_dir / LEDGER_NAME)), Device(OLD, "branch-1")
        assert receipts(centre.take((branch, branch.tally())))
        centre.close()
        code, _, err = ran("centerd", "--config", site.config)
        assert (code, "the ledger began with" in err) == (78, True), err
        (tmp_path / "manifest.dsse.json").write_bytes(OLD.manifest_bytes)
        site.start_centerd()
        assert site.stop_centerd() == 0
    finally:
        site.close()
