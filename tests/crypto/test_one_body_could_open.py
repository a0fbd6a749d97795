"""Who opens: each rule about the election key has a manifest that breaks it alone, however well it is signed."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from crypto import codec
from crypto.election_key_rules import board_keys
from crypto.errors import ManifestError, StatementError
from crypto.manifest import load
from crypto.statements import ElectionKey, Escrow, Manifest, Trustee, TrusteeBoard, WitnessPolicy
from tests.crypto.election_fixture import make_election

WORLD = make_election(opening="trustees")
GOOD = WORLD.manifest
ESCROW = make_election(opening="slip39").manifest
BOARD = GOOD.election_key.board
assert BOARD is not None

Change = Callable[[Manifest], Manifest]


def loaded(manifest: Manifest) -> None:
    load(WORLD.sign_unchecked(manifest), trusted=WORLD.trusted, threshold=2)


def key(**changes: Any) -> Change:
    return lambda m: structs.replace(m, election_key=structs.replace(m.election_key, **changes))


def board(**changes: Any) -> Change:
    return key(board=structs.replace(BOARD, **changes))


def trustee(place: int, **changes: Any) -> Change:
    trustees = list(BOARD.trustees)
    trustees[place] = structs.replace(trustees[place], **changes)
    return board(trustees=tuple(trustees))


def with_(**changes: Any) -> Change:
    return lambda manifest: structs.replace(manifest, **changes)


FOREIGN = make_election().manifest.election_key.public_key

BROKEN: dict[str, tuple[Change, str]] = {
    "no board": (key(board=None), "'trustees' come with a board"),
    "board and escrow": (key(escrow=Escrow(threshold=2, shares=3)), "come with a board"),
    "board of a single key": (key(opening="single-key"), "come with a board"),
    "another key": (key(public_key=FOREIGN), "not the one that its trustees share"),
    "one of two trustees": (board(threshold=3), "there must be at least 5"),
    "a share exchanged": (
        trustee(2, verification_share=BOARD.trustees[0].verification_share),
        "trustee 3's verification share is not of the others' key",
    ),
    "a share that is no point": (
        trustee(0, verification_share=codec.b64(b"\xff" * 32)),
        "share of trustee 1",
    ),
    "a share of small order": (
        trustee(0, verification_share=codec.b64(b"\x01" + bytes(31))),
        "share of trustee 1",
    ),
    "one trustee twice": (trustee(1, id="trustee-1"), "a trustee stands twice"),
    "one body opens": (trustee(1, body="executive"), "2 trustees stand for 'executive', and 2 open"),
    "no witnesses": (with_(witness_policy=WitnessPolicy(m=0, witnesses=())), "at least one witness"),
    "witnesses that nobody asks for": (
        with_(witness_policy=structs.replace(GOOD.witness_policy, m=0)),
        "at least one witness",
    ),
    "no commissioners": (with_(commissioners=()), "name commissioners of two bodies"),
    "commissioners of one body": (
        with_(commissioners=tuple(structs.replace(one, body="executive") for one in GOOD.commissioners)),
        "all commissioners stand for one body",
    ),
    "a body in two spellings among the trustees": (trustee(1, body="Executive"), "look like one"),
    "a body in two spellings among commissioners": (
        with_(
            commissioners=tuple(
                structs.replace(one, body=body)
                for one, body in zip(GOOD.commissioners, ("the-executive", "the_Executive"), strict=True)
            )
        ),
        "look like one",
    ),
    "a body in two spellings among officials": (
        with_(officials=(structs.replace(GOOD.officials[0], body="SUPERVISION"), *GOOD.officials[1:])),
        "look like one",
    ),
    "one commissioner twice": (
        with_(commissioners=(*GOOD.commissioners, GOOD.commissioners[0])),
        "commissioner 'commissioner-executive' stands twice",
    ),
    "a commissioner with an official's key": (
        with_(
            commissioners=(
                structs.replace(GOOD.commissioners[0], public_key=GOOD.officials[0].public_key),
                GOOD.commissioners[1],
            )
        ),
        "have the same key",
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_a_key_that_too_few_could_use_is_refused(change: Change, message: str) -> None:
    loaded(GOOD)
    with pytest.raises(ManifestError, match=message):
        loaded(change(GOOD))


def test_an_escrow_that_one_lost_share_destroys_is_refused() -> None:
    loaded(ESCROW)
    fragile = structs.replace(
        ESCROW, election_key=structs.replace(ESCROW.election_key, escrow=Escrow(threshold=3, shares=4))
    )
    with pytest.raises(ManifestError, match="make at least 5"):
        loaded(fragile)


def test_an_escrow_without_its_shares_is_refused() -> None:
    with pytest.raises(ManifestError, match="'slip39' with an escrow"):
        loaded(structs.replace(ESCROW, election_key=structs.replace(ESCROW.election_key, escrow=None)))


def test_the_board_gives_the_keys_that_answers_are_held_against() -> None:
    keys = board_keys(BOARD)
    assert keys.threshold == 2
    assert codec.b64(keys.x25519_public) == GOOD.election_key.public_key
    assert all(share.belongs_to(keys) for share in WORLD.shares)


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_of_one_is_no_statement_at_all(threshold: int) -> None:
    lone = TrusteeBoard(
        threshold=threshold,
        group_key=BOARD.group_key,
        trustees=(Trustee(**structs.asdict(BOARD.trustees[0])),),
    )
    alone = ElectionKey(kid="k", public_key=FOREIGN, opening="trustees", board=lone)
    with pytest.raises(StatementError, match="threshold"):
        codec.from_bytes(codec.to_bytes(alone), ElectionKey)
