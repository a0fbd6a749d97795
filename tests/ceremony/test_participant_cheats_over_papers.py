"""The key generation among people: who alters, withholds, repeats or exchanges papers is found, and named."""

from pathlib import Path

import msgspec
import pytest

from center.ceremony import dkg, papers
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.papers import (
    Confirmation,
    DkgCertificate,
    DkgMessages,
    DkgSession,
    RoundOne,
    RoundTwo,
)
from crypto import cocktail, codec
from crypto.cocktail_wire import session_setup
from tests.ceremony.hall import TRUSTEES, Hall, counted, run

replace = msgspec.structs.replace
AFTER_ROUND1 = ("dkg-messages.json", "round2-*", "dkg-certificate.json", "share-*", "confirm-*", "drill*")


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """Everybody has sent message 1; nothing is relayed yet."""
    hall = Hall.copied(tmp_path)
    hall.remove(*AFTER_ROUND1)
    return hall


def flipped(text: str, at: int) -> str:
    data = bytearray(codec.unb64(text))
    data[at] ^= 1
    return codec.b64(bytes(data))


def spread(hall: Hall) -> None:
    for one in TRUSTEES:
        hall.carry("dkg-messages.json", "coordinator", one)


def test_honest_ceremony_is_refused(hall: Hall) -> None:
    assert hall.relay()[0] == 0
    spread(hall)
    for one in TRUSTEES:
        assert hall.round2(one)[0] == 0
        hall.carry(f"round2-{one}.json", one, "coordinator")
    assert hall.certify()[0] == 0
    hall.carry("dkg-certificate.json", "coordinator", "trustee-4")
    code, out, _ = hall.finish("trustee-4")
    assert code == 0
    assert "you hold share 4 of 5; 3 open together" in out


@pytest.mark.parametrize("at", [0, 40, 100, 200, -1])
def test_message_is_altered_on_the_way(hall: Hall, at: int) -> None:
    sent = hall.paper(RoundOne, "round1-trustee-2.json")
    hall.put(replace(sent, message=flipped(sent.message, at)), "round1-trustee-2.json")
    code, _, err = hall.relay()
    assert code == 65
    assert "dkg-round1 of trustee 'trustee-2' is not as that trustee wrote it" in err
    assert "Fetch the file again" in err
    assert not hall.at("coordinator", "dkg-messages.json").exists()


def test_file_of_a_message_is_cut_short(hall: Hall) -> None:
    path = hall.at("coordinator", "round1-trustee-2.json")
    path.write_bytes(path.read_bytes()[:-10])
    code, _, err = hall.relay()
    assert code == 65
    assert "round1-trustee-2.json: this is not the paper that is needed here, or it is damaged" in err


def test_message_is_missing(hall: Hall) -> None:
    hall.at("coordinator", "round1-trustee-3.json").unlink()
    code, _, err = hall.relay()
    assert code == 65
    assert "nothing from trustee 'trustee-3' is here" in err


def cheating(hall: Hall, name: str, message: bytes) -> RoundOne:
    """A message as its author signs it who does not follow the rules."""
    sent = hall.paper(RoundOne, f"round1-{name}.json", name)
    return papers.sign(replace(sent, message=codec.b64(message)), hall.key(name))


def test_participant_signs_a_share_that_does_not_decrypt(hall: Hall) -> None:
    sent = codec.unb64(hall.paper(RoundOne, "round1-trustee-2.json").message)
    own = bytearray(sent)
    own[-1] ^= 1  # the last ciphertext is for the last trustee
    hall.put(cheating(hall, "trustee-2", bytes(own)), "round1-trustee-2.json")
    assert hall.relay()[0] == 0, "nothing public shows it"
    spread(hall)
    assert hall.round2("trustee-1")[0] == 0
    code, _, err = hall.round2("trustee-5")
    assert code == 65
    assert "the share from participant 2 to 5 does not decrypt" in err
    assert "participant 2 is trustee 'trustee-2'" in err
    assert "signed by its sender" in err
    assert "begin anew with a new session" in err
    assert not hall.at("trustee-5", "round2-trustee-5.json").exists()


def test_participant_proves_no_possession_of_what_it_contributes(hall: Hall) -> None:
    own = bytearray(codec.unb64(hall.paper(RoundOne, "round1-trustee-2.json").message))
    own[3 * 32 + 40] ^= 1  # within the proof
    hall.put(cheating(hall, "trustee-2", bytes(own)), "round1-trustee-2.json")
    code, _, err = hall.relay()
    assert code == 65
    assert "does not prove that it knows what it contributes" in err
    assert "participant 2 is trustee 'trustee-2'" in err


def test_participant_raises_the_threshold(hall: Hall) -> None:
    session = hall.paper(DkgSession, "dkg-session.json")
    statics = [codec.unb64(one.static_key) for one in session.trustees]
    higher = session_setup(bytes.fromhex(papers.sha256_of(session)), 4, statics)
    random = counted("higher")(cocktail.entropy_bytes(4))
    message = cocktail.round1(higher, hall.key("trustee-2").secret, entropy=random)
    hall.put(cheating(hall, "trustee-2", message), "round1-trustee-2.json")
    code, _, err = hall.relay()
    assert code == 65
    assert "committed to a threshold of 4 instead of 3. participant 2 is trustee 'trustee-2'" in err


def test_participant_sends_anothers_message_as_its_own(hall: Hall) -> None:
    other = hall.paper(RoundOne, "round1-trustee-1.json")
    hall.put(cheating(hall, "trustee-2", codec.unb64(other.message)), "round1-trustee-2.json")
    code, _, err = hall.relay()
    assert code == 65
    assert "participant 2 repeats what participant 1 contributed" in err


def test_message_in_the_name_of_another(hall: Hall) -> None:
    sent = hall.paper(RoundOne, "round1-trustee-2.json")
    hall.put(papers.sign(replace(sent, trustee="trustee-1"), hall.key("trustee-2")), "round1-trustee-1.json")
    code, _, err = hall.relay()
    assert code == 65
    assert "trustee 'trustee-1' is not as that trustee wrote it" in err


def test_participant_answers_twice(hall: Hall) -> None:
    hall.at("trustee-2", "round1-trustee-2.json").rename(hall.at("coordinator", "round1-kept.json"))
    session, key = hall.paper(DkgSession, "dkg-session.json"), hall.key("trustee-2")
    hall.put(dkg.round_one(session, key, counted("again")), "round1-trustee-2.json")
    code, _, err = hall.relay()
    assert code == 65
    assert "there are two different ones: the dkg-round1 of trustee 'trustee-2'" in err


def test_second_message_takes_the_place_of_the_first(hall: Hall) -> None:
    code, _, err = hall.round1("trustee-2")
    assert code == 73
    assert "nothing is overwritten" in err


def test_coordinator_exchanges_a_static_key(hall: Hall) -> None:
    session = hall.paper(DkgSession, "dkg-session.json")
    stolen = replace(session.trustees[1], static_key=codec.b64(cocktail.static_public(b"\7" + bytes(31))))
    trustees = (session.trustees[0], stolen, *session.trustees[2:])
    hall.put(replace(session, trustees=trustees), "dkg-session.json", "trustee-2", "trustee-3")
    hall.remove("round1-*")
    code, _, err = hall.round1("trustee-2")
    assert code == 65
    assert "somebody exchanged it, or took an old request" in err
    # Whose own key is right goes on, and is found out by those who have the right session.
    assert hall.round1("trustee-3")[0] == 0
    hall.carry("round1-trustee-3.json", "trustee-3", "coordinator")
    code, _, err = hall.relay()
    assert code == 65
    assert "messages of an old session are never used again" in err


def test_session_without_me_or_of_another_round(hall: Hall) -> None:
    session = hall.paper(DkgSession, "dkg-session.json")
    hall.remove("round1-*")
    others = (replace(session.trustees[0], id="somebody-else"), *session.trustees[1:])
    hall.put(replace(session, trustees=others), "dkg-session.json", "trustee-1")
    assert "has no seat for trustee 'trustee-1'" in hall.round1("trustee-1")[2]
    hall.put(replace(session, round=2), "dkg-session.json", "trustee-1")
    code, _, err = hall.round1("trustee-1")
    assert code == 65
    assert "one key serves one round" in err


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"threshold": 2}, "2 members stand for"),
        ({"threshold": 4}, "name at least 7"),
        ({"nonce": codec.b64(bytes(8))}, "nonce is too short"),
    ],
)
def test_session_that_gives_somebody_too_much(hall: Hall, changes: dict[str, object], reason: str) -> None:
    session = hall.paper(DkgSession, "dkg-session.json")
    bodies = tuple(
        replace(one, body="executive" if seat < 2 else one.body) for seat, one in enumerate(session.trustees)
    )
    hall.put(replace(session, trustees=bodies, **changes), "dkg-session.json", "trustee-1")
    hall.remove("round1-*")
    code, _, err = hall.round1("trustee-1")
    assert code == 65
    assert reason in err


def test_two_agree_on_another_session_than_is_read_aloud(hall: Hall) -> None:
    hall.remove("round1-*")
    fingerprint = papers.sha256_of(hall.paper(DkgSession, "dkg-session.json"))
    assert hall.round1("trustee-1", "--expect", papers.groups(fingerprint))[0] == 0
    code, _, err = hall.round1("trustee-2", "--expect", "0000 0000")
    assert code == 65
    assert "you hold another file than the others" in err
    assert hall.round1("trustee-2", "--expect", fingerprint[:7])[0] == 78


def test_messages_of_an_aborted_session_are_used_again(hall: Hall) -> None:
    hall.at("coordinator", "dkg-session.json").unlink()
    assert run("dkg", "session", *hall.agreed(), "--out", hall.file(""))[0] == 0
    code, _, err = hall.relay()
    assert code == 65
    assert "messages of an old session are never used again" in err


def test_relayed_message_of_mine_is_not_mine(hall: Hall) -> None:
    """The coordinator knows a second message of trustee-2 (it answered twice), and shows it to all."""
    session, key = hall.paper(DkgSession, "dkg-session.json"), hall.key("trustee-2")
    hall.put(dkg.round_one(session, key, counted("again")), "round1-trustee-2.json")
    assert hall.relay()[0] == 0
    spread(hall)
    code, _, err = hall.round2("trustee-2")
    assert code == 65
    assert "did not come back as you sent it" in err


def test_relayed_messages_are_altered(hall: Hall) -> None:
    assert hall.relay()[0] == 0
    together = hall.paper(DkgMessages, "dkg-messages.json")
    first = replace(together.messages[0], message=flipped(together.messages[0].message, 7))
    hall.put(replace(together, messages=(first, *together.messages[1:])), "dkg-messages.json")
    spread(hall)
    code, _, err = hall.round2("trustee-3")
    assert code == 65
    assert "trustee 'trustee-1' is not as that trustee wrote it" in err
    hall.put(replace(together, messages=together.messages[:4]), "dkg-messages.json", "trustee-3")
    assert "nothing from trustee 'trustee-5'" in hall.round2("trustee-3")[2]


def test_split_view_goes_through(hall: Hall) -> None:
    """Trustee-2 makes two messages, and a coordinator in league with it shows either to half of the others."""
    assert hall.relay()[0] == 0
    spread(hall)
    for one in TRUSTEES:
        assert hall.round2(one)[0] == 0
    session, key = hall.paper(DkgSession, "dkg-session.json"), hall.key("trustee-2")
    together = hall.paper(DkgMessages, "dkg-messages.json")
    other = replace(
        together,
        messages=(together.messages[0], dkg.round_one(session, key, counted("b")), *together.messages[2:]),
    )
    hall.put(other, "dkg-messages.json", "trustee-5")
    hall.at("trustee-5", "round2-trustee-5.json").unlink()
    code, out, _ = hall.round2("trustee-5")
    assert code == 0, "alone it cannot know"
    for one in TRUSTEES:
        hall.carry(f"round2-{one}.json", one, "coordinator")
    code, _, err = hall.certify()
    assert code == 65
    assert "trustee 'trustee-5' saw other messages than these" in err
    assert "showed the trustees different files" in err
    aloud = papers.groups(hall.paper(RoundTwo, "round2-trustee-1.json").transcript_sha256)
    assert aloud not in out, "nor can it be read aloud as the same"


def test_certificate_without_one_signature_or_with_a_wrong_one(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    hall.remove("dkg-certificate.json", "share-*", "confirm-*")
    hall.at("coordinator", "round2-trustee-4.json").rename(tmp_path / "kept.json")
    assert "nothing from trustee 'trustee-4'" in hall.certify()[2]
    signed = papers.parse((tmp_path / "kept.json").read_bytes(), RoundTwo, "kept")
    bad = papers.sign(replace(signed, signature=flipped(signed.signature, 3)), hall.key("trustee-4"))
    hall.put(bad, "round2-trustee-4.json")
    code, _, err = hall.certify()
    assert code == 65
    assert "participant 4 is trustee 'trustee-4'" in err


def test_certificate_is_over_what_a_trustee_did_not_see(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    hall.remove("share-*", "confirm-*")
    certificate = hall.paper(DkgCertificate, "dkg-certificate.json")
    for spoilt in (
        replace(certificate, transcript=flipped(certificate.transcript, -40)),
        replace(certificate, signatures=flipped(certificate.signatures, 70)),
        replace(certificate, session=replace(certificate.session, kid="another-key")),
        replace(certificate, signatures=certificate.signatures[:-4]),
    ):
        hall.put(spoilt, "dkg-certificate.json", "trustee-1")
        code, _, err = hall.finish("trustee-1")
        assert code == 65, err
        assert not hall.at("trustee-1", "share-trustee-1.json").exists()


def test_session_of_the_certificate_is_relabelled(tmp_path: Path) -> None:
    """Ids and bodies stand in no cryptographic message but through the session's hash."""
    certificate = Hall.copied(tmp_path).paper(DkgCertificate, "dkg-certificate.json")
    named = replace(certificate.session.trustees[0], id="somebody-else")
    session = replace(certificate.session, trustees=(named, *certificate.session.trustees[1:]))
    with pytest.raises(CeremonyRefusedError, match="of another session than it says"):
        dkg.outcome_of(replace(certificate, session=session))


def test_manifest_before_all_trustees_have_confirmed_their_share(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    hall.remove("manifest*.json")
    assert hall.build()[0] == 0
    hall.remove("manifest*.json")
    hall.at("coordinator", "confirm-trustee-3.json").unlink()
    code, _, err = hall.build()
    assert code == 65
    assert "nothing from trustee 'trustee-3'" in err
    forged = papers.sign(
        replace(hall.paper(Confirmation, "confirm-trustee-2.json"), trustee="trustee-3"),
        hall.key("trustee-2"),
    )
    hall.put(forged, "confirm-trustee-3.json")
    assert "is not as that trustee wrote it" in hall.build()[2]
    stale = replace(
        hall.paper(Confirmation, "confirm-trustee-3.json", "trustee-3"), certificate_sha256="0" * 64
    )
    hall.put(papers.sign(stale, hall.key("trustee-3")), "confirm-trustee-3.json")
    assert "is for another certificate" in hall.build()[2]


def test_key_generation_before_all_trustees_are_enrolled(tmp_path: Path) -> None:
    hall = Hall.copied(tmp_path)
    hall.remove("enrolments.json", "dkg-session.json", "enrol-trustee-trustee-2.json")
    enrol = ["enrol", "--plan", hall.file("plan.json"), hall.file(""), "--out", hall.file("")]
    code, out, _ = run(*enrol)
    assert code == 1
    assert "  trustee trustee-2" in out
    code, _, err = run("dkg", "session", *hall.agreed(), "--out", hall.file(""))
    assert code == 65
    assert "trustee 'trustee-2' is not enrolled yet" in err


def test_lost_share_is_lost_for_ever(tmp_path: Path) -> None:
    """From the static key and the public papers it is made again: the same share."""
    hall = Hall.copied(tmp_path)
    path = hall.at("trustee-2", "share-trustee-2.json")
    path.unlink()
    assert hall.finish("trustee-2")[0] == 0
    assert hall.check_share("trustee-2")[0] == 1, "good, at rehearsal cost"
