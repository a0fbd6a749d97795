"""Watches of a links-only world: how soon a silent uplink is no longer offered, and which uplinks carried what."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from math import inf
from typing import Final, NamedTuple

from failover.timing import POLLS_SWITCH_MAX_MS, QUIET_SWITCH_MAX_MS, SWITCH_MAX_MS
from kit.day.phases import POLLS_PHASES
from kit.station import Station
from simulators.virtual import mqtt_packets as packets
from simulators.virtual.connection import Direction
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import PACKET_MAX
from simulators.virtual.net import Link, Network
from simulators.world.branch import Branch
from simulators.world.rungs.bounds import HEDGED_MAX_S, NOTICE_SLACK_S, TURN_MAX_S
from simulators.world.rungs.lives import Lives

LOOKS: Final = 25  # between the instant of silence and the last at which it may still be offered
_SILENT: Final = ("blackhole", "deaf", "mute")
NOTICE_MAX_S: Final[Mapping[str, float]] = {
    "critical": SWITCH_MAX_MS / 1_000,
    "polls": POLLS_SWITCH_MAX_MS / 1_000,
    "quiet": QUIET_SWITCH_MAX_MS / 1_000,
}
"""By pace: how long a silent uplink may still be offered, seconds."""


class _Silence(NamedTuple):
    """A link that lets nothing through, and nobody is told."""

    branch: Branch
    name: str
    link: Link
    since: float
    moment: object
    pace: str


class NoticeWatch:
    """Looks at the kit's core whenever a link goes silent, until that uplink is no longer offered."""

    def __init__(self, loop: VirtualLoop, network: Network, branches: Sequence[Branch]) -> None:
        self._loop, self._network = loop, network
        self.findings: list[str] = []
        self.worst_s: dict[str, float] = dict.fromkeys(NOTICE_MAX_S, 0.0)
        """By pace: the longest time until one was no longer offered, in steps of a LOOKS-th of what is allowed."""
        self.noticed: dict[str, int] = dict.fromkeys(NOTICE_MAX_S, 0)
        """By pace: how many were seen to go."""
        for branch in branches:
            for name, link in branch.links.items():
                link.on_change.append(partial(self._changed, branch, name))

    def _changed(self, branch: Branch, name: str, link: Link) -> None:
        if link.state not in _SILENT or branch.daemon is None:
            return
        station = branch.daemon.station
        if name in station.failover.usable():
            self._look_again(_Silence(branch, name, link, link.since, _moment(station), _pace(station)), 1)

    def _look_again(self, silence: "_Silence", look: int) -> None:
        at = silence.since + NOTICE_MAX_S[silence.pace] * look / LOOKS
        self._network.at(at + (NOTICE_SLACK_S if look == LOOKS else 0.0), self._look, silence, look)

    def _look(self, silence: "_Silence", look: int) -> None:
        name, pace, daemon = silence.name, silence.pace, silence.branch.daemon
        if daemon is None or silence.link.since != silence.since or _moment(daemon.station) != silence.moment:
            return  # it healed, or the pace may have changed: another silence will show
        if name not in daemon.station.failover.usable():
            self.worst_s[pace] = max(self.worst_s[pace], round(self._loop.time() - silence.since, 3))
            self.noticed[pace] += 1
        elif look < LOOKS:
            self._look_again(silence, look + 1)
        else:
            self.findings.append(
                f"{silence.branch.name}: {name} is offered {NOTICE_MAX_S[pace]:.0f} s after it went silent ({pace})"
            )


class HedgeWatch:
    """What is sealed goes out on every uplink that is offered: not on one after another."""

    def __init__(self, loop: VirtualLoop, network: Network, branches: Sequence[Branch], lives: Lives) -> None:
        self._loop, self._network, self._lives = loop, network, lives
        self._ways = {link.name: (branch, name) for branch in branches for name, link in branch.links.items()}
        self._carried: dict[tuple[str, str], set[str]] = defaultdict(set)
        """By branch and hash of an envelope: the uplinks that carried it."""
        self._seen: set[str] = set()
        self._begun: set[str] = set()
        self.findings: list[str] = []
        network.tap(self._sent)

    def _sent(self, _at: float, link: str, direction: Direction, data: bytes) -> None:
        if direction != "up" or link not in self._ways or b"/envelope" not in data:
            return
        branch, name = self._ways[link]
        for kind, flags, body in packets.split(bytearray(data), PACKET_MAX):
            if kind != packets.PUBLISH:
                continue
            message = packets.read_publish(flags, body).message
            if message.topic.endswith("/envelope"):
                self._sent_envelope(branch, name, sha256(message.payload).hexdigest())

    def _sent_envelope(self, branch: Branch, name: str, digest: str) -> None:
        carried = self._carried[branch.name, digest]
        carried.add(name)
        if len(carried) > 1 or digest in self._seen or branch.daemon is None:
            return
        self._seen.add(digest)
        now, offered = self._loop.time(), branch.daemon.station.failover.usable()
        # Whatever befalls the links meanwhile, nothing is in the way of the first. The next ones wait for its PUBACK.
        first = branch.name not in self._begun
        self._begun.add(branch.name)
        at = now + (TURN_MAX_S if first else HEDGED_MAX_S)
        self._network.at(at, self._look, branch, digest, offered, inf if first else now)

    def _look(self, branch: Branch, digest: str, offered: tuple[str, ...], alive_before: float) -> None:
        if branch.daemon is None:
            return
        still, carried = branch.daemon.station.failover.usable(), self._carried[branch.name, digest]
        for name in offered:
            since = -inf if alive_before == inf else self._lives.lives_since((branch.name, name))
            if name in still and name not in carried and since is not None and since < alive_before:
                self.findings.append(
                    f"{branch.name}: {name} was offered and did not carry envelope {digest[:16]} besides others"
                )


def _pace(station: Station) -> str:
    if station.failover.critical:
        return "critical"
    return "polls" if station.day.state.phase in POLLS_PHASES else "quiet"


def _moment(station: Station) -> object:
    """What is the same only as long as the pace is: what it is made of goes forward, and never back."""
    outbox = station.outbox
    if outbox.critical:  # until the next receipt, whatever is sealed besides
        return sum(item.grade == "included" for item in outbox.items.values()), len(outbox.delivered)
    return station.day.state.phase, len(outbox.items), len(outbox.delivered)
