"""Whoever takes part in the key ceremony, or carries its messages, can stop it, and is blamed; nobody can bend it."""

from dataclasses import replace

import pytest

from crypto import cocktail
from crypto.cocktail_wire import Message1, message2_to_bytes, parse_message1
from crypto.edwards import IDENTITY, base_multiple, scalar_from_int
from crypto.trustee_errors import (
    MalformedMessageError,
    ProofOfPossessionError,
    ThresholdElevationError,
    TranscriptMismatchError,
)
from tests.attacks.catalogue import attack
from tests.crypto.ceremony_fixture import make_ceremony, make_setup, message1, static_secret

WHOLE = make_ceremony(2, 3)
SETUP = WHOLE.setup
POINT_OF_ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
CHEAT = 2  # who cheats, of three


def relayed_with(message: bytes) -> tuple[bytes, ...]:
    """What an honest carrier does with the messages of two honest participants and the cheat's."""
    return cocktail.relay(SETUP, (dict(enumerate(WHOLE.messages, 1)) | {CHEAT: message}).items())


def carried_past_everybody(message: Message1) -> None:
    """What participant 1 says when the carrier is the cheat's friend and looks at nothing."""
    messages = [parse_message1(data, SETUP, index) for index, data in enumerate(WHOLE.messages, 1)]
    messages[CHEAT - 1] = message
    cocktail.round2(SETUP, static_secret(1), message2_to_bytes(messages, 1), sent=WHOLE.messages[0])


def test_control_ceremony_of_the_honest_ends_with_one_key() -> None:
    relayed = relayed_with(WHOLE.messages[CHEAT - 1])
    assert relayed == WHOLE.relayed
    carried_past_everybody(parse_message1(WHOLE.messages[CHEAT - 1], SETUP, CHEAT))
    certificates = {cocktail.finish(outcome, enumerate(WHOLE.signatures, 1)) for outcome in WHOLE.outcomes}
    assert len(certificates) == len({outcome.public.group_key for outcome in WHOLE.outcomes}) == 1


@attack("threshold elevation")
@pytest.mark.parametrize("threshold", [1, 3])
def test_commitment_of_another_degree(threshold: int) -> None:
    """One coefficient more, and the three who agreed on 2 of 3 would need all three; one less, and one opens alone."""
    elevated = message1(replace(SETUP, threshold=threshold), CHEAT)
    with pytest.raises(ThresholdElevationError, match=f"threshold of {threshold} instead of 2") as caught:
        relayed_with(elevated)
    assert caught.value.participant == CHEAT
    with pytest.raises(ThresholdElevationError):
        parse_message1(elevated, SETUP, CHEAT)


@attack("bad proof of possession")
def test_key_is_chosen_after_those_of_the_others() -> None:
    """Whose contribution is what he wishes less everybody else's would own the key; he cannot prove to know it."""
    honest = parse_message1(WHOLE.messages[CHEAT - 1], SETUP, CHEAT)
    rogue = base_multiple(scalar_from_int(7))
    first = parse_message1(WHOLE.messages[0], SETUP, 1).contribution
    forgeries = {
        "rogue key": {"commitment": (rogue, honest.contribution.commitment[1])},
        "no proof": {"proof": bytes(64)},
        "proof of another": {"proof": first.proof},
        "proof of another session": {
            "proof": parse_message1(
                message1(make_setup(2, 3, session="the day before, again"), CHEAT), SETUP, CHEAT
            ).contribution.proof
        },
    }
    for changes in forgeries.values():
        altered = replace(honest, contribution=replace(honest.contribution, **changes))
        with pytest.raises(ProofOfPossessionError, match=f"participant {CHEAT}") as caught:
            relayed_with(altered.to_bytes())
        assert caught.value.participant == CHEAT
        with pytest.raises(ProofOfPossessionError, match=f"participant {CHEAT}"):
            carried_past_everybody(altered)


@attack("identity point")
@pytest.mark.parametrize(
    "point", [IDENTITY, bytes(32), POINT_OF_ORDER_8], ids=["identity", "order 4", "order 8"]
)
@pytest.mark.parametrize("at", [0, 32, 128], ids=["constant", "coefficient", "ephemeral"])
def test_point_that_hides_nothing(point: bytes, at: int) -> None:
    message = WHOLE.messages[CHEAT - 1]
    with pytest.raises(MalformedMessageError, match="prime-order group") as caught:
        relayed_with(message[:at] + point + message[at + 32 :])
    assert caught.value.participant == CHEAT


@attack("split view")
def test_two_participants_are_shown_two_ceremonies() -> None:
    """The carrier gives participants 1 and 3 different messages of participant 2: both good, each fits its share."""
    second = message1(SETUP, CHEAT, take=2)
    assert second != WHOLE.messages[CHEAT - 1]
    views = {1: WHOLE.relayed[0], 3: relayed_with(second)[2]}
    outcomes = {
        index: cocktail.round2(SETUP, static_secret(index), view, sent=WHOLE.messages[index - 1])
        for index, view in views.items()
    }
    assert outcomes[1].public.group_key != outcomes[3].public.group_key
    signatures = {
        index: cocktail.certify(outcome, static_secret(index)) for index, outcome in outcomes.items()
    }
    signatures[CHEAT] = cocktail.certify(WHOLE.outcomes[CHEAT - 1], static_secret(CHEAT))
    for index, other in ((1, 3), (3, 1)):
        with pytest.raises(TranscriptMismatchError) as caught:
            cocktail.finish(outcomes[index], sorted(signatures.items()))
        assert caught.value.participant in (other, CHEAT)


@attack("split view")
def test_own_message_comes_back_altered() -> None:
    with pytest.raises(TranscriptMismatchError, match="did not come back as it was sent"):
        cocktail.round2(
            SETUP,
            static_secret(CHEAT),
            relayed_with(message1(SETUP, CHEAT, take=2))[1],
            sent=WHOLE.messages[1],
        )
