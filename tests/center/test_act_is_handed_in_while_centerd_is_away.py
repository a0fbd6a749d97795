"""Acts and couriers' envelopes by ``center submit``, with the real centerd: there, away, killed between its steps."""

import contextlib
import json
import queue
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from center.edges import state_dir_in_use
from center.intake.spool import DONE, Spool
from center.log.ledger import Ledger
from crypto import receipt
from crypto.acts import read_act
from crypto.carrier import to_compact
from crypto.codec import sha256_hex
from crypto.wire import topic_schedule
from tests.center.branch import Center, Device
from tests.center.command import Ran, center
from tests.center.commission import Commission
from tests.center.site import WAIT_S, Site
from tests.crypto.election_fixture import ELECTION, Election, make_election


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


@pytest.fixture
def commission(tmp_path: Path, election: Election) -> Commission:
    """Commissioners who draft from an empty log of their own: it gives the first act of each kind."""
    return Commission(Center(election, str(tmp_path / "draft.db")))


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def submit(site: Site, *arguments: object) -> Ran:
    return center("submit", *arguments, "--config", site.config)


def in_log(site: Site) -> list[bytes]:
    ledger = Ledger.open_to_read(str(site.state_dir / "ledger.db"))
    try:
        return [entry.data for entry in ledger.entries()]
    finally:
        ledger.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_acts_and_envelopes_are_logged_within_a_second(site: Site, commission: Commission) -> None:
    site.start_centerd()  # its broker is away all the time: files need none
    device = Device(site.election, "branch-1")
    act, account, tally = commission.change(), device.account(), device.tally()
    brought = [
        write(site.folder, "act", act),
        write(site.folder, "account.dsse.json", account),
        write(site.folder, "tally.compact", to_compact(tally, site.election.loaded)),
    ]
    began = time.monotonic()
    ran = submit(site, *brought)
    assert ran.code == 0, ran.err
    assert time.monotonic() - began < 5
    assert [line.partition(": ")[2] for line in ran.out.splitlines()] == [
        f"logged as leaf {leaf}" for leaf in range(3)
    ]
    assert in_log(site) == [act, account, tally], "in the order in which they were given, and in full"
    back = site.folder / "back"
    back.mkdir()
    again = submit(site, *brought, "--json", "--receipts", back)
    assert {path.name for path in back.iterdir()} == {
        f"{sha256_hex(data)}.tlog-proof" for data in (account, tally)
    }
    text = (back / f"{sha256_hex(tally)}.tlog-proof").read_text(encoding="utf-8")
    manifest = site.election.loaded
    found = receipt.verify(text, tally, log=manifest.log_verifier, policy=manifest.manifest.witness_policy)
    assert found.index == 2
    assert [json.loads(line)["state"] for line in again.out.splitlines()] == ["held"] * 3
    assert [json.loads(line)["leaf"] for line in again.out.splitlines()] == [0, 1, 2]
    assert json.loads(again.out.splitlines()[2])["envelope_sha256"] == sha256_hex(tally)
    assert again.code == 0
    assert in_log(site) == [act, account, tally]
    status = center("status", "--state-dir", site.state_dir)
    assert "1 schedule-change" in status.out
    assert site.stop_centerd() == 0


def test_refused_file_says_why_and_the_others_go_on(site: Site, commission: Commission) -> None:
    site.start_centerd()
    good, fork = commission.change(), commission.change(reason="another number 1")
    alone = Commission(commission.center, ["commissioner-executive"]).change()
    paths = [
        write(site.folder, name, data)
        for name, data in [
            ("good", good),
            ("fork", fork),
            ("alone", alone),
            ("junk", b"\x00junk"),
            ("empty", b""),
        ]
    ]
    ran = submit(site, *paths, site.folder / "missing", site.folder)
    assert ran.code == 65
    assert submit(site, paths[0], "--receipts", site.folder / "nowhere").code == 0, "an act has no receipt"
    tally = write(site.folder, "tally", Device(site.election, "branch-2").tally())
    unwritten = submit(site, tally, "--receipts", site.folder / "nowhere")
    assert (unwritten.code, "nowhere" in unwritten.err) == (73, True)
    assert ran.out.endswith("good: logged as leaf 0\n")
    told = dict(line.rpartition("/")[2].split(": refused: ") for line in ran.err.splitlines()[:-1])
    assert "is number 1, but 2 is the next" in told["fork"]
    assert "of another body must sign" in told["alone"]
    assert "compact carrier" in told["junk"]
    assert "compact carrier" in told["empty"]
    assert "no such file" in told["missing"]
    assert "no ordinary file" in ran.err.splitlines()[-1]
    assert in_log(site) == [good, tally.read_bytes()]


def test_file_waits_while_centerd_is_away_and_is_taken_when_it_starts(
    site: Site, commission: Commission
) -> None:
    site.state_dir.mkdir(mode=0o700)
    act = commission.change()
    ran = submit(site, write(site.folder, "act", act))
    assert ran.code == 75
    assert "centerd is not running: it will be taken when it starts" in ran.out
    (name,) = Spool(site.state_dir).waiting()
    site.start_centerd()
    until(lambda: Spool(site.state_dir).verdict(name) is not None)
    assert in_log(site) == [act]


def test_file_is_queued_while_centerd_hangs(site: Site, commission: Commission) -> None:
    site.start_centerd()
    assert site.centerd is not None
    site.centerd.send_signal(signal.SIGSTOP)
    try:
        ran = submit(site, write(site.folder, "act", commission.change()), "--wait", 1)
    finally:
        site.centerd.send_signal(signal.SIGCONT)
    assert ran.code == 75
    assert "has not taken it yet" in ran.out


def test_centerd_is_killed_between_commit_and_laying_aside(site: Site, commission: Commission) -> None:
    """As after a kill: the act is in the ledger, its file still waits."""
    site.start_centerd()
    act = write(site.folder, "act", commission.change())
    assert submit(site, act).code == 0
    site.kill_centerd()
    spool = Spool(site.state_dir)
    (done,) = [path for path in (spool.folder / DONE).iterdir() if path.suffix != ".result"]
    done.with_name(f"{done.name}.result").unlink()
    done.rename(spool.folder / done.name)
    assert spool.verdict(done.name) is None
    site.start_centerd()
    until(lambda: spool.verdict(done.name) is not None)
    verdict = spool.verdict(done.name)
    assert verdict is not None
    assert verdict.result is not None
    assert (verdict.result.leaf, verdict.result.held) == (0, True)
    assert len(in_log(site)) == 1
    assert not spool.waiting()


def test_centerd_never_ran_here(site: Site, commission: Commission) -> None:
    ran = submit(site, write(site.folder, "act", commission.change()))
    assert ran.code == 73
    assert "start centerd once" in ran.err


def test_lock_of_a_running_centerd_is_seen_and_left_alone(site: Site) -> None:
    site.state_dir.mkdir(mode=0o700)
    assert not state_dir_in_use(site.state_dir)
    site.start_centerd()
    assert state_dir_in_use(site.state_dir)
    site.kill_centerd()
    assert not state_dir_in_use(site.state_dir)


@contextlib.contextmanager
def listening(site: Site) -> Iterator["queue.Queue[bytes]"]:
    """What branches hear on the topic of schedules."""
    heard: queue.Queue[bytes] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    client.on_message = lambda _, __, message: heard.put(bytes(message.payload))
    client.connect("127.0.0.1", site.port)
    client.subscribe(topic_schedule(ELECTION))
    client.loop_start()
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def test_schedule_change_is_told_at_once_and_again_after_a_restart(
    site: Site, commission: Commission
) -> None:
    site.start_broker()
    site.start_centerd()
    site.await_log("broker-connected")
    act = commission.change()
    with listening(site) as heard:
        assert submit(site, write(site.folder, "act", act)).code == 0
        assert heard.get(timeout=WAIT_S) == act
        assert read_act(act).type == "schedule-change"
        site.kill_centerd()
        site.start_centerd()
        assert heard.get(timeout=WAIT_S) == act, (
            "a centerd that starts tells its branches without being asked"
        )
