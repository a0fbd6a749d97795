"""``kitctl receipt``: what the branch holds in hand comes out whole, is checked without help, and shows a fork."""

import json
from pathlib import Path
from typing import Any

import pytest

from crypto import acknowledgement
from crypto.codec import unb64
from crypto.consistency import Consistency
from crypto.identity import SigningKey
from crypto.merkle import Tree, leaf_hash
from crypto.notes import Checkpoint, Cosigner
from crypto.statements import WitnessPolicy
from kit.cli import receipts
from kit.cli.receipt_words import _EN, _FA
from kit.facts import ReceiptStored
from kit.journal.journal import Journal
from tests.crypto.election_fixture import make_election
from tests.kit.commission import commission
from tests.kit.harness import SCHEDULE, Branch
from tests.kit.real_kit import real_kit
from tests.kit.staff import standing_in, work_until

WITNESS = Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32))
ELECTION = make_election(2, schedule=SCHEDULE, witness_policy=WitnessPolicy(m=1, witnesses=(WITNESS.vkey,)))


@pytest.fixture(scope="module")
def branch() -> Branch:
    """Account witnessed, tally included and not delivered."""
    made = Branch(ELECTION)
    made.center._witnesses = (WITNESS,)
    work_until(made, "accounted")
    made.center._witnesses = ()
    work_until(made, "sending")
    made.advance(60_000)
    assert made.phase == "sending"
    return made


@pytest.fixture(scope="module")
def place(branch: Branch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    commission(folder, election=ELECTION)
    (folder / "state").mkdir()
    journal = Journal(folder / "state" / "journal.db")
    assert not list(journal.replay())
    journal.append(branch.journal.facts)
    journal.close()
    return folder


class Ctl:
    """``kitctl receipt`` within this process."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self._capsys = place, capsys

    def __call__(self, command: str, *arguments: object, state: bool = False, lang: str = "en") -> Any:
        words = [command, *map(str, arguments)]
        if state:
            words += ["--state-dir", str(self.place / "state")]
        if command != "join":
            words += ["--lang", lang]
        with pytest.raises(SystemExit) as end:
            receipts.main(words)
        self.code, (self.out, self.err) = end.value.code, self._capsys.readouterr()
        return self.code

    def config(self) -> tuple[str, Path]:
        return "--config", self.place / "kitd.toml"


@pytest.fixture
def ctl(place: Path, capsys: pytest.CaptureFixture[str]) -> Ctl:
    return Ctl(place, capsys)


def best(branch: Branch, seq: int) -> ReceiptStored:
    fact = [fact for fact in branch.facts(ReceiptStored) if fact.seq == seq][-1]
    assert isinstance(fact, ReceiptStored)
    return fact


def test_list_hides_what_is_not_delivered(ctl: Ctl, branch: Branch) -> None:
    assert ctl("list", state=True) == 1
    account, tally = ctl.out.splitlines()
    assert account.startswith("#1 ballot account terminal-1-1: witnessed")
    assert tally.startswith("#2 tally terminal-1-1: included")
    assert ctl("list", "--json", state=True) == 1
    listed = json.loads(ctl.out)
    assert [one["delivered"] for one in listed] == [True, False]
    assert listed[1]["index"] == best(branch, 2).index
    assert ctl("list", state=True, lang="fa") == 1
    assert "شمارش" in ctl.out


def test_receipt_is_shown_changed(ctl: Ctl, branch: Branch) -> None:
    assert ctl("show", 1, state=True) == 0
    assert ctl.out.endswith("\n\n" + best(branch, 1).receipt)
    assert ctl("show", 2, state=True) == 1
    assert "does not deliver" in ctl.out
    assert ctl("show", 2, "--json", state=True) == 1
    assert json.loads(ctl.out)["receipt"] == best(branch, 2).receipt


def test_receipt_that_there_is_not(ctl: Ctl, tmp_path: Path) -> None:
    assert ctl("show", 7, state=True) == 69
    assert "those that there are: 1, 2" in ctl.err
    ctl.place = tmp_path
    assert ctl("show", 1, state=True) == 69
    assert ctl("show", 1, "--socket", tmp_path / "none") == 69
    sealed = standing_in("sending", ELECTION)
    (tmp_path / "state").mkdir()
    journal = Journal(tmp_path / "state" / "journal.db")
    assert not list(journal.replay())
    journal.append(sealed.journal.facts[:3])
    journal.close()
    assert ctl("list", state=True) == 1
    assert "nothing is sealed yet" in ctl.out


def test_export_writes_over_a_file_or_writes_nothing(ctl: Ctl, branch: Branch, tmp_path: Path) -> None:
    out, envelope = tmp_path / "r", tmp_path / "e"
    assert ctl("export", 2, "--out", out, "--envelope", envelope, state=True) == 0
    assert out.read_text() == best(branch, 2).receipt
    assert envelope.read_bytes() == unb64(branch.envelopes()[1].envelope)
    assert ctl("export", 2, "--out", out, state=True) == 73
    assert ctl("export", 2, state=True) == 64
    assert "--terminal" in ctl.err
    assert ctl("export", 2, "--out", tmp_path / "no" / "folder", state=True) == 73
    assert ctl("export", 2, "--qr", tmp_path / "x.gif", state=True) == 65


def exported(ctl: Ctl, seq: int, folder: Path) -> tuple[Path, Path]:
    """A receipt and its envelope as files."""
    out, envelope = folder / f"{seq}.receipt", folder / f"{seq}.dsse.json"
    assert ctl("export", seq, "--out", out, "--envelope", envelope, state=True) == 0
    return out, envelope


def test_receipt_needs_somebody_to_believe_it(ctl: Ctl, branch: Branch, tmp_path: Path) -> None:
    out, envelope = exported(ctl, 1, tmp_path)
    assert ctl("check", out, "--envelope", envelope, *ctl.config()) == 0
    assert ctl.out.startswith("witnessed")
    assert "vouched for by witness.example/w1" in ctl.out
    out, envelope = exported(ctl, 2, tmp_path)
    assert ctl("check", out, "--envelope", envelope, "--json", *ctl.config()) == 1
    shown = json.loads(ctl.out)
    assert (shown["grade"], shown["leaf"], shown["witnesses"]) == ("included", best(branch, 2).index, [])
    assert ctl("check", out, "--envelope", envelope, *ctl.config(), lang="fa") == 1
    assert ctl("check", out, "--envelope", envelope) == 78


def test_acknowledgement_is_not_understood(ctl: Ctl, tmp_path: Path) -> None:
    _, envelope = exported(ctl, 2, tmp_path)
    text = acknowledgement.make(envelope.read_bytes(), ELECTION.log)
    packed = acknowledgement.pack(text, log=ELECTION.loaded.log_verifier)
    for name, data in (
        ("text", text.encode()),
        ("packed", packed),
        ("read off a code", text.encode() + b"\n"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert ctl("check", path, "--envelope", envelope, *ctl.config()) == 1
        assert ctl.out.startswith("acknowledged")
        assert "leaf" not in ctl.out


@pytest.mark.parametrize("damage", ["other envelope", "cut", "binary", "empty", "endless", "part"])
def test_something_else_passes_for_a_receipt(ctl: Ctl, tmp_path: Path, damage: str) -> None:
    out, envelope = exported(ctl, 1, tmp_path)
    data = out.read_bytes()
    if damage == "other envelope":
        envelope.write_bytes(envelope.read_bytes() + b" ")
    changed = {
        "cut": data[:-9],
        "binary": b"\xff\x00",
        "empty": b"",
        "endless": data * 20,
        "part": b"branch-kit/part@v1 1/2 0123456789abcdef\nx",
    }
    out.write_bytes(changed.get(damage, data))
    assert ctl("check", out, "--envelope", envelope, *ctl.config()) in {65, 69}
    assert ctl.err.startswith("kitctl: ")


# --- two branches --------------------------------------------------------------------------------------------------


def other_history(branch: Branch) -> str:
    """What the log tells somebody else about as many leaves."""
    size = int(best(branch, 2).receipt.split("\n\n")[1].split("\n")[1])
    return ELECTION.log.sign(Checkpoint(ELECTION.log.name, size, b"\7" * 32).text())


def test_fork_is_told_in_fine_print(ctl: Ctl, branch: Branch, tmp_path: Path) -> None:
    out, _ = exported(ctl, 2, tmp_path)
    theirs = tmp_path / "theirs"
    theirs.write_text(other_history(branch), encoding="utf-8")
    assert ctl("compare", out, theirs, "--log", ELECTION.log.vkey) == 2
    assert ctl.out.startswith("THESE RECEIPTS PROVE THAT THE CENTRE SHOWED TWO LOGS")
    assert str(out) in ctl.out
    assert str(theirs) in ctl.out
    assert ctl("compare", out, theirs, *ctl.config(), lang="fa") == 2
    assert "دو دفتر" in ctl.out
    assert ctl("compare", out, theirs, "--json", *ctl.config()) == 2
    assert json.loads(ctl.out)["verdict"] == "fork"


def test_what_is_missing_is_not_said(ctl: Ctl, tmp_path: Path) -> None:
    account, account_envelope = exported(ctl, 1, tmp_path)
    tally, tally_envelope = exported(ctl, 2, tmp_path)
    assert ctl("compare", account, tally, *ctl.config()) == 1
    assert "center log consistency --from 2 --to 3" in ctl.out
    assert "give the envelopes along" in ctl.out
    ctl("compare", account, tally, account_envelope, tally_envelope, *ctl.config())
    assert "give the envelopes along" not in ctl.out
    leaves = [leaf_hash(b"an envelope of another branch")]
    leaves += [leaf_hash(path.read_bytes()) for path in (account_envelope, tally_envelope)]
    heads = [
        ELECTION.log.sign(Checkpoint(ELECTION.log.name, size, Tree(leaves[:size]).root()).text())
        for size in (2, 3)
    ]
    grown = tmp_path / "grown"
    grown.write_text(Consistency(heads[0], heads[1], Tree(leaves).consistency(2)).to_text(), encoding="utf-8")
    assert ctl("compare", account, tally, grown, *ctl.config()) == 0
    assert ctl.out.startswith("consistent")
    promise = tmp_path / "promise"
    promise.write_text(acknowledgement.make(b"x", ELECTION.log), encoding="utf-8")
    assert ctl("compare", promise, *ctl.config()) == 1
    assert "an acknowledgement" in ctl.out
    assert ctl("compare", tmp_path / "none", *ctl.config()) == 69
    assert ctl("compare", ctl.place / "device.key", *ctl.config()) == 65
    assert ctl("compare", account, "--log", "junk") == 65


def test_one_language_says_more_than_the_other() -> None:
    assert _EN.keys() == _FA.keys()
    for key, words in _EN.items():
        fields = {part.split("}")[0] for part in words.split("{")[1:]}
        assert fields == {part.split("}")[0] for part in _FA[key].split("{")[1:]}, key


# --- with a running kit --------------------------------------------------------------------------------------------


async def test_receipt_that_came_by_courier_is_lost_on_the_way_into_the_kit(tmp_path: Path) -> None:
    sealed = standing_in("sending")
    data = sealed.station.outbox.items[2].data
    text = sealed.center.receipt(data)
    packed = acknowledgement.pack(
        acknowledgement.make(data, sealed.election.log), log=sealed.election.loaded.log_verifier
    )
    (tmp_path / "packed").write_bytes(packed)
    (tmp_path / "text").write_text(text, encoding="utf-8")
    (tmp_path / "junk").write_text("junk", encoding="utf-8")
    async with real_kit(sealed) as kit:
        code, out, _ = await kit.ctl("receipt", "bring", str(tmp_path / "packed"), "--lang", "en")
        assert (code, out) == (0, f"#2 {_EN['acknowledged']}; the kit keeps it\n")
        code, out, _ = await kit.ctl("receipt", "bring", str(tmp_path / "packed"), "--lang", "fa")
        assert (code, out) == (0, f"{_FA['brought for nothing']}\n")
        code, out, err = await kit.ctl("receipt", "bring", str(tmp_path / "junk"), "--lang", "en")
        assert code == 65, err
        code, out, err = await kit.ctl("receipt", "list", "--lang", "en")
        assert code == 1, err
        assert "acknowledged" in out.splitlines()[1]
        code, out, _ = await kit.ctl("receipt", "bring", str(tmp_path / "text"), "--lang", "en", "--json")
        assert json.loads(out) == {"ok": True, "seq": 2, "grade": "included"}
        await kit.until_status(lambda status: status["phase"] == "delivered", "delivered")
        code, out, _ = await kit.ctl("receipt", "show", "2", "--lang", "en")
        assert (code, out.endswith(text)) == (0, True)
        assert await kit.end() == 0
