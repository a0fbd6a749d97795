"""A centre with a publication: two branches, three batches, and an opening."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from crypto.codec import b64
from tests.center.branch import Center, Device
from tests.center.command import Ran, center
from tests.center.site import write_files
from tests.crypto.election_fixture import SCHEDULE, Election

PAST = msgspec.structs.replace(
    SCHEDULE,
    open_not_before="2020-06-18T03:30:00.000Z",
    close_not_before="2020-06-18T14:30:00.000Z",
    tally_not_before="2020-06-18T14:30:00.000Z",
    opening_not_before="2020-06-18T16:30:00.000Z",
)


class Office:
    """A centre with its files in one folder, and what it publishes in ``folder / "public"``."""

    def __init__(self, folder: Path, election: Election) -> None:
        self.folder = folder
        self.election = election
        self.public = folder / "public"
        self.config = write_files(folder, election)
        (folder / "state").mkdir()
        self.center = Center(election, str(folder / "state" / "ledger.db"))
        self.devices = {
            branch.id: Device(election, branch.id) for branch in election.loaded.manifest.branches
        }

    def day(self, *branches: str) -> None:
        """The whole day of some branches, the account and the tally of each in a batch of their own."""
        for branch in branches:
            device = self.devices[branch]
            self.center.take((device, device.account()))
            self.center.take((device, device.tally()))

    def open(self) -> Path:
        """Open; returns the file of the result."""
        out = self.folder / "result.json"
        ran = center("open", "--config", self.config, "--key", self.folder / "election.key", "--out", out)
        assert ran.code in {0, 1, 2}, ran.err
        return out

    def publish(self, *options: object) -> Ran:
        return center("publish", self.public, "--config", self.config, *options)

    def audit(self, *options: object, folder: Path | None = None) -> Ran:
        return center("audit", folder or self.public, *self.trust(), *options)

    def trust(self) -> Iterator[str]:
        """The options that name the manifest keys."""
        for key in self.election.manifest_keys:
            yield from ("--manifest-key", b64(key.public))
        yield from ("--threshold", str(self.election.threshold))


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
