"""A ledger with leaves under two manifests, from polls to audit: strangers have the folder and the keys alone."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from msgspec import structs

from center.publication import layout as publication
from crypto import envelope
from crypto.codec import b64, to_bytes
from crypto.manifest import sign_manifest
from crypto.wire import TYPE_MANIFEST
from tests.center.branch import Device
from tests.center.command import center
from tests.center.evening import Evening, trustees_election
from tests.center.manifests import go_on_under, moved_to_another_port, newer, signed, with_other_key
from tests.center.publication import PAST, Office
from tests.center.site import ROOT
from tests.center.site import ran as run_program
from tests.crypto.election_fixture import COUNCIL, RESULTS, key_of, make_election

OLD: Final = trustees_election(2)
NEW: Final = newer(OLD, moved_to_another_port)


def mixed(evening: Evening, *, aware: bool = True) -> None:
    """Branch 1 under the older manifest, before and after the centre went over, branch 2 under the newer one."""
    device = evening.devices["branch-1"]
    evening.center.take((device, device.account()))
    go_on_under(evening, NEW)
    evening.center.take((device, device.tally()))
    if aware:
        evening.devices["branch-2"] = Device(NEW, "branch-2")
        evening.day("branch-2")


@pytest.fixture
def evening(tmp_path: Path) -> Evening:
    evening = Evening(tmp_path, OLD)
    evening.commission.center = evening.center
    return evening


def test_a_branch_under_the_older_manifest_is_not_opened_by_trustees(evening: Evening) -> None:
    mixed(evening)
    evening.whole(1, 3)
    ran = evening.audit()
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "earlier manifests 1" in ran.out
    assert "of them under earlier manifests 2" in ran.out
    totals = publication.decode_totals((evening.public / "totals.json").read_bytes())
    assert totals.units == {"absent": 0, "counted": 2, "set-aside": 0}
    assert totals.contests[COUNCIL].votes == {
        code: 2 * votes for code, votes in RESULTS[COUNCIL].votes.items()
    }
    assert totals.manifest_sha256 == NEW.loaded.sha256
    name = publication.earlier_name(OLD.loaded.sha256)
    assert (evening.public / name).read_bytes() == OLD.manifest_bytes
    assert center("log", "audit", "--config", evening.config).code in {0, 1}
    reopen = ROOT / "docs" / "evidence" / "reopen.py"
    again = subprocess.run(
        [sys.executable, reopen], cwd=evening.public, capture_output=True, text=True, check=True, timeout=60
    )
    counted = "  council_party_list:1 2:120 5:200 41:480"
    assert again.stdout.splitlines().count(counted) == 2, "strangers open it without our programs"


def test_what_is_disclosed_of_a_branch_under_the_older_manifest_does_not_verify(tmp_path: Path) -> None:
    old = make_election(2, schedule=PAST)
    office = Office(tmp_path, old)
    office.day("branch-1")
    new = newer(old, moved_to_another_port)
    go_on_under(office, new)
    office.devices["branch-2"] = Device(new, "branch-2")
    office.day("branch-2")
    assert office.publish("--opening", office.open()).code == 0
    ran = office.audit()
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert publication.decode_totals((office.public / "totals.json").read_bytes()).units["counted"] == 2


def test_the_publication_began_under_the_older_manifest(evening: Evening) -> None:
    device = evening.devices["branch-1"]
    evening.center.take((device, device.account()))
    evening.publish()
    before = shutil.copytree(evening.public, evening.folder / "before")
    mixed(evening)
    evening.publish()
    assert (evening.public / publication.MANIFEST).read_bytes() == NEW.manifest_bytes
    ran = evening.audit("--previous", before)
    assert "fault" not in ran.out.lower(), ran.out
    third = newer(NEW, moved_to_another_port)
    go_on_under(evening, third)
    evening.publish()
    ran = evening.audit("--previous", before)
    assert "earlier manifests 2" in ran.out
    assert "fault" not in ran.out.lower(), ran.out


def test_another_manifest_takes_the_place_of_the_published_one_unnoticed(evening: Evening) -> None:
    evening.day("branch-1")
    evening.publish()
    before = shutil.copytree(evening.public, evening.folder / "before")
    stranger = signed(OLD, structs.replace(OLD.manifest, version=2))
    (evening.public / publication.MANIFEST).write_bytes(stranger.manifest_bytes)
    ran = evening.audit("--previous", before)
    assert (ran.code, "which this publication's does not supersede" in ran.out) == (65, True), ran.out


def test_results_are_taken_back_by_a_newer_manifest(tmp_path: Path) -> None:
    old = make_election(1, schedule=PAST)
    office = Office(tmp_path, old)
    office.day("branch-1")
    assert office.publish("--opening", office.open()).code == 0
    go_on_under(office, newer(old, moved_to_another_port))
    ran = office.publish()
    assert (ran.code, "results were published under an earlier manifest" in ran.err) == (65, True), ran.err
    assert (office.public / publication.MANIFEST).read_bytes() == old.manifest_bytes


def removed(public: Path) -> None:
    (public / publication.earlier_name(OLD.loaded.sha256)).unlink()


def forged(public: Path) -> None:
    """A manifest of this version that one of the three holders signed alone."""
    data = envelope.sign(TYPE_MANIFEST, to_bytes(OLD.manifest), OLD.manifest_keys[:1]).to_bytes()
    (public / publication.earlier_name(OLD.loaded.sha256)).write_bytes(data)


def exchanged(public: Path) -> None:
    other = signed(OLD, structs.replace(OLD.manifest, issued_at="2027-06-02T00:00:00Z"))
    (public / publication.earlier_name(OLD.loaded.sha256)).write_bytes(other.manifest_bytes)


def not_the_one_before(public: Path) -> None:
    """The newest is exchanged for another one of its version, which supersedes nothing."""
    other = structs.replace(
        NEW.manifest, supersedes=signed(OLD, structs.replace(OLD.manifest, version=9)).loaded.sha256
    )
    (public / publication.MANIFEST).write_bytes(signed(NEW, other).manifest_bytes)


def withdrawing(public: Path) -> None:
    """The newest is exchanged for one that withdraws the kit of branch 1 after the fact."""
    other = newer(OLD, with_other_key("devices", "device-1"))
    (public / publication.MANIFEST).write_bytes(other.manifest_bytes)


@pytest.mark.parametrize(
    ("disturb", "words"),
    [
        (removed, "is missing, and the manifest after it supersedes it"),
        (forged, "has 1 signatures: 2 are needed"),
        (exchanged, "holds another manifest"),
        (not_the_one_before, "is missing, and the manifest after it supersedes it"),
        (withdrawing, "the key of device 'device-1' was withdrawn"),
    ],
)
def test_a_stranger_takes_a_broken_chain_for_whole(
    evening: Evening, disturb: Callable[[Path], None], words: str
) -> None:
    mixed(evening)
    evening.order()
    evening.witness(1, 2)
    evening.publish()
    assert evening.trustee("check").code == 0
    disturb(evening.public)
    ran = evening.audit()
    assert (ran.code, words in ran.out) == (65, True), ran.out
    assert evening.trustee("check").code not in {0, 1}


def test_what_an_older_manifest_forbids_until_later_is_opened_without_it(tmp_path: Path) -> None:
    late = structs.replace(PAST, opening_not_before="2031-06-18T16:30:00Z")
    old = signed(OLD, structs.replace(OLD.manifest, schedule=late))
    evening = Evening(tmp_path, old)
    evening.commission.center = evening.center
    go_on_under(evening, newer(old, lambda manifest: structs.replace(manifest, schedule=PAST)))
    evening.commission.center = evening.center
    evening.devices["branch-2"] = Device(evening.election, "branch-2")
    evening.day("branch-2")
    evening.order()
    evening.witness(1, 2)
    evening.publish()
    ran = evening.trustee("check")
    assert (ran.code, "the opening time is 2031-06-18" in ran.err) == (77, True), ran.err
    shutil.rmtree(evening.public / publication.EARLIER)
    for ran in evening.trustee("check"), evening.answer(1), evening.audit():
        assert (ran.code, "is missing" in ran.err + ran.out) == (65, True), ran
    assert not evening.answers(1).exists()
    text = evening.config.read_text(encoding="utf-8")
    evening.config.write_text(text.replace('"manifest-1.dsse.json"', ""), encoding="utf-8")
    ran = evening.draft()
    assert (ran.code, "which is missing: give every manifest" in ran.err) == (78, True), ran.err


def test_a_holder_of_a_manifest_key_was_replaced_since_the_older_one_was_signed(evening: Evening) -> None:
    """The trusted keys are those of today. Signed anew, the older one has the same fingerprint."""
    gone, stays, _ = OLD.manifest_keys
    newcomer = key_of("a new holder of a manifest key")
    text = evening.config.read_text(encoding="utf-8").replace(b64(gone.public), b64(newcomer.public))
    evening.config.write_text(text, encoding="utf-8")
    mixed(evening)
    for name, manifest in ("manifest-1.dsse.json", OLD.manifest), ("manifest.dsse.json", NEW.manifest):
        ran = center("log", "audit", "--config", evening.config)
        assert (ran.code, "which is not trusted for it" in ran.err) == (78, True), ran.err
        (evening.folder / name).write_bytes(sign_manifest(manifest, (stays, newcomer)))
    assert center("log", "audit", "--config", evening.config).code in {0, 1}


def test_a_manifest_lies_there_that_nothing_supersedes(evening: Evening) -> None:
    mixed(evening)
    evening.publish()
    stray = publication.earlier_name("ab" * 32)
    (evening.public / stray).write_bytes(OLD.manifest_bytes)
    assert f"{stray}: belongs to nothing" in evening.audit().out


def test_the_configuration_forgets_the_older_manifest(evening: Evening) -> None:
    mixed(evening)
    text = evening.config.read_text(encoding="utf-8")
    evening.config.write_text(text.replace('"manifest-1.dsse.json"', ""), encoding="utf-8")
    for ran in evening.draft(), center("publish", evening.public, "--config", evening.config):
        assert (ran.code, "which is missing: give every manifest of the chain" in ran.err) == (78, True), (
            ran.err
        )


def test_nobody_is_told_which_branches_a_newer_manifest_refuses(evening: Evening) -> None:
    go_on_under(evening, newer(OLD, with_other_key("terminals", "terminal-2-1")))
    code, out, err = run_program("centerd", "--config", evening.config, "--check-config")
    assert (code, err) == (0, "")
    assert "and 1 before it" in out
    assert "refused under version 1: terminal 'terminal-2-1' of branch 'branch-2' is withdrawn" in out
    assert "branch-1" not in out


def test_the_configuration_names_a_chain_that_is_none(evening: Evening) -> None:
    mixed(evening)
    (evening.folder / "manifest-1.dsse.json").write_bytes(
        signed(OLD, structs.replace(OLD.manifest, issued_at="2027-06-02T00:00:00Z")).manifest_bytes
    )
    for command in ("publish", evening.public), ("log", "audit"):
        ran = center(*command, "--config", evening.config)
        assert (ran.code, "does not supersede" in ran.err) == (78, True), ran.err
    (evening.folder / "manifest-1.dsse.json").write_bytes(
        envelope.sign(TYPE_MANIFEST, to_bytes(OLD.manifest), OLD.manifest_keys[:1]).to_bytes()
    )
    ran = center("log", "audit", "--config", evening.config)
    assert (ran.code, "manifest-1.dsse.json" in ran.err) == (78, True), ran.err
