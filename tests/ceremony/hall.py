"""A hall with a table for each participant: a rehearsed ceremony whose files tests may spoil.

    hall = Hall.copied(tmp_path)            # 3 of 5 trustees, 2 of 3 manifest keys
    code, out, err = hall.run("dkg", "round1", ...)

All entropy is made from numbers, so a rehearsal gives the same files every time.
"""

import atexit
import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import shake_256
from pathlib import Path

from center.ceremony import papers
from center.ceremony.papers import P
from center.cli.ceremony import run_ceremony
from center.cli.ceremony_desk import Desk
from crypto import key_file
from crypto.key_file import HeldKey

TRUSTEES = tuple(f"trustee-{n}" for n in range(1, 6))
OPTIONS = ("--trustees", "5", "--threshold", "3", "--branches", "1")


def counted(label: str) -> Callable[[int], bytes]:
    """Entropy that never comes twice, and is the same in every run."""
    calls = iter(range(1_000_000))
    return lambda size: shake_256(f"{label} {next(calls)}".encode()).digest(size)


def run(*argv: str, desk: Desk | None = None) -> tuple[int, str, str]:
    """Run one command: exit code, and what it said on both outputs."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run_ceremony(argv, desk or Desk(entropy=counted(" ".join(argv)), wall_ms=lambda: 0))
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
    return code, out.getvalue(), err.getvalue()


def toml(value: object) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@cache
def rehearsed(*options: str) -> tuple[Path, str]:
    """The folder of a whole rehearsal, and what it said. Not to be spoilt: copy it."""
    around = tempfile.mkdtemp(prefix="ceremony-")
    atexit.register(shutil.rmtree, around, ignore_errors=True)
    folder = Path(around) / "hall"
    code, out, err = run(
        "rehearse", str(folder), *options, desk=Desk(entropy=counted(" ".join(options)), wall_ms=lambda: 0)
    )
    assert code == 0, out[-2000:] + err
    return folder, out


@dataclass(frozen=True)
class Hall:
    """One folder for each participant, beneath ``folder``."""

    folder: Path

    @classmethod
    def copied(cls, tmp_path: Path, *options: str) -> "Hall":
        origin, _ = rehearsed(*(options or OPTIONS))
        goal = tmp_path / "hall"
        shutil.copytree(origin, goal, copy_function=shutil.copy)
        return cls(goal)

    def at(self, table: str, name: str = "") -> Path:
        return self.folder / table / name

    def file(self, name: str) -> str:
        """A file at the coordinator's table."""
        return str(self.at("coordinator", name))

    def remove(self, *names: str) -> None:
        """Take files away from all tables: that step is to be done again."""
        for pattern in names:
            for path in self.folder.glob(f"*/{pattern}"):
                path.unlink()

    def carry(self, name: str, origin: str, *goals: str) -> None:
        for goal in goals:
            shutil.copyfile(self.at(origin, name), self.at(goal, name))

    def paper(self, type_: type[P], name: str, table: str = "coordinator") -> P:
        return papers.parse(self.at(table, name).read_bytes(), type_, name)

    def put(self, paper: papers.Statement, name: str, *tables: str) -> None:
        for table in tables or ("coordinator",):
            self.at(table, name).write_bytes(papers.to_bytes(paper))

    def passphrase(self, table: str) -> str:
        return self.at(table, "passphrase.txt").read_text().strip()

    def key(self, table: str, role: str = "trustee") -> HeldKey:
        return key_file.open_key(self.at(table, f"{role}-{table}.key").read_bytes(), self.passphrase(table))

    def person(self, table: str) -> list[str]:
        return ["--passphrase-file", str(self.at(table, "passphrase.txt")), "--out", str(self.at(table))]

    def agreed(self) -> list[str]:
        return ["--plan", self.file("plan.json"), "--enrolments", self.file("enrolments.json")]

    def trust(self) -> list[str]:
        return ["--manifest", self.file("manifest.dsse.json"), *self.agreed()]

    def round1(self, table: str, *more: str) -> tuple[int, str, str]:
        return run("dkg", "round1", *self._dkg(table), *(more or ("--yes",)))

    def relay(self) -> tuple[int, str, str]:
        session = self.file("dkg-session.json")
        return run("dkg", "relay", "--session", session, self.file(""), "--out", self.file(""))

    def round2(self, table: str, *more: str) -> tuple[int, str, str]:
        return run("dkg", "round2", *self._dkg(table), *self._seen(table), *(more or ("--yes",)))

    def certify(self) -> tuple[int, str, str]:
        files = ["--session", self.file("dkg-session.json"), "--messages", self.file("dkg-messages.json")]
        return run("dkg", "certify", *files, self.file(""), "--out", self.file(""))

    def finish(self, table: str, *more: str) -> tuple[int, str, str]:
        certificate = ["--certificate", str(self.at(table, "dkg-certificate.json")), "--kdf-cost", "low"]
        return run("dkg", "finish", *self._dkg(table), *self._seen(table), *certificate, *more)

    def build(self, *more: str) -> tuple[int, str, str]:
        key = ["--certificate", self.file("dkg-certificate.json"), "--confirmations", self.file("")]
        return run("manifest", "build", *self.agreed(), *key, "--out", self.file(""), *more)

    def sign(self, table: str, *more: str, name: str = "manifest.json") -> tuple[int, str, str]:
        key = ["--key", str(self.at(table, f"manifest-{table}.key")), *self.person(table)]
        return run("manifest", "sign", str(self.at(table, name)), *key, *(more or ("--yes",)))

    def check_share(self, table: str, *more: str) -> tuple[int, str, str]:
        share = ["--share", str(self.at(table, f"share-{table}.json"))]
        return run("share", "check", *self.trust(), *share, *self.person(table)[:2], *more)

    def _dkg(self, table: str) -> Sequence[str]:
        session = ["--session", str(self.at(table, "dkg-session.json"))]
        return [*session, "--key", str(self.at(table, f"trustee-{table}.key")), *self.person(table)]

    def _seen(self, table: str) -> Sequence[str]:
        sent = ["--sent", str(self.at(table, f"round1-{table}.json"))]
        return ["--messages", str(self.at(table, "dkg-messages.json")), *sent]
