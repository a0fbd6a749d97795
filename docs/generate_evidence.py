"""Make the example of docs/evidence.md anew: a rehearsal of two stations, its publication, and a branch's journal.

    python docs/generate_evidence.py && python -m tests.peers.evidence_document

It lives a whole day with real programs (half a minute); keys and bytes are others each time.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

EVIDENCE = Path(__file__).parent / "evidence"
KEPT = ("check.sh", "prove.go", "reopen.py")  # written by hand
BRANCHES = "2"


def main() -> None:
    """Live the day, and take what strangers get."""
    with TemporaryDirectory() as temporary:
        day = Path(temporary) / "day"
        _run("simulators.cli:main", "day", "--branches", BRANCHES, "--keep", str(day), "--json")
        for path in EVIDENCE.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in KEPT:
                path.unlink()
        shutil.copytree(day / "publication", EVIDENCE, dirs_exist_ok=True)
        config = next(day.glob("kitd-*.toml"))
        settings = tomllib.loads(config.read_text(encoding="utf-8"))
        keys = "".join(f"{key}\n" for key in settings["trust"]["manifest_keys"])
        (EVIDENCE / "manifest.keys").write_text(keys, encoding="ascii")
        state = str(day / settings["state_dir"])
        _run(
            "kit.cli.kitctl:main", "journal", "export", "--state-dir", state, str(EVIDENCE / "branch.journal")
        )


def _run(point: str, *arguments: str) -> None:
    module, function = point.split(":")
    command = [sys.executable, "-c", f"from {module} import {function}; {function}()", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
