"""A branch on a table whose journal is the real one: on a disk, signed, with seeds beside it."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from crypto import canonical
from crypto.journal_note import JournalName
from crypto.statements import JournalCheckpoint
from kit.events import Booted, Event
from kit.facts import Fact
from kit.journal.chain import Chain
from kit.journal.journal import Journal, read_fact
from kit.journal.notary import Notary
from kit.journal.report import Report, verify
from kit.journal.seeds import SeedFile, seeds_in
from kit.journal.signed import JOURNAL_FILE, SEEDS_FILE, SignedJournal, open_journal
from kit.ports import SeedStore
from tests.crypto.election_fixture import Election
from tests.kit.center_stand_in import Center
from tests.kit.harness import BRANCH, ONE_TERMINAL, Branch, ListJournal

MANIFEST = ONE_TERMINAL.loaded
NAME = JournalName("councils-7", 1, BRANCH, "device-1")
KEY = ONE_TERMINAL.devices["device-1"]


class Stream:
    """Entropy that never repeats, the same in every run."""

    def __init__(self, name: str = "a day") -> None:
        self._name, self._drawn = name, 0

    def __call__(self, size: int) -> bytes:
        self._drawn += 1
        return sha256(f"{self._name} {self._drawn}".encode()).digest()[:size]


def opened(folder: Path, entropy: Stream, *, vfs: str | None = None) -> SignedJournal:
    """The journal in a state directory, as the daemon opens it."""
    return open_journal(folder, MANIFEST, BRANCH, KEY, entropy=entropy, vfs=vfs)


def built(journal: Journal, seeds: SeedStore, entropy: Stream) -> SignedJournal:
    """The same from parts."""
    return SignedJournal(journal, Notary(NAME, MANIFEST.sha256, KEY, seeds, entropy), Chain(NAME, MANIFEST))


class RealJournal(ListJournal):
    """What the harness takes for its list, and is not one. ``folder``: the state directory."""

    def __init__(self, folder: Path, entropy: Stream) -> None:
        super().__init__()
        self._folder, self._entropy = folder, entropy
        self.signed: SignedJournal | None = None
        self.key_lost: str | None = None

    def live(self) -> None:
        """A new life: replay."""
        if self.signed is not None:
            self.signed.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self.signed = opened(self._folder, self._entropy)
        self.facts[:] = list(self.signed.replay())
        self.key_lost = self.signed.key_lost

    def append(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        assert self.signed is not None
        written = self.signed.append(facts)
        self.appends += 1
        self.facts += written
        return written

    def checkpoint(self) -> JournalCheckpoint:
        assert self.signed is not None
        return self.signed.anchor()

    def stop(self) -> None:
        """As SIGTERM."""
        assert self.signed is not None
        self.signed.sign_off()
        self.signed.close()
        self.signed = None


class SignedBranch(Branch):
    """A branch with such a journal."""

    def __init__(self, folder: Path, *, entropy: Stream | None = None, **arguments: Any) -> None:
        self.folder, self._stream = folder, entropy or Stream()
        super().__init__(**arguments)

    def boot(self) -> None:
        """Replay first, as the daemon does."""
        if not isinstance(self.journal, RealJournal):
            self.journal: RealJournal = RealJournal(self.folder, self._stream)
        self.journal.live()
        super().boot()
        assert isinstance(self.events[0], Booted)
        self.events[0] = replace(self.events[0], journal_key_lost=self.journal.key_lost)

    def _turn(self, event: Event) -> bool:
        """As kit.runner: what the journal wrote by itself is folded too."""
        step = self.station.handle(event, self.now)
        if step.facts:
            for fact in self.journal.append(step.facts):
                self.station.apply(fact)
        for effect in step.effects:
            self._release(effect)
        return bool(step.facts or step.effects)

    def stop(self) -> "SignedBranch":
        """Stop the kit in good order."""
        assert isinstance(self.journal, RealJournal)
        self.journal.stop()
        return self


def bodies_in(folder: Path) -> list[bytes]:
    """All facts as they lie in a stopped kit's folder."""
    journal = Journal(folder / JOURNAL_FILE)
    try:
        return journal.bodies()
    finally:
        journal.close()


def looked_at(folder: Path, election: Election = ONE_TERMINAL, **what: Any) -> Report:
    """``kitctl journal verify --state-dir``."""
    seeds = folder / SEEDS_FILE
    found = seeds_in(seeds.read_bytes()) if seeds.exists() else {}
    return verify(bodies_in(folder), election.loaded, seeds=found, **what)


def codes(report: Report) -> set[str]:
    """Of all faults and remarks."""
    return {fault.code for fault in report.faults} | {remark.code for remark in report.remarks}


def seed_file(folder: Path) -> SeedFile:
    """The seeds in a folder."""
    return SeedFile(folder / SEEDS_FILE)


def leaves_of(center: Center) -> dict[int, bytes]:
    """What the centre logged, by leaf."""
    return dict(enumerate(center.taken, 1))


def rewritten(bodies: list[bytes], number: int, **changes: object) -> list[bytes]:
    """The same journal with another fact of this number (from 1)."""
    fact = msgspec.structs.replace(read_fact(bodies[number - 1]), **changes)
    return [*bodies[: number - 1], canonical.encode(msgspec.to_builtins(fact)), *bodies[number:]]
