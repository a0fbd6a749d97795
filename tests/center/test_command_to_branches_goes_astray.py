"""Commands to branches: refused with words, numbered once, durable before they are said, and never said for ever."""

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from center.commands.desk import MANIFEST_REPEAT_MS, RELIEF_PAUSE_MS, REPEAT_MS, CommandDesk
from center.commands.request import CommandRequest
from center.commands.store import CommandStore
from center.errors import SpoolError
from crypto import command, command_packing
from crypto.codec import b64
from crypto.command import Command
from crypto.wire import MQTT_PAYLOAD_MAX, topic_command, topic_command_for_all, topic_manifest
from simulators.virtual.loop import VirtualLoop
from tests.center.command import Ran, center
from tests.center.manifests import moved_to_another_port, newer
from tests.center.site import WAIT_S, Site
from tests.crypto.election_fixture import ELECTION, Election, make_election

WORLD = make_election(2)
FOR_ALL = topic_command_for_all(ELECTION)
START_MS = 1_813_312_800_000
PACE = CommandRequest(kind="pacing", branch=None, for_s=600, pause_ms=30_000)


class Cut(Exception):  # noqa: N818 - nobody's error
    """The power went."""


class Centre:
    """A desk on virtual time, what it says, and whether there is a session to say it in."""

    def __init__(self, folder: Path) -> None:
        self.loop = VirtualLoop(seed=1)
        self.store = CommandStore(folder)
        self.store.prepare()
        self.heard: list[tuple[float, str, bytes]] = []
        self.up = True
        self.election = WORLD

    def wall_ms(self) -> int:
        return START_MS + round(self.loop.time() * 1000)

    def ask(self, request: CommandRequest) -> str:
        return self.store.ask(request, wall_ms=self.wall_ms())

    async def say(self, topic: str, payload: bytes) -> bool:
        if self.up:
            self.heard.append((self.loop.time(), topic, payload))
        return self.up

    def live(self, day: Callable[[], Awaitable[None]]) -> None:
        """One life of centerd."""

        async def both() -> None:
            desk = CommandDesk(self.store, self.election.loaded, WORLD.log, self.say, self.wall_ms)
            task = asyncio.create_task(desk.run())
            await day()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Cut):
                await task

        self.loop.run_until_complete(both())

    def live_for(self, seconds: float) -> None:
        self.live(lambda: asyncio.sleep(seconds))

    def commands(self, mark: int = 0) -> list[Command]:
        return [
            command.check(data.decode(), WORLD.loaded)
            for _, topic, data in self.heard[mark:]
            if topic != topic_manifest(ELECTION)
        ]

    def close(self) -> None:
        self.loop.close()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    centre = Centre(tmp_path)
    yield centre
    centre.close()


def test_pacing_is_repeated_for_ever(centre: Centre) -> None:
    name, began = centre.ask(PACE), centre.loop.time()
    centre.live_for(3600)
    (note,) = {data for _, _, data in centre.heard}
    assert note.decode() == centre.store.note(name)
    assert len(centre.heard) in (19, 20), "every half minute, and until it expires"
    assert {topic for _, topic, _ in centre.heard} == {FOR_ALL}
    assert centre.heard[0][0] - began < 1
    assert centre.heard[-1][0] - began < 601
    assert centre.store.asked() == []


def test_newer_pacing_leaves_the_older_one_standing(centre: Centre) -> None:
    async def day() -> None:
        centre.ask(PACE)
        centre.ask(msgspec.structs.replace(PACE, branch="branch-1"))
        await asyncio.sleep(5)
        centre.ask(msgspec.structs.replace(PACE, pause_ms=1000))
        await asyncio.sleep(5)
        centre.heard.clear()
        await asyncio.sleep(REPEAT_MS / 1000 + 1)

    centre.live(day)
    assert [(one.branch, one.pause_ms) for one in centre.commands()] == [("branch-1", 30_000), (None, 1_000)]
    assert {topic for _, topic, _ in centre.heard} == {FOR_ALL, topic_command(ELECTION, "branch-1")}


def test_message_is_said_after_a_greater_number(centre: Centre) -> None:
    # A branch that was away follows no message after one with a greater number.
    for text in ("one", "two", "three"):
        centre.ask(CommandRequest(kind="message", branch=None, for_s=3600, text=text))
    centre.live_for(100)
    rounds = [one.number for one in centre.commands()]
    assert rounds == [1, 2, 3] * 4


def test_branch_comes_back_between_two_messages(centre: Centre) -> None:
    # Wherever it begins to listen, it hears the older one first, and so shows both.
    async def day() -> None:
        for text in ("one", "two", "three"):
            centre.ask(CommandRequest(kind="message", branch=None, for_s=3600, text=text))
            await asyncio.sleep(REPEAT_MS / 3000)
        centre.heard.clear()
        await asyncio.sleep(4 * REPEAT_MS / 1000)

    centre.live(day)
    for mark in [
        at for at in range(len(centre.heard)) if at == 0 or centre.heard[at][0] > centre.heard[at - 1][0]
    ]:
        assert [one.number for one in centre.commands(mark)][:3] == [1, 2, 3]


def test_disk_fails_between_the_command_and_its_request(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, failed = centre.store._done, []

    def fail_once(name: str) -> None:
        if not failed:
            failed.append(name)
            raise SpoolError("input/output error")
        done(name)

    monkeypatch.setattr(centre.store, "_done", fail_once)
    centre.ask(PACE)
    centre.live_for(60)
    assert failed
    assert {one.number for one in centre.commands()} == {1}, "given, and so it is said"


def test_numbers_begin_anew_after_a_restart(centre: Centre) -> None:
    centre.ask(PACE)
    centre.live_for(2)
    mark = len(centre.heard)
    centre.ask(msgspec.structs.replace(PACE, pause_ms=2_000))
    centre.ask(CommandRequest(kind="clock", branch=None, for_s=60))
    centre.live_for(2)
    assert {(one.kind, one.number) for one in centre.commands(mark)} == {("pacing", 2), ("clock", 1)}
    lost = centre.store.folder / "counters.json"
    lost.unlink()
    centre.ask(msgspec.structs.replace(PACE, above=40))
    mark = len(centre.heard)
    centre.live_for(2)
    assert 41 in {one.number for one in centre.commands(mark)}


def test_command_is_said_before_it_is_durable(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    name = centre.ask(PACE)

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as power:
        power.setattr(centre.store, "give", cut)
        centre.live_for(2)
    assert centre.heard == []
    assert centre.store.note(name) is None
    with monkeypatch.context() as power:
        power.setattr(centre.store, "_done", cut)  # the note is there, and its request is not gone yet
        centre.live_for(2)
    assert centre.heard == []
    centre.live_for(2)
    assert [one.number for one in centre.commands()] == [2], "one request is one command, whatever was cut"
    assert centre.store.asked() == []


def test_broker_is_away(centre: Centre) -> None:
    centre.up, began = False, centre.loop.time()

    async def day() -> None:
        centre.ask(PACE)
        await asyncio.sleep(100)
        centre.up = True
        await asyncio.sleep(1)

    centre.live(day)
    assert len(centre.heard) == 1
    assert centre.heard[0][0] - began >= 100


def test_manifest_floods_the_branches(centre: Centre) -> None:
    data = WORLD.manifest_bytes
    centre.ask(
        CommandRequest(
            kind="manifest",
            branch=None,
            for_s=7200,
            manifest_version=1,
            manifest_sha256=WORLD.loaded.sha256,
            manifest=msgspec.json.decode(msgspec.json.encode(data), type=str),
        )
    )
    centre.live_for(3600)
    said = [payload for _, topic, payload in centre.heard if topic == topic_manifest(ELECTION)]
    assert said == [data] * (3_600_000 // MANIFEST_REPEAT_MS)


def test_manifest_is_announced_that_the_centre_went_back_from(centre: Centre) -> None:
    """Branches would adopt it, and the centre refuse what they seal under it."""
    centre.election = newer(WORLD, moved_to_another_port)
    newest = centre.election.loaded
    announced = CommandRequest(
        kind="manifest",
        branch=None,
        for_s=7200,
        manifest_version=2,
        manifest_sha256=newest.sha256,
        manifest=b64(centre.election.manifest_bytes),
    )
    centre.ask(announced)
    centre.live_for(2)
    assert topic_manifest(ELECTION) in [topic for _, topic, _ in centre.heard]
    mark, centre.election = len(centre.heard), WORLD
    centre.live_for(3600)
    assert centre.heard[mark:] == []
    centre.election = newer(WORLD, moved_to_another_port)
    centre.live_for(2)
    assert [one.manifest_sha256 for one in centre.commands(mark)] == [newest.sha256]


@pytest.mark.parametrize(
    "request_",
    [
        PACE.__class__(kind="pacing", branch=None, for_s=3600, pause_ms=30_000),
        PACE.__class__(kind="pacing", branch=None, for_s=600, pause_ms=1),
        PACE.__class__(kind="pacing", branch="branch-99", for_s=600, pause_ms=30_000),
        PACE.__class__(kind="pacing", branch=None, for_s=600),
        PACE.__class__(kind="message", branch=None, for_s=600, text="a\x1b[2J"),
        PACE.__class__(kind="message", branch=None, for_s=600, text="一" * 300),
    ],
)
def test_request_that_no_branch_would_follow_is_signed(centre: Centre, request_: CommandRequest) -> None:
    name = centre.ask(request_)
    centre.live_for(2)
    assert centre.heard == []
    assert centre.store.note(name) is None
    assert centre.store.refusal(name)
    good = centre.ask(PACE)
    centre.live_for(2)
    note = centre.store.note(good)
    assert note is not None
    assert command.read(note).number == 1, "a refused request draws no number"


def test_folder_holds_garbage(centre: Centre) -> None:
    asked = centre.store.folder / "asked"
    (asked / "1813312800000-0123456789abcdef").write_bytes(b"{")
    (asked / "stranger").write_bytes(b"x")
    (centre.store.folder / "given" / "1813312800000-0123456789abcdef.note").write_text("no note")
    good = centre.ask(PACE)
    centre.live_for(2)
    assert centre.store.note(good)
    assert {one.number for one in centre.commands()} == {1}


def test_full_inbox_asks_for_pacing_without_end(centre: Centre) -> None:
    desk = CommandDesk(centre.store, WORLD.loaded, WORLD.log, centre.say, centre.wall_ms)

    async def day() -> None:
        task = asyncio.create_task(desk.run())
        for _ in range(1200):  # twenty minutes, a thousand and two hundred batches
            desk.relieve(0.9)
            await asyncio.sleep(1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    desk.relieve(0.4)
    assert centre.store.asked() == []
    centre.loop.run_until_complete(day())
    numbers = {one.number for one in centre.commands()}
    assert numbers == {1, 2, 3, 4}
    assert {one.pause_ms for one in centre.commands()} == {RELIEF_PAUSE_MS}


def test_full_inbox_overrides_a_persons_pacing(centre: Centre) -> None:
    centre.ask(PACE)
    centre.live_for(1)
    desk = CommandDesk(centre.store, WORLD.loaded, WORLD.log, centre.say, centre.wall_ms)
    desk._recall()
    desk.relieve(1.0)
    assert centre.store.asked() == []


# --- the program, and the real centerd ---


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2)


@pytest.fixture
def site(tmp_path: Path, election: Election) -> Iterator[Site]:
    site = Site(tmp_path, election)
    try:
        yield site
    finally:
        site.close()


def give(site: Site, *arguments: object) -> Ran:
    return center("command", *arguments, "--config", site.config)


@contextlib.contextmanager
def branch_of(site: Site, *topics: str) -> Iterator["queue.Queue[tuple[str, bytes]]"]:
    heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="branch")
    client.on_message = lambda _client, _data, message: heard.put((message.topic, bytes(message.payload)))
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", site.port)
    client.subscribe([(topic, 0) for topic in topics])
    client.loop_start()
    assert ready.wait(WAIT_S)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def test_command_reaches_branches_and_its_file_their_couriers(site: Site, election: Election) -> None:
    site.start_broker()
    site.start_centerd()
    site.await_log("broker-connected")
    note, packed = site.folder / "call.note", site.folder / "call.command"
    with branch_of(site, FOR_ALL, topic_command(ELECTION, "branch-2")) as heard:
        ran = give(site, "message", "Bring the boxes.", "--to", "branch-2", "--out", note, "--packed", packed)
        assert (ran.code, ran.err) == (0, "")
        assert 'message 1 to branch-2, "Bring the boxes.": given' in ran.out
        assert "1 message" in ran.out
        topic, payload = heard.get(timeout=WAIT_S)
    assert (topic, payload) == (topic_command(ELECTION, "branch-2"), note.read_bytes())
    one = command.check(note.read_text(encoding="utf-8"), election.loaded)
    assert (one.text, one.branch) == ("Bring the boxes.", "branch-2")
    assert command_packing.note_of(packed.read_bytes(), election.loaded) == note.read_text(encoding="utf-8")
    listed = give(site, "list")
    assert listed.code == 0
    assert "message 1 to branch-2" in listed.out
    assert "holds until" in listed.out


def test_command_is_asked_for_while_centerd_is_away(site: Site) -> None:
    refused = give(site, "pace", "30s")
    assert refused.code == 73
    assert "start centerd once" in refused.err
    site.state_dir.mkdir()
    ran = give(site, "pace", "30s")
    assert ran.code == 75
    assert "is not running" in ran.out
    assert "waits for centerd" in give(site, "list").out
    site.start_centerd()
    site.await_log("command-given")
    (line,) = give(site, "list", "--json").out.splitlines()
    facts = json.loads(line)
    assert (facts["kind"], facts["number"], facts["pause_ms"], facts["holds"]) == ("pacing", 1, 30_000, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pace", "30s", "--for", "31m"], "1800"),
        (["pace", "10m"], "300000"),
        (["pace", "500ms"], "1000"),
        (["message", "a\nb"], "one line"),
        (["message", "x" * 301], "300"),
        (["message", "x", "--for", "25h"], "86400"),
        (["message", "x", "--to", "branch-99"], "branch-99"),
        (["manifest", "nothing-there"], "no such file"),
    ],
)
def test_bad_command_is_queued(site: Site, arguments: list[str], words: str) -> None:
    site.state_dir.mkdir()
    ran = give(site, *arguments)
    assert (ran.code, ran.out) == (65, "")
    assert words in ran.err
    assert not (site.state_dir / "commands").exists()


def test_manifest_that_no_branch_would_take_is_announced(site: Site, election: Election) -> None:
    site.state_dir.mkdir()
    stranger = make_election(2, version=2)
    file = site.folder / "new.json"
    file.write_bytes(stranger.manifest_bytes.replace(b'"sig":"', b'"sig":"A', 1))
    assert give(site, "manifest", file).code == 65
    other = msgspec.structs.replace(election.manifest, version=2, round=2)
    file.write_bytes(election.sign_unchecked(other))
    ran = give(site, "manifest", file)
    assert ran.code == 65
    assert "manifest version 2 is another one than version 1" in ran.err
    assert "Take centerd over to it first" in ran.err
    assert not (site.state_dir / "commands").exists()


def test_manifest_that_no_message_carries_is_only_announced(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MQTT_PAYLOAD_MAX == 192 * 1024
    monkeypatch.setattr("center.cli.commanding.MQTT_PAYLOAD_MAX", 1_000)
    site.state_dir.mkdir()
    file = site.folder / "new.json"
    file.write_bytes(site.election.manifest_bytes)
    ran = give(site, "manifest", file, "--wait", "0")
    assert ran.code == 75
    assert "kitctl manifest bring" in ran.err
    store = CommandStore(site.state_dir)
    assert store.request(store.asked()[0]).manifest is None
