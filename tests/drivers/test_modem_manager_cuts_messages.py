"""ModemManager sends whole messages only: parts in any order, of several messages at once, that never come."""

from hypothesis import given
from hypothesis import strategies as st

from crypto import sms
from drivers.modem.manager.messages import (
    GATHER_MS,
    GATHERED_MAX,
    Gatherer,
    Outgoing,
    Unsendable,
    cut,
)

FAR = "+99900000042"


@given(st.binary(min_size=141, max_size=2000), st.integers(0, 255), st.randoms())
def test_parts_in_any_order_make_the_body(body: bytes, reference: int, chance: "object") -> None:
    parts = list(enumerate(sms.split(body, reference=reference)))
    chance.shuffle(parts)  # type: ignore[attr-defined]
    gatherer = Gatherer()
    came = [message for token, part in parts for message in gatherer.add(token, FAR, part, 0)]
    assert came == [Outgoing(tuple(range(len(parts))), FAR, body)]
    assert gatherer.wake_at() is None


@given(st.binary(min_size=1, max_size=2000), st.integers(0, 255))
def test_a_body_that_arrived_is_cut_as_the_sender_cut_it(body: bytes, reference: int) -> None:
    assert tuple(cut(body, reference)) == sms.split(body, reference=reference)


def test_a_body_of_more_parts_than_can_be_is_nothing() -> None:
    assert cut(bytes(134 * 255 + 1), 0) == []


@given(st.binary(min_size=1, max_size=140))
def test_short_bodies_and_foreign_headers_fail_for_good(user_data: bytes) -> None:
    came = Gatherer().add(5, FAR, user_data, 0)
    assert all(isinstance(message, Unsendable) and message.tokens == (5,) for message in came)
    for body in (b"x", bytes(140)):
        parts = sms.split(body, reference=1)
        gatherer = Gatherer()
        made = [message for token, part in enumerate(parts) for message in gatherer.add(token, FAR, part, 0)]
        assert [type(message) for message in made] == [Unsendable]
        assert "AT port" in made[0].reason  # type: ignore[union-attr]


def test_parts_that_never_come_are_not_waited_for_for_ever() -> None:
    gatherer = Gatherer()
    assert gatherer.add(1, FAR, sms.split(bytes(300), reference=1)[0], 1_000) == []
    assert gatherer.wake_at() == 1_000 + GATHER_MS
    assert gatherer.expire(1_000 + GATHER_MS - 1) == []
    (late,) = gatherer.expire(1_000 + GATHER_MS)
    assert late.tokens == (1,)
    assert gatherer.wake_at() is None


def test_too_many_begun_messages_push_the_oldest_out() -> None:
    gatherer = Gatherer()
    for reference in range(GATHERED_MAX):
        assert gatherer.add(reference, FAR, sms.split(bytes(300), reference=reference)[0], 0) == []
    (pushed,) = gatherer.add(99, FAR, sms.split(bytes(300), reference=200)[0], 0)
    assert isinstance(pushed, Unsendable)
    assert pushed.tokens == (0,)


def test_a_reference_that_comes_round_begins_anew() -> None:
    gatherer = Gatherer()
    old, new = sms.split(bytes(300), reference=1), sms.split(b"\x01" * 300, reference=1)
    assert gatherer.add(1, FAR, old[0], 0) == []
    (given_up,) = gatherer.add(2, FAR, new[0], 0)
    assert isinstance(given_up, Unsendable)
    assert given_up.tokens == (1,)
    assert gatherer.add(3, FAR, new[1], 0) == []
    assert gatherer.add(4, FAR, new[2], 0) == [Outgoing((2, 3, 4), FAR, b"\x01" * 300)]
    assert gatherer.add(5, "+99900000043", old[0], 0) == []
