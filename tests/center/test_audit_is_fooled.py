"""``center audit``: whatever was changed, forged, lost or hidden is named; what cannot be checked is said."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from center.audit.auditing import Auditor
from center.audit.types import AuditReport
from center.opening.types import Opening
from center.publication import layout as publication
from crypto import canonical, merkle, receipt
from crypto.codec import b64, sha256_hex
from crypto.notes import Checkpoint, NoteSigner
from tests.center.branch import Device
from tests.center.command import center
from tests.center.publication import PAST, Office, contents
from tests.crypto.election_fixture import COUNCIL, LOG_NAME, MAYOR, RESULTS, Election, key_of, make_election


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=PAST)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, election: Election) -> Office:
    """Two branches, all counted, nothing odd: read only."""
    office = Office(tmp_path_factory.mktemp("sound"), election)
    office.day("branch-1", "branch-2")
    assert office.publish("--opening", office.open()).code == 0
    return office


@pytest.fixture
def copy(sound: Office, tmp_path: Path) -> Path:
    """A copy of the publication, to tamper with."""
    return Path(shutil.copytree(sound.public, tmp_path / "copy"))


def audit(office: Office, folder: Path, previous: Path | None = None) -> AuditReport:
    election = office.election
    return Auditor(folder, trusted=election.trusted, threshold=election.threshold, previous=previous).audit()


def faulty(report: AuditReport) -> set[str]:
    assert (report.verdict == "faults") == bool(report.faults)
    return {fault.file for fault in report.faults}


def test_sound_publication_is_suspected(sound: Office) -> None:
    ran = sound.audit("--previous", sound.public)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("GOOD: ")
    for words in ("envelopes 4", "receipts 4", "tree root 1", "openings 1", "totals 1", "2 counted"):
        assert words in ran.out
    facts = json.loads(sound.audit("--json").out)
    assert facts["verdict"] == "good"
    assert facts["contests"][COUNCIL]["votes"] == {"2": 240, "5": 400, "41": 960}


def test_what_nobody_could_check_is_passed_over_in_silence(sound: Office) -> None:
    out = sound.audit().out
    for words in ("NOT checked", "single key", "counted the ballots rightly", "same log", "no time"):
        assert words in out


def test_flipped_byte_anywhere_is_missed(sound: Office, copy: Path) -> None:
    """A sample of positions of every file, first and last byte among them."""
    for name, data in contents(sound.public).items():
        step = max(1, len(data) // (40 if len(data) < 10_000 else 25))
        for position in sorted({*range(0, len(data), step), len(data) - 1} if data else ()):
            flipped = bytearray(data)
            flipped[position] ^= 1 << position % 7
            (copy / name).write_bytes(flipped)
            assert name in faulty(audit(sound, copy)), f"{name}: byte {position}"
        (copy / name).write_bytes(data)
    assert audit(sound, copy).verdict == "good"


@pytest.mark.parametrize("change", ["gone", "empty", "longer", "shorter", "pipe", "link"])
def test_file_is_missing_or_no_file_of_ours(sound: Office, copy: Path, change: str) -> None:
    for name, data in contents(sound.public).items():
        path = copy / name
        path.unlink()
        match change:
            case "gone":
                pass
            case "pipe":
                os.mkfifo(path)
            case "link":
                path.symlink_to(sound.public / name)
            case _:
                path.write_bytes({"empty": b"", "longer": data + b"\n", "shorter": data[:-1]}[change])
        if data or change not in {"empty", "shorter"}:
            assert name in faulty(audit(sound, copy)), name
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    assert audit(sound, copy).verdict == "good"


def test_exit_code_and_words_name_the_file(sound: Office, copy: Path) -> None:
    (copy / "leaves" / "2.dsse.json").write_bytes(b"{}")
    ran = sound.audit(folder=copy)
    assert ran.code == 65
    assert ran.out.startswith("FAULTS: ")
    assert "leaves/2.dsse.json: " in ran.out


def test_manifest_of_keys_that_nobody_trusts(sound: Office) -> None:
    stranger = b64(key_of("stranger").public)
    ran = center("audit", sound.public, "--manifest-key", stranger)
    assert ran.code == 65
    assert "manifest.dsse.json" in ran.out
    assert "nothing can be believed" in ran.out
    assert center("audit", sound.public, *sound.trust(), "--threshold", 3).code == 65
    assert center("audit", sound.public, *sound.trust(), "--threshold", 4).code == 78
    assert center("audit", sound.public, "--manifest-key", "x").code == 78
    assert center("audit", sound.public / "nowhere", *sound.trust()).code == 69


def test_envelopes_swapped_by_the_centre_itself(sound: Office, copy: Path) -> None:
    """All authentic, but not in the order that the checkpoint covers."""
    first, second = (copy / "leaves" / f"{index}.dsse.json" for index in (0, 2))
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)
    assert "checkpoint" in faulty(audit(sound, copy))


def test_log_signs_a_second_history(sound: Office, copy: Path, election: Election) -> None:
    """A new checkpoint over other envelopes, with everything else made to fit: the older copy gives it away."""
    leaves = [(copy / "leaves" / f"{index}.dsse.json").read_bytes() for index in range(4)]
    leaves = [leaves[1], leaves[0], *leaves[2:]]
    tree = merkle.Tree([merkle.leaf_hash(leaf) for leaf in leaves])
    note = election.log.sign(Checkpoint(LOG_NAME, 4, tree.root()).text())
    (copy / "checkpoint").write_text(note, encoding="utf-8")
    for index, (leaf, name) in enumerate(zip(leaves, ("1-2", "1-1", "2-1", "2-2"), strict=True)):
        (copy / "leaves" / f"{index}.dsse.json").write_bytes(leaf)
        text = receipt.make(leaf, index, tree.inclusion(index), note)
        (copy / "receipts" / f"branch-{name}.tlog-proof").write_text(text, encoding="utf-8")
    shutil.rmtree(copy / "opening")
    (copy / "totals.json").unlink()
    assert audit(sound, copy).verdict == "good"
    report = audit(sound, copy, previous=sound.public)
    assert faulty(report) == {str(sound.public / "checkpoint")}
    assert "rolled back or forked" in report.faults[0].problem
    # So does a receipt that a branch was given before.
    name = "receipts/branch-2-1.tlog-proof"
    shutil.copy(sound.public / name, copy / name)
    report = audit(sound, copy)
    assert faulty(report) == {name}
    assert "fork" in report.faults[0].problem


def test_results_are_taken_back(sound: Office, copy: Path) -> None:
    shutil.rmtree(copy / "opening")
    (copy / "totals.json").unlink()
    assert audit(sound, copy).verdict == "good"
    assert "opening/4.json" in faulty(audit(sound, copy, previous=sound.public))


def test_log_is_rolled_back(sound: Office, tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    office.day("branch-1")
    office.publish()
    assert audit(office, office.public).verdict == "good"
    assert faulty(audit(office, office.public, previous=sound.public)) == {str(sound.public / "checkpoint")}
    assert audit(office, sound.public, previous=office.public).verdict == "good"


def test_checkpoint_of_another_log_or_with_a_signature_of_nobody(
    sound: Office, copy: Path, election: Election
) -> None:
    note = (copy / "checkpoint").read_text(encoding="utf-8")
    text = note.partition("\n\n")[0] + "\n"
    other = NoteSigner("other.example", key_of("other"))
    for forged in (
        other.sign(text),
        note + other.sign(text).rpartition("\n\n")[2],
        election.log.sign(text.replace(LOG_NAME, "other.example")),
    ):
        (copy / "checkpoint").write_text(forged, encoding="utf-8")
        assert "checkpoint" in faulty(audit(sound, copy))


def _swap_votes(facts: dict[str, Any]) -> None:
    """Sums stay as they are: only two units change."""
    for unit, number in zip(facts["units"], (1, -1), strict=True):
        unit["contests"][COUNCIL]["votes"]["2"] += number


def _raise_total(facts: dict[str, Any]) -> None:
    facts["contests"][MAYOR]["votes"]["02"] += 1


def _drop_unit(facts: dict[str, Any]) -> None:
    facts["units"].pop()


def _call_absent(facts: dict[str, Any]) -> None:
    facts["units"][1] |= {"status": "absent", "contests": {}, "public_counter": None, "disclosures": []}


def _other_signature(facts: dict[str, Any]) -> None:
    one, two = (unit["disclosures"][0] for unit in facts["units"])
    one["terminal_signature"] = two["terminal_signature"]


def _other_commitment(facts: dict[str, Any]) -> None:
    facts["units"][0]["disclosures"][0]["blind"] = b64(bytes(32))


def _other_device(facts: dict[str, Any]) -> None:
    facts["units"][0]["disclosures"][0]["device_signature"] = b64(bytes(64))


def _invented_finding(facts: dict[str, Any]) -> None:
    facts["findings"].append(
        {
            "grade": "note",
            "code": "gap",
            "branch": "branch-1",
            "terminal": None,
            "contest": None,
            "numbers": {},
        }
        | {"envelope_sha256": None}
    )


def _disclosed_twice(facts: dict[str, Any]) -> None:
    facts["units"][1]["disclosures"].append(facts["units"][0]["disclosures"][0])


def _shrunk_log(facts: dict[str, Any]) -> None:
    facts["log"]["size"] = 3


@pytest.mark.parametrize(
    "lie",
    [
        _swap_votes,
        _raise_total,
        _drop_unit,
        _call_absent,
        _other_signature,
        _other_commitment,
        _other_device,
        _invented_finding,
        _disclosed_twice,
        _shrunk_log,
    ],
)
def test_opening_lies_and_its_totals_agree(
    sound: Office, copy: Path, lie: Callable[[dict[str, Any]], None]
) -> None:
    facts = json.loads((copy / "opening" / "4.json").read_bytes())
    lie(facts)
    _publish_lie(copy, canonical.encode(facts))
    assert "opening/4.json" in faulty(audit(sound, copy))


def _publish_lie(folder: Path, data: bytes) -> None:
    (folder / "opening" / "4.json").write_bytes(data)
    opening = msgspec.convert(canonical.decode(data, max_bytes=len(data)), Opening)
    file = publication.OpeningFile(file="opening/4.json", sha256=sha256_hex(data))
    (folder / "totals.json").write_bytes(publication.totals_of(opening, (file,)))


def test_hidden_finding(tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    off = msgspec.structs.replace(RESULTS[MAYOR], valid=806)
    device = office.devices["branch-1"]
    office.center.take((device, device.account(voters={COUNCIL: 820, MAYOR: 810})))
    office.center.take((device, device.tally(results={**RESULTS, MAYOR: off})))
    office.day("branch-2")
    office.publish("--opening", office.open())
    ran = office.audit()
    assert ran.code == 2
    assert ran.out.startswith("ALARMS: ")
    assert "candidates-do-not-add-up" in ran.out
    assert "signed-in-differs" in ran.out
    facts = json.loads((office.public / "opening" / "4.json").read_bytes())
    del facts["findings"][0]
    _publish_lie(office.public, canonical.encode(facts))
    report = audit(office, office.public)
    assert faulty(report) == {"opening/4.json"}
    assert "hides a finding" in report.faults[0].problem


def test_unit_set_aside_is_neither_believed_nor_called_a_fault(tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    device = office.devices["branch-1"]
    office.center.take((device, device.tally()), (device, device.tally(public_counter=813)))
    office.publish("--opening", office.open())
    ran = office.audit()
    assert ran.code == 2
    assert "why branch-1 terminal-1-1 is set aside (clash" in ran.out
    assert "1 absent" in ran.out
    facts = json.loads((office.public / "opening" / "2.json").read_bytes())
    facts["units"][1] |= {"status": "set-aside", "reason": "inconvenient"}
    (office.public / "opening" / "2.json").write_bytes(canonical.encode(facts))
    assert "opening/2.json" in faulty(audit(office, office.public)), "an absent unit has nothing to set aside"


def test_nothing_is_opened_yet(tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    office.day("branch-2")
    device = Device(election, "branch-1")
    office.center.take((device, device.account(seq=2, prev="ab" * 32)))
    office.publish()
    report = audit(office, office.public)
    assert report.verdict == "alarms"
    assert [finding.code for finding in report.findings] == ["gap"]
    assert "the results: no opening is published" in report.not_checked
    assert not report.contests


def test_absent_unit_and_foreign_file_are_remarked(tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    office.day("branch-1")
    office.publish("--opening", office.open())
    assert office.audit().code == 1
    for name in ("notes.txt", "leaves/2.dsse.json", "receipts/branch-1-3.tlog-proof", "opening/x.json"):
        (office.public / name).write_bytes(b"whatever")
    report = audit(office, office.public)
    assert report.verdict == "remarks"
    assert {remark.file for remark in report.remarks} == {
        "notes.txt",
        "leaves/2.dsse.json",
        "receipts/branch-1-3.tlog-proof",
        "opening/x.json",
    }


def test_sample_is_chosen_by_somebody(sound: Office, election: Election) -> None:
    dice = "31415926535897932384"
    facts = json.loads(sound.audit("--json", "--sample", 1, "--dice", dice).out)
    order = sorted(
        ("branch-1", "branch-2"),
        key=lambda branch: sha256_hex(f"{dice} {election.loaded.sha256} {branch}".encode()),
    )
    assert [unit["branch"] for unit in facts["sample"]] == order[:1]
    assert facts["sample"][0]["contests"][COUNCIL]["votes"] == {"2": 120, "5": 200, "41": 480}
    words = sound.audit("--sample", 9, "--dice", dice).out
    assert words.index(f"{order[0]} terminal") < words.index(f"{order[1]} terminal")
    drawn = {
        json.loads(sound.audit("--json", "--sample", 1, "--dice", f"{n:020}").out)["sample"][0]["branch"]
        for n in range(20)
    }
    assert drawn == {"branch-1", "branch-2"}


@pytest.mark.parametrize("options", [["--sample", 1], ["--dice", "1" * 20], ["--sample", 1, "--dice", "123"]])
def test_draw_that_could_be_foreseen(sound: Office, options: list[object]) -> None:
    ran = sound.audit(*options)
    assert (ran.code, ran.out) == (78, "")
    assert "--dice" in ran.err


ODD_VALUES: tuple[Any, ...] = (None, True, -1, 0, 2**53 - 1, "", "\x1b[2J", "\u0000", [], [[]], {}, {"": 0})


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


@pytest.mark.parametrize("name", ["opening/4.json", "totals.json"])
def test_canonical_json_of_any_shape(sound: Office, copy: Path, name: str) -> None:
    """Whatever stands wherever: it is a fault of this file, and never the end of the audit."""
    data = (copy / name).read_bytes()
    for number, path in enumerate(_places(json.loads(data))):
        for turn in (0, 5):
            facts = {"root": json.loads(data)}
            place: Any = facts
            for step in ("root", *path)[:-1]:
                place = place[step]
            place[("root", *path)[-1]] = ODD_VALUES[(number + turn) % len(ODD_VALUES)]
            changed = canonical.encode(facts["root"])
            if changed != data:
                (copy / name).write_bytes(changed)
                assert name in faulty(audit(sound, copy)), path


def test_publication_speaks_to_the_terminal(sound: Office, copy: Path) -> None:
    facts = json.loads((copy / "opening" / "4.json").read_bytes())
    facts["units"][0]["reason"] = "\x1b[2J\rGOOD: everything agrees"
    (copy / "opening" / "4.json").write_bytes(canonical.encode(facts))
    (copy / "\x1b[2J\udcff").write_bytes(b"")
    ran = sound.audit(folder=copy)
    assert ran.code == 65
    assert "\x1b" not in ran.out
    assert "\r" not in ran.out
    assert "\\x1b[2J\\udcff: belongs to nothing" in ran.out
