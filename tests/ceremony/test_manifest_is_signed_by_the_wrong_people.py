"""The manifest's signatures: too few, of people with another role, over different bytes, over what nobody agreed on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from center.ceremony import papers, signing
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.plan import Plan
from crypto import codec, envelope
from crypto.key_file import HeldKey, KeyOwner, seal_key
from crypto.passphrase import REHEARSAL_COST
from crypto.statements import Manifest
from crypto.wire import TYPE_ORDER
from tests.ceremony.hall import OPTIONS, Hall, counted, run

replace = msgspec.structs.replace


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """Built, carried to all three holders, signed by none."""
    hall = Hall.copied(tmp_path)
    hall.remove("manifest*.dsse.json")
    hall.carry("manifest.json", "coordinator", "definer-3")
    return hall


def manifest_of(hall: Hall) -> Manifest:
    return codec.from_bytes(hall.at("coordinator", "manifest.json").read_bytes(), Manifest, max_bytes=10**6)


def merge(hall: Hall, *holders: str) -> tuple[int, str, str]:
    for one in holders:
        hall.carry(f"manifest-{one}.dsse.json", one, "coordinator")
    files = [hall.file(f"manifest-{one}.dsse.json") for one in holders]
    return run("manifest", "merge", *files, "--out", hall.file(""))


def verify(hall: Hall) -> tuple[int, str, str]:
    return run("manifest", "verify", *hall.trust())


def make_key(hall: Hall, table: str, holder: str, **owner: Any) -> None:
    """Give a table a manifest key that kit-ceremony would not make for it."""
    fields = {"election": "rehearsal", "round": 1, "role": "manifest", "id": holder} | owner
    key = HeldKey(KeyOwner(**fields), counted(f"{holder} {owner}")(32))
    data = seal_key(key, hall.passphrase(table), salt=bytes(16), nonce=bytes(24), cost=REHEARSAL_COST)
    hall.at(table, f"manifest-{table}.key").write_bytes(data)


def test_two_of_three_are_not_enough(hall: Hall) -> None:
    assert hall.sign("definer-1")[0] == 0
    assert hall.sign("definer-3")[0] == 0
    assert merge(hall, "definer-1", "definer-3")[0] == 0
    code, out, _ = verify(hall)
    assert code == 0
    assert "GOOD: signed as it must be" in out
    assert "threshold = 2\nmanifest_keys = [" in out


def test_one_signature_is_enough(hall: Hall) -> None:
    hall.sign("definer-2")
    assert merge(hall, "definer-2")[0] == 0
    code, _, err = verify(hall)
    assert code == 65
    assert "has 1 signatures: 2 are needed. On it stand the keys of definer-2" in err
    assert hall.build("--issued-at", "2027-05-01T00:00:00Z")[0] == 73, "the built one stays"


def test_one_signs_twice_for_two(hall: Hall) -> None:
    hall.sign("definer-2")
    hall.carry("manifest-definer-2.dsse.json", "definer-2", "definer-1")
    merge(hall, "definer-2")
    hall.remove("manifest.dsse.json")
    files = [hall.file("manifest-definer-2.dsse.json")] * 2
    assert run("manifest", "merge", *files, "--out", hall.file(""))[0] == 0
    assert verify(hall)[0] == 65


def test_second_signer_drops_the_first(hall: Hall) -> None:
    """They may also sign one after the other, on one file."""
    hall.sign("definer-1")
    hall.carry("manifest-definer-1.dsse.json", "definer-1", "definer-2")
    code, out, _ = hall.sign("definer-2", name="manifest-definer-1.dsse.json")
    assert code == 0
    assert "signatures on it now: 2" in out
    merge(hall, "definer-2")
    assert verify(hall)[0] == 0


@pytest.mark.parametrize(
    ("holder", "role"),
    [
        ("trustee-2", "a trustee"),
        ("commissioner-1", "a commissioner"),
        ("official-1-executive", "an official"),
    ],
)
def test_holder_of_a_manifest_key_has_another_role(hall: Hall, holder: str, role: str) -> None:
    make_key(hall, "definer-1", holder)
    code, _, err = hall.sign("definer-1")
    assert code == 65
    assert f"{holder!r} is {role} in this manifest" in err


def test_manifest_key_is_enrolled_for_something_else(hall: Hall) -> None:
    manifest = manifest_of(hall)
    stolen = replace(manifest.officials[0], public_key=codec.b64(hall.key("definer-1", "manifest").public))
    spoilt = replace(manifest, officials=(stolen, *manifest.officials[1:]))
    hall.at("definer-1", "manifest.json").write_bytes(codec.to_bytes(spoilt))
    code, _, err = hall.sign("definer-1")
    assert code == 65
    assert f"enrols this very key as that of {stolen.id!r}" in err


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        ({"round": 2}, "round 2 does not sign the manifest of 'rehearsal' round 1"),
        ({"election": "council-2"}, "for 'council-2' round 1 does not sign"),
        ({"role": "official"}, "that of a manifest is needed here"),
    ],
)
def test_key_for_something_else(hall: Hall, owner: dict[str, Any], reason: str) -> None:
    make_key(hall, "definer-1", "definer-1", **owner)
    code, _, err = hall.sign("definer-1")
    assert code == 65
    assert reason in err


def test_strangers_key_is_among_the_signers(hall: Hall) -> None:
    make_key(hall, "definer-1", "definer-1")
    hall.sign("definer-1")
    hall.sign("definer-2")
    merge(hall, "definer-1", "definer-2")
    code, _, err = verify(hall)
    assert code == 65
    assert "which is not trusted for it" in err
    assert "manifest keys are held by definer-1, definer-2, definer-3" in err


def test_two_sign_different_manifests(hall: Hall) -> None:
    manifest = manifest_of(hall)
    other = replace(manifest, issued_at="2027-05-01T00:00:00Z")
    hall.at("definer-2", "manifest.json").write_bytes(codec.to_bytes(other))
    hall.sign("definer-1")
    hall.sign("definer-2")
    code, _, err = merge(hall, "definer-1", "definer-2")
    assert code == 65
    assert "is another manifest than" in err
    assert "all must sign the same bytes" in err


def test_signer_expects_another_manifest(hall: Hall) -> None:
    fingerprint = codec.sha256_hex(hall.at("definer-1", "manifest.json").read_bytes())
    code, _, err = hall.sign("definer-1", "--expect", "00000000")
    assert code == 65
    assert "you hold another file than the others" in err
    assert not hall.at("definer-1", "manifest-definer-1.dsse.json").exists()
    assert hall.sign("definer-1", "--expect", papers.groups(fingerprint, 64))[0] == 0


def checked(hall: Hall, table: str) -> tuple[int, str, str]:
    key = ["--certificate", hall.file("dkg-certificate.json"), "--confirmations", hall.file("")]
    return run("manifest", "check", str(hall.at(table, "manifest.json")), *hall.agreed(), *key)


def test_coordinator_changes_something_after_all_agreed(hall: Hall) -> None:
    assert checked(hall, "definer-1")[0] == 0
    manifest = manifest_of(hall)
    thief = codec.b64(HeldKey(KeyOwner("e", 1, "terminal", "t"), b"\7" * 32).public)
    contest = manifest.contests[0]
    later = replace(manifest.schedule, opening_not_before="2027-06-18T14:30:00Z")
    for spoilt in (
        replace(manifest, terminals=(replace(manifest.terminals[0], public_key=thief),)),
        replace(manifest, contests=(replace(contest, candidates=contest.candidates[::-1]),)),
        replace(manifest, schedule=later),
        replace(manifest, version=2),
    ):
        hall.at("definer-1", "manifest.json").write_bytes(codec.to_bytes(spoilt))
        code, _, err = checked(hall, "definer-1")
        assert code == 65
        assert "do not sign it" in err


def test_election_key_of_another_ceremony(hall: Hall, tmp_path: Path) -> None:
    other = Hall.copied(tmp_path / "other", "--trustees", "3", "--threshold", "2", "--round", "2")
    hall.remove("manifest.json")
    key = ["--certificate", other.file("dkg-certificate.json"), "--confirmations", other.file("")]
    code, _, err = run("manifest", "build", *hall.agreed(), *key, "--out", hall.file(""))
    assert code == 65
    assert "its session is not the one of this plan" in err
    assert run("manifest", "build", *hall.agreed(), "--out", hall.file(""))[0] == 78


def test_escrow_of_another_plan(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path, *OPTIONS, "--opening", "slip39")
    hall.remove("manifest.json")
    build = ["manifest", "build", *hall.agreed(), "--out", hall.file("")]
    assert run(*build)[0] == 78
    path = hall.at("coordinator", "escrow.json")
    data = path.read_bytes()
    for old, new in ((b'"kid":"rehearsal-r1"', b'"kid":"rehearsal-r2"'), (b'"round":1', b'"round":2')):
        path.write_bytes(data.replace(old, new))
        code, _, err = run(*build, "--escrow", str(path))
        assert code == 65
        assert "the escrow is not the one of this plan" in err


def test_file_is_no_manifest(hall: Hall) -> None:
    path = hall.at("definer-1", "manifest.json")
    for data in (b"", b"{}", b'{"payload":"', b"\xff\xfe", hall.at("coordinator", "plan.json").read_bytes()):
        path.write_bytes(data)
        code, _, err = hall.sign("definer-1")
        assert code == 65
        assert "this is no manifest, or a damaged one" in err
    signed = envelope.sign(
        TYPE_ORDER, codec.to_bytes(manifest_of(hall)), [hall.key("definer-1", "manifest").signing]
    )
    path.write_bytes(signed.to_bytes())
    assert "no manifest: take the right file" in hall.sign("definer-1")[2]
    code, _, err = run("manifest", "merge", hall.file("manifest.json"), "--out", hall.file(""))
    assert code == 65
    assert "is not signed by anybody" in err
    with pytest.raises(CeremonyRefusedError, match="no signed manifest is given"):
        signing.merge([])


def test_trust_is_given_by_nobody(hall: Hall) -> None:
    hall.sign("definer-1")
    hall.sign("definer-2")
    merge(hall, "definer-1", "definer-2")
    manifest = hall.file("manifest.dsse.json")
    assert run("manifest", "verify", "--manifest", manifest)[0] == 78
    keys = [codec.b64(hall.key(f"definer-{n}", "manifest").public) for n in (1, 2, 3)]
    given = [part for key in keys for part in ("--manifest-key", key)]
    assert run("manifest", "verify", "--manifest", manifest, *given)[0] == 0
    for options in ([*given, "--threshold", "0"], [*given, "--threshold", "4"], ["--manifest-key", "AAAA"]):
        assert run("manifest", "verify", "--manifest", manifest, *options)[0] == 78
    assert run("manifest", "verify", "--manifest", manifest, *given, "--threshold", "3")[0] == 65


def test_name_in_a_manifest_steers_the_signers_terminal(hall: Hall) -> None:
    manifest = manifest_of(hall)
    title = "\x1b[2Jerased \u202eturned around\u202c می\u200cشود"
    spoilt = replace(manifest, contests=(replace(manifest.contests[0], title=title),))
    hall.at("definer-1", "manifest.json").write_bytes(codec.to_bytes(spoilt))
    _, out, _ = run("manifest", "show", str(hall.at("definer-1", "manifest.json")))
    assert "\\x1b[2Jerased \\u202eturned around\\u202c می\u200cشود" in out
    assert hall.sign("definer-1")[0] == 65, "and nobody signs a control character"


def test_summary_hides_what_is_signed(hall: Hall) -> None:
    plan = hall.paper(Plan, "plan.json")
    _, out, _ = run("manifest", "show", hall.file("manifest.json"), "--all")
    manifest = manifest_of(hall)
    for one in (*manifest.terminals, *manifest.devices, *manifest.officials, *manifest.commissioners):
        assert f"{one.id}" in out
        assert papers.fingerprint(codec.unb64(one.public_key)) in out
    for candidate in manifest.contests[0].candidates:
        assert candidate.name in out
    for text in (plan.schedule.opening_not_before, plan.kid, "any 3 of these 5 open", "1 of 2 must vouch"):
        assert text in out
    assert out.rstrip().endswith("not signed")
