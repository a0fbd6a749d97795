"""A trustee's machine: no answer before the order, before the time, or for anything but the order's envelopes.

The centre is hostile here: its log signs whatever it likes. Every refusal is an error of its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from center.opening import refusals
from center.opening.logged import verify_log
from center.opening.orders import draft
from center.opening.trustee import Answerable, check_envelope, may_answer, open_my_share
from center.opening.trustee_answers import answer, read_answers
from center.opening.trustee_memory import check_memory, remember
from center.publication import layout as publication
from center.publication.published_log import PublishedLog, read_published
from crypto import canonical, rfc3339
from crypto.act_statements import OpeningOrder
from crypto.acts import sign_act
from crypto.codec import sha256_hex
from crypto.errors import EvidenceError, StatementError
from crypto.statements import WitnessPolicy
from crypto.trustee_errors import OtherElectionError, WrongPassphraseError
from tests.center import forged_publication
from tests.center.branch import Device
from tests.center.command import Ran, center
from tests.center.evening import IN_TIME_S, PASSPHRASE, TOO_EARLY_S, Evening, share_file, trustees_election
from tests.center.manifests import moved_to_another_port, newer
from tests.crypto.election_fixture import Election, make_election


@pytest.fixture(scope="module")
def election() -> Election:
    return trustees_election(2)


@dataclass
class Scene:
    """Two branches' envelopes, an order over them, and whatever leaves somebody wants to show."""

    election: Election
    folder: Path
    times: int = 0

    def __post_init__(self) -> None:
        devices = [Device(self.election, branch) for branch in ("branch-1", "branch-2")]
        self.devices = devices
        self.envelopes = [made for device in devices for made in (device.account(), device.tally())]
        self.tallies = self.envelopes[1::2]

    def drafted(
        self, leaves: list[bytes] | None = None, size: int | None = None, **other: Any
    ) -> OpeningOrder:
        leaves = self.envelopes if leaves is None else leaves
        log = verify_log(self.election.loaded, leaves)
        order = draft(log, len(leaves) if size is None else size)[0]
        return OpeningOrder(**{name: getattr(order, name) for name in order.__struct_fields__} | other)

    def signed(self, order: OpeningOrder, *signers: str) -> bytes:
        keys = self.election.commissioners
        return sign_act(order, [keys[one] for one in signers or keys])

    def published(self, leaves: list[bytes], **options: Any) -> PublishedLog:
        """Publish, and read as a trustee does."""
        self.times += 1
        folder = forged_publication.write(
            self.folder / f"copy-{self.times}", self.election, leaves, **options
        )
        return read_published(folder, trusted=self.election.trusted, threshold=2)

    def asked(self, *orders: OpeningOrder | bytes, **options: Any) -> Answerable:
        """Publish the envelopes with these orders behind them, and ask whether the last may be answered."""
        signed = [one if isinstance(one, bytes) else self.signed(one) for one in orders]
        return may_answer(self.published([*self.envelopes, *signed], **options))


@pytest.fixture
def scene(election: Election, tmp_path: Path) -> Scene:
    return Scene(election, tmp_path)


def test_nothing_is_wrong(scene: Scene) -> None:
    found = scene.asked(scene.drafted())
    assert (found.order.number, found.order.leaf) == (1, 4)
    assert [one.witness for one in found.witnesses] == ["witness-1.example"]
    assert len(found.order.listing.newly_counted()) == 2


# --- the order ---------------------------------------------------------------------------------------------------


def test_before_the_order_is_logged(scene: Scene) -> None:
    with pytest.raises(refusals.OrderNotLoggedError, match="no opening order is in the published log"):
        scene.asked()
    handed = scene.signed(scene.drafted())
    published = scene.published(scene.envelopes)
    with pytest.raises(refusals.OrderNotLoggedError, match="that you were handed"):
        may_answer(published, handed=handed)
    published = scene.published([*scene.envelopes, handed])
    assert may_answer(published, handed=handed).order.data == handed
    with pytest.raises(refusals.OrderNotLoggedError, match="no opening order number 2"):
        may_answer(published, number=2)


@pytest.mark.parametrize("signer", ["commissioner-executive", "commissioner-supervision"])
def test_order_that_one_body_signed(scene: Scene, signer: str) -> None:
    order = scene.signed(scene.drafted(), signer)
    with pytest.raises(refusals.OrderNotSignedError, match="alone: a commissioner of another body"):
        scene.asked(order)
    with pytest.raises(refusals.OrderNotSignedError, match="handed does not hold"):
        may_answer(scene.published([*scene.envelopes, order]), handed=order)


def test_order_that_officials_of_a_branch_signed(scene: Scene) -> None:
    keys = list(scene.election.officials.values())[:2]
    with pytest.raises(refusals.OrderNotSignedError):
        scene.asked(sign_act(scene.drafted(), keys))


def test_order_of_another_election(scene: Scene) -> None:
    with pytest.raises(refusals.OrderNotSignedError, match="manifest_sha256"):
        scene.asked(scene.drafted(manifest_sha256="00" * 32))


def test_other_act_is_handed_as_an_order(scene: Scene, tmp_path: Path) -> None:
    evening = Evening(tmp_path, scene.election)
    handed = evening.commission.adjudication()
    with pytest.raises(refusals.OrderNotSignedError, match="no opening order but a adjudication"):
        may_answer(scene.published([*scene.envelopes, handed]), handed=handed)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"number": 2, "prev": "11" * 32}, "number 2, where 1 is the next"),
        ({"number": 7, "prev": "11" * 32}, "number 7, where 1 is the next"),
    ],
)
def test_order_out_of_sequence(scene: Scene, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(refusals.OrderSequenceError, match=problem):
        scene.asked(scene.drafted(**changes))


def test_second_order_that_does_not_follow_the_first(scene: Scene) -> None:
    first = scene.signed(scene.drafted())
    second = scene.drafted([*scene.envelopes, first])
    assert second.number == 2
    other = OpeningOrder(
        **{name: getattr(second, name) for name in second.__struct_fields__} | {"prev": "22" * 32}
    )
    with pytest.raises(refusals.OrderSequenceError, match="the one before it"):
        scene.asked(first, other)
    again = scene.drafted()
    with pytest.raises(refusals.OrderSequenceError, match="number 1, where 2 is the next"):
        scene.asked(first, again, again)


def test_order_of_a_log_that_never_was(scene: Scene) -> None:
    order = scene.drafted()
    position = type(order.log)(size=4, root="ab" * 32)
    with pytest.raises(refusals.OrderPositionError, match="the root of this log is"):
        scene.asked(scene.drafted(log=position))
    position = type(order.log)(size=5, root=order.log.root)
    with pytest.raises(refusals.OrderPositionError, match="covers 5 leaves, and was logged as leaf 4 itself"):
        scene.asked(scene.drafted(log=position))
    position = type(order.log)(size=500, root=order.log.root)
    with pytest.raises(refusals.OrderPositionError):
        scene.asked(scene.drafted(log=position))


def test_second_order_does_not_cover_the_first(scene: Scene) -> None:
    """It would list as new what the first one opened."""
    first = scene.signed(scene.drafted())
    second = scene.drafted(number=2, prev=sha256_hex(first))
    with pytest.raises(refusals.OrderPositionError, match="not the order before it, which is leaf 4"):
        scene.asked(first, second)


@pytest.mark.parametrize(
    "changes", [{"listing_sha256": "33" * 32}, {"counted": 1}, {"set_aside": 1}, {"absent": 1}]
)
def test_order_says_something_else_of_the_units(scene: Scene, changes: dict[str, Any]) -> None:
    with pytest.raises(refusals.ListingDiffersError, match="is not what the log gives"):
        scene.asked(scene.drafted(**changes))


def test_published_listing_shows_people_something_else(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    listing = may_answer(published).order.listing
    folder = published.folder / "opening" / "1"
    folder.mkdir(parents=True)
    shown = folder / "listing.json"
    shown.write_bytes(listing.to_bytes())
    may_answer(published)
    unlogged = sha256_hex(scene.devices[0].tally(entropy="unlogged"))
    right = listing.units[0].envelope_sha256
    assert right is not None
    for other, error in (
        (listing.to_bytes().replace(right.encode(), unlogged.encode()), refusals.EnvelopeNotLoggedError),
        (
            listing.to_bytes().replace(right.encode(), sha256_hex(scene.envelopes[0]).encode()),
            refusals.ForeignEnvelopeError,
        ),
        (listing.to_bytes().replace(b"one sealed tally", b"one sealed tall!"), refusals.ListingDiffersError),
        (b"{}", refusals.ListingDiffersError),
    ):
        shown.write_bytes(other)
        with pytest.raises(error):
            may_answer(published)


# --- the time ------------------------------------------------------------------------------------------------------


def test_no_witness_saw_it(scene: Scene) -> None:
    with pytest.raises(refusals.NotWitnessedError, match="no witness vouches"):
        scene.asked(scene.drafted(), witnesses=())


def test_witnesses_saw_it_too_early(scene: Scene) -> None:
    with pytest.raises(refusals.WitnessedTooEarlyError, match=r"2017-07-14T02:40:00\.000Z"):
        scene.asked(scene.drafted(), witnesses=[(1, TOO_EARLY_S), (2, TOO_EARLY_S)])


def test_witnesses_are_heard_a_second_before_the_time(scene: Scene) -> None:
    not_before = 1_592_497_800  # 2020-06-18T16:30:00Z
    with pytest.raises(refusals.WitnessedTooEarlyError):
        scene.asked(scene.drafted(), witnesses=[(1, not_before - 1)])
    assert scene.asked(scene.drafted(), witnesses=[(1, not_before)])


def test_one_witness_is_counted_twice(tmp_path: Path) -> None:
    policy = trustees_election().manifest.witness_policy
    scene = Scene(trustees_election(witness_policy=WitnessPolicy(m=2, witnesses=policy.witnesses)), tmp_path)
    with pytest.raises(refusals.WitnessCountedTwiceError, match="counts once"):
        scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S), (1, IN_TIME_S)])
    with pytest.raises(refusals.WitnessCountedTwiceError):
        scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S), (1, IN_TIME_S + 1)])
    with pytest.raises(refusals.TooFewWitnessesError, match="1 witnesses vouch"):
        scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S)])
    with pytest.raises(refusals.WitnessedTooEarlyError, match="1 of the 2"):
        scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S), (2, TOO_EARLY_S)])
    assert len(scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S), (2, IN_TIME_S)]).witnesses) == 2


def test_one_witness_vouches_for_a_time_beyond_all_calendars(scene: Scene) -> None:
    """A signature over 2**62 s holds. It says nothing of the time, and keeps nobody from counting on the others."""
    found = scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S), (2, 2**62)])
    assert [one.witness for one in found.witnesses] == ["witness-1.example"]
    last_s = 253_402_300_799
    assert len(scene.asked(scene.drafted(), witnesses=[(1, IN_TIME_S), (2, last_s)]).witnesses) == 2
    with pytest.raises(refusals.NotWitnessedError):
        scene.asked(scene.drafted(), witnesses=[(2, last_s + 1)])
    with pytest.raises(StatementError, match="set the clock right"):
        rfc3339.to_text((last_s + 1) * 1000)


def test_witness_of_another_checkpoint_or_of_nobody(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    line = published.note.splitlines(keepends=True)[-1]
    path = published.folder / publication.CHECKPOINT
    bare = published.note.removesuffix(line)
    other = scene.published([*scene.envelopes, scene.signed(scene.drafted()), scene.tallies[0]])
    for forged in (other.note.splitlines(keepends=True)[-1], line.replace("witness-1", "witness-2")):
        path.write_text(bare + forged, encoding="utf-8")
        found = read_published(published.folder, trusted=scene.election.trusted, threshold=2)
        with pytest.raises(refusals.NotWitnessedError):
            may_answer(found)


def test_poll_was_extended(scene: Scene, tmp_path: Path) -> None:
    """A logged schedule change moves the opening too, even one for another branch."""
    evening = Evening(tmp_path, scene.election)
    schedule = scene.election.manifest.schedule
    moved = type(schedule)(
        **{name: getattr(schedule, name) for name in schedule.__struct_fields__}
        | {"opening_not_before": "2031-01-01T00:00:00.000Z"}
    )
    change = evening.commission.change(moved, "branch-2")
    leaves = [*scene.envelopes, change]
    signed = scene.signed(scene.drafted(leaves))
    with pytest.raises(refusals.WitnessedTooEarlyError, match="2031-01-01"):
        may_answer(scene.published([*leaves, signed]))
    assert may_answer(scene.published([*leaves, signed], witnesses=[(1, IN_TIME_S + 10**9)]))


# --- the envelope --------------------------------------------------------------------------------------------------


def test_envelope_that_this_order_does_not_open(scene: Scene) -> None:
    late = scene.devices[0].tally(entropy="late", seq=9)
    foreign = Device(make_election(2, version=2), "branch-1").tally()
    order = scene.drafted([*scene.envelopes, foreign], 5)
    published = scene.published([*scene.envelopes, foreign, scene.signed(order), late])
    found = may_answer(published).order
    for tally in scene.tallies:
        check_envelope(published, found, sha256_hex(tally))
    for data, error in (
        (scene.devices[0].tally(entropy="never sent"), refusals.EnvelopeNotLoggedError),
        (foreign, refusals.ForeignEnvelopeError),
        (scene.envelopes[0], refusals.ForeignEnvelopeError),
        (late, refusals.EnvelopeNotOrderedError),
    ):
        with pytest.raises(error):
            check_envelope(published, found, sha256_hex(data))


def test_envelope_that_is_set_aside_or_was_opened_before(scene: Scene) -> None:
    twin = scene.devices[1].tally(entropy="twin", seq=9)
    scene.envelopes.append(twin)
    first = scene.signed(scene.drafted())
    published = scene.published([*scene.envelopes, first])
    order = may_answer(published).order
    for one in (scene.tallies[1], twin):
        with pytest.raises(refusals.EnvelopeNotOrderedError, match="set-aside"):
            check_envelope(published, order, sha256_hex(one))
    leaves = [*scene.envelopes, first]
    published = scene.published([*leaves, scene.signed(scene.drafted(leaves))])
    order = may_answer(published).order
    with pytest.raises(refusals.EnvelopeNotOrderedError, match="opened by order 1 already"):
        check_envelope(published, order, sha256_hex(scene.tallies[0]))


def test_leaf_was_changed_after_it_was_logged(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    path = published.folder / publication.leaf_name(1)
    for other in (scene.devices[0].tally(entropy="other"), scene.tallies[1], b"{}"):
        path.write_bytes(other)
        ran = check(scene, published.folder)
        assert (ran.code, "are not those that the checkpoint covers" in ran.err) == (65, True)
    path.unlink()
    ran = check(scene, published.folder)
    assert (ran.code, "is missing" in ran.err) == (65, True)


# --- the share -----------------------------------------------------------------------------------------------------


def test_share_of_another_election_or_under_another_passphrase(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    with pytest.raises(OtherElectionError, match="take the right file"):
        open_my_share(published, share_file(scene.election, 1, name="another-1"), PASSPHRASE)
    with pytest.raises(WrongPassphraseError, match="try again"):
        open_my_share(published, share_file(scene.election, 1), PASSPHRASE + "!")


def test_election_without_trustees(tmp_path: Path) -> None:
    for kind in ("single-key", "slip39"):
        election = make_election(1, opening=kind)
        log = verify_log(election.loaded, [])
        published = PublishedLog(tmp_path, election.loaded, "", None, log)  # type: ignore[arg-type]
        with pytest.raises(refusals.NotByTrusteesError, match="no trustee answers"):
            may_answer(published)


# --- the log is older, or another one -------------------------------------------------------------------------------


def test_rolled_back_or_forked_log_is_shown(scene: Scene) -> None:
    order = scene.signed(scene.drafted())
    leaves = [*scene.envelopes, order]
    seen = scene.published([*leaves, scene.devices[0].tally(entropy="late", seq=9)])
    memory = remember(seen)
    check_memory(memory, seen)
    with pytest.raises(refusals.RolledBackError, match="you were shown 6 before"):
        check_memory(memory, scene.published(leaves))
    fork = [scene.envelopes[1], scene.envelopes[0], *scene.envelopes[2:], order, order, order]
    with pytest.raises(refusals.ForkedError, match="it was forked"):
        check_memory(memory, scene.published(fork))
    for damaged in (memory[:-1], memory.replace(b"councils-7", b"councils-8"), b""):
        with pytest.raises(refusals.MemoryFileError):
            check_memory(damaged, seen)


def test_trustee_goes_back_to_a_manifest_that_was_superseded(scene: Scene) -> None:
    under_old = scene.published(scene.envelopes)
    under_new = replace(under_old, manifest=newer(scene.election, moved_to_another_port).loaded)
    for seen in under_old, under_new:
        check_memory(remember(seen), under_new)
    with pytest.raises(refusals.RolledBackError, match="version 1 of this publication does not supersede it"):
        check_memory(remember(under_new), under_old)


def test_memory_from_before_there_were_chains_is_damaged_to_a_trustee(scene: Scene) -> None:
    published = scene.published(scene.envelopes)
    was = json.loads(remember(published))
    del was["manifest_sha256"]
    check_memory(canonical.encode(was), published)


# --- the program ---------------------------------------------------------------------------------------------------


def check(scene: Scene, folder: Path, *options: object) -> Ran:
    trust = [part for key in scene.election.trusted.values() for part in ("--manifest-key", _b64(key))]
    return center("trustee", "check", "--publication", folder, *trust, "--threshold", 2, *options)


def _b64(key: bytes) -> str:
    from crypto.codec import b64

    return b64(key)


def test_check_answers_something(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    ran = check(scene, published.folder, "--envelope", sha256_hex(scene.tallies[0]))
    assert ran.code == 0, ran.err
    for words in (
        "opening order 1",
        "commissioner-executive (executive)",
        "witnessed by witness-1.example at 2030",
        "to be answered: 2 envelopes",
    ):
        assert words in ran.out
    ran = check(scene, published.folder, "--envelope", "00" * 32)
    assert (ran.code, ran.out) == (77, "")
    assert {path.name for path in published.folder.iterdir()} == {
        "manifest.dsse.json",
        "checkpoint",
        "leaves",
    }


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("passphrase", 65),
        ("share", 65),
        ("manifest key", 65),
        ("no folder", 69),
        ("passphrase file", 78),
        ("memory", 65),
        ("order", 77),
    ],
)
def test_answers_are_written_all_the_same(tmp_path: Path, election: Election, what: str, code: int) -> None:
    evening = Evening(tmp_path, election)
    evening.day("branch-1")
    if what != "order":
        evening.order()
    evening.witness(1)
    evening.publish()
    options: list[object] = []
    match what:
        case "passphrase":
            (tmp_path / "passphrase").write_text("quite another one", encoding="utf-8")
        case "share":
            (tmp_path / "1.share").write_bytes(share_file(election, 1)[:-1])
        case "manifest key":
            options = ["--threshold", 3]
        case "no folder":
            evening.public.rename(tmp_path / "elsewhere")
        case "passphrase file":
            (tmp_path / "passphrase").unlink()
        case "memory":
            (tmp_path / "seen.json").write_bytes(b"{}")
            options = ["--remember", tmp_path / "seen.json"]
    ran = evening.answer(1, *options)
    assert ran.code == code, ran.err
    assert len(ran.err.splitlines()[-1]) > 30
    assert not evening.answers(1).exists()


def test_nobody_is_there_to_type_the_passphrase(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = Evening(tmp_path, election)
    evening.day("branch-1")
    evening.order()
    evening.witness(1)
    evening.publish()
    given = ("answer", "--share", tmp_path / "1.share", "--out", evening.answers(1))
    ran = evening.trustee(*given)
    assert (ran.code, "give --passphrase-file" in ran.err) == (78, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSPHRASE if "your share" in prompt else "")
    assert evening.trustee(*given).code == 0


def test_answers_are_forgotten_or_differ(tmp_path: Path, election: Election) -> None:
    """The same order gets the same bytes again; the memory is there before the answers are."""
    evening = Evening(tmp_path, election)
    evening.day("branch-1", "branch-2")
    evening.order()
    evening.witness(1)
    evening.publish()
    assert evening.answer(1, "--remember", tmp_path / "seen.json").code == 0
    once = evening.answers(1).read_bytes()
    assert evening.answer(1, "--remember", tmp_path / "seen.json").code == 0
    assert evening.answers(1).read_bytes() == once
    answers = read_answers(once)
    assert (answers.trustee, answers.number, len(answers.answers)) == ("trustee-1", 1, 2)
    assert json.loads((tmp_path / "seen.json").read_bytes())["type"] == "trustee-memory"
    # An older publication is refused from now on.
    older = forged_publication.write(
        tmp_path / "older", election, [entry.data for entry in evening.center.ledger.entries(4)]
    )
    ran = evening.answer(1, "--remember", tmp_path / "seen.json", folder=older)
    assert (ran.code, "Newer leaves were left out" in ran.err) == (65, True)


def test_progress_is_told(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    share, board = open_my_share(published, share_file(scene.election, 2), PASSPHRASE)
    seen: list[tuple[int, int]] = []
    progress: Callable[[int, int], None] = lambda done, total: seen.append((done, total))  # noqa: E731
    answer(share, board, may_answer(published).order, published.log, progress=progress)
    assert seen == [(1, 2), (2, 2)]


def test_manifest_is_not_signed_by_whom_the_trustee_trusts(scene: Scene) -> None:
    published = scene.published([*scene.envelopes, scene.signed(scene.drafted())])
    with pytest.raises(EvidenceError):
        read_published(published.folder, trusted=scene.election.trusted, threshold=3)
