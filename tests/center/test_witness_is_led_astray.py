"""A witness vouches only for logs that grow, and never forgets what it vouched for."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from center import files
from center.errors import OutputError, WitnessError
from center.witness import witness as witness_module
from center.witness.address import Answer, check_url
from center.witness.http import CONNECTIONS_MAX, HEAD_MAX, WitnessServer, ask
from center.witness.witness import PROOF_LINES_MAX, RefusedError, Request, Witness, WitnessStore
from crypto import merkle, notes
from crypto.codec import sha256_hex
from crypto.consistency import Consistency
from crypto.notes import Checkpoint, CosignatureVerifier, Cosigner, NoteSigner, NoteVerifier
from tests.center.command import center
from tests.center.site import program
from tests.crypto.election_fixture import key_of, seed_of

ORIGIN = "log.example/one"
NAME = "witness.example/w1"
NOW_S = 1_800_000_000
LOG = NoteSigner(ORIGIN, key_of("log one"))
COSIGNER = Cosigner(NAME, key_of("witness"))
VERIFIER = CosignatureVerifier(COSIGNER.vkey)


class Log:
    """A log that can be forked: leaves are named."""

    def __init__(self, *names: str) -> None:
        self.tree = merkle.Tree([merkle.leaf_hash(name.encode()) for name in names])

    def note(self, size: int) -> str:
        return LOG.sign(Checkpoint(ORIGIN, size, self.tree.root(size)).text())

    def request(self, old: int, new: int) -> Request:
        proof = self.tree.consistency(old, new) if old else ()
        return Request(old, proof, self.note(new))

    def document(self, old: int, new: int) -> Consistency:
        return Consistency(self.note(old), self.note(new), self.tree.consistency(old, new))


HONEST = Log(*"abcdefgh")
FORKED = Log(*"abXdefgh")


def watcher(folder: Path) -> Witness:
    return Witness(WitnessStore(folder, VERIFIER), COSIGNER, [NoteVerifier(LOG.vkey)])


def refused(attempt: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        attempt()
    return caught.value


def evidence(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (folder / "evidence").iterdir()]


def test_honest_log_is_vouched_for_with_the_time(tmp_path: Path) -> None:
    watching = watcher(tmp_path)
    for old, new in ((0, 3), (3, 3), (3, 8)):
        line = watching.cosign(HONEST.request(old, new), time_s=NOW_S)
        note = HONEST.note(new) + line
        opened = notes.open_note(note, [VERIFIER])
        assert opened.signed_by == (VERIFIER,)
        assert watching.size_of(ORIGIN) == new
    assert not evidence(tmp_path)


def test_fork_is_vouched_for(tmp_path: Path) -> None:
    watching = watcher(tmp_path)
    watching.cosign(HONEST.request(0, 4), time_s=NOW_S)
    for request in (FORKED.request(4, 4), FORKED.request(4, 7), FORKED.request(2, 4), FORKED.request(0, 4)):
        error = refused(lambda request=request: watching.cosign(request, time_s=NOW_S))  # type: ignore[misc]
        assert error.reason == "inconsistent"
        assert HONEST.note(4) in str(error)
        assert request.note in str(error)
    # Signed by the log, both of them, in one file.
    kept = evidence(tmp_path)
    assert all(text.startswith(HONEST.note(4)) for text in kept)
    assert {text[-len(FORKED.note(4)) :] for text in kept} == {FORKED.note(4), FORKED.note(7)}
    assert watching.size_of(ORIGIN) == 4


def test_rollback_is_vouched_for(tmp_path: Path) -> None:
    watching = watcher(tmp_path)
    watching.cosign(HONEST.request(0, 6), time_s=NOW_S)
    for request in (HONEST.request(3, 5), HONEST.request(0, 5), HONEST.request(5, 5)):
        error = refused(lambda request=request: watching.cosign(request, time_s=NOW_S))  # type: ignore[misc]
        assert (error.reason, error.size) == ("wrong-size", 6)
        assert "rollback" in str(error)
    assert "prove from there" in str(refused(lambda: watching.cosign(HONEST.request(3, 8), time_s=NOW_S)))


def test_witness_forgets_when_it_is_started_anew(tmp_path: Path) -> None:
    watcher(tmp_path).cosign(HONEST.request(0, 6), time_s=NOW_S)
    again = watcher(tmp_path)
    assert refused(lambda: again.cosign(FORKED.request(0, 6), time_s=NOW_S)).reason == "inconsistent"


@pytest.mark.parametrize("damage", [b"", b"junk", b"\xff"])
def test_memory_was_changed(tmp_path: Path, damage: bytes) -> None:
    watching = watcher(tmp_path)
    watching.cosign(HONEST.request(0, 6), time_s=NOW_S)
    (path,) = tmp_path.glob("*.checkpoint")
    good = path.read_bytes()
    path.write_bytes(damage or good.replace(b"\n6\n", b"\n5\n"))
    with pytest.raises(WitnessError, match="no longer knows"):
        watcher(tmp_path)
    with pytest.raises(WitnessError, match="no longer knows"):
        watching.cosign(HONEST.request(6, 8), time_s=NOW_S)


def test_cosignature_leaves_before_it_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = watcher(tmp_path)
    events: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda _: events.append("synced"))
    watching.cosign(HONEST.request(0, 3), time_s=NOW_S)
    assert len(events) >= 2, "the file and its name"

    def full(path: Path, _data: bytes) -> None:
        raise OutputError(f"{path}: no space left")

    monkeypatch.setattr(witness_module, "write_whole", full)
    with pytest.raises(OutputError):
        watching.cosign(HONEST.request(3, 8), time_s=NOW_S)
    monkeypatch.setattr(witness_module, "write_whole", files.write_whole)
    assert watching.size_of(ORIGIN) == 3


@pytest.mark.parametrize(
    ("reason", "request_"),
    [
        ("unknown-log", Request(0, (), NoteSigner("other", key_of("log one")).sign(f"other\n{'1'}\n{'A' * 43}=\n"))),
        ("unsigned", Request(0, (), NoteSigner(ORIGIN, key_of("thief")).sign(Checkpoint(ORIGIN, 1, bytes(32)).text()))),
        ("unsigned", Request(0, (), HONEST.note(3).replace("\n3\n", "\n4\n"))),
        ("malformed", Request(4, (), HONEST.note(3))),
        ("inconsistent", Request(0, (bytes(32),), HONEST.note(3))),
        ("inconsistent", Request(0, (), LOG.sign(Checkpoint(ORIGIN, 0, bytes(32)).text()))),
        ("malformed", Request(0, (), LOG.sign(f"{ORIGIN}\n3\n"))),
    ],
)  # fmt: skip
def test_request_that_no_witness_may_grant(tmp_path: Path, reason: str, request_: Request) -> None:
    watching = watcher(tmp_path)
    assert refused(lambda: watching.cosign(request_, time_s=NOW_S)).reason == reason
    assert watching.size_of(ORIGIN) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 0\n",
        b"old x\n\n" + HONEST.note(3).encode(),
        b"old 00\n\n" + HONEST.note(3).encode(),
        b"new 0\n\n" + HONEST.note(3).encode(),
        b"old 0\nAAAA\n\n" + HONEST.note(3).encode(),
        b"old 0\n"
        + b"A" * 43
        + b"=\n"
        + (b"A" * 43 + b"=\n") * PROOF_LINES_MAX
        + b"\n"
        + HONEST.note(3).encode(),
        b"old 0\n\n" + HONEST.note(3).encode()[:-1],
    ],
)
def test_malformed_request_is_understood(body: bytes) -> None:
    assert refused(lambda: Request.from_bytes(body)).reason == "malformed"
    whole = HONEST.request(3, 8)
    assert Request.from_bytes(whole.to_bytes()) == whole


# --- by files ------------------------------------------------------------------------------------------------------


def by_file(folder: Path, text: str, *options: object) -> tuple[int, str, str]:
    (folder / "w.key").write_bytes(seed_of("witness"))
    (folder / "w.key").chmod(0o600)
    (folder / "asked").write_text(text, encoding="utf-8")
    arguments = [
        "--name",
        NAME,
        "--key",
        folder / "w.key",
        "--state-dir",
        folder / "memory",
        "--log",
        LOG.vkey,
    ]
    ran = center("witness", "cosign", folder / "asked", *arguments, *options)
    return ran.code, ran.out, ran.err


def test_files_are_vouched_for_when_they_should_not(tmp_path: Path) -> None:
    code, line, _ = by_file(tmp_path, HONEST.note(3))
    assert code == 0
    assert notes.open_note(HONEST.note(3) + line, [VERIFIER]).signed_by == (VERIFIER,)
    assert by_file(tmp_path, HONEST.document(3, 6).to_text(), "--out", tmp_path / "out")[:2] == (0, "")
    line = (tmp_path / "out").read_text(encoding="utf-8")
    assert notes.open_note(HONEST.note(6) + line, [VERIFIER]).signed_by == (VERIFIER,)
    assert by_file(tmp_path, HONEST.note(6))[0] == 0, "the same again"
    for text, words in (
        (HONEST.note(3), "rollback"),
        (HONEST.document(3, 8).to_text(), "prove from there"),
        (HONEST.note(8), "not shown to have grown"),
        (FORKED.note(6), "forked"),
        (FORKED.document(6, 8).to_text(), "forked"),
        (FORKED.document(2, 6).to_text(), "forked"),
        ("junk", "neither checkpoint nor consistency proof"),
    ):
        code, out, err = by_file(tmp_path, text)
        assert (code, out) == (65, ""), text
        assert words in err
    assert center("witness", "vkey", "--name", NAME, "--key", tmp_path / "w.key").out == f"{COSIGNER.vkey}\n"


def test_first_document_shows_a_fork_already(tmp_path: Path) -> None:
    forged = Consistency(HONEST.note(3), FORKED.note(6), FORKED.tree.consistency(3, 6))
    code, _, err = by_file(tmp_path, forged.to_text())
    assert code == 65
    assert "both checkpoints are kept" in err
    assert len(evidence(tmp_path / "memory")) == 1


# --- over HTTP -----------------------------------------------------------------------------------------------------


async def served(folder: Path) -> tuple[asyncio.Server, str]:
    server = await WitnessServer(watcher(folder), lambda: NOW_S).listen("127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_answers_are_those_of_the_specification(tmp_path: Path) -> None:
    server, url = await served(tmp_path)
    other = NoteSigner("other", key_of("log one")).sign(Checkpoint("other", 1, bytes(32)).text())
    async with server:
        first = await ask(url, HONEST.request(0, 6))
        assert first.status == 200
        assert notes.open_note(HONEST.note(6) + first.body.decode(), [VERIFIER]).signed_by == (VERIFIER,)
        for request, answer in (
            (HONEST.request(0, 8), Answer(409, b"6\n")),
            (HONEST.request(3, 5), Answer(409, b"6\n")),
            (Request(9, (), HONEST.note(8)), 400),
            (Request(0, (), other), 404),
            (Request(6, (), HONEST.note(6).replace("\n6\n", "\n7\n")), 403),
            (FORKED.request(6, 8), 422),
            (FORKED.request(6, 6), 422),
            (HONEST.request(6, 8), 200),
        ):
            got = await ask(url, request)
            assert got.status == (answer if isinstance(answer, int) else answer.status), request
            assert isinstance(answer, int) or got.body == answer.body


async def raw(url: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(data)
    got = await reader.read()
    writer.close()
    return got


async def test_strangers_talk_nonsense_or_nothing(tmp_path: Path) -> None:
    server, url = await served(tmp_path)
    async with server:
        silent = [
            await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            for _ in range(CONNECTIONS_MAX - 1)
        ]
        await asyncio.sleep(0)
        for data, status in (
            (b"GET / HTTP/1.1\r\n\r\n", b"404"),
            (b"GET /add-checkpoint HTTP/1.1\r\n\r\n", b"405"),
            (b"POST /add-checkpoint HTTP/1.1\r\n\r\n", b"411"),
            (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", b"413"),
            (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 4\r\n\r\njunk", b"400"),
            (b"GET /" + b"0" * 64 + b"/checkpoint HTTP/1.1\r\n\r\n", b"404"),
        ):
            assert (await raw(url, data)).startswith(b"HTTP/1.1 " + status), data
        assert await raw(url, b"x" * (HEAD_MAX + 2) + b"\r\n\r\n") == b""
        assert (await ask(url, HONEST.request(0, 6))).status == 200, "the silent ones keep nobody out"
        for _, writer in silent:
            writer.close()


async def test_monitor_is_shown_another_checkpoint(tmp_path: Path) -> None:
    server, url = await served(tmp_path)
    async with server:
        await ask(url, HONEST.request(0, 6))
        origin = sha256_hex(ORIGIN.encode())
        answer = await raw(url, f"GET /{origin}/checkpoint HTTP/1.1\r\n\r\n".encode())
    note = answer.partition(b"\r\n\r\n")[2].decode()
    assert (
        notes.open_note(note, [NoteVerifier(LOG.vkey), VERIFIER]).text
        == HONEST.note(6).partition("\n\n")[0] + "\n"
    )


@pytest.mark.parametrize(
    "url", ["ftp://x:1", "http://host", "http://:1", "http://h:1/?q", "http://h:1/ x", "x"]
)
def test_address_of_a_witness_is_wrong(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|port|character"):
        check_url(url)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "w.key").write_bytes(seed_of("witness"))
    (tmp_path / "w.key").chmod(0o600)
    arguments: list[str | Path] = [
        "--name",
        NAME,
        "--key",
        tmp_path / "w.key",
        "--state-dir",
        tmp_path / "memory",
        "--log",
        LOG.vkey,
    ]
    process = program("center", "witness", "serve", "--port", "0", *arguments, stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


async def test_program_loses_its_memory_when_killed(tmp_path: Path, running: subprocess.Popen[bytes]) -> None:
    assert running.stdout is not None
    vkey, _, url = running.stdout.readline().decode().strip().partition(" at ")
    assert vkey == COSIGNER.vkey
    assert (await ask(url, HONEST.request(0, 6))).status == 200
    code, _, err = by_file(tmp_path, HONEST.note(6))
    assert code == 73, err
    running.send_signal(signal.SIGKILL)
    running.wait()
    code, _, err = by_file(tmp_path, FORKED.note(6))
    assert code == 65
    assert "forked" in err
    shutil.rmtree(tmp_path / "memory")
