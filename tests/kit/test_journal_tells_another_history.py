"""Facts rewritten, cut off, signed with another key, or brought back from an older disk: who notices, and where."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from crypto import canonical
from crypto.codec import b64, unb64
from crypto.journal_note import (
    JournalKey,
    JournalNote,
    check_certificate,
    epoch_key,
    sign_certificate,
    sign_note,
)
from crypto.merkle import leaf_hash, root
from crypto.notes import Checkpoint, text_of
from crypto.statements import JournalCheckpoint
from crypto.submissions import check_submission
from kit.facts import CheckpointSigned, Commissioned, EnvelopeSealed, Fact, JournalKeyCertified, PhaseEntered
from kit.journal.journal import Journal, JournalError, read_fact
from kit.journal.report import verify
from kit.journal.signed import JOURNAL_FILE, SEEDS_FILE, open_journal
from tests.crypto.election_fixture import COUNCIL, MAYOR, key_of, make_election
from tests.kit.center_stand_in import Center
from tests.kit.harness import ONE_TERMINAL, TRUTH, Branch
from tests.kit.signed_day import (
    KEY,
    MANIFEST,
    NAME,
    SignedBranch,
    Stream,
    bodies_in,
    codes,
    leaves_of,
    looked_at,
    opened,
    rewritten,
)
from tests.kit.staff import work_until


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, bytes]]:
    """A whole day: the state directory of the stopped kit, and the leaves that the centre has of it."""
    folder = tmp_path_factory.mktemp("day") / "state"
    branch = SignedBranch(folder)
    work_until(branch, "delivered")
    branch.stop()
    return folder, leaves_of(branch.center)


def put(folder: Path, bodies: list[bytes]) -> None:
    """Write a journal as somebody with root and SQLite would."""
    for name in (JOURNAL_FILE, f"{JOURNAL_FILE}-wal"):
        (folder / name).unlink(missing_ok=True)
    journal = Journal(folder / JOURNAL_FILE)
    assert not list(journal.replay())
    journal.append([read_fact(body) for body in bodies])
    journal.close()


def numbers_of(bodies: list[bytes], kind: type[Fact]) -> list[int]:
    return [number for number, body in enumerate(bodies, 1) if isinstance(read_fact(body), kind)]


def note_of(bodies: list[bytes], number: int) -> JournalNote:
    fact = read_fact(bodies[number - 1])
    assert isinstance(fact, CheckpointSigned)
    return JournalNote.parse(text_of(fact.note))


def starts(folder: Path) -> None:
    """As the daemon does it: replay, and the key to go on with."""
    journal = opened(folder, Stream("another life"))
    try:
        list(journal.replay())
    finally:
        journal.close()


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


# --- when nobody touched it ----------------------------------------------------------------------------------------


def test_whole_day_is_called_anything_but_good(day: tuple[Path, dict[int, bytes]]) -> None:
    folder, leaves = day
    report = looked_at(folder, leaves=leaves)
    assert (report.verdict, report.faults, report.remarks) == ("good", [], [])
    assert (report.envelopes, report.receipts, report.published) == (2, 2, 2)
    assert report.signed == report.facts - 1, "the last fact is the last checkpoint itself"
    assert report.checkpoints > 8
    assert [segment.number for segment in report.segments] == [1]
    starts(folder)


def test_envelope_names_what_no_checkpoint_signs(day: tuple[Path, dict[int, bytes]]) -> None:
    bodies = bodies_in(day[0])
    signed = {note_of(bodies, number).checkpoint.size for number in numbers_of(bodies, CheckpointSigned)}
    for leaf in day[1].values():
        assert check_submission(leaf, MANIFEST).statement.journal.size in signed


# --- rewriting --------------------------------------------------------------------------------------------------------


def test_fact_is_rewritten(day: tuple[Path, dict[int, bytes]], tmp_path: Path) -> None:
    bodies = bodies_in(day[0])
    for number in range(1, len(bodies)):
        if isinstance(read_fact(bodies[number - 1]), CheckpointSigned | JournalKeyCertified):
            continue
        other = rewritten(bodies, number, at="2027-06-18T14:00:00.001Z")
        faults = {fault.code for fault in verify(other, MANIFEST).faults}
        assert "fact-rewritten" in faults, number
    folder = copied(day[0], tmp_path / "state")
    put_raw = rewritten(bodies, 9, at="2027-06-18T14:00:00.001Z")
    shutil.rmtree(folder)
    folder.mkdir()
    put(folder, put_raw)
    with pytest.raises(JournalError, match="keep the file, it is evidence"):
        starts(folder)


def test_fact_after_the_last_envelope_is_rewritten(day: tuple[Path, dict[int, bytes]]) -> None:
    """No envelope anchors it: only the checkpoint after it does."""
    bodies = bodies_in(day[0])
    last = numbers_of(bodies, PhaseEntered)[-1]
    assert last > numbers_of(bodies, EnvelopeSealed)[-1]
    report = verify(rewritten(bodies, last, at="2027-06-18T14:00:00.001Z"), MANIFEST)
    assert {fault.code for fault in report.faults} == {"fact-rewritten"}


def test_fact_is_taken_out_or_put_in(day: tuple[Path, dict[int, bytes]]) -> None:
    bodies = bodies_in(day[0])
    assert verify([*bodies[:8], *bodies[9:]], MANIFEST).verdict == "faults"
    assert verify([*bodies[:8], bodies[7], *bodies[8:]], MANIFEST).verdict == "faults"
    assert verify([*bodies[:7], bodies[8], bodies[7], *bodies[9:]], MANIFEST).verdict == "faults"


# --- truncation -------------------------------------------------------------------------------------------------------


def test_journal_is_cut_below_what_was_delivered(day: tuple[Path, dict[int, bytes]]) -> None:
    """The centre has an envelope over more facts than there are."""
    bodies = bodies_in(day[0])
    first_envelope = numbers_of(bodies, EnvelopeSealed)[0]
    at_a_checkpoint = max(n for n in numbers_of(bodies, CheckpointSigned) if n < first_envelope - 1)
    cut = bodies[:at_a_checkpoint]
    assert verify(cut, MANIFEST).verdict == "good", "by itself, nothing shows that it was longer"
    report = verify(cut, MANIFEST, leaves=day[1])
    assert {"journal-truncated", "envelope-forgotten"} <= {fault.code for fault in report.faults}


def test_kit_starts_with_a_journal_that_was_cut(day: tuple[Path, dict[int, bytes]], tmp_path: Path) -> None:
    """On the device its own seeds are ahead of it."""
    folder = copied(day[0], tmp_path / "state")
    bodies = bodies_in(folder)
    for cut in numbers_of(bodies, CheckpointSigned)[:-1]:
        put(folder, bodies[:cut])
        with pytest.raises(JournalError, match="an older copy of it was put back"):
            starts(folder)
        assert "journal-behind-its-keys" in codes(looked_at(folder))


# --- keys -------------------------------------------------------------------------------------------------------------


def test_epoch_is_skipped(day: tuple[Path, dict[int, bytes]]) -> None:
    """One checkpoint is taken out, with everything that it signed, up to the next."""
    bodies = bodies_in(day[0])
    third, fourth = numbers_of(bodies, CheckpointSigned)[2:4]
    report = verify([*bodies[:third], *bodies[fourth:]], MANIFEST)
    assert "epoch-skipped" in {fault.code for fault in report.faults}
    report = verify([*bodies[: third - 1], *bodies[third:]], MANIFEST)
    assert "epoch-skipped" in {fault.code for fault in report.faults}


def test_history_is_sealed_anew_with_a_newer_key(tmp_path: Path) -> None:
    """Who takes the device has its key and the seed of this moment, and signs another past with them."""
    folder = tmp_path / "state"
    branch = SignedBranch(folder)
    work_until(branch, "closed")
    branch.stop()
    bodies = bodies_in(folder)
    stolen = opened(folder, Stream("thief"))
    list(stolen.replay())
    seed = stolen._notary._seeds.seeds()
    stolen.close()
    ((epoch, secret),) = seed.items()
    target = numbers_of(bodies, CheckpointSigned)[3]
    forged = rewritten(bodies[: target - 1], target - 2, at="2027-06-18T14:00:00.001Z")
    for claimed in (epoch, note_of(bodies, target).epoch):
        checkpoint = Checkpoint(NAME.origin, len(forged), root([leaf_hash(body) for body in forged]))
        thief = epoch_key(secret, NAME)
        note = JournalNote(checkpoint, claimed, epoch_key(bytes(32), NAME).vkey)
        fact = CheckpointSigned(
            at="2027-06-18T14:00:00.001Z", epoch=claimed, note=sign_note(note, thief, KEY)
        )
        body = canonical.encode(msgspec.to_builtins(fact))
        faults = {fault.code for fault in verify([*forged, body], MANIFEST).faults}
        assert faults & {"epoch-skipped", "checkpoint-forged"}
        put(folder, [*forged, body])
        with pytest.raises(JournalError):
            starts(folder)


def test_checkpoint_without_the_devices_signature(day: tuple[Path, dict[int, bytes]]) -> None:
    bodies = bodies_in(day[0])
    number = numbers_of(bodies, CheckpointSigned)[-1]
    fact = read_fact(bodies[number - 1])
    assert isinstance(fact, CheckpointSigned)
    head, _, lines = fact.note.rpartition("\n\n")
    for line in lines.splitlines():
        other = rewritten(bodies, number, note=f"{head}\n\n{line}\n")
        assert {fault.code for fault in verify(other, MANIFEST).faults} == {"checkpoint-forged"}


def test_certificate_of_somebody_else(day: tuple[Path, dict[int, bytes]]) -> None:
    bodies = bodies_in(day[0])
    (number,) = numbers_of(bodies, JournalKeyCertified)
    fact = read_fact(bodies[number - 1])
    assert isinstance(fact, JournalKeyCertified)
    key = check_certificate(unb64(fact.certificate), NAME, MANIFEST).key
    for signer in (key_of("device-2"), key_of("official-1-executive")):
        other = rewritten(bodies, number, certificate=b64(sign_certificate(key, signer)))
        assert "certificate-forged" in {fault.code for fault in verify(other, MANIFEST).faults}


def test_flagged_segment_hides_a_rewritten_past(tmp_path: Path) -> None:
    """Root has the device key, and can say that a seed was lost: the segment is flagged, and the envelope tells."""
    folder = tmp_path / "state"
    branch = SignedBranch(folder)
    work_until(branch, "delivered")
    branch.stop()
    bodies = bodies_in(folder)
    at = numbers_of(bodies, CheckpointSigned)[2]
    past = bodies[:at]
    tree = JournalCheckpoint(size=at, root=root([leaf_hash(body) for body in past]).hex())
    key = JournalKey(
        election=NAME.election,
        round=1,
        branch=NAME.branch,
        device=NAME.device,
        manifest_sha256=MANIFEST.sha256,
        segment=2,
        epoch=note_of(bodies, at).epoch + 1,
        vkey=epoch_key(bytes(32), NAME).vkey,
        journal=tree,
        reason="seed-lost",
    )
    fact = JournalKeyCertified(at="2027-06-18T14:00:00.001Z", certificate=b64(sign_certificate(key, KEY)))
    forged = [*past, canonical.encode(msgspec.to_builtins(fact))]
    assert verify(forged, MANIFEST).verdict == "flagged"
    leaves = leaves_of(branch.center)
    assert "journal-truncated" in {fault.code for fault in verify(forged, MANIFEST, leaves=leaves).faults}


# --- an older disk ---------------------------------------------------------------------------------------------------


def test_older_journal_is_put_back_beside_its_seeds(tmp_path: Path) -> None:
    """The journal alone: the kit itself notices at its next start."""
    folder, older = tmp_path / "state", tmp_path / "older"
    branch = SignedBranch(folder)
    work_until(branch, "open")
    branch.stop()
    copied(folder, older)
    branch.boot()
    work_until(branch, "closed")
    branch.stop()
    shutil.copy(older / JOURNAL_FILE, folder / JOURNAL_FILE)
    with pytest.raises(JournalError, match="an older copy of it was put back"):
        starts(folder)
    assert "journal-behind-its-keys" in codes(looked_at(folder))


def test_older_disk_is_put_back_whole(tmp_path: Path) -> None:
    """Journal and seeds together: the kit cannot know. The centre's log, held against the journal, tells."""
    folder, older = tmp_path / "state", tmp_path / "older"
    center = Center(ONE_TERMINAL)
    branch = SignedBranch(folder, center=center)
    work_until(branch, "closed")
    branch.stop()
    copied(folder, older)
    branch.boot()
    work_until(branch, "delivered")
    branch.stop()
    first_life = looked_at(folder, leaves=leaves_of(center))
    assert first_life.verdict == "good"

    restored = SignedBranch(older, center=center, entropy=Stream("after the restore"))
    for name, line in restored.lines.items():
        line.model = branch.lines[name].model  # the terminal is where it was
    restored.boot()
    assert restored.phase == "closed", "the kit itself goes on, and knows nothing"
    work_until(restored, "delivered")
    restored.stop()
    assert looked_at(older).verdict == "good"
    found = codes(looked_at(older, leaves=leaves_of(center)))
    assert {"device-forked", "envelope-forgotten"} <= found
    assert found & {"fact-rewritten", "journal-truncated"}
    assert "device-forked" in codes(looked_at(folder, leaves=leaves_of(center)))


def test_seeds_alone_are_put_back(tmp_path: Path) -> None:
    """A seed of the past signs nothing any more: a key is lost, the segment is flagged, and the day goes on."""
    folder = tmp_path / "state"
    branch = SignedBranch(folder)
    work_until(branch, "zeroed")
    branch.stop()
    old = (folder / SEEDS_FILE).read_bytes()
    branch.boot()
    work_until(branch, "closed")
    branch.stop()
    (folder / SEEDS_FILE).write_bytes(old)
    assert "key-gone" in codes(looked_at(folder))
    branch.boot()
    work_until(branch, "delivered")
    branch.stop()
    report = looked_at(folder, leaves=leaves_of(branch.center))
    assert (report.verdict, codes(report)) == ("flagged", {"seed-lost-unsigned"})


# --- a centre that is not what its receipts say ---


def test_log_leaves_out_or_swaps_what_it_receipted(day: tuple[Path, dict[int, bytes]]) -> None:
    bodies, (account, tally) = bodies_in(day[0]), day[1].values()
    for leaves in ({2: tally}, {1: tally, 2: account}, {1: account, 2: account}):
        assert "receipt-false" in {fault.code for fault in verify(bodies, MANIFEST, leaves=leaves).faults}
    assert verify(bodies, MANIFEST, leaves={1: account}).verdict == "good", "not published yet"


# --- what it began with ----------------------------------------------------------------------------------------------


def test_another_manifest_comes_after_the_journal_was_signed(day: tuple[Path, dict[int, bytes]]) -> None:
    newer = make_election(2, version=2).loaded
    journal = open_journal(day[0], newer, "branch-1", KEY, entropy=Stream("newer"), vfs=None)
    with pytest.raises(JournalError, match="use an empty state directory, or the manifest that this journal"):
        list(journal.replay())
    journal.close()
    assert "foreign-journal" in {fault.code for fault in verify(bodies_in(day[0]), newer).faults}


def test_journal_was_begun_without_keys(tmp_path: Path) -> None:
    """It gets its first key late: everybody is told which facts came before."""
    plain = work_until(Branch(), "open").journal.facts
    folder = tmp_path / "state"
    folder.mkdir()
    journal = Journal(folder / JOURNAL_FILE)
    assert not list(journal.replay())
    journal.append(plain)
    journal.close()
    assert codes(looked_at(folder)) == {"never-signed"}
    branch = SignedBranch(folder)
    branch.settle()
    assert branch.phase == "open"
    branch.stop()
    report = looked_at(folder)
    assert (report.verdict, codes(report)) == ("remarks", {"birth-unsigned"})


def test_journal_says_nothing_of_whose_it_is(day: tuple[Path, dict[int, bytes]]) -> None:
    bodies = bodies_in(day[0])
    for changed in ([], bodies[1:], [b"nonsense", *bodies[1:]]):
        assert "foreign-journal" in {fault.code for fault in verify(changed, MANIFEST).faults}


def test_checkpoints_follow_the_votes(tmp_path: Path) -> None:
    """Other votes for others, in another order: the same checkpoints over as many facts at the same times."""
    others = {
        COUNCIL: replace(TRUTH[COUNCIL], votes={"2": 4807, "5": 1201, "41": 2003}),
        MAYOR: replace(TRUTH[MAYOR], votes={"02": 4099, "2": 3911}),
    }
    seen = []
    for name, truth in (("one", TRUTH), ("other", others)):
        branch = SignedBranch(tmp_path / name, truth=truth)
        work_until(branch, "delivered")
        branch.stop()
        bodies = bodies_in(tmp_path / name)
        facts = [read_fact(body) for body in bodies]
        seen.append([(type(fact).__name__, fact.at, len(bodies[n])) for n, fact in enumerate(facts)])
    assert seen[0] == seen[1]


def test_standby_kit_signs_in_the_name_of_the_first(tmp_path: Path) -> None:
    election = make_election(2, standbys=1)
    key = election.devices["standby-device-1-1"]
    journal = open_journal(tmp_path, election.loaded, "branch-1", key, entropy=Stream(), vfs=None)
    assert not list(journal.replay())
    born = Commissioned(
        at="2027-06-18T14:00:00.001Z",
        election=NAME.election,
        round=1,
        branch="branch-1",
        device="standby-device-1-1",
        manifest_sha256=election.loaded.sha256,
        manifest_version=1,
    )
    journal.append([born])
    journal.close()
    report = verify(bodies_in(tmp_path), election.loaded)
    assert report.verdict == "good"
    assert report.name is not None
    assert report.name.origin.endswith("/branch-1/standby-device-1-1")
    claimed = rewritten(bodies_in(tmp_path), 1, device="device-1")
    assert "certificate-forged" in {fault.code for fault in verify(claimed, election.loaded).faults}
