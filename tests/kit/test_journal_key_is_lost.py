"""A seed is gone: the day goes on under a new key, everybody can see that, and two officials may vouch for it."""

from pathlib import Path

import pytest

from crypto.codec import b64, unb64
from crypto.errors import EvidenceError, StatementError
from crypto.journal_note import add_official, check_certificate
from kit import exit_codes
from kit.events import EndorsementReceived
from kit.facts import IncidentRecorded, JournalKeyCertified, SegmentEndorsed
from kit.journal.report import verify
from kit.journal.signed import SEEDS_FILE
from tests.crypto.election_fixture import key_of
from tests.kit.signed_day import MANIFEST, NAME, SignedBranch, bodies_in, codes, looked_at
from tests.kit.staff import work_until

EXECUTIVE, SUPERVISION = key_of("official-1-executive"), key_of("official-1-supervision")


def without_its_key(folder: Path, *, garbled: bool = False) -> SignedBranch:
    """A branch that has opened, was stopped, lost its seed, and was started again."""
    branch = SignedBranch(folder)
    work_until(branch, "open")
    branch.stop()
    path = folder / SEEDS_FILE
    if garbled:
        path.write_bytes(b"\xaa" * len(path.read_bytes()))
    else:
        path.unlink()
    branch.boot()
    branch.settle()
    return branch


def certificate_of(branch: SignedBranch, segment: int) -> bytes:
    return unb64(branch.facts(JournalKeyCertified)[segment - 1].certificate)


def endorsed_by_two(certificate: bytes) -> bytes:
    return add_official(add_official(certificate, EXECUTIVE, NAME, MANIFEST), SUPERVISION, NAME, MANIFEST)


def hand_in(branch: SignedBranch, certificate: bytes) -> dict[str, object]:
    return branch.ask(lambda token: EndorsementReceived(b64(certificate), token))


@pytest.mark.parametrize("garbled", [False, True])
def test_lost_seed_stops_the_polling_day(tmp_path: Path, garbled: bool) -> None:
    branch = without_its_key(tmp_path / "state", garbled=garbled)
    assert branch.phase == "open"
    (incident,) = branch.facts(IncidentRecorded)
    assert incident.code == "journal-key-lost"
    assert branch.station.status(branch.now)["journal_segments_flagged"] == [2]
    work_until(branch, "delivered")
    branch.stop()
    report = looked_at(tmp_path / "state", leaves=dict(enumerate(branch.center.taken, 1)))
    assert (report.verdict, codes(report)) == ("flagged", {"seed-lost-unsigned"})
    first, second = report.segments
    assert second.epoch == first.epoch + first.checkpoints, "an epoch is skipped or used twice"


def test_segment_stays_flagged_when_two_officials_vouched_for_it(tmp_path: Path) -> None:
    branch = without_its_key(tmp_path / "state")
    answer = hand_in(branch, endorsed_by_two(certificate_of(branch, 2)))
    assert answer == {"ok": True, "accepted": True, "segment": 2}
    assert branch.station.status(branch.now)["journal_segments_flagged"] == []
    hand_in(branch, endorsed_by_two(certificate_of(branch, 2)))
    assert len(branch.facts(SegmentEndorsed)) == 1, "recorded twice"
    work_until(branch, "delivered")
    branch.stop()
    report = looked_at(tmp_path / "state")
    assert (report.verdict, codes(report)) == ("remarks", {"seed-lost-endorsed"})
    branch.boot()
    branch.settle()
    assert branch.station.status(branch.now)["journal_segments_flagged"] == [], "forgotten over a restart"


def test_key_is_lost_again_and_again(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    branch = SignedBranch(folder)
    for _ in range(3):
        branch.settle()
        branch.stop()
        (folder / SEEDS_FILE).unlink()
        branch.boot()
    work_until(branch, "open")
    branch.stop()
    report = looked_at(folder)
    assert [segment.number for segment in report.segments] == [1, 2, 3, 4]
    assert (report.verdict, len(report.remarks)) == ("flagged", 3)


# --- who may vouch, and for what -------------------------------------------------------------------------------------


def test_one_official_vouches_alone(tmp_path: Path) -> None:
    branch = without_its_key(tmp_path / "state")
    certificate = certificate_of(branch, 2)
    for data in (certificate, add_official(certificate, EXECUTIVE, NAME, MANIFEST)):
        answer = hand_in(branch, data)
        assert (answer["ok"], answer["code"]) == (False, exit_codes.DATA)
        assert "two different bodies" in str(answer["error"])
    assert not branch.facts(SegmentEndorsed)
    branch.stop()


def test_certificate_is_of_no_such_segment(tmp_path: Path) -> None:
    branch = without_its_key(tmp_path / "state")
    other = without_its_key(tmp_path / "other", garbled=True)
    other.advance(1000)
    first = endorsed_by_two(certificate_of(branch, 1))
    assert "needs nobody's word" in str(hand_in(branch, first)["error"])
    stranger = SignedBranch(tmp_path / "third")
    stranger.settle()
    stranger.stop()
    (tmp_path / "third" / SEEDS_FILE).unlink()
    stranger.boot()
    stranger.settle()
    foreign = endorsed_by_two(certificate_of(stranger, 2))
    assert "not the certificate of segment 2 of this journal" in str(hand_in(branch, foreign)["error"])
    for nonsense in (b"", b"{}", b"\xff" * 100):
        assert hand_in(branch, nonsense)["code"] == exit_codes.DATA
    assert not branch.facts(SegmentEndorsed)


def test_somebody_else_signs_the_certificate(tmp_path: Path) -> None:
    branch = without_its_key(tmp_path / "state")
    certificate = certificate_of(branch, 2)
    branch.stop()
    for key in (key_of("official-2-executive"), key_of("device-1"), key_of("terminal-1-1")):
        with pytest.raises(StatementError):
            add_official(certificate, key, NAME, MANIFEST)
    once = add_official(certificate, EXECUTIVE, NAME, MANIFEST)
    with pytest.raises(StatementError, match="signed it already"):
        add_official(once, EXECUTIVE, NAME, MANIFEST)
    forged = once.replace(b'"sig":"', b'"sig":"AAAA', 1)
    with pytest.raises(EvidenceError):
        check_certificate(forged, NAME, MANIFEST)


def test_endorsement_is_forged_in_the_journal(tmp_path: Path) -> None:
    """Root writes the fact by himself: without the officials' keys it convinces nobody."""
    branch = without_its_key(tmp_path / "state")
    alone = add_official(certificate_of(branch, 2), EXECUTIVE, NAME, MANIFEST)
    forged = SegmentEndorsed(
        at="2027-06-18T14:31:00.000Z",
        segment=2,
        officials=("official-1-executive", "official-1-supervision"),
        certificate=b64(alone),
    )
    branch.journal.append([forged])
    branch.stop()
    report = verify(bodies_in(tmp_path / "state"), MANIFEST)
    assert {fault.code for fault in report.faults} == {"certificate-forged"}
