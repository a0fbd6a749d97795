"""A day among enemies: one listens to everything, one forges envelopes, one disturbs the serial lines."""

import asyncio
import json
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import aiomqtt

from crypto import envelope
from crypto.codec import sha256_hex
from crypto.envelope import Envelope
from crypto.identity import SigningKey
from crypto.wire import MQTT_PAYLOAD_MAX, topic_envelope
from simulators.day.run import Day, Scene
from simulators.day.site import Site
from simulators.devices.noise import LineNoise
from simulators.secrecy import secrets_of
from tests.day.real_day import Drills, false_receipts, live

BRANCHES: Final = 2
SEED: Final = 5
FLIPS: Final = 150  # positions of an envelope in which a bit is turned over
NOISE: Final = {"terminal": 0.001, "ups": 0.01}  # chance for each byte to be spoilt
BURST_S: Final = (
    0.2,
    1.5,
)  # between two bursts on a line: a frame that meets one is lost, and is asked for again
BURST_MAX: Final = 300  # bytes
REPLAYS: Final = 3
EVIDENCE: Final = "evidence.pickle"
LOOK_S: Final = 0.05  # between two looks at anything
PATIENCE_S: Final = 20.0


@dataclass
class Evidence:
    """What the enemies saw and did."""

    report: dict[str, Any] = field(default_factory=dict)
    payloads: list[tuple[str, bytes]] = field(default_factory=list)
    """Topic and payload of everything that went through the broker."""
    wire: dict[tuple[str, str, str], bytearray] = field(default_factory=dict)
    """All bytes, by branch, uplink and direction."""
    disk: dict[bytes, str] = field(default_factory=dict)
    """Every content that a file of a journal had when somebody looked, and its path."""
    secrets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    forged: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What the forger sent, by hash: on which branch's topic, and how it was forged."""
    replayed: str = ""
    """The hash of an envelope that was sent again."""
    answered: int = 0
    """How many replays were answered with a receipt."""
    victim: str = ""
    """Whose envelopes were forged."""
    spoilt: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Pieces of traffic that noise changed, by branch and line."""
    garbage: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Bytes of garbage, by branch and line."""
    false_receipts: list[str] = field(default_factory=list)

    def sent(self, end: str) -> list[tuple[str, bytes]]:
        """What was published on topics that end so, in order."""
        return [(topic, data) for topic, data in self.payloads if topic.endswith(f"/{end}")]

    def refused(self) -> dict[str, tuple[str, str]]:
        """Branch and reason of every refusal that the centre published, by hash."""
        refusals = [(topic.split("/")[-2], json.loads(data)) for topic, data in self.sent("refusal")]
        return {said["envelope_sha256"]: (branch, said["reason"]) for branch, said in refusals}


class Enemies(Drills):
    """The drills. ``evidence`` is complete when the day is over."""

    def __init__(self) -> None:
        super().__init__()
        self.evidence = Evidence()
        self._listening = asyncio.Event()

    def tap(self, branch: str, uplink: str, direction: str, data: bytes) -> None:
        self.evidence.wire.setdefault((branch, uplink, direction), bytearray()).extend(data)

    async def drill(self, scene: Scene, day: Day) -> None:
        await super().drill(scene, day)
        if scene == "started":
            self.begin(self._listen(day))
            self.begin(self._search(day.folder))
            for site in day.sites:
                self._spoil(site.branch, "terminal", site.terminal.noise)
                self._spoil(site.branch, "ups", site.ups.noise)
                self.begin(self._disturb(site))
            await asyncio.wait_for(self._listening.wait(), PATIENCE_S)
        else:
            self.begin(self._forge(day))
            self.begin(self._take_secrets(day))

    async def _listen(self, day: Day) -> None:
        with suppress(aiomqtt.MqttError):  # the broker stops when the day is over
            async with _client(day, "listener") as client:
                await client.subscribe("#", qos=1)
                self._listening.set()
                async for message in client.messages:
                    self.evidence.payloads.append((str(message.topic), bytes(message.payload)))

    async def _search(self, folder: Path) -> None:
        """A thief at the flash, again and again: what is written and deleted within the day counts too."""
        while True:
            for path in folder.glob("*/state/journal.db*"):  # noqa: ASYNC240 - a thief takes the time he needs
                with suppress(FileNotFoundError):
                    self.evidence.disk[path.read_bytes()] = str(path)
            await asyncio.sleep(LOOK_S)

    async def _disturb(self, site: Site) -> None:
        rng = Random(f"disturb/{site.branch}")
        while True:
            await asyncio.sleep(rng.uniform(*BURST_S))
            line = rng.choice(list(site.lines))
            burst = rng.randbytes(rng.randrange(BURST_MAX))
            site.lines[line].babble(burst)
            self.evidence.garbage[site.branch, line] += len(burst)

    def _spoil(self, branch: str, line: str, noise: LineNoise) -> None:
        noise.chance = NOISE[line]
        spoil = noise.spoil

        def counted(data: bytes) -> bytes:
            arrived = spoil(data)
            self.evidence.spoilt[branch, line] += arrived != data
            return arrived

        noise.spoil = counted  # type: ignore[method-assign]

    async def _take_secrets(self, day: Day) -> None:
        for site in day.sites:
            while "TALLY" not in site.terminal.durable["reports"]:  # noqa: ASYNC110 - models set no events
                await asyncio.sleep(LOOK_S)
            report = site.terminal.durable["reports"]["TALLY"].encode()
            self.evidence.secrets[site.branch] = secrets_of(report, site.election.trusted)

    async def _forge(self, day: Day) -> None:
        evidence = self.evidence
        await self._until(lambda: evidence.sent("envelope"))
        topic, genuine = evidence.sent("envelope")[0]
        evidence.victim, evidence.replayed = topic.split("/")[-2], sha256_hex(genuine)
        election = day.sites[0].election
        async with _client(day, "forger") as client:
            for branch, how, data in _forgeries(day, evidence.victim, genuine):
                evidence.forged[sha256_hex(data)] = (branch, how)
                where = topic_envelope(election.trusted.manifest.election, branch)
                await client.publish(where, data, qos=1)
            await self._until(lambda: set(evidence.forged) <= set(evidence.refused()))
            for _ in range(REPLAYS):
                before = len(evidence.sent(f"{evidence.victim}/receipt"))
                await client.publish(topic, genuine, qos=1)
                await self._until(lambda n=before: len(evidence.sent(f"{evidence.victim}/receipt")) > n)
                evidence.answered += 1

    async def _until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - the listener's list sets no event
                await asyncio.sleep(LOOK_S)


def _forgeries(day: Day, victim: str, genuine: bytes) -> Iterator[tuple[str, str, bytes]]:
    """The branch whose topic it goes to, how it was forged, and the bytes."""
    rng = Random("forger")
    for position in sorted(rng.sample(range(len(genuine)), FLIPS)):
        changed = bytearray(genuine)
        changed[position] ^= 1 << rng.randrange(8)
        yield victim, f"byte {position} changed", bytes(changed)
    election = day.sites[0].election
    other = next(site.branch for site in day.sites if site.branch != victim)
    opened = Envelope.from_bytes(genuine)
    strangers = {
        "a stranger": SigningKey.from_seed(bytes(32)),
        f"the kit of {other}": election.devices[f"kit-{other}"],
        "the terminal": election.terminals[f"terminal-{victim}"],
    }
    for name, key in strangers.items():
        signed = envelope.sign(opened.payload_type, opened.payload, [key]).to_bytes()
        yield victim, f"signed by {name}", signed
    yield victim, "empty", b""
    yield victim, "as large as the broker takes", b"{" * MQTT_PAYLOAD_MAX
    yield other, "on the topic of another branch", genuine


def _client(day: Day, name: str) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", day.headquarters.broker.port, identifier=name)


def make(folder: Path) -> None:
    """Live the day, and write what the enemies have."""
    enemies = Enemies()
    evidence = enemies.evidence
    evidence.report = live(folder / "day", enemies, branches=BRANCHES, seed=SEED, tap=enemies.tap)
    assert enemies.day is not None
    evidence.false_receipts = false_receipts(enemies.day)
    (folder / EVIDENCE).write_bytes(pickle.dumps(evidence))
