"""A newer manifest at a kit: older, of too few signers, after the zero report, of another key; power cuts."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from crypto import manifest as manifests
from crypto.codec import b64
from crypto.identity import key_id
from crypto.statements import Schedule
from drivers.ports import TerminalPhase, TerminalStatus
from kit.config import load
from kit.day.schedule import EffectiveSchedule
from kit.effects import AdoptManifest, KeepManifest
from kit.events import Booted, Event, ManifestHeard, ManifestKept, TerminalHeard, Tick
from kit.facts import Commissioned, IncidentRecorded, ManifestAdopted, PhaseEntered, ScheduleExtended
from kit.manifests.adoption import BEGUN, HEAR_MS, ManifestAdoption
from kit.manifests.file import adopted_in, file_of, forget_unadopted, keep, load_adopted, newest_in
from kit.manifests.judge import ManifestJudge
from kit.manifests.parts import PART_MAX, ManifestParts
from tests.crypto.election_fixture import SCHEDULE, Election, key_of, make_election
from tests.kit.commission import commission
from tests.kit.harness import BRANCH, MORNING_MS
from tests.kit.real_kit import OpenJournal

AT = "2027-06-18T14:00:00.000Z"
OLDEST = make_election(2)
OLD = make_election(2, version=2)
LATER = Schedule(
    **{name: getattr(SCHEDULE, name).replace("-18T", "-19T") for name in SCHEDULE.__struct_fields__}
)
NEW = make_election(2, version=3, schedule=LATER)
JUDGE = ManifestJudge(OLD.trusted, OLD.threshold, rehearsal=True, terminals=frozenset({"terminal-1-1"}))
REPLY = 7


class Kit:
    """The core alone, with a journal that is a list, and a disk that a test looks after."""

    def __init__(
        self,
        device: str = "device-1",
        judge: ManifestJudge | None = JUDGE,
        heard: TerminalPhase | None = "idle",
    ) -> None:
        """``heard``: where its terminal says that it stands; None: it says nothing."""
        self.core = ManifestAdoption(OLD.loaded, BRANCH, device, judge)
        self.facts: list[Any] = []
        self.now = 0
        self.tell(Booted("boot", MORNING_MS))
        if heard is not None:
            self.terminal_is(heard)

    def terminal_is(self, phase: TerminalPhase) -> list[Any]:
        return self.tell(TerminalHeard("terminal-1-1", TerminalStatus(phase, close_no=0, public_counter=0)))

    def tell(self, event: Event) -> list[Any]:
        step = self.core.handle(event, self.now)
        for fact in step.facts:
            self.core.apply(fact)
        self.facts += step.facts
        return list(step.effects)

    def bring(self, data: bytes) -> str:
        """What a person is told who brings it."""
        effects = self.tell(ManifestHeard(data, "courier", REPLY))
        (effect,) = effects
        return "kept" if isinstance(effect, KeepManifest) else str(effect.body["error"])

    def phase(self, phase: Any) -> None:
        self.core.apply(PhaseEntered(at=AT, phase=phase, trigger="all-zeroed"))


def signed(**changes: Any) -> bytes:
    return OLD.sign_unchecked(msgspec.structs.replace(NEW.manifest, **changes))


@pytest.mark.parametrize("phase", BEGUN)
def test_standby_kit_leaves_the_manifest_of_the_terminals_that_it_takes_over(phase: TerminalPhase) -> None:
    kit = Kit()
    kit.tell(TerminalHeard("terminal-1-1", TerminalStatus(phase=phase, close_no=0, public_counter=0)))
    assert f"terminal-1-1 is {phase}" in kit.bring(NEW.manifest_bytes)
    kit.tell(TerminalHeard("terminal-1-1", TerminalStatus(phase="idle", close_no=0, public_counter=0)))
    assert kit.bring(NEW.manifest_bytes) == "kept", "another terminal came in its place"


@pytest.mark.parametrize("phase", BEGUN)
def test_standby_kit_adopts_before_it_heard_where_its_terminals_stand(phase: TerminalPhase) -> None:
    """As a file that was laid in, or said at once over the first uplink."""
    kit = Kit(heard=None)
    assert kit.tell(ManifestHeard(NEW.manifest_bytes, "courier")) == []
    assert kit.core.wake_at() == HEAR_MS
    assert kit.terminal_is(phase) == []
    assert [fact.code for fact in kit.facts] == ["manifest-refused"]
    assert kit.core.wake_at() is None


def test_terminals_are_silent_and_no_manifest_is_ever_adopted() -> None:
    for heard in (True, False):
        kit = Kit(heard=None)
        assert kit.tell(ManifestHeard(NEW.manifest_bytes, "fibre")) == []
        kit.now = HEAR_MS - 1
        assert kit.tell(Tick()) == []
        kit.now += 0 if heard else 1
        (effect,) = kit.terminal_is("idle") if heard else kit.tell(Tick())
        assert isinstance(effect, KeepManifest)


def test_polls_turn_out_to_have_begun_while_the_file_is_written() -> None:
    kit = Kit()
    kit.tell(ManifestHeard(NEW.manifest_bytes, "fibre"))
    kit.tell(TerminalHeard("terminal-1-1", TerminalStatus(phase="open", close_no=0, public_counter=4)))
    assert kit.tell(ManifestKept(3, NEW.loaded.sha256, "fibre", None, None)) == []
    assert kit.core.adopted is None


def test_good_manifest_is_refused() -> None:
    kit = Kit()
    (effect,) = kit.tell(ManifestHeard(NEW.manifest_bytes, "fibre"))
    assert effect == KeepManifest(3, NEW.loaded.sha256, NEW.manifest_bytes, "fibre", None)
    assert kit.facts == [], "the file comes before the fact"
    assert kit.tell(ManifestKept(3, NEW.loaded.sha256, "fibre", None)) == [
        AdoptManifest(3, NEW.loaded.sha256)
    ]
    (fact,) = kit.facts
    assert (fact.version, fact.manifest_sha256) == (3, NEW.loaded.sha256)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (OLD.manifest_bytes, "version 2 already"),
        (OLDEST.manifest_bytes, "of version 1"),
        (signed(round=2), "round 2"),
        (b"", "refused"),
        (b"{}", "refused"),
        (NEW.manifest_bytes[:-9], "refused"),
        (NEW.manifest_bytes.replace(b'"sig":"', b'"sig":"A', 1), "refused"),
    ],
)
def test_manifest_that_is_none_or_not_newer(data: bytes, words: str) -> None:
    kit = Kit()
    assert words in kit.bring(data)
    assert kit.facts == []


def test_manifest_by_too_few_or_other_people() -> None:
    one = manifests.sign_manifest(NEW.manifest, OLD.manifest_keys[:1])
    assert "refused" in Kit().bring(one)
    strangers = [key_of(f"stranger {number}") for number in range(2)]
    assert "refused" in Kit().bring(manifests.sign_manifest(NEW.manifest, strangers))
    trusted = {key_id(key.public): key.public for key in strangers}
    other = ManifestJudge(trusted, 2, rehearsal=True, terminals=frozenset())
    assert "refused" in Kit(judge=other).bring(NEW.manifest_bytes)
    assert "fixed" in Kit(judge=None).bring(NEW.manifest_bytes)


def test_manifest_without_a_place_for_this_kit() -> None:
    entry = NEW.manifest.branches[0]
    devices = list(NEW.manifest.devices)
    swapped = (msgspec.structs.replace(devices[0], public_key=b64(key_of("another").public)), *devices[1:])
    assert "another key for this device" in Kit().bring(signed(devices=swapped))
    assert "another place" in Kit(device="device-2").bring(NEW.manifest_bytes)
    without = msgspec.structs.replace(entry, id="branch-9")
    assert "refused" in Kit().bring(signed(branches=(without, *NEW.manifest.branches[1:])))
    more = ManifestJudge(JUDGE.keys, JUDGE.threshold, rehearsal=True, terminals=frozenset({"terminal-9"}))
    assert "terminal-9" in Kit(judge=more).bring(NEW.manifest_bytes)


@pytest.mark.parametrize(
    "phase", ["zeroed", "open", "suspended", "closed", "accounted", "sealed", "delivered"]
)
def test_manifest_after_the_zero_report(phase: str) -> None:
    kit = Kit()
    kit.phase(phase)
    assert "frozen" in kit.bring(NEW.manifest_bytes)
    assert kit.facts == []


def test_polls_begin_while_the_file_is_written() -> None:
    kit = Kit()
    assert kit.bring(NEW.manifest_bytes) == "kept"
    kit.phase("zeroed")
    (reply,) = kit.tell(ManifestKept(3, NEW.loaded.sha256, "courier", REPLY))
    assert "frozen" in reply.body["error"]
    assert kit.facts == []


def test_two_manifests_come_at_once() -> None:
    # The file of a second one of this version would lie over that of the first, which the journal is to name.
    kit = Kit()
    kit.tell(ManifestHeard(NEW.manifest_bytes, "fibre"))
    another = signed(schedule=SCHEDULE)
    assert kit.tell(ManifestHeard(another, "4g")) == []
    assert "is being adopted" in kit.bring(another)
    kit.tell(ManifestKept(3, NEW.loaded.sha256, "fibre", None))
    assert "is being adopted" in kit.bring(another), "until this life ends"
    assert [fact.manifest_sha256 for fact in kit.facts] == [NEW.loaded.sha256]


def test_disk_is_full() -> None:
    kit = Kit()
    kit.tell(ManifestHeard(NEW.manifest_bytes, "fibre"))
    assert kit.tell(ManifestKept(3, NEW.loaded.sha256, "fibre", None, "no space left")) == []
    assert [fact.code for fact in kit.facts] == ["manifest-refused"]
    (again,) = kit.tell(ManifestHeard(NEW.manifest_bytes, "fibre"))
    assert isinstance(again, KeepManifest), "the next repetition finds more room"


def test_repetitions_are_judged_and_told_again_and_again() -> None:
    kit = Kit()
    for _ in range(50):
        assert kit.tell(ManifestHeard(OLD.manifest_bytes, "fibre")) == []
        assert kit.tell(ManifestHeard(b"garbage", "fibre")) == []
    assert [type(fact) for fact in kit.facts] == [IncidentRecorded]


def test_extension_of_the_old_manifest_outlives_it() -> None:
    schedule = EffectiveSchedule(NEW.loaded, BRANCH)
    extended = ScheduleExtended(
        at=AT, source="order", number=3, branch=BRANCH, signers=("o",), schedule=SCHEDULE, reason="", act=""
    )
    schedule.apply(extended)
    assert schedule.current == SCHEDULE
    schedule.apply(ManifestAdopted(at=AT, version=3, manifest_sha256=NEW.loaded.sha256))
    assert schedule.current == LATER


# --- on the disk ---


def laid_out(folder: Path, election: Election = OLD) -> Any:
    config = load(commission(folder, election=election))
    Path(config.state_dir).mkdir()
    return config


def journaled(config: Any, *facts: Any) -> None:
    with OpenJournal(Path(config.state_dir) / "journal.db") as journal:
        list(journal.replay())
        journal.append(facts)


ADOPTED = ManifestAdopted(at=AT, version=3, manifest_sha256=NEW.loaded.sha256)


def test_power_goes_between_file_and_fact(tmp_path: Path) -> None:
    config = laid_out(tmp_path)
    keep(Path(config.state_dir), 3, NEW.manifest_bytes)
    assert adopted_in(Path(config.state_dir), None) is None, "there is no journal yet"
    journaled(config, _commissioned())
    assert adopted_in(Path(config.state_dir), None) is None, "the old one goes on"
    journaled(config, ADOPTED)
    assert adopted_in(Path(config.state_dir), None) == ADOPTED
    forget_unadopted(Path(config.state_dir), ADOPTED)
    assert (
        load_adopted(config, ADOPTED)
        == file_of(Path(config.state_dir), 3)
        == newest_in(Path(config.state_dir))
    )
    forget_unadopted(Path(config.state_dir), None)
    assert newest_in(Path(config.state_dir)) is None


def test_file_is_lost_afterwards(tmp_path: Path) -> None:
    config = laid_out(tmp_path)
    path = file_of(Path(config.state_dir), 3)
    for damage in (None, b"", OLD.manifest_bytes, NEW.manifest_bytes[:-1]):
        if damage is not None:
            path.write_bytes(damage)
        with pytest.raises(Exception, match="copy that very manifest"):
            load_adopted(config, ADOPTED)
    Path(config.manifest).write_bytes(NEW.manifest_bytes)  # as the words say
    assert load_adopted(config, ADOPTED) == Path(config.manifest)


def test_half_a_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, 2, b"old")

    def cut(*_: object) -> None:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as power:
        power.setattr("os.fsync", cut)
        with pytest.raises(OSError, match="no space"):
            keep(tmp_path, 2, b"new")
    assert file_of(tmp_path, 2).read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["manifest-2.dsse.json"]


def test_fact_only_looks_as_if_it_adopted(tmp_path: Path) -> None:
    config = laid_out(tmp_path)
    text = '"fact":"manifest-adopted"'
    journaled(config, _commissioned(), IncidentRecorded(at=AT, code="x", detail=text))
    assert adopted_in(Path(config.state_dir), None) is None


def _commissioned() -> Commissioned:
    return Commissioned(
        at=AT,
        election=OLD.manifest.election,
        round=1,
        branch=BRANCH,
        device="device-1",
        manifest_sha256=OLD.loaded.sha256,
        manifest_version=2,
    )


# --- in parts, over the socket ---


def part(data: bytes, offset: int, total: int) -> dict[str, Any]:
    return {"op": "manifest", "envelope": b64(data), "offset": offset, "total": total}


def test_parts_do_not_fit_together() -> None:
    parts = ManifestParts()
    data = bytes(range(256)) * (PART_MAX // 128)
    first, second = data[:PART_MAX], data[PART_MAX:]
    assert parts.take(part(first, 0, len(data))) == {"ok": True, "taken": PART_MAX}
    assert parts.take(part(first, 0, len(data))) == {"ok": True, "taken": PART_MAX}, "begun again"
    assert parts.take(part(second, PART_MAX, len(data))) == data
    for wrong in (
        part(second, PART_MAX, len(data)),
        part(b"xy", 0, 1),
        part(b"", 0, 2**40),
        {"op": "manifest"},
    ):
        answer = parts.take(wrong)
        assert isinstance(answer, dict)
    assert isinstance(parts.take({**part(b"", 0, 1), "envelope": "?"}), dict)
