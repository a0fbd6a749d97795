"""What can become of a link, and of the network card in front of it."""

from collections.abc import Mapping
from random import Random
from typing import Final, Literal

from simulators.virtual.net import Link
from simulators.world.branch import KINDS, Branch

Condition = Literal[
    "up",
    "down",
    "blackhole",
    "deaf",
    "mute",
    "flap",
    "lossy",
    "slow",
    "reset",
    "unplugged",
    "moved",
    "found-anew",
]
"""What becomes of a link; deaf and mute: it is a black hole in one direction. The last three are for network cards: no
carrier; another address; another number, name and address. Where uplinks are bound to none, the like befalls the link
itself: blackhole, reset, reset."""

GOOD: Final[tuple[Condition, ...]] = ("up", "reset", "moved", "found-anew")
"""With these a link carries whatever comes from then on."""
_WITHOUT_CARDS: Final[Mapping[Condition, Condition]] = {
    "unplugged": "blackhole",
    "moved": "reset",
    "found-anew": "reset",
}

CONDITIONS: Final[tuple[Condition, ...]] = (
    "up",
    "up",
    "down",
    "blackhole",
    "blackhole",
    "deaf",
    "mute",
    "flap",
    "lossy",
    "slow",
    "reset",
    "unplugged",
    "moved",
    "found-anew",
)
OUT: Final[tuple[Condition, ...]] = ("down", "blackhole", "blackhole", "deaf", "mute", "unplugged")
LAST: Final[tuple[Condition, ...]] = (*OUT, "up", "flap", "lossy", "slow")
"""What the others end as when one lives for good."""
LOSS: Final = (0.1, 0.4)
SLOW_BYTES_PER_S: Final = 4_000.0  # 32 kbit/s
SLOW_LATENCY_S: Final = (0.3, 0.8)


def befall(branch: Branch, name: str, condition: Condition, rng: Random) -> Condition:
    """Put a link of the branch into this condition; returns it, or what stands for it here."""
    link, machine = branch.links[name], branch.machine
    if machine is None:
        condition = _WITHOUT_CARDS.get(condition, condition)
    else:
        machine.carrier(name, on=condition != "unplugged")
    link.loss, link.bytes_per_s, link.latency_s = 0.0, None, KINDS[name][1]
    if condition == "lossy":
        link.loss = rng.uniform(*LOSS)
    elif condition == "slow":
        link.bytes_per_s, link.latency_s = SLOW_BYTES_PER_S, SLOW_LATENCY_S
    if machine is not None and condition in ("moved", "found-anew"):
        link.up()
        (machine.move if condition == "moved" else machine.find_anew)(name)
    elif condition != "unplugged":
        _become(link, condition, rng)
    return condition


def _become(link: Link, condition: Condition, rng: Random) -> None:
    match condition:
        case "down":
            link.down()
        case "blackhole":
            link.blackhole()
        case "deaf" | "mute":
            link.one_way(condition)
        case "flap":
            spans = (0.2, rng.choice((1.0, 5.0, 20.0)))
            link.flap(up_s=spans, out_s=spans, fault=rng.choice(("down", "blackhole")))
        case "reset":
            link.up()
            link.reset()
        case _:
            link.up()
