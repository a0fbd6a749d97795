"""A broker ends the older of two sessions that are called the same: no two uplinks of any two kits may be."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kit.uplinks.client_id import CLIENT_ID_MAX, client_id_of
from kit.uplinks.gateway import Gateway
from kit.uplinks.uplinks import MqttUplinks
from tests.kit.uplink_bench import Quiet

# Short names of few letters: what meets where they are put together, meets often.
NAMES = st.one_of(
    st.from_regex(r"[a-b0]([a-b0.:_-]|fibre|kit){0,5}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True),
)
KITS = st.tuples(NAMES, NAMES, st.none() | NAMES, NAMES)
"""Election, branch, standby, uplink."""


def topic_of(election: str, branch: str, standby: str | None, uplink: str) -> str:
    uplinks = MqttUplinks(
        {uplink: Gateway("127.0.0.1", 1)},
        election=election,
        branch=branch,
        post=lambda _: None,
        log=Quiet(),
        wall_ms=lambda: 0,
        standby=standby,
    )
    assert uplinks.client_id(uplink) == client_id_of(election, branch, standby, uplink)
    return uplinks._topic_probe(uplink)


@given(KITS, KITS)
def test_other_names_make_the_same_client_id_or_echo(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (client_id_of(*one) == client_id_of(*other)) == (one == other)
    assert (topic_of(*one) == topic_of(*other)) == (one == other)


@given(KITS)
def test_client_id_is_too_long_or_odd_for_a_broker(names: tuple[str, ...]) -> None:
    made = client_id_of(*names)
    assert re.fullmatch(r"kit-[A-Za-z0-9._:-]+", made)
    assert len(made) <= CLIENT_ID_MAX


def test_hyphens_move_between_the_names() -> None:
    """Each pair was one client once: the kits of two branches, of two elections, a kit and another's standby."""
    for one, other in (
        (("e", "north", None, "4g-sim-a"), ("e", "north-4g", None, "sim-a")),
        (("e", "b", None, "fibre"), ("f", "b", None, "fibre")),
        (("e", "b", None, "fibre"), ("e", "c", "b", "fibre")),
        (("e", "b" * 64, None, "fibre"), ("e", "b" * 63 + "c", None, "fibre")),
        (("e", "b", None, "satellite-at-the-roof"), ("e", "b", None, "satellite-at-the-door")),
    ):
        assert client_id_of(*one) != client_id_of(*other)


def test_name_in_the_log_of_a_broker_says_nothing() -> None:
    assert client_id_of("councils-7", "branch-0017", None, "fibre").startswith("kit-branch-0017-fibre-")
    assert client_id_of("councils-7", "branch-0017", "kit-9", "4g").startswith("kit-kit-9-4g-")
