"""The evening of an election: a centre with commissioners, witnesses and trustees, all through the programs."""

from pathlib import Path
from typing import Any

from center.intake.admission import SPOOL
from crypto.acts import read_draft, sign_act
from crypto.election_key_rules import board_keys
from crypto.notes import Cosigner
from crypto.passphrase import REHEARSAL_COST
from crypto.share_file import seal_share
from crypto.trustees import TrusteeKeys
from tests.center.branch import Device
from tests.center.command import Ran, center
from tests.center.commission import Commission
from tests.center.publication import PAST, Office
from tests.crypto.election_fixture import ELECTION, Election, make_election, seed_of

PASSPHRASE = "correct horse battery"  # noqa: S105 - of test shares
IN_TIME_S = 1_900_000_000  # 2030: after the opening time of PAST and of the fixture's schedule
TOO_EARLY_S = 1_500_000_000  # 2017


def trustees_election(branches: int = 2, **options: Any) -> Election:
    return make_election(branches, schedule=PAST, opening="trustees", standbys=1, **options)


def keys_of(election: Election) -> TrusteeKeys:
    board = election.manifest.election_key.board
    assert board is not None
    return board_keys(board)


def share_file(election: Election, trustee: int, *, name: str = ELECTION) -> bytes:
    return seal_share(
        election.shares[trustee - 1],
        keys_of(election),
        PASSPHRASE,
        election=name,
        round_number=1,
        salt=seed_of("salt")[:16],
        nonce=seed_of("nonce")[:24],
        cost=REHEARSAL_COST,
    )


def cosign(election: Election, note: str, witness: int, time_s: int) -> tuple[str, str]:
    """The verifier key of a witness (from 1), and its signature line on a note."""
    cosigner = Cosigner(f"witness-{witness}.example", election.witnesses[witness - 1])
    return cosigner.vkey, cosigner.cosign(note, time_s).removeprefix(note)


class Evening(Office):
    """An Office whose election is opened by trustees."""

    def __init__(self, folder: Path, election: Election) -> None:
        super().__init__(folder, election)
        self.commission = Commission(self.center)
        self.orders = 0
        (folder / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
        for number in range(1, len(election.shares) + 1):
            (folder / f"{number}.share").write_bytes(share_file(election, number))

    def standby(self, branch: int) -> Device:
        return Device(self.election, f"branch-{branch}", f"standby-device-{branch}-1")

    def draft(self) -> Ran:
        """Draft the next order into ``order.json`` and ``listing.json``."""
        return center(
            *("order", "draft", "--config", self.config, "--out", self.folder / "order.json"),
            *("--listing", self.folder / "listing.json"),
        )

    def order(self) -> bytes:
        """Draft, sign and log the next order; returns the signed one."""
        ran = self.draft()
        assert ran.code in {0, 1}, ran.err
        act = read_draft((self.folder / "order.json").read_bytes())
        signed = sign_act(act, list(self.election.commissioners.values()))
        assert not self.center.take((SPOOL, signed)).refused
        return signed

    def witness(self, *witnesses: int, time_s: int = IN_TIME_S) -> None:
        """Let witnesses vouch for the newest checkpoint."""
        newest = self.center.ledger.newest_checkpoint()
        assert newest is not None
        for number in witnesses or (1,):
            vkey, line = cosign(self.election, newest.note, number, time_s)
            self.center.ledger.add_cosignature(newest.size, vkey, line, at="2030-03-17T17:46:40Z")

    def publish(self, *options: object) -> Ran:
        ran = super().publish(*options)
        assert ran.code == 0, ran.err
        return ran

    def trustee(self, what: str, *options: object, folder: Path | None = None) -> Ran:
        return center("trustee", what, "--publication", folder or self.public, *self.trust(), *options)

    def answer(self, number: int, *options: object, folder: Path | None = None) -> Ran:
        """Trustee ``number`` (from 1) answers into ``self.answers(number)``."""
        return self.trustee(
            *("answer", "--share", self.folder / f"{number}.share", "--out", self.answers(number)),
            *("--passphrase-file", self.folder / "passphrase", *options),
            folder=folder,
        )

    def answers(self, number: int) -> Path:
        """The file of the newest answers of a trustee."""
        return self.folder / f"answers-{number}.json"

    def open_by(self, *files: Path, options: tuple[object, ...] = ()) -> Ran:
        out = self.folder / "result.json"
        return center("open", "--config", self.config, "--answers", *files, "--out", out, *options)

    def open_published(self) -> Ran:
        """Open with all answers that are published."""
        return center(*("open", "--config", self.config, "--publication", self.public, "--out", self.result))

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    def whole(self, *trustees: int) -> None:
        """Order, witnesses, publication, answers, opening, publication: as it should be."""
        self.order()
        self.witness(1, 2)
        self.publish()
        files = []
        for number in trustees or (1, 2):
            ran = self.answer(number)
            assert ran.code == 0, ran.err
            files += [] if "nothing to answer" in ran.out else [self.answers(number)]
        if files:
            self.publish("--answers", *files)
        ran = self.open_published()
        assert ran.code in {0, 1, 2}, ran.err
        self.publish("--opening", self.result)
