"""Each rule of self-consistency has a manifest that breaks it alone, however well it is signed."""

import unicodedata
from collections.abc import Callable

import pytest
from msgspec import structs

from crypto import codec
from crypto.errors import ManifestError
from crypto.manifest import load, sign_manifest
from crypto.notes import Cosigner, NoteSigner
from crypto.statements import (
    BallotStyle,
    Candidate,
    Contest,
    LogIdentity,
    Manifest,
    Schedule,
    Statement,
    WitnessPolicy,
)
from tests.crypto.election_fixture import COUNCIL, LOG_NAME, MAYOR, key_of, make_election

WORLD = make_election()
GOOD = WORLD.manifest
WITNESSES = tuple(Cosigner(f"witness.example/{n}", key_of(f"witness-{n}")).vkey for n in (1, 2))
SMALL_ORDER = codec.b64(b"\x01" + bytes(31))

Change = Callable[[Manifest], Manifest]


def replace_in(field: str, place: int, **changes: object) -> Change:
    """Change one entry of a list of the manifest."""

    def change(manifest: Manifest) -> Manifest:
        entries: list[Statement] = list(getattr(manifest, field))
        entries[place] = structs.replace(entries[place], **changes)
        return structs.replace(manifest, **{field: tuple(entries)})

    return change


def repeat(field: str) -> Change:
    """Repeat the first entry of a list of the manifest."""
    return lambda m: structs.replace(m, **{field: (*getattr(m, field), getattr(m, field)[0])})


def with_(**changes: object) -> Change:
    return lambda manifest: structs.replace(manifest, **changes)


def schedule(**times: str) -> Change:
    return lambda manifest: structs.replace(manifest, schedule=structs.replace(manifest.schedule, **times))


def election_key(public_key: str) -> Change:
    return lambda m: structs.replace(m, election_key=structs.replace(m.election_key, public_key=public_key))


def large_style(manifest: Manifest) -> Manifest:
    """Two contests whose tally would have more bytes than a statement may."""
    contests = tuple(
        Contest(
            id=f"large:{n}",
            title="many",
            candidates=tuple(Candidate(code=f"code-{c:06d}", name="one of many") for c in range(1700)),
        )
        for n in (1, 2)
    )
    style = BallotStyle(id="large", contests=("large:1", "large:2"), count_bits=16)
    return structs.replace(
        manifest,
        contests=(*manifest.contests, *contests),
        ballot_styles=(*manifest.ballot_styles, style),
    )


CANDIDATES = GOOD.contests[0].candidates
OFFICIALS = GOOD.branches[0].officials

BROKEN: dict[str, tuple[Change, str]] = {
    # ids are unique
    "contest twice": (repeat("contests"), f"contest '{COUNCIL}' stands twice"),
    "style twice": (repeat("ballot_styles"), "ballot style 'style-1' stands twice"),
    "branch twice": (
        replace_in("branches", 1, id="branch-1"),
        "branch 'branch-1' stands twice",
    ),
    "terminal twice": (repeat("terminals"), "terminal 'terminal-1-1' stands twice"),
    "device twice": (repeat("devices"), "device 'device-1' stands twice"),
    "official twice": (repeat("officials"), "official 'official-1-executive' stands twice"),
    "code twice": (
        replace_in("contests", 0, candidates=(*CANDIDATES, CANDIDATES[1])),
        f"candidate code of contest '{COUNCIL}' '5' stands twice",
    ),
    "contest twice in a style": (
        replace_in("ballot_styles", 0, contests=(COUNCIL, MAYOR, COUNCIL)),
        f"contest in ballot style 'style-1' '{COUNCIL}' stands twice",
    ),
    "official twice in a branch": (
        replace_in("branches", 0, officials=(*OFFICIALS, OFFICIALS[0])),
        "official of branch 'branch-1' 'official-1-executive' stands twice",
    ),
    "terminal of two branches": (
        replace_in("branches", 1, terminals=("terminal-2-1", "terminal-1-1")),
        "terminal of a branch 'terminal-1-1' stands twice",
    ),
    "device of two branches": (
        replace_in("branches", 1, device="device-1"),
        "device of a branch 'device-1' stands twice",
    ),
    # references resolve
    "unknown contest": (
        replace_in("ballot_styles", 0, contests=(COUNCIL, "mayor:2")),
        "ballot style 'style-1' names contest 'mayor:2'",
    ),
    "unknown style": (
        replace_in("branches", 0, style="style-2"),
        "branch 'branch-1' names ballot style 'style-2'",
    ),
    "unknown device": (
        replace_in("branches", 0, device="device-9"),
        "branch 'branch-1' names device 'device-9'",
    ),
    "unknown terminal": (
        replace_in("branches", 0, terminals=("terminal-9",)),
        "branch 'branch-1' names terminal 'terminal-9'",
    ),
    "unknown official": (
        replace_in("branches", 0, officials=(*OFFICIALS, "nobody")),
        "branch 'branch-1' names official 'nobody'",
    ),
    # keys are valid, and each has one holder
    "key of small order": (
        replace_in("terminals", 0, public_key=SMALL_ORDER),
        "the key of 'terminal-1-1'",
    ),
    "key too short": (replace_in("devices", 0, public_key=codec.b64(bytes(31))), "the key of 'device-1'"),
    "key not base64": (replace_in("officials", 0, public_key="AB=="), "the key of 'official-1-executive'"),
    "two terminals, one key": (
        replace_in("terminals", 1, public_key=GOOD.terminals[0].public_key),
        "'terminal-1-1' and 'terminal-2-1' have the same key",
    ),
    "terminal and device, one key": (
        replace_in("devices", 0, public_key=GOOD.terminals[0].public_key),
        "'terminal-1-1' and 'device-1' have the same key",
    ),
    "two officials, one key": (
        replace_in("officials", 1, public_key=GOOD.officials[0].public_key),
        "'official-1-executive' and 'official-1-supervision' have the same key",
    ),
    "log and device, one key": (
        with_(log=LogIdentity(vkey=NoteSigner(LOG_NAME, key_of("device-1")).vkey)),
        f"'{LOG_NAME}' and 'device-1' have the same key",
    ),
    "witness and log, one key": (
        with_(witness_policy=WitnessPolicy(m=1, witnesses=(Cosigner("w", key_of("log")).vkey,))),
        f"'{LOG_NAME}' and 'w' have the same key",
    ),
    "witness under two names": (
        with_(
            witness_policy=WitnessPolicy(
                m=2, witnesses=tuple(Cosigner(name, key_of("w")).vkey for name in ("a", "b"))
            )
        ),
        "'a' and 'b' have the same key",
    ),
    "election key too short": (election_key(codec.b64(bytes(31))), "election key 'election-key-1'"),
    "election key of small order": (election_key(codec.b64(bytes(32))), "election key 'election-key-1'"),
    "election key not base64": (election_key("AB=="), "election key 'election-key-1'"),
    # log and witnesses
    "no vkey of a log": (with_(log=LogIdentity(vkey="log+00000000+AAAA")), "the log or its witnesses"),
    "no vkey of a witness": (
        with_(witness_policy=WitnessPolicy(m=1, witnesses=(GOOD.log.vkey,))),
        "the log or its witnesses",
    ),
    "more witnesses asked for than named": (
        with_(witness_policy=WitnessPolicy(m=3, witnesses=WITNESSES)),
        "3 of 2 witnesses",
    ),
    # names
    "candidate's name not NFC": (
        replace_in(
            "contests",
            0,
            candidates=(
                structs.replace(CANDIDATES[0], name=unicodedata.normalize("NFD", "é")),
                *CANDIDATES[1:],
            ),
        ),
        f"the name of candidate '2' of contest '{COUNCIL}' is not in Unicode NFC",
    ),
    "title not NFC": (
        replace_in("contests", 1, title=unicodedata.normalize("NFD", "آ")),
        f"the title of contest '{MAYOR}' is not in Unicode NFC",
    ),
    "branch's name not NFC": (
        replace_in("branches", 1, name=unicodedata.normalize("NFD", "é")),
        "the name of branch 'branch-2' is not in Unicode NFC",
    ),
    "line break in a name": (
        replace_in("branches", 0, name="one\ntwo"),
        "the name of branch 'branch-1' holds a control character",
    ),
    # dual control
    "officials of one body": (
        replace_in("officials", 1, body="executive"),
        "branch 'branch-1': all its officials stand for one body",
    ),
    # sizes
    "tally larger than a statement": (large_style, "ballot style 'large': its largest tally has"),
    # times
    "close before open": (
        schedule(close_not_before="2027-06-18T03:29:59.999Z"),
        "open_not_before is after close_not_before",
    ),
    "tally before close": (
        schedule(tally_not_before="2027-06-18T14:29:59Z"),
        "close_not_before is after tally_not_before",
    ),
    "opening before tally": (
        schedule(opening_not_before="2027-06-18T14:29:59Z"),
        "tally_not_before is after opening_not_before",
    ),
    "no day of the calendar": (schedule(tally_not_before="2027-02-30T00:00:00Z"), "tally_not_before: "),
    "issued on no day of the calendar": (with_(issued_at="2027-13-01T00:00:00Z"), "issued_at: "),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_a_contradiction_is_refused_and_named(change: Change, message: str) -> None:
    broken = change(GOOD)
    with pytest.raises(ManifestError, match=message):
        load(WORLD.sign_unchecked(broken), trusted=WORLD.trusted, threshold=2)
    with pytest.raises(ManifestError, match=message):
        sign_manifest(broken, WORLD.manifest_keys)


HARMLESS: dict[str, Change] = {
    "spare devices": with_(
        devices=(
            *GOOD.devices,
            structs.replace(GOOD.devices[0], id="spare", public_key=codec.b64(key_of("spare").public)),
        )
    ),
    "an official of two branches": replace_in("branches", 1, officials=(*OFFICIALS, "official-2-executive")),
    "the same code in two contests": lambda manifest: manifest,
    "all witnesses asked for": with_(witness_policy=WitnessPolicy(m=2, witnesses=WITNESSES)),
    "everything at one moment": schedule(**dict.fromkeys(Schedule.__struct_fields__, "2027-06-18T14:30:00Z")),
    "whole seconds beside milliseconds": schedule(
        close_not_before="2027-06-18T14:30:00Z", tally_not_before="2027-06-18T14:30:00.000Z"
    ),
    "a zero-width non-joiner in a name": replace_in("branches", 0, name="خانه‌های"),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_is_unusual_but_sound_is_accepted(change: Change) -> None:
    manifest = change(GOOD)
    data = sign_manifest(manifest, WORLD.manifest_keys)
    assert load(data, trusted=WORLD.trusted, threshold=3).manifest == manifest
