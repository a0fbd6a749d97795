"""From plan to sums: the keys and the manifest of a ceremony carry an evening of the centre, audited by a stranger.

Nothing is shared with the ceremony but its files: envelopes are sealed to the manifest's key, opened by three of five.
"""

import json
from pathlib import Path

import msgspec
import pytest

from center.cli.ceremony_desk import Desk
from crypto import codec
from crypto.identity import SigningKey, key_id
from crypto.key_file import open_key
from crypto.manifest import load
from crypto.notes import NoteSigner
from crypto.statements import Manifest
from tests.center.evening import Evening
from tests.center.publication import PAST
from tests.ceremony.hall import Hall, counted, run, toml
from tests.crypto.election_fixture import COUNCIL, LOG_NAME, Election, make_election

TRUSTEES = [{"id": f"judge-{n}", "body": body} for n, body in enumerate(("a", "b", "c", "d", "e"), 1)]
DEFINERS = [{"id": f"definer-{n}", "body": body} for n, body in enumerate(("a", "b", "c"), 1)]


def write_plan(path: Path) -> None:
    """The plan of the election that all tests know, with trustees and holders of manifest keys of its own."""
    known = make_election(2, schedule=PAST, opening="trustees", standbys=1).manifest
    plan = {
        "election": known.election,
        "round": known.round,
        "kid": "councils-7-r1",
        "trustees": {"threshold": 3, "members": TRUSTEES},
        "manifest_keys": {"threshold": 2, "members": DEFINERS},
        "commissioners": [{"id": one.id, "body": one.body} for one in known.commissioners],
        "officials": [{"id": one.id, "body": one.body} for one in known.officials],
        "log": LOG_NAME,
        "witnesses": {"m": 1, "names": ["witness-1.example", "witness-2.example"]},
        **{
            name: json.loads(msgspec.json.encode(getattr(known, name)))
            for name in ("endpoints", "schedule", "contests", "ballot_styles", "branches")
        },
    }
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in plan.items()), encoding="utf-8")


def election_of(hall: Hall) -> Election:
    """What each party holds after the ceremony, read from the files at its table."""
    manifest_bytes = hall.at("coordinator", "manifest.dsse.json").read_bytes()
    enrolments = json.loads(hall.at("coordinator", "enrolments.json").read_bytes())["enrolments"]
    publics = [codec.unb64(one["public_key"]) for one in enrolments if one["role"] == "manifest"]
    trusted = {key_id(one): one for one in publics}
    loaded = load(manifest_bytes, trusted=trusted, threshold=2)
    manifest: Manifest = loaded.manifest

    def machine(role: str, one: str) -> SigningKey:
        name = f"{role}-{one.replace('/', '_')}.seed"
        return SigningKey.from_seed(hall.at("technician", name).read_bytes())

    def person(role: str, one: str) -> SigningKey:
        data = hall.at(one, f"{role}-{one}.key").read_bytes()
        return open_key(data, hall.passphrase(one), role=role).signing  # type: ignore[arg-type]

    return Election(
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        trusted=trusted,
        threshold=2,
        loaded=loaded,
        manifest_keys=tuple(person("manifest", one["id"]) for one in DEFINERS),
        terminals={one.id: machine("terminal", one.id) for one in manifest.terminals},
        devices={one.id: machine("device", one.id) for one in manifest.devices},
        officials={one.id: person("official", one.id) for one in manifest.officials},
        election_private_key=bytes(32),  # nobody has it
        log=NoteSigner(LOG_NAME, machine("log", LOG_NAME)),
        commissioners={one.id: person("commissioner", one.id) for one in manifest.commissioners},
        shares=(),
        witnesses=tuple(machine("witness", f"witness-{n}.example") for n in (1, 2)),
    )


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Hall:
    folder = tmp_path_factory.mktemp("ceremony")
    write_plan(folder / "plan.toml")
    code, out, err = run(
        *("rehearse", str(folder / "hall"), "--plan", str(folder / "plan.toml")),
        desk=Desk(entropy=counted("an evening"), wall_ms=lambda: 0),
    )
    assert code == 0, out[-2000:] + err
    return Hall(folder / "hall")


@pytest.fixture
def evening(tmp_path: Path, hall: Hall) -> Evening:
    (tmp_path / "centre").mkdir()
    evening = Evening(tmp_path / "centre", election_of(hall))
    for number, one in enumerate(TRUSTEES, 1):
        for name, goal in ((f"share-{one['id']}.json", "share"), ("passphrase.txt", "passphrase")):
            (evening.folder / f"{number}.{goal}").write_bytes(hall.at(one["id"], name).read_bytes())
    return evening


def test_three_of_five_trustees_open_an_election_day(evening: Evening) -> None:
    evening.day("branch-1", "branch-2")
    evening.order()
    evening.witness(1, 2)
    evening.publish()
    answers = []
    for number in (5, 1, 3):
        ran = evening.answer(number, "--passphrase-file", evening.folder / f"{number}.passphrase")
        assert ran.code == 0, ran.err
        answers.append(evening.answers(number))
    too_few = evening.open_by(*answers[:2])
    assert too_few.code == 69
    assert "3 trustees have to answer, right are those of judge-1, judge-5" in too_few.err
    evening.publish("--answers", *answers)
    ran = evening.open_published()
    assert ran.code in {0, 1}, ran.err
    evening.publish("--opening", evening.result)
    result = json.loads(evening.result.read_bytes())
    assert result["contests"][COUNCIL]["votes"] == {"2": 240, "41": 960, "5": 400}
    audit = evening.audit()
    assert audit.code in {0, 1}, audit.out + audit.err


def test_trustees_share_of_the_ceremony_under_anothers_passphrase(evening: Evening) -> None:
    evening.day("branch-1")
    evening.order()
    evening.witness(1)
    evening.publish()
    ran = evening.answer(2, "--passphrase-file", evening.folder / "1.passphrase")
    assert ran.code == 65
    assert "does not open the share of trustee 2" in ran.err
