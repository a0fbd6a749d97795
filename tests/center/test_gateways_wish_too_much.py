"""What the log signs for gateways of SMS: requests for missing parts, so many a minute, and nothing else."""

import pytest

from center.intake.missing_parts import MINUTE_MS, SIGNED_MAX, MissingPartsDesk
from center.ports import Delivery
from center.sms.broker import SmsBroker
from crypto import acknowledgement, codec, notes, sms_missing
from crypto.errors import ProofError
from crypto.wire import topic_missing_parts, topic_missing_parts_signed, topic_narrow_envelope
from tests.crypto.election_fixture import ELECTION, make_election

CENTRE = make_election(1)
LOG = CENTRE.loaded.log_verifier
PARTS = sms_missing.MissingParts(7, 6, (2, 5), "ab" * 32)
NOON_MS = 1_800_000_000_000


class Desk:
    def __init__(self) -> None:
        self.desk = MissingPartsDesk(ELECTION, CENTRE.log)
        self.said: list[tuple[str, bytes]] = []

    async def ask(self, payload: bytes, wall_ms: int = NOON_MS) -> None:
        await self.desk.answer(payload, self._say, wall_ms=wall_ms)

    async def _say(self, topic: str, payload: bytes) -> bool:
        self.said.append((topic, payload))
        return True


async def test_wish_is_signed_with_the_centres_time() -> None:
    desk = Desk()
    await desk.ask(sms_missing.wish(PARTS))
    ((topic, payload),) = desk.said
    assert topic == topic_missing_parts_signed(ELECTION)
    assert sms_missing.read(payload, log=LOG) == sms_missing.SignedRequest(NOON_MS // 1000, PARTS)


@pytest.mark.parametrize("payload", [b"", b"\xa2", b"kit", sms_missing.wish(PARTS) + b"\0", bytes(100_000)])
async def test_nothing_else_is_signed(payload: bytes) -> None:
    desk = Desk()
    await desk.ask(payload)
    assert desk.said == []


async def test_flood_of_wishes_keeps_the_log_from_its_work() -> None:
    desk = Desk()
    for _ in range(3 * SIGNED_MAX):
        await desk.ask(sms_missing.wish(PARTS))
    assert len(desk.said) == SIGNED_MAX
    await desk.ask(sms_missing.wish(PARTS), NOON_MS + MINUTE_MS)
    assert len(desk.said) == SIGNED_MAX + 1


async def test_clock_of_the_centre_is_beyond_what_a_message_can_say() -> None:
    desk = Desk()
    await desk.ask(sms_missing.wish(PARTS), 1000 * 2**33)
    assert sms_missing.read(desk.said[0][1], log=LOG).at_s == sms_missing.AT_MAX


def test_envelopes_and_wishes_are_told_apart() -> None:
    topics = [topic_missing_parts(ELECTION), topic_narrow_envelope(ELECTION, "branch-1")]
    wishes, others = MissingPartsDesk(ELECTION, CENTRE.log).sort(
        [Delivery(topic, b"", 1, 1, 1) for topic in topics]
    )
    assert [[one.topic for one in found] for found in (wishes, others)] == [[topics[0]], [topics[1]]]


async def test_signed_request_is_taken_for_something_else_of_the_log() -> None:
    """Every note of the log says in its first lines what it is: none can stand for another."""
    desk = Desk()
    await desk.ask(sms_missing.wish(PARTS))
    signature = desk.said[0][1][-64:]
    envelope = CENTRE.loaded.sha256.encode()
    packed = acknowledgement.pack(acknowledgement.make(envelope, CENTRE.log), log=LOG)
    with pytest.raises(ProofError):
        acknowledgement.verify(acknowledgement.unpack(packed[:-64] + signature, log=LOG), envelope, log=LOG)
    text = f"{LOG.name}\n7\n{'A' * 43}=\n"
    note = f"{text}\n\N{EM DASH} {LOG.name} {codec.b64(LOG.key_hash + signature)}\n"
    with pytest.raises(ProofError):
        notes.verify_note(note, [LOG])


@pytest.mark.parametrize(("code", "told"), [(0x80, 1), (0, 0)])
async def test_gateway_that_may_not_hear_the_requests_ends(code: int, told: int) -> None:
    """It says so, and envelopes go on: parts come when branches send again by themselves."""
    said: list[str] = []
    broker = SmsBroker(
        "127.0.0.1",
        1,
        "sms",
        ELECTION,
        heard=_ignore,
        refused=_ignore,
        signed=_ignore,
        connected=_ignore,
        say=said.append,
    )

    class _Client:
        async def subscribe(self, *_: object, **__: object) -> list[int]:
            return [code]

    await broker._listen_for_requests(_Client())  # type: ignore[arg-type]
    assert len([words for words in said if "missing parts come late" in words]) == told


def _ignore(*_: object) -> None:
    pass
