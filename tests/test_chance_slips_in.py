"""Chance comes in through one door: what draws it, or makes it up from a seed, is refused by lint everywhere else."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.test_house_rules import CORES, ROOT

RUFF: Final = shutil.which("ruff", path=Path(sys.executable).parent) or "ruff"
LINT_IMPORTS: Final = shutil.which("lint-imports", path=Path(sys.executable).parent) or "lint-imports"
EDGES_THAT_NEED_ENTROPY: Final = ("kit/edges.py", "kit/sealer.py", "center/cli/ceremony_desk.py")

DRAWING: Final = {
    "os.urandom": "import os\n\nKEY = os.urandom(32)\n",
    "os.getrandom": "import os\n\nKEY = os.getrandom(32)\n",
    "secrets": "import secrets\n\nKEY = secrets.token_bytes(32)\n",
    "secrets, by name": "from secrets import token_bytes\n\nKEY = token_bytes(32)\n",
    "uuid4": "import uuid\n\nNAME = uuid.uuid4()\n",
    "PyNaCl": "import nacl.utils\n\nKEY = nacl.utils.random(32)\n",
    "PyNaCl's bindings": "from nacl.bindings import randombytes\n\nKEY = randombytes(32)\n",
    "a signing key": "from nacl.signing import SigningKey\n\nKEY = SigningKey.generate()\n",
    "an X25519 key": (
        "from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey\n\n"
        "KEY = X25519PrivateKey.generate()\n"
    ),
    "an Ed25519 key": (
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey\n\n"
        "KEY = Ed25519PrivateKey.generate()\n"
    ),
}
SEEDED: Final = {
    "random": "import random\n\nKEY = random.randbytes(32)\n",
    "random, by name": "from random import getrandbits\n\nKEY = getrandbits(256)\n",
    "a seeded generator": "import random\n\nKEY = random.Random(7).randbytes(32)\n",
    "Mersenne twister, by name": "from random import Random\n\nKEY = Random(7).randbytes(32)\n",
}
HARMLESS: Final = '"""Nothing by chance."""\n\nfrom hashlib import sha256\n\nDIGEST = sha256(b"").digest()\n'


def missed(path: str, samples: dict[str, str], rule: str) -> set[str]:
    """The samples in which ruff, as this project sets it up, sees no breach of a rule in a file of this name."""
    found = complaints(path, "\n".join(samples.values()))
    left, line = set(), 1
    for name, code in samples.items():
        lines = range(line, line + code.count("\n") + 1)
        line = lines.stop
        if not any((number, rule) in found for number in lines):
            left.add(name)
    return left


def complaints(path: str, code: str) -> set[tuple[int, str]]:
    """Lines, and the rules that are broken there."""
    done = subprocess.run(
        [RUFF, "check", "--no-cache", "--output-format", "concise", "--stdin-filename", path, "-"],
        input=code,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode in (0, 1), done.stderr
    return {(int(line), rule) for line, rule in re.findall(r":(\d+):\d+: ([A-Z]+[0-9]+)", done.stdout)}


@pytest.mark.parametrize("core", ["crypto/new_module.py", "crypto/seal.py", *CORES])
def test_core_draws_or_makes_up_chance(core: str) -> None:
    assert missed(core, DRAWING | SEEDED, "TID251") == set()
    assert complaints(core, HARMLESS) == set()


@pytest.mark.parametrize("edge", EDGES_THAT_NEED_ENTROPY)
def test_edge_makes_up_what_it_should_draw(edge: str) -> None:
    """These may use os.urandom; a key out of a seeded generator could be guessed by whoever guesses the seed."""
    assert (ROOT / edge).is_file()
    assert missed(edge, SEEDED, "S311") == {"random, by name"}  # which the import rule below catches
    assert complaints(edge, HARMLESS) == set()


def contract() -> dict[str, Any]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (found,) = (one for one in config["contracts"] if "random" in one.get("forbidden_modules", ()))
    assert set(found["source_modules"]) == {*config["root_packages"]} - {"simulators"}
    assert found["allow_indirect_imports"] is True
    return dict(found)


@pytest.mark.parametrize("code", [*SEEDED.values(), HARMLESS])
def test_import_of_a_seeded_generator_is_let_through(tmp_path: Path, code: str) -> None:
    """Lint looks at uses, and not at all of them; the import rule looks at the import, in every wing."""
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "__init__.py").touch()
    (tmp_path / "kit" / "edges.py").write_text(code, encoding="utf-8")
    rule = contract() | {"source_modules": "\n  kit", "forbidden_modules": "\n  random"}
    lines = [
        "[importlinter]",
        "root_packages =\n  kit",
        "include_external_packages = True",
        "[importlinter:contract:1]",
    ]
    lines += [f"{name} = {value}" for name, value in rule.items()]
    (tmp_path / "rules.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        [LINT_IMPORTS, "--config", "rules.ini", "--no-cache"],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert ("1 kept, 0 broken" if code == HARMLESS else "0 kept, 1 broken") in done.stdout, (
        done.stdout + done.stderr
    )
