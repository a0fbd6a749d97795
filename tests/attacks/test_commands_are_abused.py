"""Somebody has the broker, or an SMS gateway, or the log's key, and gives branches commands."""

from dataclasses import replace
from typing import Final

from crypto import acknowledgement, command
from crypto.codec import sha256_hex
from crypto.command import PAUSE_MAX_MS, Command
from crypto.identity import SigningKey
from crypto.notes import Checkpoint, NoteSigner
from kit.effects import KeepManifest
from kit.events import Booted, CommandHeard, ManifestHeard
from kit.facts import CommandFollowed, Phase
from kit.manifests.adoption import ManifestAdoption
from kit.manifests.judge import ManifestJudge
from tests.attacks.catalogue import attack
from tests.crypto.election_fixture import ELECTION, make_election
from tests.kit.harness import BRANCH, SCHEDULE, Branch
from tests.kit.staff import standing_in

RUNGS: Final = ("fibre", "4g", "sms", "courier")


def quiet_branch() -> Branch:
    branch = Branch()
    branch.settle()
    return branch


def message(branch: Branch, number: int, text: str = "hello") -> Command:
    now_s = branch.wall_ms // 1000
    issued, expires = command.seconds_text(now_s), command.seconds_text(now_s + 3600)
    return Command("message", ELECTION, 1, None, number, issued, expires, text=text)


def hear(branch: Branch, note: str) -> int:
    """By every rung; how many commands the branch has followed then."""
    for rung in RUNGS:
        branch.post(CommandHeard(note.encode(), rung))
    branch.settle()
    return len(branch.facts(CommandFollowed))


@attack("command by another key")
def test_command_is_signed_by_somebody_else() -> None:
    branch = quiet_branch()
    one, log = message(branch, 1), branch.election.log
    thief = NoteSigner(log.name, SigningKey.from_seed(b"t" * 32))
    assert hear(branch, command.make(one, thief)) == 0
    assert (
        hear(branch, command.make(one, NoteSigner("log.example/other", SigningKey.from_seed(b"t" * 32)))) == 0
    )
    assert hear(branch, command.make(one, log).replace("hello", "hullo")) == 0
    assert hear(branch, command.make(one, log)) == 1


@attack("command replayed")
def test_command_of_the_morning_comes_again() -> None:
    branch = quiet_branch()
    log = branch.election.log
    caught = [command.make(message(branch, number), log) for number in (1, 2)]
    assert [hear(branch, note) for note in caught] == [1, 2]
    branch.boot()
    branch.settle()
    assert [hear(branch, note) for note in caught] == [2, 2], "a restart forgets no counter"
    never_heard = command.make(message(branch, 3), log)
    branch.advance(3_600_000)
    assert hear(branch, never_heard) == 2, "it was kept back for too long"
    assert hear(branch, command.make(message(branch, 4), log)) == 3


@attack("command for another branch, election or round")
def test_command_is_brought_where_it_does_not_belong() -> None:
    branch = quiet_branch()
    one, log = message(branch, 1), branch.election.log
    for other in (replace(one, branch="branch-2"), replace(one, election="earlier"), replace(one, round=2)):
        assert hear(branch, command.make(other, log)) == 0
    assert hear(branch, command.make(replace(one, branch="branch-1"), log)) == 1


@attack("another note of the log passed for a command")
def test_what_the_log_signed_for_something_else_is_given_as_a_command() -> None:
    branch = quiet_branch()
    log = branch.election.log
    for note in (acknowledgement.make(b"{}", log), log.sign(Checkpoint(log.name, 1, bytes(32)).text())):
        assert hear(branch, note) == 0
    assert hear(branch, command.make(message(branch, 1), log)) == 1


@attack("branch silenced by the stolen log key")
def test_stolen_key_paces_a_branch_again_and_again() -> None:
    """The first send waits for nobody, and the tally arrives while the thief still asks for the longest pause."""
    branch = standing_in("sending")
    branch.center_answers = True
    for number in range(1, 4):
        now_s = branch.wall_ms // 1000
        times = command.seconds_text(now_s), command.seconds_text(now_s + 1800)
        pacing = Command("pacing", ELECTION, 1, None, number, *times, pause_ms=PAUSE_MAX_MS)
        branch.post(CommandHeard(command.make(pacing, branch.election.log).encode(), "fibre"))
        branch.settle()
    assert len(branch.facts(CommandFollowed)) == 3
    branch.advance(2 * PAUSE_MAX_MS)
    assert branch.phase == "delivered"
    tally = branch.envelopes()[-1]
    assert tally.sha256 in {sha256_hex(data) for data in branch.center.taken}


@attack("manifest rollback", "manifest after the zero report")
def test_broker_brings_manifests_that_come_too_late() -> None:
    stages: tuple[Phase, ...] = ("readiness", "zeroed", "open")
    kept = {stage: manifests_kept(stage) for stage in stages}
    assert kept == {"readiness": [3], "zeroed": [], "open": []}


def manifests_kept(stage: Phase) -> list[int]:
    """The versions that a branch would adopt, when the broker brings it an older, the same and a newer one."""
    present = make_election(2, schedule=SCHEDULE, standbys=2, version=2)
    branch = standing_in(stage, present)
    judge = ManifestJudge(present.trusted, present.threshold, rehearsal=True, terminals=frozenset())
    core = branch.station.adoption = ManifestAdoption(present.loaded, BRANCH, branch.device, judge)
    core.handle(Booted("boot", branch.wall_ms), branch.now)
    for fact in branch.journal.facts:
        core.apply(fact)
    for version in (1, 2, 3):
        data = make_election(2, schedule=SCHEDULE, standbys=2, version=version).manifest_bytes
        branch.post(ManifestHeard(data, "fibre"))
    branch.settle()
    return [effect.version for effect in branch.effects if isinstance(effect, KeepManifest)]
