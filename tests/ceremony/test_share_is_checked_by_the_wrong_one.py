"""A trustee looks at the share before the machines are put away: what is wrong is said, and shown by a drill."""

from pathlib import Path

import msgspec
import pytest
from nacl.bindings import crypto_scalarmult

from center.ceremony.drill import DrillAnswer, DrillChallenge
from center.opening import slip39
from crypto import codec
from crypto.edwards import to_x25519
from crypto.statements import Manifest
from crypto.trustees import PartialOpening
from tests.ceremony.hall import OPTIONS, TRUSTEES, Hall, run

replace = msgspec.structs.replace


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall.copied(tmp_path)


def test_good_share_is_refused_or_called_better_than_it_is(hall: Hall) -> None:
    code, out, _ = hall.check_share("trustee-3")
    assert code == 1
    assert "GOOD: share 3 of 5, trustee-3; 3 open together" in out
    assert "rehearsals only; not for a real election" in out


def test_wrong_passphrase(hall: Hall) -> None:
    hall.at("trustee-3", "passphrase.txt").write_text("not my passphrase\n")
    code, _, err = hall.check_share("trustee-3")
    assert code == 77
    assert "does not open the share of trustee 3: try again" in err


def test_share_of_another_election_round_or_key(hall: Hall, tmp_path: Path) -> None:
    for name, reason in (
        (
            ("--election", "council-2"),
            "holds a share of election 'council-2' round 1, not of 'rehearsal' round 1",
        ),
        (("--round", "2"), "round 2, not of 'rehearsal' round 1"),
        (("--manifest-threshold", "3"), "a share of another key than that of election 'rehearsal' round 1"),
    ):
        other = Hall.copied(tmp_path / name[1], "--trustees", "3", "--threshold", "2", *name)
        share = other.at("trustee-3", "share-trustee-3.json").read_bytes()
        hall.at("trustee-3", "share-trustee-3.json").write_bytes(share)
        hall.at("trustee-3", "passphrase.txt").write_text(other.passphrase("trustee-3"))
        code, _, err = hall.check_share("trustee-3")
        assert code == 65, err
        assert reason in err


def test_damaged_share(hall: Hall) -> None:
    path = hall.at("trustee-3", "share-trustee-3.json")
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"ciphertext":"', b'"ciphertext":"AAAA', 1))
    code, _, err = hall.check_share("trustee-3")
    assert code == 65
    assert "damaged" in err
    path.write_bytes(data[: len(data) // 2])
    assert hall.check_share("trustee-3")[0] == 65
    path.unlink()
    code, _, err = hall.check_share("trustee-3")
    assert code == 69
    assert "is the right stick in" in err


def test_share_under_a_manifest_that_nobody_signed(hall: Hall) -> None:
    one_signature = hall.at("coordinator", "manifest-definer-1.dsse.json").read_bytes()
    hall.at("coordinator", "manifest.dsse.json").write_bytes(one_signature)
    code, _, err = hall.check_share("trustee-3")
    assert code == 65
    assert "has 1 signatures: 2 are needed" in err


def opened(hall: Hall, *trustees: str) -> tuple[int, str, str]:
    answers = [str(hall.at("coordinator", f"drill-{one}.json")) for one in trustees]
    return run("drill", "open", *hall.trust(), "--challenge", hall.file("drill.json"), *answers)


def test_two_of_three_needed_open_something(hall: Hall) -> None:
    assert opened(hall, *TRUSTEES[2:])[0] == 0
    code, _, err = opened(hall, *TRUSTEES[2:4])
    assert code == 65
    assert "2 trustees answered; 3 are needed" in err
    code, _, err = opened(hall, TRUSTEES[2], TRUSTEES[3], TRUSTEES[3])
    assert code == 65
    assert "two answers of trustee 4" in err


def test_answer_of_somebody_else_or_to_something_else(hall: Hall) -> None:
    answer = hall.paper(DrillAnswer, "drill-trustee-4.json")
    data = bytearray(codec.unb64(answer.answer))
    data[0] = 5
    hall.put(replace(answer, answer=codec.b64(bytes(data))), "drill-trustee-4.json")
    code, _, err = opened(hall, *TRUSTEES[2:])
    assert code == 65
    assert "drill-trustee-4.json: the proof with trustee 5's answer" in err
    hall.put(replace(answer, challenge_sha256="0" * 64), "drill-trustee-4.json")
    assert "answers another challenge" in opened(hall, *TRUSTEES[2:])[2]


def test_drill_for_another_manifest_is_answered(hall: Hall) -> None:
    challenge = hall.paper(DrillChallenge, "drill.json")
    hall.put(replace(challenge, manifest_sha256="0" * 64), "drill.json")
    share = ["--share", str(hall.at("trustee-1", "share-trustee-1.json")), *hall.person("trustee-1")]
    code, _, err = run("drill", "answer", *hall.trust(), "--challenge", hall.file("drill.json"), *share)
    assert code == 65
    assert "the challenge is for manifest 0000 0000" in err


def test_answer_of_a_drill_says_something_that_not_everybody_could_compute(hall: Hall) -> None:
    """With the challenge's own secret and the verification share, anybody makes the same answer."""
    challenge = hall.paper(DrillChallenge, "drill.json")
    ephemeral = codec.unb64(challenge.ephemeral)
    partial = PartialOpening.from_bytes(codec.unb64(hall.paper(DrillAnswer, "drill-trustee-4.json").answer))
    manifest = codec.from_bytes(
        hall.at("coordinator", "manifest.json").read_bytes(), Manifest, max_bytes=10**6
    )
    assert manifest.election_key.board is not None
    public = codec.unb64(manifest.election_key.board.trustees[3].verification_share)
    assert crypto_scalarmult(ephemeral, to_x25519(public)) == to_x25519(partial.answer)


def test_trustees_of_plan_b(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path, *OPTIONS, "--opening", "slip39")
    code, _, err = run("drill", "new", *hall.trust(), "--out", hall.file(""))
    assert code == 65
    assert "opened by 'slip39', not by trustees" in err


def test_shares_of_plan_b_that_do_not_restore_the_key(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path, *OPTIONS, "--opening", "slip39")
    files = [hall.at("coordinator", f"slip39-{one}.txt") for one in TRUSTEES]
    check = ["escrow", "check", *hall.trust()]
    code, _, err = run(*check, str(files[0]), str(files[1]))
    assert code == 65
    assert "2 different shares; 3 are needed" in err
    code, _, err = run(*check, str(files[0]), str(files[1]), str(files[1]))
    assert "2 different shares; 3 are needed" in err
    words = files[2].read_text()
    files[2].write_text(words.replace(words.split()[-1], "academic"))
    code, _, err = run(*check, *map(str, files[:3]))
    assert code == 65
    assert "a word is wrong" in err
    other = Hall.copied(tmp_path / "other", *OPTIONS, "--opening", "slip39", "--election", "council-2")
    strangers = [str(other.at("coordinator", f"slip39-{one}.txt")) for one in TRUSTEES[:3]]
    code, _, err = run(*check, *strangers)
    assert "restore another key than the manifest's" in err
    code, _, err = run(*check, *map(str, files[:2]), strangers[0])
    assert "do not belong together" in err


def test_shares_of_plan_b_of_which_fewer_restore_the_key(tmp_path: Path) -> None:
    """The machine that made the key gives out shares of another threshold: the right key, for too few."""
    hall = Hall.copied(tmp_path, *OPTIONS, "--opening", "slip39")
    files = [hall.at("coordinator", f"slip39-{one}.txt") for one in TRUSTEES[:3]]
    assert run("escrow", "check", *hall.trust(), *map(str, files))[0] == 1
    data = hall.at("coordinator", "manifest.json").read_bytes()
    public = codec.unb64(codec.from_bytes(data, Manifest, max_bytes=10**6).election_key.public_key)
    private = slip39.restore([slip39.words_of(path.read_text(), path.name) for path in files], public)
    for path, words in zip(files, slip39.split(private, 2, 5), strict=False):
        path.write_text(words + "\n")
    code, _, err = run("escrow", "check", *hall.trust(), *map(str, files[:2]))
    assert (code, "2 of these shares restore the key, which is not what the manifest says" in err) == (
        65,
        True,
    )


def test_plan_b_as_a_fallback_of_trustees(hall: Hall, tmp_path: Path) -> None:
    code, _, err = run("escrow", "new", "--plan", hall.file("plan.json"), "--out", str(tmp_path / "out"))
    assert code == 65
    assert "an escrow is never its fallback" in err
    assert not (tmp_path / "out").exists()
    other = Hall.copied(tmp_path / "b", *OPTIONS, "--opening", "slip39")
    code, _, err = run("dkg", "session", *other.agreed(), "--out", str(tmp_path / "out"))
    assert code == 65
    assert "there is no key generation" in err
    assert run("escrow", "check", *hall.trust(), hall.file("plan.json"))[0] == 65


def test_secret_stands_in_a_public_paper(hall: Hall) -> None:
    secrets = [hall.key(one).secret for one in TRUSTEES]
    secrets += [path.read_bytes() for path in hall.folder.glob("*/*.seed")]
    forms = [form for one in secrets for form in (one, one.hex().encode(), codec.b64(one).encode())]
    public = [path for path in hall.at("coordinator").iterdir() if path.is_file()]
    assert len(public) > 40
    for path in public:
        data = path.read_bytes()
        assert not any(form in data for form in forms), path
