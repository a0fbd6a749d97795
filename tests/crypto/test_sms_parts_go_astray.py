"""Parts of a carrier that come late, twice, in any order, not at all, or from somebody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sms
from crypto.carrier import from_compact, to_compact
from crypto.errors import EvidenceError
from crypto.sms import (
    ConflictingPartError,
    ForeignPartError,
    Incomplete,
    MissingPartsError,
    Part,
    PartError,
    Reassembler,
    join,
    parse,
    split,
)
from crypto.submissions import check_submission
from tests.crypto.carrier_world import HASH, outer, results_of, sealed, world

BRANCH, OTHER = "+995000000001", "+995000000002"
DATA = bytes(range(256)) * 2 + bytes(88)  # 600 bytes: five parts, the last not full
PARTS = split(DATA, reference=42)

carriers = st.binary(min_size=1, max_size=134 * 12)
references = st.integers(0, 255)


def feed(
    box: Reassembler, parts: list[bytes] | tuple[bytes, ...], sender: str = BRANCH
) -> list[bytes | None]:
    return [box.add(sender, part, now_ms=0) for part in parts]


def test_a_part_looks_as_the_specification_says() -> None:
    """TS 23.040 §9.2.3.24.1: header length 5, element 0 of 3 octets: reference, how many, which; 134 octets follow."""
    assert [part[:6].hex(" ") for part in PARTS] == [f"05 00 03 2a 05 0{number}" for number in range(1, 6)]
    assert [len(part) for part in PARTS] == [140, 140, 140, 140, 6 + 600 - 4 * 134]
    assert b"".join(part[6:] for part in PARTS) == DATA
    assert parse(PARTS[4]) == Part(42, 5, 5, DATA[536:])


@given(carriers, references, st.data())
def test_any_order_and_any_repetition_gives_the_carrier_once(
    data: bytes, reference: int, draw: st.DataObject
) -> None:
    parts = split(data, reference=reference)
    repeated = draw.draw(st.lists(st.sampled_from(parts), max_size=8))
    arriving = draw.draw(st.permutations([*parts, *repeated]))
    assert join(arriving) == data
    box = Reassembler()
    given_out = feed(box, arriving)
    assert [one for one in given_out if one is not None] == [data]
    assert box.parts_held == len(parts)


@given(carriers, carriers, references, references)
def test_messages_of_two_senders_do_not_mix(one: bytes, other: bytes, first: int, second: int) -> None:
    box = Reassembler()
    parts = {BRANCH: split(one, reference=first), OTHER: split(other, reference=second)}
    out: dict[str, list[bytes]] = {BRANCH: [], OTHER: []}
    for place in range(12):
        for sender, mine in parts.items():
            if place < len(mine):
                data = box.add(sender, mine[place], now_ms=place)
                out[sender] += [] if data is None else [data]
    assert out == {BRANCH: [one], OTHER: [other]}


def test_two_messages_of_one_sender_do_not_mix() -> None:
    box, other = Reassembler(), split(DATA[::-1], reference=43)
    mixed = [part for pair in zip(PARTS, other, strict=True) for part in pair]
    assert feed(box, mixed) == [None] * 8 + [DATA, DATA[::-1]]


@pytest.mark.parametrize("lost", [(1,), (5,), (2, 4), (1, 2, 3, 4)])
def test_missing_parts_are_named(lost: tuple[int, ...]) -> None:
    arrived = [part for number, part in enumerate(PARTS, 1) if number not in lost]
    with pytest.raises(MissingPartsError, match="of 5 are missing") as caught:
        join(arrived)
    assert (caught.value.missing, caught.value.total) == (lost, 5)
    box = Reassembler(keep_ms=1000)
    assert feed(box, arrived) == [None] * len(arrived)
    assert box.expire(now_ms=1000) == ()
    assert box.expire(now_ms=1001) == (Incomplete(BRANCH, 42, 5, lost),)
    assert box.parts_held == 0


def test_no_part_at_all_is_missing_everything() -> None:
    with pytest.raises(MissingPartsError, match="no part is here"):
        join([])


def test_what_is_missing_may_still_come_after_others_gave_up() -> None:
    box = Reassembler(keep_ms=1000)
    feed(box, PARTS[:4])
    box.expire(now_ms=2000)
    assert box.add(BRANCH, PARTS[4], now_ms=2000) is None
    assert feed(box, PARTS[:4]) == [None, None, None, DATA]


def test_a_late_duplicate_of_a_complete_message_is_not_a_new_one() -> None:
    box = Reassembler(keep_ms=1000)
    assert feed(box, PARTS)[-1] == DATA
    assert feed(box, PARTS) == [None] * 5
    assert box.expire(now_ms=1001) == ()  # complete: nobody has to be told


def test_a_reference_that_comes_round_again_begins_a_new_message() -> None:
    box, later = Reassembler(), split(DATA[::-1][:300], reference=42)
    feed(box, PARTS)
    assert feed(box, later) == [None, None, DATA[::-1][:300]]
    assert box.parts_held == 3


@pytest.mark.parametrize(
    "contradiction",
    [
        split(DATA[::-1], reference=42)[0],
        split(DATA[:268], reference=42)[0],
        split(DATA * 2, reference=42)[0],
    ],
    ids=["other octets", "fewer parts", "more parts"],
)
def test_contradicting_parts_are_refused(contradiction: bytes) -> None:
    with pytest.raises(ConflictingPartError, match="contradicts"):
        join([*PARTS, contradiction])
    box = Reassembler()
    feed(box, PARTS[:3])
    with pytest.raises(ConflictingPartError, match="contradicts"):
        box.add(BRANCH, contradiction, now_ms=0)
    assert (box.parts_held, box.evicted) == (1, 1)


def test_a_whole_carrier_in_one_part_is_not_lost_over_a_remainder() -> None:
    box = Reassembler()
    feed(box, PARTS[:3])
    assert feed(box, split(b"short", reference=42)) == [b"short"]
    assert (box.parts_held, box.evicted) == (1, 1)


def test_a_repetition_gets_through_over_the_remainder_of_another_message() -> None:
    box, remainder = Reassembler(), split(DATA[::-1], reference=42)
    feed(box, remainder[:3])
    with pytest.raises(ConflictingPartError):
        box.add(BRANCH, PARTS[0], now_ms=0)
    assert feed(box, PARTS[1:]) == [None, None, None, DATA]


@pytest.mark.parametrize(
    ("user_data", "why"),
    [
        (b"", "empty"),
        (b"results follow", "text"),
        (bytes.fromhex("0500032a0501"), "no content"),
        (bytes.fromhex("0500032a0500") + bytes(134), "part 0"),
        (bytes.fromhex("0500032a0506") + bytes(134), "part 6 of 5"),
        (bytes.fromhex("0500032a0001") + bytes(134), "of 0"),
        (bytes.fromhex("0608042a2a0501") + bytes(133), "16-bit reference"),
        (bytes.fromhex("0b05040b8423f000032a0201") + bytes(128), "ports before it"),
        (bytes.fromhex("0500032a0501") + bytes(135), "141 octets"),
        (bytes.fromhex("0500032a0501") + bytes(133), "cut, and not the last"),
        (PARTS[0][:139], "cut"),
    ],
)
def test_foreign_parts_are_refused_and_change_nothing(user_data: bytes, why: str) -> None:
    with pytest.raises(ForeignPartError):
        parse(user_data)
    with pytest.raises(ForeignPartError):
        join([*PARTS[:2], user_data, *PARTS[2:]])
    box = Reassembler()
    feed(box, PARTS[:4])
    with pytest.raises(ForeignPartError):
        box.add(BRANCH, user_data, now_ms=0)
    assert box.add(BRANCH, PARTS[4], now_ms=0) == DATA, why


def test_a_part_of_another_reference_is_foreign_to_one_message() -> None:
    with pytest.raises(ForeignPartError, match="under reference 43 among parts of reference 42"):
        join([*PARTS[:4], split(DATA, reference=43)[4]])


@given(st.binary(max_size=150))
def test_noise_is_refused_or_one_part(noise: bytes) -> None:
    for user_data in (noise, PARTS[0][:3] + noise):
        try:
            part = parse(user_data)
        except ForeignPartError:
            continue
        assert user_data == bytes([5, 0, 3, part.reference, part.total, part.number]) + part.body


def test_an_overlong_sender_is_refused() -> None:
    box = Reassembler()
    with pytest.raises(ForeignPartError, match="33 characters"):
        box.add("1" * 33, PARTS[0], now_ms=0)
    assert box.parts_held == 0


@pytest.mark.parametrize(("data", "reference"), [(b"x", -1), (b"x", 256)])
def test_a_reference_beyond_one_octet_is_refused(data: bytes, reference: int) -> None:
    with pytest.raises(ValueError, match="modulo 256"):
        split(data, reference=reference)


@pytest.mark.parametrize("size", [0, 255 * 134 + 1])
def test_what_no_message_can_carry_is_refused(size: int) -> None:
    with pytest.raises(PartError, match="cannot go by SMS"):
        split(bytes(size), reference=0)


def test_the_greatest_carrier_comes_back() -> None:
    data = bytes(255 * 134)
    assert join(reversed(split(data, reference=255))) == data


def test_a_flood_of_one_sender_pushes_out_nobody_else() -> None:
    box = Reassembler()
    feed(box, PARTS[:4])
    for reference in range(256):
        feed(box, split(bytes(255 * 134), reference=reference)[:254], OTHER)
        assert box.parts_held <= 4 + 254 * sms.SENDER_MESSAGES_MAX
    assert box.evicted == 256 - sms.SENDER_MESSAGES_MAX
    assert box.add(BRANCH, PARTS[4], now_ms=0) == DATA


def test_a_flood_of_many_senders_stays_within_memory_and_the_oldest_gives_way() -> None:
    box = Reassembler()
    feed(box, PARTS[:4])
    for sender in range(2 * sms.PARTS_HELD_MAX):
        feed(box, PARTS[:1], f"+{sender}")
        assert box.parts_held <= sms.PARTS_HELD_MAX
    assert box.evicted == 1 + sms.PARTS_HELD_MAX
    assert box.add(BRANCH, PARTS[4], now_ms=0) is None  # its beginning is gone: it must be sent again
    assert feed(box, PARTS[:4])[-1] == DATA


def test_a_growing_message_pushes_out_others_and_never_itself() -> None:
    box = Reassembler()
    for sender in range(sms.PARTS_HELD_MAX):
        feed(box, PARTS[:1], f"+{sender}")
    long = bytes(range(1, 256)) * 134
    assert feed(box, split(long, reference=7))[-1] == long
    assert box.parts_held == sms.PARTS_HELD_MAX
    assert box.evicted == 255


def test_the_oldest_message_does_not_give_way_to_its_own_part() -> None:
    box = Reassembler()
    feed(box, PARTS[:4])
    for sender in range(sms.PARTS_HELD_MAX - 4):
        feed(box, PARTS[:1], f"+{sender}")
    assert box.add(BRANCH, PARTS[4], now_ms=0) == DATA
    assert (box.parts_held, box.evicted) == (sms.PARTS_HELD_MAX, 1)


def test_nothing_of_a_forgotten_sender_is_held() -> None:
    box = Reassembler(keep_ms=0)
    for sender in range(10):
        feed(box, PARTS[: sender // 2 + 1], f"+{sender}")
    assert len(box.expire(now_ms=1)) == 8  # the last two were complete
    assert (box.parts_held, box._messages, box._references) == (0, {}, {})


def test_any_flipped_byte_of_five_messages_never_reaches_the_ledger() -> None:
    election = world(3, 40, 12, blank=True)
    tally = election.tally("branch-1", results=results_of(election, 7))
    data = sealed(election, outer(election, prev=HASH), tally)
    parts = split(to_compact(data, election.loaded), reference=9)
    assert len(parts) == 5

    def receive(arrived: list[bytes]) -> bytes:
        rendered = from_compact(join(arrived), election.loaded)
        return check_submission(rendered, election.loaded).data

    assert receive(list(parts)) == data
    for number, part in enumerate(parts):
        for place in range(len(part)):
            bad = part[:place] + bytes([part[place] ^ 0x01]) + part[place + 1 :]
            with pytest.raises(EvidenceError):
                receive([*parts[:number], bad, *parts[number + 1 :]])
