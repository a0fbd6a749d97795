"""Whatever pacing is asked for, by a centre in trouble or a thief of its key: what is sealed keeps going out."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto import command, rfc3339
from crypto.identity import SigningKey
from crypto.notes import NoteSigner
from kit.commands.pacing import PACE_MAX_MS, PACED_MAX_MS, PATIENCE_MS, Pacing, pacing_of
from kit.effects import Publish
from kit.events import Booted, Tick, UplinksUsable
from kit.facts import CommandFollowed
from kit.outbox import RESEND_MAX_MS, Outbox
from tests.crypto.election_fixture import make_election
from tests.kit.sealed import sealed

ELECTION = make_election(2)
WALL_MS = rfc3339.to_ms("2027-06-18T15:00:00.000Z")
HOUR_MS = 3_600_000
UPLINKS = ("fibre", "4g")


def followed(
    pause_ms: int, heard_ms: int, *, lives_s: int = 1_800, number: int = 1, by: NoteSigner = ELECTION.log
) -> CommandFollowed:
    statement = ELECTION.loaded.manifest
    issued, expires = (
        rfc3339.to_text(at_ms // 1_000 * 1_000).replace(".000Z", "Z")
        for at_ms in (heard_ms, heard_ms + 1_000 * lives_s)
    )
    asked = command.Command(
        "pacing", statement.election, statement.round, None, number, issued, expires, pause_ms=pause_ms
    )
    note = command.make(asked, by)
    return CommandFollowed(
        at=rfc3339.to_text(heard_ms), kind="pacing", number=number, rung="fibre", note=note
    )


def booted(
    wall_ms: int = WALL_MS, *, sealed_ms: int = WALL_MS, facts: tuple[CommandFollowed, ...] = ()
) -> Outbox:
    outbox = Outbox(ELECTION.loaded, "device-1")
    outbox.apply(sealed(sealed_ms))
    for fact in facts:
        outbox.apply(fact)
    outbox.handle(Booted("00" * 8, wall_ms), 0)
    return outbox


def sends(
    outbox: Outbox, until_ms: int, told: dict[int, CommandFollowed] | None = None
) -> dict[str, list[int]]:
    """When the envelope goes out on each uplink; ``told``: what is folded when."""
    times: dict[str, list[int]] = {uplink: [] for uplink in UPLINKS}
    told, now = dict(told or {}), 0
    event: UplinksUsable | Tick = UplinksUsable(UPLINKS)
    while now <= until_ms:
        for effect in outbox.handle(event, now).effects:
            assert isinstance(effect, Publish)
            times[effect.uplink].append(now)
        wake_at = outbox.wake_at()
        assert wake_at is not None
        event, now = Tick(), max(now + 1, min([wake_at, *(at for at in told if at > now)]))
        for at in [at for at in told if at <= now]:
            outbox.apply(told.pop(at))
    return times


def longest(times: list[int], until_ms: int) -> int:
    return max(later - earlier for earlier, later in pairwise([*times, until_ms]))


_commands = st.dictionaries(
    st.integers(0, HOUR_MS),
    st.tuples(st.sampled_from([1_000, 60_000, 300_000]), st.integers(1, 1_800)),
    max_size=40,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(_commands)
def test_no_commands_whatever_silence_an_uplink(commands: dict[int, tuple[int, int]]) -> None:
    told = {
        at: followed(pause_ms, WALL_MS + at, lives_s=lives_s, number=number)
        for number, (at, (pause_ms, lives_s)) in enumerate(sorted(commands.items()), 1)
    }
    times = sends(booted(), HOUR_MS, told)
    for uplink in UPLINKS:
        assert times[uplink][0] == 0, "the first send was paced"
        assert longest(times[uplink], HOUR_MS) <= PACE_MAX_MS
        late = [at for at in times[uplink] if at >= PATIENCE_MS]
        assert late[0] <= PATIENCE_MS + RESEND_MAX_MS
        assert longest(late, HOUR_MS) <= RESEND_MAX_MS, "paced after ten minutes without any receipt"


def test_pacing_is_not_heeded_at_all() -> None:
    free, paced = (sends(booted(facts=facts), PATIENCE_MS) for facts in ((), (followed(300_000, WALL_MS),)))
    for uplink in UPLINKS:
        assert len(paced[uplink]) < len(free[uplink]) / 3


def test_pacing_makes_repeats_quicker() -> None:
    free, paced = (sends(booted(facts=facts), PATIENCE_MS) for facts in ((), (followed(1_000, WALL_MS),)))
    assert all(len(paced[uplink]) <= len(free[uplink]) for uplink in UPLINKS)


def test_uplink_that_comes_back_is_paced_before_it_carried_anything() -> None:
    outbox = booted(facts=(followed(300_000, WALL_MS),))
    assert len(outbox.handle(UplinksUsable(("fibre",)), 10).effects) == 1
    assert len(outbox.handle(UplinksUsable(UPLINKS), 20).effects) == 1
    outbox.handle(UplinksUsable(()), 30)
    assert len(outbox.handle(UplinksUsable(UPLINKS), 40).effects) == 2


@pytest.mark.parametrize(
    ("pause_ms", "wall_ms", "ceiling_ms"),
    [
        (60_000, 999, 30_000),  # the clock was set back between two lives
        (60_000, 1_000, 60_000),
        (10**9, 1_000, PACE_MAX_MS),
        (-5, 1_000, 30_000),
        (60_000, 1_000 + PACED_MAX_MS - 1, 60_000),
        (60_000, 1_000 + PACED_MAX_MS, 30_000),
    ],
)
def test_pacing_out_of_bounds_holds(pause_ms: int, wall_ms: int, ceiling_ms: int) -> None:
    assert Pacing(pause_ms, 1_000, 10**15).ceiling_ms(30_000, wall_ms) == ceiling_ms


def test_pacing_outlives_its_expiry() -> None:
    pacing = Pacing(60_000, 1_000, 5_000)
    assert [pacing.ceiling_ms(1_000, at) for at in (4_999, 5_000)] == [60_000, 1_000]


def test_restart_forgets_pacing_or_begins_it_anew() -> None:
    fact = followed(300_000, WALL_MS)
    soon = sends(booted(WALL_MS + 60_000, sealed_ms=WALL_MS + 59_000, facts=(fact,)), 300_000)
    free = sends(booted(WALL_MS + 60_000, sealed_ms=WALL_MS + 59_000), 300_000)
    assert len(soon["fibre"]) < len(free["fibre"])
    late_ms = WALL_MS + PACED_MAX_MS
    assert sends(booted(late_ms, sealed_ms=late_ms, facts=(fact,)), 300_000) == sends(
        booted(late_ms, sealed_ms=late_ms), 300_000
    )


def test_clock_set_back_after_the_seal_makes_pacing_last() -> None:
    fact = followed(300_000, WALL_MS)
    times = sends(booted(WALL_MS, sealed_ms=WALL_MS + 24 * HOUR_MS, facts=(fact,)), HOUR_MS)
    late = [at for at in times["fibre"] if at >= PATIENCE_MS]
    assert longest(late, HOUR_MS) <= RESEND_MAX_MS


def test_pacing_of_another_log_or_another_command_is_folded() -> None:
    stranger = NoteSigner(ELECTION.log.name, SigningKey.from_seed(b"m" * 32))
    assert pacing_of(followed(60_000, WALL_MS, by=stranger), ELECTION.loaded) is None
    fact = followed(60_000, WALL_MS)
    assert pacing_of(fact, ELECTION.loaded) == Pacing(60_000, WALL_MS, WALL_MS + 1_800_000)
    message = CommandFollowed(at=fact.at, kind="message", number=1, rung="fibre", note=fact.note)
    assert pacing_of(message, ELECTION.loaded) is None
