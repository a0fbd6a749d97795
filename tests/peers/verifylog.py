"""The Go program in ``go/``, built once for a test run: sumdb/note and sumdb/tlog, which Go's own developers wrote."""

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.peers import require_folder, require_program

SOURCE: Final = Path(__file__).parent / "go" / "main.go"
LIBRARIES: Final = Path("/usr/share/gocode")  # where Debian puts the sources of Go packages


def build(folder: Path, source: Path = SOURCE) -> Path:
    """Compile into ``folder``; nothing is fetched, for modules are off and the libraries are Debian's."""
    go = require_program("go")
    sumdb = LIBRARIES / "src" / "golang.org" / "x" / "mod" / "sumdb"
    require_folder(sumdb, "Go's package sumdb", "deploy/dev/apt.sh golang-golang-x-mod-dev")
    program = folder / "verifylog"
    settings = {
        "GO111MODULE": "off",
        "GOPATH": str(LIBRARIES),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
    }
    subprocess.run(
        [go, "build", "-o", str(program), str(source)],
        env=os.environ | settings,
        cwd=folder,
        check=True,
        timeout=120,
    )
    return program


def folder_is_good(program: Path, folder: Path) -> tuple[bool, str]:
    """Whether it accepts a publication, and what it said."""
    done = subprocess.run(
        [str(program), "folder", str(folder)], capture_output=True, check=False, text=True, timeout=20
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0, done.stdout + done.stderr


class Stranger:
    """The program as it answers requests."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def checkpoint(self, note: bytes, vkey: str) -> tuple[str, int, str] | None:
        """Origin, size and root (base64) that it believes, or None."""
        try:
            text = note.decode("utf-8")
        except UnicodeDecodeError:
            return None  # JSON cannot even carry it
        said = self._ask(op="note", note=text, vkey=vkey)
        return None if "error" in said else (said["origin"], said["size"], said["root"])

    def text(self, note: str, vkey: str) -> str | None:
        """The text of any signed note that it believes, or None."""
        return self._ask(op="text", note=note, vkey=vkey).get("text")

    def leaf_hash(self, leaf: bytes) -> str:
        """Its hash of a leaf, base64."""
        root: str = self._ask(op="leaf", leaf=_b64(leaf))["root"]
        return root

    def believes_inclusion(
        self, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
    ) -> bool:
        """tlog.CheckRecord."""
        asked = {"leaf": _b64(leaf), "index": index, "size": size, "root": _b64(root)}
        return "error" not in self._ask(op="record", proof=[_b64(node) for node in proof], **asked)

    def believes_growth(
        self, old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
    ) -> bool:
        """tlog.CheckTree."""
        asked = {"index": old, "old_root": _b64(old_root), "size": new, "root": _b64(new_root)}
        return "error" not in self._ask(op="tree", proof=[_b64(node) for node in proof], **asked)

    def _ask(self, **request: Any) -> dict[str, Any]:
        self._in.write(json.dumps(request).encode() + b"\n")
        self._in.flush()
        said: dict[str, Any] = json.loads(self._out.readline())
        return said


def _b64(data: bytes) -> str:
    return b64encode(data).decode()
